//! The uncertainty of a figure that is computed from others (U and T* from c and R), by drawing those.
//!
//! Each input is drawn so that its own interval holds 95 % of the draws: the logarithm of the value spreads
//! normally, with the width of each side taken from that end. An input whose interval reaches zero is drawn
//! on the plain scale and cut at zero.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::quantile::quantile_of_sorted;
use super::{CONFIDENCE, Figure};

const DRAWS: usize = 1000;

/// `formula` at the inputs' values, with the central 95 % of it over draws of them.
///
/// None where the formula has no value there. There is no interval where an input has none, or where more
/// draws than lie outside 95 % have no value.
pub fn simulate(inputs: &[Figure], seed: u64, formula: impl Fn(&[f64]) -> Option<f64>) -> Option<Figure> {
    let values: Vec<f64> = inputs.iter().map(|figure| figure.value).collect();
    let value = formula(&values)?;
    let n = inputs.iter().map(|figure| figure.n).min().unwrap_or(0);
    let interval = interval(inputs, seed, formula);
    Some(Figure { value, lo: interval.map(|(lo, _)| lo.min(value)), hi: interval.map(|(_, hi)| hi.max(value)), n })
}

fn interval(inputs: &[Figure], seed: u64, formula: impl Fn(&[f64]) -> Option<f64>) -> Option<(f64, f64)> {
    let spreads: Vec<Spread> = inputs.iter().map(Spread::of).collect::<Option<_>>()?;
    let normal = Normal::standard();
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut outcomes = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let drawn: Vec<f64> =
            spreads.iter().map(|spread| spread.at(normal.inverse_cdf(random.random_range(1e-9..1.0)))).collect();
        outcomes.extend(formula(&drawn));
    }
    if (outcomes.len() as f64) < CONFIDENCE * DRAWS as f64 {
        return None;
    }
    outcomes.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some((quantile_of_sorted(&outcomes, tail), quantile_of_sorted(&outcomes, 1.0 - tail)))
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
