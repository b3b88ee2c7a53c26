//! The mechanisms against the models: the mean of many simulated experiments has the value of the formula.
//!
//! Two things lie between the two, and each is held against its own prediction instead of being tuned away.
//!
//! A checkpoint saves the position at its trigger, and counts from its completion d later. The formulas charge c
//! for that and know no d. Where a snapshot stops the job (c = d) the two agree; where the job reads on, a fault
//! loses d - c more than they say, so that U is lower by (d - c)/F.
//!
//! Measured U is a ratio. Under faults at random its mean over experiments of N faults lies below the limit of
//! one long experiment, by about λ(R + T/2)/(N - 1), which for thirty faults is more than half the width of the
//! interval of two hundred experiments. Weighted by their lengths, which makes them one long experiment, they
//! have the value of the formula; unweighted, the one expected for thirty faults.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::analysis::model::{Conditions, Model, utilization};

/// How the faults come.
#[derive(Clone, Copy)]
enum Faults {
    Poisson,
    Schedule,
}

/// Saturating load, four TaskManagers with a slot each, no spare one.
struct Experiment {
    faults: Faults,
    conduct: Conduct,
}

const INTERVAL_MS: f64 = 10_000.0;
const BETWEEN_MS: f64 = 60_000.0;
const HOLD_MS: f64 = 3_000.0;
const FAULTS: usize = 30;
const SEEDS: u64 = 200;

/// What one experiment measured, in ms of work at capacity and ms of time.
struct Measured {
    progress: f64,
    gaps: Vec<f64>,
}

impl Measured {
    fn span(&self) -> f64 {
        self.gaps.iter().sum()
    }
}

/// A mean, and half of its 95 % interval.
#[derive(Debug)]
struct Mean {
    value: f64,
    half: f64,
}

impl Mean {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let value = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|one| (one - value).powi(2)).sum::<f64>() / (n - 1.0);
        // Student's t of 199 degrees of freedom.
        Self { value, half: 1.972 * (variance / n).sqrt() }
    }

    /// Σ progress over Σ span, by the residuals of that ratio.
    fn weighted(all: &[Measured]) -> Self {
        let spans: f64 = all.iter().map(Measured::span).sum();
        let value = all.iter().map(|one| one.progress).sum::<f64>() / spans;
        let residuals: Vec<f64> = all.iter().map(|one| one.progress - value * one.span()).collect();
        Self { value, half: Self::of(&residuals).half / (spans / all.len() as f64) }
    }

    fn unweighted(all: &[Measured]) -> Self {
        Self::of(&all.iter().map(|one| one.progress / one.span()).collect::<Vec<f64>>())
    }

    #[track_caller]
    fn has(&self, expected: f64, what: &str) {
        assert!((self.value - expected).abs() <= self.half, "{what}: {self:?}, but {expected} is expected");
    }
}

impl Experiment {
    fn all(&self) -> Vec<Measured> {
        (1..=SEEDS).map(|seed| self.measured(seed)).collect()
    }

    /// By the definition of measured U: restored progress from the first fault to the last.
    fn measured(&self, seed: u64) -> Measured {
        let mut stage = Stage::quick();
        (stage.taskmanagers, stage.slots) = (4, 1);
        stage.conduct = self.conduct.clone();
        stage.seed = seed;
        stage.job.interval_ms = Some(INTERVAL_MS);
        stage.load = Load::Saturating { rows_per_event_ms: None };
        let mut play = stage.begin();
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut returns: Vec<(f64, String)> = Vec::new();
        let mut due = 60_000.0;
        let mut restored = Vec::new();
        let mut gaps = Vec::new();
        while restored.len() < FAULTS {
            for (at, name) in returns.extract_if(.., |(at, _)| *at <= due) {
                play.until(at).start(&name);
            }
            play.until(due);
            let alive = play.alive().into_iter().filter(|name| !returns.iter().any(|(_, held)| held == name));
            let hit = alive.collect::<Vec<_>>().choose(&mut chance).expect("one of four is alive").clone();
            play.signal(&hit, Signal::Kill);
            returns.push((due + HOLD_MS, hit));
            restored.push(play.world.restored_records());
            gaps.push(match self.faults {
                Faults::Schedule => BETWEEN_MS,
                Faults::Poisson => -BETWEEN_MS * (1.0 - chance.random::<f64>()).ln(),
            });
            due += gaps[gaps.len() - 1];
        }
        // The last fault ends the last cycle.
        gaps.pop();
        let capacity_per_ms = self.conduct.capacity_per_subtask_per_s * 4.0 / 1e3;
        Measured { progress: (restored[FAULTS - 1] - restored[0]) / capacity_per_ms, gaps }
    }

    fn cost_ms(&self) -> f64 {
        self.conduct.cost_ms(self.conduct.state_base_bytes)
    }

    fn duration_ms(&self) -> f64 {
        self.conduct.snapshot_ms(self.conduct.state_base_bytes)
    }

    fn restart_ms(&self) -> f64 {
        let conduct = &self.conduct;
        let ready = conduct.slot_offer_ms + conduct.deploy_ms + conduct.initialize_ms + conduct.first_record_ms;
        HOLD_MS + conduct.taskmanager_start_ms + ready
    }

    fn model(&self) -> f64 {
        let model = match self.faults {
            Faults::Poisson => Model::Flink,
            Faults::Schedule => Model::Schedule,
        };
        let conditions = Conditions::new(self.cost_ms() / 1e3, self.restart_ms() / 1e3, 1e3 / BETWEEN_MS);
        utilization(model, INTERVAL_MS / 1e3, &conditions).expect("in range")
    }

    /// Work saved in a cycle of that length, by `schedule`'s numerator: what the prediction given the realised
    /// kill times adds up.
    fn saved_ms(&self, gap_ms: f64) -> f64 {
        let (c, left) = (self.cost_ms(), gap_ms - self.restart_ms());
        if left <= 0.0 {
            0.0
        } else if INTERVAL_MS <= left {
            left * (1.0 - c / INTERVAL_MS) - INTERVAL_MS / 2.0
        } else {
            left / INTERVAL_MS * (left / 2.0 - c)
        }
    }

    /// The same with what the formulas leave out: a checkpoint counts d after its trigger, and its own cost comes
    /// after the position that it saves.
    fn saved_with_delay_ms(&self, gap_ms: f64) -> f64 {
        let (c, left) = (self.cost_ms(), gap_ms - self.restart_ms() - self.duration_ms());
        if left <= 0.0 {
            0.0
        } else if INTERVAL_MS <= left {
            left * (1.0 - c / INTERVAL_MS) - INTERVAL_MS / 2.0 + c
        } else {
            left * left / (2.0 * INTERVAL_MS)
        }
    }

    /// Differences of measured and predicted U, the prediction given the realised kill times.
    fn against(&self, all: &[Measured], saved: impl Fn(f64) -> f64) -> Mean {
        let predicted = |one: &Measured| one.gaps.iter().map(|&gap| saved(gap)).sum::<f64>();
        Mean::of(&all.iter().map(|one| (one.progress - predicted(one)) / one.span()).collect::<Vec<f64>>())
    }
}

/// One R by construction: no noise, no state to fetch, and a Flink that waits for its TaskManagers.
fn steady(snapshot_share: f64) -> Conduct {
    Conduct { snapshot_share, startup_period_ms: f64::INFINITY, restore_bytes_per_s: None, ..Conduct::steady() }
}

/// The mean of progress/span over experiments of `FAULTS` faults at random. Of n gaps that add up to S one is
/// S·B, B and S independent, B of density (n-1)(1-b)^(n-2); S is a gamma variable.
fn expected_of_ratios(saved: impl Fn(f64) -> f64) -> f64 {
    let n = (FAULTS - 1) as f64;
    // E[saved(S·B)/S], by the midpoint rule.
    let steps = 2_000;
    let ln_factorial: f64 = (1..FAULTS - 1).map(|k| (k as f64).ln()).sum();
    let mut mean = 0.0;
    for place in 0..steps {
        let s = 4.0 * n * (place as f64 + 0.5) / f64::from(steps);
        let density = ((n - 1.0) * s.ln() - s - ln_factorial).exp() * 4.0 * n / f64::from(steps);
        if density < 1e-12 {
            continue;
        }
        let of_share = |share: u32| {
            let b = (f64::from(share) + 0.5) / f64::from(steps);
            saved(s * b * BETWEEN_MS) * (n - 1.0) * (1.0 - b).powf(n - 2.0) / f64::from(steps)
        };
        mean += density * (0..steps as u32).map(of_share).sum::<f64>() / (s * BETWEEN_MS);
    }
    n * mean
}

#[test]
fn faults_at_random_give_the_value_of_flink_where_a_snapshot_stops_the_job() {
    let experiment = Experiment { faults: Faults::Poisson, conduct: steady(1.0) };
    let all = experiment.all();
    Mean::weighted(&all).has(experiment.model(), "flink");
    let expected = expected_of_ratios(|gap| experiment.saved_ms(gap));
    assert!(experiment.model() - expected > 0.004, "thirty faults: {expected}");
    Mean::unweighted(&all).has(expected, "flink, of thirty faults");
    experiment.against(&all, |gap| experiment.saved_ms(gap)).has(0.0, "given the kill times");
}

#[test]
fn faults_by_the_clock_give_the_value_of_schedule_where_a_snapshot_stops_the_job() {
    let experiment = Experiment { faults: Faults::Schedule, conduct: steady(1.0) };
    Mean::unweighted(&experiment.all()).has(experiment.model(), "schedule");
}

#[test]
fn a_job_that_reads_on_during_snapshots_loses_their_duration_less_their_cost_at_each_fault() {
    for faults in [Faults::Poisson, Faults::Schedule] {
        let experiment = Experiment { faults, conduct: steady(0.2) };
        let all = experiment.all();
        experiment.against(&all, |gap| experiment.saved_with_delay_ms(gap)).has(0.0, "with the delay");
        let formula = experiment.against(&all, |gap| experiment.saved_ms(gap));
        assert!(formula.value + formula.half < 0.0, "the formula promises more: {formula:?}");
    }
}
