//! Checkpoints that cprun asks for itself: they belong in no c and no T_real, so they must be told apart.
//!
//! Flink shows them like any other. Their id is known only when they are done, and by then the history may
//! have been read: so while one is under way, the collector keeps back what has ended meanwhile.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::flink::{CheckpointKind, Flink};

/// Shared by those who trigger and by the collector.
#[derive(Debug, Default)]
pub struct ManualCheckpoints {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    under_way: usize,
    ids: BTreeSet<u64>,
}

impl ManualCheckpoints {
    /// Takes a checkpoint now; returns its id once it is complete.
    pub async fn trigger(&self, flink: &Flink, job: &str, wait: Duration) -> Result<u64> {
        let _under_way = UnderWay::begin(self);
        let id = flink.trigger_checkpoint(job, CheckpointKind::Configured, wait).await?;
        self.lock().ids.insert(id);
        Ok(id)
    }

    /// Whether it is known that this checkpoint was asked for.
    #[must_use]
    pub fn knows(&self, id: u64) -> bool {
        self.lock().ids.contains(&id)
    }

    /// Whether this checkpoint was asked for; `None` as long as that cannot be told.
    pub(super) fn holds(&self, id: u64) -> Option<bool> {
        let inner = self.lock();
        match inner.ids.contains(&id) {
            false if inner.under_way > 0 => None,
            held => Some(held),
        }
    }

    /// Nothing panics while the lock is held, and sets are never half written.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a trigger as under way until it ends, by being cancelled too.
struct UnderWay<'a>(&'a ManualCheckpoints);

impl<'a> UnderWay<'a> {
    fn begin(manual: &'a ManualCheckpoints) -> Self {
        manual.lock().under_way += 1;
        Self(manual)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
    }
}
