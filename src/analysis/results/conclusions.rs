//! The study's four conclusions about T, tested on the run's own data, by its definitions and by ours.
//!
//! Each says how a quantity moves as the checkpoint interval grows. It is tested as a slope: the logarithm of
//! one figure a trial over log2 T, so that the slope is the relative change when T doubles, with Student's 95 %
//! interval. R_study may be negative and has no logarithm: its change is in seconds. It holds where the interval lies on the claimed side of zero, does not hold where it lies on the
//! other, and cannot be told where zero is in it. With one trial of an interval nothing is compared: what varies
//! within a trial is no measure of how trials vary. A trial that is invalid or failed compares nothing either.

use serde::Serialize;

use super::axes;
use super::optimum::by_other_axes;
use super::row::Row;
use super::trial::TrialResult;
use crate::analysis::checkpoints;
use crate::analysis::statistics::{Figure, Scale, quantile_of_sorted, slope};
use crate::record::Axis;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    Holds,
    DoesNotHold,
    CannotBeTold,
}

impl Finding {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::CannotBeTold => "cannot be told",
        }
    }
}

/// One conclusion, by one definition, for the rows that differ only in their interval.
#[derive(Clone, Debug, Serialize)]
pub struct Conclusion {
    #[serde(serialize_with = "axes::serialize")]
    pub axes: Vec<Axis>,
    /// `throughput`, `latency`, `recovery` or `checkpoint duration`.
    pub about: &'static str,
    pub claim: &'static str,
    /// `study` or `cprun`.
    pub definition: &'static str,
    pub figure: &'static str,
    pub finding: Finding,
    /// Change of the figure when T doubles.
    pub change_per_doubling: Option<Figure>,
    /// `share` or `s`: what that change is in.
    pub change_unit: &'static str,
    /// Why it cannot be told.
    pub reason: Option<String>,
}

/// What is tested: a claim, and by which figure of a trial.
struct Test {
    about: &'static str,
    claim: &'static str,
    rises: bool,
    definition: &'static str,
    figure: &'static str,
    scale: Scale,
    of: fn(&TrialResult) -> Option<f64>,
}

const LONGER_MORE: &str = "a longer interval gives more throughput";
const LONGER_FASTER: &str = "a longer interval gives lower latency";
const LONGER_RESTART: &str = "a longer interval makes recovery longer";
const LONGER_CHECKPOINT: &str = "a longer interval makes a checkpoint longer";

const TESTS: [Test; 9] = [
    Test {
        about: "throughput",
        claim: LONGER_MORE,
        rises: true,
        definition: "study",
        figure: "raw rate of one subtask",
        scale: Scale::Log,
        of: |trial| trial.raw_of_subtask_0_per_s,
    },
    Test {
        about: "throughput",
        claim: LONGER_MORE,
        rises: true,
        definition: "cprun",
        figure: "useful rate over offered rate",
        scale: Scale::Log,
        of: |trial| Some(trial.useful_per_s? / trial.offered_per_s?),
    },
    Test {
        about: "latency",
        claim: LONGER_FASTER,
        rises: false,
        definition: "study",
        figure: "mean of Kafka's fetch latency",
        scale: Scale::Log,
        of: |trial| trial.fetch_latency_ms,
    },
    Test {
        about: "latency",
        claim: LONGER_FASTER,
        rises: false,
        definition: "cprun",
        figure: "p99 of visible",
        scale: Scale::Log,
        of: |trial| percentile(trial.latencies.visible_ms.concat(), 0.99),
    },
    Test {
        about: "recovery",
        claim: LONGER_RESTART,
        rises: true,
        definition: "study",
        figure: "mean R_study",
        scale: Scale::Linear,
        of: |trial| mean(trial.faults.iter().filter_map(|fault| fault.study_s).collect()),
    },
    Test {
        about: "recovery",
        claim: LONGER_RESTART,
        rises: true,
        definition: "cprun",
        figure: "mean R",
        scale: Scale::Log,
        of: |trial| mean(trial.faults.iter().filter_map(|fault| fault.restart_s).collect()),
    },
    Test {
        about: "recovery",
        claim: LONGER_RESTART,
        rises: true,
        definition: "cprun",
        figure: "mean time until caught up",
        scale: Scale::Log,
        of: |trial| mean(trial.faults.iter().filter_map(|fault| fault.caught_up_s).collect()),
    },
    Test {
        about: "checkpoint duration",
        claim: LONGER_CHECKPOINT,
        rises: true,
        definition: "study",
        figure: "mean duration",
        scale: Scale::Log,
        of: |trial| mean(trial.checkpoint_durations_s.clone()),
    },
    Test {
        about: "checkpoint duration",
        claim: LONGER_CHECKPOINT,
        rises: true,
        definition: "cprun",
        figure: "mean duration outside faults",
        scale: Scale::Log,
        of: |trial| {
            let phase = trial.measured_from_epoch_ms.zip(trial.measured_to_epoch_ms)?;
            mean(checkpoints::calm_durations_s(&trial.checkpoints, phase))
        },
    },
];

pub fn conclusions(rows: &[Row], trials: &[TrialResult]) -> Vec<Conclusion> {
    let groups = by_other_axes(rows);
    groups.iter().flat_map(|(axes, rows)| TESTS.iter().map(|test| conclude(test, axes, rows, trials))).collect()
}

fn conclude(test: &Test, axes: &[Axis], rows: &[&Row], trials: &[TrialResult]) -> Conclusion {
    let (finding, change, reason) = match points(test, rows, trials) {
        Err(reason) => (Finding::CannotBeTold, None, Some(reason)),
        Ok(points) => judged(slope(&points), test.rises),
    };
    let (change_per_doubling, change_unit) = match test.scale {
        Scale::Log => (change.map(relative), "share"),
        Scale::Linear => (change, "s"),
    };
    Conclusion {
        axes: axes.to_vec(),
        about: test.about,
        claim: test.claim,
        definition: test.definition,
        figure: test.figure,
        finding,
        change_per_doubling,
        change_unit,
        reason,
    }
}

/// (log2 T, the figure on its scale) of each trial that may be compared, or why none may.
fn points(test: &Test, rows: &[&Row], trials: &[TrialResult]) -> Result<Vec<(f64, f64)>, String> {
    if rows.len() < 2 {
        return Err("one interval".into());
    }
    let mut points = Vec::new();
    for row in rows {
        // Every trial of such a row failed before its job was submitted.
        let Some(interval) = row.interval_s else { continue };
        let of_row = trials.iter().filter(|trial| trial.combination() == row.combination && trial.is_sound());
        let values: Vec<f64> = of_row.filter_map(test.of).filter(|value| value.is_finite()).collect();
        if values.len() < 2 {
            return Err(format!(
                "{} at T = {interval} s: at least two are needed",
                if values.len() == 1 { "one sound trial with this figure" } else { "no sound trial with this figure" }
            ));
        }
        if test.scale == Scale::Log && values.iter().any(|value| *value <= 0.0) {
            return Err(format!("a value that is not above zero at T = {interval} s has no logarithm"));
        }
        let scaled = |value: f64| if test.scale == Scale::Log { value.ln() } else { value };
        points.extend(values.into_iter().map(|value| (interval.log2(), scaled(value))));
    }
    Ok(points)
}

fn judged(change: Option<Figure>, rises: bool) -> (Finding, Option<Figure>, Option<String>) {
    let Some((lo, hi)) = change.and_then(|change| change.lo.zip(change.hi)) else {
        return (Finding::CannotBeTold, change, Some("the intervals do not differ".into()));
    };
    let (claimed, opposite) = if rises { (lo > 0.0, hi < 0.0) } else { (hi < 0.0, lo > 0.0) };
    match (claimed, opposite) {
        (true, _) => (Finding::Holds, change, None),
        (_, true) => (Finding::DoesNotHold, change, None),
        _ => (Finding::CannotBeTold, change, Some("the 95 % interval of the change holds zero".into())),
    }
}

/// From a slope of logarithms to a share: 0.1 is 10 % more when T doubles.
fn relative(change: Figure) -> Figure {
    Figure { value: change.value.exp_m1(), lo: change.lo.map(f64::exp_m1), hi: change.hi.map(f64::exp_m1), n: change.n }
}

fn mean(values: Vec<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn percentile(mut values: Vec<f64>, probability: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile_of_sorted(&values, probability))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(lo: f64, hi: f64) -> Option<Figure> {
        Some(Figure { value: f64::midpoint(lo, hi), lo: Some(lo), hi: Some(hi), n: 6 })
    }

    #[test]
    fn a_finding_follows_from_where_the_interval_lies() {
        assert_eq!(judged(change(0.1, 0.3), true).0, Finding::Holds);
        assert_eq!(judged(change(0.1, 0.3), false).0, Finding::DoesNotHold);
        assert_eq!(judged(change(-0.3, -0.1), true).0, Finding::DoesNotHold);
        assert_eq!(judged(change(-0.3, -0.1), false).0, Finding::Holds);
        let (finding, _, reason) = judged(change(-0.1, 0.3), true);
        assert_eq!(finding, Finding::CannotBeTold);
        assert!(reason.is_some_and(|reason| reason.contains("holds zero")));
        assert_eq!(judged(None, true).0, Finding::CannotBeTold);
    }

    #[test]
    fn a_slope_of_logarithms_is_told_as_a_share() {
        let figure = relative(Figure { value: 2.0_f64.ln(), lo: Some(0.0), hi: Some(3.0_f64.ln()), n: 4 });
        assert!((figure.value - 1.0).abs() < 1e-12);
        assert_eq!(figure.lo, Some(0.0));
        assert!((figure.hi.expect("an end") - 2.0).abs() < 1e-12);
    }
}
