//! What a study measured, as maps that a script computes with: a row for each combination, a fault for each fault.

use rhai::{Array, Dynamic, Map};

use super::figures::{figure, maybe};
use crate::analysis::budget::own_parts_s;
use crate::analysis::results::{Cell, Results, Row, TrialResult};
use crate::analysis::statistics::{Scale, mean};
use crate::analysis::stretches::Stretch;
use crate::analysis::timeline::Fault;
use crate::analysis::validity;
use crate::error::{Error, Result};
use crate::record::{Axis, AxisValue};
use crate::run::Loaded;
use crate::script::bind::run::Study;
use crate::script::declare::{Call, Outcome};
use crate::script::units::{Bytes, Duration};

/// The analysis, and the trials of the study that a call was given.
fn of_study(call: &Call<'_>) -> Result<(std::sync::Arc<Loaded>, Vec<String>)> {
    let study = call.handle::<Study>("study")?;
    let run = call.session.state().run.clone();
    let run = run.ok_or_else(|| Error::script("there is nothing measured yet").hint("run an experiment first"))?;
    run.results_of(&study.name)
}

pub fn rows(call: &Call<'_>) -> Outcome {
    let (loaded, of) = of_study(call)?;
    let results = &loaded.results;
    let is_of = |row: &&Row| results.trials_of(row).any(|trial| of.contains(&trial.id));
    Ok(results.rows.iter().filter(is_of).map(|one| Dynamic::from_map(row(results, one))).collect::<Array>().into())
}

fn row(results: &Results, row: &Row) -> Map {
    let mut map = axes(&row.axes);
    let trials: Vec<&TrialResult> = results.trials_of(row).collect();
    for (name, cell) in row.figures.iter() {
        map.insert(name.into(), cell.figure().map_or(Dynamic::UNIT, |known| figure(known, false)));
    }
    let of_trials = |value: fn(&TrialResult) -> Option<f64>| {
        let values: Vec<f64> = trials.iter().filter_map(|trial| value(trial)).collect();
        Cell::or(mean(&[values], Scale::Linear, results.seed), "")
    };
    for (name, cell) in
        [("offered_per_s", of_trials(|trial| trial.offered_per_s)), ("lag_end_s", of_trials(TrialResult::lag_at_end_s))]
    {
        map.insert(name.into(), cell.figure().map_or(Dynamic::UNIT, |known| figure(known, false)));
    }
    let judged = validity::worst(trials.iter().map(|trial| (trial.id.as_str(), &trial.judgement)));
    map.insert("verdict".into(), judged.verdict.name().into());
    map.insert("trials".into(), Dynamic::from_int(i64::try_from(trials.len()).unwrap_or(i64::MAX)));
    map
}

pub fn faults(call: &Call<'_>) -> Outcome {
    let (loaded, of) = of_study(call)?;
    let trials = loaded.results.trials.iter().filter(|trial| of.contains(&trial.id));
    let all = trials.flat_map(|trial| trial.faults.iter().map(|one| Dynamic::from_map(fault(trial, one))));
    Ok(all.collect::<Array>().into())
}

fn fault(trial: &TrialResult, fault: &Fault) -> Map {
    let phases = &fault.phases;
    let mut map = axes(&trial.axes);
    let detected_s = phases.detected.zip(phases.issued).map(|(detected, issued)| (detected.hi - issued.hi) / 1e3);
    let parts = own_parts_s(fault);
    let part = |place: usize| maybe(parts.map(|parts| parts[place]));
    map.extend([
        ("trial".into(), trial.id.clone().into()),
        ("number".into(), Dynamic::from_int(fault.number.into())),
        ("kind".into(), fault.kind.clone().into()),
        ("instance".into(), fault.instance.clone().into()),
        ("R_s".into(), maybe(fault.restart_s)),
        ("R_ready_s".into(), maybe(fault.ready_s)),
        ("detected_s".into(), maybe(detected_s)),
        ("hold_s".into(), part(1)),
        ("redeployment_s".into(), part(2)),
        ("restore_s".into(), part(3)),
        ("start_s".into(), part(4)),
        ("caught_up_s".into(), maybe(fault.caught_up_s)),
        ("restarts".into(), Dynamic::from_int(fault.restarts.into())),
    ]);
    map
}

pub fn stretches(call: &Call<'_>) -> Outcome {
    let (loaded, of) = of_study(call)?;
    let trials = loaded.results.trials.iter().filter(|trial| of.contains(&trial.id));
    let all = trials.flat_map(|trial| trial.stretches.iter().map(|one| Dynamic::from_map(stretch(trial, one))));
    Ok(all.collect::<Array>().into())
}

fn stretch(trial: &TrialResult, stretch: &Stretch) -> Map {
    let mut map = axes(&trial.axes);
    let from_s = trial.measured_from_epoch_ms.map(|from| (stretch.from_epoch_ms - from) / 1e3);
    map.extend([
        ("trial".into(), trial.id.clone().into()),
        ("from_s".into(), maybe(from_s)),
        ("lasts_s".into(), maybe(Some(stretch.lasts_s()))),
        ("lost_s".into(), maybe(Some(stretch.lost_before_s))),
        ("T_s".into(), maybe(stretch.interval_s)),
        ("T_real_s".into(), maybe(stretch.real_interval_s)),
        ("c_duration_s".into(), maybe(stretch.cost_s())),
        ("checkpoint_bytes".into(), maybe(stretch.size_bytes())),
        ("checkpoints".into(), Dynamic::from_int(i64::try_from(stretch.durations_s.len()).unwrap_or(i64::MAX))),
    ]);
    map
}

/// The axes by their names; a duration and a size as such.
fn axes(axes: &[Axis]) -> Map {
    let value = |axis: &Axis| match &axis.value {
        AxisValue::Seconds(seconds) => Dynamic::from(Duration::new(*seconds)),
        AxisValue::Bytes(bytes) => Dynamic::from(Bytes(*bytes)),
        AxisValue::Int(number) => Dynamic::from_int(*number),
        AxisValue::Float(number) => Dynamic::from_float(*number),
        AxisValue::Bool(flag) => Dynamic::from_bool(*flag),
        AxisValue::Text(text) => text.clone().into(),
        AxisValue::Index(index) => Dynamic::from_int(i64::try_from(*index).unwrap_or(i64::MAX)),
    };
    axes.iter().map(|axis| (axis.name.as_str().into(), value(axis))).collect()
}
