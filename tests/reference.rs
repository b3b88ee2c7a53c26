//! Each example of the reference is a script that works: what computes is evaluated, what runs a trial gets past its
//! rehearsal, which checks every name, value and option before anything starts.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cprun::script::reference::{self, Example};

fn cprun(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
    command.args(arguments).current_dir(folder).env("PATH", "/nowhere").env_remove("JAVA_HOME");
    command.env("XDG_CACHE_HOME", folder.join("cache")).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(example: &Example) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("example.rhai"), &example.script).expect("written");
    let ran = cprun(folder.path(), &["run", "example.rhai"]);
    assert!(!folder.path().join("results").exists(), "{} left something", example.of);
    (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
}

#[test]
fn every_example_of_a_trial_gets_past_its_rehearsal() {
    let examples: Vec<Example> = reference::examples().into_iter().filter(|example| example.has_trial).collect();
    assert!(examples.len() > 10);
    for example in examples {
        let (code, out, err) = run(&example);
        assert_eq!(code, Some(69), "{}:\n{}\n{err}", example.of, example.script);
        assert!(err.contains("Java is not installed"), "{}: {err}", example.of);
        assert!(out.contains("1 trial, ") || out.contains(" trials, "), "{}: {out}", example.of);
    }
}

#[test]
fn every_other_example_runs_to_its_end() {
    let examples: Vec<Example> = reference::examples().into_iter().filter(|example| !example.has_trial).collect();
    assert!(examples.len() > 4);
    for example in examples {
        let (code, _, err) = run(&example);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{}:\n{}", example.of, example.script);
    }
}

/// Whether a value is the one that was told; of a number as many decimals are told as matter.
fn agree(told: &str, came: &str) -> bool {
    let decimals = told.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let rounded = came.parse::<f64>().map(|number| format!("{number:.decimals$}"));
    rounded.as_deref().unwrap_or(came) == told
}

/// The value behind `//` on the last line of an example is what comes.
#[test]
fn examples_that_tell_their_value_tell_the_truth() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut seen = 0;
    for example in reference::examples() {
        let told = example.script.trim_end().lines().last().and_then(|line| line.split_once("  // "));
        let Some((_, told)) = told.filter(|_| !example.has_trial) else { continue };
        let ran = cprun(folder.path(), &["eval", example.script.trim_end()]);
        let came = text(&ran.stdout).trim().to_owned();
        assert!(agree(told.trim(), &came), "{}: told {told}, came {came}\n{}", example.of, text(&ran.stderr));
        seen += 1;
    }
    assert!(seen > 1);
}

#[test]
fn the_reference_needs_nothing_and_helps_with_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let doc = |arguments: &[&str]| {
        let ran = cprun(folder.path(), &[&["doc"], arguments].concat());
        (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
    };
    let (code, overview, _) = doc(&[]);
    assert!(code == Some(0) && overview.contains("fault::every") && overview.contains("experiment"), "{overview}");
    assert!(doc(&["every"]).1.starts_with("fault::every(period, count, act)\n"));
    let (code, _, err) = doc(&["fault::kil"]);
    assert_eq!(code, Some(64));
    assert_eq!(err, "error: the reference has no `fault::kil`\nhint: did you mean `fault::kill`?\n");
    assert!(doc(&["--markdown"]).1.starts_with("## Reference\n"));
    assert!(doc(&["--definitions"]).1.starts_with("module static;\n"));
    assert_eq!(doc(&["--markdown", "kafka"]).0, Some(64));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is written");
}

/// The blocks of Rhai in a page, but for those of the generated reference, which are tried one by one above.
fn blocks(page: &str) -> Vec<String> {
    let page = page.split("<!-- generated -->").next().unwrap_or_default();
    page.split("```rhai\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_scripts_of_the_tutorial_are_right() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scripting.md")).expect("a page");
    let blocks = blocks(&page);
    assert!(!blocks.is_empty());
    for script in blocks {
        let whole = script.contains("experiment(");
        let example = Example { of: "the tutorial".into(), script, has_trial: whole };
        let (code, _, err) = run(&example);
        let wanted = if whole { 69 } else { 0 };
        assert_eq!(code, Some(wanted), "{}\n{err}", example.script);
        assert!(!whole || err.contains("Java is not installed"), "{err}");
    }
}

#[test]
fn a_wrong_call_is_told_what_is_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let calls = [
        "dataset::nyc()",
        "dataset::nyc(\"\", 2023)",
        "dataset::nyc(\"\", #{}, #{})",
        "dataset::nyc([1.s])",
        "kafka::create_topic(\"x\", #{ partitions: -1 })",
        "kafka::create_topic(\"x\", #{ partitions: 8.0, zzz: 1 })",
        "kafka::create_topic(\"x\", #{ zzz: 1 })",
        "fault::every(25, 3, |i| i)",
        "fault::every(25.s, 3, 4)",
        "fault::every(25.s, 3)",
        "replay::start(dataset::nyc(\"\"), #{ speed: 1.0 })",
        "fault::kill(dataset::nyc(\"\"))",
        "fault::kill([])",
        "cluster::instances(\"taskmanger\")",
        "cluster::needs(#{ taskmanager_memory: 1728 })",
        "cluster::needs(#{ rest_port: 70000 })",
        "cluster::needs(2)",
        "analysis::utilization(#{ T: 30.s, c: 0.778 })",
        "analysis::utilization(30.s)",
        "analysis::utilization(#{ T: 30.s, c: 1.0, R: 1.0, mtbf: 600, model: \"poison\" })",
        "analysis::optimal_interval(#{ c: 1.0, mtbf: 600, lambda: 0.1 })",
        "analysis::mean([1.s, 2])",
        "analysis::mean([\"x\"])",
        "analysis::quantile([1], 99)",
        "analysis::rows(run::study(\"x\"))",
        "report::rows(\"x\", [1])",
        "report::table(\"x\", \"faults\")",
        "report::plot(run::study(\"x\"), \"bugdet\")",
        "report::text(run::study(\"x\"))",
        "report::text(\"x\")",
        "params(#{ a: 1 }, 2)",
    ];
    let mut shown = String::new();
    for call in calls {
        let ran = cprun(folder.path(), &["eval", call]);
        assert_eq!(ran.status.code(), Some(65), "{call}: {}{}", text(&ran.stdout), text(&ran.stderr));
        let err = text(&ran.stderr);
        let kept: Vec<&str> = err.lines().filter(|line| !line.contains(" | ") && !line.contains("-->")).collect();
        shown.push_str(&format!("{call}\n{}\n\n", kept.join("\n").replace("\n  |", "")));
    }
    insta::assert_snapshot!(shown);
}

/// Lines without their indent: the blocks of a list are indented.
fn bare(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_worked_example_of_a_primitive_is_the_real_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("CONTRIBUTING.md")).expect("a guide");
    let source = bare(&fs::read_to_string(root.join("src/script/bind/cluster.rs")).expect("a source"));
    let blocks: Vec<&str> = guide.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        assert!(source.contains(&bare(block)), "src/script/bind/cluster.rs has it otherwise:\n{block}");
    }
}
