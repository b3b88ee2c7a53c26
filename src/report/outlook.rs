//! What `cprun plan` shows: the trials to come, and what they will tell.

use super::table::Table;
use crate::analysis::outlook::{Combination, Outlook, Source, TrialOutlook};
use crate::analysis::precision::Separation;

/// The tables, each with a title of its own.
#[must_use]
pub fn text(outlook: &Outlook) -> String {
    let tables = [trials(outlook), widths(outlook), separations(outlook)];
    tables.iter().filter(|table| !table.rows.is_empty()).map(Table::text).collect::<Vec<_>>().join("\n")
}

/// For programs; times in seconds, sizes in bytes.
#[must_use]
pub fn json(outlook: &Outlook) -> serde_json::Value {
    let trial = |trial: &TrialOutlook| {
        serde_json::json!({
            "trial": trial.id, "order": trial.order, "faults_s": trial.faults_s, "fault_kinds": trial.kinds,
            "measured_s": trial.measured_s, "total_s": trial.total_s, "error": trial.error,
        })
    };
    let combination = |one: &Combination| {
        serde_json::json!({
            "combination": one.name,
            "R_s": one.expected.map(|expected| expected.restart_s),
            "U": one.expected.map(|expected| expected.utilization),
            "R_half_width_share": one.restart_half_width,
            "U_half_width": one.utilization_half_width,
        })
    };
    let pair = |(left, right, told): &(String, String, Separation)| {
        serde_json::json!({
            "left": left, "right": right, "U_difference": told.difference, "half_width": told.half_width,
            "repeats_needed": told.repeats_needed, "faults_needed": told.faults_needed,
        })
    };
    serde_json::json!({
        "schema": 1,
        "simulated": true,
        "trials": outlook.trials.iter().map(trial).collect::<Vec<_>>(),
        "duration_s": outlook.duration_s,
        "disk_bytes": outlook.disk.kept_bytes,
        "disk_passing_bytes": outlook.disk.passing_bytes,
        "variation": { "R": outlook.variation.restart, "c": outlook.variation.cost, "source": source(outlook.source) },
        "combinations": outlook.combinations.iter().map(combination).collect::<Vec<_>>(),
        "separations": outlook.separations.iter().map(pair).collect::<Vec<_>>(),
    })
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Pilot => "pilot",
        Source::Stated => "stated",
        Source::Simulation => "simulation",
    }
}

fn trials(outlook: &Outlook) -> Table {
    let row = |trial: &TrialOutlook| {
        let faults: Vec<String> =
            trial.kinds.iter().zip(&trial.faults_s).map(|(kind, at)| format!("{kind} at {at:.0} s")).collect();
        vec![
            trial.order.to_string(),
            trial.id.clone(),
            if faults.is_empty() { "none".into() } else { faults.join(", ") },
            trial.measured_s.map_or_else(|| "unknown".into(), |seconds| format!("{seconds:.0}")),
            format!("{:.0}", trial.total_s),
        ]
    };
    let failed = |trial: &TrialOutlook| {
        trial.error.as_ref().map(|error| format!("{} does not come to its end on sim: {error}", trial.id))
    };
    Table {
        title: "Trials, in the order in which they run".into(),
        header: ["", "trial", "faults", "measured, s", "in all, s"].map(str::to_owned).to_vec(),
        rows: outlook.trials.iter().map(row).collect(),
        notes: outlook.trials.iter().filter_map(failed).collect(),
        ..Table::default()
    }
}

fn widths(outlook: &Outlook) -> Table {
    let row = |one: &Combination| {
        let expected = one.expected?;
        let faults = expected.faults * f64::from(expected.repeats);
        let half = |width: Option<f64>, show: &dyn Fn(f64) -> String| width.map_or_else(|| "none".into(), show);
        Some(vec![
            one.name.clone(),
            format!("{faults:.0}"),
            half(one.restart_half_width, &|share| format!("± {:.1} %", 100.0 * share)),
            half(one.utilization_half_width, &|width| format!("± {:.2}", 100.0 * width)),
        ])
    };
    let variation = outlook.variation;
    let (restart, cost) = (100.0 * variation.restart, 100.0 * variation.cost);
    let mut notes = vec![format!(
        "{}: R varies by {restart:.1} % from fault to fault, c by {cost:.1} % from checkpoint to checkpoint",
        match outlook.source {
            Source::Pilot => "from the pilot run",
            Source::Stated => "as stated",
            Source::Simulation => "from the simulation's own noise, which is no measurement",
        }
    )];
    if outlook.source == Source::Simulation {
        notes.push("better: `--pilot DIR` with a run of this target, or `--variation 0.1`".into());
    }
    Table {
        title: "Expected half widths of the 95 % intervals".into(),
        header: ["", "faults in all", "R", "U, points"].map(str::to_owned).to_vec(),
        rows: outlook.combinations.iter().filter_map(row).collect(),
        notes,
        ..Table::default()
    }
}

fn separations(outlook: &Outlook) -> Table {
    let number = |needed: Option<u32>| needed.map_or_else(|| "no number".into(), |needed| needed.to_string());
    let row = |(left, right, told): &(String, String, Separation)| {
        vec![
            format!("{left} and {right}"),
            format!("{:+.2}", 100.0 * told.difference),
            told.half_width.map_or_else(|| "not compared".into(), |half| format!("± {:.2}", 100.0 * half)),
            number(told.repeats_needed),
            number(told.faults_needed),
        ]
    };
    Table {
        title: "What tells two of them apart by U (model poisson), in points".into(),
        header: ["", "difference", "half width", "repeats needed", "or faults a trial"].map(str::to_owned).to_vec(),
        rows: outlook.separations.iter().map(row).collect(),
        notes: vec!["a comparison takes one figure a trial, so with one repeat nothing is compared".into()],
        ..Table::default()
    }
}
