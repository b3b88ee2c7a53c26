//! Several files, as a user has them.

use super::{Imports, tidy};
use crate::script::source::Source;
use crate::script::testing::{Folder, Ran};

fn place(ran: &Ran) -> (String, usize, usize) {
    let place = ran.error.as_ref().and_then(|error| error.position.clone()).expect("a place");
    (place.file, place.line, place.column)
}

#[test]
fn a_file_is_found_beside_the_one_that_imports_it_with_and_without_its_extension() {
    let folder = Folder::new()
        .with("scripts/x.rhai", "import \"lib/one\" as one;\nimport \"lib/one.rhai\" as again;\nprint(one::twice(21));\nprint(again::twice(1));\nprint(one::LIMIT);\n")
        .with("scripts/lib/one.rhai", "import \"two\" as two;\nexport const LIMIT = 7;\nfn twice(x) { two::add(x, x) }\n")
        .with("scripts/lib/two.rhai", "fn add(a, b) { a + b }\n");
    assert_eq!(folder.run("scripts/x.rhai").printed(), "42\n2\n7\n");
}

#[test]
fn closures_cross_files_in_both_directions() {
    let folder = Folder::new()
        .with("x.rhai", "import \"lib\" as lib;\nlet own = 5;\nprint(lib::apply(|x| x + own, 1));\nlet adder = lib::adder(10);\nprint(adder.call(1));\nprint([1, 2].map(lib::scaled(3)));\nprint(retry(2, 1.ms, lib::seven()));\nprint(parallel(lib::seven(), || adder.call(2)));\n")
        .with("lib.rhai", "import \"deep\" as deep;\nfn scale(x, by) { x * by }\nfn apply(f, x) { f.call(x) }\nfn adder(n) { |x| x + n }\nfn scaled(by) { |x| scale(x, by) }\nfn seven() { deep::seven() }\n")
        .with("deep.rhai", "fn six() { 6 }\nfn seven() { || six() + 1 }\n");
    assert_eq!(folder.run("x.rhai").printed(), "6\n11\n[3, 6]\n7\n[7, 12]\n");
}

#[test]
fn a_file_that_is_not_there_is_told_before_anything_runs() {
    let folder = Folder::new()
        .with("scripts/x.rhai", "print(\"runs\");\nif false {\n    import \"lib/tabels\" as tables;\n}\n")
        .with("scripts/lib/tables.rhai", "");
    let ran = folder.run("scripts/x.rhai");
    assert!(ran.out.is_empty());
    insta::assert_snapshot!(ran.message(), @r#"
    error: there is no file to import as `lib/tabels`; looked for scripts/lib/tabels.rhai and scripts/lib/tabels
     --> scripts/x.rhai:3:12
      |
    3 |     import "lib/tabels" as tables;
      |            ^^^^^^^^^^^^
    hint: did you mean `lib/tables`?
    "#);
    let ran = folder.with("y.rhai", "import \"nothing like it\" as it;").run("y.rhai");
    insta::assert_snapshot!(ran.message(), @r#"
    error: there is no file to import as `nothing like it`; looked for nothing like it.rhai and nothing like it
     --> y.rhai:1:8
      |
    1 | import "nothing like it" as it;
      |        ^^^^^^^^^^^^^^^^^
    hint: the path is relative to the file that imports it, with or without `.rhai`
    "#);
}

#[test]
fn a_circle_is_told_as_a_chain() {
    let folder = Folder::new()
        .with("a.rhai", "import \"b\" as b;\nprint(1);\n")
        .with("b.rhai", "\nimport \"sub/../c\" as c;\n")
        .with("c.rhai", "import \"b\" as b;\n")
        .with("self.rhai", "import \"self\" as me;\n");
    let ran = folder.run("a.rhai");
    insta::assert_snapshot!(ran.message(), @r#"
    error: the imports go round in a circle: b.rhai → c.rhai → b.rhai
     --> c.rhai:1:8
      |
    1 | import "b" as b;
      |        ^^^
    hint: move what both files need into a third one
    "#);
    assert!(ran.out.is_empty());
    assert!(folder.run("self.rhai").message().contains("self.rhai → self.rhai"));
}

#[test]
fn a_circle_of_paths_that_are_computed_ends_too() {
    let folder = Folder::new()
        .with("a.rhai", "let name = \"b\";\nimport name as b;\n")
        .with("b.rhai", "let name = \"c\";\nimport name as c;\n")
        .with("c.rhai", "let name = \"b\";\nimport name as b;\n");
    assert!(folder.run("a.rhai").message().contains("goes round in a circle"));
}

#[test]
fn imports_are_nested_so_deep_and_no_deeper() {
    let mut folder = Folder::new().with("x.rhai", "import \"n1\" as n;\nprint(1);");
    for number in 1..=15 {
        folder = folder.with(&format!("n{number}.rhai"), &format!("import \"n{}\" as n;", number + 1));
    }
    folder = folder.with("n16.rhai", "fn f() {}");
    assert_eq!(folder.run("x.rhai").printed(), "1\n");
    let folder = folder.with("n16.rhai", "import \"n17\" as n;").with("n17.rhai", "");
    assert!(folder.run("x.rhai").message().contains("imports are nested more than 16 deep"));
}

#[test]
fn errors_of_an_imported_file_point_into_it() {
    let folder = Folder::new()
        .with("x.rhai", "import \"lib\" as lib;\nlib::run();\n")
        .with("lib.rhai", "fn run() {\n    let x = [1];\n    x[5]\n}\n");
    assert_eq!(place(&folder.run("x.rhai")), ("lib.rhai".into(), 3, 7));
    // A closure that came from there, called here.
    let folder = folder
        .with("y.rhai", "import \"maker\" as maker;\nlet f = maker::make();\nf.call();\n")
        .with("maker.rhai", "fn make() {\n    || {\n        throw \"from the maker\"\n    }\n}\n");
    assert_eq!(place(&folder.run("y.rhai")), ("maker.rhai".into(), 3, 9));
    // And one of the script, called there.
    let folder = folder
        .with("z.rhai", "import \"caller\" as caller;\n\ncaller::apply(|| throw \"from the script\");\n")
        .with("caller.rhai", "fn apply(f) { f.call() }\n");
    assert_eq!(place(&folder.run("z.rhai")), ("z.rhai".into(), 3, 18));
    // What does not parse, what calls what is not there, and what fails while it is loaded.
    let folder = folder.with("p.rhai", "import \"broken\" as broken;").with("broken.rhai", "\nlet = 3;");
    assert_eq!(place(&folder.run("p.rhai")), ("broken.rhai".into(), 2, 5));
    let folder = folder.with("broken.rhai", "fn f() {\n  pritn(1);\n}");
    assert_eq!(place(&folder.run("p.rhai")), ("broken.rhai".into(), 2, 3));
    let folder = folder.with("broken.rhai", "let a = [1];\nlet b = a[3];");
    assert_eq!(place(&folder.run("p.rhai")), ("broken.rhai".into(), 2, 11));
}

#[test]
fn a_function_that_an_imported_file_lacks_is_told_before_anything_runs() {
    let folder = Folder::new()
        .with("x.rhai", "import \"lib\" as lib;\nprint(1);\nlib::halve(2);\n")
        .with("lib.rhai", "fn half(x) { x / 2 }\nprivate fn hidden() {}");
    let ran = folder.run("x.rhai");
    assert!(ran.out.is_empty());
    insta::assert_snapshot!(ran.message(), @r"
    error: the file imported as `lib` has no function `halve`
     --> x.rhai:3:1
      |
    3 | lib::halve(2);
      | ^^^^^^^^^^
    hint: did you mean `half`?
    ");
}

#[test]
fn a_stdlib_beside_the_script_wins_file_by_file_and_is_told_once() {
    let folder = Folder::new()
        .with("work/x.rhai", "print(interval_report(1));\nprint(twice(4));\n")
        .with("work/stdlib/interval_report.rhai", "fn interval_report(study) { `mine: ${study}` }\n")
        .with("stdlib/interval_report.rhai", "fn interval_report(study) { \"further away\" }\n")
        .with("stdlib/more.rhai", "fn twice(x) { 2 * x }\n");
    let ran = folder.run("work/x.rhai");
    assert_eq!(ran.printed(), "mine: 1\n8\n");
    assert_eq!(ran.err, "work/stdlib/interval_report.rhai: yours\nstdlib/more.rhai: yours\n");
}

#[test]
fn a_stdlib_that_says_the_same_is_not_worth_a_word() {
    let embedded = Source::embedded("stdlib/experiment.rhai").expect("it came along").text;
    let folder = Folder::new().with("x.rhai", "print(1);").with("stdlib/experiment.rhai", &embedded);
    let ran = folder.run("x.rhai");
    assert_eq!((ran.printed(), ran.err.as_str()), ("1\n", ""));
}

#[test]
fn errors_of_a_users_stdlib_point_into_it_and_those_of_ours_to_the_call() {
    let folder = Folder::new()
        .with("x.rhai", "let a = 1;\nmine(a);\n")
        .with("stdlib/mine.rhai", "fn mine(a) {\n    a.call(2)\n}\n");
    let (file, line, _) = place(&folder.run("x.rhai"));
    assert_eq!((file.as_str(), line), ("stdlib/mine.rhai", 2));
    let folder = Folder::new().with("x.rhai", "let a = 1;\nexperiment(\"x\", 3, |v| 1);\n");
    let (file, line, _) = place(&folder.run("x.rhai"));
    assert_eq!((file.as_str(), line), ("x.rhai", 2));
}

#[test]
fn names_are_short() {
    for (path, tidied) in [("a/../b", "b"), ("./a", "a"), ("../a", "../a"), ("a/./b/../../c", "c"), ("/a/../b", "/b")] {
        assert_eq!(tidy(path.as_ref()), std::path::Path::new(tidied));
    }
    assert!(Imports::new("/".as_ref()).sources().is_empty());
}
