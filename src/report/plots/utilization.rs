//! U over T: the curves of the models, the measured points on them, T* with its interval.

use super::axis::Axis;
use super::panel::{Frame, Key, Look, Panel};
use super::scene::{Anchor, Scene};
use super::series::axes_name;
use super::style::{
    BLACK, BLUE, Colour, DASHED, DOTTED, GREEN, LEFT, Mark, PURPLE, RIGHT, SKY, SOLID, Stroke, VERMILION,
};
use super::{Sketch, Sketched, figure};
use crate::analysis::results::{
    Headline, Restart, Results, Row, UtilizationCurve, UtilizationPoint, utilization_curves,
};
use crate::analysis::statistics::Figure;
use crate::report::number::short;

pub type Model = (&'static str, Stroke, fn(&UtilizationPoint) -> Option<f64>);

pub const MODELS: [Model; 3] = [
    ("model poisson", Stroke { colour: BLUE, width: 1.8, opacity: 1.0, dash: SOLID }, |point| point.poisson),
    ("model flink", Stroke { colour: GREEN, width: 1.6, opacity: 1.0, dash: DASHED }, |point| point.flink),
    ("model schedule", Stroke { colour: PURPLE, width: 1.6, opacity: 1.0, dash: DOTTED }, |point| point.schedule),
];

struct Measured {
    name: &'static str,
    figure: &'static str,
    colour: Colour,
    mark: Mark,
    hollow: bool,
    /// At T as configured, else at T_real.
    configured: bool,
}

const POINTS: [Measured; 3] = [
    Measured {
        name: "U_poisson",
        figure: "U_poisson",
        colour: BLUE,
        mark: Mark::Circle,
        hollow: false,
        configured: false,
    },
    Measured {
        name: "U_study",
        figure: "U_study",
        colour: VERMILION,
        mark: Mark::Square,
        hollow: true,
        configured: true,
    },
    Measured {
        name: "U_measured",
        figure: "U_measured",
        colour: BLACK,
        mark: Mark::Diamond,
        hollow: false,
        configured: false,
    },
];

/// Panels for other axes than the interval, at most.
pub const PANELS: usize = 8;

/// One combination of the other axes.
struct Group<'a> {
    curve: UtilizationCurve,
    rows: Vec<&'a Row>,
    headline: Option<&'a Headline>,
}

impl Group<'_> {
    fn points<'s>(&'s self, kind: &'s Measured) -> impl Iterator<Item = (f64, Figure)> + 's {
        self.rows.iter().filter_map(|row| {
            let real = row.figures.get("T_real_s").map(|figure| figure.value);
            let at = if kind.configured { row.interval_s } else { real.or(row.interval_s) };
            Some((at?, *row.figures.get(kind.figure)?))
        })
    }

    fn optimum(&self) -> Option<Figure> {
        self.headline?.poisson.figure().copied().filter(|figure| figure.value.is_finite() && figure.value > 0.0)
    }
}

fn groups(results: &Results) -> Vec<Group<'_>> {
    let headlines = &results.optimum.headlines;
    let best: Vec<f64> = headlines.iter().filter_map(|headline| Some(headline.poisson.figure()?.value)).collect();
    let group = |curve: UtilizationCurve| {
        let belongs = |row: &&Row| curve.axes.iter().all(|axis| row.axes.contains(axis));
        let rows = results.rows.iter().filter(belongs).collect();
        let headline = headlines.iter().find(|headline| headline.axes == curve.axes);
        Group { rows, headline, curve }
    };
    utilization_curves(&results.rows, Restart::ToFirstRecord, &best).into_iter().map(group).collect()
}

pub fn over_interval(results: &Results) -> Sketched {
    let groups = groups(results);
    if groups.is_empty() {
        return Err("not every interval has c and R, or no faults are scheduled".into());
    }
    let shown = &groups[..groups.len().min(PANELS)];
    let kinds: Vec<&Measured> =
        POINTS.iter().filter(|kind| shown.iter().any(|group| group.points(kind).next().is_some())).collect();
    let mut legend: Vec<Key> = MODELS.iter().map(|(name, stroke, _)| Key::new(*name, Look::Line(*stroke))).collect();
    legend.extend(
        kinds
            .iter()
            .map(|kind| Key::new(kind.name, Look::Mark { colour: kind.colour, mark: kind.mark, hollow: kind.hollow })),
    );
    if shown.iter().any(|group| group.optimum().is_some()) {
        legend.push(Key::new("T* of poisson", Look::Line(OPTIMUM)));
        legend.push(Key::new("its 95 % interval", Look::Area(SKY, BAND)));
    }
    let title = "Utilization over the checkpoint interval";
    let columns = if shown.len() == 1 { 1 } else { 2 };
    let lines = shown.len().div_ceil(columns);
    let height = if columns == 1 { 330.0 } else { 20.0 + 230.0 * lines as f64 };
    let (mut scene, frame) = figure(results, title, &legend, height);
    let (x, y) = axes(shown);
    for (place, group) in shown.iter().enumerate() {
        let row = frame.inset(0.0, 4.0, 4.0, 4.0).rows(lines, 0.0)[place / columns];
        let cell = row.columns(columns, 0.0)[place % columns];
        let panel = Panel { frame: cell.inset(LEFT, 24.0, RIGHT - 4.0, 44.0), x: x.clone(), y: y.clone() };
        draw(&mut scene, &panel, group, &kinds);
    }
    let lambda = shown.first().map_or(f64::NAN, |group| group.curve.lambda_per_s);
    let caption = format!(
        "U, the share of time in % that goes into work that counts, over the interval T in s (logarithmic). Curves: the \
         models with c and R interpolated between the measured intervals, held outside them, a failure every {} s. Points: \
         each measured interval at T_real with its 95 % interval, {} checkpoints; U_study by the study's definitions, drawn beside it. Vertical: T*, the fixed point of poisson, with its 95 % interval{}.{}",
        short(1.0 / lambda),
        super::counts(
            shown
                .iter()
                .flat_map(|group| &group.rows)
                .map(|row| row.figures.get("c_duration_s").map_or(0, |figure| figure.n as usize))
        ),
        if shown.iter().any(|group| group.headline.is_some_and(|headline| headline.outside_measured)) {
            "; it lies outside the measured intervals, with the c of the nearest one"
        } else {
            ""
        },
        if groups.len() > PANELS {
            format!(" The first {PANELS} of {} combinations.", groups.len())
        } else {
            String::new()
        }
    );
    Ok(Sketch { title, caption, scene })
}

const OPTIMUM: Stroke = Stroke { colour: BLACK, width: 1.4, opacity: 1.0, dash: DASHED };
const BAND: f64 = 0.3;

/// The same axes for all panels.
fn axes(groups: &[Group<'_>]) -> (Axis, Axis) {
    let intervals = groups.iter().flat_map(|group| group.curve.points.iter().map(|point| point.interval_s));
    let values = groups.iter().flat_map(|group| {
        let curves = group.curve.points.iter().flat_map(|point| [point.poisson, point.flink, point.schedule]).flatten();
        let points = POINTS.iter().flat_map(|kind| {
            group
                .points(kind)
                .flat_map(|(_, figure)| [Some(figure.value), figure.lo, figure.hi])
                .flatten()
                .collect::<Vec<_>>()
        });
        curves.chain(points).map(|share| share * 100.0)
    });
    let x = Axis::log("checkpoint interval T", "s", intervals, if groups.len() == 1 { 10 } else { 4 });
    (x, Axis::linear("utilization U", "%", values, 6))
}

fn draw(scene: &mut Scene, panel: &Panel, group: &Group<'_>, kinds: &[&Measured]) {
    let name = axes_name(&group.curve.axes);
    let best = group.optimum();
    let told = best.map(|best| format!("T* = {} s", short(best.value)));
    if let Some(best) = best {
        draw_optimum(scene, panel, &best);
    }
    panel.draw(scene);
    if name.is_empty() {
        let at = (best.map_or(f64::NAN, |best| panel.x(best.value)), panel.frame.top - 9.0);
        scene.text(at, &told.unwrap_or_default(), super::style::SMALL_PX, BLACK, Anchor::Middle);
    } else {
        panel.name(scene, &[name].into_iter().chain(told).collect::<Vec<_>>().join(": "));
    }
    for (_, stroke, value) in &MODELS {
        let point =
            |point: &UtilizationPoint| panel.at(point.interval_s, value(point).map_or(f64::NAN, |share| share * 100.0));
        let inside = group.curve.points.iter().filter(|point| panel.x.holds(point.interval_s));
        scene.line(&inside.map(point).collect::<Vec<_>>(), *stroke);
    }
    for kind in kinds {
        for (interval, figure) in group.points(kind) {
            let ends = figure.lo.zip(figure.hi).map(|(lo, hi)| (lo * 100.0, hi * 100.0));
            // Two figures of one interval stand beside each other.
            let x = panel.x(interval) + if kind.configured { 7.0 } else { 0.0 };
            panel.whisker(scene, x, ends, kind.colour);
            scene.mark((x, panel.y(figure.value * 100.0)), kind.mark, 4.4, kind.colour, kind.hollow);
        }
    }
}

fn draw_optimum(scene: &mut Scene, panel: &Panel, best: &Figure) {
    let Frame { top, bottom, .. } = panel.frame;
    if let Some((lo, hi)) = best.lo.zip(best.hi) {
        let (left, right) = (panel.x(lo), panel.x(hi));
        scene.area(vec![(left, top), (right, top), (right, bottom), (left, bottom)], SKY, BAND);
    }
    let x = panel.x(best.value);
    scene.line(&[(x, top), (x, bottom)], OPTIMUM);
}
