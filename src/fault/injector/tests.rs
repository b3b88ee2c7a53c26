//! Order of signal, confirmation, restart and undo, over instances that only write down what is asked of them.
//! Tokio's clock is paused, so a minute held down costs nothing; that real processes end is tested elsewhere.

use std::sync::Mutex;

use futures::future::BoxFuture;

use super::*;
use crate::cluster::process::Exit;

#[derive(Default)]
struct Timeline(Mutex<Vec<String>>);

impl Timeline {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().expect("not poisoned").push(text.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

struct Fake {
    timeline: Arc<Timeline>,
    /// Not running, so that no signal reaches them.
    dead: Vec<&'static str>,
    /// Runs on after SIGTERM.
    stubborn: bool,
    killed: tokio_util::sync::CancellationToken,
}

const NOW: Between = Between { lo_epoch_ms: 1.0, hi_epoch_ms: 2.0 };

impl Instances for Fake {
    fn signal(&self, name: &str, signal: i32) -> Result<Between> {
        if self.dead.contains(&name) {
            return Err(Error::trial(format!("{name} is not running, so it cannot be hit")));
        }
        self.timeline.note(format!("signal {signal} to {name}"));
        if signal == libc::SIGKILL {
            self.killed.cancel();
        }
        Ok(NOW)
    }

    fn ended(&self, _name: &str) -> BoxFuture<'_, Result<Exit>> {
        Box::pin(async {
            if self.stubborn {
                self.killed.cancelled().await;
            }
            Ok(Exit { at_epoch_ms: 3.0, status: "signal: 9 (SIGKILL)".into(), success: false })
        })
    }

    fn holds_still(&self, _name: &str) -> BoxFuture<'_, Result<f64>> {
        Box::pin(async {
            if self.stubborn {
                self.killed.cancelled().await;
            }
            Ok(3.0)
        })
    }

    fn start(&self, name: &str) -> Result<Between> {
        self.timeline.note(format!("start {name}"));
        Ok(NOW)
    }

    fn instance(&self, name: &str) -> Result<Instance> {
        let again = self.timeline.all().contains(&format!("start {name}"));
        let number = if again { ".2" } else { "" };
        Ok(Instance { registered_as: Some(format!("{name}{number}")), ..taskmanager(name) })
    }
}

struct Journal(Arc<Timeline>);

impl Recorder for Journal {
    fn record(&self, observation: Observation) -> Result<()> {
        if let Observation::Fault(mark) = observation {
            self.0.note(format!("journal {} {} {}", mark.fault, mark.phase, mark.instance));
        }
        Ok(())
    }
}

fn taskmanager(name: &str) -> Instance {
    Instance {
        name: name.into(),
        role: Role::TaskManager,
        host: "local".into(),
        alive: true,
        registered_as: Some(name.into()),
    }
}

const ONE: &str = "taskmanager-1";
const TWO: &str = "taskmanager-2";

fn one() -> Vec<Instance> {
    vec![taskmanager(ONE)]
}

fn two() -> Vec<Instance> {
    vec![taskmanager(ONE), taskmanager(TWO)]
}

fn injector(dead: &[&'static str], stubborn: bool) -> (Injector, Arc<Timeline>) {
    let timeline = Arc::new(Timeline::default());
    let killed = tokio_util::sync::CancellationToken::new();
    let fake = Fake { timeline: Arc::clone(&timeline), dead: dead.to_vec(), stubborn, killed };
    (Injector::new(Arc::new(fake), Arc::new(Journal(Arc::clone(&timeline))), Clock::start()), timeline)
}

#[tokio::test(start_paused = true)]
async fn a_killed_instance_starts_again_after_the_time_it_is_held_down() {
    let (injector, timeline) = injector(&[], false);
    injector.inject(Kind::Kill, &one(), Duration::from_secs(60)).await.expect("injected");
    let before = ["signal 9 to taskmanager-1", "journal 1 issued taskmanager-1", "journal 1 gone taskmanager-1"];
    assert_eq!(timeline.all(), before);
    assert_eq!(injector.down(), [ONE]);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(timeline.all()[3..], ["start taskmanager-1", "journal 1 back taskmanager-1"]);
    assert!(injector.down().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hung_instance_goes_on_after_its_time_and_is_never_started() {
    let (injector, timeline) = injector(&[], false);
    injector.inject(Kind::Hang, &one(), Duration::from_secs(60)).await.expect("injected");
    let before = ["signal 19 to taskmanager-1", "journal 1 issued taskmanager-1", "journal 1 still taskmanager-1"];
    assert_eq!(timeline.all(), before);
    assert_eq!(injector.down(), [ONE]);
    let error = injector.inject(Kind::Hang, &one(), Duration::from_secs(1)).await.expect_err("it hangs");
    assert_eq!(
        (error.message.as_str(), injector.injected()),
        ("taskmanager-1 hangs already, so a hang would do nothing to it", 1)
    );
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(timeline.all()[3..], ["signal 18 to taskmanager-1", "journal 1 back taskmanager-1"]);
    injector.inject(Kind::Hang, &one(), Duration::from_secs(3600)).await.expect("it may hang again");
    injector.undo_all().await.expect("undone");
    assert_eq!(timeline.all()[8..], ["signal 18 to taskmanager-1", "journal 2 back taskmanager-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_hang_whose_instance_was_killed_meanwhile_is_undone_by_the_kill() {
    let (injector, timeline) = injector(&[], false);
    injector.inject(Kind::Hang, &one(), Duration::from_secs(60)).await.expect("injected");
    injector.inject(Kind::Kill, &one(), Duration::from_secs(3)).await.expect("injected");
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(timeline.all()[6..], ["start taskmanager-1", "journal 2 back taskmanager-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_hold_still_is_told_to_go_on_all_the_same() {
    let (injector, timeline) = injector(&[], true);
    injector.inject(Kind::Hang, &one(), Duration::from_secs(60)).await.expect_err("it still runs");
    injector.undo_all().await.expect("undone");
    let after = ["journal 1 failed taskmanager-1", "signal 18 to taskmanager-1", "journal 1 back taskmanager-1"];
    assert_eq!(timeline.all()[2..], after);
}

#[tokio::test(start_paused = true)]
async fn several_instances_are_one_fault_and_every_signal_comes_before_anything_else() {
    let (injector, timeline) = injector(&[], false);
    let fault = injector.inject(Kind::Stop, &two(), Duration::from_secs(60)).await.expect("injected");
    assert_eq!((fault.number, fault.instances), (1, vec![ONE.to_owned(), TWO.to_owned()]));
    assert_eq!(
        timeline.all(),
        [
            "signal 15 to taskmanager-1",
            "signal 15 to taskmanager-2",
            "journal 1 issued taskmanager-1",
            "journal 1 issued taskmanager-2",
            "journal 1 gone taskmanager-1",
            "journal 1 gone taskmanager-2",
        ]
    );
    assert_eq!(injector.down(), [ONE, TWO]);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let mut back = timeline.all()[6..].to_vec();
    back.sort();
    assert_eq!(
        back,
        ["journal 1 back taskmanager-1", "journal 1 back taskmanager-2", "start taskmanager-1", "start taskmanager-2"]
    );
}

#[tokio::test(start_paused = true)]
async fn of_several_instances_one_that_cannot_be_hit_fails_the_fault_and_the_others_come_back() {
    let (injector, timeline) = injector(&[TWO], false);
    injector.inject(Kind::Kill, &two(), Duration::from_secs(60)).await.expect_err("one is not running");
    injector.undo_all().await.expect("undone");
    assert_eq!(
        timeline.all(),
        [
            "signal 9 to taskmanager-1",
            "journal 1 issued taskmanager-1",
            "journal 1 failed taskmanager-2",
            "start taskmanager-1",
            "journal 1 back taskmanager-1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_not_due_yet_is_done_at_the_end_of_the_trial() {
    let (injector, timeline) = injector(&[], false);
    injector.inject(Kind::Stop, &one(), Duration::from_secs(3600)).await.expect("injected");
    injector.undo_all().await.expect("undone");
    assert_eq!(timeline.all()[3..], ["start taskmanager-1", "journal 1 back taskmanager-1"]);
    injector.undo_all().await.expect("nothing left to undo");
    assert_eq!(timeline.all().len(), 5, "an undo happens once");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_heed_sigterm_is_killed_before_it_starts_again() {
    let (injector, timeline) = injector(&[], true);
    injector.inject(Kind::Stop, &one(), Duration::from_secs(60)).await.expect_err("it still runs");
    injector.undo_all().await.expect("undone");
    assert_eq!(
        timeline.all(),
        [
            "signal 15 to taskmanager-1",
            "journal 1 issued taskmanager-1",
            "journal 1 failed taskmanager-1",
            "signal 9 to taskmanager-1",
            "start taskmanager-1",
            "journal 1 back taskmanager-1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_on_an_instance_that_is_not_running_is_written_down_as_failed() {
    let (injector, timeline) = injector(&[ONE], false);
    let error = injector.inject(Kind::Kill, &one(), Duration::ZERO).await.expect_err("nothing to hit");
    assert_eq!(error.message, "taskmanager-1 is not running, so it cannot be hit");
    assert_eq!(timeline.all(), ["journal 1 failed taskmanager-1"]);
    injector.undo_all().await.expect("nothing to undo");
    assert_eq!(timeline.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_hit_is_refused_before_anything_is_done() {
    let (injector, timeline) = injector(&[], false);
    let broker = Instance { name: "kafka-1".into(), role: Role::Kafka, registered_as: None, ..taskmanager(ONE) };
    injector.inject(Kind::Kill, &[taskmanager(ONE), broker], Duration::ZERO).await.expect_err("not allowed");
    injector.inject(Kind::Kill, &[], Duration::ZERO).await.expect_err("nothing");
    injector.inject(Kind::Kill, &[taskmanager(ONE), taskmanager(ONE)], Duration::ZERO).await.expect_err("twice");
    assert!(timeline.all().is_empty());
    assert_eq!(injector.injected(), 0);
}
