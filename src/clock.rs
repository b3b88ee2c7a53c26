//! One clock for everything that a run writes down.
//!
//! Wall-clock time is read once; after that only the monotonic clock moves it. A step of the system's clock
//! in the middle of a run would otherwise shift faults against samples; its drift within a run stays below
//! a millisecond in the hours that a run lasts.
//!
//! The instants are tokio's: within a simulation they are virtual, everywhere else they are the system's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::record::EpochMs;

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Instant,
    anchor_epoch: Duration,
}

impl Clock {
    #[must_use]
    pub fn start() -> Self {
        // A clock before 1970 has no meaning for any file we write; it reads as 1970.
        let anchor_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { anchor: Instant::now(), anchor_epoch }
    }

    /// On a whole second, and so on a whole tick of every timer: what a simulation rounds then does not depend on when
    /// it was started.
    #[must_use]
    pub fn simulated() -> Self {
        let clock = Self::start();
        Self { anchor_epoch: Duration::from_secs(clock.anchor_epoch.as_secs()), ..clock }
    }

    #[must_use]
    pub fn epoch(&self) -> Duration {
        self.anchor_epoch + self.anchor.elapsed()
    }

    #[must_use]
    pub fn now_epoch_ms(&self) -> EpochMs {
        self.epoch().as_secs_f64() * 1e3
    }

    /// Nanoseconds since the run began.
    #[must_use]
    pub fn mono_ns(&self) -> u64 {
        u64::try_from(self.anchor.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The instant at which this clock shows `epoch_ms`; now, where that lies before the run.
    #[must_use]
    pub fn instant_at(&self, epoch_ms: EpochMs) -> Instant {
        let since = epoch_ms / 1e3 - self.anchor_epoch.as_secs_f64();
        self.anchor + Duration::try_from_secs_f64(since).unwrap_or_default()
    }
}
