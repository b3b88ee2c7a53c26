//! Axes: which values are ticked, how they are written, and where a value stands.
//!
//! Ticks are 1, 2 or 5 times a power of ten. Large counts are told in thousands or millions, and the unit says
//! so. A logarithmic axis is ticked at decades, and at 2 and 5 where there is room.

use crate::report::number::short;

/// Magnitudes beyond this are drawn at the edge: no quantity of a run comes near, and no sum overflows.
const LARGEST: f64 = 1e30;

/// More ticks than fit on any axis.
const MOST_TICKS: usize = 40;

#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    /// One or more lines.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: String,
    pub lo: f64,
    pub hi: f64,
    pub is_log: bool,
    /// Of names, one a slot, instead of values.
    pub is_named: bool,
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// From zero, or from the least value below it, to a tick above the largest value. Counts with `unit` are
    /// told in thousands (k) or millions (M) where they are large.
    #[must_use]
    pub fn linear(what: &str, unit: &str, values: impl IntoIterator<Item = f64>, ticks: usize) -> Self {
        let (lo, hi) = range(values.into_iter().chain([0.0]));
        Self::between(what, unit, lo, hi, ticks)
    }

    /// As `linear`, but without zero where all values lie close together, far above it.
    #[must_use]
    pub fn zoomed(what: &str, unit: &str, values: impl IntoIterator<Item = f64>, ticks: usize) -> Self {
        let (lo, hi) = range(values);
        if lo > 0.5 * hi && lo < hi {
            let margin = 0.15 * (hi - lo);
            return Self::between(what, unit, lo - margin, hi + margin, ticks);
        }
        Self::between(what, unit, lo.min(0.0), hi.max(0.0), ticks)
    }

    fn between(what: &str, unit: &str, lo: f64, hi: f64, ticks: usize) -> Self {
        let hi = widened(lo, hi);
        let step = nice_step((hi - lo) / ticks.max(1) as f64);
        let (lo, hi) = ((lo / step).floor() * step, (hi / step - 1e-9).ceil() * step);
        let (factor, prefix) = prefix(lo.abs().max(hi.abs()), unit);
        Self {
            label: label(what, &format!("{prefix}{unit}")),
            lo,
            hi,
            is_log: false,
            is_named: false,
            ticks: linear_ticks(lo, hi, step, factor),
        }
    }

    /// Exactly from `lo` to `hi` seconds; in minutes where it is long.
    #[must_use]
    pub fn time(what: &str, lo: f64, hi: f64, ticks: usize) -> Self {
        let (lo, hi) = range([lo, hi]);
        let hi = widened(lo, hi);
        let (factor, unit) = if hi - lo > 1_200.0 { (60.0, "min") } else { (1.0, "s") };
        let step = nice_step((hi - lo) / factor / ticks.max(1) as f64) * factor;
        let first = (lo / step - 1e-9).ceil() * step;
        Self {
            label: label(what, unit),
            lo,
            hi,
            is_log: false,
            is_named: false,
            ticks: linear_ticks(first, hi, step, factor),
        }
    }

    /// Over the positive values, with at most about so many ticks.
    #[must_use]
    pub fn log(what: &str, unit: &str, values: impl IntoIterator<Item = f64>, most: usize) -> Self {
        let positive = values.into_iter().filter(|value| *value > 0.0);
        let (lo, hi) = range(positive.map(|value| value.max(1.0 / LARGEST)));
        let (lo, hi) = if lo > 0.0 { (lo, hi) } else { (1.0, 10.0) };
        let places = |multiples: &[f64], from: f64, to: f64| -> Vec<f64> {
            let decades = (from.log10().floor() as i32 - 1)..=(to.log10().ceil() as i32);
            decades.flat_map(|decade| multiples.iter().map(move |multiple| multiple * 10_f64.powi(decade))).collect()
        };
        let fine = places(&[1.0, 2.0, 5.0], lo, hi);
        let below = fine.iter().copied().filter(|&place| place <= lo * 1.001).fold(lo / 2.0, f64::max);
        let above = fine.iter().copied().filter(|&place| place >= hi / 1.001).reduce(f64::min).unwrap_or(hi * 2.0);
        let above = if above > below * 1.5 { above } else { below * 10.0 };
        let decades = (above / below).log10();
        let multiples: &[f64] = if 3.0 * decades <= most as f64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = (decades / most.max(1) as f64).ceil().max(1.0) as i32;
        let shown = |place: &f64| {
            let inside = (below / 1.001..=above * 1.001).contains(place);
            inside && (every == 1 || place.log10().round() as i32 % every == 0)
        };
        let ticks = places(multiples, below, above).into_iter().filter(shown);
        let ticks = ticks.map(|at| Tick { at, text: written(at) }).collect();
        Self { label: label(what, unit), lo: below, hi: above, is_log: true, is_named: false, ticks }
    }

    /// One slot for each name, in their order; slot i is at i.
    #[must_use]
    pub fn names(what: &str, names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(place, name)| Tick { at: place as f64, text: name.clone() });
        Self {
            label: what.into(),
            lo: -0.5,
            hi: names.len() as f64 - 0.5,
            is_log: false,
            is_named: true,
            ticks: ticks.collect(),
        }
    }

    /// Where a value stands, 0 to 1 along the axis; what is beyond an end stands at it. NaN for NaN.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let value = value.clamp(self.lo, self.hi);
        if self.is_log {
            return (value / self.lo).ln() / (self.hi / self.lo).ln();
        }
        (value - self.lo) / (self.hi - self.lo)
    }

    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        (self.lo..=self.hi).contains(&value)
    }
}

fn label(what: &str, unit: &str) -> String {
    if unit.is_empty() { what.to_owned() } else { format!("{what} ({unit})") }
}

/// The least and the largest of the finite values; 0 and 0 where there is none.
fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite()).map(|value| value.clamp(-LARGEST, LARGEST));
    finite
        .fold(None, |range: Option<(f64, f64)>, value| {
            Some(range.map_or((value, value), |(lo, hi)| (lo.min(value), hi.max(value))))
        })
        .unwrap_or((0.0, 0.0))
}

/// The upper end, so far above the lower one that numbers between them still differ.
fn widened(lo: f64, hi: f64) -> f64 {
    let magnitude = lo.abs().max(hi.abs());
    if hi <= lo { lo + magnitude.max(1.0) } else { hi.max(lo + (1e-6 * magnitude).max(1e-12)) }
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn nice_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let multiple = [1.0, 2.0, 5.0].into_iter().find(|multiple| multiple * power >= rough * 0.999_999);
    multiple.unwrap_or(10.0) * power
}

fn linear_ticks(lo: f64, hi: f64, step: f64, factor: f64) -> Vec<Tick> {
    let count = (((hi - lo) / step + 1e-9).floor() as usize).min(MOST_TICKS);
    let places = (-(step / factor).log10().floor()).clamp(0.0, 6.0) as usize;
    let tick = |number: usize| {
        let at = lo + step * number as f64;
        let shown = at / factor;
        // Rounding may leave a zero a hair below zero.
        let shown = if shown.abs() < step / factor * 1e-6 { 0.0 } else { shown };
        let text = if shown.abs() >= 1e9 { format!("{shown:e}") } else { format!("{shown:.places$}") };
        Tick { at, text: text.replace('-', "−") }
    };
    (0..=count).map(tick).collect()
}

fn prefix(largest: f64, unit: &str) -> (f64, &'static str) {
    let counts = ["records", "records/s"].contains(&unit);
    match largest {
        largest if !counts || largest < 1e4 => (1.0, ""),
        largest if largest < 1e7 => (1e3, "thousand "),
        largest if largest < 1e10 => (1e6, "million "),
        _ => (1e9, "billion "),
    }
}

fn written(value: f64) -> String {
    if (1e-4..1e7).contains(&value) { short(value) } else { format!("{value:.0e}") }
}
