//! Each example of the reference is a script that works: what computes is evaluated, what runs a trial runs it on the
//! simulated cluster.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cprun::script::reference::{self, Example};

/// No example takes longer, even where many tests share the machine.
const LIMIT: Duration = Duration::from_secs(240);

fn cprun(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
    command.args(arguments).current_dir(folder).env("PATH", "/nowhere").env_remove("JAVA_HOME");
    command
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("STORE_KEY", "of-no-worth-at-all")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let pid = i32::try_from(child.id()).expect("a pid");
    let (done, ended) = mpsc::channel();
    let waiting = thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(LIMIT) else {
        // SAFETY: a signal to a child of ours, which nobody has waited for to its end yet.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        let script = fs::read_to_string(folder.join("example.rhai")).unwrap_or_default();
        panic!("{arguments:?} did not end within {LIMIT:?}\n{script}");
    };
    drop(waiting.join());
    output.expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(example: &Example) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("example.rhai"), &example.script).expect("written");
    let ran = cprun(folder.path(), &["run", "example.rhai", "--target", "sim", "--quiet"]);
    assert_eq!(folder.path().join("results").exists(), example.has_trial, "{}", example.of);
    (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
}

/// Runs an experiment on the simulated cluster, to its end.
fn run_trials(example: &Example) {
    let (code, out, err) = run(example);
    let whole = format!("{}:\n{}\n{out}\n{err}", example.of, example.script);
    // 1 and 2 are verdicts, which a trial of a minute may well come to; a trial that failed is 3.
    assert!(code.is_some_and(|code| code <= 2), "{code:?} {whole}");
    assert!(out.starts_with("SIMULATED"), "{whole}");
    assert!(!err.contains("failed") && !err.contains("error"), "{whole}");
}

/// What is not for a trial on the simulated cluster: a job that somebody else started, Flink's own metrics, and the
/// end of samplers, which only a prompt has to ask for.
const ELSEWHERE: [&str; 3] = ["flink::attach", "flink::metric", "collect::stop"];

/// How many are run at once.
const AT_ONCE: usize = 2;

#[test]
fn every_example_of_a_trial_runs_on_the_simulated_cluster() {
    let mut examples: Vec<Example> = reference::examples().into_iter().filter(|example| example.has_trial).collect();
    examples.retain(|example| !ELSEWHERE.contains(&example.of.as_str()));
    examples.sort_by(|a, b| a.script.cmp(&b.script));
    examples.dedup_by(|a, b| a.script == b.script);
    assert!(examples.len() > 10);
    thread::scope(|scope| {
        for share in examples.chunks(examples.len().div_ceil(AT_ONCE)) {
            scope.spawn(|| share.iter().for_each(run_trials));
        }
    });
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
        let has_trial = script.contains("experiment(");
        // A week of trips instead of half a year: the simulated cluster counts them all first.
        let script =
            script.replace("dataset::nyc(\"\")", "dataset::nyc(\"\", #{ from: \"2023-01-02\", to: \"2023-01-09\" })");
        let example = Example { of: "the tutorial".into(), script, has_trial };
        if example.has_trial {
            run_trials(&example);
        } else {
            let (code, _, err) = run(&example);
            assert_eq!((code, err.as_str()), (Some(0), ""), "{}", example.script);
        }
    }
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
