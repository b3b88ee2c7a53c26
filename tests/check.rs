//! What `cprun check` says of wrong scripts: each of tests/bad is found out, at its place, with what to do about it.
//!
//! A comment below a line marks what is meant, `//    ^^^^`, or `// columns 1-4` where the mark would not fit. Every
//! finding must be marked and every mark found. What opens with `// run:` only the rehearsal of its body finds out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn cprun(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
    command.args(arguments).current_dir(folder).env("PATH", "/nowhere").env_remove("JAVA_HOME");
    command.env("XDG_CACHE_HOME", folder.join("cache")).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn bad() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let entries = fs::read_dir(folder).expect("tests/bad").map(|entry| entry.expect("an entry").path());
    let mut scripts: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "rhai")).collect();
    scripts.sort();
    scripts
}

/// Line, first column and the column past the last, as the comments of a script mark them.
fn marks(script: &str) -> BTreeSet<(u64, u64, u64)> {
    let mut marks = BTreeSet::new();
    let mut line = 0;
    for (number, content) in (1_u64..).zip(script.lines()) {
        let comment = content.strip_prefix("//").unwrap_or_default();
        if let Some(columns) = comment.strip_prefix(" columns ") {
            let (first, last) = columns.split_once('-').expect("two columns");
            marks.insert((line, first.parse().expect("a column"), last.parse::<u64>().expect("a column") + 1));
        } else if comment.contains('^') && comment.chars().all(|letter| matches!(letter, ' ' | '^')) {
            let first = 3 + comment.chars().take_while(|letter| *letter == ' ').count() as u64;
            marks.insert((line, first, first + comment.matches('^').count() as u64));
        } else {
            line = number;
        }
    }
    marks
}

/// A folder with the wrong script, and nothing else.
struct Place {
    folder: tempfile::TempDir,
    name: String,
    text: String,
}

impl Place {
    fn with(script: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let name = script.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(script).expect("read");
        fs::write(folder.path().join(&name), &text).expect("written");
        Self { folder, name, text }
    }

    fn cprun(&self, arguments: &[&str]) -> Output {
        cprun(self.folder.path(), &[arguments, &[self.name.as_str()]].concat())
    }

    /// Whatever a run leaves, it leaves in its working directory or its cache; both lie here.
    fn nothing_started(&self) {
        let left: Vec<_> = fs::read_dir(self.folder.path())
            .expect("there")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(left, [self.name.as_str()], "{}: something was started", self.name);
    }
}

#[test]
fn every_wrong_script_is_found_out_at_its_place() {
    let scripts = bad();
    assert!(scripts.len() >= 70, "{}", scripts.len());
    for script in scripts {
        let place = Place::with(&script);
        if place.text.starts_with("// run:") {
            continue;
        }
        let found = place.cprun(&["check", "--json"]);
        let found: Value = serde_json::from_slice(&found.stdout).expect(&place.name);
        let found = found.as_array().expect("an array");
        assert!(!found.is_empty(), "{}: nothing is found", place.name);
        let number = |one: &Value, key: &str| one[key].as_u64().expect("a number");
        let places: BTreeSet<_> =
            found.iter().map(|one| (number(one, "line"), number(one, "column"), number(one, "end_column"))).collect();
        assert_eq!(places, marks(&place.text), "{}: {found:#?}", place.name);
        for one in found {
            assert!(one["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{}: no hint: {one}", place.name);
            assert_eq!(one["file"], place.name.as_str());
        }
        let wrong = found.iter().any(|one| one["severity"] == "error");
        let shown = place.cprun(&["check"]);
        assert_eq!(shown.status.code(), Some(if wrong { 65 } else { 0 }), "{}", place.name);
        assert_eq!(text(&shown.stderr), "", "{}", place.name);
        let name = script.file_stem().expect("a name").to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_path => "bad/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text(&shown.stdout));
        });
        place.nothing_started();
        if wrong {
            let run = place.cprun(&["run"]);
            assert_eq!(run.status.code(), Some(65), "{}: {}", place.name, text(&run.stderr));
            assert_eq!((text(&run.stdout), text(&run.stderr)), (String::new(), text(&shown.stdout)), "{}", place.name);
            place.nothing_started();
        }
    }
}

#[test]
fn what_only_a_rehearsal_finds_starts_nothing_either() {
    let mut seen = 0;
    for script in bad() {
        let place = Place::with(&script);
        if !place.text.starts_with("// run:") {
            continue;
        }
        seen += 1;
        let checked = place.cprun(&["check"]);
        assert_eq!(checked.status.code(), Some(0), "{}: {}", place.name, text(&checked.stdout));
        let run = place.cprun(&["run"]);
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(65), "{}: {said}", place.name);
        let (line, column, _) = *marks(&place.text).first().expect("a mark");
        assert!(said.contains(&format!("--> {}:{line}:{column}\n", place.name)), "{}: {said}", place.name);
        assert!(said.contains("\nhint: "), "{}: {said}", place.name);
        assert!(!said.contains("panicked"), "{said}");
        let name = script.file_stem().expect("a name").to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_path => "bad/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, said);
        });
        place.nothing_started();
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn what_comes_with_cprun_is_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["scripts", "stdlib"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "rhai") {
                continue;
            }
            let path = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            let ran = cprun(root, &["check", &path]);
            assert_eq!(text(&ran.stdout), format!("{path}: ok\n"));
            assert_eq!(ran.status.code(), Some(0));
        }
    }
}

#[test]
fn a_missing_script_is_told_and_the_others_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.rhai"), "print(1);\n").expect("written");
    fs::write(folder.path().join("b.rhai"), "print(x);\n").expect("written");
    let ran = cprun(folder.path(), &["check", "nowhere.rhai", "a.rhai", "b.rhai"]);
    assert_eq!(ran.status.code(), Some(65), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains("there is no script nowhere.rhai"));
    assert!(text(&ran.stdout).starts_with("a.rhai: ok\nerror: there is no variable `x`\n --> b.rhai:1:7\n"));
    assert!(text(&ran.stdout).ends_with("\n\n1 error\n"));
    let missing = cprun(folder.path(), &["check", "nowhere.rhai", "a.rhai"]);
    assert_eq!((text(&missing.stdout), missing.status.code()), ("a.rhai: ok\n".to_owned(), Some(66)));
    let clean = cprun(folder.path(), &["check", "--json", "a.rhai"]);
    assert_eq!((text(&clean.stdout), clean.status.code()), ("[]\n".to_owned(), Some(0)));
}

#[test]
fn imports_are_checked_too_and_their_functions_are_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).expect("written");
    write("main.rhai", "import \"lib\" as lib;\nprint(lib::twice(2));\nprint(lib::thrice(2));\nprint(lib::twice());\n");
    write(
        "lib.rhai",
        "import \"deep\" as deep;\nfn twice(x) { deep::scale(x, 2) }\nprivate fn hidden() { 1 }\nprint(y);\n",
    );
    write("deep.rhai", "fn scale(x, by) { x * by }\n");
    let ran = cprun(folder.path(), &["check", "main.rhai"]);
    let said = text(&ran.stdout);
    assert_eq!(ran.status.code(), Some(65));
    for piece in
        ["main.rhai:3:7", "has no function `thrice`", "main.rhai:4:7", "it is `twice(x)`", "lib.rhai:4:7", "3 errors"]
    {
        assert!(said.contains(piece), "no `{piece}` in:\n{said}");
    }
    write("a.rhai", "import \"b\" as b;\n");
    write("b.rhai", "import \"./a\" as a;\n");
    let ran = cprun(folder.path(), &["check", "a.rhai"]);
    assert_eq!(ran.status.code(), Some(65));
    assert!(text(&ran.stdout).contains("circle: a.rhai → b.rhai → a.rhai"), "{}", text(&ran.stdout));
}
