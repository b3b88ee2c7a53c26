//! Scene to SVG through plotters, SVG to PNG through resvg.
//!
//! plotters has whole coordinates only, so the drawing is four times as large as it is shown: a quarter of a
//! pixel is finer than any printer needs. Its bitmap output has jagged lines and false spikes at sharp steps,
//! which is why the PNG is made from the SVG.
//!
//! Texts stay texts: they can be searched, copied and edited, and where the embedded font is not installed a
//! metrically equal one takes its place (Arimo, Helvetica, Arial), so that nothing moves.

use std::sync::{Arc, OnceLock};

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, register_font};
use resvg::{tiny_skia, usvg};

use super::scene::{Anchor, Point, Scene, Shape};
use super::style::{Colour, Mark, Stroke};
use crate::error::{Error, Result};

/// SIL Open Font License 1.1; the licence lies beside it.
static FONT: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/fonts/LiberationSans-Regular.ttf"));

const FAMILIES: &str = "Liberation Sans, Arimo, Helvetica, Arial, sans-serif";

/// Drawing units in a CSS pixel.
const FINENESS: f64 = 4.0;

/// plotters takes for a font's size the height of a line, 1.24 times what SVG calls its size.
const LINE_HEIGHT: f64 = 1.24;

/// Ascent less descent of the font, in its size: what plotters' measure of a text is scaled by.
const FONT_HEIGHT: f64 = 1.117;

/// Pixels of the PNG in a CSS pixel.
const DENSITY: f32 = 2.0;

/// How wide a text is drawn, in CSS pixels.
#[must_use]
pub fn text_width(text: &str, px: f64) -> f64 {
    const SCALE: f64 = 64.0;
    let measured = register().ok().and_then(|()| (FAMILIES, SCALE * FONT_HEIGHT).into_font().box_size(text).ok());
    // Without a font nothing is drawn either; half a square a letter keeps the layout sane until that is told.
    measured.map_or(text.chars().count() as f64 * px / 2.0, |(width, _)| f64::from(width) / SCALE * px)
}

pub fn svg(scene: &Scene, label: &str) -> Result<String> {
    register()?;
    let (width, height) = (units(scene.width) as u32, units(scene.height) as u32);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| cannot("fill", &error))?;
        for shape in &scene.shapes {
            draw(&area, shape)?;
        }
        area.present().map_err(|error| cannot("end", &error))?;
    }
    let (_, body) = text.split_once('>').ok_or_else(|| Error::defect("plotters wrote no SVG"))?;
    let (shown_width, shown_height) = (scene.width, scene.height);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{shown_width}\" height=\"{shown_height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{}\n",
        label.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"),
        body.trim_end()
    ))
}

/// The SVG as a bitmap of twice its size.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let options = usvg::Options { fontdb: fonts(), font_family: "Liberation Sans".into(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| cannot("read back", &error))?;
    let size = tree.size();
    let pixels = |length: f32| (length * DENSITY).ceil() as u32;
    let mut pixmap = tiny_skia::Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or_else(|| Error::defect("a plot has no size"))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(DENSITY, DENSITY), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| cannot("encode", &error))
}

fn fonts() -> Arc<usvg::fontdb::Database> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        Arc::new(fonts)
    };
    Arc::clone(FONTS.get_or_init(load))
}

fn register() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| register_font(FAMILIES, FontStyle::Normal, FONT).is_ok());
    if *registered { Ok(()) } else { Err(Error::defect("the embedded font cannot be read")) }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(area: &Area<'_>, shape: &Shape) -> Result<()> {
    let drawn = match shape {
        Shape::Line { points, stroke } => {
            return dashes(points, stroke).iter().try_for_each(|part| line(area, part, stroke));
        }
        Shape::Area { points, colour, opacity } => {
            area.draw(&Polygon::new(placed(points), colour.mixed(*opacity).filled()))
        }
        Shape::Mark { at, mark, radius, colour, hollow } => {
            return draw_mark(area, *at, *mark, *radius, *colour, *hollow);
        }
        Shape::Text { at, text, px, colour, anchor, turned } => {
            let side = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let font = (FAMILIES, px * FINENESS * LINE_HEIGHT).into_font();
            let font = if *turned { font.transform(FontTransform::Rotate270) } else { font };
            let ink = colour.mixed(1.0);
            let style = TextStyle::from(font).color(&ink).pos(Pos::new(side, VPos::Center));
            area.draw(&Text::new(text.as_str(), place(*at), style))
        }
    };
    drawn.map_err(|error| cannot("draw", &error))
}

fn line(area: &Area<'_>, points: &[Point], stroke: &Stroke) -> Result<()> {
    let style = stroke.colour.mixed(stroke.opacity).stroke_width(width(stroke.width));
    area.draw(&PathElement::new(placed(points), style)).map_err(|error| cannot("draw", &error))
}

fn draw_mark(area: &Area<'_>, at: Point, mark: Mark, radius: f64, colour: Colour, hollow: bool) -> Result<()> {
    let ink = colour.mixed(1.0);
    let around = |corners: &[Point]| -> Vec<(i32, i32)> {
        corners.iter().map(|(x, y)| place((at.0 + x * radius, at.1 + y * radius))).collect()
    };
    let drawn = match mark {
        Mark::Circle if !hollow => area.draw(&Circle::new(place(at), units(radius), ink.filled())),
        Mark::Circle => area
            .draw(&Circle::new(place(at), units(radius), WHITE.filled()))
            .and_then(|()| area.draw(&Circle::new(place(at), units(radius), ink.stroke_width(width(1.2))))),
        Mark::Cross | Mark::Plus | Mark::Bar => {
            let strokes: &[[Point; 2]] = match mark {
                Mark::Cross => &[[(-0.9, -0.9), (0.9, 0.9)], [(-0.9, 0.9), (0.9, -0.9)]],
                Mark::Plus => &[[(-1.1, 0.0), (1.1, 0.0)], [(0.0, -1.1), (0.0, 1.1)]],
                _ => &[[(-1.3, 0.0), (1.3, 0.0)]],
            };
            let thick = width(if hollow { 1.2 } else { 2.0 });
            strokes.iter().try_for_each(|ends| area.draw(&PathElement::new(around(ends), ink.stroke_width(thick))))
        }
        Mark::Square | Mark::Triangle | Mark::Diamond | Mark::Down => {
            let corners: &[Point] = match mark {
                Mark::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9), (-0.9, -0.9)],
                Mark::Triangle => &[(0.0, -1.15), (1.05, 0.8), (-1.05, 0.8), (0.0, -1.15)],
                Mark::Down => &[(0.0, 1.15), (1.05, -0.8), (-1.05, -0.8), (0.0, 1.15)],
                _ => &[(0.0, -1.25), (1.1, 0.0), (0.0, 1.25), (-1.1, 0.0), (0.0, -1.25)],
            };
            let fill = if hollow { WHITE.filled() } else { ink.filled() };
            let body = area.draw(&Polygon::new(around(corners), fill));
            let edge = || area.draw(&PathElement::new(around(corners), ink.stroke_width(width(1.2))));
            if hollow { body.and_then(|()| edge()) } else { body }
        }
    };
    drawn.map_err(|error| cannot("draw", &error))
}

/// The strokes of a dashed line; plotters writes no `stroke-dasharray`.
fn dashes(points: &[Point], stroke: &Stroke) -> Vec<Vec<Point>> {
    if stroke.dash.is_empty() {
        return vec![points.to_vec()];
    }
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let (mut place, mut left) = (0, stroke.dash[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let is_stroke = place % 2 == 0;
            if is_stroke && part.is_empty() {
                part.push(from);
            }
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                if is_stroke {
                    part.push(to);
                }
                break;
            }
            from = (from.0 + (to.0 - from.0) * left / length, from.1 + (to.1 - from.1) * left / length);
            if is_stroke {
                part.push(from);
                parts.push(std::mem::take(&mut part));
            }
            place = (place + 1) % stroke.dash.len();
            left = stroke.dash[place];
        }
    }
    parts.push(part);
    parts.retain(|part| part.len() > 1);
    parts
}

impl Colour {
    fn mixed(self, opacity: f64) -> RGBAColor {
        RGBColor(self.0, self.1, self.2).mix(opacity)
    }
}

/// Far outside the drawing is far enough: what a conversion saturates at would only make numbers long.
fn units(length: f64) -> i32 {
    (length * FINENESS).round().clamp(-1e6, 1e6) as i32
}

fn place((x, y): Point) -> (i32, i32) {
    (units(x), units(y))
}

fn placed(points: &[Point]) -> Vec<(i32, i32)> {
    let mut placed: Vec<(i32, i32)> = points.iter().copied().map(place).collect();
    // A line of two equal points is still a line; of more, those that fall together say nothing.
    if placed.len() > 2 {
        placed.dedup();
    }
    placed
}

fn width(px: f64) -> u32 {
    units(px).max(1) as u32
}

fn cannot(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::defect(format!("cannot {what} a plot: {error}"))
}
