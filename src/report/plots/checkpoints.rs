//! End-to-end duration of checkpoints: each over time, and the mean by interval.

use super::axis::Axis;
use super::panel::{Key, Look, Panel};
use super::series::{Cast, Series};
use super::style::LEFT;
use super::{Sketch, Sketched, figure};
use crate::analysis::binned::binned;
use crate::analysis::checkpoints::CheckpointRow;
use crate::analysis::results::{Results, TrialResult};

/// Marks of a series; with more checkpoints, the longest of each of so many bins is drawn.
const MARKS: usize = 240;

/// A value among decades, from which on an axis is logarithmic.
const DECADES: f64 = 20.0;

struct Timed {
    at_s: f64,
    duration_s: f64,
    during_fault: bool,
}

fn completed(trial: &TrialResult) -> Vec<Timed> {
    let Some((from, to)) = trial.measured() else { return Vec::new() };
    let timed = |row: &CheckpointRow| {
        let checkpoint = &row.checkpoint;
        let counts = checkpoint.status == "completed" && checkpoint.trigger == "periodic";
        let inside = (from..=to).contains(&checkpoint.trigger_epoch_ms);
        let duration_s = checkpoint.duration_ms.filter(|duration| duration.is_finite())? / 1e3;
        let at_s = (checkpoint.trigger_epoch_ms - from) / 1e3;
        (counts && inside).then_some(Timed { at_s, duration_s, during_fault: row.during_fault })
    };
    trial.checkpoints.iter().filter_map(timed).collect()
}

/// Those of a series that are drawn: all, or the longest of each bin.
fn drawn(series: &Series<'_>, seconds: f64) -> Vec<Timed> {
    let all: Vec<Timed> = series.trials.iter().flat_map(|trial| completed(trial)).collect();
    if all.len() <= MARKS {
        return all;
    }
    let longest = |during_fault: bool| {
        let values = all.iter().filter(|timed| timed.during_fault == during_fault);
        let bins = binned(values.map(|timed| (timed.at_s, timed.duration_s)), (0.0, seconds), MARKS);
        bins.into_iter().map(move |bin| Timed { at_s: bin.at, duration_s: bin.largest, during_fault })
    };
    longest(false).chain(longest(true)).collect()
}

pub fn duration(results: &Results) -> Sketched {
    let cast = Cast::of(results).where_known(|series| series.trials.iter().any(|trial| !completed(trial).is_empty()));
    if cast.is_empty() {
        return Err("no periodic checkpoint completed in a measured phase".into());
    }
    let trials = || cast.series.iter().flat_map(|series| series.trials.iter().copied());
    let seconds = trials().filter_map(TrialResult::measured).map(|(from, to)| (to - from) / 1e3).fold(0.0, f64::max);
    let marks: Vec<Vec<Timed>> = cast.series.iter().map(|series| drawn(series, seconds)).collect();
    let figures: Vec<_> = cast.series.iter().map(|series| series.row.figures.get("c_duration_s").copied()).collect();
    let ends = figures.iter().flatten().flat_map(|figure| [Some(figure.value), figure.lo, figure.hi]).flatten();
    let values: Vec<f64> = marks.iter().flatten().map(|timed| timed.duration_s).chain(ends).collect();
    let y = duration_axis(&values);

    let mut legend: Vec<Key> = cast
        .series
        .iter()
        .map(|series| Key::new(&series.name, Look::Mark { colour: series.colour, mark: series.mark, hollow: false }))
        .collect();
    if marks.iter().flatten().any(|timed| timed.during_fault) {
        let first = &cast.series[0];
        legend.push(Key::new(
            "hollow: during a fault",
            Look::Mark { colour: first.colour, mark: first.mark, hollow: true },
        ));
    }
    let title = "Checkpoint duration over time and on average";
    let (mut scene, frame) = figure(results, title, &legend, 320.0);
    let data = frame.inset(LEFT, 10.0, 24.0, 35.0 + 13.0 * cast.tick_lines() as f64);
    let split = data.left + (data.right - data.left) * 0.64;
    let left = Panel {
        frame: super::panel::Frame { right: split - 12.0, ..data },
        x: Axis::time("time since the measured phase began", 0.0, seconds, 6),
        y: y.clone(),
    };
    let right = Panel {
        frame: super::panel::Frame { left: split + 12.0, ..data },
        x: Axis::names(&cast.axis, &cast.ticks()),
        y,
    };
    left.draw(&mut scene);
    right.draw_right(&mut scene);
    for (place, series) in cast.series.iter().enumerate() {
        for timed in &marks[place] {
            let at = left.at(timed.at_s, timed.duration_s);
            scene.mark(at, series.mark, 2.8, series.colour, timed.during_fault);
        }
        if let Some(figure) = figures[place] {
            let x = right.x(place as f64);
            right.whisker(&mut scene, x, figure.lo.zip(figure.hi), series.colour);
            scene.mark((x, right.y(figure.value)), series.mark, 4.4, series.colour, false);
        }
    }
    let binned = trials().count() > 0
        && marks
            .iter()
            .zip(&cast.series)
            .any(|(marks, series)| marks.len() < series.trials.iter().map(|trial| completed(trial).len()).sum());
    let caption = format!(
        "End-to-end duration in seconds of completed periodic checkpoints. Left: {} of all trials, by the time of the \
         trigger; right: the mean (c_duration) with its 95 % interval, {} checkpoints.{}",
        if binned { "the longest of each of up to 240 bins" } else { "each checkpoint" },
        super::counts(figures.iter().map(|figure| figure.map_or(0, |figure| figure.n as usize))),
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

fn duration_axis(values: &[f64]) -> Axis {
    let (least, largest) = values.iter().fold((f64::INFINITY, 0.0_f64), |(lo, hi), &v| (lo.min(v), hi.max(v)));
    if least > 0.0 && largest > DECADES * least {
        return Axis::log("checkpoint duration", "s", values.iter().copied(), 8);
    }
    Axis::linear("checkpoint duration", "s", values.iter().copied(), 6)
}
