//! The scripts that come along: each is short, passes check, and runs to its end on the simulated cluster.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Name, arguments, exit codes that may come, words that stdout holds.
type Case = (&'static str, &'static [&'static str], &'static [i32], &'static [&'static str]);

/// A script, its options for a short run, the exit codes that are right, and words that it must say.
const SCRIPTS: [Case; 8] = [
    ("hello", &[], &[0], &["SIMULATED", "SIMULATED: The kill", "detected_s", "verdict: pass"]),
    (
        "fault_kinds",
        &[],
        &[0],
        &[
            "SIMULATED: Detection and restart by kind of fault",
            "detected_s",
            "\n  kill ",
            "\n  stop ",
            "\n  hang ",
            "verdict: pass",
        ],
    ),
    // A job that is overloaded on purpose may break limits of the verdict; it says which.
    (
        "rate_sweep",
        &["-P", "steps=2"],
        &[0, 2],
        &["sustained", "falls behind", "SIMULATED: Speeds tried", "highest sustainable rate: ", " are too many\n"],
    ),
    (
        "recovery_config",
        &["-P", "local_recovery=[false]"],
        &[0],
        &["SIMULATED: Main effects on R", "heartbeat", "restart_delay", "parallelism", "Configuration moves R from "],
    ),
    (
        "capacity",
        &["-P", "repeats=2"],
        &[0],
        &["SIMULATED: Capacity and the cost of a checkpoint", "c_capacity_s", "c_duration_s", "verdict: pass"],
    ),
    (
        "validate_model",
        &["-P", "faults=4"],
        &[0],
        &["SIMULATED: Utilization: measured, and by the models", "U_measured", "U_realised", "verdict: pass"],
    ),
    (
        "adaptive_interval",
        &["-P", "repeats=2"],
        &[0],
        &[
            "SIMULATED: Intervals of the controller",
            "SIMULATED: Policies",
            "adaptive",
            "Load growing: U of the controller",
        ],
    ),
    ("import_csv", &[], &[0], &["By the state of the job", "running", "by state, less the time held down", "T_star"]),
];

fn cprun(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
    command.args(arguments).current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

fn script(name: &str) -> String {
    format!("{}/scripts/{name}.rhai", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn each_is_short() {
    for (name, ..) in SCRIPTS {
        let lines = fs::read_to_string(script(name)).expect("it is there").lines().count();
        let most = match name {
            "hello" => 10,
            "adaptive_interval" => 99,
            _ => 59,
        };
        assert!(lines <= most, "{name} has {lines} lines");
    }
}

#[test]
fn each_passes_check() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rhai") {
            let (code, out, err) = cprun(folder.path(), &["check", &path.display().to_string()]);
            assert_eq!(code, Some(0), "{}:\n{out}{err}", path.display());
            assert!(!format!("{out}{err}").contains("warning"), "{}:\n{out}{err}", path.display());
        }
    }
}

#[test]
fn each_runs_on_the_simulated_cluster() {
    let runs = SCRIPTS.map(|(name, options, codes, words)| {
        std::thread::spawn(move || {
            let folder = tempfile::tempdir().expect("a folder");
            let path = script(name);
            let fixed = ["run", path.as_str(), "--target", "sim", "--seed", "1", "--out", "run"];
            let (code, out, err) = cprun(folder.path(), &[&fixed, options].concat());
            assert!(code.is_some_and(|code| codes.contains(&code)), "{name}: {code:?}\n{out}\n{err}");
            for word in words {
                assert!(out.contains(word), "{name} does not say `{word}`:\n{out}\n{err}");
            }
            if code == Some(2) {
                let summary = fs::read_to_string(folder.path().join("run/summary.json")).expect("written");
                let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
                assert!(summary["reasons"].as_array().is_some_and(|all| !all.is_empty()), "{name} gives no reason");
            }
            // What a script tells of its own stands in the report too.
            if name == "fault_kinds" {
                let report = fs::read_to_string(folder.path().join("run/report.md")).expect("written");
                assert!(report.contains("SIMULATED: Detection and restart by kind of fault"), "{report}");
            }
        })
    });
    for run in runs {
        run.join().unwrap_or_else(|failure| std::panic::resume_unwind(failure));
    }
}
