//! The verdict of a trial: invalid by the table of docs/method.md, else fail where the script demanded what did not
//! hold, else unknown where it could not be told, else pass.
//!
//! Every line of the table is a check that keeps what was observed beside its limit, passed or not: a reader
//! sees how far from the limit a trial was. Reasons are the sentences of the checks that did not hold; all
//! are given, so that a user mends everything at once.

use std::borrow::Cow;

use serde::Serialize;

use super::checkpoints::{CheckpointRow, unexpected_failures};
use super::curve::Bounds;
use super::history::{Demands, Trial};
use super::oracle::{Oracle, WindowOutcome};
use super::timeline::{Fault, Outcome as FaultOutcome};
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
    /// The same in milliseconds, where the script says so.
    pub lateness_ms: Option<f64>,
    /// Of samples missing, as a share.
    pub missing_samples: f64,
    /// How many there may be.
    pub failed_checkpoints: f64,
    pub stray_restarts: f64,
    pub unconfirmed_faults: f64,
    pub windows_wrong: f64,
    pub windows_missing: f64,
    pub windows_duplicate: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            rate_error: 0.001,
            lateness_steps: 1.0,
            lateness_ms: None,
            missing_samples: 0.02,
            failed_checkpoints: 0.0,
            stray_restarts: 0.0,
            unconfirmed_faults: 0.0,
            windows_wrong: 0.0,
            windows_missing: 0.0,
            windows_duplicate: 0.0,
        }
    }
}

/// The limit that is a duration; the others are numbers.
pub const ACKED_LATENESS: &str = "acked_lateness";

impl Thresholds {
    /// What a script calls them.
    pub const NAMES: [&'static str; 9] = [
        "rate_error",
        ACKED_LATENESS,
        "missing_samples",
        "failed_checkpoints",
        "stray_restarts",
        "unconfirmed_faults",
        "windows_wrong",
        "windows_missing",
        "windows_duplicate",
    ];

    /// As the script changed them, the last change of each counting; names that are none are left out.
    #[must_use]
    pub fn changed(mut self, limits: &[(String, f64)]) -> Self {
        for (name, limit) in limits {
            let place = match name.as_str() {
                "rate_error" => &mut self.rate_error,
                "missing_samples" => &mut self.missing_samples,
                "failed_checkpoints" => &mut self.failed_checkpoints,
                "stray_restarts" => &mut self.stray_restarts,
                "unconfirmed_faults" => &mut self.unconfirmed_faults,
                "windows_wrong" => &mut self.windows_wrong,
                "windows_missing" => &mut self.windows_missing,
                "windows_duplicate" => &mut self.windows_duplicate,
                ACKED_LATENESS => self.lateness_ms.insert(0.0),
                _ => continue,
            };
            *place = *limit;
        }
        self
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
    /// 1 for what must hold.
    Truth,
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
    /// It could not be told whether it holds.
    Unknown,
}

/// One line of the table of reasons, held against a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub name: Cow<'static, str>,
    pub unit: Unit,
    /// The largest value that is still valid; of a demand 1.
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
        Self { name: name.into(), unit, limit, outcome, reasons }
    }

    /// What the script demanded, under one name as often as it did: the worst answer counts.
    fn of_demand(name: &str, answers: &[Option<bool>]) -> Self {
        let (outcome, reason) = if answers.contains(&Some(false)) {
            (Outcome::Broken(0.0), Some(format!("required, but not so: {name}")))
        } else if answers.contains(&None) {
            (Outcome::Unknown, Some(format!("required, but it could not be told: {name}")))
        } else {
            (Outcome::Holds(1.0), None)
        };
        let name = Cow::Owned(format!("required: {name}"));
        Self { name, unit: Unit::Truth, limit: 1.0, outcome, reasons: reason.into_iter().collect() }
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
    let thresholds = &thresholds.changed(&evidence.trial.demands.limits);
    let mut checks = load(evidence, thresholds).to_vec();
    checks.push(samples(evidence, thresholds));
    checks.push(failed_checkpoints(evidence, thresholds));
    checks.push(stray_restarts(evidence, thresholds));
    checks.push(unconfirmed_faults(evidence, thresholds));
    checks.extend(windows(evidence, thresholds));
    let mut reasons = reasons_of(&checks);
    let is_invalid = !reasons.is_empty();
    let demanded = demanded(&evidence.trial.demands);
    let undecided = undecided(evidence);
    let verdict = if is_invalid { Verdict::Invalid } else { of_demands(&demanded) };
    let verdict = if undecided.is_empty() { verdict } else { verdict.max(Verdict::Unknown) };
    reasons.extend(reasons_of(&demanded));
    reasons.extend(undecided);
    checks.extend(demanded);
    Judgement { verdict, reasons, checks }
}

fn reasons_of(checks: &[Check]) -> Vec<String> {
    checks.iter().flat_map(|check| check.reasons.clone()).collect()
}

/// A check for each name under which something was demanded.
fn demanded(demands: &Demands) -> Vec<Check> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in &demands.required {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let answers = |name: &str| -> Vec<Option<bool>> {
        demands.required.iter().filter(|(other, _)| other == name).map(|(_, held)| *held).collect()
    };
    names.into_iter().map(|name| Check::of_demand(name, &answers(name))).collect()
}

fn of_demands(checks: &[Check]) -> Verdict {
    let verdict = |check: &Check| match check.outcome {
        Outcome::Broken(_) => Verdict::Fail,
        Outcome::Unknown => Verdict::Unknown,
        Outcome::Holds(_) | Outcome::NotApplicable(_) => Verdict::Pass,
    };
    checks.iter().map(verdict).max().unwrap_or(Verdict::Pass)
}

/// What the script demanded outside of trials.
#[must_use]
pub fn of_run(demands: &Demands) -> Judgement {
    let checks = demanded(demands);
    Judgement { verdict: of_demands(&checks), reasons: reasons_of(&checks), checks }
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
        None if evidence.trial.replay.is_none() => Err("nothing was replayed"),
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
    let limit_ms = thresholds.lateness_ms.unwrap_or(thresholds.lateness_steps * evidence.step_ms);
    let lateness =
        Check::at_most("acked lateness, p99", Unit::Milliseconds, limit_ms, end.map(|end| end.acked_p99_ms), |late| {
            format!("1 % of the rows were acknowledged more than {late:.0} ms late (at most {limit_ms:.0} ms)")
        });
    [rate_error, lateness]
}

fn samples(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Check {
    let limit = thresholds.missing_samples * 100.0;
    let missing = evidence
        .missing_samples
        .map(|share| share * 100.0)
        .ok_or("no measured phase with a source that shows the probe");
    Check::at_most("samples missing outside recoveries", Unit::Percent, limit, missing, |percent| {
        format!("{percent:.1} % of the source's samples are missing outside recoveries (at most {limit} %)")
    })
}

/// A count of which there may be so many, by default none.
fn count_of(
    name: &'static str,
    limit: f64,
    found: std::result::Result<usize, &'static str>,
    reason: impl FnOnce(usize) -> String,
) -> Check {
    Check::at_most(name, Unit::Count, limit, found.map(|count| count as f64), |_| reason(found.unwrap_or(0)))
}

fn failed_checkpoints(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Check {
    let limit = thresholds.failed_checkpoints;
    let failed = unexpected_failures(evidence.trial, evidence.checkpoints, evidence.faults);
    let found = if evidence.checkpoints.is_empty() { Err("no checkpoint was seen") } else { Ok(failed.len()) };
    count_of("checkpoints failed outside recoveries", limit, found, |number| {
        let first = failed.first().copied().unwrap_or_default();
        format!(
            "{} failed outside recoveries, the first with id {first} (at most {limit})",
            count(number, "checkpoint")
        )
    })
}

fn stray_restarts(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Check {
    let limit = thresholds.stray_restarts;
    let excused = |at: f64| evidence.disturbances.iter().any(|fault| fault.lo.floor() <= at && at <= fault.hi);
    let stray = evidence.trial.states.iter().filter(|state| match state {
        State::Job { state, at_epoch_ms } => state == "RESTARTING" && !excused(*at_epoch_ms),
        _ => false,
    });
    count_of("restarts without a fault", limit, Ok(stray.count()), |stray| {
        format!("the job restarted {} without a fault (at most {limit})", times(stray))
    })
}

fn unconfirmed_faults(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Check {
    let limit = thresholds.unconfirmed_faults;
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
        reasons.push(format!("{} due, but {done} issued (at most {limit} unconfirmed)", were(due, "fault")));
    }
    let unconfirmed: Vec<&Fault> = evidence.faults.iter().filter(|fault| !fault.confirmed).collect();
    missing += unconfirmed.len();
    reasons.extend(unconfirmed.iter().map(|fault| {
        format!(
            "fault {} ({} of {}) was not confirmed (at most {limit} unconfirmed)",
            fault.number, fault.kind, fault.instance
        )
    }));
    let outcome = match missing {
        _ if evidence.trial.fault_marks.is_empty() => Outcome::NotApplicable("no fault was due"),
        missing if missing as f64 <= limit => Outcome::Holds(missing as f64),
        missing => Outcome::Broken(missing as f64),
    };
    if !matches!(outcome, Outcome::Broken(_)) {
        reasons.clear();
    }
    Check { name: "faults not confirmed".into(), unit: Unit::Count, limit, outcome, reasons }
}

fn windows(evidence: &Evidence<'_>, thresholds: &Thresholds) -> Vec<Check> {
    const NOT_READ: &str = "the input topic was not read back";
    let read = evidence.trial.oracle.as_ref().ok_or(NOT_READ);
    let input = read.map(|read| {
        let whole = [read.sent, read.sent + read.flush_records].contains(&read.records);
        usize::from(!(read.dataset_agrees && whole))
    });
    let mut checks = vec![count_of("input topic unlike the data set", 0.0, input, |_| {
        let (records, sent) = read.map_or((0, 0), |read| (read.records, read.sent));
        format!(
            "the input topic holds {records} records of {sent} sent, or not the data set's rows: its windows prove nothing"
        )
    })];
    for (oracle, name, limit) in [
        (Oracle::Wrong, "windows wrong", thresholds.windows_wrong),
        (Oracle::Missing, "windows missing", thresholds.windows_missing),
        (Oracle::Duplicate, "windows duplicate", thresholds.windows_duplicate),
    ] {
        let found = evidence.windows.iter().filter(|window| window.oracle == Some(oracle)).count();
        let judged = match read {
            Err(why) => Err(why),
            Ok(_) if oracle == Oracle::Duplicate && !promises_once(evidence.trial) => Err("an at-least-once sink"),
            Ok(_) => Ok(found),
        };
        checks.push(count_of(name, limit, judged, |found| {
            format!("{} {} (at most {limit})", were(found, "window"), oracle.name())
        }));
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
        reasons.push(match evidence.faults.iter().all(|fault| fault.outcome() == FaultOutcome::Stall) {
            true if !evidence.faults.is_empty() => {
                "no fault that was due gave a restart time R: each hang was over before Flink found out".into()
            }
            _ => "no fault that was due gave a restart time R".into(),
        });
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
