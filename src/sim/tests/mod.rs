//! The simulated world, driven as an experiment drives it.

mod invariants;
mod model;
mod sequences;

use std::collections::BTreeMap;

use super::*;
use crate::cluster::flink_role::Timing;
use crate::record::{EpochMs, Observation, State, Window};

pub const TOPIC: &str = "rows";
/// A time of day like any other; epochs of this size have no digits to waste.
pub const NOW: EpochMs = 1_795_280_844_621.3;

/// What an experiment sets up before it measures.
pub struct Stage {
    pub taskmanagers: u32,
    pub slots: u32,
    pub timing: Timing,
    pub conduct: Conduct,
    pub seed: u64,
    pub job: Job,
    pub load: Load,
}

impl Stage {
    /// Two TaskManagers of two slots, all of them used, ten thousand rows a second, a checkpoint each second.
    pub fn quick() -> Self {
        Self {
            taskmanagers: 2,
            slots: 2,
            timing: Timing::QUICK,
            conduct: Conduct::steady(),
            seed: 1,
            job: Job {
                name: "rows".into(),
                topic: TOPIC.into(),
                interval_ms: Some(1_000.0),
                parallelism: 4,
                window: None,
                exactly_once: false,
                state: StateKind::Buffered,
                settings: JobSettings::default(),
                from: None,
            },
            load: Load::Rate { per_s: 10_000.0 },
        }
    }

    /// The world with its job submitted and its load offered.
    pub fn begin(self) -> Play {
        let Self { taskmanagers, slots, timing, conduct, seed, job, load } = self;
        let mut world = World::new(Setup { taskmanagers, slots, timing, conduct, seed, now_ms: NOW });
        world.create_topic(TOPIC, 8).expect("it is new");
        world.offer(TOPIC, load).expect("the load is right");
        let id = world.submit(job).expect("the job is right");
        Play { world, id, told: Vec::new() }
    }
}

/// A world under way; times in ms since it began.
pub struct Play {
    pub world: World,
    pub id: JobId,
    pub told: Vec<(f64, Observation)>,
}

impl Play {
    pub fn now(&self) -> f64 {
        self.world.now_ms() - NOW
    }

    pub fn watched(mut self) -> Self {
        self.world.collect(5_000.0).expect("a step");
        self
    }

    pub fn until(&mut self, at_ms: f64) -> &mut Self {
        self.world.advance_to(NOW + at_ms);
        self.told.extend(self.world.take_observations().into_iter().map(|(at, told)| (at - NOW, told)));
        self
    }

    pub fn signal(&mut self, name: &str, signal: Signal) -> &mut Self {
        self.world.signal(name, signal).expect("it runs");
        self
    }

    pub fn start(&mut self, name: &str) -> &mut Self {
        self.world.start(name).expect("it does not run");
        self
    }

    /// What was told within [from, to), shortly: times to the millisecond, classes without their package.
    pub fn story(&self, from_ms: f64, to_ms: f64) -> Vec<String> {
        let within = self.told.iter().filter(|(at, _)| (from_ms..to_ms).contains(at));
        within.filter_map(|(at, told)| Some(format!("{at:.0} {}", brief(told)?))).collect()
    }

    /// Completed checkpoints: id, trigger, duration.
    pub fn completed(&self) -> Vec<(u64, f64, f64)> {
        let completed = self.told.iter().filter_map(|(_, told)| match told {
            Observation::Checkpoint(one) if one.status == "completed" => Some(one),
            _ => None,
        });
        completed.map(|one| (one.id, one.trigger_epoch_ms - NOW, one.duration_ms.expect("it ended"))).collect()
    }

    /// Rows as a consumer got them: when the window starts, count, written, visible.
    pub fn rows(&self) -> Vec<(i64, i64, f64, f64)> {
        let rows = self.told.iter().filter_map(|(_, told)| match told {
            Observation::Window(Window::Result {
                window_start_epoch_ms,
                count,
                written_epoch_ms,
                visible_epoch_ms,
                ..
            }) => Some((*window_start_epoch_ms, *count, written_epoch_ms - NOW, visible_epoch_ms - NOW)),
            _ => None,
        });
        rows.collect()
    }

    pub fn attempt(&self) -> u32 {
        self.world.job(self.id).expect("it was submitted").attempt
    }

    /// Advances event by event until the job has read a record of the next attempt; when that was.
    pub fn until_first(&mut self, attempt: u32) -> f64 {
        let latest = self.now() + 60_000.0;
        loop {
            assert!(self.now() < latest, "no attempt {attempt}: {:?}", self.story(0.0, latest));
            let position = self.world.position_records();
            let before = self.now();
            let next = self.world.next_event_ms().expect("something is always to come").min(self.world.now_ms() + 1.0);
            self.until(next - NOW);
            if self.attempt() == attempt && self.world.position_records() > position {
                return before;
            }
        }
    }

    pub fn alive(&self) -> Vec<String> {
        let alive =
            |instance: InstanceView| (instance.alive && instance.registered_as.is_some()).then_some(instance.name);
        self.world.instances().into_iter().filter_map(alive).collect()
    }
}

/// None for what a story leaves out: samples, rows, and tasks but those of the source's first and last.
fn brief(told: &Observation) -> Option<String> {
    match told {
        Observation::State(State::Job { state, .. }) => Some(state.clone()),
        Observation::State(State::Taskmanagers { ids, .. }) => Some(ids.join("+")),
        Observation::State(State::Subtask { vertex, subtask: 0, state, attempt, .. }) if vertex == VERTICES[0].id => {
            Some(format!("task 0.{attempt} {state}"))
        }
        Observation::State(State::Exception { name, taskmanager, .. }) => {
            let class = name.rsplit('.').next().unwrap_or(name);
            Some(format!("{class} {}", taskmanager.as_deref().unwrap_or("-")))
        }
        Observation::State(State::Restored { checkpoint, .. }) => Some(format!("restored {checkpoint}")),
        _ => None,
    }
}
