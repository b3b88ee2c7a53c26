//! Latency over the checkpoint cycle: what a window pays for being due early or late in it.

use super::axis::Axis;
use super::panel::{Key, Look, Panel};
use super::scene::{Point, Scene};
use super::series::{Cast, Series};
use super::style::{BLUE, GREEN, LEFT, Mark, RIGHT, SKY, SOLID, Stroke};
use super::{Sketch, Sketched, figure};
use crate::analysis::binned::{Bin, binned};
use crate::analysis::folded::{Folded, folded};
use crate::analysis::results::Results;

const BINS: usize = 30;

const COLUMNS: usize = 2;

const RANGE: Stroke = Stroke { colour: SKY, width: 3.0, opacity: 0.6, dash: SOLID };

struct Cycle<'a> {
    series: &'a Series<'a>,
    length_s: f64,
    visible: Vec<Bin>,
    written: Vec<Bin>,
    count: usize,
}

fn windows(series: &Series<'_>) -> Vec<Folded> {
    let of = |trial: &&crate::analysis::results::TrialResult| {
        let measured = trial.measured()?;
        Some(folded(&trial.windows, &trial.checkpoints, measured, &trial.disturbances()))
    };
    series.trials.iter().filter_map(of).flatten().collect()
}

fn cycle<'a>(series: &'a Series<'a>) -> Option<Cycle<'a>> {
    let all = windows(series);
    let farthest = all.iter().map(|window| window.since_trigger_s).filter(|at| at.is_finite()).reduce(f64::max)?;
    let real = series.row.figures.get("T_real_s").map(|figure| figure.value).or(series.row.interval_s);
    // A missed trigger makes one long cycle; it must not squeeze all others to the left.
    let length_s = real.map_or(farthest, |real| farthest.min(1.5 * real)).max(1e-3);
    let points = |value: fn(&Folded) -> Option<f64>| {
        let points = all.iter().filter_map(|window| Some((window.since_trigger_s, value(window)?)));
        binned(points.collect::<Vec<Point>>(), (0.0, length_s), BINS)
    };
    let (visible, written) = (points(|window| window.visible_ms), points(|window| window.written_ms));
    let count = all.iter().filter(|window| window.since_trigger_s <= length_s).count();
    (!visible.is_empty()).then_some(Cycle { series, length_s, visible, written, count })
}

pub fn latency(results: &Results) -> Sketched {
    let cast = Cast::of(results);
    let cycles: Vec<Cycle<'_>> = cast.series.iter().filter_map(cycle).collect();
    if cycles.is_empty() {
        return Err("no window was due after a checkpoint and outside recoveries".into());
    }
    let legend = [
        Key::new("visible, median", Look::Mark { colour: BLUE, mark: Mark::Circle, hollow: false }),
        Key::new("visible, least to largest", Look::Line(RANGE)),
        Key::new("written, median", Look::Mark { colour: GREEN, mark: Mark::Cross, hollow: true }),
    ];
    let title = "Latency over the checkpoint cycle";
    let columns = cycles.len().min(if cycles.len() == 3 { 3 } else { COLUMNS });
    let lines = cycles.len().div_ceil(columns);
    let height = if columns == 1 { 320.0 } else { 20.0 + 250.0 * lines as f64 };
    let (mut scene, frame) = figure(results, title, &legend, height);
    let values = cycles.iter().flat_map(|cycle| {
        let visible = cycle.visible.iter().flat_map(|bin| [bin.least, bin.largest]);
        visible.chain(cycle.written.iter().map(|bin| bin.median))
    });
    let y = Axis::log("latency", "ms", values, 8);
    let frames: Vec<_> = frame
        .inset(LEFT, 26.0, RIGHT, 46.0)
        .rows(lines, 66.0)
        .into_iter()
        .flat_map(|row| row.columns(columns, 30.0))
        .collect();
    for (place, (cycle, frame)) in cycles.iter().zip(frames).enumerate() {
        let ticks = if columns > 2 { 5 } else { 6 };
        let panel = Panel { frame, x: Axis::time("time since the trigger", 0.0, cycle.length_s, ticks), y: y.clone() };
        if place % columns == 0 {
            panel.draw(&mut scene)
        } else {
            panel.draw_right(&mut scene)
        }
        panel.name(&mut scene, &cycle.series.name);
        draw(&mut scene, &panel, cycle);
    }
    let caption = format!(
        "Latency in ms of windows by the time from the trigger of the last periodic checkpoint to the instant they were due, \
         in s; median of each of {BINS} bins, the stroke from the least to the largest; windows due during recoveries are left \
         out, all trials together, {} windows and keys.{}",
        super::counts(cycles.iter().map(|cycle| cycle.count)),
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

fn draw(scene: &mut Scene, panel: &Panel, cycle: &Cycle<'_>) {
    // No line from bin to bin: windows come at their own beat, and between two bins there may be none.
    for bin in &cycle.visible {
        scene.line(&[panel.at(bin.at, bin.least), panel.at(bin.at, bin.largest)], RANGE);
    }
    for bin in &cycle.visible {
        scene.mark(panel.at(bin.at, bin.median), Mark::Circle, 3.2, BLUE, false);
    }
    for bin in &cycle.written {
        scene.mark(panel.at(bin.at, bin.median), Mark::Cross, 2.8, GREEN, true);
    }
}
