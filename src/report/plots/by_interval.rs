//! Figures compared over the combinations: throughput with and without fault periods, restart times.

use super::axis::Axis;
use super::panel::{Key, Look, Panel};
use super::scene::Scene;
use super::series::{Cast, Series};
use super::style::{BLACK, BLUE, Colour, GREEN, LEFT, Mark, ORANGE, RIGHT, VERMILION};
use super::{Sketch, Sketched, figure};
use crate::analysis::results::{Results, TrialResult};
use crate::analysis::statistics::{Figure, Scale, mean};
use crate::analysis::timeline::Fault;

/// One of several figures side by side over each combination.
struct Kind {
    name: &'static str,
    colour: Colour,
    mark: Mark,
    hollow: bool,
}

impl Kind {
    fn key(&self) -> Key {
        Key::new(self.name, Look::Mark { colour: self.colour, mark: self.mark, hollow: self.hollow })
    }
}

/// A figure and the single values behind it, of one kind over one combination.
struct Spot {
    place: usize,
    kind: usize,
    figure: Figure,
    singles: Vec<f64>,
}

impl Spot {
    fn values(&self) -> impl Iterator<Item = f64> {
        let ends = [Some(self.figure.value), self.figure.lo, self.figure.hi];
        self.singles.iter().copied().chain(ends.into_iter().flatten())
    }
}

/// Single values beside each other's mark, at most so many; all of them count in the figure.
const MOST_SINGLES: usize = 60;

fn draw_spots(scene: &mut Scene, panel: &Panel, kinds: &[Kind], spots: &[Spot]) {
    let slot = (panel.frame.right - panel.frame.left) / panel.x.ticks.len().max(1) as f64;
    let apart = (slot * 0.8 / kinds.len() as f64).min(46.0);
    for spot in spots {
        let kind = &kinds[spot.kind];
        let x = panel.x(spot.place as f64) + apart * (spot.kind as f64 - (kinds.len() - 1) as f64 / 2.0);
        for single in spot.singles.iter().take(MOST_SINGLES) {
            scene.mark((x - (apart * 0.3).min(9.0), panel.y(*single)), Mark::Circle, 1.6, kind.colour, false);
        }
        panel.whisker(scene, x, spot.figure.lo.zip(spot.figure.hi), kind.colour);
        scene.mark((x, panel.y(spot.figure.value)), kind.mark, 4.4, kind.colour, kind.hollow);
    }
}

const RATES: [Kind; 5] = [
    Kind { name: "offered", colour: BLACK, mark: Mark::Bar, hollow: false },
    Kind { name: "raw, whole phase", colour: VERMILION, mark: Mark::Square, hollow: false },
    Kind { name: "raw, outside faults", colour: VERMILION, mark: Mark::Square, hollow: true },
    Kind { name: "useful, whole phase", colour: BLUE, mark: Mark::Circle, hollow: false },
    Kind { name: "useful, outside faults", colour: BLUE, mark: Mark::Circle, hollow: true },
];

pub fn throughput(results: &Results) -> Sketched {
    let cast = Cast::of(results).where_known(|series| series.trials.iter().any(|trial| !trial.rates.is_empty()));
    if cast.is_empty() {
        return Err("no trial has samples of its sources in a measured phase".into());
    }
    let mut spots = Vec::new();
    for (place, series) in cast.series.iter().enumerate() {
        for (kind, values) in rates(series).into_iter().enumerate() {
            let strata: Vec<Vec<f64>> = values.iter().map(|value| vec![*value]).collect();
            if let Some(figure) = mean(&strata, Scale::Linear, results.seed) {
                let singles = if values.len() > 1 { values } else { Vec::new() };
                spots.push(Spot { place, kind, figure, singles });
            }
        }
    }
    let y = Axis::zoomed("throughput", "records/s", spots.iter().flat_map(Spot::values), 6);
    let from_zero = if y.lo == 0.0 { "" } else { " The axis does not start at zero." };
    let legend: Vec<Key> = RATES.iter().map(Kind::key).collect();
    let title = "Throughput with and without fault periods";
    let (mut scene, frame) = figure(results, title, &legend, 320.0);
    let bottom = 35.0 + 13.0 * cast.tick_lines() as f64;
    let panel = Panel { frame: frame.inset(LEFT, 10.0, RIGHT, bottom), x: Axis::names(&cast.axis, &cast.ticks()), y };
    panel.draw(&mut scene);
    draw_spots(&mut scene, &panel, &RATES, &spots);
    let caption = format!(
        "Records a second over the measured phase: offered by the replay's schedule; raw, re-processed rows included; \
         useful, each row once. Outside faults: without [issued, caught_up] of every fault. Mean of the trials with its \
         95 % interval, {} trials; small points: single trials.{from_zero}{}",
        super::counts(cast.series.iter().map(|series| series.trials.len())),
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

/// One value a trial for each of `RATES`.
fn rates(series: &Series<'_>) -> [Vec<f64>; 5] {
    let of = |rate: fn(&TrialResult) -> Option<f64>| -> Vec<f64> {
        series.trials.iter().filter_map(|trial| rate(trial)).filter(|value| value.is_finite()).collect()
    };
    [
        of(|trial| average(trial.rates.iter().map(|point| point.offered_per_s))),
        of(|trial| trial.raw_per_s),
        of(|trial| trial.raw_outside_faults_per_s),
        of(|trial| trial.useful_per_s),
        of(|trial| trial.useful_outside_faults_per_s),
    ]
}

fn average(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then_some(sum / count)
}

const RESTARTS: [Kind; 4] = [
    Kind { name: "R, to the first record", colour: BLUE, mark: Mark::Circle, hollow: false },
    Kind { name: "R_ready, from the instance back", colour: ORANGE, mark: Mark::Diamond, hollow: false },
    Kind { name: "R_study, by job state", colour: VERMILION, mark: Mark::Square, hollow: true },
    Kind { name: "to caught up", colour: GREEN, mark: Mark::Triangle, hollow: false },
];

/// The name of a figure, and what a single fault gives for it.
type FaultFigure = (&'static str, fn(&Fault) -> Option<f64>);

const RESTART_FIGURES: [FaultFigure; 4] = [
    ("R_s", |fault| fault.restart_s),
    ("R_ready_s", |fault| fault.ready_s),
    ("R_study_s", |fault| fault.study_s),
    ("caught_up_s", |fault| fault.caught_up_s),
];

pub fn restart(results: &Results) -> Sketched {
    let cast =
        Cast::of(results).where_known(|series| RESTART_FIGURES.iter().any(|(name, _)| known(series, name).is_some()));
    if cast.is_empty() {
        return Err("no fault gave a restart time".into());
    }
    let mut spots = Vec::new();
    for (place, series) in cast.series.iter().enumerate() {
        for (kind, (name, value)) in RESTART_FIGURES.iter().enumerate() {
            let faults = series.trials.iter().flat_map(|trial| &trial.faults);
            let singles: Vec<f64> = faults.filter_map(value).filter(|value| value.is_finite()).collect();
            spots.extend(known(series, name).map(|figure| Spot { place, kind, figure, singles }));
        }
    }
    let y = Axis::linear("restart time", "s", spots.iter().flat_map(|spot| clipped(spot, &spots)), 6);
    let legend: Vec<Key> = RESTARTS.iter().map(Kind::key).collect();
    let title = "Restart time by checkpoint interval";
    let (mut scene, frame) = figure(results, title, &legend, 320.0);
    let bottom = 35.0 + 13.0 * cast.tick_lines() as f64;
    let panel = Panel { frame: frame.inset(LEFT, 10.0, RIGHT, bottom), x: Axis::names(&cast.axis, &cast.ticks()), y };
    panel.draw(&mut scene);
    draw_spots(&mut scene, &panel, &RESTARTS, &spots);
    let recoveries = cast.series.iter().map(|series| known(series, "R_s").map_or(0, |figure| figure.n as usize));
    let caption = format!(
        "Seconds, mean of the recoveries with its 95 % interval, {} recoveries with an R; small points: single recoveries{}. \
         Intervals that end in an arrow go on beyond the axis. R counts from the signal, the time held down included; R_study is the study's, by the job's state, less the time \
         held down.{}",
        super::counts(recoveries),
        if spots.iter().any(|spot| spot.singles.len() > MOST_SINGLES) { ", the first 60 of each" } else { "" },
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

/// What the axis must hold: with two or three recoveries an interval may be many times as long as any of them,
/// and would squeeze all others flat.
fn clipped<'a>(spot: &'a Spot, all: &'a [Spot]) -> impl Iterator<Item = f64> + 'a {
    const ROOM: f64 = 1.4;
    let plain = |spot: &'a Spot| spot.singles.iter().copied().chain([spot.figure.value]);
    let (least, largest) =
        all.iter().flat_map(plain).fold((0.0, 0.0), |(lo, hi): (f64, f64), v| (lo.min(v), hi.max(v)));
    spot.values().map(move |value| value.clamp(least * ROOM, largest * ROOM))
}

fn known(series: &Series<'_>, name: &str) -> Option<Figure> {
    series.row.figures.get(name).copied().filter(|figure| figure.value.is_finite())
}
