//! U and its interval from batches of cycles.
//!
//! U is a ratio of sums, work over time. Its variance is that of the residuals of the batches (the delta method), and
//! the interval is Student's t. Batches instead of single cycles, because where T follows what was seen one cycle
//! depends on those before it.

use super::course::Gap;
use super::{Counts, Lost, Outcome};
use crate::analysis::statistics::{Figure, ratio};

/// From so many on, Student's t gains nothing by more.
const MOST_BATCHES: u64 = 100;

#[derive(Debug)]
pub(super) struct Batches {
    cycles: u64,
    /// Work and time of each batch, in seconds.
    sums: Vec<(f64, f64)>,
    lost_s: Lost,
    counts: Counts,
}

impl Batches {
    /// For so many cycles.
    pub(super) fn of(cycles: u64) -> Self {
        let batches = cycles.min(MOST_BATCHES) as usize;
        Self { cycles, sums: vec![(0.0, 0.0); batches], lost_s: Lost::default(), counts: Counts::default() }
    }

    pub(super) fn add(&mut self, cycle: u64, gap: &Gap) {
        let place = u128::from(cycle) * self.sums.len() as u128 / u128::from(self.cycles);
        let (useful_s, length_s) = &mut self.sums[place as usize];
        *useful_s += gap.useful_s;
        *length_s += gap.length_s;
        self.lost_s.checkpoints += gap.checkpoints_s;
        self.lost_s.rework += gap.rework_s;
        self.lost_s.restart += gap.restart_s;
        self.counts.checkpoints += gap.counts.checkpoints;
        self.counts.failures += gap.counts.failures;
        self.counts.restarts += gap.counts.restarts;
    }

    /// U as it came out, also below zero. There is time in every cycle, so there is a ratio.
    fn raw(&self) -> Figure {
        ratio(&self.sums).unwrap_or_else(|| Figure::bare(0.0, 0))
    }

    /// Of the interval of U; none of a single batch.
    pub(super) fn half_width(&self) -> Option<f64> {
        let raw = self.raw();
        Some((raw.hi? - raw.lo?) / 2.0)
    }

    pub(super) fn outcome(&self) -> Outcome {
        let raw = self.raw();
        let length_s: f64 = self.sums.iter().map(|(_, length_s)| length_s).sum();
        let within = |share: f64| share.clamp(0.0, 1.0);
        Outcome {
            utilization: Figure {
                value: within(raw.value),
                lo: raw.lo.map(within),
                hi: raw.hi.map(within),
                n: self.counts.failures,
            },
            lost_to: Lost {
                checkpoints: self.lost_s.checkpoints / length_s,
                rework: self.lost_s.rework / length_s,
                restart: self.lost_s.restart / length_s,
            },
            counts: self.counts,
        }
    }
}
