//! What Flink counts at the source of a job that nothing describes, and that may carry no probe.
//!
//! The answer about a vertex tells attempt and counter of each subtask together, so that a counter is never taken for
//! that of another attempt. It carries no stamp: after a TaskManager is lost Flink repeats what it fetched last. So a
//! count is written down when it is new, and not when it is the same as before: that is a sample missing, not one
//! repeated. Its time is that of the answer, an upper bound.

use std::collections::BTreeMap;

use super::SourceVertex;
use super::gaps::Gaps;
use super::outlet::Outlet;
use super::pace::Poller;
use crate::error::Result;
use crate::flink::{Flink, VertexDetails};
use crate::record::{RECORDS_OUT, Sample, Value};

/// Looks at a running source that sends nothing on before that is told.
const LOOKS_BEFORE_NOTE: u32 = 120;

pub(super) struct SourceCounter {
    flink: Flink,
    job: String,
    source: SourceVertex,
    outlet: Outlet,
    gaps: Gaps,
    /// Attempt and count of each subtask, as last written down.
    seen: BTreeMap<u32, (u32, f64)>,
    silent_looks: u32,
}

impl SourceCounter {
    pub(super) fn new(flink: &Flink, job: &str, source: &SourceVertex, outlet: &Outlet) -> Self {
        Self {
            flink: flink.clone(),
            job: job.to_owned(),
            source: source.clone(),
            outlet: outlet.clone(),
            gaps: Gaps::new("counters of the source", outlet),
            seen: BTreeMap::new(),
            silent_looks: 0,
        }
    }

    /// Told once: figures would be missing without a word.
    fn note_silence(&mut self) -> Result<()> {
        let is_silent = self.seen.values().all(|(_, count)| *count == 0.0);
        self.silent_looks = if is_silent { self.silent_looks.saturating_add(1) } else { 0 };
        if self.silent_looks != LOOKS_BEFORE_NOTE {
            return Ok(());
        }
        self.outlet.warn(
            "the source sends nothing on to another vertex, so Flink counts nothing of it: its load is too small, or all \
             operators are chained into one vertex; the probe would tell more"
                .to_owned(),
        )
    }
}

impl Poller for SourceCounter {
    async fn poll(&mut self) -> Result<()> {
        let answer = self.flink.vertex(&self.job, &self.source.id).await;
        let Some(vertex) = self.gaps.bridge(answer)? else { return Ok(()) };
        let values = news(&mut self.seen, &vertex);
        if !values.is_empty() {
            let at_epoch_ms = self.outlet.clock.now_epoch_ms();
            self.outlet.sample(Sample { source: "flink".to_owned(), at_epoch_ms, values })?;
        }
        self.note_silence()
    }
}

/// The counts that were not seen before.
fn news(seen: &mut BTreeMap<u32, (u32, f64)>, vertex: &VertexDetails) -> Vec<Value> {
    let mut values = Vec::new();
    for subtask in &vertex.subtasks {
        let Some(count) = subtask.records_out() else { continue };
        let now = (subtask.attempt, count);
        // An attempt that was lost with its TaskManager reads 0 from then on; it counted no less for that.
        if seen.get(&subtask.subtask).is_none_or(|before| before.0 != now.0 || before.1 < now.1) {
            seen.insert(subtask.subtask, now);
            values.push(Value(RECORDS_OUT.to_owned(), Some(subtask.subtask), Some(subtask.attempt), count));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(subtasks: &[(u32, u32, f64, bool)]) -> VertexDetails {
        let subtasks: Vec<_> = subtasks
            .iter()
            .map(|(subtask, attempt, count, complete)| {
                serde_json::json!({"subtask": subtask, "attempt": attempt, "status": "RUNNING",
                    "metrics": {"write-records": count, "write-records-complete": complete}})
            })
            .collect();
        serde_json::from_value(serde_json::json!({"id": "v", "name": "src", "subtasks": subtasks})).expect("a vertex")
    }

    #[test]
    fn a_count_is_taken_when_it_is_new_and_with_its_own_attempt() {
        let mut seen = BTreeMap::new();
        let mut told = |subtasks: &[(u32, u32, f64, bool)]| {
            let values = news(&mut seen, &vertex(subtasks));
            values.into_iter().map(|value| (value.1, value.2, value.3)).collect::<Vec<_>>()
        };
        assert_eq!(told(&[(0, 0, 5.0, true), (1, 0, 0.0, false)]), [(Some(0), Some(0), 5.0)]);
        assert_eq!(told(&[(0, 0, 5.0, true), (1, 0, 0.0, true)]), [(Some(1), Some(0), 0.0)]);
        assert_eq!(told(&[(0, 0, 5.0, true), (1, 0, 0.0, true)]), [], "what is repeated is missing");
        assert_eq!(told(&[(0, 0, 0.0, true), (1, 0, 0.0, true)]), [], "an attempt counts no less than before");
        assert_eq!(told(&[(0, 1, 0.0, true), (1, 1, 9.0, true)]), [(Some(0), Some(1), 0.0), (Some(1), Some(1), 9.0)]);
    }
}
