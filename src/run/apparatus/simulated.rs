//! The simulated target: the traits of a cluster, its brokers, its JobManager and its load, over one world.
//!
//! The world knows no clock of its own. Whoever asks it something first lets it go on to the present of the
//! virtual clock, and a task lets it go on whenever something happens by itself. Everything it observed on the
//! way goes to the journal before anybody gets an answer.

mod cluster;
mod jobmanager;
mod load;
mod settings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::clock::Clock;
use crate::cluster::Needs;
use crate::cluster::flink_role::Timing;
use crate::dataset::{Counts, Dataset};
use crate::error::{Error, Result};
use crate::record::{Checkpoint, Observation, Recorder, Sample};
use crate::runtime::Runtime;
use crate::sim::{Conduct, Setup, World};

/// The name of the simulated machine in records.
const HOST: &str = "sim";
/// Virtual time between two looks at something that somebody waits for.
const POLL: Duration = Duration::from_millis(50);
/// Length of the stretches of event time in which rows are counted; within one they are spread evenly.
const BUCKET_MS: i64 = 600_000;
const SAMPLES_HELD: usize = 1024;

/// A simulated cluster; a clone is the same one.
#[derive(Clone)]
pub struct Simulated(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    clock: Clock,
    needs: Needs,
    timing: Timing,
    changed: Notify,
    samples: broadcast::Sender<Sample>,
    recorder: Mutex<Option<Arc<dyn Recorder>>>,
    /// The first observation that could not be written down.
    failed: Mutex<Option<Error>>,
    counts: Mutex<Option<(String, Arc<Counts>)>>,
    /// Of the present job, as last seen, by id.
    checkpoints: Mutex<BTreeMap<u64, Checkpoint>>,
    /// Ends of processes by instance, as they will be seen.
    gone: Mutex<BTreeMap<String, f64>>,
}

impl Simulated {
    /// A cluster that is up at once.
    #[must_use]
    pub fn new(runtime: &Runtime, clock: Clock, needs: &Needs, timing: Timing) -> Self {
        let world = world(clock, needs, timing, 0);
        let inner = Inner {
            world: Mutex::new(world),
            clock,
            needs: needs.clone(),
            timing,
            changed: Notify::new(),
            samples: broadcast::channel(SAMPLES_HELD).0,
            recorder: Mutex::default(),
            failed: Mutex::default(),
            counts: Mutex::default(),
            checkpoints: Mutex::default(),
            gone: Mutex::default(),
        };
        let inner = Arc::new(inner);
        runtime.spawn(go_on(Arc::downgrade(&inner)));
        Self(inner)
    }

    /// Looks at the world of now, or changes it.
    fn now<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let answer = self.0.at_present(look);
        self.0.changed.notify_one();
        answer
    }

    /// Lets time pass until the world gives an answer.
    async fn until<T>(
        &self,
        within: Duration,
        mut look: impl FnMut(&mut World) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let end = tokio::time::Instant::now() + within;
        loop {
            if let Some(answer) = self.now(&mut look)? {
                return Ok(Some(answer));
            }
            if tokio::time::Instant::now() >= end {
                return Ok(None);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn counts(&self, dataset: &Dataset) -> Result<Arc<Counts>> {
        let mut held = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // Two files of one name and one description hold the same rows.
        let key = format!("{} {}", dataset.name(), dataset.describe());
        if let Some((of, counts)) = held.as_ref()
            && *of == key
        {
            return Ok(Arc::clone(counts));
        }
        let counts = Arc::new(dataset.counts(BUCKET_MS)?);
        *held = Some((key, Arc::clone(&counts)));
        Ok(counts)
    }
}

fn world(clock: Clock, needs: &Needs, timing: Timing, seed: u64) -> World {
    World::new(Setup {
        taskmanagers: needs.taskmanagers,
        slots: needs.slots,
        timing,
        conduct: Conduct::default(),
        seed,
        now_ms: clock.now_epoch_ms(),
    })
}

impl Inner {
    fn at_present<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(self.clock.now_epoch_ms());
        let answer = look(&mut world);
        let observed = world.take_observations();
        drop(world);
        self.write(observed);
        answer
    }

    fn write(&self, observed: Vec<(f64, Observation)>) {
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(recorder) = recorder else { return };
        for (_, observation) in observed {
            if let Observation::Sample(sample) = &observation {
                // Nobody listening is no failure.
                drop(self.samples.send(sample.clone()));
            }
            if let Observation::Checkpoint(seen) = &observation {
                self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).insert(seen.id, seen.clone());
            }
            if let Err(error) = recorder.record(observation) {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    }
}

/// Lets the world go on whenever something happens in it by itself.
async fn go_on(world: std::sync::Weak<Inner>) {
    loop {
        let Some(inner) = world.upgrade() else { return };
        let next = inner.at_present(|world| world.next_event_ms());
        let clock = inner.clock;
        // Timers are as fine as this; an event nearer than the clock can tell would be waited for without end.
        let soonest = tokio::time::Instant::now() + Duration::from_millis(1);
        let wake = async {
            match next {
                Some(at_epoch_ms) => tokio::time::sleep_until(clock.instant_at(at_epoch_ms).max(soonest)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wake => {}
            () = inner.changed.notified() => {}
        }
        drop(inner);
        tokio::task::yield_now().await;
    }
}
