//! The client against real answers of four versions, and against answers that go wrong.
//!
//! The fixtures hold no job that failed (their exception histories are empty); the exception below is written
//! by hand from Flink's own classes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::Deserialize;

use super::fake::{FakeRest, Reply, Request};
use super::*;
use crate::error::Kind;

const VERSIONS: [&str; 4] = ["1.18.1", "1.19.3", "1.20.3", "2.2.0"];
const JOB: &str = "0123456789abcdef0123456789abcdef";
const SOON: Duration = Duration::from_secs(5);

fn fixture(version: &str, name: &str) -> Reply {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/flink-rest/{version}/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let value: serde_json::Value = serde_json::from_str(&text).expect("a fixture is JSON");
    let code = value["code"].as_u64().and_then(|code| code.try_into().ok()).expect("a fixture has a code");
    // Bodies of refusals are kept as the text they were.
    let body = value["body"].as_str().map_or_else(|| value["body"].to_string(), str::to_owned);
    Reply::status(code, body)
}

/// Serves the fixture that belongs to a path; `v1` stands for any vertex that is asked for by that name.
fn serving(version: &'static str) -> FakeRest {
    FakeRest::start(move |request| {
        let path = request.path.split('?').next().unwrap_or_default();
        let name = match path.strip_prefix(&format!("/jobs/{JOB}")) {
            None => match path {
                "/overview" => "overview",
                "/config" => "config",
                "/jobmanager/config" => "jmconfig",
                "/taskmanagers" => "tms",
                "/jars/upload" => "upload",
                "/jars/the.jar/run" => "run",
                _ => return Reply::not_found(),
            },
            Some("") => "job",
            Some("/status") => "jobstatus",
            Some("/plan") => "plan",
            Some("/checkpoints") if request.method == "POST" => "cp_trigger",
            Some("/checkpoints") => "cps",
            Some("/checkpoints/config") => "cpcfg",
            Some("/checkpoints/details/10/subtasks/v0") => "cpd_v0",
            Some("/checkpoints/details/10/subtasks/v1") => "cpd_v1",
            Some("/exceptions") => "exc",
            Some("/resource-requirements") => "rr",
            Some("/savepoints" | "/stop") => "cp_trigger",
            Some(rest) if rest.starts_with("/savepoints/") => "sp_done",
            Some(rest) if rest.starts_with("/checkpoints/") => "cp_trig_done",
            Some("/vertices/v0/metrics") => "jobmetrics",
            Some("/vertices/v0") => "v0",
            Some("/vertices/v1") => "v1",
            Some("/vertices/v2") => "v2",
            Some("/vertices/v0/subtasktimes") => "v0_times",
            Some("/vertices/v1/subtasktimes") => "v1_times",
            Some("/vertices/v2/subtasktimes") => "v2_times",
            Some(_) => return Reply::not_found(),
        };
        fixture(version, name)
    })
}

#[tokio::test]
async fn every_version_tells_about_its_cluster() {
    for version in VERSIONS {
        let rest = serving(version);
        let flink = rest.client();
        let overview = flink.overview().await.expect(version);
        assert_eq!((overview.flink_version.as_str(), overview.slots_total), (version, 4));
        assert_eq!(flink.config().await.expect(version).refresh_interval, 3000.0);
        let config = flink.jobmanager_config().await.expect(version);
        assert_eq!(config["execution.checkpointing.interval"], "7000");
        let taskmanagers = flink.taskmanagers().await.expect(version);
        let seen = taskmanagers.iter().map(|seen| (seen.id.as_str(), seen.slots, seen.free_slots));
        assert_eq!(seen.collect::<Vec<_>>(), [("tm-2", 2, 2), ("tm-1", 2, 2)], "{version}");
        assert_eq!(taskmanagers[0].memory_configuration["managedMemory"], 256 << 20, "{version}");
    }
}

#[tokio::test]
async fn every_version_tells_about_a_job() {
    for version in VERSIONS {
        let rest = serving(version);
        let flink = rest.client();
        let job = flink.job(JOB).await.expect(version);
        assert_eq!((job.id.as_str(), job.state.as_str(), job.vertices.len()), (JOB, "RUNNING", 3));
        assert!(job.all_tasks_run());
        let states: Vec<_> = job.entered().into_iter().map(|(state, _)| state).collect();
        assert_eq!(states, ["INITIALIZING", "CREATED", "RUNNING"], "{version}");
        assert_eq!(flink.job_status(JOB).await.expect(version), "RUNNING");
        let plan = flink.plan(JOB).await.expect(version);
        assert_eq!(plan.longest_path(), 3);
        let source = plan.sources().next().expect("there is a source");
        assert_eq!(source.description, "Source: src<br/>+- throttle<br/>");
        assert_eq!(flink.wait_until_running(JOB, SOON).await.expect(version), job);
        assert!(flink.exceptions(JOB, 5).await.expect(version).is_empty());
        assert!(!flink.vertex_metric_ids(JOB, "v0").await.expect(version).is_empty());
    }
}

#[tokio::test]
async fn durations_of_states_add_up_to_the_times_that_subtasktimes_gives() {
    for version in VERSIONS {
        let rest = serving(version);
        let flink = rest.client();
        for vertex in ["v0", "v1", "v2"] {
            let details = flink.vertex(JOB, vertex).await.expect(version);
            let times = flink.subtask_times(JOB, vertex).await.expect(version);
            assert_eq!(details.id, times.id);
            assert_eq!(details.subtasks.len(), 2);
            for (subtask, times) in details.subtasks.iter().zip(&times.subtasks) {
                assert_eq!((subtask.subtask, subtask.attempt), (times.subtask, 0));
                assert!(subtask.taskmanager_id.is_some());
                assert_eq!(subtask.deploying_at, Some(times.timestamps["DEPLOYING"]), "{version} {vertex}");
                assert_eq!(subtask.initializing_at(), Some(times.timestamps["INITIALIZING"]), "{version} {vertex}");
                assert_eq!(subtask.running_at(), Some(times.timestamps["RUNNING"]), "{version} {vertex}");
            }
        }
    }
}

#[test]
fn a_subtask_that_is_being_deployed_neither_initializes_nor_runs() {
    let subtask: Subtask = serde_json::from_str(
        r#"{"subtask":0,"attempt":3,"status":"DEPLOYING","start-time":1000,
            "status-duration":{"CREATED":1,"SCHEDULED":2,"DEPLOYING":40,"INITIALIZING":-1,"RUNNING":-1}}"#,
    )
    .expect("it has what is needed");
    assert_eq!((subtask.initializing_at(), subtask.running_at()), (None, None));
}

#[tokio::test]
async fn every_version_tells_about_checkpoints() {
    for version in VERSIONS {
        let rest = serving(version);
        let flink = rest.client();
        let checkpoints = flink.checkpoints(JOB).await.expect(version);
        assert!(checkpoints.history.iter().all(|one| one.is_completed() && one.duration_ms.is_some()));
        assert!(checkpoints.history.iter().all(|one| one.triggered_at < one.latest_ack_at));
        assert_eq!(checkpoints.latest.completed.as_ref(), checkpoints.history.first());
        assert!(checkpoints.latest.restored.is_none());
        assert!(checkpoints.summary.end_to_end_duration.p99.is_some());
        let config = flink.checkpoint_config(JOB).await.expect(version).expect("checkpointing is on");
        assert_eq!((config.interval_ms, config.mode.as_str()), (Some(2000.0), "exactly_once"));
        for vertex in ["v0", "v1"] {
            let details = flink.checkpoint_details(JOB, 10, vertex).await.expect(version);
            assert_eq!(details.subtasks.len(), 2);
            for subtask in &details.subtasks {
                let figures = [subtask.sync_ms(), subtask.async_ms(), subtask.align_ms(), subtask.start_delay_ms];
                assert!(figures.iter().all(Option::is_some), "{version} {vertex}: {figures:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_newest_checkpoints_come_oldest_first_and_one_without_details_comes_all_the_same() {
    for version in VERSIONS {
        let rest = serving(version);
        let newest = rest.client().last_checkpoints(JOB, 3).await.expect(version);
        assert_eq!(newest.len(), 3);
        assert!(newest.windows(2).all(|pair| pair[0].id < pair[1].id), "{version}");
        for one in &newest {
            assert_eq!((one.trigger.as_str(), one.status.as_str()), ("periodic", "completed"), "{version}");
            assert!(one.ack_epoch_ms > Some(one.trigger_epoch_ms) && one.size_bytes.is_some(), "{version}");
        }
    }
}

#[tokio::test]
async fn every_version_tells_what_a_job_was_restored_from() {
    for version in VERSIONS {
        let rest = FakeRest::start(move |_| fixture(version, "cps_restored"));
        let checkpoints = rest.client().checkpoints(JOB).await.expect(version);
        let restored = checkpoints.latest.restored.expect("it was restored");
        assert!(restored.is_savepoint && restored.at.is_some());
        let oldest = checkpoints.history.last().expect("there are checkpoints");
        assert_eq!(oldest.id, restored.id + 1, "{version}");
        let in_progress = checkpoints.history.iter().filter(|one| one.is_in_progress()).count() as u64;
        assert_eq!(in_progress, checkpoints.counts.in_progress);
    }
}

#[test]
fn a_percentile_that_is_nan_is_absent_and_the_rest_is_read() {
    for version in VERSIONS {
        let path = format!("{}/tests/fixtures/flink-rest/{version}/cpd_v1.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect(version);
        let value: serde_json::Value = serde_json::from_str(&text).expect(version);
        let spread = &value["body"]["summary"]["checkpoint_duration"]["sync"];
        assert_eq!(spread["p99"], "NaN");
        let spread = Spread::deserialize(spread).expect(version);
        assert!(spread.max.is_some() && spread.p50.is_none() && spread.p99.is_none());
    }
}

#[tokio::test]
async fn a_job_without_checkpointing_has_no_checkpoints_and_no_error() {
    let rest = FakeRest::start(|_| Reply::status(404, r#"{"errors":["Checkpointing has not been enabled."]}"#));
    let flink = rest.client();
    assert_eq!(flink.checkpoints(JOB).await.expect("it is no error"), Checkpoints::default());
    assert_eq!(flink.checkpoint_config(JOB).await.expect("it is no error"), None);
}

#[tokio::test]
async fn snapshots_are_asked_after_until_they_are_done() {
    for version in VERSIONS {
        let rest = serving(version);
        let flink = rest.client();
        let checkpoint = flink.trigger_checkpoint(JOB, CheckpointKind::Full, SOON).await.expect(version);
        assert!((11..=13).contains(&checkpoint), "{version}: {checkpoint}");
        let savepoint = flink.savepoint(JOB, None, SOON).await.expect(version);
        assert!(savepoint.starts_with("file:/") && savepoint.contains("savepoint-"));
        assert_eq!(flink.stop_with_savepoint(JOB, Some("file:///sp"), SOON).await.expect(version), savepoint);
    }
}

#[tokio::test]
async fn a_checkpoint_that_fails_tells_why() {
    let polls = AtomicU32::new(0);
    let rest = FakeRest::start(move |request| match (request.method.as_str(), polls.fetch_add(1, Ordering::SeqCst)) {
        ("POST", _) => {
            assert_eq!(request.body, r#"{"checkpointType":"CONFIGURED"}"#);
            Reply::status(202, r#"{"request-id":"r"}"#)
        }
        (_, 1) => Reply::ok(r#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#),
        _ => Reply::ok(
            r#"{"status":{"id":"COMPLETED"},"operation":{"failureCause":{"class":"a.B",
                "stack-trace":"a.B: too bad\n\tat c.d(E.java)\n","serialized-throwable":"r"}}}"#,
        ),
    });
    let error = rest.client().trigger_checkpoint(JOB, CheckpointKind::Configured, SOON).await.expect_err("it failed");
    assert_eq!(error.message, format!("/jobs/{JOB}/checkpoints/r: B: too bad"));
    assert_eq!(error.kind, Kind::Trial);
}

#[tokio::test]
async fn a_run_sends_its_arguments_as_a_list_and_nothing_that_is_not_set() {
    let rest = FakeRest::start(|request: &Request| match request.path.as_str() {
        "/jars/the.jar/run" => {
            let body: serde_json::Value = serde_json::from_str(&request.body).expect("it is JSON");
            let expected = serde_json::json!({
                "entryClass": "a.Main",
                "programArgsList": ["--topic", "a b"],
                "parallelism": 2,
                "flinkConfiguration": {"execution.checkpointing.interval": "1000"}
            });
            assert_eq!(body, expected);
            fixture("2.2.0", "run")
        }
        "/jars/upload" => {
            assert!(request.body.contains(r#"name="jarfile"; filename="the.jar""#) && request.body.contains("PK"));
            fixture("2.2.0", "upload")
        }
        _ => Reply::ok("{}"),
    });
    let flink = rest.client();
    let run = RunRequest {
        entry_class: Some("a.Main".to_owned()),
        program_args: vec!["--topic".to_owned(), "a b".to_owned()],
        parallelism: Some(2),
        savepoint: None,
        configuration: BTreeMap::from([("execution.checkpointing.interval".to_owned(), "1000".to_owned())]),
    };
    assert_eq!(flink.run_jar("the.jar", &run).await.expect("it starts"), JOB);
    let folder = tempfile::tempdir().expect("a folder");
    let jar = folder.path().join("the.jar");
    std::fs::write(&jar, "PK").expect("a jar");
    let id = flink.upload_jar(&jar).await.expect("it is taken");
    assert!(id.ends_with("_bigstate.jar") && !id.contains('/'), "{id}");
    flink.delete_jar(&id).await.expect("it is removed");
    let error = flink.upload_jar(&folder.path().join("none.jar")).await.expect_err("there is none");
    assert_eq!(error.kind, Kind::InputMissing);
}

#[tokio::test]
async fn a_refusal_carries_method_path_status_and_flinks_reason_without_its_stack() {
    for version in VERSIONS {
        let rest = serving(version);
        let path = format!("/jobs/{JOB}/resource-requirements");
        let failure = rest.client().get::<serde_json::Value>(&path).await.expect_err(version);
        let expected = format!("GET {path}: 500 Internal Server Error: UnsupportedOperationException: ");
        assert!(failure.error.message.starts_with(&expected), "{}", failure.error.message);
        assert!(!failure.error.message.contains("\tat "));
        assert_eq!(failure.error.kind, Kind::Trial);
    }
}

#[tokio::test]
async fn a_jobmanager_that_is_not_there_is_the_targets_fault_and_gives_a_hint() {
    let url = "http://127.0.0.1:9";
    let error = Flink::new(url, SOON).expect("it is an address").overview().await.expect_err("nobody listens");
    assert_eq!(error.kind, Kind::Target);
    assert!(error.message.contains("GET /overview") && error.message.contains("refused"), "{}", error.message);
    assert!(error.hint.expect("there is a remedy").contains(url));
}

#[tokio::test]
async fn a_jobmanager_that_hangs_is_given_up_after_the_timeout() {
    let rest = FakeRest::start(|_| Reply::ok("{}").after(Duration::from_secs(2)));
    let impatient = Flink::new(rest.client().url(), Duration::from_millis(100)).expect("it is an address");
    let error = impatient.overview().await.expect_err("it hangs");
    assert!(error.message.ends_with("no answer in time"), "{}", error.message);
}

#[test]
fn what_is_no_address_is_refused_at_once() {
    for wrong in ["localhost:8081", "", "ftp://x"] {
        let error = Flink::new(wrong, SOON).expect_err(wrong);
        assert!(error.hint.is_some_and(|hint| hint.contains("http://")));
    }
}

const EXCEPTIONS: &str = r#"{"exceptionHistory":{"entries":[
    {"exceptionName":"org.apache.flink.X","stacktrace":"org.apache.flink.X: lost\n\tat a.b(C.java:1)\nCaused by: java.io.IOException: gone\n",
     "timestamp":1700000001000,"failureLabels":{},"taskName":"src (1/2)","endpoint":"h:1","taskManagerId":"tm-1","concurrentExceptions":[]},
    {"exceptionName":"java.lang.E","stacktrace":"","timestamp":1700000000000,"failureLabels":{},"concurrentExceptions":[]}],
    "truncated":false}}"#;

fn job_in(state: &str, running: u32) -> String {
    serde_json::json!({
        "jid": JOB, "name": "j", "state": state, "timestamps": {state: 1.0},
        "vertices": [{"id": "v", "name": "src", "parallelism": 2, "status": state,
                      "tasks": {"RUNNING": running, "SCHEDULED": 2 - running}}]
    })
    .to_string()
}

#[tokio::test]
async fn exceptions_come_newest_first_with_a_reason_of_one_line() {
    let rest = FakeRest::start(|_| Reply::ok(EXCEPTIONS));
    let exceptions = rest.client().exceptions(JOB, 5).await.expect("there are some");
    let reasons: Vec<_> = exceptions.iter().map(JobException::reason).collect();
    assert_eq!(reasons, ["X: lost, caused by IOException: gone", "java.lang.E"]);
    assert_eq!(exceptions[0].task_manager_id.as_deref(), Some("tm-1"));
    assert_eq!(exceptions[1].at, Some(1_700_000_000_000.0));
}

#[tokio::test]
async fn a_job_that_failed_ends_the_wait_with_its_root_exception() {
    let rest = FakeRest::start(|request| {
        if request.path.contains("exceptions") { Reply::ok(EXCEPTIONS) } else { Reply::ok(job_in("FAILED", 0)) }
    });
    let error = rest.client().wait_until_running(JOB, SOON).await.expect_err("it failed");
    assert!(error.message.ends_with("FAILED before all its tasks ran: X: lost, caused by IOException: gone"));
}

#[tokio::test]
async fn a_running_job_is_waited_for_until_its_tasks_run_over_lost_polls() {
    let polls = AtomicU32::new(0);
    let rest = FakeRest::start(move |_| match polls.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::ok(job_in("RUNNING", 1)),
        1 => Reply::status(503, "{}"),
        _ => Reply::ok(job_in("RUNNING", 2)),
    });
    assert!(rest.client().wait_until_running(JOB, SOON).await.is_ok_and(|job| job.all_tasks_run()));
}

#[tokio::test]
async fn a_wait_that_is_over_tells_which_tasks_do_not_run() {
    let rest = FakeRest::start(|request| {
        if request.path.contains("exceptions") { Reply::not_found() } else { Reply::ok(job_in("RUNNING", 1)) }
    });
    let error = rest.client().wait_until_running(JOB, Duration::ZERO).await.expect_err("time is over");
    assert!(error.message.ends_with("after 0 s: state RUNNING; src: 1 of 2 tasks run"), "{}", error.message);
    assert!(error.hint.is_some_and(|hint| hint.contains("slot")));
}

#[tokio::test]
async fn a_state_is_waited_for_over_lost_polls_and_another_end_is_an_error() {
    let served = |answers: Vec<Reply>| {
        let answers = std::sync::Mutex::new(answers.into_iter());
        let then = || Reply::ok(job_in("FINISHED", 0));
        FakeRest::start(move |_| answers.lock().expect("whole").next().unwrap_or_else(then))
    };
    let slow_start =
        served(vec![Reply::ok(job_in("RUNNING", 1)), Reply::status(503, "{}"), Reply::ok(job_in("RUNNING", 2))]);
    wait_until(&slow_start.client(), JOB, "RUNNING", SOON).await.expect("all its tasks run in the end");
    wait_until(&slow_start.client(), JOB, "FINISHED", SOON).await.expect("it ends");
    let error = wait_until(&slow_start.client(), JOB, "RUNNING", SOON).await.expect_err("it has ended");
    assert!(error.message.ends_with("has ended as FINISHED, not as RUNNING"), "{}", error.message);
    let stuck = FakeRest::start(|_| Reply::ok(job_in("RESTARTING", 0)));
    let error = wait_until(&stuck.client(), JOB, "RUNNING", Duration::ZERO).await.expect_err("time is over");
    assert!(error.message.ends_with("is not RUNNING after 0 s: it is RESTARTING"), "{}", error.message);
}

#[tokio::test]
async fn cancelling_waits_for_the_end_also_of_a_job_that_has_ended() {
    for status in [202, 409] {
        let polls = AtomicU32::new(0);
        let rest = FakeRest::start(move |request| match request.method.as_str() {
            "PATCH" => Reply::status(status, r#"{"errors":[]}"#),
            _ if polls.fetch_add(1, Ordering::SeqCst) == 0 => Reply::ok(r#"{"status":"CANCELLING"}"#),
            _ => Reply::ok(r#"{"status":"CANCELED"}"#),
        });
        assert_eq!(rest.client().cancel(JOB, SOON).await.expect("it ends"), "CANCELED");
    }
}
