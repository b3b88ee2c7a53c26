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
    dead: bool,
}

const NOW: Between = Between { lo_epoch_ms: 1.0, hi_epoch_ms: 2.0 };

impl Instances for Fake {
    fn signal(&self, name: &str, signal: i32) -> Result<Between> {
        if self.dead {
            return Err(Error::trial(format!("{name} is not running, so it cannot be hit")));
        }
        self.timeline.note(format!("signal {signal} to {name}"));
        Ok(NOW)
    }

    fn ended(&self, _name: &str) -> BoxFuture<'_, Result<Exit>> {
        Box::pin(async { Ok(Exit { at_epoch_ms: 3.0, status: "signal: 9 (SIGKILL)".into(), success: false }) })
    }

    fn start(&self, name: &str) -> Result<Between> {
        self.timeline.note(format!("start {name}"));
        Ok(NOW)
    }

    fn instance(&self, name: &str) -> Result<Instance> {
        Ok(Instance { registered_as: Some(format!("{name}.2")), ..taskmanager() })
    }
}

struct Journal(Arc<Timeline>);

impl Recorder for Journal {
    fn record(&self, observation: Observation) -> Result<()> {
        if let Observation::Fault(mark) = observation {
            self.0.note(format!("journal {} {}", mark.fault, mark.phase));
        }
        Ok(())
    }
}

fn taskmanager() -> Instance {
    Instance {
        name: "taskmanager-1".into(),
        role: Role::TaskManager,
        host: "local".into(),
        alive: true,
        registered_as: Some("taskmanager-1".into()),
    }
}

fn injector(dead: bool) -> (Injector, Arc<Timeline>) {
    let timeline = Arc::new(Timeline::default());
    let fake = Fake { timeline: Arc::clone(&timeline), dead };
    (Injector::new(Arc::new(fake), Arc::new(Journal(Arc::clone(&timeline))), Clock::start()), timeline)
}

#[tokio::test(start_paused = true)]
async fn a_killed_instance_starts_again_after_the_time_it_is_held_down() {
    let (injector, timeline) = injector(false);
    injector.inject(Kind::Kill, &taskmanager(), Duration::from_secs(60)).await.expect("injected");
    let before = ["signal 9 to taskmanager-1", "journal 1 issued", "journal 1 gone"];
    assert_eq!(timeline.all(), before);
    assert_eq!(injector.down(), ["taskmanager-1"]);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(timeline.all()[3..], ["start taskmanager-1", "journal 1 back"]);
    assert!(injector.down().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_not_due_yet_is_done_at_the_end_of_the_trial() {
    let (injector, timeline) = injector(false);
    injector.inject(Kind::Stop, &taskmanager(), Duration::from_secs(3600)).await.expect("injected");
    injector.undo_all().await.expect("undone");
    assert_eq!(
        timeline.all(),
        ["signal 15 to taskmanager-1", "journal 1 issued", "journal 1 gone", "start taskmanager-1", "journal 1 back"]
    );
    injector.undo_all().await.expect("nothing left to undo");
    assert_eq!(timeline.all().len(), 5, "an undo happens once");
}

#[tokio::test(start_paused = true)]
async fn a_fault_on_an_instance_that_is_not_running_is_written_down_as_failed() {
    let (injector, timeline) = injector(true);
    let error = injector.inject(Kind::Kill, &taskmanager(), Duration::ZERO).await.expect_err("nothing to hit");
    assert_eq!(error.message, "taskmanager-1 is not running, so it cannot be hit");
    assert_eq!(timeline.all(), ["journal 1 failed"]);
    injector.undo_all().await.expect("nothing to undo");
}

#[tokio::test(start_paused = true)]
async fn only_taskmanagers_may_be_hit() {
    let (injector, timeline) = injector(false);
    let broker = Instance { name: "kafka-1".into(), role: Role::Kafka, registered_as: None, ..taskmanager() };
    injector.inject(Kind::Kill, &broker, Duration::ZERO).await.expect_err("not allowed");
    assert!(timeline.all().is_empty());
}
