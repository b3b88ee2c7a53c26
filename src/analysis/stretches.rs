//! The measured phase, cut where planned restarts changed the checkpoint interval: T, T_real and c of each part.
//!
//! A restart that leaves T as it is cuts nothing. A stretch begins with the first record after the restart before it, or
//! with the fault that came before that record; the time from the request until then belongs to none, and is what the
//! move cost. So U of a trial that moved is the mean of its stretches' U, by their lengths, over the whole phase: while it
//! moves, U is 0.

use serde::Serialize;

use super::checkpoints::{self, CheckpointRow};
use super::curve::Bounds;
use super::history::Trial;
use super::statistics::median;
use super::timeline::PlannedRestart;
use crate::record::EpochMs;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    pub from_epoch_ms: EpochMs,
    pub to_epoch_ms: EpochMs,
    /// Seconds lost to the planned restart that it began with; 0 of the first.
    pub lost_before_s: f64,
    /// Seconds lost to those within it, which left T as it was.
    pub lost_within_s: f64,
    /// T as configured.
    pub interval_s: Option<f64>,
    pub real_interval_s: Option<f64>,
    /// Of its completed periodic checkpoints.
    pub durations_s: Vec<f64>,
    pub sizes_bytes: Vec<f64>,
}

impl Stretch {
    /// c: the mean duration of its checkpoints.
    #[must_use]
    pub fn cost_s(&self) -> Option<f64> {
        mean(&self.durations_s)
    }

    #[must_use]
    pub fn size_bytes(&self) -> Option<f64> {
        mean(&self.sizes_bytes)
    }

    #[must_use]
    pub fn lasts_s(&self) -> f64 {
        (self.to_epoch_ms - self.from_epoch_ms) / 1e3
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// At least one, where there is a measured phase.
#[must_use]
pub fn stretches(
    trial: &Trial,
    restarts: &[PlannedRestart],
    rows: &[CheckpointRow],
    (from, to): (EpochMs, EpochMs),
    disturbances: &[Bounds],
) -> Vec<Stretch> {
    let mut all = Vec::new();
    let mut next = Stretch {
        from_epoch_ms: from,
        to_epoch_ms: to,
        lost_before_s: 0.0,
        lost_within_s: 0.0,
        interval_s: trial.interval_at(from),
        real_interval_s: None,
        durations_s: Vec::new(),
        sizes_bytes: Vec::new(),
    };
    let within = |restart: &&PlannedRestart| from <= restart.begun && restart.begun < to;
    for restart in restarts.iter().filter(within) {
        // What never read again is lost to the end.
        let resumed = restart.away_until.unwrap_or(to).min(to);
        let lost_s = (resumed - restart.begun) / 1e3;
        if restart.to_interval_s == next.interval_s {
            next.lost_within_s += lost_s;
            continue;
        }
        let after = Stretch {
            from_epoch_ms: resumed,
            lost_before_s: lost_s,
            lost_within_s: 0.0,
            interval_s: restart.to_interval_s,
            ..next.clone()
        };
        all.push(Stretch { to_epoch_ms: restart.begun, ..next });
        next = after;
    }
    all.push(next);
    for stretch in &mut all {
        let phase = (stretch.from_epoch_ms, stretch.to_epoch_ms);
        stretch.durations_s = checkpoints::durations_s(rows, phase);
        stretch.sizes_bytes = checkpoints::sizes_bytes(rows, phase);
        stretch.real_interval_s = median(checkpoints::trigger_gaps_s(rows, phase, disturbances));
    }
    all
}

/// T as configured, where the whole measured phase had one.
#[must_use]
pub fn one_interval_s(trial: &Trial, stretches: &[Stretch]) -> Option<f64> {
    match stretches {
        [] => trial.interval_s(),
        [one] => one.interval_s,
        _ => None,
    }
}

/// The mean over the whole phase of what `value` says of each stretch; None where it says nothing of one that lasts.
///
/// `value` gets T, as it really was where two checkpoints tell, and c. A stretch too short for a checkpoint takes c of
/// the one before it, or the first that has one.
#[must_use]
pub fn over(stretches: &[Stretch], value: impl Fn(f64, f64) -> Option<f64>) -> Option<f64> {
    let phase_s: f64 = stretches.iter().map(|stretch| stretch.lasts_s() + stretch.lost_before_s).sum();
    let mut cost_s = stretches.iter().find_map(Stretch::cost_s);
    let mut sum = 0.0;
    for stretch in stretches {
        cost_s = stretch.cost_s().or(cost_s);
        let interval_s = stretch.real_interval_s.or(stretch.interval_s)?;
        sum += (stretch.lasts_s() - stretch.lost_within_s) * value(interval_s, cost_s?)?;
    }
    (phase_s > 0.0).then_some(sum / phase_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::analyse;
    use crate::analysis::story::one_move;
    use crate::analysis::validity::Verdict;
    use crate::record::Step;

    fn result(story: &crate::analysis::story::Story) -> crate::analysis::results::Results {
        analyse(&crate::analysis::history::Run::from_lines(story.lines()), false)
    }

    #[test]
    fn a_move_cuts_the_phase_in_two_with_a_t_and_a_c_each() {
        let mut story = one_move();
        let results = result(story.ends(46_000.0));
        let trial = &results.trials[0];
        let told: Vec<_> = trial.stretches.iter().map(|one| (one.from_epoch_ms, one.to_epoch_ms)).collect();
        assert_eq!(told, [(10_000.0, 20_000.0), (22_000.0, 45_000.0)]);
        let [before, after] = trial.stretches.as_slice() else { panic!("two") };
        assert_eq!((before.interval_s, before.real_interval_s, before.lost_before_s), (Some(2.0), Some(2.0), 0.0));
        assert_eq!((after.interval_s, after.real_interval_s, after.lost_before_s), (Some(4.0), Some(4.0), 2.0));
        assert_eq!((before.cost_s(), after.durations_s.len()), (Some(0.2), 6));
        assert_eq!((trial.interval_s, results.rows[0].interval_s), (None, None), "there is no one T");
        // 10 s of one and 23 s of the other, of 35 s.
        let share = over(&trial.stretches, |interval_s, cost_s| Some(1.0 - cost_s / interval_s)).expect("c is known");
        assert!((share - (10.0 * 0.9 + 23.0 * 0.95) / 35.0).abs() < 1e-9, "{share}");
    }

    #[test]
    fn the_steps_of_a_move_are_read_back_as_they_were_written() {
        let story = one_move();
        let again = story.lines().into_iter().map(|line| {
            let written = serde_json::to_string(&line).expect("JSON");
            serde_json::from_str(&written).expect("a line")
        });
        let read = crate::analysis::history::Run::from_lines(again);
        assert_eq!(read.trials[0].restarts, story.trial().restarts);
        assert_eq!(read.trials[0].restarts[0].resumed.as_ref().map(|resumed| resumed.first_attempt), Some(1));
        let at = |at: f64| read.trials[0].interval_at(at);
        assert_eq!((at(20_900.0), at(21_500.0)), (Some(2.0), Some(4.0)));
    }

    #[test]
    fn what_is_missing_or_fails_while_the_job_moves_is_held_against_nobody() {
        let mut story = one_move();
        // The stop breaks off a checkpoint that was under way.
        story.checkpoint(99, "failed", 19_990.0, 60.0).ends(46_000.0);
        let trial = &result(&story).trials[0];
        assert_eq!(trial.missing_samples, Some(0.0));
        assert!(trial.checkpoints.iter().any(|row| row.checkpoint.id == 99 && row.during_fault));
        let broken: Vec<_> = trial.judgement.checks.iter().filter(|check| check.is_broken()).collect();
        assert!(broken.is_empty(), "{broken:?}");
        // The same silence of the source without the restart is held against the trial.
        let mut lines = story.lines();
        lines.retain(|line| {
            use crate::record::Observation::Step as Told;
            !matches!(line.observation, Told(Step::RestartBegun { .. } | Step::Restarted { .. }))
        });
        let results = analyse(&crate::analysis::history::Run::from_lines(lines), false);
        assert_eq!(results.trials[0].judgement.verdict, Verdict::Invalid);
    }

    #[test]
    fn positions_are_gained_once_however_often_the_job_moved() {
        let results = result(&one_move());
        let useful = results.trials[0].useful_per_s.expect("a probe");
        assert!((useful - 2_000.0).abs() < 1.0, "{useful}");
        let steps: f64 = results.trials[0].rates.iter().map(|point| point.useful_per_s).sum();
        assert!((steps / results.trials[0].rates.len() as f64 - 2_000.0).abs() < 1.0);
    }
}
