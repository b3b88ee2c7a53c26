//! The tables of a run under saturating load: capacity with the cost of a checkpoint, utilization measured and predicted.

use super::number::{cell, percent, points, short};
use super::table::Table;
use super::tables::{combination, repeats_note};
use crate::analysis::results::{CapacityLine, Cell, Results, Row, capacity_lines};
use crate::analysis::statistics::Figure;
use crate::record::Axis;

pub const NO_LINE: &str = "no sound trials without faults at two intervals, or one and none";

const BELOW_CAPACITY: &str =
    "no job had saturating load: below capacity a job reads what is offered, and makes up for what it lost";

/// A row for each combination without faults, and the line through their trials.
pub fn capacity(results: &Results) -> Table {
    let rows: Vec<&Row> = saturated(results).filter(|row| is_calm(results, row)).collect();
    let mut notes = repeats_note(results);
    let lines = capacity_lines(&results.trials);
    notes.extend(lines.iter().flat_map(|line| fit_notes(results, &lines, line)));
    if !results.is_saturated() {
        notes = vec![BELOW_CAPACITY.into()];
    } else if lines.is_empty() {
        notes.push(
            "no trial without faults is sound: neither the capacity nor what a checkpoint takes of it is known".into(),
        );
    } else {
        notes.push("the line takes one c for all T: where `of μ` and `by the line` lie further apart than trials of one T do, c depends on T".into());
        notes.push("c_capacity_s at or below zero, or with 0 in its interval, says that what a checkpoint costs was lost in the noise between trials".into());
    }
    let header = ["", "T", "T_real_s", "capacity_per_s", "of μ", "by the line", "c_duration_s"];
    Table {
        title: "Capacity and the cost of a checkpoint".into(),
        caption: "Useful records a second under saturating load without faults; μ is capacity_at_rest_per_s, that without checkpoints, and the line throughput = μ(1 - c/T_real). Value [95 % interval], number of observations.".into(),
        header: header.map(str::to_owned).to_vec(),
        rows: rows.into_iter().map(capacity_row).collect(),
        notes,
    }
}

/// The combinations under saturating load.
fn saturated(results: &Results) -> impl Iterator<Item = &Row> {
    let is_saturated = move |row: &&Row| results.trials_of(row).any(|trial| trial.capacity_of.is_some());
    results.rows.iter().filter(is_saturated)
}

/// Whether no fault was planned or came, so that its trials measure a capacity where they are sound.
fn is_calm(results: &Results, row: &Row) -> bool {
    row.lambda_per_s.is_none() && results.trials_of(row).all(|trial| trial.faults.is_empty())
}

fn capacity_row(row: &Row) -> Vec<String> {
    let figure = |name: &str| row.figures.cell(name).map_or_else(String::new, cell);
    let at_rest = row.figures.get("capacity_at_rest_per_s").map(|figure| figure.value);
    let share = |value: Option<f64>| value.map_or_else(|| "–".into(), |share| format!("{:.2} %", 100.0 * share));
    let interval = row.figures.get("T_real_s").map(|figure| figure.value).or(row.interval_s);
    let by_the_line = row.figures.get("c_capacity_s").map(|cost| 1.0 - interval.map_or(0.0, |real| cost.value / real));
    let of_checkpoints = |name: &str| if row.interval_s.is_some() { figure(name) } else { "–".into() };
    vec![
        combination(&row.axes),
        row.interval_s.map_or_else(|| "none".into(), |interval| format!("{} s", short(interval))),
        of_checkpoints("T_real_s"),
        figure("capacity_per_s"),
        share(row.figures.get("capacity_per_s").zip(at_rest).map(|(capacity, at_rest)| capacity.value / at_rest)),
        share(by_the_line),
        of_checkpoints("c_duration_s"),
    ]
}

/// μ and c of one line beside the durations, and whether c can be told at all.
fn fit_notes(results: &Results, lines: &[CapacityLine<'_>], line: &CapacityLine<'_>) -> Vec<String> {
    let name = line_name(results, lines, line);
    let about = if name.is_empty() { String::new() } else { format!("{name}: ") };
    let Some(capacity) = &line.capacity else { return vec![format!("{about}no μ and no c_capacity_s: {NO_LINE}")] };
    let at_rest = with_interval(&capacity.at_rest_per_s, "records/s");
    let trials = line.points.len();
    let Some(cost) = &capacity.cost else {
        return vec![format!("{about}μ is {at_rest}, mean of {trials} trials; no c_capacity_s: {NO_LINE}")];
    };
    let mut notes = vec![format!(
        "{about}by least squares over {trials} trials μ is {at_rest}, and c_capacity_s {}{}{}",
        with_interval(cost, "s"),
        if cost.lo.is_some() { " by Fieller" } else { "" },
        beside(&durations_s(results, line))
    )];
    notes.extend(lost(cost).map(|why| format!("{about}the cost of a checkpoint is lost in the noise: {why}")));
    notes
}

pub fn with_interval(figure: &Figure, unit: &str) -> String {
    match (figure.lo, figure.hi) {
        (Some(lo), Some(hi)) => format!("{} {unit} [{}, {}]", short(figure.value), short(lo), short(hi)),
        _ => format!("{} {unit}, without an interval", short(figure.value)),
    }
}

/// The mean durations of the combinations that the line goes through.
fn durations_s(results: &Results, line: &CapacityLine<'_>) -> Vec<f64> {
    let rows = rows_of(results, line);
    rows.iter().filter_map(|row| row.figures.get("c_duration_s")).map(|figure| figure.value).collect()
}

fn beside(durations_s: &[f64]) -> String {
    let least = durations_s.iter().copied().reduce(f64::min);
    let largest = durations_s.iter().copied().reduce(f64::max);
    match least.zip(largest) {
        None => String::new(),
        Some((least, largest)) if short(least) == short(largest) => {
            format!(", where c_duration_s is {} s", short(least))
        }
        Some((least, largest)) => format!(", where c_duration_s is {} to {} s", short(least), short(largest)),
    }
}

/// Why a c tells nothing.
pub fn lost(cost: &Figure) -> Option<&'static str> {
    if cost.value <= 0.0 {
        return Some("c_capacity_s is not above zero, so U and T* take c_duration_s");
    }
    cost.lo.is_some_and(|lo| lo <= 0.0).then_some("the interval of c_capacity_s holds 0")
}

fn rows_of<'a>(results: &'a Results, line: &CapacityLine<'_>) -> Vec<&'a Row> {
    let belongs = |row: &&Row| line.points.iter().any(|point| point.trial.combination() == row.combination);
    results.rows.iter().filter(belongs).collect()
}

/// The axes that tell a line from the others; empty where there is one.
pub fn line_name(results: &Results, lines: &[CapacityLine<'_>], line: &CapacityLine<'_>) -> String {
    let has = |row: &Row, axis: &Axis| row.axes.contains(axis);
    let own = rows_of(results, line);
    let Some(first) = own.first() else { return String::new() };
    let tells = |axis: &&Axis| {
        let all_have = own.iter().all(|row| has(row, axis));
        let mut others = lines.iter().flat_map(|other| rows_of(results, other));
        all_have && others.any(|row| !has(row, axis))
    };
    combination(&first.axes.iter().filter(tells).cloned().collect::<Vec<_>>())
}

/// What a figure of the table is, and how it is shown.
type Shown = (&'static str, fn(&Cell) -> String);

const VALIDATION: [Shown; 14] = [
    ("T_real_s", cell),
    ("R_s", cell),
    ("R_eff_s", cell),
    ("U_measured", percent),
    ("U_poisson", percent),
    ("U_flink", percent),
    ("U_schedule", percent),
    ("U_poisson_eff", percent),
    ("U_flink_eff", percent),
    ("U_schedule_eff", percent),
    ("U_realised", percent),
    ("U_realised_eff", percent),
    ("U_gap", points),
    ("U_gap_eff", points),
];

/// What is said of a gap.
const FINDINGS: [(&str, &str); 2] = [("the model with R", "U_gap"), ("the model with R_eff", "U_gap_eff")];

/// A column for each combination with faults: measured, predicted, and whether they agree.
pub fn validation(results: &Results) -> Table {
    let rows: Vec<&Row> = saturated(results).filter(|row| !is_calm(results, row)).collect();
    let line = |name: &str, shown: &dyn Fn(&Row) -> String| -> Vec<String> {
        std::iter::once(name.to_owned()).chain(rows.iter().map(|row| shown(row))).collect()
    };
    let figure = |(name, shown): Shown| line(name, &|row: &Row| row.figures.cell(name).map_or_else(String::new, shown));
    let mut lines: Vec<Vec<String>> = VALIDATION.into_iter().map(figure).collect();
    lines
        .insert(3, line("cycles", &|row: &Row| row.figures.get("U_measured").map_or(0, |figure| figure.n).to_string()));
    lines.extend(
        FINDINGS.map(|(name, gap)| line(name, &|row: &Row| row.figures.cell(gap).map_or_else(String::new, finding))),
    );
    let mut notes = Vec::new();
    if rows.is_empty() {
        lines.clear();
        let reason = if results.is_saturated() {
            "no faults are scheduled, so no utilization is measured"
        } else {
            BELOW_CAPACITY
        };
        notes.push(reason.to_owned());
    } else {
        notes.extend(repeats_note(results));
        notes.extend(TESTS.map(str::to_owned));
        notes.push(format!("all predictions take {} for c", costs(&rows)));
    }
    Table {
        title: "Utilization: measured, and by the models".into(),
        caption: "U_measured: progress that was restored over μ x time, from the first fault of each trial to its last. Value [95 % interval].".into(),
        header: std::iter::once("figure".to_owned()).chain(rows.iter().map(|row| combination(&row.axes))).collect(),
        rows: lines,
        notes,
    }
}

const TESTS: [&str; 4] = [
    "the test of the model is U_gap = U_measured - U_realised: U_realised is schedule's formula with the F and R of each cycle as they came, so that what chance did with the faults is in both; the model agrees where the interval of the gap holds 0, which at 95 % one in twenty misses though the model is right",
    "U_poisson, U_flink and U_schedule are predictions at λ, of the mean over many runs: a measured U differs from them by chance too, so they are no test of one run; flink and poisson belong to faults at random, schedule to faults at a fixed distance",
    "with R_eff the model counts what a cold job misses, with R it does not: where U_measured lies below the one and agrees with the other, the cold start is the difference",
    "a checkpoint counts from its end and saves what was read at its trigger: where c is less than c_duration_s the model promises up to (c_duration_s - c) of each cycle too much",
];

fn finding(gap: &Cell) -> String {
    match gap {
        Cell::Known(Figure { value, lo: Some(lo), hi: Some(hi), .. }) => {
            let side = if *value < 0.0 { "below" } else { "above" };
            if *lo <= 0.0 && 0.0 <= *hi {
                format!("agrees, to within {:.1} points", 100.0 * lo.abs().max(*hi))
            } else {
                format!("measured is {:.1} points {side}", 100.0 * value.abs())
            }
        }
        Cell::Known(_) => "– (no interval: one cycle, or μ or c from two trials)".into(),
        Cell::Empty(reason) => format!("– ({reason})"),
    }
}

fn costs(rows: &[&Row]) -> String {
    let mut names: Vec<&str> = rows.iter().map(|row| row.cost).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::history::Run;
    use crate::analysis::results::analyse;
    use crate::analysis::story::one_kill;
    use crate::report::saturated_story::{
        AT_REST_PER_S, COST_S, noisy_study, study, study_of_one_interval, study_without_calm,
    };
    use crate::report::{Part, whole};

    fn row<'a>(table: &'a Table, name: &str) -> &'a [String] {
        table.rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no `{name}`"))
    }

    #[test]
    fn capacity_shows_each_interval_and_the_line_through_them() {
        insta::assert_snapshot!(capacity(&study()).text());
    }

    #[test]
    fn the_line_gives_back_what_the_history_was_told_with() {
        let results = study();
        let lines = capacity_lines(&results.trials);
        assert_eq!((lines.len(), lines[0].points.len()), (1, 6));
        let known = lines[0].capacity.expect("two intervals and none");
        assert!((known.at_rest_per_s.value / AT_REST_PER_S - 1.0).abs() < 1e-3, "{known:?}");
        assert!((known.cost.expect("a slope").value - COST_S).abs() < 2e-3, "{known:?}");
    }

    #[test]
    fn a_cost_within_the_noise_is_told_as_lost() {
        let text = capacity(&noisy_study()).text();
        assert!(text.contains("lost in the noise: "), "{text}");
        assert!(!capacity(&study()).text().contains("lost in the noise: "));
        let figure = |value, lo| Figure { value, lo: Some(lo), hi: Some(1.0), n: 6 };
        assert_eq!(lost(&figure(0.1, 0.05)), None);
        assert_eq!(lost(&figure(0.1, -0.05)), Some("the interval of c_capacity_s holds 0"));
        assert!(lost(&figure(-0.1, -0.2)).is_some_and(|why| why.contains("take c_duration_s")));
    }

    #[test]
    fn validation_holds_the_measured_against_each_prediction() {
        insta::assert_snapshot!(validation(&study()).text());
    }

    #[test]
    fn a_gap_is_told_in_words() {
        let told = |value, lo, hi| finding(&Cell::Known(Figure { value, lo, hi, n: 6 }));
        assert_eq!(told(0.004, Some(-0.001), Some(0.009)), "agrees, to within 0.9 points");
        assert_eq!(told(-0.0312, Some(-0.04), Some(-0.02)), "measured is 3.1 points below");
        assert_eq!(told(0.0312, Some(0.02), Some(0.04)), "measured is 3.1 points above");
        assert_eq!(told(0.0312, None, None), "– (no interval: one cycle, or μ or c from two trials)");
    }

    #[test]
    fn what_is_missing_is_told() {
        let below = analyse(&Run::from_lines(one_kill(2.0, 1).ends(45_000.0).lines()), false);
        for table in [capacity(&below), validation(&below)] {
            assert!(table.rows.is_empty() && table.notes == [BELOW_CAPACITY], "{table:?}");
        }
        let titles = [Part::Capacity, Part::Validation].map(|part| part.table(&below).expect("a table").title);
        assert!(!titles.iter().any(|title| whole(&below).contains(title)));
        assert!(titles.iter().all(|title| whole(&study()).contains(title)));

        let without = study_without_calm();
        assert!(capacity(&without).text().contains("no trial without faults is sound"));
        let reason = "– (no sound trial without faults tells the capacity)";
        assert_eq!(row(&validation(&without), "U_measured")[1], reason);
        assert_eq!(row(&validation(&without), "the model with R")[1], reason);

        let alone = study_of_one_interval();
        assert!(capacity(&alone).text().contains(NO_LINE));
        assert!(validation(&alone).text().contains("no faults are scheduled"));
    }
}
