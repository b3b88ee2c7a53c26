//! The tables of a report: faults, the study's, ours, the optimum, the trials.

use super::number::{cell, percent, short};
use super::table::Table;
use crate::analysis::oracle::Oracle;
use crate::analysis::resources::Usage;
use crate::analysis::results::{Cell, Headline, MEASURED_TABLE, Results, Row, TrialResult, axis_column, axis_value};
use crate::analysis::timeline::{self, Fault};
use crate::analysis::validity::{Check, Outcome, Unit};
use crate::record::Axis;

const ONE_REPEAT: &str =
    "one trial of each combination: intervals are within one trial, and say nothing about another trial";

pub const OUTSIDE: &str = "T* lies outside the intervals that were measured; its c is that of the nearest one";

const BELOW_ZERO: &str =
    "R_study below zero: by its job state the job ran before the killed instance was back; it counts as 0 in U";

/// Every phase of every fault, in seconds after `issued`.
pub fn faults(results: &Results) -> Table {
    let phases = ["gone", "detected", "dead", "back", "restored", "running", "first", "all", "parity", "caught_up"];
    let mut header: Vec<String> = ["trial", "fault", "instance"].map(str::to_owned).to_vec();
    header.extend(phases.map(str::to_owned));
    header.extend(["R_s", "R_ready_s", "R_study_s", "rework_records", "restarts"].map(str::to_owned));
    let rows =
        results.trials.iter().flat_map(|trial| trial.faults.iter().map(move |fault| fault_row(trial, fault, &phases)));
    let mut notes = Vec::new();
    if results.trials.iter().flat_map(|trial| &trial.faults).any(|fault| fault.during_recovery) {
        notes.push("* issued while the job was still recovering from the fault before".to_owned());
    }
    Table {
        title: "Faults".into(),
        caption: "Seconds after the signal; the later bound of each phase (both are in faults.csv).".into(),
        header,
        rows: rows.collect(),
        notes,
    }
}

fn fault_row(trial: &TrialResult, fault: &Fault, phases: &[&str]) -> Vec<String> {
    let issued = fault.phases.issued.map(|bounds| bounds.hi);
    let named = fault.phases.named();
    let seconds = |name: &&str| {
        let bounds = named.iter().find(|(known, _)| known == name).and_then(|(_, bounds)| *bounds);
        bounds.zip(issued).map_or_else(|| "–".into(), |(bounds, issued)| format!("{:.3}", (bounds.hi - issued) / 1e3))
    };
    let optional = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.3}"));
    let mark = if fault.during_recovery { "*" } else { "" };
    let mut row = vec![trial.id.clone(), format!("{} {}{mark}", fault.number, fault.kind), fault.instance.clone()];
    row.extend(phases.iter().map(seconds));
    row.push(match fault.outcome() {
        told @ (timeline::Outcome::Censored | timeline::Outcome::Stall) => told.name().into(),
        _ => optional(fault.restart_s),
    });
    row.extend([optional(fault.ready_s), optional(fault.study_s)]);
    row.push(fault.rework.as_ref().map_or_else(|| "–".into(), |rework| short(rework.records)));
    row.push(fault.restarts.to_string());
    row
}

/// T configured, c_duration, R_study, λ = 1/every, `poisson`, n = 1, δ = 0.
pub fn study_method(results: &Results) -> Table {
    let mut notes = repeats_note(results);
    if results.study_table.iter().filter_map(|row| row.restart.figure()).any(|restart| restart.value < 0.0) {
        notes.push(BELOW_ZERO.into());
    }
    let rows = results.study_table.iter().map(|row| {
        vec![
            combination(&row.axes),
            row.interval_s.map_or_else(|| "–".into(), |interval| format!("{} s", short(interval))),
            cell(&row.cost),
            cell(&row.restart),
            row.lambda_per_s.map_or_else(|| "–".into(), |lambda| format!("1/{} s", short(1.0 / lambda))),
            percent(&row.utilization),
        ]
    });
    Table {
        title: "By the study's method".into(),
        caption: "T as configured, c = checkpoint duration, R by job state less the time held down, λ = 1/every, model poisson, n = 1, δ = 0.".into(),
        header: ["", "T", "c_duration_s", "R_study_s", "λ", "U"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        notes,
    }
}

/// Our figures, one row each, a column for each combination.
pub fn as_measured(results: &Results) -> Table {
    let mut header = vec!["figure".to_owned()];
    header.extend(results.rows.iter().map(|row| combination(&row.axes)));
    let mut names: Vec<&str> = MEASURED_TABLE.to_vec();
    names.extend(["useful_per_s", "raw_per_s", "lag_max_records", "caught_up_s"]);
    let mut rows: Vec<Vec<String>> = names
        .into_iter()
        .map(|name| {
            let mut row = vec![name.to_owned()];
            row.extend(
                results
                    .rows
                    .iter()
                    .map(|of| of.figures.cell(name).map_or_else(String::new, |cell| shown(name, of, cell))),
            );
            row
        })
        .collect();
    let mut missing = vec!["windows_missing".to_owned()];
    missing.extend(results.rows.iter().map(|row| count(row.windows_missing)));
    rows.push(missing);
    let mut notes = repeats_note(results);
    if results.rows.iter().any(|row| row.stretched) {
        notes.push("! T_real exceeds T by more than 5 %: Flink stretches T to the duration of a checkpoint and the pause after it".into());
    }
    if results.rows.iter().any(|row| row.back_to_back) {
        notes.push("!! checkpoints back to back: T_real is not longer than c".into());
    }
    notes.push(
        "CPU, disk and network: of all TaskManagers together; checkpoint_cpu_s and its like: all that they did from trigger to acknowledgement; checkpoint_extra_…: what of it is beyond their usual rate between checkpoints, which noise can make negative".into(),
    );
    let only = if results.is_saturated() {
        ""
    } else {
        "; c_capacity_s, R_eff_s and U_measured exist under saturating load only"
    };
    notes.push(format!("U and T* use {}{only}", results.optimum.cost));
    Table {
        title: "As measured".into(),
        caption: "Value [95 % interval], number of observations. Latencies are over the windows that arrived; windows_missing counts those due in the measured phase that never did.".into(),
        header,
        rows,
        notes,
    }
}

fn count(number: Option<usize>) -> String {
    number.map_or_else(|| "– (the results were not compared with the input)".into(), |number| number.to_string())
}

fn shown(name: &str, row: &Row, value: &Cell) -> String {
    if name.starts_with("U_") {
        return percent(value);
    }
    let mark = match name {
        "T_real_s" if row.back_to_back => " !!",
        "T_real_s" if row.stretched => " !",
        _ => "",
    };
    format!("{}{mark}", cell(value))
}

/// T* with its interval, beside the best of the intervals that were tried.
pub fn optimum(results: &Results) -> Table {
    let mut rows: Vec<Vec<String>> = results.optimum.headlines.iter().map(headline_row).collect();
    rows.extend(results.optimum.rows.iter().map(|row| {
        vec![
            format!("with the c of {}", combination(&row.axes)),
            seconds(&row.poisson),
            seconds(&row.flink),
            seconds(&row.schedule),
        ]
    }));
    let notes = results.optimum.headlines.iter().flat_map(optimum_notes).collect();
    Table {
        title: "Optimal checkpoint interval T*".into(),
        caption: format!("From {}; the headline is the fixed point T* = f(c(T*)) of poisson.", results.optimum.cost),
        header: ["", "poisson", "flink", "schedule"].map(str::to_owned).to_vec(),
        rows,
        notes,
    }
}

/// What a reader must know of a T*: the best of the intervals tried, and whether T* lies among them.
fn optimum_notes(headline: &Headline) -> Vec<String> {
    answer(headline).into_iter().chain(headline.outside_measured.then(|| OUTSIDE.to_owned())).collect()
}

fn headline_row(headline: &Headline) -> Vec<String> {
    let name = if headline.axes.is_empty() { "T*".to_owned() } else { format!("T* ({})", combination(&headline.axes)) };
    vec![name, seconds(&headline.poisson), seconds(&headline.flink), seconds(&headline.schedule)]
}

fn seconds(value: &Cell) -> String {
    match value {
        Cell::Known(figure) => match (figure.lo, figure.hi) {
            (Some(lo), Some(hi)) => format!("{} s [{}, {}]", short(figure.value), short(lo), short(hi)),
            _ => format!("{} s", short(figure.value)),
        },
        Cell::Empty(reason) => format!("– ({reason})"),
    }
}

/// The plain answer: the best of those tried, T*, and whether they agree.
fn answer(headline: &Headline) -> Option<String> {
    let best = headline.poisson.figure()?;
    let optimum = match (best.lo, best.hi) {
        (Some(lo), Some(hi)) => format!("T* is {} s [{}, {}]", short(best.value), short(lo), short(hi)),
        _ => format!("T* is {} s", short(best.value)),
    };
    Some(match best_tried(headline) {
        (unknown, None) => format!("{optimum}; {unknown}"),
        (tried, Some(agreement)) => format!("{tried}; {optimum}; {agreement}"),
    })
}

/// The best of those tried, and whether T* agrees with it; why it cannot be told, and nothing.
pub fn best_tried(headline: &Headline) -> (String, Option<String>) {
    let answer = &headline.answer;
    if let Some(reason) = &answer.reason {
        return (format!("which of those tried is best cannot be told: {reason}"), None);
    }
    let names: Vec<String> = answer
        .best_tried
        .iter()
        .map(|tried| format!("{} (U {:.1} %)", combination(&tried.axes), 100.0 * tried.utilization))
        .collect();
    let tried = match names.as_slice() {
        [alone] => format!("best of those tried: {alone}, apart from every other"),
        several => format!("best of those tried, not told apart: {}", several.join(", ")),
    };
    let agreement = match (answer.agrees, answer.gain_at_optimum) {
        (Some(agrees), Some(gain)) => {
            let (agree, more) =
                (if agrees { "agree" } else { "do not agree" }, if gain < 0.0 { "less" } else { "more" });
            format!("they {agree}: at T* the model gives {:.1} % {more} U", 100.0 * gain.abs())
        }
        _ => "whether they agree cannot be told".into(),
    };
    (tried, Some(agreement))
}

/// What each instance and host used, a row for each of them in each combination.
pub fn resources(results: &Results) -> Table {
    let header = [
        "",
        "instance",
        "CPU cores",
        "memory max MiB",
        "disk read KiB/s",
        "disk written KiB/s",
        "net sent KiB/s",
        "net received KiB/s",
        "GC pauses",
        "GC share",
    ];
    let rows = results.rows.iter().flat_map(|row| {
        row.resources.iter().map(move |(instance, usage)| resource_row(&combination(&row.axes), instance, usage))
    });
    Table {
        title: "Resources".into(),
        caption: "Means over the measured phase, the time that an instance was away included; memory: the largest \
                  sample. Network of an instance: payload of TCP, loopback included; of a host: all interfaces but \
                  loopback. GC: stop-the-world pauses."
            .into(),
        header: header.map(str::to_owned).to_vec(),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

fn resource_row(combination: &str, instance: &str, usage: &Usage) -> Vec<String> {
    let scaled = |value: Option<f64>, unit: f64| value.map_or_else(|| "–".into(), |value| short(value / unit));
    const KIB: f64 = 1024.0;
    vec![
        combination.to_owned(),
        instance.to_owned(),
        usage.cpu_cores.map_or_else(|| "–".into(), |cores| format!("{cores:.3}")),
        scaled(usage.memory_max_bytes, KIB * KIB),
        scaled(usage.disk_read_bytes_per_s, KIB),
        scaled(usage.disk_written_bytes_per_s, KIB),
        scaled(usage.net_sent_bytes_per_s, KIB),
        scaled(usage.net_received_bytes_per_s, KIB),
        scaled(usage.gc_count, 1.0),
        usage.gc_share.map_or_else(|| "–".into(), |share| format!("{:.2} %", share * 100.0)),
    ]
}

/// Verdict, load and oracle of every trial.
pub fn trials(results: &Results) -> Table {
    let header = [
        "trial",
        "verdict",
        "rows sent",
        "rate error",
        "queued p99 / max ms",
        "acked p99 / max ms",
        "windows checked",
        "missing",
        "duplicate",
        "wrong",
        "samples missing",
    ];
    let mut notes: Vec<String> = Vec::new();
    for trial in &results.trials {
        notes.extend(trial.judgement.reasons.iter().map(|reason| format!("{}: {reason}", trial.id)));
        notes.extend(trial.notes.iter().map(|note| format!("{}: note: {note}", trial.id)));
        notes.extend(trial.warnings.iter().map(|warning| format!("{}: warning: {warning}", trial.id)));
    }
    notes.extend(results.notes.iter().map(|note| format!("note: {note}")));
    notes.extend(results.warnings.iter().map(|warning| format!("warning: {warning}")));
    notes.push(format!("verdict of the run: {}", results.verdict.name()));
    Table {
        title: "Trials".into(),
        caption:
            "Lateness against the schedule: queued = handed to the Kafka client, acked = acknowledged by the broker."
                .into(),
        header: header.map(str::to_owned).to_vec(),
        rows: results.trials.iter().map(trial_row).collect(),
        notes,
    }
}

fn trial_row(trial: &TrialResult) -> Vec<String> {
    let none = || "–".to_owned();
    let mut row = vec![trial.id.clone(), trial.judgement.verdict.name().to_owned()];
    match &trial.replay_end {
        Some(end) => row.extend([
            short(end.sent as f64),
            format!("{:.4} %", end.rate_error * 100.0),
            format!("{:.1} / {:.1}", end.queued_p99_ms, end.queued_max_ms),
            format!("{:.1} / {:.1}", end.acked_p99_ms, end.acked_max_ms),
        ]),
        None => row.extend([none(), none(), none(), none()]),
    }
    let checked = trial.windows.iter().filter(|window| window.oracle.is_some()).count();
    let count =
        |outcome: Oracle| trial.windows.iter().filter(|window| window.oracle == Some(outcome)).count().to_string();
    row.extend(if trial.is_compared() {
        [checked.to_string(), count(Oracle::Missing), count(Oracle::Duplicate), count(Oracle::Wrong)]
    } else {
        [none(), none(), none(), none()]
    });
    row.push(trial.missing_samples.map_or_else(none, |share| format!("{:.1} %", share * 100.0)));
    row
}

/// Each line of the table of reasons, held against each trial.
pub fn verdicts(results: &Results) -> Table {
    let mut header = ["check", "at most"].map(str::to_owned).to_vec();
    header.extend(results.trials.iter().map(|trial| trial.id.clone()));
    // A demand may be of some trials only, and a limit may be another one in each.
    let mut checks: Vec<&Check> = Vec::new();
    for check in results.trials.iter().flat_map(|trial| &trial.judgement.checks) {
        if !checks.iter().any(|known| known.name == check.name) {
            checks.push(check);
        }
    }
    let mut rows: Vec<Vec<String>> = checks
        .iter()
        .map(|check| {
            let same =
                |trial: &'_ TrialResult| trial.judgement.checks.iter().find(|other| other.name == check.name).cloned();
            let of_trials = results.trials.iter().map(|trial| same(trial).as_ref().map(outcome).unwrap_or_default());
            [check.name.clone().into_owned(), with_unit(check.limit, check.unit)].into_iter().chain(of_trials).collect()
        })
        .collect();
    rows.extend(results.demands.iter().map(|check| {
        let name = format!("{}, of the run: {}", check.name, outcome(check));
        [name, with_unit(check.limit, check.unit)]
            .into_iter()
            .chain(results.trials.iter().map(|_| String::new()))
            .collect()
    }));
    let verdict = ["verdict".to_owned(), String::new()].into_iter();
    rows.push(verdict.chain(results.trials.iter().map(|trial| trial.judgement.verdict.name().to_owned())).collect());
    Table {
        title: "Verdicts".into(),
        caption: "What was observed, and the largest value with which a trial is still valid.".into(),
        header,
        rows,
        notes: Vec::new(),
    }
}

fn outcome(check: &Check) -> String {
    match check.outcome {
        Outcome::Holds(value) => format!("{}, ok", with_unit(value, check.unit)),
        Outcome::Broken(value) => format!("{}, NOT OK", with_unit(value, check.unit)),
        Outcome::NotApplicable(why) => format!("– ({why})"),
        Outcome::Unknown => "could not be told".into(),
    }
}

fn with_unit(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Percent => format!("{} %", short(value)),
        Unit::Milliseconds => format!("{} ms", short(value)),
        Unit::Count => short(value),
        Unit::Truth => if value > 0.0 { "true" } else { "false" }.into(),
    }
}

pub fn repeats_note(results: &Results) -> Vec<String> {
    if results.rows.iter().all(|row| row.repeats < 2) { vec![ONE_REPEAT.into()] } else { Vec::new() }
}

/// `interval=1 s`, or several with commas.
pub fn combination(axes: &[Axis]) -> String {
    let parts = axes.iter().map(|axis| {
        let value = axis_value(axis);
        let value =
            value.as_str().map_or_else(|| value.as_f64().map_or_else(|| value.to_string(), short), str::to_owned);
        let column = axis_column(axis);
        let unit = column.strip_prefix(axis.name.as_str()).unwrap_or_default().replace('_', " ");
        format!("{} {value}{unit}", axis.name)
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::{Answer, Tried};
    use crate::analysis::statistics::Figure;
    use crate::record::AxisValue;

    fn told(agrees: bool, gain: f64) -> String {
        let none = || Cell::Empty(String::new());
        let axes = vec![Axis { name: "interval".into(), value: AxisValue::Seconds(3.0) }];
        let headline = Headline {
            axes: Vec::new(),
            lambda_per_s: Some(0.04),
            poisson: Cell::Known(Figure { value: 4.0, lo: Some(3.5), hi: Some(4.5), n: 9 }),
            flink: none(),
            schedule: none(),
            outside_measured: false,
            answer: Answer {
                best_tried: vec![Tried { axes, utilization: 0.62 }],
                gain_at_optimum: Some(gain),
                agrees: Some(agrees),
                reason: None,
            },
        };
        answer(&headline).expect("T* is known")
    }

    #[test]
    fn the_answer_says_on_which_side_t_star_lies() {
        let best = "best of those tried: interval 3 s (U 62.0 %), apart from every other; T* is 4 s [3.5, 4.5]; ";
        assert_eq!(told(true, 0.004), format!("{best}they agree: at T* the model gives 0.4 % more U"));
        assert_eq!(told(true, -0.004), format!("{best}they agree: at T* the model gives 0.4 % less U"));
        assert_eq!(told(false, -0.02), format!("{best}they do not agree: at T* the model gives 2.0 % less U"));
    }
}
