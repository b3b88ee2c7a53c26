//! The combinations of axes as a plot shows them: name, colour, mark, trials; at most eight of them.

use super::style::{Colour, Mark, SERIES};
use crate::analysis::results::{Results, Row, TrialResult};
use crate::record::{Axis, AxisValue};
use crate::report::number::short;

/// One combination of axes.
pub struct Series<'a> {
    pub row: &'a Row,
    pub trials: Vec<&'a TrialResult>,
    /// `1 s`, or `1 s, exactly_once`.
    pub name: String,
    pub colour: Colour,
    pub mark: Mark,
}

impl<'a> Series<'a> {
    /// The name, one axis a line, for a tick.
    #[must_use]
    pub fn tick(&self) -> String {
        self.name.replace(", ", "\n")
    }

    /// The trial that stands for all in a plot over time: the first repeat that is sound, else the first that was
    /// measured at all.
    #[must_use]
    pub fn shown(&self) -> Option<&'a TrialResult> {
        let sound = self.trials.iter().find(|trial| trial.is_sound());
        let measured = || self.trials.iter().find(|trial| trial.measured_from_epoch_ms.is_some());
        sound.or_else(measured).or(self.trials.first()).copied()
    }
}

/// Those combinations that a plot has room for, in their order.
pub struct Cast<'a> {
    pub series: Vec<Series<'a>>,
    pub all: usize,
    /// What the axes are called.
    pub axis: String,
}

impl<'a> Cast<'a> {
    #[must_use]
    pub fn of(results: &'a Results) -> Self {
        let series = results.rows.iter().zip(SERIES).map(|(row, (colour, mark))| {
            let mut trials: Vec<&TrialResult> =
                results.trials.iter().filter(|trial| trial.combination() == row.combination).collect();
            trials.sort_by_key(|trial| trial.repeat);
            Series { row, trials, name: name(row), colour, mark }
        });
        Self { series: series.collect(), all: results.rows.len(), axis: axis(&results.rows) }
    }

    /// Only the series of which that holds.
    #[must_use]
    pub fn where_known(mut self, known: impl Fn(&Series<'_>) -> bool) -> Self {
        self.series.retain(known);
        self
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    #[must_use]
    pub fn ticks(&self) -> Vec<String> {
        self.series.iter().map(Series::tick).collect()
    }

    /// Lines of the longest tick.
    #[must_use]
    pub fn tick_lines(&self) -> usize {
        self.ticks().iter().map(|tick| tick.split('\n').count()).max().unwrap_or(1)
    }

    /// A sentence for the caption where combinations are missing.
    #[must_use]
    pub fn cut(&self) -> String {
        if self.all > SERIES.len() {
            return format!(" The first {} of {} combinations; all are in the tables.", SERIES.len(), self.all);
        }
        String::new()
    }
}

fn name(row: &Row) -> String {
    if row.axes.is_empty() {
        return row.interval_s.map_or_else(|| "all trials".into(), |interval| format!("{} s", short(interval)));
    }
    row.axes.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn value(axis: &Axis) -> String {
    match &axis.value {
        AxisValue::Seconds(seconds) => format!("{} s", short(*seconds)),
        AxisValue::Bytes(bytes) => bytes_text(*bytes),
        AxisValue::Text(text) => text.clone(),
        AxisValue::Int(number) => format!("{} {number}", axis.name),
        AxisValue::Float(number) => format!("{} {}", axis.name, short(*number)),
        AxisValue::Bool(flag) => format!("{} {flag}", axis.name),
        AxisValue::Index(index) => format!("{} {index}", axis.name),
    }
}

/// The names of axes other than the interval, with their values; empty where there are none.
#[must_use]
pub fn axes_name(axes: &[Axis]) -> String {
    axes.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn bytes_text(bytes: i64) -> String {
    let units = [(1_i64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(size, _)| bytes >= *size && bytes % size == 0);
    unit.map_or_else(|| format!("{bytes} B"), |(size, name)| format!("{} {name}", bytes / size))
}

fn axis(rows: &[Row]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let named = |axis: &Axis| {
        let is_interval = matches!(axis.value, AxisValue::Seconds(value) if Some(value) == first.interval_s);
        if is_interval { "checkpoint interval T".to_owned() } else { axis.name.replace('_', " ") }
    };
    match first.axes.as_slice() {
        [] => "checkpoint interval T".into(),
        axes => axes.iter().map(named).collect::<Vec<_>>().join(" / "),
    }
}
