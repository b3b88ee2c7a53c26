//! The README is true: its script gets past its rehearsal, its examples print what it says they print, and its
//! error message is the one that comes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README")
}

/// The contents of all blocks of that kind.
fn blocks(kind: &str) -> Vec<String> {
    let readme = readme();
    let fence = format!("```{kind}\n");
    let starts = readme.split(&fence).skip(1);
    starts.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// Runs cprun where there is no Java, so that nothing can start.
fn cprun(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
    command.args(arguments).current_dir(folder).env("PATH", "/nowhere").env_remove("JAVA_HOME");
    command.env("XDG_CACHE_HOME", folder.join("cache")).output().expect("it starts")
}

#[test]
fn the_script_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let scripts = blocks("rhai");
    assert_eq!(scripts.len(), 1);
    fs::write(folder.path().join("two_intervals.rhai"), &scripts[0]).expect("written");
    let ran = cprun(folder.path(), &["two_intervals.rhai"]);
    let err = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(69), "{err}");
    assert!(err.contains("Java is not installed"), "everything before the cluster is right: {err}");
}

#[test]
fn the_error_message_is_the_one_that_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = blocks("rhai").concat().replace("fault::kill", "fault::kil");
    fs::write(folder.path().join("two_intervals.rhai"), script).expect("written");
    let ran = cprun(folder.path(), &["two_intervals.rhai"]);
    let shown = blocks("text").into_iter().find(|block| block.starts_with("error:")).expect("an error in the README");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), shown);
}

#[test]
fn expressions_print_what_the_readme_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut seen = 0;
    for block in blocks("console") {
        // What a command prints stands below it, up to the next one.
        for told in block.split("$ cprun eval '").skip(1) {
            let mut lines = told.lines().take_while(|line| !line.starts_with("$ "));
            let expression = lines.next().and_then(|line| line.strip_suffix('\'')).expect("a quoted expression");
            let ran = cprun(folder.path(), &["eval", expression]);
            assert_eq!(String::from_utf8_lossy(&ran.stdout).lines().collect::<Vec<_>>(), lines.collect::<Vec<_>>());
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn every_script_that_comes_along_is_named_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for word in readme().split_whitespace().filter(|word| word.starts_with("scripts/") && word.ends_with(".rhai")) {
        assert!(root.join(word).is_file(), "{word}");
    }
    assert!(readme().contains("$ cargo test\n"), "what .ci/run calls is the README's test command");
    assert!(fs::read_to_string(root.join(".ci/run")).expect("a script").contains("\ncargo test\n"));
}

#[test]
fn links_lead_to_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = readme();
    let targets: Vec<&str> =
        readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|to| !to.contains("://")).collect();
    assert!(targets.len() > 4, "{targets:?}");
    for target in targets {
        assert!(root.join(target).exists(), "{target}");
    }
}

#[test]
fn each_published_run_gives_its_summary_again_to_the_byte() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/examples");
    let mut seen = 0;
    for example in fs::read_dir(examples).expect("there are some").flatten().filter(|entry| entry.path().is_dir()) {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("run");
        fs::create_dir(&copy).expect("a folder");
        for file in ["manifest.json", "journal.jsonl.gz"] {
            fs::copy(example.path().join(file), copy.join(file)).expect("it is there");
        }
        let ran = cprun(folder.path(), &["analyze", "run"]);
        assert!(ran.status.code().is_some_and(|code| code < 3), "{}", String::from_utf8_lossy(&ran.stderr));
        let summary = |folder: &Path| fs::read(folder.join("summary.json")).expect("it is there");
        assert!(summary(&copy) == summary(&example.path()), "{}", example.path().display());
        seen += 1;
    }
    assert!(seen > 0);
}
