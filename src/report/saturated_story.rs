//! Hand-written histories under saturating load for the tests: constant paces, so that capacity and U are known.

use crate::analysis::history::Run;
use crate::analysis::results::{Results, analyse};
use crate::analysis::story::{Reading, Story};
use crate::record::{Axis, AxisValue, Line, Observation, Step};

/// Of both partitions, records a second without checkpoints, and what a checkpoint takes.
pub const AT_REST_PER_S: f64 = 1_600.0;
pub const COST_S: f64 = 0.1;

/// After which time of each fault the job reads again.
const RESTART_MS: f64 = 5_000.0;

const MEASURED_FROM_MS: f64 = 10_000.0;
const EVERY_MS: f64 = 25_000.0;

/// Faults at none, one, or more times; without an interval there are no checkpoints.
struct Telling {
    faults: &'static str,
    issued_ms: Vec<f64>,
    /// Told as it was drawn.
    is_even: bool,
    interval_s: Option<f64>,
    repeat: u32,
    /// What this trial reads more than others, as a share.
    faster: f64,
}

impl Telling {
    fn pace(&self) -> f64 {
        let share = 1.0 - self.interval_s.map_or(0.0, |interval| COST_S / interval);
        AT_REST_PER_S / 2e3 * share * (1.0 + self.faster)
    }

    fn lines(&self) -> Vec<Line> {
        let mut story = Story::of(self.interval_s.unwrap_or(0.0), self.repeat);
        let until = self.issued_ms.last().map_or(60_000.0, |last| last + EVERY_MS);
        story.load(until + 500.0).measured(MEASURED_FROM_MS, until);
        if !self.issued_ms.is_empty() {
            let due = self.issued_ms.iter().map(|at| (at - MEASURED_FROM_MS) / 1e3);
            let due_s = if self.is_even { Vec::new() } else { due.collect() };
            let count = self.issued_ms.len() as u32;
            story.step(Step::FaultSchedule { every_s: EVERY_MS / 1e3, count, down_for_s: Some(3.0), due_s });
        }
        let mut reading = Reading { attempt: 0, first: 0.0, until, position: 0.0, pace: self.pace() };
        let mut next_checkpoint = 1;
        for (place, issued) in self.issued_ms.iter().copied().enumerate() {
            let number = place as u32 + 1;
            let saved = self.reads(&mut story, reading, issued, &mut next_checkpoint);
            breaks(&mut story, number, issued, next_checkpoint - 1);
            reading = Reading { attempt: number, first: issued + RESTART_MS, position: saved, ..reading };
        }
        self.reads(&mut story, reading, until, &mut next_checkpoint);
        story.ends(until).lines().into_iter().map(|line| self.told(line)).collect()
    }

    /// An attempt until then, and the position of its last checkpoint.
    fn reads(&self, story: &mut Story, reading: Reading, until: f64, next_checkpoint: &mut u64) -> f64 {
        let is_last = until >= reading.until;
        // Subtasks are not sampled together, and of the last samples all have to lie behind the end.
        story.source(Reading { until: until + 500.0 * f64::from(u8::from(is_last)), ..reading });
        let Some(interval) = self.interval_s else { return reading.position };
        let mut saved = reading.position;
        let mut at = reading.first + 1e3 * interval;
        while at + 200.0 < until {
            story.checkpoint(*next_checkpoint, "completed", at, 200.0);
            saved = reading.position + reading.pace * (at - reading.first);
            *next_checkpoint += 1;
            at += 1e3 * interval;
        }
        saved
    }

    fn id(&self) -> String {
        format!("faults={},interval={}s#{}", self.faults, self.interval_s.unwrap_or(0.0), self.repeat)
    }

    /// The same under saturating load, with the other axis.
    fn told(&self, mut line: Line) -> Line {
        line.trial = line.trial.map(|_| self.id());
        match &mut line.observation {
            Observation::Step(Step::TrialStart { axes, .. }) => {
                axes.insert(0, Axis { name: "faults".into(), value: AxisValue::Text(self.faults.into()) });
            }
            Observation::Step(Step::Submitted { saturated, capacity_of, interval_s, .. }) => {
                *saturated = true;
                *capacity_of = "all the same".into();
                *interval_s = self.interval_s;
            }
            _ => {}
        }
        line
    }
}

fn breaks(story: &mut Story, number: u32, issued: f64, checkpoint: u64) {
    story
        .kill(number, "due", issued, issued)
        .kill(number, "issued", issued, issued + 2.0)
        .kill(number, "gone", issued, issued + 10.0)
        .exception(issued + 250.0)
        .job("RESTARTING", issued + 260.0)
        .kill(number, "back", issued + 3_002.0, issued + 3_004.0)
        .restored(checkpoint, issued + 4_000.0)
        .job("RUNNING", issued + 4_100.0)
        .running(number, 0, issued + 4_500.0)
        .running(number, 1, issued + 4_600.0);
}

/// Of what each study has: (faults, when, evenly).
const FIXED: (&str, [f64; 4], bool) = ("fixed", [35_000.0, 60_000.0, 85_000.0, 110_000.0], true);
const POISSON: (&str, [f64; 4], bool) = ("poisson", [31_000.0, 68_000.0, 81_000.0, 117_000.0], false);

fn tellings(intervals_s: &[Option<f64>], noise: f64) -> Vec<Telling> {
    let mut all = Vec::new();
    for repeat in 1..=2 {
        let faster = if repeat == 1 { noise } else { -noise };
        for &interval_s in intervals_s {
            all.push(Telling { faults: "none", issued_ms: Vec::new(), is_even: true, interval_s, repeat, faster });
            for (faults, issued_ms, is_even) in [FIXED, POISSON].into_iter().filter(|_| interval_s.is_some()) {
                all.push(Telling { faults, issued_ms: issued_ms.to_vec(), is_even, interval_s, repeat, faster });
            }
        }
    }
    all
}

fn results(tellings: &[Telling]) -> Results {
    analyse(&Run::from_lines(tellings.iter().flat_map(Telling::lines)), false)
}

/// Two intervals and none, two repeats, no faults and two schedules of them.
pub fn study() -> Results {
    results(&tellings(&[None, Some(2.0), Some(5.0)], 1e-4))
}

/// The same at so many intervals.
pub fn study_of(intervals: u32) -> Results {
    let intervals: Vec<Option<f64>> = (1..=intervals).map(|place| Some(1.5 * f64::from(place))).collect();
    results(&tellings(&intervals, 1e-4))
}

/// Trials that differ by more than a checkpoint costs.
pub fn noisy_study() -> Results {
    results(&tellings(&[None, Some(2.0), Some(5.0)], 0.2))
}

/// Faults, but no trial without them.
pub fn study_without_calm() -> Results {
    results(&tellings(&[Some(2.0), Some(5.0)], 0.0).into_iter().filter(|one| one.faults != "none").collect::<Vec<_>>())
}

/// No faults, and one interval.
pub fn study_of_one_interval() -> Results {
    results(&tellings(&[Some(2.0)], 0.0).into_iter().filter(|one| one.faults == "none").collect::<Vec<_>>())
}
