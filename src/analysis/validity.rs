//! The verdict of a trial: invalid by the table of docs/method.md, unknown where it could not tell, else pass.
//!
//! Each reason is a sentence with the number and the threshold it broke. All of the table are looked at, so
//! that a user mends everything at once.

use serde::Serialize;

use super::checkpoints::{CheckpointRow, unexpected_failures};
use super::curve::Bounds;
use super::history::Trial;
use super::oracle::{Oracle, WindowOutcome};
use super::timeline::Fault;
use crate::record::State;

/// From best to worst; the verdict of a run is the worst of its trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Unknown,
    Fail,
    Invalid,
}

impl Verdict {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
            Self::Invalid => "invalid",
        }
    }
}

/// The limits beyond which a trial proves nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Of the offered rate off its schedule, as a share.
    pub rate_error: f64,
    /// Of the p99 of acked lateness, in sampling steps.
    pub lateness_steps: f64,
    /// Of samples missing, as a share.
    pub missing_samples: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { rate_error: 0.001, lateness_steps: 1.0, missing_samples: 0.02 }
    }
}

/// What was measured of a trial, as far as the verdict needs it.
pub struct Evidence<'a> {
    pub trial: &'a Trial,
    pub faults: &'a [Fault],
    pub disturbances: &'a [Bounds],
    pub checkpoints: &'a [CheckpointRow],
    pub windows: &'a [WindowOutcome],
    pub missing_samples: Option<f64>,
    pub step_ms: f64,
}

/// A verdict with its reasons; a pass has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    pub verdict: Verdict,
    pub reasons: Vec<String>,
}

#[must_use]
pub fn judge(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Judgement {
    let mut invalid = load(evidence, thresholds);
    invalid.extend(samples(evidence, thresholds));
    invalid.extend(failed_checkpoints(evidence));
    invalid.extend(stray_restarts(evidence));
    invalid.extend(unconfirmed_faults(evidence));
    invalid.extend(windows(evidence));
    let unknown = undecided(evidence);
    let verdict = match (invalid.is_empty(), unknown.is_empty()) {
        (false, _) => Verdict::Invalid,
        (true, false) => Verdict::Unknown,
        (true, true) => Verdict::Pass,
    };
    invalid.extend(unknown);
    Judgement { verdict, reasons: invalid }
}

/// The worst of all trials, with their reasons after their names.
#[must_use]
pub fn worst<'a>(trials: impl IntoIterator<Item = (&'a str, &'a Judgement)>) -> Judgement {
    let mut worst = None;
    let mut reasons = Vec::new();
    for (id, judgement) in trials {
        worst = worst.max(Some(judgement.verdict));
        reasons.extend(judgement.reasons.iter().map(|reason| format!("{id}: {reason}")));
    }
    match worst {
        Some(verdict) => Judgement { verdict, reasons },
        None => Judgement { verdict: Verdict::Unknown, reasons: vec!["no trial was run".into()] },
    }
}

fn load(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Vec<String> {
    let Some(end) = &evidence.trial.replay_end else { return Vec::new() };
    if evidence.trial.replay.as_ref().is_some_and(|replay| replay.is_burst()) {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    if end.rate_error > thresholds.rate_error {
        let (off, limit) = (end.rate_error * 100.0, thresholds.rate_error * 100.0);
        reasons.push(format!("the offered rate was {off:.3} % off its schedule (at most {limit} %)"));
    }
    let limit_ms = thresholds.lateness_steps * evidence.step_ms;
    if end.acked_p99_ms > limit_ms {
        reasons.push(format!(
            "1 % of the rows were acknowledged more than {:.0} ms late (at most {limit_ms:.0} ms)",
            end.acked_p99_ms
        ));
    }
    reasons
}

fn samples(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Option<String> {
    let missing = evidence.missing_samples.filter(|&share| share > thresholds.missing_samples)?;
    let (percent, limit) = (missing * 100.0, thresholds.missing_samples * 100.0);
    Some(format!("{percent:.1} % of the source's samples are missing outside recoveries (at most {limit} %)"))
}

fn failed_checkpoints(evidence: &Evidence<'_>) -> Option<String> {
    let failed = unexpected_failures(evidence.trial, evidence.checkpoints, evidence.faults);
    let first = failed.first()?;
    Some(format!(
        "{} failed outside recoveries, the first with id {first} (at most 0)",
        count(failed.len(), "checkpoint")
    ))
}

fn stray_restarts(evidence: &Evidence<'_>) -> Option<String> {
    let excused = |at: f64| evidence.disturbances.iter().any(|fault| fault.lo.floor() <= at && at <= fault.hi);
    let stray = evidence.trial.states.iter().filter(|state| match state {
        State::Job { state, at_epoch_ms } => state == "RESTARTING" && !excused(*at_epoch_ms),
        _ => false,
    });
    let stray = stray.count();
    (stray > 0).then(|| format!("the job restarted {} without a fault (at most 0)", times(stray)))
}

fn unconfirmed_faults(evidence: &Evidence<'_>) -> Vec<String> {
    let marks = |phase: &'static str| evidence.trial.fault_marks.iter().filter(move |mark| mark.phase == phase);
    let was_issued = |number: u32| evidence.faults.iter().any(|fault| fault.number == number);
    let mut reasons: Vec<String> = marks("failed")
        .filter(|mark| !was_issued(mark.fault))
        .map(|mark| {
            let why = mark.text.as_deref().unwrap_or("no reason given");
            format!("fault {} ({} of {}) was not issued: {why}", mark.fault, mark.fault_kind, mark.instance)
        })
        .collect();
    let (due, done) = (marks("due").count(), evidence.faults.len() + reasons.len());
    if due > done {
        reasons.push(format!("{} due, but {done} issued (at most 0 unconfirmed)", were(due, "fault")));
    }
    let unconfirmed = evidence.faults.iter().filter(|fault| !fault.confirmed);
    reasons.extend(unconfirmed.map(|fault| {
        format!(
            "fault {} ({} of {}) was not confirmed (at most 0 unconfirmed)",
            fault.number, fault.kind, fault.instance
        )
    }));
    reasons
}

fn windows(evidence: &Evidence<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(read) = &evidence.trial.oracle
        && !(read.dataset_agrees && [read.sent, read.sent + read.flush_records].contains(&read.records))
    {
        reasons.push(format!(
            "the input topic holds {} records of {} sent, or not the data set's rows: its windows prove nothing",
            read.records, read.sent
        ));
    }
    for (oracle, is_wrong) in
        [(Oracle::Wrong, true), (Oracle::Missing, true), (Oracle::Duplicate, promises_once(evidence.trial))]
    {
        let found = evidence.windows.iter().filter(|window| window.oracle == Some(oracle)).count();
        if is_wrong && found > 0 {
            reasons.push(format!("{} {} (at most 0)", were(found, "window"), oracle.name()));
        }
    }
    reasons
}

fn promises_once(trial: &Trial) -> bool {
    trial.submitted.as_ref().is_some_and(|submitted| submitted.exactly_once)
}

fn undecided(evidence: &Evidence<'_>) -> Vec<String> {
    let trial = evidence.trial;
    let mut reasons = Vec::new();
    match &trial.end {
        None => reasons.push("the trial was interrupted before its end".into()),
        Some(end) => reasons.extend(end.error.as_ref().map(|error| format!("the trial failed: {error}"))),
    }
    let scheduled = trial.schedule.as_ref().is_some_and(|schedule| schedule.count > 0);
    if (scheduled || !trial.fault_marks.is_empty()) && evidence.faults.iter().all(|fault| fault.restart_s.is_none()) {
        reasons.push("no fault that was due gave a restart time R".into());
    }
    let declares_results = trial.collecting.as_ref().is_some_and(|collecting| collecting.results_topic.is_some());
    if declares_results && trial.oracle.is_none() {
        reasons.push("the results were not compared with the input".into());
    }
    reasons
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn were(number: usize, what: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { "was" } else { "were" })
}

fn times(number: usize) -> String {
    if number == 1 { "once".into() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests;
