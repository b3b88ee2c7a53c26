//! All that is measured of one trial.

use crate::analysis::budget::{Budget, budget};
use crate::analysis::checkpoints::{self, CheckpointRow};
use crate::analysis::curve::Bounds;
use crate::analysis::history::Trial;
use crate::analysis::lag::{LagPoint, lag_points};
use crate::analysis::latency::{Course, commit_waits_ms, latencies_ms};
use crate::analysis::oracle::{self, WindowOutcome};
use crate::analysis::resources::{CheckpointUse, InstanceResources, Usage, checkpoint_uses, resources};
use crate::analysis::sampling::{calm_spans, missing_share};
use crate::analysis::saturation::{self, Cycle};
use crate::analysis::series::Series;
use crate::analysis::stretches::{self, Stretch};
use crate::analysis::throughput::{RatePoint, over, peak_per_s, rates, raw_of_subtask_per_s, raw_per_s, useful_per_s};
use crate::analysis::timeline::{Fault, PlannedRestart, faults, planned_restarts};
use crate::analysis::validity::{self, Evidence, Judgement, Thresholds, Verdict};
use crate::record::{Axis, EpochMs, FETCH_LATENCY, ReplayEnd, Sample};

/// The sampling step where the trial ended before it said its own, in milliseconds.
const DEFAULT_STEP_MS: f64 = 250.0;

/// One trial, measured and judged. Times are `EpochMs`; `since_start_ms` makes the CSV's milliseconds of them.
#[derive(Clone, Debug)]
pub struct TrialResult {
    pub id: String,
    pub order: u32,
    pub repeat: u32,
    pub axes: Vec<Axis>,
    pub start_epoch_ms: EpochMs,
    pub measured_from_epoch_ms: Option<EpochMs>,
    pub measured_to_epoch_ms: Option<EpochMs>,
    pub end_epoch_ms: Option<EpochMs>,
    /// As the trial ended; empty where it was interrupted.
    pub outcome: String,
    pub error: Option<String>,
    /// T as configured; None where planned restarts changed it in the measured phase.
    pub interval_s: Option<f64>,
    /// Restarts that the script asked for.
    pub restarts: Vec<PlannedRestart>,
    /// The measured phase, cut at those of them that changed T.
    pub stretches: Vec<Stretch>,
    /// 1/every of the fault schedule; None where there is none.
    pub lambda_per_s: Option<f64>,
    /// Whether the schedule sets its faults 1/λ apart, or has that distance in the mean only.
    pub even_faults: bool,
    pub faults: Vec<Fault>,
    pub checkpoints: Vec<CheckpointRow>,
    pub windows: Vec<WindowOutcome>,
    pub lag: Vec<LagPoint>,
    /// Of each sampling step of the measured phase.
    pub rates: Vec<RatePoint>,
    /// Of completed periodic checkpoints of the measured phase.
    pub checkpoint_durations_s: Vec<f64>,
    pub checkpoint_sizes_bytes: Vec<f64>,
    pub trigger_gaps_s: Vec<f64>,
    pub latencies: Latencies,
    /// Windows due in the measured phase that never arrived; None where the truth is not known.
    pub windows_missing: Option<usize>,
    pub raw_per_s: Option<f64>,
    pub useful_per_s: Option<f64>,
    /// What the schedule offered over the same phase.
    pub offered_per_s: Option<f64>,
    /// The same over the measured phase without [issued, caught_up] of the faults.
    pub raw_outside_faults_per_s: Option<f64>,
    pub useful_outside_faults_per_s: Option<f64>,
    /// The largest raw rate of each catch-up, over a second.
    pub catch_up_peaks_per_s: Vec<f64>,
    /// Whether the sink promises each result once.
    pub exactly_once: bool,
    /// What the study's harness would have read: the rate of one subtask, and Kafka's own fetch latency.
    pub raw_of_subtask_0_per_s: Option<f64>,
    pub fetch_latency_ms: Option<f64>,
    /// Where the time between the first and the last fault went; None with fewer than two faults, or planned restarts.
    pub budget: Option<Budget>,
    /// Of the measured phase.
    pub lag_max_records: Option<f64>,
    /// Of every instance and host that was sampled, by name.
    pub resources: Vec<InstanceResources>,
    /// One for each of `checkpoints`, in their order.
    pub checkpoint_uses: Vec<CheckpointUse>,
    /// The replay's own account: lateness, rate error, what was refused.
    pub replay_end: Option<ReplayEnd>,
    /// Share of the probe's samples that are missing outside recoveries.
    pub missing_samples: Option<f64>,
    /// What the capacity of a saturated job depends on, as a hash; None below saturation.
    pub capacity_of: Option<String>,
    /// From fault to fault; none below saturation.
    pub cycles: Vec<Cycle>,
    pub judgement: Judgement,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// Latencies in milliseconds, those of one window together.
pub type Clusters = Vec<Vec<f64>>;

/// Latencies of the windows due in the measured phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latencies {
    pub written_ms: Clusters,
    pub visible_ms: Clusters,
    /// Written and visible of the windows due in each part of the faults' course, in the order of `Course::ALL`.
    pub by_course: [(Clusters, Clusters); 3],
    /// visible - written outside faults.
    pub commit_waits_ms: Clusters,
}

impl Latencies {
    fn of(windows: &[WindowOutcome], faults: &[Fault], restarts: &[PlannedRestart], phase: (EpochMs, EpochMs)) -> Self {
        let both = |counts: &dyn Fn(EpochMs) -> bool| {
            let written = latencies_ms(windows, phase, counts, |window| window.written_epoch_ms);
            (written, latencies_ms(windows, phase, counts, |window| window.visible_epoch_ms))
        };
        let (written_ms, visible_ms) = both(&|_| true);
        let by_course = Course::ALL.map(|course| both(&|due| course_at(faults, restarts, due) == course));
        Self { written_ms, visible_ms, by_course, commit_waits_ms: commit_waits_ms(windows, faults, phase) }
    }
}

impl TrialResult {
    #[must_use]
    pub fn of(trial: &Trial, thresholds: &Thresholds) -> Self {
        let step_ms = trial.collecting.as_ref().map_or(DEFAULT_STEP_MS, |collecting| collecting.every_ms);
        let series = Series::of(&trial.samples);
        let lag = lag_points(&trial.samples);
        let mut faults = faults(trial, &series, &lag, step_ms);
        let saturated = trial.submitted.as_ref().filter(|submitted| submitted.saturated);
        if saturated.is_some() {
            let from = trial.measured_from_epoch_ms.unwrap_or(f64::INFINITY);
            saturation::settle(&series, &mut faults, from, step_ms);
        }
        let restarts = planned_restarts(trial, &series, &lag, step_ms);
        let disturbances = disturbances(&faults, &restarts);
        let checkpoints = checkpoints::rows(trial, &disturbances);
        let windows = oracle::judge(trial);
        let measured = trial.measured();
        let in_measured = |figure: fn(&Series, (EpochMs, EpochMs)) -> Option<f64>| figure(&series, measured?);
        let subtasks = trial.submitted.as_ref().map_or(0, |submitted| submitted.source_subtasks);
        let missing_samples =
            measured.and_then(|measured| missing_share(&series, subtasks, step_ms, measured, &disturbances));
        let resources = resources(&trial.samples, measured);
        let checkpoint_uses = checkpoint_uses(&resources, &checkpoints, measured, &disturbances);
        let due = trial.measured_from_epoch_ms.zip(trial.replay_stop_epoch_ms());
        let evidence = Evidence {
            trial,
            faults: &faults,
            disturbances: &disturbances,
            checkpoints: &checkpoints,
            windows: &windows,
            missing_samples,
            step_ms,
        };
        let calm = measured.map(|measured| calm_spans(measured, &disturbances)).unwrap_or_default();
        let stretches =
            or_none(measured, |measured| stretches::stretches(trial, &restarts, &checkpoints, measured, &disturbances));
        let checkpoint_durations_s = or_none(measured, |measured| checkpoints::durations_s(&checkpoints, measured));
        Self {
            id: trial.id.clone(),
            order: trial.order,
            repeat: trial.repeat,
            axes: trial.axes.clone(),
            start_epoch_ms: trial.start_epoch_ms,
            measured_from_epoch_ms: trial.measured_from_epoch_ms,
            measured_to_epoch_ms: trial.measured_to_epoch_ms,
            end_epoch_ms: trial.end.as_ref().map(|end| end.at_epoch_ms),
            outcome: trial.end.as_ref().map(|end| end.outcome.clone()).unwrap_or_default(),
            error: trial.end.as_ref().and_then(|end| end.error.clone()),
            interval_s: stretches::one_interval_s(trial, &stretches),
            lambda_per_s: lambda_per_s(trial),
            even_faults: even_faults(trial),
            // What a planned restart took is no part of it, and the parts must add up.
            budget: budget(&faults, &checkpoints, &checkpoint_durations_s).filter(|_| restarts.is_empty()),
            checkpoint_durations_s,
            checkpoint_sizes_bytes: or_none(measured, |measured| checkpoints::sizes_bytes(&checkpoints, measured)),
            trigger_gaps_s: or_none(measured, |measured| {
                checkpoints::trigger_gaps_s(&checkpoints, measured, &disturbances)
            }),
            latencies: due.map(|due| Latencies::of(&windows, &faults, &restarts, due)).unwrap_or_default(),
            windows_missing: due.filter(|_| trial.oracle.is_some()).map(|due| owed(&windows, due)),
            rates: or_none(measured, |measured| rates(&series, measured, step_ms)),
            raw_per_s: in_measured(raw_per_s),
            useful_per_s: in_measured(useful_per_s),
            offered_per_s: measured.and_then(|(from, to)| series.offered_per_s(from, to)),
            raw_outside_faults_per_s: over(&calm, |span| raw_per_s(&series, span)),
            useful_outside_faults_per_s: over(&calm, |span| useful_per_s(&series, span)),
            catch_up_peaks_per_s: catch_ups(&faults).filter_map(|span| peak_per_s(&series, span, step_ms)).collect(),
            exactly_once: trial.submitted.as_ref().is_some_and(|submitted| submitted.exactly_once),
            raw_of_subtask_0_per_s: measured.and_then(|measured| raw_of_subtask_per_s(&series, 0, measured)),
            fetch_latency_ms: measured.and_then(|measured| fetch_latency_ms(&trial.samples, measured)),
            lag_max_records: measured.and_then(|measured| largest(&lag, &faults, measured)),
            resources,
            checkpoint_uses,
            replay_end: trial.replay_end.clone(),
            missing_samples,
            capacity_of: saturated.map(|submitted| submitted.capacity_of.clone()),
            // A planned restart in a cycle would count as its loss.
            cycles: saturated.filter(|_| restarts.is_empty()).map(|_| saturation::cycles(&faults)).unwrap_or_default(),
            judgement: validity::judge(&evidence, thresholds),
            notes: trial.notes.clone(),
            warnings: trial.warnings.clone(),
            faults,
            restarts,
            stretches,
            checkpoints,
            windows,
            lag,
        }
    }

    /// Milliseconds since the trial's start, as every time in a CSV.
    #[must_use]
    pub fn since_start_ms(&self, at: EpochMs) -> f64 {
        at - self.start_epoch_ms
    }

    /// Whether its windows were held against the input topic.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        self.windows.iter().any(|window| window.oracle.is_some()) || self.windows_missing.is_some()
    }

    /// One figure of what each checkpoint of the measured phase took.
    pub fn of_checkpoints(&self, figure: impl Fn(&CheckpointUse) -> Option<f64>) -> Vec<f64> {
        let (Some(from), to) = (self.measured_from_epoch_ms, self.measured_to_epoch_ms.unwrap_or(f64::INFINITY)) else {
            return Vec::new();
        };
        let measured = |row: &CheckpointRow| (from..=to).contains(&row.checkpoint.trigger_epoch_ms);
        let uses = self.checkpoints.iter().zip(&self.checkpoint_uses).filter(|(row, _)| measured(row));
        uses.filter_map(|(_, spent)| figure(spent)).collect()
    }

    /// What all TaskManagers together have of a figure; None where one of them has none.
    pub fn of_taskmanagers(&self, figure: impl Fn(&Usage) -> Option<f64>) -> Option<Vec<f64>> {
        let taskmanagers = self.resources.iter().filter(|instance| instance.is_taskmanager());
        let values: Option<Vec<f64>> = taskmanagers.map(|instance| figure(&instance.usage)).collect();
        values.filter(|values| !values.is_empty())
    }

    /// [issued, caught_up] of each fault and of each planned restart, in the order of time.
    #[must_use]
    pub fn disturbances(&self) -> Vec<Bounds> {
        disturbances(&self.faults, &self.restarts)
    }

    /// The measured phase, as far as it got.
    #[must_use]
    pub fn measured(&self) -> Option<(EpochMs, EpochMs)> {
        let last = || self.rates.last().map(|point| point.at_epoch_ms);
        self.measured_from_epoch_ms.zip(self.measured_to_epoch_ms.or_else(last))
    }

    /// Whether it may be compared with others: it came to its end, and nothing makes it invalid.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.judgement.verdict != Verdict::Invalid && self.outcome == "done"
    }

    /// How far the source stood behind at the end of the measured phase, in seconds of the offered rate.
    #[must_use]
    pub fn lag_at_end_s(&self) -> Option<f64> {
        let (from, to) = self.measured()?;
        let last = self.lag.iter().rev().find(|point| (from..=to).contains(&point.at_epoch_ms))?;
        Some(last.lag / self.offered_per_s.filter(|rate| *rate > 0.0)?)
    }

    /// Whether it measures a capacity: nothing was broken or restarted in it, and nothing makes it invalid.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        let moved = !self.restarts.is_empty();
        self.is_sound() && self.faults.is_empty() && self.lambda_per_s.is_none() && !moved
    }

    /// The combination of axes: the id without its repeat.
    #[must_use]
    pub fn combination(&self) -> &str {
        self.id.rsplit_once('#').map_or(&self.id, |(combination, _)| combination)
    }
}

/// Which part of the course of a fault or a planned restart a window was due in.
fn course_at(faults: &[Fault], restarts: &[PlannedRestart], due: EpochMs) -> Course {
    let Some(restart) = restarts.iter().rev().find(|restart| restart.begun <= due) else {
        return Course::at(faults, due);
    };
    let issued_since =
        |fault: &Fault| fault.phases.issued.is_some_and(|issued| restart.begun < issued.lo && issued.lo <= due);
    if faults.iter().any(issued_since) {
        return Course::at(faults, due);
    }
    if restart.over.is_some_and(|over| over <= due) {
        return Course::Calm;
    }
    if restart.first.is_some_and(|first| first <= due) { Course::CatchUp } else { Course::Down }
}

/// [issued, caught_up] of each fault and planned restart; one after which the job never caught up disturbs until the
/// next one, the last for good.
fn disturbances(faults: &[Fault], restarts: &[PlannedRestart]) -> Vec<Bounds> {
    let issued = faults.iter().filter_map(|fault| Some(fault.phases.issued?.lo));
    let begins: Vec<EpochMs> = issued.chain(restarts.iter().map(|restart| restart.begun)).collect();
    let next = |at: EpochMs| begins.iter().copied().filter(|&next| next > at).fold(f64::INFINITY, f64::min);
    let of_faults = faults.iter().filter_map(|fault| {
        let (lo, hi) = fault.disturbed(next(fault.phases.issued?.lo))?;
        Some(Bounds { lo, hi })
    });
    let mut spans: Vec<Bounds> = of_faults.collect();
    spans.extend(restarts.iter().map(|restart| restart.disturbed(next(restart.begun))));
    spans.sort_by(|left, right| left.lo.total_cmp(&right.lo));
    spans
}

/// From `first` to `caught_up` of each fault that has both.
fn catch_ups(faults: &[Fault]) -> impl Iterator<Item = (EpochMs, EpochMs)> + '_ {
    faults.iter().filter_map(|fault| Some((fault.phases.first?.hi, fault.phases.caught_up?.hi)))
}

/// Mean of Kafka's `fetch-latency-avg` over all samples and subtasks, as the study's harness takes it; NaN is what
/// the client shows before its first fetch.
fn fetch_latency_ms(samples: &[Sample], (from, to): (EpochMs, EpochMs)) -> Option<f64> {
    let told = samples.iter().filter(|sample| sample.source == "flink" && (from..=to).contains(&sample.at_epoch_ms));
    let values: Vec<f64> = told
        .flat_map(|sample| &sample.values)
        .filter(|value| value.0 == FETCH_LATENCY && value.3.is_finite())
        .map(|value| value.3)
        .collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn lambda_per_s(trial: &Trial) -> Option<f64> {
    trial.schedule.as_ref().filter(|schedule| schedule.count > 0).map(|schedule| 1.0 / schedule.every_s)
}

/// Whether fault i is due at i times the mean distance.
fn even_faults(trial: &Trial) -> bool {
    trial.schedule.as_ref().is_some_and(|schedule| {
        let off = |(number, due_s): (u32, &f64)| (due_s - f64::from(number) * schedule.every_s).abs();
        (1..).zip(&schedule.due_s).map(off).all(|off_s| off_s <= 1e-6 * schedule.every_s)
    })
}

/// How many windows were due within [from, to] and never arrived.
fn owed(windows: &[WindowOutcome], (from, to): (EpochMs, EpochMs)) -> usize {
    let is_due = |window: &&WindowOutcome| window.due_epoch_ms.is_some_and(|due| (from..=to).contains(&due));
    windows.iter().filter(is_due).filter(|window| window.written_epoch_ms.is_none()).count()
}

fn or_none<T>(phase: Option<(EpochMs, EpochMs)>, values: impl FnOnce((EpochMs, EpochMs)) -> Vec<T>) -> Vec<T> {
    phase.map(values).unwrap_or_default()
}

/// Of the lag points and of the peaks of the recoveries.
fn largest(lag: &[LagPoint], faults: &[Fault], (from, to): (EpochMs, EpochMs)) -> Option<f64> {
    let points = lag.iter().map(|point| (point.at_epoch_ms, point.lag));
    let peaks = faults.iter().filter_map(|fault| Some((fault.phases.first?.hi, fault.peak_lag?)));
    points.chain(peaks).filter(|(at, _)| (from..=to).contains(at)).map(|(_, lag)| lag).reduce(f64::max)
}
