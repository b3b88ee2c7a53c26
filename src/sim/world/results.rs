//! Rows of closed windows on their way to a consumer.
//!
//! Under an exactly-once sink a row lies in a transaction until a checkpoint that was triggered after its window
//! closed is complete. Either sink flushes with a checkpoint: once one is complete, no row from before it can
//! be lost with the attempt.

use std::collections::{HashSet, VecDeque};

use super::super::queue::Event;
use super::super::windows::WindowTotal;
use super::World;

#[derive(Debug, Default)]
pub(super) struct Results {
    /// Closed, and not yet written.
    unwritten: Vec<Row>,
    /// Written into a transaction.
    uncommitted: Vec<Row>,
    /// Readable, and not yet read; in the order of the topic.
    unread: VecDeque<Row>,
    last_visible_ms: f64,
    /// Starts of windows that a consumer has a row of.
    seen: HashSet<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    window: u64,
    total: WindowTotal,
    written_ms: f64,
    visible_ms: f64,
}

impl Results {
    pub(super) fn has_seen(&self, window_start_epoch_ms: i64) -> bool {
        self.seen.contains(&window_start_epoch_ms)
    }
}

impl World {
    pub(super) fn row_due(&mut self, window: u64, total: WindowTotal) {
        let latency = self.noise.around(self.conduct.window_latency_ms, self.conduct.window_latency_spread);
        let written_ms = self.now_ms + latency;
        let Some(run) = &mut self.run else { return };
        run.results.unwritten.push(Row { window, total, written_ms, visible_ms: f64::INFINITY });
        self.plan(latency, Event::RowsWritten);
    }

    pub(super) fn rows_written(&mut self) {
        let now_ms = self.now_ms;
        let Some(run) = &mut self.run else { return };
        let written: Vec<Row> = run.results.unwritten.extract_if(.., |row| row.written_ms <= now_ms).collect();
        if run.job.exactly_once {
            run.results.uncommitted.extend(written);
        } else {
            self.publish(written, 0.0);
        }
    }

    /// A checkpoint that holds every window before `next_window` as closed is complete.
    pub(super) fn seal_rows(&mut self, next_window: u64) {
        let now_ms = self.now_ms;
        let Some(run) = &mut self.run else { return };
        let flushed = run.results.unwritten.extract_if(.., |row| row.window < next_window);
        let mut sealed: Vec<Row> = flushed.map(|row| Row { written_ms: now_ms, ..row }).collect();
        let wait_ms = if run.job.exactly_once { self.conduct.commit_ms } else { 0.0 };
        let committed = run.results.uncommitted.extract_if(.., |row| row.window < next_window);
        sealed.splice(0..0, committed.collect::<Vec<Row>>());
        self.publish(sealed, wait_ms);
    }

    /// An attempt has ended: what it had not written, or not committed, is lost.
    pub(super) fn lose_rows(&mut self) {
        let Some(run) = &mut self.run else { return };
        run.results.unwritten.clear();
        run.results.uncommitted.clear();
    }

    fn publish(&mut self, rows: Vec<Row>, wait_ms: f64) {
        for row in rows {
            let read_ms = self.noise.around(self.conduct.read_latency_ms, self.conduct.window_latency_spread);
            let now_ms = self.now_ms;
            let Some(run) = &mut self.run else { return };
            // A consumer gets rows in the order of the topic.
            let visible_ms = (now_ms + wait_ms + read_ms).max(run.results.last_visible_ms);
            run.results.last_visible_ms = visible_ms;
            run.results.unread.push_back(Row { visible_ms, ..row });
            self.queue.plan(visible_ms, Event::RowsVisible);
        }
    }

    pub(super) fn rows_visible(&mut self) {
        while let Some(run) = &mut self.run {
            if run.results.unread.front().is_none_or(|row| row.visible_ms > self.now_ms) {
                return;
            }
            let Some(row) = run.results.unread.pop_front() else { return };
            run.results.seen.insert(row.total.window_start_epoch_ms);
            self.tell_row(&row.total, row.written_ms, row.visible_ms);
        }
    }
}
