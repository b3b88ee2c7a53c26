//! What a script observes and demands, on the simulated target: from the script to the verdict.

use crate::analysis::validity::Verdict;
use crate::error::Kind;
use crate::script::testing::{Folder, Simulated, run};

/// An experiment with one trial of 20 s whose body ends with `lines`.
fn experiment(before: &str, lines: &str, after: &str) -> String {
    format!(
        "{before}\nlet trips = dataset::nyc(\"\");\nlet study = experiment(\"x\", #{{ interval: 2.s, duration: 20.s }}, |v| {{\n    let topic = kafka::create_topic(\"trips\");\n    let job = flink::submit(\"nyc-window\", #{{ interval: v.interval, args: #{{ topic: topic }} }});\n    let feed = replay::start(trips, topic, #{{ speed: 3600.0 }});\n    collect::start(job, feed);\n{lines}\n}});\n{after}\n"
    )
}

fn simulate(before: &str, lines: &str, after: &str) -> Simulated {
    Folder::new().with("x.rhai", &experiment(before, lines, after)).simulate("x.rhai")
}

#[test]
fn values_of_a_script_are_sampled_until_the_trial_ends() {
    let simulated = simulate(
        "",
        "let begin = timestamp();\nsample(1.s, || begin.elapsed, #{ name: \"age_s\" });\nsample(5.s, || #{ a: 1, b: 2.5 });\nlet few = sample(1.s, || 7, #{ name: \"few\" });\nsleep(3500.ms);\nprint(stop(few));\nprint(few.running);",
        "",
    );
    assert_eq!(simulated.results().verdict, Verdict::Pass, "{:?}", simulated.results().reasons);
    let named = |name: &str| simulated.journal.matches(&format!("[\"{name}\",null,null,")).count();
    // At 0, 1, 2 and 3 s.
    assert_eq!(named("few"), 4);
    assert!(simulated.ran.out.contains("4\nfalse\n"), "{}", simulated.ran.out);
    assert!((20..120).contains(&named("age_s")), "{}", named("age_s"));
    assert_eq!(named("a"), named("b"));
    assert!(simulated.journal.contains("\"source\":\"script\""));
}

#[test]
fn a_mistake_ends_a_sampling_and_a_failure_of_the_target_does_not() {
    let simulated =
        simulate("", "let n = [0];\nsample(1.s, || n.len());\nsample(1.s, || [][0], #{ name: \"broken\" });", "");
    let rehearsed = simulated.ran.error.expect("the rehearsal finds it");
    assert_eq!(rehearsed.position.map(|place| place.line), Some(10));
    let simulated = simulate(
        "",
        "let n = [0];\nsample(1.s, || { n.push(1); if n.len() > 2 { throw \"away\"; } 1 }, #{ name: \"gaps\" });",
        "",
    );
    assert!(simulated.results().trials[0].warnings.iter().any(|text| text == "sample gaps: away"));
    assert_eq!(simulated.journal.matches("sample gaps").count(), 1);
}

#[test]
fn a_demand_that_does_not_hold_makes_the_run_fail() {
    let simulated = simulate("", "require(\"there is a job\", true);\nrequire(\"two is odd\", 2 % 2 == 1);", "");
    let results = simulated.results();
    assert_eq!(results.verdict, Verdict::Fail);
    assert_eq!(results.reasons, ["interval=2s#1: required, but not so: two is odd"]);
    let simulated = simulate("", "require(\"it is told\", ());", "");
    assert_eq!(simulated.results().verdict, Verdict::Unknown);
}

#[test]
fn demands_outside_of_trials_are_the_runs() {
    let simulated = simulate(
        "note(\"before\");\nrequire(\"before\", true);",
        "",
        "require(\"after\", 1 > 2);\nreport::table(study, \"verdicts\");",
    );
    let results = simulated.results();
    assert_eq!(
        (results.verdict, results.reasons.as_slice()),
        (Verdict::Fail, ["required, but not so: after".to_owned()].as_slice())
    );
    assert_eq!(results.notes, ["before"]);
    assert_eq!(results.demands.len(), 2);
    assert!(simulated.ran.out.contains("required: before, of the run: true, ok"), "{}", simulated.ran.out);
}

#[test]
fn a_limit_that_is_changed_stands_in_the_table() {
    let simulated = simulate(
        "require(\"missing_samples\", 0.5);",
        "require(\"acked_lateness\", 900.ms);",
        "report::table(study, \"verdicts\");",
    );
    assert_eq!(simulated.results().verdict, Verdict::Pass, "{:?}", simulated.results().reasons);
    assert!(simulated.ran.out.contains("900 ms"), "{}", simulated.ran.out);
    assert!(simulated.ran.out.contains("50 %"), "{}", simulated.ran.out);
    let error = |text: &str| run(text).error.expect("wrong");
    assert_eq!(error("require(\"mising_samples\", 0.5);").hint.as_deref(), Some("did you mean `missing_samples`?"));
    assert_eq!(error("require(\"acked_lateness\", 0.5);").hint.as_deref(), Some("write the unit: `0.5.ms`"));
    assert_eq!(error("require(\"missing_samples\", -1);").message, "require: the limit `missing_samples` is -1");
    assert!(error("require(\"x\", \"yes\");").message.contains("`condition` is a string (yes)"));
}

#[test]
fn a_demand_of_a_script_without_a_run_decides_how_it_ends() {
    let unmet = |text: &str| run(text).unmet;
    assert_eq!(unmet("require(\"so\", true);"), Verdict::Pass);
    assert_eq!(unmet("require(\"so\", ()); require(\"so\", true);"), Verdict::Unknown);
    assert_eq!(unmet("require(\"so\", false); require(\"so\", ());"), Verdict::Fail);
}

#[test]
fn a_secret_reaches_the_job_and_nothing_else() {
    let script = experiment(
        "let key = secret(\"KEY_OF_S3\");\nprint(key);\nprint(`key=${key}`);",
        "note(`with ${key}`);\nnote(\"in clear: s3cr3t-value\");\nrequire(\"s3cr3t-value is right\", true);",
        "throw \"s3cr3t-value leaked\";",
    );
    let folder = Folder::new().variable("KEY_OF_S3", "s3cr3t-value").with("x.rhai", "").with("scripts/x.rhai", &script);
    let simulated = folder.simulate("scripts/x.rhai");
    assert!(simulated.ran.out.contains("***\nkey=***\n"), "{}", simulated.ran.out);
    assert!(!simulated.ran.out.contains("s3cr3t") && !simulated.ran.err.contains("s3cr3t"));
    let error = simulated.ran.error.expect("thrown");
    assert_eq!(error.kind, Kind::Script, "{}", error.message);
    drop(simulated.run.expect("a run").finish(None));
    // The script itself is the user's.
    let found: Vec<String> =
        folder.files_with("s3cr3t-value").into_iter().filter(|file| !file.ends_with("x.rhai")).collect();
    assert_eq!(found, Vec::<String>::new());
    assert!(simulated.journal.contains("in clear: ***"));
}

#[test]
fn a_secret_that_is_not_there_is_told_before_anything_starts() {
    insta::assert_snapshot!(run("let key = secret(\"KEY_OF_S3\");").message(), @r#"
    error: the environment variable KEY_OF_S3 is not set
     --> x.rhai:1:11
      |
    1 | let key = secret("KEY_OF_S3");
      |           ^^^^^^
    hint: read -rs KEY_OF_S3; export KEY_OF_S3
    "#);
}

#[test]
fn enough_repeats_until_the_figure_is_known_or_the_time_is_over() {
    let with = |enough: &str| {
        let script = experiment(
            "",
            "    fault::every(8.s, 2, |i| fault::kill(cluster::pick(\"taskmanager\", i), #{ down_for: 1.s }));",
            "",
        )
        .replace("duration: 20.s", &format!("repeats: enough(#{{ {enough} }})"));
        Folder::new().with("x.rhai", &script).simulate("x.rhai")
    };
    let wide = with("U: 0.9, at_most: 2.h");
    assert_eq!(wide.results().trials.len(), 2, "{}", wide.ran.err);
    assert!(wide.ran.err.contains("2 repeats are enough for U_poisson ± 0.9"), "{}", wide.ran.err);
    let late = with("U: 0.000001, at_most: 5.min");
    assert!(late.results().trials.len() > 2, "{}", late.ran.err);
    assert!(
        late.ran.err.contains("are not enough") && late.ran.err.contains("would end after 5 min"),
        "{}",
        late.ran.err
    );
    let orders: Vec<u32> = late.results().trials.iter().map(|trial| trial.order).collect();
    assert_eq!(orders, (1..=orders.len() as u32).collect::<Vec<_>>());
    let never = with("U: 0.01, at_most: 1.s");
    assert_eq!(never.results().trials.len(), 1);
}
