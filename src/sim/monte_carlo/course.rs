//! What happens from one failure to the next, event by event.

use super::chance::Chance;
use super::policy::{First, Intervals};
use super::spread::Source;
use super::{Counts, Setup};
use crate::error::Result;

/// Whether to go on is asked once in so many events.
const LOOK_EVERY: u64 = 1 << 20;

/// Where the time between two failures went, in seconds, and what happened in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gap {
    pub length_s: f64,
    pub useful_s: f64,
    pub checkpoints_s: f64,
    pub rework_s: f64,
    pub restart_s: f64,
    pub counts: Counts,
}

/// A job under way.
#[derive(Debug)]
pub(super) struct Course<'a> {
    setup: &'a Setup,
    chance: Chance,
    cost: Source<'a>,
    restart: Source<'a>,
    intervals: Intervals<'a>,
    total: Counts,
    checkpoints_s: f64,
    next_look: u64,
}

impl<'a> Course<'a> {
    pub(super) fn new(setup: &'a Setup, seed: u64) -> Self {
        Self {
            setup,
            chance: Chance::new(seed),
            cost: setup.cost.source(),
            restart: setup.restart.source(),
            intervals: Intervals::new(&setup.policy, setup.law.mean_s()),
            total: Counts::default(),
            checkpoints_s: 0.0,
            next_look: LOOK_EVERY,
        }
    }

    /// A failure, and all until the next.
    pub(super) fn next(&mut self) -> Gap {
        let length_s = self.setup.law.gap_s(self.total.failures, &mut self.chance);
        let restart_s = self.restart.draw(&mut self.chance) + self.setup.depth_delay_s;
        let gap = if restart_s < length_s {
            self.intervals.restart(self.checkpoints_s, self.total.checkpoints);
            self.up(length_s, restart_s)
        } else {
            let counts = Counts { failures: 1, ..Counts::default() };
            Gap { length_s, restart_s: length_s, counts, ..Gap::default() }
        };
        self.total.failures += 1;
        self.total.restarts += gap.counts.restarts;
        self.total.checkpoints += gap.counts.checkpoints;
        self.checkpoints_s += gap.checkpoints_s;
        gap
    }

    fn up(&mut self, length_s: f64, restart_s: f64) -> Gap {
        let up_s = length_s - restart_s;
        let (useful_s, checkpoints_s, checkpoints) = match self.setup.duration_s {
            None => self.charged(up_s),
            Some(duration_s) => self.lasting(up_s, duration_s),
        };
        let rework_s = up_s - useful_s - checkpoints_s;
        let counts = Counts { checkpoints, failures: 1, restarts: 1 };
        Gap { length_s, useful_s, checkpoints_s, rework_s, restart_s, counts }
    }

    /// Checkpoints as the formulas have them: work saved, their cost, their number.
    fn charged(&mut self, up_s: f64) -> (f64, f64, u64) {
        let pause_s = self.setup.min_pause_s;
        let (mut saved_s, mut cost_s, mut checkpoints) = (0.0, 0.0, 0);
        let mut own_s = self.cost.draw(&mut self.chance);
        let whole_s = self.intervals.next_s().max(own_s + pause_s);
        let mut at_s = self.first_s(whole_s);
        while at_s <= up_s {
            cost_s += own_s;
            saved_s = at_s - cost_s;
            checkpoints += 1;
            own_s = self.cost.draw(&mut self.chance);
            at_s += self.intervals.next_s().max(own_s + pause_s);
        }
        (saved_s, cost_s, checkpoints)
    }

    /// Checkpoints that take time from their trigger to their completion: work saved, their cost, their number.
    fn lasting(&mut self, up_s: f64, duration_s: f64) -> (f64, f64, u64) {
        let pause_s = self.setup.min_pause_s;
        let (mut saved_s, mut cost_s, mut checkpoints) = (0.0, 0.0, 0);
        let whole_s = self.intervals.next_s().max(pause_s);
        let mut trigger_s = self.first_s(whole_s);
        loop {
            let own_s = self.cost.draw(&mut self.chance);
            let takes_s = own_s.max(duration_s);
            if trigger_s + takes_s > up_s {
                return (saved_s, cost_s, checkpoints);
            }
            saved_s = trigger_s - cost_s;
            cost_s += own_s;
            checkpoints += 1;
            trigger_s += self.intervals.next_s().max(takes_s + pause_s);
        }
    }

    fn first_s(&mut self, interval_s: f64) -> f64 {
        match self.setup.first {
            First::Interval => interval_s,
            First::Random => {
                let pause_s = self.setup.min_pause_s;
                pause_s + (interval_s - pause_s) * self.chance.uniform()
            }
        }
    }

    /// Asks whether to go on, where it is time to.
    pub(super) fn look(&mut self, go_on: &impl Fn() -> Result<()>) -> Result<()> {
        let events = self.total.events();
        if events < self.next_look {
            return Ok(());
        }
        self.next_look = events + LOOK_EVERY;
        go_on()
    }
}
