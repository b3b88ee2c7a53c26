//! What a plot consists of: lines, areas, marks and texts in CSS pixels, as plain data.
//!
//! Plots build a scene and know nothing of how it is written; `render` alone knows plotters and resvg. Points
//! that are not finite end here: a line breaks at them, anything else is not drawn.

use super::style::{Colour, Mark, Stroke};

pub type Point = (f64, f64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Line { points: Vec<Point>, stroke: Stroke },
    Area { points: Vec<Point>, colour: Colour, opacity: f64 },
    Mark { at: Point, mark: Mark, radius: f64, colour: Colour, hollow: bool },
    Text { at: Point, text: String, px: f64, colour: Colour, anchor: Anchor, turned: bool },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    pub shapes: Vec<Shape>,
}

impl Scene {
    pub fn line(&mut self, points: &[Point], stroke: Stroke) {
        for part in points.split(|point| !is_finite(point)).filter(|part| part.len() > 1) {
            self.shapes.push(Shape::Line { points: part.to_vec(), stroke });
        }
    }

    pub fn area(&mut self, points: Vec<Point>, colour: Colour, opacity: f64) {
        if points.len() > 2 && points.iter().all(is_finite) {
            self.shapes.push(Shape::Area { points, colour, opacity });
        }
    }

    pub fn rectangle(&mut self, (left, top): Point, (right, bottom): Point, colour: Colour) {
        self.area(vec![(left, top), (right, top), (right, bottom), (left, bottom)], colour, 1.0);
    }

    pub fn mark(&mut self, at: Point, mark: Mark, radius: f64, colour: Colour, hollow: bool) {
        if is_finite(&at) {
            self.shapes.push(Shape::Mark { at, mark, radius, colour, hollow });
        }
    }

    pub fn text(&mut self, at: Point, text: &str, px: f64, colour: Colour, anchor: Anchor) {
        self.write(at, text, px, colour, anchor, false);
    }

    /// Reads from below upwards.
    pub fn turned_text(&mut self, at: Point, text: &str, px: f64, colour: Colour) {
        self.write(at, text, px, colour, Anchor::Middle, true);
    }

    fn write(&mut self, at: Point, text: &str, px: f64, colour: Colour, anchor: Anchor, turned: bool) {
        // XML has no place for control characters, and an axis may hold any text.
        let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
        if is_finite(&at) && !text.is_empty() {
            self.shapes.push(Shape::Text { at, text, px, colour, anchor, turned });
        }
    }
}

fn is_finite(point: &Point) -> bool {
    point.0.is_finite() && point.1.is_finite()
}
