//! The uncertainty of a figure that is computed from others (U and T* from c and R), by drawing those.
//!
//! Each input is drawn so that its own interval holds 95 % of the draws: the logarithm of the value spreads
//! normally, with the width of each side taken from that end. An input whose interval reaches zero is drawn
//! on the plain scale and cut at zero.
//!
//! Each input is drawn from a seed of its own: whatever is computed from the same input sees the same draws, so
//! that one number in two tables has one interval, and a table of models compares like with like.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::quantile::quantile_of_sorted;
use super::{CONFIDENCE, Figure};

const DRAWS: usize = 1000;

/// A figure that others are computed from, with the seed of its draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    pub figure: Figure,
    pub seed: u64,
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
    let mut draws: Vec<Draws> = inputs.iter().map(Draws::of).collect::<Option<_>>()?;
    let mut outcomes = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let drawn: Vec<f64> = draws.iter_mut().map(Draws::next).collect();
        outcomes.extend(formula(&drawn));
    }
    if (outcomes.len() as f64) < CONFIDENCE * DRAWS as f64 {
        return None;
    }
    outcomes.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some((quantile_of_sorted(&outcomes, tail), quantile_of_sorted(&outcomes, 1.0 - tail)))
}

/// The draws of one input.
struct Draws {
    spread: Spread,
    random: ChaCha12Rng,
}

impl Draws {
    /// None where the figure has no interval.
    fn of(input: &Input) -> Option<Self> {
        Some(Self { spread: Spread::of(&input.figure)?, random: ChaCha12Rng::seed_from_u64(input.seed) })
    }

    fn next(&mut self) -> f64 {
        self.spread.at(Normal::standard().inverse_cdf(self.random.random_range(1e-9..1.0)))
    }
}

/// How one input spreads, per standard deviation below and above its value.
enum Spread {
    Log { value: f64, below: f64, above: f64 },
    Linear { value: f64, below: f64, above: f64 },
}

impl Spread {
    /// None where the figure has no interval.
    fn of(figure: &Figure) -> Option<Self> {
        let (value, lo, hi) = (figure.value, figure.lo?, figure.hi?);
        let reach = Normal::standard().inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
        Some(if lo > 0.0 {
            Self::Log { value, below: (value / lo).ln() / reach, above: (hi / value).ln() / reach }
        } else {
            Self::Linear { value, below: (value - lo) / reach, above: (hi - value) / reach }
        })
    }

    fn at(&self, deviations: f64) -> f64 {
        let side = |below: f64, above: f64| deviations * if deviations < 0.0 { below } else { above };
        match *self {
            Self::Log { value, below, above } => value * side(below, above).exp(),
            Self::Linear { value, below, above } => (value + side(below, above)).max(0.0),
        }
    }
}
