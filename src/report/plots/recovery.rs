//! What recoveries consist of, and how the lag is worked off after them.

use super::axis::Axis;
use super::panel::{Key, Look, Panel, fitted};
use super::render::text_width;
use super::scene::{Anchor, Point, Scene};
use super::series::{Cast, Series};
use super::style::{
    BLUE, Colour, DOTTED, GREY, INK, Mark, ORANGE, RIGHT, SKY, SMALL_PX, Stroke, VERMILION, WHITE, YELLOW,
};
use super::{Sketch, Sketched, figure};
use crate::analysis::binned::binned;
use crate::analysis::budget::recovery_parts_s;
use crate::analysis::results::{Results, TrialResult};
use crate::analysis::timeline::Fault;
use crate::record::EpochMs;

/// A part of a recovery, as the budget names it.
struct Part {
    name: &'static str,
    colour: Colour,
}

const PARTS: [Part; 6] = [
    Part { name: "detection", colour: VERMILION },
    Part { name: "hold", colour: GREY },
    Part { name: "redeployment", colour: ORANGE },
    Part { name: "restore", colour: SKY },
    Part { name: "start", colour: BLUE },
    Part { name: "catch-up", colour: YELLOW },
];

/// The last part, which R does not hold.
const CATCH_UP: usize = PARTS.len() - 1;

/// Seconds of each part, the budget's five and the catch-up; None without a first record.
fn parts(fault: &Fault) -> Option<[f64; PARTS.len()]> {
    let issued = fault.phases.issued?.hi;
    let first = fault.phases.first?.hi.max(issued);
    let [detection, hold, redeployment, restore, start] = recovery_parts_s(fault, issued, first);
    let catch_up = fault.phases.caught_up.map_or(0.0, |caught_up| (caught_up.hi - first).max(0.0) / 1e3);
    let lengths = [detection, hold, redeployment, restore, start, catch_up];
    lengths.iter().all(|seconds| seconds.is_finite()).then_some(lengths)
}

/// The mean of each part over the recoveries of a series, and how many they are. The catch-up is the mean of those
/// that came to its end: one that was cut off by the next fault would make it look shorter.
fn mean_parts(series: &Series<'_>) -> Option<([f64; PARTS.len()], usize)> {
    let faults = series.trials.iter().flat_map(|trial| &trial.faults);
    let all: Vec<_> = faults.filter_map(|fault| Some((parts(fault)?, fault.phases.caught_up.is_some()))).collect();
    let mean = |place: usize| {
        let counted = all.iter().filter(|(_, caught_up)| place != CATCH_UP || *caught_up);
        let (sum, count) = counted.fold((0.0, 0.0_f64), |(sum, count), (parts, _)| (sum + parts[place], count + 1.0));
        sum / count.max(1.0)
    };
    (!all.is_empty()).then(|| (std::array::from_fn(mean), all.len()))
}

pub fn phases(results: &Results) -> Sketched {
    let cast = Cast::of(results).where_known(|series| mean_parts(series).is_some());
    if cast.is_empty() {
        return Err("no recovery came to its first record".into());
    }
    let bars: Vec<_> = cast.series.iter().filter_map(mean_parts).collect();
    let mut legend: Vec<Key> = PARTS.iter().map(|part| Key::new(part.name, Look::Area(part.colour, 1.0))).collect();
    legend.push(Key::new("R", Look::Mark { colour: INK, mark: Mark::Down, hollow: false }));
    let title = "Phases of the recovery by checkpoint interval";
    let (mut scene, frame) = figure(results, title, &legend, (76.0 + 52.0 * cast.series.len() as f64).max(190.0));
    let widest = cast
        .ticks()
        .iter()
        .flat_map(|tick| tick.split('\n').map(|line| text_width(line, SMALL_PX)).collect::<Vec<_>>())
        .fold(0.0, f64::max);
    let longest = bars.iter().map(|(parts, _)| parts.iter().sum::<f64>());
    let mut names = Axis::names(&cast.axis, &cast.ticks());
    // The first combination stands at the top.
    let last = cast.series.len() as f64 - 1.0;
    names.ticks.iter_mut().for_each(|tick| tick.at = last - tick.at);
    let panel = Panel {
        frame: frame.inset((widest + 40.0).clamp(66.0, 220.0), 6.0, RIGHT + 40.0, 46.0),
        x: Axis::linear("time since the fault was issued", "s", longest, 10),
        y: names,
    };
    panel.draw(&mut scene);
    for (place, (parts, count)) in bars.iter().enumerate() {
        draw_bar(&mut scene, &panel, last - place as f64, parts, *count);
    }
    let caption = format!(
        "Seconds from the signal, mean of the recoveries that came to a first record, {} recoveries: detection until the first \
         exception, hold until the instance was back, redeployment until the tasks initialize, restore until they run, start \
         until the first record after the restore (R), then the catch-up, the mean \
         of those that came to its end. Each part ends at the latest of the phases so far, \
         so that the parts add up.{}",
        super::counts(bars.iter().map(|(_, count)| *count)),
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

fn draw_bar(scene: &mut Scene, panel: &Panel, slot: f64, parts: &[f64; PARTS.len()], count: usize) {
    let (top, bottom) = (panel.y(slot + 0.3), panel.y(slot - 0.3));
    let mut reached = 0.0;
    for (part, seconds) in PARTS.iter().zip(parts) {
        let (left, right) = (panel.x(reached), panel.x(reached + seconds));
        reached += seconds;
        if right - left < 0.25 {
            continue;
        }
        scene.rectangle((left, top), (right, bottom), part.colour);
        scene.line(&[(right, top), (right, bottom)], Stroke::of(WHITE, 1.0));
        let text = format!("{seconds:.2}");
        if text_width(&text, SMALL_PX) + 6.0 < right - left {
            let ink = if [BLUE, VERMILION].contains(&part.colour) { WHITE } else { INK };
            scene.text((f64::midpoint(left, right), f64::midpoint(top, bottom)), &text, SMALL_PX, ink, Anchor::Middle);
        }
    }
    let restart: f64 = parts[..CATCH_UP].iter().sum();
    scene.mark((panel.x(restart), top - 4.0), Mark::Down, 4.0, INK, false);
    let at = (panel.x(reached) + 6.0, f64::midpoint(top, bottom));
    scene.text(at, &fitted(&format!("n {count}"), 60.0, SMALL_PX), SMALL_PX, INK, Anchor::Start);
}

/// Before the fault, in seconds.
const BEFORE_S: f64 = 3.0;

/// Points of one recovery, at most; with more, the largest lag of each of so many bins.
const POINTS: usize = 150;

/// Recoveries of one combination; more are a carpet.
const RECOVERIES: usize = 12;

/// The lag around one fault, in seconds since it was issued.
struct Course {
    before: Vec<Point>,
    /// At the first record after the restore.
    peak: Option<Point>,
    after: Vec<Point>,
    caught_up_s: Option<f64>,
}

fn course(trial: &TrialResult, place: usize) -> Option<Course> {
    let fault = &trial.faults[place];
    let issued = fault.phases.issued?.hi;
    let first = fault.phases.first?.hi;
    let next = trial.faults.get(place + 1).and_then(|next| Some(next.phases.issued?.lo));
    let end = fault.phases.caught_up.map(|bounds| bounds.hi);
    // A while after the catch-up, so that the eye sees where it ends.
    let until = end.map_or(f64::INFINITY, |end| end + 0.25 * (end - issued)).min(next.unwrap_or(f64::INFINITY));
    let within = |from: EpochMs, to: EpochMs| -> Vec<Point> {
        let points = trial.lag.iter().filter(|point| (from..to).contains(&point.at_epoch_ms));
        thinned(points.map(|point| ((point.at_epoch_ms - issued) / 1e3, point.lag)).collect())
    };
    let after = within(first, until);
    let peak = fault.peak_lag.map(|peak| ((first - issued) / 1e3, peak));
    let before = within(issued - BEFORE_S * 1e3, issued);
    let caught_up_s = end.map(|end| (end - issued) / 1e3);
    (!after.is_empty()).then_some(Course { before, peak, after, caught_up_s })
}

fn thinned(points: Vec<Point>) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return points };
    if points.len() <= POINTS {
        return points;
    }
    let span = (first.0, last.0);
    binned(points, span, POINTS).into_iter().map(|bin| (bin.at, bin.largest)).collect()
}

fn courses(series: &Series<'_>) -> Vec<Course> {
    let all = series.trials.iter().flat_map(|trial| (0..trial.faults.len()).filter_map(|place| course(trial, place)));
    all.collect()
}

pub fn catch_up(results: &Results) -> Sketched {
    let cast = Cast::of(results).where_known(|series| !courses(series).is_empty());
    if cast.is_empty() {
        return Err("no recovery has a lag that was followed after its first record".into());
    }
    let all: Vec<Vec<Course>> = cast.series.iter().map(courses).collect();
    let shown = || all.iter().flat_map(|courses| courses.iter().take(RECOVERIES));
    let points = || shown().flat_map(|course| course.before.iter().chain(&course.peak).chain(&course.after));
    let until = points().map(|point| point.0).filter(|at| at.is_finite()).fold(1.0, f64::max);
    let mut legend: Vec<Key> = cast
        .series
        .iter()
        .map(|series| {
            Key::new(&series.name, Look::LineAndMark { stroke: Stroke::of(series.colour, 1.6), mark: series.mark })
        })
        .collect();
    legend.push(Key::new("lag unknown", Look::Line(Stroke::of(GREY, 1.0).dashed(DOTTED))));
    legend.push(Key::new("fault issued", Look::Fault));
    let title = "Catch-up after the fault";
    let (mut scene, frame) = figure(results, title, &legend, 330.0);
    let panel = Panel {
        frame: frame.inset(super::style::LEFT, 10.0, RIGHT, super::style::BOTTOM),
        x: Axis::time("time since the fault was issued", -BEFORE_S, until, 9),
        y: Axis::linear("lag", "records", points().map(|point| point.1), 6),
    };
    panel.draw(&mut scene);
    panel.fault_line(&mut scene, 0.0);
    for (series, courses) in cast.series.iter().zip(&all) {
        courses.iter().take(RECOVERIES).for_each(|course| draw_course(&mut scene, &panel, series, course));
    }
    let most = all.iter().any(|courses| courses.len() > RECOVERIES);
    let caption = format!(
        "Lag behind the broker in records over seconds, each recovery aligned at its signal, {} recoveries{}. The lag \
         is unknown (dotted) until every partition is read again, but for the hollow point: the backlog at the first record, \
         of what arrived meanwhile and the rework. The filled mark is where the job had caught up.{}",
        super::counts(all.iter().map(Vec::len)),
        if most { ", the first 12 of each combination" } else { "" },
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

fn draw_course(scene: &mut Scene, panel: &Panel, series: &Series<'_>, course: &Course) {
    let at = |point: &Point| panel.at(point.0, point.1);
    let stroke = Stroke::of(series.colour, 1.3).faded(0.85);
    scene.line(&course.before.iter().map(at).collect::<Vec<_>>(), stroke);
    scene.line(&course.after.iter().map(at).collect::<Vec<_>>(), stroke);
    let unknown = course.before.last().into_iter().chain(&course.peak).chain(course.after.first());
    scene.line(&unknown.map(at).collect::<Vec<_>>(), Stroke::of(series.colour, 1.0).dashed(DOTTED));
    if let Some(peak) = &course.peak {
        scene.mark(at(peak), Mark::Circle, 2.4, series.colour, true);
    }
    if let Some(caught_up) = course.caught_up_s {
        let level = course.after.iter().min_by(|a, b| (a.0 - caught_up).abs().total_cmp(&(b.0 - caught_up).abs()));
        scene.mark(panel.at(caught_up, level.map_or(0.0, |point| point.1)), series.mark, 3.4, series.colour, false);
    }
}
