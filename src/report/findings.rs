//! The tables of what a run says beyond its figures: throughput, latency, the budget, the conclusions.

use super::number::{cell, short};
use super::table::Table;
use super::tables::{combination, repeats_note};
use crate::analysis::budget::Budget;
use crate::analysis::latency::Course;
use crate::analysis::results::{Conclusion, CourseLatency, Results, Row, Spread};
use crate::analysis::statistics::Figure;

/// Rates with and without the time of faults, and their peak in catch-up.
pub fn throughput(results: &Results) -> Table {
    let names = [
        "raw_per_s",
        "raw_outside_faults_per_s",
        "useful_per_s",
        "useful_outside_faults_per_s",
        "catch_up_peak_per_s",
        "raw_of_subtask_0_per_s",
    ];
    let mut notes = repeats_note(results);
    notes.push("raw counts rows that are processed again; it exceeds useful by the rework, less what a killed task processed after its last sample and more what the others read on until their job stopped them".into());
    notes.push("raw_of_subtask_0_per_s is what the study's harness would have read".into());
    Table {
        title: "Throughput".into(),
        caption: "Records a second over the measured phase; outside_faults leaves out [issued, caught_up] of each fault; the peak is the largest raw rate over one second of a catch-up, mean over faults. Value [95 % interval], number of observations.".into(),
        header: header_of(results, "figure"),
        rows: names.iter().map(|name| figure_row(results, name)).collect(),
        notes,
    }
}

/// Both latencies, over all and in each part of the faults' course, and how much they vary.
pub fn latency(results: &Results) -> Table {
    let mut rows: Vec<Vec<String>> = ["written", "visible"]
        .iter()
        .flat_map(|arrival| ["p50", "p99", "max", "mean", "range", "iqr"].map(|of| format!("{arrival}_{of}_ms")))
        .map(|name| figure_row(results, &name))
        .collect();
    for (place, course) in Course::ALL.into_iter().enumerate() {
        for (arrival, spread) in [("written", written as SpreadOf), ("visible", visible as SpreadOf)] {
            rows.push(course_row(results, place, &format!("{arrival}, {}", course_name(course)), spread));
        }
    }
    rows.push(figure_row(results, "commit_wait_ms"));
    if results.rows.iter().any(|row| row.expected_commit_wait_ms.is_some()) {
        let shown = results.rows.iter().map(|row| row.expected_commit_wait_ms.map_or_else(|| "–".into(), short));
        rows.push(std::iter::once("T_real/2 + c_duration, ms".to_owned()).chain(shown).collect());
    }
    rows.push(figure_row(results, "c_duration_cv"));
    rows.push(figure_row(results, "fetch_latency_ms"));
    let mut notes = repeats_note(results);
    notes.push("visible: when a read_committed consumer gets the result; under an exactly-once sink that is after the next checkpoint".into());
    notes.push("commit_wait_ms: mean of visible - written outside faults; under an exactly-once sink T_real/2 + c_duration where triggers fall at any phase of the windows".into());
    notes.push("c_duration_cv: standard deviation over mean of the durations of checkpoints; fetch_latency_ms: Kafka's fetch-latency-avg, which the study's harness takes for latency".into());
    Table {
        title: "Latency".into(),
        caption: "Milliseconds after a window was due, of the windows that arrived; by the part of a fault's course in which it was due: p50 / p99 / max (number).".into(),
        header: header_of(results, "figure"),
        rows,
        notes,
    }
}

type SpreadOf = fn(&CourseLatency) -> &Spread;

fn written(latency: &CourseLatency) -> &Spread {
    &latency.written
}

fn visible(latency: &CourseLatency) -> &Spread {
    &latency.visible
}

fn course_name(course: Course) -> &'static str {
    match course {
        Course::Calm => "outside faults",
        Course::Down => "issued to first",
        Course::CatchUp => "first to caught_up",
    }
}

fn course_row(results: &Results, place: usize, name: &str, spread: SpreadOf) -> Vec<String> {
    let shown = |row: &Row| {
        let spread = row.latency_by_course.get(place).map(spread);
        let known = |of: fn(&Spread) -> Option<&Figure>| spread.and_then(of);
        let [p50, p99, max] = [
            known(|spread| spread.p50_ms.figure()),
            known(|spread| spread.p99_ms.figure()),
            known(|spread| spread.max_ms.figure()),
        ];
        match (p50, p99, max) {
            (Some(p50), Some(p99), Some(max)) => {
                format!("{} / {} / {} ({})", short(p50.value), short(p99.value), short(max.value), max.n)
            }
            _ => "– (no window was due then)".into(),
        }
    };
    std::iter::once(name.to_owned()).chain(results.rows.iter().map(shown)).collect()
}

/// Where the time between the first and the last fault went.
pub fn budget(results: &Results) -> Table {
    let known: Vec<(&Row, Budget)> = results.rows.iter().filter_map(|row| Some((row, row.budget?))).collect();
    let mut header = vec!["part".to_owned()];
    header.extend(known.iter().map(|(row, _)| combination(&row.axes)));
    let mut rows = Vec::new();
    if let Some((_, first)) = known.first() {
        for (place, (name, _)) in first.losses().into_iter().enumerate() {
            rows.push(part_row(name, &known, |budget| budget.losses()[place].1));
        }
        rows.push(part_row("left: U by time", &known, |budget| budget.remainder_s));
        rows.push(part_row("span", &known, |budget| budget.span_s));
        let schedule = known
            .iter()
            .map(|(row, _)| row.figures.cell("U_schedule").map_or_else(String::new, super::number::percent));
        rows.push(std::iter::once("U_schedule, the model's".to_owned()).chain(schedule).collect());
    }
    let mut notes = Vec::new();
    if known.is_empty() {
        notes.push("there is no budget: it needs two faults in a trial, recoveries that came to their end, and a completed checkpoint".into());
    }
    notes.extend(known.iter().filter_map(|(row, budget)| largest_loss(row, budget)));
    Table {
        title: "The budget of 1 - U".into(),
        caption: "Seconds from the first fault to the last, all trials of a combination together, and their share. Detection: until Flink's first exception; hold: until the instance was back; redeployment: until the tasks initialize; restore: until they run; start: until the first record.".into(),
        header,
        rows,
        notes,
    }
}

fn part_row(name: &str, known: &[(&Row, Budget)], seconds: impl Fn(&Budget) -> f64) -> Vec<String> {
    let shown = known.iter().map(|(_, budget)| {
        let seconds = seconds(budget);
        format!("{} s  {:.1} %", short(seconds), 100.0 * seconds / budget.span_s)
    });
    std::iter::once(name.to_owned()).chain(shown).collect()
}

fn largest_loss(row: &Row, budget: &Budget) -> Option<String> {
    let (name, seconds) = budget.losses().into_iter().max_by(|left, right| left.1.total_cmp(&right.1))?;
    let lever = match name {
        "checkpoints" => "cheaper checkpoints would pay first, or a longer interval where rework is far less",
        "rework" => "a shorter interval would pay first where checkpoints take far less",
        "detection" => "the heartbeat (interval, timeout, failure threshold) would pay first",
        "hold" => "a spare instance would pay first: the job waits for the one it lost",
        "redeployment" => "the restart delay would pay first",
        "restore" => "a faster restore, as with local recovery, would pay first",
        _ => "a faster start of the tasks would pay first",
    };
    (seconds > 0.0).then(|| format!("{}: most goes to {name} ({} s): {lever}", combination(&row.axes), short(seconds)))
}

/// The study's conclusions, each by its definition and by ours.
pub fn conclusions(results: &Results) -> Table {
    let rows = results.conclusions.iter().map(|one| {
        let about = if one.axes.is_empty() {
            one.claim.to_owned()
        } else {
            format!("{} ({})", one.claim, combination(&one.axes))
        };
        let definition = if one.definition == "study" { "the study's" } else { "ours" };
        vec![
            about,
            format!("{definition}: {}", one.figure),
            one.finding.name().to_owned(),
            change(one),
            one.reason.clone().unwrap_or_default(),
        ]
    });
    Table {
        title: "The study's conclusions".into(),
        caption: "Each tested as the change of one figure a trial when T doubles (least squares on logarithms; R_study, which may be negative, in seconds); it holds, or does not, where the 95 % interval lies on one side of zero.".into(),
        header: ["claim", "by", "finding", "change when T doubles", "because"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

fn change(one: &Conclusion) -> String {
    let Some(change) = one.change_per_doubling else { return "–".into() };
    let (factor, unit) = if one.change_unit == "share" { (100.0, "%") } else { (1.0, one.change_unit) };
    let signed = |value: f64| format!("{:+.1}", factor * value);
    match (change.lo, change.hi) {
        (Some(lo), Some(hi)) => {
            format!("{} {unit} [{}, {}], n {}", signed(change.value), signed(lo), signed(hi), change.n)
        }
        _ => format!("{} {unit}, n {}", signed(change.value), change.n),
    }
}

fn header_of(results: &Results, first: &str) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(results.rows.iter().map(|row| combination(&row.axes))).collect()
}

fn figure_row(results: &Results, name: &str) -> Vec<String> {
    let shown = results.rows.iter().map(|row| row.figures.cell(name).map_or_else(String::new, cell));
    std::iter::once(name.to_owned()).chain(shown).collect()
}
