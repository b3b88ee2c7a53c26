//! Throughput of saturated trials without faults over the frequency of their checkpoints: its slope is what one costs.

use super::axis::Axis;
use super::panel::{Key, Look, Panel};
use super::style::{Colour, LEFT, Mark, RIGHT, SERIES, Stroke};
use super::{Sketch, Sketched, figure};
use crate::analysis::results::{Capacity, CapacityLine, Results, capacity_lines};
use crate::analysis::statistics::Figure;
use crate::report::saturated::{NO_LINE, line_name, lost, with_interval};

/// A line with what the legend calls it.
struct Fitted<'a> {
    line: &'a CapacityLine<'a>,
    name: String,
    capacity: Capacity,
    cost: Figure,
}

impl Fitted<'_> {
    fn rate_at(&self, frequency_per_s: f64) -> f64 {
        self.capacity.at_rest_per_s.value * (1.0 - self.cost.value * frequency_per_s)
    }

    /// In front of what is said of it.
    fn about(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) }
    }
}

fn fitted<'a>(results: &Results, lines: &[CapacityLine<'_>], line: &'a CapacityLine<'a>) -> Option<Fitted<'a>> {
    let capacity = line.capacity?;
    let cost = capacity.cost.filter(|cost| cost.value.is_finite())?;
    Some(Fitted { line, name: line_name(results, lines, line), capacity, cost })
}

pub fn by_frequency(results: &Results) -> Sketched {
    let lines = capacity_lines(&results.trials);
    let all: Vec<Fitted<'_>> = lines.iter().filter_map(|line| fitted(results, &lines, line)).collect();
    let shown = &all[..all.len().min(SERIES.len())];
    if shown.is_empty() {
        return Err(NO_LINE.into());
    }
    let points = || shown.iter().flat_map(|one| &one.line.points);
    let x = Axis::linear("checkpoints a second, 1/T_real", "1/s", points().map(|point| point.frequency_per_s), 8);
    let ends = shown.iter().flat_map(|one| [one.rate_at(0.0), one.rate_at(x.hi)]);
    let y = Axis::zoomed("throughput", "records/s", points().map(|point| point.useful_per_s).chain(ends), 6);
    let from_zero = if y.lo == 0.0 { "" } else { " The axis does not start at zero." };
    let legend: Vec<Key> = shown.iter().zip(SERIES).map(key).collect();
    let title = "Throughput without faults over the frequency of checkpoints";
    let (mut scene, frame) = figure(results, title, &legend, 320.0);
    let panel = Panel { frame: frame.inset(LEFT, 10.0, RIGHT, 48.0), x, y };
    panel.draw(&mut scene);
    for (one, (colour, mark)) in shown.iter().zip(SERIES) {
        let course = [0.0, panel.x.hi].map(|frequency| panel.at(frequency, one.rate_at(frequency)));
        scene.line(&course, Stroke::of(colour, 1.6));
        for point in &one.line.points {
            scene.mark(panel.at(point.frequency_per_s, point.useful_per_s), mark, 3.4, colour, true);
        }
    }
    let caption = format!(
        "Useful records a second of each trial under saturating load without faults, over 1/T_real; 0: without checkpoints, \
         {} trials. Lines: throughput = μ(1 − c/T_real) by least squares, with one c for all T. {}.{from_zero}{}",
        super::counts(shown.iter().map(|one| one.line.points.len())),
        shown.iter().map(told).collect::<Vec<_>>().join("; "),
        if all.len() > shown.len() {
            format!(" The first {} of {} lines; all are in the tables.", shown.len(), all.len())
        } else {
            String::new()
        }
    );
    Ok(Sketch { title, caption, scene })
}

fn key((one, (colour, mark)): (&Fitted<'_>, (Colour, Mark))) -> Key {
    let name = format!("{}c_capacity {}", one.about(), with_interval(&one.cost, "s"));
    Key::new(name, Look::LineAndMark { stroke: Stroke::of(colour, 1.6), mark })
}

fn told(one: &Fitted<'_>) -> String {
    let lost = lost(&one.cost).map_or_else(String::new, |why| format!(", lost in the noise: {why}"));
    format!(
        "{}c_capacity {}{}; μ {}{lost}",
        one.about(),
        with_interval(&one.cost, "s"),
        if one.cost.lo.is_some() { " by Fieller" } else { "" },
        with_interval(&one.capacity.at_rest_per_s, "records/s")
    )
}
