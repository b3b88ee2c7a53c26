//! Which TaskManagers are registered, and between which two looks that changed.
//!
//! `lo` is when the last request that still saw the old list was *sent*, `hi` when the answer with the new one
//! had *arrived*: the JobManager looked at its list at an unknown moment in between.

use super::gaps::Gaps;
use super::outlet::Outlet;
use super::pace::Poller;
use crate::error::Result;
use crate::flink::Flink;
use crate::record::{EpochMs, State};

pub(super) struct TaskManagerWatch {
    flink: Flink,
    outlet: Outlet,
    gaps: Gaps,
    last: Option<Look>,
}

struct Look {
    sent: EpochMs,
    ids: Vec<String>,
}

impl TaskManagerWatch {
    pub(super) fn new(flink: &Flink, outlet: &Outlet) -> Self {
        Self {
            flink: flink.clone(),
            outlet: outlet.clone(),
            gaps: Gaps::new("list of TaskManagers", outlet),
            last: None,
        }
    }
}

impl Poller for TaskManagerWatch {
    async fn poll(&mut self) -> Result<()> {
        let sent = self.outlet.clock.now_epoch_ms();
        let answer = self.flink.taskmanagers().await;
        let arrived = self.outlet.clock.now_epoch_ms();
        let Some(taskmanagers) = self.gaps.bridge(answer)? else { return Ok(()) };
        let mut ids: Vec<String> = taskmanagers.into_iter().map(|taskmanager| taskmanager.id).collect();
        ids.sort();
        self.outlet.show(|live| live.taskmanagers = Some(ids.len()));
        if self.last.as_ref().is_none_or(|last| last.ids != ids) {
            let lo_epoch_ms = self.last.as_ref().map_or(sent, |last| last.sent);
            self.outlet.state(State::Taskmanagers { ids: ids.clone(), lo_epoch_ms, hi_epoch_ms: arrived })?;
        }
        self.last = Some(Look { sent, ids });
        Ok(())
    }
}
