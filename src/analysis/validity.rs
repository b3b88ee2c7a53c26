//! The verdict of a trial: invalid by the table of docs/method.md, unknown where it could not tell, else pass.
//!
//! Every line of the table is a check that keeps what was observed beside its limit, passed or not: a reader
//! sees how far from the limit a trial was. Reasons are the sentences of the checks that did not hold; all
//! are given, so that a user mends everything at once.

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

/// In what a check counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Percent,
    Milliseconds,
    Count,
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The observed value, within the limit.
    Holds(f64),
    /// The observed value, beyond the limit.
    Broken(f64),
    /// Not looked at, and why.
    NotApplicable(&'static str),
}

/// One line of the table of reasons, held against a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub name: &'static str,
    pub unit: Unit,
    /// The largest value that is still valid.
    pub limit: f64,
    pub outcome: Outcome,
    /// Sentences for what is broken.
    reasons: Vec<String>,
}

impl Check {
    /// Broken where the observed value exceeds the limit; `reason` is asked only then.
    fn at_most(
        name: &'static str,
        unit: Unit,
        limit: f64,
        observed: std::result::Result<f64, &'static str>,
        reason: impl FnOnce(f64) -> String,
    ) -> Self {
        let (outcome, reasons) = match observed {
            Err(why) => (Outcome::NotApplicable(why), Vec::new()),
            Ok(value) if value > limit => (Outcome::Broken(value), vec![reason(value)]),
            Ok(value) => (Outcome::Holds(value), Vec::new()),
        };
        Self { name, unit, limit, outcome, reasons }
    }

    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self.outcome, Outcome::Broken(_))
    }
}

/// A verdict with its reasons; a pass has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    pub verdict: Verdict,
    pub reasons: Vec<String>,
    /// Of a trial: every line of the table; of a run: none.
    #[serde(skip)]
    pub checks: Vec<Check>,
}

#[must_use]
pub fn judge(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Judgement {
    let mut checks = load(evidence, thresholds).to_vec();
    checks.push(samples(evidence, thresholds));
    checks.push(failed_checkpoints(evidence));
    checks.push(stray_restarts(evidence));
    checks.push(unconfirmed_faults(evidence));
    checks.extend(windows(evidence));
    let mut invalid: Vec<String> = checks.iter().flat_map(|check| check.reasons.clone()).collect();
    let unknown = undecided(evidence);
    let verdict = match (invalid.is_empty(), unknown.is_empty()) {
        (false, _) => Verdict::Invalid,
        (true, false) => Verdict::Unknown,
        (true, true) => Verdict::Pass,
    };
    invalid.extend(unknown);
    Judgement { verdict, reasons: invalid, checks }
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
        Some(verdict) => Judgement { verdict, reasons, checks: Vec::new() },
        None => Judgement { verdict: Verdict::Unknown, reasons: vec!["no trial was run".into()], checks: Vec::new() },
    }
}

fn load(evidence: &Evidence<'_>, thresholds: &Thresholds) -> [Check; 2] {
    let is_burst = evidence.trial.replay.as_ref().is_some_and(|replay| replay.is_burst());
    let end = match &evidence.trial.replay_end {
        _ if is_burst => Err("bursts drift by construction"),
        None => Err("the replay did not come to its end"),
        Some(end) => Ok(end),
    };
    let limit = thresholds.rate_error * 100.0;
    let rate_error = Check::at_most(
        "offered rate off its schedule",
        Unit::Percent,
        limit,
        end.map(|end| end.rate_error * 100.0),
        |off| format!("the offered rate was {off:.3} % off its schedule (at most {limit} %)"),
    );
    let limit_ms = thresholds.lateness_steps * evidence.step_ms;
    let lateness =
        Check::at_most("acked lateness, p99", Unit::Milliseconds, limit_ms, end.map(|end| end.acked_p99_ms), |late| {
            format!("1 % of the rows were acknowledged more than {late:.0} ms late (at most {limit_ms:.0} ms)")
        });
    [rate_error, lateness]
}

fn samples(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Check {
    let limit = thresholds.missing_samples * 100.0;
    let missing = evidence.missing_samples.map(|share| share * 100.0).ok_or("no measured phase with a source");
    Check::at_most("samples missing outside recoveries", Unit::Percent, limit, missing, |percent| {
        format!("{percent:.1} % of the source's samples are missing outside recoveries (at most {limit} %)")
    })
}

/// A count of which there may be none.
fn none_of(
    name: &'static str,
    found: std::result::Result<usize, &'static str>,
    reason: impl FnOnce(usize) -> String,
) -> Check {
    Check::at_most(name, Unit::Count, 0.0, found.map(|count| count as f64), |_| reason(found.unwrap_or(0)))
}

fn failed_checkpoints(evidence: &Evidence<'_>) -> Check {
    let failed = unexpected_failures(evidence.trial, evidence.checkpoints, evidence.faults);
    let found = if evidence.checkpoints.is_empty() { Err("no checkpoint was seen") } else { Ok(failed.len()) };
    none_of("checkpoints failed outside recoveries", found, |number| {
        let first = failed.first().copied().unwrap_or_default();
        format!("{} failed outside recoveries, the first with id {first} (at most 0)", count(number, "checkpoint"))
    })
}

fn stray_restarts(evidence: &Evidence<'_>) -> Check {
    let excused = |at: f64| evidence.disturbances.iter().any(|fault| fault.lo.floor() <= at && at <= fault.hi);
    let stray = evidence.trial.states.iter().filter(|state| match state {
        State::Job { state, at_epoch_ms } => state == "RESTARTING" && !excused(*at_epoch_ms),
        _ => false,
    });
    none_of("restarts without a fault", Ok(stray.count()), |stray| {
        format!("the job restarted {} without a fault (at most 0)", times(stray))
    })
}

fn unconfirmed_faults(evidence: &Evidence<'_>) -> Check {
    let marks = |phase: &'static str| evidence.trial.fault_marks.iter().filter(move |mark| mark.phase == phase);
    let was_issued = |number: u32| evidence.faults.iter().any(|fault| fault.number == number);
    let mut reasons: Vec<String> = marks("failed")
        .filter(|mark| !was_issued(mark.fault))
        .map(|mark| {
            let why = mark.text.as_deref().unwrap_or("no reason given");
            format!("fault {} ({} of {}) was not issued: {why}", mark.fault, mark.fault_kind, mark.instance)
        })
        .collect();
    let mut missing = reasons.len();
    let (due, done) = (marks("due").count(), evidence.faults.len() + reasons.len());
    if due > done {
        missing += due - done;
        reasons.push(format!("{} due, but {done} issued (at most 0 unconfirmed)", were(due, "fault")));
    }
    let unconfirmed: Vec<&Fault> = evidence.faults.iter().filter(|fault| !fault.confirmed).collect();
    missing += unconfirmed.len();
    reasons.extend(unconfirmed.iter().map(|fault| {
        format!(
            "fault {} ({} of {}) was not confirmed (at most 0 unconfirmed)",
            fault.number, fault.kind, fault.instance
        )
    }));
    let outcome = match missing {
        _ if evidence.trial.fault_marks.is_empty() => Outcome::NotApplicable("no fault was due"),
        0 => Outcome::Holds(0.0),
        missing => Outcome::Broken(missing as f64),
    };
    Check { name: "faults not confirmed", unit: Unit::Count, limit: 0.0, outcome, reasons }
}

fn windows(evidence: &Evidence<'_>) -> Vec<Check> {
    const NOT_READ: &str = "the input topic was not read back";
    let read = evidence.trial.oracle.as_ref().ok_or(NOT_READ);
    let input = read.map(|read| {
        let whole = [read.sent, read.sent + read.flush_records].contains(&read.records);
        usize::from(!(read.dataset_agrees && whole))
    });
    let mut checks = vec![none_of("input topic unlike the data set", input, |_| {
        let (records, sent) = read.map_or((0, 0), |read| (read.records, read.sent));
        format!(
            "the input topic holds {records} records of {sent} sent, or not the data set's rows: its windows prove nothing"
        )
    })];
    for (oracle, name) in [
        (Oracle::Wrong, "windows wrong"),
        (Oracle::Missing, "windows missing"),
        (Oracle::Duplicate, "windows duplicate"),
    ] {
        let found = evidence.windows.iter().filter(|window| window.oracle == Some(oracle)).count();
        let judged = match read {
            Err(why) => Err(why),
            Ok(_) if oracle == Oracle::Duplicate && !promises_once(evidence.trial) => Err("an at-least-once sink"),
            Ok(_) => Ok(found),
        };
        checks.push(none_of(name, judged, |found| format!("{} {} (at most 0)", were(found, "window"), oracle.name())));
    }
    checks
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
