//! The uncertainty of a figure that is computed from others (U and T* from c and R), by drawing those.
//!
//! Each input is drawn so that its own interval holds 95 % of the draws: the logarithm of the value spreads
//! normally, with the width of each side taken from that end. An input whose interval reaches zero is drawn
//! on the plain scale and cut at zero.
//!
//! The interval of an input from few values is wide because its spread is hardly known, by Student's t. Two inputs
//! seldom have their spreads underestimated at once, so of a figure of both, less is needed: the degrees of freedom
//! are Welch and Satterthwaite's, with the inputs' shares in the figure's variance, and all inputs are drawn that wide.
//!
//! Each input is drawn from a seed of its own: whatever is computed from the same input sees the same draws, so
//! that one number in two tables has one interval, and a table of models compares like with like.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::quantile::quantile_of_sorted;
use super::{CONFIDENCE, Figure, Scale, normal_reach, student};

const DRAWS: usize = 1000;

/// A figure that others are computed from, with the seed of its draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    pub figure: Figure,
    pub seed: u64,
    /// How many figures were taken from its values: a mean is one, a line has two. Its degrees of freedom are n less that.
    pub estimates: u32,
}

/// `formula` at the inputs' values, with the central 95 % of it over draws of them.
///
/// None where the formula has no value there. There is no interval where an input has none, or where more
/// draws than lie outside 95 % have no value.
pub fn simulate(inputs: &[Input], formula: impl Fn(&[f64]) -> Option<f64>) -> Option<Figure> {
    let values: Vec<f64> = inputs.iter().map(|input| input.figure.value).collect();
    let value = formula(&values)?;
    let n = inputs.iter().map(|input| input.figure.n).min().unwrap_or(0);
    let interval = interval(inputs, formula);
    Some(Figure { value, lo: interval.map(|(lo, _)| lo.min(value)), hi: interval.map(|(_, hi)| hi.max(value)), n })
}

fn interval(inputs: &[Input], formula: impl Fn(&[f64]) -> Option<f64>) -> Option<(f64, f64)> {
    let spreads: Vec<Spread> = inputs.iter().map(Spread::of).collect::<Option<_>>()?;
    let stretch = student(freedom(&spreads, &formula))? / normal_reach();
    let mut random: Vec<ChaCha12Rng> = inputs.iter().map(|input| ChaCha12Rng::seed_from_u64(input.seed)).collect();
    let mut outcomes = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let drawn: Vec<f64> =
            spreads.iter().zip(&mut random).map(|(spread, random)| spread.at(stretch * normal(random))).collect();
        outcomes.extend(formula(&drawn));
    }
    if (outcomes.len() as f64) < CONFIDENCE * DRAWS as f64 {
        return None;
    }
    outcomes.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some((quantile_of_sorted(&outcomes, tail), quantile_of_sorted(&outcomes, 1.0 - tail)))
}

fn normal(random: &mut ChaCha12Rng) -> f64 {
    Normal::standard().inverse_cdf(random.random_range(1e-9..1.0))
}

/// Welch and Satterthwaite's, from how far each input alone moves the outcome within its standard error.
fn freedom(spreads: &[Spread], formula: impl Fn(&[f64]) -> Option<f64>) -> f64 {
    let values: Vec<f64> = spreads.iter().map(|spread| spread.value).collect();
    let moved = |place: usize, deviations: f64| {
        let mut values = values.clone();
        values[place] = spreads[place].at(deviations);
        formula(&values)
    };
    let (mut variance, mut squares) = (0.0, 0.0);
    for (place, spread) in spreads.iter().enumerate() {
        let share = moved(place, 1.0).zip(moved(place, -1.0)).map_or(0.0, |(above, below)| (above - below).powi(2));
        variance += share;
        squares += share * share / spread.freedom;
    }
    let fewest = spreads.iter().map(|spread| spread.freedom).fold(f64::INFINITY, f64::min);
    // What nothing moves, or moves only out of its domain, is known as well as its least known input.
    if squares > 0.0 { variance * variance / squares } else { fewest }
}

/// How one input spreads, per standard error below and above its value.
struct Spread {
    value: f64,
    below: f64,
    above: f64,
    scale: Scale,
    freedom: f64,
}

impl Spread {
    /// None where the figure has no interval.
    fn of(input: &Input) -> Option<Self> {
        let figure = &input.figure;
        let (value, lo, hi) = (figure.value, figure.lo?, figure.hi?);
        let freedom = (figure.n as f64 - f64::from(input.estimates)).max(1.0);
        let reach = student(freedom)?;
        let (scale, below, above) = if lo > 0.0 {
            (Scale::Log, (value / lo).ln(), (hi / value).ln())
        } else {
            (Scale::Linear, value - lo, hi - value)
        };
        Some(Self { value, below: below / reach, above: above / reach, scale, freedom })
    }

    fn at(&self, deviations: f64) -> f64 {
        let moved = deviations * if deviations < 0.0 { self.below } else { self.above };
        match self.scale {
            Scale::Log => self.value * moved.exp(),
            Scale::Linear => (self.value + moved).max(0.0),
        }
    }
}
