//! Where a series has left its warm-up: MSER-5 (White 1997; White, Cobb and Spratt 2000).
//!
//! The values are brought together in fives, and the cut is where the mean of what remains is known best: the one with
//! the smallest Σ(z - mean)²/m² over the m fives that remain. Cutting more drops transient values, cutting too much
//! leaves few. A smallest one in the later half says that the series is too short to tell: the transient may fill it.

const BATCH: usize = 5;

/// Fives, below which a cut would follow from chance.
const FEWEST: usize = 10;

/// How many values to leave out at the start; None for a series too short to tell.
#[must_use]
pub fn warm_up_cut(values: &[f64]) -> Option<usize> {
    let batches: Vec<f64> =
        values.as_chunks::<BATCH>().0.iter().map(|five| five.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < FEWEST {
        return None;
    }
    let errors = squared_errors(&batches);
    // The last few spread little by chance, whatever came before.
    let candidates = &errors[..errors.len() - BATCH];
    let best = candidates.iter().copied().reduce(f64::min)?;
    // Of equal ones the first: a series without any spread is cut nowhere.
    let cut = candidates.iter().position(|&error| error == best)?;
    (cut <= batches.len() / 2).then_some(cut * BATCH)
}

/// Of each number of batches left out: Σ(z - mean)²/m² of the m others, summed from the end by Welford's recurrence.
fn squared_errors(batches: &[f64]) -> Vec<f64> {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut errors: Vec<f64> = batches
        .iter()
        .rev()
        .map(|&batch| {
            count += 1.0;
            let step = batch - mean;
            mean += step / count;
            squares += step * (batch - mean);
            squares / (count * count)
        })
        .collect();
    errors.reverse();
    errors
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha12Rng;
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;

    /// An autoregression of order 1 around 10, with `transient` added at the start that decays by `decay` a step.
    fn series(length: usize, transient: f64, decay: f64, seed: u64) -> Vec<f64> {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let (mut state, mut added) = (0.0, transient);
        (0..length)
            .map(|_| {
                state = 0.5 * state + Normal::standard().inverse_cdf(random.random_range(1e-12..1.0));
                added *= decay;
                10.0 + state + added
            })
            .collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn the_cut_leaves_out_a_transient_and_takes_its_bias_away() {
        // Of 40 above at the start, less than half a standard deviation is left after 85 values.
        let all: Vec<Vec<f64>> = (0..100).map(|seed| series(400, 40.0, 0.95, seed)).collect();
        let cut: Vec<&[f64]> = all.iter().filter_map(|values| Some(&values[warm_up_cut(values)?..])).collect();
        assert!(cut.len() >= 90, "{} of 100", cut.len());
        assert!(cut.iter().all(|rest| (200..=360).contains(&rest.len())));
        let bias = |of: &mut dyn Iterator<Item = f64>| mean(&of.collect::<Vec<_>>()) - 10.0;
        let before = bias(&mut all.iter().map(|values| mean(values)));
        let after = bias(&mut cut.iter().map(|rest| mean(rest)));
        assert!(before > 1.5 && after.abs() < 0.15, "{before} before, {after} after");
    }

    #[test]
    fn little_is_cut_of_a_series_that_was_steady_from_the_start() {
        let cuts: Vec<Option<usize>> = (0..100).map(|seed| warm_up_cut(&series(400, 0.0, 0.9, seed))).collect();
        let small = cuts.iter().filter(|cut| cut.is_some_and(|cut| cut <= 100)).count();
        assert!(small >= 75, "{small} of 100");
    }

    #[test]
    fn a_step_is_cut_at_the_next_five() {
        let mut values = vec![9.0; 33];
        values.extend([1.0; 67]);
        assert_eq!(warm_up_cut(&values), Some(35));
        assert_eq!(warm_up_cut(&[4.0; 50]), Some(0));
    }

    #[test]
    fn what_is_too_short_or_never_settles_has_no_cut() {
        assert_eq!(warm_up_cut(&[1.0; 49]), None);
        assert_eq!(warm_up_cut(&[]), None);
        let rising: Vec<f64> = (0..100).map(|i| f64::from(i * i)).collect();
        assert_eq!(warm_up_cut(&rising), None);
    }

    proptest! {
        /// The published sum, taken anew for each cut.
        #[test]
        fn it_is_the_cut_of_the_formula(values in proptest::collection::vec(-1e3..1e3_f64, 50..120)) {
            let batches: Vec<f64> = values.chunks_exact(5).map(mean).collect();
            let of = |rest: &[f64]| {
                let centre = mean(rest);
                rest.iter().map(|z| (z - centre).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
            };
            for (cut, error) in squared_errors(&batches).into_iter().enumerate() {
                let expected = of(&batches[cut..]);
                prop_assert!((error - expected).abs() <= 1e-9 * (1.0 + expected), "{} is not {}", error, expected);
            }
        }
    }
}
