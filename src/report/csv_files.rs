//! The CSV files of a run directory, column for column as their format says.
//!
//! Times are milliseconds since the trial's start. What does not apply is empty, never zero.

use crate::analysis::history::Run;
use crate::analysis::oracle::Oracle;
use crate::analysis::results::{FIGURES, Results, TrialResult, axis_column, axis_value};
use crate::error::{Error, Result};
use crate::record::{Axis, EpochMs};

type File = (&'static str, Vec<u8>);

pub fn all(run: &Run, results: &Results) -> Result<Vec<File>> {
    Ok(vec![
        trials(results)?,
        samples(run, results.simulated)?,
        checkpoints(results)?,
        faults(results)?,
        windows(results)?,
        summary(results)?,
    ])
}

struct Sheet {
    writer: csv::Writer<Vec<u8>>,
    /// Every row of a simulated run says so in its last column.
    simulated: bool,
}

impl Sheet {
    fn new(header: &[String], simulated: bool) -> Result<Self> {
        let writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
        let mut sheet = Self { writer, simulated };
        sheet.write(header, "simulated")?;
        Ok(sheet)
    }

    fn row<T: AsRef<[u8]>>(&mut self, cells: &[T]) -> Result<()> {
        self.write(cells, "true")
    }

    fn write<T: AsRef<[u8]>>(&mut self, cells: &[T], last: &str) -> Result<()> {
        let last = self.simulated.then_some(last.as_bytes());
        let row = cells.iter().map(AsRef::as_ref).chain(last);
        self.writer.write_record(row).map_err(|error| Error::defect(format!("cannot write a CSV row: {error}")))
    }

    fn file(self, name: &'static str) -> Result<File> {
        let bytes = self.writer.into_inner().map_err(|error| Error::defect(format!("cannot write {name}: {error}")))?;
        Ok((name, bytes))
    }
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The columns of all axes; experiments of one script may have different ones.
fn axis_columns<'a>(all: impl Iterator<Item = &'a [Axis]>) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for column in all.flatten().map(axis_column) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

/// One cell for each column, empty where these axes do not have it.
fn axis_cells(axes: &[Axis], columns: &[String]) -> Vec<String> {
    let cell = |axis: &Axis| {
        let value = axis_value(axis);
        match (value.as_str(), value.as_f64().filter(|_| value.is_f64())) {
            (Some(text), _) => text.to_owned(),
            (None, Some(number)) => float(number),
            (None, None) => value.to_string(),
        }
    };
    let of = |column: &String| axes.iter().find(|axis| axis_column(axis) == *column).map(cell).unwrap_or_default();
    columns.iter().map(of).collect()
}

/// The shortest decimal that reads back as the same number.
fn float(value: f64) -> String {
    value.to_string()
}

/// Milliseconds to the microsecond: the clock gives no more.
fn millis(value: f64) -> String {
    float((value * 1e3).round() / 1e3)
}

fn optional<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map(show).unwrap_or_default()
}

fn since(trial: &TrialResult, at: Option<EpochMs>) -> String {
    optional(at, |at| millis(trial.since_start_ms(at)))
}

fn trials(results: &Results) -> Result<File> {
    let axes = axis_columns(results.trials.iter().map(|trial| trial.axes.as_slice()));
    let mut columns = vec!["trial".to_owned()];
    columns.extend(axes.iter().cloned());
    columns.extend(header(&[
        "repeat",
        "order",
        "start_epoch_ms",
        "measured_from_ms",
        "measured_to_ms",
        "end_ms",
        "verdict",
        "reasons",
    ]));
    let mut sheet = Sheet::new(&columns, results.simulated)?;
    for trial in &results.trials {
        let mut row = vec![trial.id.clone()];
        row.extend(axis_cells(&trial.axes, &axes));
        row.extend([
            trial.repeat.to_string(),
            trial.order.to_string(),
            millis(trial.start_epoch_ms),
            since(trial, trial.measured_from_epoch_ms),
            since(trial, trial.measured_to_epoch_ms),
            since(trial, trial.end_epoch_ms),
            trial.judgement.verdict.name().to_owned(),
            trial.judgement.reasons.join("; "),
        ]);
        sheet.row(&row)?;
    }
    sheet.file("trials.csv")
}

fn samples(run: &Run, simulated: bool) -> Result<File> {
    let columns = header(&["trial", "t_ms", "source", "name", "subtask", "attempt", "value"]);
    let mut sheet = Sheet::new(&columns, simulated)?;
    for trial in &run.trials {
        for sample in &trial.samples {
            let at = millis(sample.at_epoch_ms - trial.start_epoch_ms);
            for value in &sample.values {
                let whole = |number: Option<u32>| optional(number, |number| number.to_string());
                sheet.row(&[
                    &trial.id,
                    &at,
                    &sample.source,
                    &value.0,
                    &whole(value.1),
                    &whole(value.2),
                    &float(value.3),
                ])?;
            }
        }
    }
    sheet.file("samples.csv")
}

fn checkpoints(results: &Results) -> Result<File> {
    let mut sheet = Sheet::new(
        &header(&[
            "trial",
            "id",
            "kind",
            "status",
            "trigger_ms",
            "ack_ms",
            "duration_ms",
            "sync_ms",
            "async_ms",
            "align_ms",
            "start_delay_ms",
            "size_bytes",
            "incremental_bytes",
            "during_fault",
            "cpu_s",
            "disk_written_bytes",
            "net_sent_bytes",
            "extra_cpu_s",
            "extra_disk_written_bytes",
            "extra_net_sent_bytes",
        ]),
        results.simulated,
    )?;
    for trial in &results.trials {
        for (row, spent) in trial.checkpoints.iter().zip(&trial.checkpoint_uses) {
            let checkpoint = &row.checkpoint;
            let bytes = |bytes: Option<u64>| optional(bytes, |bytes| bytes.to_string());
            // Between two samples they are interpolated: more digits would be made up.
            let whole = |bytes: Option<f64>| optional(bytes, |bytes| float(bytes.round() + 0.0));
            let seconds = |value: Option<f64>| optional(value, |value| float((value * 1e6).round() / 1e6 + 0.0));
            sheet.row(&[
                trial.id.clone(),
                checkpoint.id.to_string(),
                checkpoint.trigger.clone(),
                checkpoint.status.clone(),
                since(trial, Some(checkpoint.trigger_epoch_ms)),
                since(trial, checkpoint.ack_epoch_ms),
                optional(checkpoint.duration_ms, float),
                optional(checkpoint.sync_ms, float),
                optional(checkpoint.async_ms, float),
                optional(checkpoint.align_ms, float),
                optional(checkpoint.start_delay_ms, float),
                bytes(checkpoint.size_bytes),
                bytes(checkpoint.incremental_bytes),
                row.during_fault.to_string(),
                seconds(spent.used.cpu_s),
                whole(spent.used.disk_written_bytes),
                whole(spent.used.net_sent_bytes),
                seconds(spent.extra.cpu_s),
                whole(spent.extra.disk_written_bytes),
                whole(spent.extra.net_sent_bytes),
            ])?;
        }
    }
    sheet.file("checkpoints.csv")
}

const PHASES: [&str; 11] =
    ["issued", "gone", "detected", "dead", "back", "restored", "running", "first", "all", "parity", "caught_up"];

fn faults(results: &Results) -> Result<File> {
    let mut columns = header(&["trial", "fault", "kind", "instance", "host", "during_recovery"]);
    columns.extend(PHASES.iter().flat_map(|phase| [format!("{phase}_lo_ms"), format!("{phase}_hi_ms")]));
    columns.extend(header(&[
        "R_s",
        "R_ready_s",
        "R_study_s",
        "R_eff_s",
        "rework_records",
        "rework_event_s",
        "restarts",
        "undo",
        "initializing_lo_ms",
        "initializing_hi_ms",
        "restored_checkpoint",
        "outcome",
    ]));
    let mut sheet = Sheet::new(&columns, results.simulated)?;
    for trial in &results.trials {
        for fault in &trial.faults {
            let mut row = vec![
                trial.id.clone(),
                fault.number.to_string(),
                fault.kind.clone(),
                fault.instance.clone(),
                fault.host.clone(),
                fault.during_recovery.to_string(),
            ];
            let named = fault.phases.named();
            for phase in PHASES {
                let bounds = named.iter().find(|(name, _)| *name == phase).and_then(|(_, bounds)| *bounds);
                row.extend([
                    since(trial, bounds.map(|bounds| bounds.lo)),
                    since(trial, bounds.map(|bounds| bounds.hi)),
                ]);
            }
            let seconds = |value: Option<f64>| optional(value, |value| float((value * 1e6).round() / 1e6));
            row.extend([
                seconds(fault.restart_s),
                seconds(fault.ready_s),
                seconds(fault.study_s),
                seconds(fault.effective_s),
                optional(fault.rework.as_ref(), |rework| float(rework.records)),
                optional(fault.rework.as_ref().and_then(|rework| rework.event_s), float),
                fault.restarts.to_string(),
                fault.undo.clone(),
                since(trial, fault.initializing.map(|bounds| bounds.lo)),
                since(trial, fault.initializing.map(|bounds| bounds.hi)),
                optional(fault.restored_checkpoint, |id| id.to_string()),
                fault.outcome().name().to_owned(),
            ]);
            sheet.row(&row)?;
        }
    }
    sheet.file("faults.csv")
}

fn windows(results: &Results) -> Result<File> {
    let mut sheet = Sheet::new(
        &header(&[
            "trial",
            "zone",
            "window_start_epoch_ms",
            "count",
            "cents",
            "due_ms",
            "written_ms",
            "visible_ms",
            "duplicates",
            "oracle",
        ]),
        results.simulated,
    )?;
    for trial in &results.trials {
        for window in &trial.windows {
            sheet.row(&[
                trial.id.clone(),
                window.zone.map(|zone| zone.to_string()).unwrap_or_default(),
                window.window_start_epoch_ms.to_string(),
                window.count.to_string(),
                window.cents.to_string(),
                since(trial, window.due_epoch_ms),
                since(trial, window.written_epoch_ms),
                since(trial, window.visible_epoch_ms),
                window.duplicates.to_string(),
                optional(window.oracle, |oracle| oracle_name(oracle).to_owned()),
            ])?;
        }
    }
    sheet.file("windows.csv")
}

fn oracle_name(oracle: Oracle) -> &'static str {
    match oracle {
        Oracle::Ok => "ok",
        Oracle::Missing => "missing",
        Oracle::Duplicate => "duplicate",
        Oracle::Wrong => "wrong",
    }
}

fn summary(results: &Results) -> Result<File> {
    let axes = axis_columns(results.rows.iter().map(|row| row.axes.as_slice()));
    let mut columns = axes.clone();
    columns.extend(
        FIGURES
            .iter()
            .flat_map(|name| [(*name).to_owned(), format!("{name}_lo"), format!("{name}_hi"), format!("{name}_n")]),
    );
    let mut sheet = Sheet::new(&columns, results.simulated)?;
    for row in &results.rows {
        let mut cells = axis_cells(&row.axes, &axes);
        for (_, cell) in row.figures.iter() {
            let figure = cell.figure();
            cells.push(optional(figure, |figure| float(figure.value)));
            cells.push(optional(figure.and_then(|figure| figure.lo), float));
            cells.push(optional(figure.and_then(|figure| figure.hi), float));
            cells.push(figure.map_or_else(|| "0".into(), |figure| figure.n.to_string()));
        }
        sheet.row(&cells)?;
    }
    sheet.file("summary.csv")
}
