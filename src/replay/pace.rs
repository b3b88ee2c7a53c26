//! When a record is due, and when it may go.
//!
//! By `Schedule` the two are the same. `Burst` is the published study's sender, kept to repeat its figures:
//! every second it sends the rows of `speed` seconds (two hours at 7200 times) at once, and then sleeps for a
//! second, so that each round lasts a second and the time that sending took. A burst is due when it would go
//! if sending took no time; its lateness is the drift.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    #[default]
    Schedule,
    Burst,
}

impl fmt::Display for Pacing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Schedule => "schedule",
            Self::Burst => "burst",
        })
    }
}

impl FromStr for Pacing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "schedule" => Ok(Self::Schedule),
            "burst" => Ok(Self::Burst),
            other => {
                Err(Error::script(format!("there is no pacing `{other}`"))
                    .hint("take pacing \"schedule\" or \"burst\""))
            }
        }
    }
}

const SECOND_NS: u64 = 1_000_000_000;

/// The schedule of one replay; all times are nanoseconds on the run's monotonic clock.
#[derive(Clone, Debug)]
pub struct Pace {
    event_0_epoch_ms: i64,
    speed: f64,
    pacing: Pacing,
    start_ns: u64,
    /// Of the next burst.
    burst: u64,
    burst_from_ns: u64,
}

impl Pace {
    /// `speed` is positive and finite.
    pub fn new(event_0_epoch_ms: i64, speed: f64, pacing: Pacing, start_ns: u64) -> Self {
        Self { event_0_epoch_ms, speed, pacing, start_ns, burst: 0, burst_from_ns: start_ns }
    }

    pub fn due_ns(&self, event_epoch_ms: i64) -> u64 {
        let since_ms = (event_epoch_ms - self.event_0_epoch_ms) as f64;
        let since_ns = match self.pacing {
            Pacing::Schedule => (since_ms * 1e6 / self.speed).round() as u64,
            Pacing::Burst => ((since_ms / (self.speed * 1e3)).floor() as u64).saturating_mul(SECOND_NS),
        };
        self.start_ns.saturating_add(since_ns)
    }

    /// Records due up to this time may go at `now_ns`; nothing may before the start.
    pub fn limit_ns(&self, now_ns: u64) -> Option<u64> {
        match self.pacing {
            Pacing::Schedule => (now_ns >= self.start_ns).then_some(now_ns),
            Pacing::Burst => (now_ns >= self.burst_from_ns).then(|| self.start_ns + self.burst * SECOND_NS),
        }
    }

    /// Everything up to the limit has gone at `now_ns`; a burst sleeps from here.
    pub fn sent_to_limit(&mut self, now_ns: u64) {
        if self.pacing == Pacing::Burst && now_ns >= self.burst_from_ns {
            self.burst += 1;
            self.burst_from_ns = now_ns + SECOND_NS;
        }
    }

    /// When a record due at `due_ns` may go at the earliest.
    pub fn wake_ns(&self, due_ns: u64) -> u64 {
        match self.pacing {
            Pacing::Schedule => due_ns,
            Pacing::Burst => self.burst_from_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_due_at_its_distance_over_the_speed() {
        let pace = Pace::new(1_000, 7_200.0, Pacing::Schedule, 50);
        assert_eq!(pace.due_ns(1_000), 50);
        assert_eq!(pace.due_ns(1_000 + 7_200_000), 50 + SECOND_NS);
        assert_eq!((pace.limit_ns(49), pace.limit_ns(60)), (None, Some(60)));
        assert_eq!(pace.due_ns(i64::MAX), u64::MAX);
    }

    #[test]
    fn a_burst_goes_at_once_and_the_next_a_second_after_its_end() {
        let mut pace = Pace::new(0, 7_200.0, Pacing::Burst, 0);
        assert_eq!((pace.due_ns(7_199_999), pace.due_ns(7_200_000)), (0, SECOND_NS));
        assert_eq!(pace.limit_ns(5), Some(0));
        pace.sent_to_limit(300);
        assert_eq!((pace.limit_ns(SECOND_NS), pace.wake_ns(SECOND_NS)), (None, SECOND_NS + 300));
        assert_eq!(pace.limit_ns(SECOND_NS + 300), Some(SECOND_NS));
    }

    #[test]
    fn the_words_of_pacing_go_both_ways() {
        for pacing in [Pacing::Schedule, Pacing::Burst] {
            assert_eq!(pacing.to_string().parse::<Pacing>().unwrap(), pacing);
        }
        assert!("bursts".parse::<Pacing>().unwrap_err().hint.is_some());
    }
}
