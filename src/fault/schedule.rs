//! When faults are due: seconds after the start of the measured phase, by the clock, whatever recoveries do.
//!
//! λ follows from the schedule, as one over its mean gap, and is not estimated from what happened. After the last
//! fault the phase goes on for one mean gap, so that its recovery is measured like the others.

use rand::{Rng, RngExt};

use crate::error::{Error, Result};

/// More faults than any experiment has, and few enough to be listed.
const MOST: u32 = 100_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Seconds from fault to fault: the period, the mean of the distribution, or the mean of the times given.
    pub mean_gap_s: f64,
    /// Ascending.
    pub due_s: Vec<f64>,
    /// Whether fault i is due just at i times the gap.
    pub is_even: bool,
}

impl Schedule {
    /// Fault i at i periods.
    pub fn every(period_s: f64, count: u32) -> Result<Self> {
        check("fault::every", "period", period_s, count)?;
        let due_s = (1..=count).map(|number| f64::from(number) * period_s).collect();
        Ok(Self { mean_gap_s: period_s, due_s, is_even: true })
    }

    /// At these times. The first gap is that from the start, so that the mean gap is the last time over their number.
    pub fn at(times_s: &[f64]) -> Result<Self> {
        let mut before = 0.0;
        for (place, time) in times_s.iter().enumerate() {
            if *time <= before {
                let error = Error::script(match place {
                    0 => format!("fault::at: the first fault is due at {time} s, but must come after the start"),
                    _ => format!("fault::at: {time} s comes after {before} s, but the times must ascend"),
                });
                return Err(error.hint("give times since the start of the measured phase, as in `[5.s, 20.s, 26.s]`"));
            }
            before = *time;
        }
        let mean_gap_s = if times_s.is_empty() { 0.0 } else { before / times_s.len() as f64 };
        Ok(Self { mean_gap_s, due_s: times_s.to_vec(), is_even: false })
    }

    /// A Poisson process: gaps drawn from the exponential distribution.
    pub fn poisson(mtbf_s: f64, count: u32, dice: &mut impl Rng) -> Result<Self> {
        check("fault::poisson", "mtbf", mtbf_s, count)?;
        let mut at_s = 0.0;
        let mut next = || {
            // 1 - u lies in (0, 1], whose logarithm is finite.
            at_s -= mtbf_s * (1.0 - dice.random::<f64>()).ln();
            at_s
        };
        Ok(Self { mean_gap_s: mtbf_s, due_s: (0..count).map(|_| next()).collect(), is_even: false })
    }

    /// How many faults there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        // `check` bounds it, and a script that lists more times than that has none left to run.
        u32::try_from(self.due_s.len()).unwrap_or(u32::MAX)
    }

    /// When the measured phase ends: one mean gap after the last fault; None without faults.
    #[must_use]
    pub fn ends_s(&self) -> Option<f64> {
        Some(self.due_s.last()? + self.mean_gap_s)
    }
}

fn check(who: &str, what: &str, gap_s: f64, count: u32) -> Result<()> {
    if gap_s <= 0.0 {
        return Err(Error::script(format!("{who}: `{what}` is {gap_s} s, but must be positive")));
    }
    if count > MOST {
        return Err(Error::script(format!("{who}: {count} faults are too many; {MOST} are the most")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn an_even_schedule_ends_a_period_after_its_last_fault() {
        let schedule = Schedule::every(25.0, 3).expect("right");
        assert_eq!((schedule.due_s.as_slice(), schedule.ends_s()), ([25.0, 50.0, 75.0].as_slice(), Some(100.0)));
        assert_eq!(Schedule::every(25.0, 0).expect("none").ends_s(), None);
        Schedule::every(0.0, 3).expect_err("no time between");
        Schedule::every(1.0, u32::MAX).expect_err("too many");
    }

    #[test]
    fn given_times_ascend_and_even_ones_have_the_mean_of_their_period() {
        let schedule = Schedule::at(&[5.0, 20.0, 26.0]).expect("right");
        assert_eq!(schedule.ends_s(), Some(26.0 + 26.0 / 3.0));
        assert_eq!(Schedule::at(&[25.0, 50.0, 75.0]).expect("right").mean_gap_s, 25.0);
        let message = |times: &[f64]| Schedule::at(times).expect_err("wrong").message;
        assert_eq!(message(&[5.0, 5.0]), "fault::at: 5 s comes after 5 s, but the times must ascend");
        assert!(message(&[0.0, 5.0]).contains("must come after the start"));
    }

    proptest! {
        #[test]
        fn poisson_times_ascend_and_follow_from_the_seed(seed: u64, mtbf_s in 0.001..1e6_f64, count in 0..200_u32) {
            let draw = || Schedule::poisson(mtbf_s, count, &mut ChaCha8Rng::seed_from_u64(seed)).expect("right");
            let schedule = draw();
            prop_assert_eq!(&schedule, &draw());
            prop_assert_eq!(schedule.count(), count);
            prop_assert!(schedule.due_s.iter().all(|due| due.is_finite() && *due >= 0.0));
            prop_assert!(schedule.due_s.is_sorted());
        }
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_the_exponential_distribution() {
        let schedule = Schedule::poisson(10.0, 20_000, &mut ChaCha8Rng::seed_from_u64(7)).expect("right");
        let from = std::iter::once(&0.0).chain(&schedule.due_s);
        let gaps: Vec<f64> = from.zip(&schedule.due_s).map(|(before, after)| after - before).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Four standard errors: 10/√20000 of the mean, and √8 times as much, relatively, of the variance.
        assert!((mean - 10.0).abs() < 0.3, "{mean}");
        assert!((variance.sqrt() - 10.0).abs() < 0.5, "{variance}");
    }
}
