//! The budget of 1 - U as a waterfall: from the whole time, part by part, down to what is left.

use super::axis::Axis;
use super::panel::Panel;
use super::scene::{Anchor, Scene};
use super::series::{Cast, Series};
use super::style::{
    AXIS, BLUE, Colour, GREEN, GREY, INK, ORANGE, PURPLE, RIGHT, SKY, SMALL_PX, Stroke, VERMILION, YELLOW,
};
use super::{Sketch, Sketched, figure};
use crate::analysis::budget::Budget;
use crate::analysis::results::Results;

/// As in the phases of a recovery, where a part is one of them.
const COLOURS: [Colour; 7] = [GREEN, PURPLE, VERMILION, GREY, ORANGE, SKY, BLUE];

const LEFTOVER: Colour = YELLOW;

const COLUMNS: usize = 3;

fn usable(series: &Series<'_>) -> Option<Budget> {
    let budget = series.row.budget?;
    let finite = budget.losses().iter().all(|(_, seconds)| seconds.is_finite()) && budget.remainder_s.is_finite();
    (finite && budget.span_s > 0.0).then_some(budget)
}

pub fn waterfall(results: &Results) -> Sketched {
    let cast = Cast::of(results).where_known(|series| usable(series).is_some());
    let budgets: Vec<Budget> = cast.series.iter().filter_map(usable).collect();
    if budgets.is_empty() {
        return Err("no trial has two faults, recoveries that came to their end, and a completed checkpoint".into());
    }
    let columns = budgets.len().min(COLUMNS);
    let lines = budgets.len().div_ceil(columns);
    let title = "Where the time goes: the budget of 1 − U";
    let (mut scene, frame) = figure(results, title, &[], 20.0 + 270.0 * lines as f64);
    let frames = frame.inset(104.0, 24.0, RIGHT, 46.0).rows(lines, 70.0);
    let frames: Vec<_> = frames.into_iter().flat_map(|row| row.columns(columns, 26.0)).collect();
    let names: Vec<String> =
        budgets[0].losses().iter().map(|(name, _)| (*name).to_owned()).chain(["left: U by time".into()]).collect();
    let x = Axis::linear(
        "share of the time",
        "%",
        budgets.iter().flat_map(reach).chain([100.0]),
        if columns > 2 { 5 } else { 10 },
    );
    for (place, ((series, budget), frame)) in cast.series.iter().zip(&budgets).zip(frames).enumerate() {
        let mut y = Axis::names("", &names);
        let last = names.len() as f64 - 1.0;
        y.ticks.iter_mut().for_each(|tick| tick.at = last - tick.at);
        let panel = Panel { frame, x: x.clone(), y };
        if place % columns == 0 {
            panel.draw(&mut scene)
        } else {
            panel.draw_right(&mut scene)
        }
        panel.name(&mut scene, &series.name);
        draw(&mut scene, &panel, budget);
    }
    let caption = format!(
        "Share in % of the time from the first fault issued to the last one, all trials together, {} cycles. Each bar begins \
         where the one above it ends: completed checkpoints at c each, work done again, then R cut into detection, hold (no \
         instance), redeployment, restore and start; what is left is U by time. Below saturation the job idles within it.{}",
        super::counts(budgets.iter().map(|budget| budget.cycles as usize)),
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

fn percent(budget: &Budget, seconds: f64) -> f64 {
    seconds / budget.span_s * 100.0
}

/// The ends of all bars, in percent.
fn reach(budget: &Budget) -> Vec<f64> {
    let mut left = budget.span_s;
    let mut ends = vec![percent(budget, left)];
    for (_, seconds) in budget.losses() {
        left -= seconds;
        ends.push(percent(budget, left));
    }
    ends
}

fn draw(scene: &mut Scene, panel: &Panel, budget: &Budget) {
    let ends = reach(budget);
    let slots = ends.len() as f64 - 1.0;
    for (place, ((_, seconds), colour)) in budget.losses().iter().zip(COLOURS).enumerate() {
        let slot = slots - place as f64;
        draw_bar(scene, panel, slot, (ends[place + 1], ends[place]), percent(budget, *seconds), colour);
        // A thread from the end of this bar to the beginning of the next.
        let x = panel.x(ends[place + 1]);
        scene.line(&[(x, panel.y(slot - 0.34)), (x, panel.y(slot - 0.66))], Stroke::of(AXIS, 1.0));
    }
    let left = percent(budget, budget.remainder_s);
    draw_bar(scene, panel, 0.0, (0.0, left), left, LEFTOVER);
}

fn draw_bar(scene: &mut Scene, panel: &Panel, slot: f64, (from, to): (f64, f64), share: f64, colour: Colour) {
    let (left, right) = (panel.x(from.min(to)), panel.x(from.max(to)).max(panel.x(from.min(to)) + 1.0));
    scene.rectangle((left, panel.y(slot + 0.34)), (right, panel.y(slot - 0.34)), colour);
    let text = if share.abs() < 0.05 { "0 %".to_owned() } else { format!("{share:.1} %").replace('-', "−") };
    let width = super::render::text_width(&text, SMALL_PX);
    let y = panel.y(slot);
    // Beside the bar, on the side that has room.
    if left - width - 8.0 > panel.frame.left {
        scene.text((left - 5.0, y), &text, SMALL_PX, INK, Anchor::End);
    } else if right + width + 8.0 < panel.frame.right {
        scene.text((right + 5.0, y), &text, SMALL_PX, INK, Anchor::Start);
    } else {
        scene.text((f64::midpoint(left, right), y), &text, SMALL_PX, INK, Anchor::Middle);
    }
}
