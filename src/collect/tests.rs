//! The samplers against a scripted JobManager: what changed is written once, what repeats is not, and what
//! fails in between ends nothing.
//!
//! Most tests poll by hand, so that the script and not the clock decides what a poll sees.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::checkpoints::CheckpointWatch;
use super::job::JobWatch;
use super::outlet::Outlet;
use super::pace::Poller;
use super::sampler::ProbeSampler;
use super::taskmanagers::TaskManagerWatch;
use super::*;
use crate::flink::fake::{FakeRest, Reply};
use crate::record::{Checkpoint, Observation, State, Window};

const JOB: &str = "j";

/// A journal in memory; `full` makes it refuse everything.
#[derive(Default)]
struct Memory {
    lines: Mutex<Vec<Observation>>,
    full: bool,
}

impl Recorder for Memory {
    fn record(&self, observation: Observation) -> Result<()> {
        if self.full {
            return Err(Error::io("write the journal", std::io::Error::other("disk full")));
        }
        self.lines.lock().expect("no test panics while it writes").push(observation);
        Ok(())
    }
}

impl Memory {
    fn pick<T>(&self, pick: impl Fn(&Observation) -> Option<T>) -> Vec<T> {
        self.lines.lock().expect("no test panics while it writes").iter().filter_map(pick).collect()
    }

    /// Source, time and one value of every sample that has it.
    fn samples(&self, source: &str, name: &str) -> Vec<(f64, Option<u32>, f64)> {
        self.pick(|line| match line {
            Observation::Sample(sample) if sample.source == source => {
                let value = sample.values.iter().find(|value| value.0 == name)?;
                Some((sample.at_epoch_ms, value.2, value.3))
            }
            _ => None,
        })
    }

    fn states(&self) -> Vec<State> {
        self.pick(|line| match line {
            Observation::State(state) => Some(state.clone()),
            _ => None,
        })
    }

    fn checkpoints(&self) -> Vec<Checkpoint> {
        self.pick(|line| match line {
            Observation::Checkpoint(checkpoint) => Some(checkpoint.clone()),
            _ => None,
        })
    }

    fn texts(&self) -> Vec<String> {
        self.pick(|line| match line {
            Observation::Warning { text } | Observation::Note { text } => Some(text.clone()),
            _ => None,
        })
    }
}

fn outlet(memory: &Arc<Memory>) -> Outlet {
    Outlet::new(Clock::start(), Arc::clone(memory) as Arc<dyn Recorder>, CancellationToken::new())
}

/// Answers by path, each set by the test as it goes; what is not set is a 404, what is empty a 503.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<BTreeMap<String, String>>>);

impl Script {
    fn set(&self, path: &str, body: impl ToString) -> &Self {
        self.0.lock().expect("no answer panics").insert(path.to_owned(), body.to_string());
        self
    }

    fn fail(&self, path: &str) -> &Self {
        self.set(path, "")
    }

    fn answer(&self, path: &str) -> Reply {
        let path = path.split('?').next().unwrap_or_default();
        match self.0.lock().expect("no answer panics").get(path) {
            None => Reply::not_found(),
            Some(body) if body.is_empty() => Reply::status(503, "{}"),
            Some(body) => Reply::ok(body),
        }
    }

    fn serve(&self) -> FakeRest {
        let script = self.clone();
        FakeRest::start(move |request| script.answer(&request.path))
    }
}

fn job(state: &str, timestamps: serde_json::Value, running: u32) -> serde_json::Value {
    json!({"jid": JOB, "name": "n", "state": state, "timestamps": timestamps, "vertices": [
        {"id": "v", "name": "src", "parallelism": 1, "status": state, "tasks": {"RUNNING": running}}]})
}

fn vertex(attempt: u32, deploying_at: u32, running: bool) -> serde_json::Value {
    json!({"id": "v", "name": "src", "subtasks": [{"subtask": 0, "attempt": attempt,
        "status": if running { "RUNNING" } else { "INITIALIZING" }, "start-time": deploying_at,
        "status-duration": {"DEPLOYING": 10, "INITIALIZING": 5, "RUNNING": if running { 7 } else { -1 }}}]})
}

fn exceptions(at: &[u32]) -> serde_json::Value {
    let entries: Vec<_> = at
        .iter()
        .map(|at| json!({"exceptionName": "a.Lost", "stacktrace": "", "timestamp": at, "taskManagerId": "tm-1"}))
        .collect();
    json!({"exceptionHistory": {"entries": entries, "truncated": false}})
}

fn taskmanagers(ids: &[&str]) -> serde_json::Value {
    let list: Vec<_> = ids.iter().map(|id| json!({"id": id, "slotsNumber": 2, "freeSlots": 0})).collect();
    json!({ "taskmanagers": list })
}

#[tokio::test]
async fn a_restart_is_recorded_once_with_flinks_times_though_polls_repeat_and_fail() {
    let (script, memory) = (Script::default(), Arc::new(Memory::default()));
    script
        .set("/jobs/j", job("RUNNING", json!({"CREATED": 100, "RUNNING": 110, "RESTARTING": 0}), 1))
        .set("/jobs/j/vertices/v", vertex(0, 120, true))
        .set("/jobs/j/exceptions", exceptions(&[]));
    let rest = script.serve();
    let mut watch = JobWatch::new(&rest.client(), JOB, &outlet(&memory));
    for _ in 0..3 {
        watch.poll().await.expect("the journal takes it");
    }
    script.fail("/jobs/j");
    watch.poll().await.expect("a lost poll is a gap");
    watch.poll().await.expect("a lost poll is a gap");
    script
        .set("/jobs/j", job("RUNNING", json!({"CREATED": 100, "RUNNING": 300, "RESTARTING": 200}), 0))
        .set("/jobs/j/vertices/v", vertex(1, 310, false))
        .set("/jobs/j/exceptions", exceptions(&[199]));
    watch.poll().await.expect("the journal takes it");
    script
        .set("/jobs/j", job("RUNNING", json!({"CREATED": 100, "RUNNING": 300, "RESTARTING": 200}), 1))
        .set("/jobs/j/vertices/v", vertex(1, 310, true));
    watch.poll().await.expect("the journal takes it");

    let job = |state: &str, at_epoch_ms| State::Job { state: state.to_owned(), at_epoch_ms };
    let subtask = |attempt, state: &str, at_epoch_ms| State::Subtask {
        vertex: "v".to_owned(),
        name: "src".to_owned(),
        subtask: 0,
        attempt,
        state: state.to_owned(),
        at_epoch_ms,
    };
    let lost = State::Exception { name: "a.Lost".to_owned(), taskmanager: Some("tm-1".to_owned()), at_epoch_ms: 199.0 };
    let expected = [
        job("CREATED", 100.0),
        job("RUNNING", 110.0),
        subtask(0, "INITIALIZING", 130.0),
        subtask(0, "RUNNING", 135.0),
        job("RESTARTING", 200.0),
        job("RUNNING", 300.0),
        lost,
        subtask(1, "INITIALIZING", 320.0),
        subtask(1, "RUNNING", 325.0),
    ];
    assert_eq!(memory.states(), expected);
    let texts = memory.texts();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("job: no answer, asked on: GET /jobs/j: 503"));
    assert!(texts[1].starts_with("job: answers again, after 2 lost polls"));
}

#[tokio::test]
async fn vertices_are_asked_only_when_the_job_has_moved() {
    let (script, memory, asked) = (Script::default(), Arc::new(Memory::default()), Arc::new(AtomicU32::new(0)));
    script
        .set("/jobs/j", job("RUNNING", json!({"RUNNING": 110}), 1))
        .set("/jobs/j/vertices/v", vertex(0, 120, true))
        .set("/jobs/j/exceptions", exceptions(&[]));
    let rest = FakeRest::start({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.fetch_add(1, Ordering::SeqCst);
            script.answer(&request.path)
        }
    });
    let mut watch = JobWatch::new(&rest.client(), JOB, &outlet(&memory));
    for _ in 0..5 {
        watch.poll().await.expect("the journal takes it");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 5 + 2);
}

#[tokio::test]
async fn a_taskmanager_leaves_between_the_last_look_that_saw_it_and_the_first_that_does_not() {
    let (script, memory) = (Script::default(), Arc::new(Memory::default()));
    let rest = script.serve();
    let outlet = outlet(&memory);
    let view = outlet.view();
    let mut watch = TaskManagerWatch::new(&rest.client(), &outlet);
    script.set("/taskmanagers", taskmanagers(&["tm-2", "tm-1"]));
    watch.poll().await.expect("the journal takes it");
    let before_last_look = outlet.clock.now_epoch_ms();
    watch.poll().await.expect("the journal takes it");
    let after_last_look = outlet.clock.now_epoch_ms();
    script.fail("/taskmanagers");
    watch.poll().await.expect("a lost poll is a gap");
    script.set("/taskmanagers", taskmanagers(&["tm-2"]));
    watch.poll().await.expect("the journal takes it");
    assert_eq!(view.now.borrow().taskmanagers, Some(1));
    let [State::Taskmanagers { ids: all, .. }, State::Taskmanagers { ids, lo_epoch_ms, hi_epoch_ms }] =
        &memory.states()[..]
    else {
        panic!("two changes, not {:?}", memory.states())
    };
    assert_eq!((all.join(" "), ids.join(" ")), ("tm-1 tm-2".to_owned(), "tm-2".to_owned()));
    assert!(before_last_look <= *lo_epoch_ms && *lo_epoch_ms <= after_last_look && after_last_look < *hi_epoch_ms);
}

async fn poll(mut watch: impl Poller) -> Result<()> {
    watch.poll().await
}

fn checkpoint(id: u64, status: &str) -> serde_json::Value {
    json!({"id": id, "status": status, "is_savepoint": id == 4, "trigger_timestamp": 1000 * id,
        "latest_ack_timestamp": if status == "FAILED" { json!(-1) } else { json!(1000 * id + 50) },
        "end_to_end_duration": 50, "state_size": 9, "checkpointed_size": 3})
}

fn history(newest_first: &[(u64, &str)], restored: serde_json::Value) -> serde_json::Value {
    let history: Vec<_> = newest_first.iter().map(|(id, status)| checkpoint(*id, status)).collect();
    json!({"counts": {"restored": 0, "total": 0, "in_progress": 0, "completed": 0, "failed": 0},
        "latest": {"restored": restored}, "history": history})
}

fn details(start_delays: [i32; 2]) -> serde_json::Value {
    let subtasks: Vec<_> = start_delays
        .into_iter()
        .enumerate()
        .map(|(index, delay)| {
            json!({"index": index, "status": "completed", "start_delay": delay,
                "checkpoint": {"sync": 10 * delay, "async": 2}, "alignment": {"duration": 0}})
        })
        .collect();
    json!({"id": 1, "status": "COMPLETED", "subtasks": subtasks})
}

#[tokio::test]
async fn every_checkpoint_is_recorded_once_when_it_ends_and_the_rest_at_the_end() {
    let (script, memory) = (Script::default(), Arc::new(Memory::default()));
    script.set("/jobs/j", job("RUNNING", json!({}), 1));
    for id in [1, 3, 4] {
        script.set(&format!("/jobs/j/checkpoints/details/{id}/subtasks/v"), details([3, 7]));
    }
    let rest = script.serve();
    let outlet = outlet(&memory);
    let view = outlet.view();
    let mut watch = CheckpointWatch::new(&rest.client(), JOB, &Arc::default(), &outlet);
    script.set("/jobs/j/checkpoints", history(&[(1, "IN_PROGRESS")], json!(null)));
    poll(&mut watch).await.expect("the journal takes it");
    assert!(memory.checkpoints().is_empty());
    let restored = json!({"id": 1, "restore_timestamp": 2500, "is_savepoint": false});
    let later = [(5, "IN_PROGRESS"), (4, "COMPLETED"), (3, "COMPLETED"), (2, "FAILED"), (1, "COMPLETED")];
    script.set("/jobs/j/checkpoints", history(&later, restored));
    for _ in 0..2 {
        poll(&mut watch).await.expect("the journal takes it");
    }
    assert_eq!(view.now.borrow().completed_checkpoint, Some(3));
    script.fail("/jobs/j/checkpoints");
    let stopped = CancellationToken::new();
    stopped.cancel();
    watch.run(Duration::ZERO, stopped).await.expect("a Flink that is gone is a gap");

    let seen: Vec<_> = memory
        .checkpoints()
        .into_iter()
        .map(|one| (one.id, one.trigger, one.status, one.ack_epoch_ms, one.sync_ms, one.start_delay_ms))
        .collect();
    let row = |id: u64, trigger: &str, status: &str, ack, sync, delay| {
        (id, trigger.to_owned(), status.to_owned(), ack, sync, delay)
    };
    let expected = [
        row(1, "periodic", "completed", Some(1050.0), Some(70.0), Some(7.0)),
        row(2, "periodic", "failed", None, None, None),
        row(3, "periodic", "completed", Some(3050.0), Some(70.0), Some(7.0)),
        row(4, "savepoint", "completed", Some(4050.0), Some(70.0), Some(7.0)),
        row(5, "periodic", "in_progress", None, None, None),
    ];
    assert_eq!(seen, expected);
    assert_eq!(memory.states(), [State::Restored { checkpoint: 1, at_epoch_ms: 2500.0 }]);
}

#[tokio::test]
async fn a_checkpoint_whose_details_cannot_be_had_is_recorded_without_them() {
    let (script, memory) = (Script::default(), Arc::new(Memory::default()));
    script
        .set("/jobs/j", job("RUNNING", json!({}), 1))
        .set("/jobs/j/checkpoints", history(&[(1, "COMPLETED")], json!(null)));
    let rest = script.serve();
    let mut watch = CheckpointWatch::new(&rest.client(), JOB, &Arc::default(), &outlet(&memory));
    let mut recorded = Vec::new();
    for _ in 0..4 {
        poll(&mut watch).await.expect("the journal takes it");
        recorded.push(memory.checkpoints().len());
    }
    assert_eq!(recorded, [0, 0, 1, 1]);
    assert_eq!(memory.checkpoints()[0].sync_ms, None);
}

#[tokio::test]
async fn a_checkpoint_that_cprun_asked_for_is_manual_even_if_the_history_shows_it_before_its_id_is_known() {
    let (script, memory) = (Script::default(), Arc::new(Memory::default()));
    script
        .set("/jobs/j", job("RUNNING", json!({}), 1))
        .set("/jobs/j/checkpoints/details/1/subtasks/v", details([1, 1]))
        .set("/jobs/j/checkpoints", history(&[(1, "COMPLETED")], json!(null)))
        .set("/jobs/j/checkpoints/r", json!({"status": {"id": "IN_PROGRESS"}, "operation": null}));
    let rest = FakeRest::start({
        let script = script.clone();
        move |request| match request.method.as_str() {
            "POST" => Reply::status(202, r#"{"request-id":"r"}"#),
            _ => script.answer(&request.path),
        }
    });
    let manual = Arc::new(ManualCheckpoints::default());
    let mut watch = CheckpointWatch::new(&rest.client(), JOB, &manual, &outlet(&memory));
    let flink = rest.client();
    let trigger = manual.trigger(&flink, JOB, Duration::from_secs(5));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        poll(&mut watch).await.expect("the journal takes it");
        assert!(memory.checkpoints().is_empty(), "it may be the one that was asked for");
        script.set("/jobs/j/checkpoints/r", json!({"status": {"id": "COMPLETED"}, "operation": {"checkpointId": 1}}));
    };
    let (id, ()) = tokio::join!(trigger, meanwhile);
    assert_eq!(id.expect("it is complete"), 1);
    poll(&mut watch).await.expect("the journal takes it");
    assert_eq!(memory.checkpoints()[0].trigger, "manual");
}

/// A gauge's value; `t` its stamp, `attempt` whose it is.
fn reading(t: u32, attempt: u32, subtask: u32) -> serde_json::Value {
    let value = json!({"t": t, "opened": 1, "first": 2, "attempt": attempt, "subtask": subtask, "records": t, "bad": 0,
        "positions": {"0": t}});
    json!({"id": format!("{subtask}.Source__trips.deserializer.cprun_probe"), "value": value.to_string()})
}

#[tokio::test]
async fn a_stamp_is_recorded_once_and_only_of_the_newest_attempt() {
    let memory = Arc::new(Memory::default());
    // What each asking is answered with: stamp and attempt of subtask 0.
    let answers = [(100, 0), (100, 0), (350, 0), (350, 0), (0, 0), (350, 0), (90, 1), (600, 0), (90, 1), (340, 1)];
    let asked = AtomicU32::new(0);
    let rest = FakeRest::start(move |request| {
        if !request.path.contains("get=") {
            return Reply::ok(r#"[{"id":"0.x"},{"id":"0.Source__trips.deserializer.cprun_probe"}]"#);
        }
        let asking = asked.fetch_add(1, Ordering::SeqCst) as usize;
        match answers.get(asking.min(answers.len() - 1)) {
            Some((0, _)) => Reply::status(503, "{}"),
            Some((t, attempt)) => Reply::ok(json!([reading(*t, *attempt, 0)]).to_string()),
            None => Reply::ok("[]"),
        }
    });
    let source = SourceVertex { id: "v".to_owned(), subtasks: 1 };
    let outlet = outlet(&memory);
    let mut samples = outlet.view().samples;
    let job = CollectedJob { id: JOB.to_owned(), source: Some(source.clone()), foreign: false };
    let sampler = ProbeSampler::new(&rest.client(), &job, &source, Duration::from_millis(10), &outlet);
    let stop = CancellationToken::new();
    let sampling = tokio::spawn(sampler.run(stop.clone()));
    for expected in [100.0, 350.0, 90.0, 340.0] {
        let fresh = tokio::time::timeout(Duration::from_secs(5), samples.recv()).await.expect("it comes");
        assert_eq!(fresh.expect("it is not lagged").at_epoch_ms, expected);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    sampling.await.expect("it ends").expect("the journal takes it");
    let expected = [(100.0, Some(0), 100.0), (350.0, Some(0), 350.0), (90.0, Some(1), 90.0), (340.0, Some(1), 340.0)];
    assert_eq!(memory.samples("probe", "position.0"), expected);
    assert_eq!(memory.texts().len(), 2, "one gap, told and closed: {:?}", memory.texts());
}

fn whole_job() -> Script {
    let script = Script::default();
    script
        .set("/jobs/j", job("RUNNING", json!({"RUNNING": 110}), 1))
        .set("/jobs/j/vertices/v", vertex(0, 120, true))
        .set("/jobs/j/vertices/v/metrics", json!([reading(100, 0, 0)]))
        .set("/jobs/j/exceptions", exceptions(&[]))
        .set("/jobs/j/checkpoints", history(&[(2, "IN_PROGRESS")], json!(null)))
        .set("/taskmanagers", taskmanagers(&["tm-1"]));
    script
}

fn start(rest: &FakeRest, memory: &Arc<Memory>, end_offsets: EndOffsets) -> Collector {
    let job = CollectedJob {
        id: JOB.to_owned(),
        source: Some(SourceVertex { id: "v".to_owned(), subtasks: 1 }),
        foreign: false,
    };
    let settings = Settings { every: Duration::from_millis(10), manual: Arc::default() };
    let recorder = Arc::clone(memory) as Arc<dyn Recorder>;
    Collector::start(&rest.client(), &job, &settings, Clock::start(), recorder, Some(end_offsets))
        .expect("there are threads")
}

#[tokio::test]
async fn a_collection_shows_what_it_sees_survives_a_broker_that_fails_and_leaves_nothing_behind() {
    let (rest, memory) = (whole_job().serve(), Arc::new(Memory::default()));
    let mut asked = 0;
    let end_offsets = move || {
        asked += 1;
        if asked == 2 { Err(Error::trial("no broker")) } else { Ok(vec![5, 7 + i64::from(asked)]) }
    };
    let collector = start(&rest, &memory, Box::new(end_offsets));
    let mut view = collector.live();
    let all_seen = |live: &Live| live.job_state.as_deref() == Some("RUNNING") && live.taskmanagers == Some(1);
    let seen = tokio::time::timeout(Duration::from_secs(5), view.now.wait_for(all_seen)).await;
    assert!(seen.is_ok_and(|seen| seen.is_ok_and(|live| live.failed.is_none())));
    while memory.samples("broker", "end_offset.1").len() < 3 || memory.samples("probe", "records").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    collector.stop().await.expect("nothing failed");
    let offsets: Vec<_> = memory.samples("broker", "end_offset.1").into_iter().map(|(_, _, end)| end).collect();
    assert_eq!(offsets[..3], [8.0, 10.0, 11.0]);
    let statuses: Vec<_> = memory.checkpoints().into_iter().map(|one| (one.id, one.status)).collect();
    assert_eq!(statuses, [(2, "in_progress".to_owned())]);
    assert_eq!(Arc::strong_count(&memory), 1, "no sampler outlives the collection");
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_ends_the_collection_and_is_told() {
    let rest = whole_job().serve();
    let memory = Arc::new(Memory { full: true, ..Memory::default() });
    let collector = start(&rest, &memory, Box::new(|| Ok(vec![1])));
    let mut view = collector.live();
    let failed = tokio::time::timeout(Duration::from_secs(5), view.now.wait_for(|live| live.failed.is_some())).await;
    assert!(failed.is_ok_and(|seen| seen.is_ok()));
    let error = collector.stop().await.expect_err("it is told again");
    assert!(error.message.contains("disk full"));
}

#[tokio::test]
async fn a_collection_that_is_dropped_ends() {
    let (rest, memory) = (whole_job().serve(), Arc::new(Memory::default()));
    drop(start(&rest, &memory, Box::new(|| Ok(vec![1]))));
    for _ in 0..500 {
        if Arc::strong_count(&memory) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} samplers hold the journal", Arc::strong_count(&memory) - 1);
}

#[test]
fn rows_are_recorded_as_they_come_and_unreadable_ones_told_once_of_each_kind() {
    let memory = Arc::new(Memory::default());
    let rows = ResultRows::new(Arc::clone(&memory) as Arc<dyn Recorder>);
    let good = br#"{"w":1700000000000,"z":132,"n":4,"c":-250}"#;
    for value in [&good[..], b"{", b"{\"w\":1}", b"", b"{\"w\":1.5,\"z\":1,\"n\":1,\"c\":1}", good] {
        rows.on_result(value, 10.0, 12.0).expect("the journal takes it");
    }
    let expected = Window::Result {
        zone: Some(132),
        window_start_epoch_ms: 1_700_000_000_000,
        count: 4,
        cents: -250,
        written_epoch_ms: 10.0,
        visible_epoch_ms: 12.0,
    };
    let windows = memory.pick(|line| match line {
        Observation::Window(window) => Some(window.clone()),
        _ => None,
    });
    assert_eq!(windows, [expected.clone(), expected]);
    assert_eq!(memory.texts().len(), 2, "{:?}", memory.texts());
    rows.finish().expect("the journal takes it");
    let texts = memory.texts();
    assert_eq!(texts.len(), 4);
    assert!(texts[2..].iter().all(|text| text.starts_with("2 rows of the result topic left out")), "{texts:?}");
}
