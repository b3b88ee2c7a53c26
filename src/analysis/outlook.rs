//! What an experiment will cost and tell, from a simulation of it: trials, duration, disk, expected widths.

use super::precision::{Expected, Separation, Variation, separation};
use super::results::{Results, Row, TrialResult};
use super::statistics::coefficient_of_variation;
use crate::record::Axis;

/// Where the variation comes from that the widths rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An earlier run.
    Pilot,
    /// Said on the command line.
    Stated,
    /// The simulation's own noise, which is no measurement.
    Simulation,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// In the order in which they run.
    pub trials: Vec<TrialOutlook>,
    pub combinations: Vec<Combination>,
    /// Pairs that a reader compares: each combination with each after it.
    pub separations: Vec<(String, String, Separation)>,
    pub variation: Variation,
    pub source: Source,
    /// Seconds of all trials and what lies between them.
    pub duration_s: f64,
    pub disk: Disk,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TrialOutlook {
    pub id: String,
    pub order: u32,
    pub axes: Vec<Axis>,
    /// When each fault is issued, in seconds after the start of the measured phase.
    pub faults_s: Vec<f64>,
    pub kinds: Vec<String>,
    pub measured_s: Option<f64>,
    pub total_s: f64,
    /// Why the simulated trial did not come to its end, if it did not.
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    pub name: String,
    pub expected: Option<Expected>,
    pub restart_half_width: Option<f64>,
    pub utilization_half_width: Option<f64>,
}

/// Bytes that a run on a real cluster writes, by constants of published runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    /// What stays: journal, tables, logs.
    pub kept_bytes: f64,
    /// The largest that a trial holds beside it: topics.
    pub passing_bytes: f64,
}

/// Samples of a trial with four source subtasks, five processes and a step of 250 ms: 4.1 MB in 330 s.
const SAMPLES_BYTES_PER_S: f64 = 12_500.0;
/// A result and its truth of one zone in the journal, and its row in windows.csv.
const WINDOW_BYTES: f64 = 2.0 * 240.0 + 80.0;
/// Zones with a trip in a window of two hours.
const ZONES: f64 = 140.0;
/// What samples.csv and the other tables take beside the journal's samples.
const TABLES: f64 = 0.7;
/// A row of the data set with Kafka's overhead.
const RECORD_BYTES: f64 = 120.0;
/// Logs of the instances and the pages.
const AROUND_BYTES: f64 = 10e6;

impl Outlook {
    /// `simulated` is the run on `sim`; `known` is where the variation comes from, where that is another run or was
    /// stated.
    #[must_use]
    pub fn of(simulated: &Results, known: Option<(Source, Variation)>) -> Self {
        let (source, variation) = known.unwrap_or((Source::Simulation, variation_of(simulated)));
        let combinations: Vec<Combination> =
            simulated.rows.iter().map(|row| combination(simulated, row, variation)).collect();
        let mut trials: Vec<TrialOutlook> = simulated.trials.iter().map(trial).collect();
        trials.sort_by_key(|trial| trial.order);
        Self {
            separations: separations(&combinations, variation),
            combinations,
            variation,
            source,
            duration_s: trials.iter().map(|trial| trial.total_s).sum(),
            trials,
            disk: disk(simulated),
        }
    }
}

/// Of the R of all faults and the c of all checkpoints, within their combinations.
#[must_use]
pub fn variation_of(results: &Results) -> Variation {
    let mut restarts = Vec::new();
    let mut costs = Vec::new();
    for row in &results.rows {
        let own = || results.trials.iter().filter(|trial| trial.axes == row.axes);
        let restart: Vec<f64> =
            own().flat_map(|trial| trial.faults.iter().filter_map(|fault| fault.restart_s)).collect();
        let cost: Vec<f64> = own().flat_map(|trial| trial.checkpoint_durations_s.iter().copied()).collect();
        restarts.extend(coefficient_of_variation(&restart));
        costs.extend(coefficient_of_variation(&cost));
    }
    Variation { restart: root_mean_square(&restarts), cost: root_mean_square(&costs) }
}

/// Variances are what is averaged.
fn root_mean_square(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
}

fn trial(result: &TrialResult) -> TrialOutlook {
    let measured_s = result.measured_from_epoch_ms.zip(result.measured_to_epoch_ms).map(|(from, to)| (to - from) / 1e3);
    let from = result.measured_from_epoch_ms.unwrap_or(result.start_epoch_ms);
    TrialOutlook {
        id: result.id.clone(),
        order: result.order,
        axes: result.axes.clone(),
        faults_s: result.faults.iter().filter_map(|fault| fault.phases.issued).map(|at| (at.lo - from) / 1e3).collect(),
        kinds: result.faults.iter().map(|fault| fault.kind.clone()).collect(),
        measured_s,
        total_s: result.end_epoch_ms.map_or(0.0, |end| (end - result.start_epoch_ms) / 1e3),
        error: result.error.clone(),
    }
}

fn combination(results: &Results, row: &Row, variation: Variation) -> Combination {
    let expected = expected(results, row);
    Combination {
        name: row.combination.clone(),
        restart_half_width: expected.as_ref().and_then(|expected| expected.restart_half_width(variation)),
        utilization_half_width: expected.as_ref().and_then(|expected| expected.utilization_half_width(variation)),
        expected,
    }
}

fn expected(results: &Results, row: &Row) -> Option<Expected> {
    let figure = |name: &str| row.figures.get(name).map(|figure| figure.value);
    let own: Vec<&TrialResult> = results.trials.iter().filter(|trial| trial.axes == row.axes).collect();
    let a_trial = |count: usize| count as f64 / own.len().max(1) as f64;
    Some(Expected {
        interval_s: figure("T_real_s").or(row.interval_s)?,
        cost_s: figure(row.cost)?,
        restart_s: figure("R_s")?,
        lambda_per_s: row.lambda_per_s?,
        utilization: figure("U_poisson")?,
        faults: a_trial(own.iter().map(|trial| trial.faults.len()).sum()),
        checkpoints: a_trial(own.iter().map(|trial| trial.checkpoint_durations_s.len()).sum()),
        repeats: u32::try_from(row.repeats).unwrap_or(u32::MAX),
    })
}

fn separations(combinations: &[Combination], variation: Variation) -> Vec<(String, String, Separation)> {
    let mut all = Vec::new();
    for (place, left) in combinations.iter().enumerate() {
        for right in &combinations[place + 1..] {
            if let (Some(one), Some(other)) = (&left.expected, &right.expected) {
                all.push((left.name.clone(), right.name.clone(), separation(one, other, variation)));
            }
        }
    }
    all
}

fn disk(results: &Results) -> Disk {
    let seconds = |trial: &TrialResult| trial.end_epoch_ms.map_or(0.0, |end| (end - trial.start_epoch_ms) / 1e3);
    let kept = |trial: &TrialResult| {
        seconds(trial) * SAMPLES_BYTES_PER_S * (1.0 + TABLES) + trial.windows.len() as f64 * ZONES * WINDOW_BYTES
    };
    let records = |trial: &TrialResult| trial.replay_end.as_ref().map_or(0.0, |end| end.sent as f64 * RECORD_BYTES);
    Disk {
        kept_bytes: AROUND_BYTES + results.trials.iter().map(kept).sum::<f64>(),
        passing_bytes: results.trials.iter().map(records).fold(0.0, f64::max),
    }
}
