//! U over T under saturating load: as it was measured, as the model gives it for the faults as they came, and the curves
//! of the mean over many runs.
//!
//! Each way of breaking has a panel of its own. A curve stands only where its model's faults are the schedule's: `poisson`
//! and `flink` have them at random, `schedule` at a fixed distance.

use super::axis::Axis;
use super::panel::{Key, Look, Panel};
use super::scene::Scene;
use super::series::axes_name;
use super::style::{BLACK, Colour, GREY, LEFT, Mark, ORANGE, RIGHT, Stroke, VERMILION};
use super::utilization::{MODELS, Model, PANELS};
use super::{Sketch, Sketched, figure};
use crate::analysis::results::{Restart, Results, Row, UtilizationCurve, UtilizationPoint, utilization_curves};
use crate::analysis::statistics::Figure;
use crate::report::number::short;

/// A figure of the rows.
struct Kind {
    figure: &'static str,
    name: &'static str,
    colour: Colour,
    mark: Mark,
    hollow: bool,
    /// Beside the others of one interval, in pixels.
    shift: f64,
}

const KINDS: [Kind; 3] = [
    Kind { figure: "U_measured", name: "U_measured", colour: BLACK, mark: Mark::Diamond, hollow: false, shift: 0.0 },
    Kind {
        figure: "U_realised",
        name: "model for the faults as they came, with R",
        colour: ORANGE,
        mark: Mark::Square,
        hollow: true,
        shift: -9.0,
    },
    Kind {
        figure: "U_realised_eff",
        name: "with R_eff",
        colour: VERMILION,
        mark: Mark::Circle,
        hollow: false,
        shift: 9.0,
    },
];

/// How faint a curve with R is beside the one with R_eff.
const FAINT: f64 = 0.35;

/// Beyond the measured intervals, as a factor.
const MARGIN: f64 = 1.6;

/// One combination of the other axes.
struct Group<'a> {
    rows: Vec<&'a Row>,
    even_faults: bool,
    with_r: UtilizationCurve,
    with_r_eff: Option<UtilizationCurve>,
}

impl Group<'_> {
    fn points<'s>(&'s self, kind: &'s Kind) -> impl Iterator<Item = (f64, Figure)> + 's {
        self.rows.iter().filter_map(|row| {
            let real = row.figures.get("T_real_s").map(|figure| figure.value);
            Some((real.or(row.interval_s)?, *row.figures.get(kind.figure)?))
        })
    }

    /// That of a curve: further away it would set the axis, and nothing was measured there.
    fn is_near(&self, point: &UtilizationPoint) -> bool {
        let reached = self.measured().into_iter().map(|(interval, _)| interval);
        let (least, largest) = reached.fold((f64::INFINITY, 0.0_f64), |(lo, hi), at| (lo.min(at), hi.max(at)));
        (least / MARGIN..=largest * MARGIN).contains(&point.interval_s)
    }

    fn measured(&self) -> Vec<(f64, Figure)> {
        self.points(&KINDS[0]).collect()
    }

    fn has(&self, model: &Model) -> bool {
        (model.0 == "model schedule") == self.even_faults
    }

    /// The curves with how they are drawn: where R_eff is known, that with R is faint.
    fn curves(&self) -> impl Iterator<Item = (&UtilizationCurve, &'static Model, Stroke)> + '_ {
        let faint = if self.with_r_eff.is_some() { FAINT } else { 1.0 };
        let curves = [Some((&self.with_r, faint)), self.with_r_eff.as_ref().map(|curve| (curve, 1.0))];
        curves.into_iter().flatten().flat_map(move |(curve, opacity)| {
            let own = MODELS.iter().filter(move |model| self.has(model));
            own.map(move |model| (curve, model, model.1.faded(opacity)))
        })
    }

    fn name(&self) -> String {
        let faults = format!("a fault every {} s", short(1.0 / self.with_r.lambda_per_s));
        let mean = if self.even_faults { "" } else { " in the mean" };
        [axes_name(&self.with_r.axes), format!("{faults}{mean}")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": ")
    }
}

fn groups(results: &Results) -> Vec<Group<'_>> {
    let curves = |restart: Restart| utilization_curves(&results.rows, restart, &[]);
    let mut effective = curves(Restart::Effective);
    let group = |with_r: UtilizationCurve| {
        let belongs = |row: &&Row| with_r.axes.iter().all(|axis| row.axes.contains(axis)) && row.lambda_per_s.is_some();
        let rows: Vec<&Row> = results.rows.iter().filter(belongs).collect();
        let even_faults = rows.iter().flat_map(|row| results.trials_of(row)).any(|trial| trial.even_faults);
        let place = effective.iter().position(|curve| curve.axes == with_r.axes);
        let with_r_eff = place.map(|place| effective.swap_remove(place));
        Group { rows, even_faults, with_r, with_r_eff }
    };
    let all = curves(Restart::ToFirstRecord).into_iter().map(group);
    all.filter(|group| !group.measured().is_empty()).collect()
}

/// Why nothing was measured.
fn reason(results: &Results) -> String {
    let faulty = results.rows.iter().find(|row| row.lambda_per_s.is_some());
    let Some(row) = faulty else { return "no faults are scheduled".into() };
    let reason = row.figures.cell("U_measured").and_then(|cell| cell.reason());
    reason.unwrap_or("not every interval has c and R").to_owned()
}

pub fn over_interval(results: &Results) -> Sketched {
    let groups = groups(results);
    if groups.is_empty() {
        return Err(reason(results));
    }
    let shown = &groups[..groups.len().min(PANELS)];
    let kinds: Vec<&Kind> =
        KINDS.iter().filter(|kind| shown.iter().any(|group| group.points(kind).next().is_some())).collect();
    let title = "Utilization measured, and by the models";
    let columns = if shown.len() == 1 { 1 } else { 2 };
    let lines = shown.len().div_ceil(columns);
    let height = if columns == 1 { 340.0 } else { 20.0 + 260.0 * lines as f64 };
    let (mut scene, frame) = figure(results, title, &legend(shown, &kinds), height);
    let (x, y) = axes(shown, &kinds);
    let from_zero = if y.lo == 0.0 { "" } else { " The axis does not start at zero." };
    for (place, group) in shown.iter().enumerate() {
        let row = frame.inset(0.0, 4.0, 4.0, 4.0).rows(lines, 0.0)[place / columns];
        let cell = row.columns(columns, 0.0)[place % columns];
        let panel = Panel { frame: cell.inset(LEFT, 24.0, RIGHT - 4.0, 44.0), x: x.clone(), y: y.clone() };
        draw(&mut scene, &panel, group, &kinds);
    }
    let faint = if shown.iter().any(|group| group.with_r_eff.is_some()) { "R_eff, faint: with R" } else { "R" };
    let caption = format!(
        "U in % over T_real in s (logarithmic), under saturating load. Measured with its 95 % interval, {} cycles between \
         faults. Beside it what the model gives for the length and the restart of each of these cycles: how far the measured \
         lies from that tests the model, and chance in the times of the faults, which widens the interval of the measured, is in \
         both: the interval of the gap is in the table. Curves: the mean over many runs at λ, with {faint}, c and R interpolated between \
         the measured intervals; from them one run differs by chance too.{from_zero}{}",
        super::counts(shown.iter().flat_map(Group::measured).map(|(_, figure)| figure.n as usize)),
        if groups.len() > PANELS {
            format!(" The first {PANELS} of {} combinations.", groups.len())
        } else {
            String::new()
        }
    );
    Ok(Sketch { title, caption, scene })
}

fn legend(groups: &[Group<'_>], kinds: &[&Kind]) -> Vec<Key> {
    let mark = |kind: &&Kind| Look::Mark { colour: kind.colour, mark: kind.mark, hollow: kind.hollow };
    let mut legend: Vec<Key> = kinds.iter().map(|kind| Key::new(kind.name, mark(kind))).collect();
    let drawn = MODELS.iter().filter(|model| groups.iter().any(|group| group.has(model)));
    legend.extend(drawn.map(|(name, stroke, _)| Key::new(*name, Look::Line(*stroke))));
    if groups.iter().any(|group| group.with_r_eff.is_some()) {
        legend.push(Key::new("faint: with R", Look::Line(Stroke::of(GREY, 1.6).faded(FAINT))));
    }
    legend
}

fn percent(point: &UtilizationPoint, model: &Model) -> f64 {
    (model.2)(point).map_or(f64::NAN, |share| share * 100.0)
}

/// The same axes for all panels.
fn axes(groups: &[Group<'_>], kinds: &[&Kind]) -> (Axis, Axis) {
    let points: Vec<(f64, Figure)> =
        groups.iter().flat_map(|group| kinds.iter().flat_map(|kind| group.points(kind).collect::<Vec<_>>())).collect();
    let intervals = points.iter().flat_map(|(interval, _)| [interval / MARGIN, interval * MARGIN]);
    let x = Axis::log("checkpoint interval T_real", "s", intervals, if groups.len() == 1 { 10 } else { 5 });
    let measured =
        points.iter().flat_map(|(_, figure)| [Some(figure.value), figure.lo, figure.hi]).flatten().map(|u| u * 100.0);
    let drawn = groups.iter().flat_map(|group| {
        group.curves().flat_map(move |(curve, model, _)| {
            curve.points.iter().filter(move |point| group.is_near(point)).map(move |point| percent(point, model))
        })
    });
    let y = Axis::zoomed("utilization U", "%", measured.chain(drawn), 6);
    (x, y)
}

fn draw(scene: &mut Scene, panel: &Panel, group: &Group<'_>, kinds: &[&Kind]) {
    panel.draw(scene);
    panel.name(scene, &group.name());
    for (curve, model, stroke) in group.curves() {
        let inside = curve.points.iter().filter(|point| group.is_near(point));
        let course: Vec<_> = inside.map(|point| panel.at(point.interval_s, percent(point, model))).collect();
        scene.line(&course, stroke);
    }
    for kind in kinds {
        for (interval, figure) in group.points(kind) {
            let x = panel.x(interval) + kind.shift;
            let ends = figure.lo.zip(figure.hi).map(|(lo, hi)| (lo * 100.0, hi * 100.0));
            panel.whisker(scene, x, ends, kind.colour);
            scene.mark((x, panel.y(figure.value * 100.0)), kind.mark, 4.4, kind.colour, kind.hollow);
        }
    }
}
