//! The frame of a figure, and one pair of axes in it. Title, conditions and legend stand above the data, never
//! over it.

use super::axis::Axis;
use super::render::text_width;
use super::scene::{Anchor, Point, Scene};
use super::style::{
    AXIS, Colour, FAINT, FAULT, GRID, INK, Mark, RIGHT, SMALL_PX, Stroke, TEXT_PX, TITLE_PX, VERMILION, WHITE, WIDTH,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Frame {
    /// Side by side, `gap` apart.
    #[must_use]
    pub fn columns(&self, count: usize, gap: f64) -> Vec<Self> {
        let width = (self.right - self.left - gap * (count.max(1) - 1) as f64) / count.max(1) as f64;
        let column = |place: usize| {
            let left = self.left + (width + gap) * place as f64;
            Self { left, right: left + width, ..*self }
        };
        (0..count).map(column).collect()
    }

    /// One below the other, `gap` apart.
    #[must_use]
    pub fn rows(&self, count: usize, gap: f64) -> Vec<Self> {
        let height = (self.bottom - self.top - gap * (count.max(1) - 1) as f64) / count.max(1) as f64;
        let row = |place: usize| {
            let top = self.top + (height + gap) * place as f64;
            Self { top, bottom: top + height, ..*self }
        };
        (0..count).map(row).collect()
    }

    /// Smaller by so much on each side.
    #[must_use]
    pub fn inset(&self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left: self.left + left, top: self.top + top, right: self.right - right, bottom: self.bottom - bottom }
    }
}

/// An entry of the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub name: String,
    pub look: Look,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look {
    Line(Stroke),
    Mark { colour: Colour, mark: Mark, hollow: bool },
    LineAndMark { stroke: Stroke, mark: Mark },
    Area(Colour, f64),
    Fault,
}

impl Key {
    #[must_use]
    pub fn new(name: impl Into<String>, look: Look) -> Self {
        Self { name: name.into(), look }
    }
}

/// What stands above the data of every figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Head<'a> {
    pub title: &'a str,
    pub conditions: &'a str,
    pub simulated: bool,
}

const MARGIN: f64 = 12.0;
const LEGEND_ROW: f64 = 18.0;
const KEY_WIDTH: f64 = 24.0;

/// A scene with its head, `data_height` for the rest, and where that is.
#[must_use]
pub fn figure(head: &Head<'_>, legend: &[Key], data_height: f64) -> (Scene, Frame) {
    let rows = legend_rows(legend);
    let top = 50.0 + LEGEND_ROW * rows.len() as f64 + if rows.is_empty() { 0.0 } else { 4.0 };
    let height = top + data_height;
    let mut scene = Scene { width: WIDTH, height, shapes: Vec::new() };
    scene.text((MARGIN, 18.0), head.title, TITLE_PX, INK, Anchor::Start);
    let conditions = fitted(head.conditions, WIDTH - 2.0 * MARGIN, SMALL_PX);
    scene.text((MARGIN, 37.0), &conditions, SMALL_PX, FAINT, Anchor::Start);
    if head.simulated {
        scene.text((WIDTH - MARGIN, 18.0), "SIMULATED", TITLE_PX, VERMILION, Anchor::End);
    }
    for (place, row) in rows.iter().enumerate() {
        draw_legend_row(&mut scene, row, 58.0 + LEGEND_ROW * place as f64);
    }
    (scene, Frame { left: 0.0, top, right: WIDTH, bottom: height })
}

fn key_width(key: &Key) -> f64 {
    KEY_WIDTH + 6.0 + text_width(&key.name, TEXT_PX) + 18.0
}

fn legend_rows(legend: &[Key]) -> Vec<Vec<&Key>> {
    let mut rows: Vec<Vec<&Key>> = Vec::new();
    let mut used = f64::INFINITY;
    for key in legend {
        let width = key_width(key);
        if used + width > WIDTH - MARGIN - RIGHT {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += width;
        if let Some(row) = rows.last_mut() {
            row.push(key);
        }
    }
    rows
}

fn draw_legend_row(scene: &mut Scene, keys: &[&Key], y: f64) {
    let mut x = MARGIN;
    for key in keys {
        draw_key(scene, key.look, x, y);
        scene.text((x + KEY_WIDTH + 6.0, y), &key.name, TEXT_PX, INK, Anchor::Start);
        x += key_width(key);
    }
}

fn draw_key(scene: &mut Scene, look: Look, x: f64, y: f64) {
    let (from, middle, to) = ((x, y), (x + KEY_WIDTH / 2.0, y), (x + KEY_WIDTH, y));
    match look {
        Look::Line(stroke) => scene.line(&[from, to], stroke),
        Look::Mark { colour, mark, hollow } => scene.mark(middle, mark, 4.0, colour, hollow),
        Look::LineAndMark { stroke, mark } => {
            scene.line(&[from, to], stroke);
            scene.mark(middle, mark, 4.0, stroke.colour, false);
        }
        Look::Area(colour, opacity) => {
            let (top, bottom) = (y - 5.0, y + 5.0);
            scene.area(vec![(from.0, top), (to.0, top), (to.0, bottom), (from.0, bottom)], colour, opacity);
        }
        Look::Fault => {
            // Another colour than the lines in the data, so that those can be counted.
            scene.line(&[(middle.0, y - 7.0), (middle.0, y + 7.0)], Stroke::of(INK, 1.0));
            scene.mark((middle.0, y - 5.0), Mark::Down, 3.5, INK, false);
        }
    }
}

/// The text, cut with an ellipsis where it is wider than that.
#[must_use]
pub fn fitted(text: &str, width: f64, px: f64) -> String {
    if text_width(text, px) <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let fits = |count: &usize| text_width(&format!("{}…", letters[..*count].iter().collect::<String>()), px) <= width;
    let count = (0..letters.len()).rev().find(fits).unwrap_or(0);
    format!("{}…", letters[..count].iter().collect::<String>().trim_end())
}

/// One pair of axes; `frame` is where the data go, the labels lie outside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub frame: Frame,
    pub x: Axis,
    pub y: Axis,
}

impl Panel {
    #[must_use]
    pub fn x(&self, value: f64) -> f64 {
        self.frame.left + (self.frame.right - self.frame.left) * self.x.place(value)
    }

    #[must_use]
    pub fn y(&self, value: f64) -> f64 {
        self.frame.bottom - (self.frame.bottom - self.frame.top) * self.y.place(value)
    }

    #[must_use]
    pub fn at(&self, x: f64, y: f64) -> Point {
        (self.x(x), self.y(y))
    }

    /// Grid, ticks and names of both axes.
    pub fn draw(&self, scene: &mut Scene) {
        self.draw_y(scene);
        self.draw_x(scene, true);
    }

    /// As `draw`, without the labels below: the panel under this one has them.
    pub fn draw_upper(&self, scene: &mut Scene) {
        self.draw_y(scene);
        self.draw_x(scene, false);
    }

    /// As `draw`, with neither name nor labels at the left: the panel beside this one has them.
    pub fn draw_right(&self, scene: &mut Scene) {
        self.grid(scene);
        self.draw_x(scene, true);
    }

    fn grid(&self, scene: &mut Scene) {
        let Frame { left, right, top, bottom } = self.frame;
        let across = if self.y.is_named { [].as_slice() } else { &self.y.ticks };
        for y in across.iter().map(|tick| self.y(tick.at)) {
            scene.line(&[(left, y), (right, y)], Stroke::of(GRID, 1.0));
        }
        let upright = if self.y.is_named { self.x.ticks.as_slice() } else { &[] };
        for x in upright.iter().map(|tick| self.x(tick.at)) {
            scene.line(&[(x, top), (x, bottom)], Stroke::of(GRID, 1.0));
        }
        scene.line(&[(left, top), (left, bottom)], Stroke::of(AXIS, 1.0));
    }

    fn draw_y(&self, scene: &mut Scene) {
        self.grid(scene);
        let Frame { left, top, bottom, .. } = self.frame;
        let mut widest: f64 = 0.0;
        for tick in &self.y.ticks {
            let y = self.y(tick.at);
            scene.line(&[(left - 4.0, y), (left, y)], Stroke::of(AXIS, 1.0));
            let lines: Vec<&str> = tick.text.split('\n').collect();
            let first = y - (lines.len() - 1) as f64 * 6.5;
            for (place, line) in lines.iter().enumerate() {
                widest = widest.max(text_width(line, SMALL_PX));
                scene.text((left - 7.0, first + 13.0 * place as f64), line, SMALL_PX, INK, Anchor::End);
            }
        }
        // Panels above each other have their names in line, unless a label is too wide for that.
        let name_at = (left - 19.0 - widest).min(left - 53.0).max(9.0);
        let (room, middle) = (bottom - top + 4.0, f64::midpoint(top, bottom));
        match self.y.label.split_once(" (") {
            // The unit on a line of its own.
            Some((what, unit)) if text_width(&self.y.label, TEXT_PX) > room => {
                scene.turned_text((name_at - 14.0, middle), &fitted(what, room, TEXT_PX), TEXT_PX, INK);
                scene.turned_text((name_at, middle), &fitted(&format!("({unit}"), room, SMALL_PX), SMALL_PX, INK);
            }
            _ => scene.turned_text((name_at, middle), &fitted(&self.y.label, room, TEXT_PX), TEXT_PX, INK),
        }
    }

    fn draw_x(&self, scene: &mut Scene, labelled: bool) {
        let Frame { left, right, bottom, .. } = self.frame;
        scene.line(&[(left, bottom), (right, bottom)], Stroke::of(AXIS, 1.0));
        let slot = (right - left) / self.x.ticks.len().max(1) as f64;
        let mut lines_most = 1;
        for tick in &self.x.ticks {
            let x = self.x(tick.at);
            scene.line(&[(x, bottom), (x, bottom + 4.0)], Stroke::of(AXIS, 1.0));
            if labelled {
                let lines: Vec<&str> = tick.text.split('\n').collect();
                lines_most = lines_most.max(lines.len());
                for (place, line) in lines.iter().enumerate() {
                    let at = (x, bottom + 13.0 + 13.0 * place as f64);
                    scene.text(at, &fitted(line, slot.max(30.0), SMALL_PX), SMALL_PX, INK, Anchor::Middle);
                }
            }
        }
        if labelled {
            let at = (f64::midpoint(left, right), bottom + 19.0 + 13.0 * lines_most as f64);
            scene.text(at, &fitted(&self.x.label, right - left + 40.0, TEXT_PX), TEXT_PX, INK, Anchor::Middle);
        }
    }

    /// The name of a panel among several, above its upper left corner.
    pub fn name(&self, scene: &mut Scene, name: &str) {
        let width = self.frame.right - self.frame.left;
        let at = (self.frame.left, self.frame.top - 9.0);
        scene.text(at, &fitted(name, width, TEXT_PX), TEXT_PX, INK, Anchor::Start);
    }

    /// A vertical line over the whole height, with a mark at its top.
    pub fn fault_line(&self, scene: &mut Scene, at: f64) {
        if self.x.holds(at) {
            let x = self.x(at);
            scene.line(&[(x, self.frame.top), (x, self.frame.bottom)], Stroke::of(FAULT, 1.0));
            scene.mark((x, self.frame.top + 2.0), Mark::Down, 3.5, FAULT, false);
        }
    }

    /// A value with its interval, as far as it has one; an end beyond the axis is an arrow.
    pub fn whisker(&self, scene: &mut Scene, x: f64, ends: Option<(f64, f64)>, colour: Colour) {
        let Some((lo, hi)) = ends.filter(|(lo, hi)| lo.is_finite() && hi.is_finite()) else { return };
        let stroke = Stroke::of(colour, 1.4);
        scene.line(&[(x, self.y(lo)), (x, self.y(hi))], stroke);
        for (end, arrow) in [(lo, Mark::Down), (hi, Mark::Triangle)] {
            let y = self.y(end);
            if self.y.holds(end) {
                scene.line(&[(x - 3.5, y), (x + 3.5, y)], stroke);
            } else {
                scene.mark((x, y), arrow, 3.6, colour, false);
            }
        }
    }

    /// A text over the data, on white so that it reads.
    pub fn note(&self, scene: &mut Scene, at: Point, text: &str, anchor: Anchor) {
        let width = text_width(text, SMALL_PX);
        let left = match anchor {
            Anchor::Start => at.0,
            Anchor::Middle => at.0 - width / 2.0,
            Anchor::End => at.0 - width,
        };
        scene.rectangle((left - 2.0, at.1 - 7.0), (left + width + 2.0, at.1 + 7.0), WHITE);
        scene.text(at, text, SMALL_PX, INK, anchor);
    }
}
