//! How far the source stands behind the broker, in records, at the stamps of the probe.
//!
//! Lag = Σ over partitions of (end offset, interpolated between broker samples to the probe's stamp, minus
//! position). Each subtask has a stamp of its own, so a partition's lag is taken at the stamp of the subtask
//! that reads it, and a point appears when every reading subtask has been heard once more: one point a
//! sampling step, however many subtasks there are. Its time is the newest of their stamps.
//!
//! Undefined, and no point, is the lag from the moment a subtask falls silent until every partition has a
//! position of the newest attempt. Before the first record of an attempt its partitions stand at the restored
//! checkpoint, which the probe does not know.
//!
//! The same meter runs live, where it ends the warm-up, and over the journal.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::series::{ProbeSample, end_offsets};
use crate::record::{EpochMs, Sample};

/// How long broker samples are kept for probe samples that arrive late, in milliseconds.
const BROKER_MEMORY_MS: f64 = 60_000.0;

/// When, and the end offset of each partition.
type BrokerSample = (EpochMs, BTreeMap<u32, f64>);

/// The lag at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LagPoint {
    pub at_epoch_ms: EpochMs,
    /// Records.
    pub lag: f64,
    /// The attempt that all positions are of.
    pub attempt: u32,
}

/// Turns samples, as they come, into lag points.
#[derive(Debug, Default)]
pub struct LagMeter {
    /// End offsets by partition, in the order of time.
    broker: VecDeque<BrokerSample>,
    /// Probe samples that no later broker sample brackets yet.
    pending: Vec<ProbeSample>,
    newest_stamp: HashMap<(u32, u32), EpochMs>,
    attempt: u32,
    readers: BTreeMap<u32, Reader>,
}

/// What a subtask that reads partitions last told.
#[derive(Debug)]
struct Reader {
    lag_of: Vec<(u32, f64)>,
    at_epoch_ms: EpochMs,
    heard: bool,
}

impl LagMeter {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next sample, of any source; gives the points that it completes.
    pub fn push(&mut self, sample: &Sample) -> Vec<LagPoint> {
        if let Some(offsets) = end_offsets(sample) {
            self.take_broker(sample.at_epoch_ms, offsets);
        }
        for probe in ProbeSample::read(sample) {
            self.take_probe(probe);
        }
        let bracketed = self.bracketed();
        bracketed.into_iter().filter_map(|probe| self.settle(&probe)).collect()
    }

    fn take_broker(&mut self, at: EpochMs, offsets: Vec<(u32, f64)>) {
        self.broker.push_back((at, offsets.into_iter().collect()));
        while self.broker.front().is_some_and(|&(oldest, _)| oldest < at - BROKER_MEMORY_MS) {
            self.broker.pop_front();
        }
    }

    fn take_probe(&mut self, probe: ProbeSample) {
        let newest = self.newest_stamp.entry((probe.subtask, probe.attempt)).or_insert(f64::NEG_INFINITY);
        if probe.at_epoch_ms > *newest {
            *newest = probe.at_epoch_ms;
            self.pending.push(probe);
        }
    }

    /// Takes out the pending samples that broker samples now lie around, in the order of time.
    fn bracketed(&mut self) -> Vec<ProbeSample> {
        let Some(&(newest, _)) = self.broker.back() else { return Vec::new() };
        let mut ready: Vec<ProbeSample> = self.pending.extract_if(.., |probe| probe.at_epoch_ms <= newest).collect();
        ready.sort_by(|left, right| left.at_epoch_ms.total_cmp(&right.at_epoch_ms));
        ready
    }

    fn settle(&mut self, probe: &ProbeSample) -> Option<LagPoint> {
        if probe.attempt > self.attempt {
            self.attempt = probe.attempt;
            self.readers.clear();
        }
        if probe.attempt < self.attempt || probe.positions.is_empty() {
            return None;
        }
        let lag_of = self.lag_by_partition(probe)?;
        self.readers.insert(probe.subtask, Reader { lag_of, at_epoch_ms: probe.at_epoch_ms, heard: true });
        self.complete()
    }

    /// None before the first broker sample.
    fn lag_by_partition(&self, probe: &ProbeSample) -> Option<Vec<(u32, f64)>> {
        let at = probe.at_epoch_ms;
        let after = self.broker.partition_point(|&(time, _)| time < at);
        let (right_at, right) = self.broker.get(after)?;
        let (left_at, left) = if *right_at == at { (right_at, right) } else { broker_before(&self.broker, after)? };
        let weight = if right_at > left_at { (at - left_at) / (right_at - left_at) } else { 0.0 };
        let lag = |&(partition, position): &(u32, f64)| {
            let (before, behind) = (left.get(&partition)?, right.get(&partition)?);
            // Interpolation may place the end a record before a position that is at it.
            Some((partition, (before + weight * (behind - before) - position).max(0.0)))
        };
        probe.positions.iter().map(lag).collect()
    }

    /// The point, once all readers were heard since the last one and together they read every partition.
    fn complete(&mut self) -> Option<LagPoint> {
        let (_, newest) = self.broker.back()?;
        let known: usize = self.readers.values().map(|reader| reader.lag_of.len()).sum();
        if known < newest.len() || self.readers.values().any(|reader| !reader.heard) {
            return None;
        }
        let mut point = LagPoint { at_epoch_ms: f64::NEG_INFINITY, lag: 0.0, attempt: self.attempt };
        for reader in self.readers.values_mut() {
            reader.heard = false;
            point.at_epoch_ms = point.at_epoch_ms.max(reader.at_epoch_ms);
            point.lag += reader.lag_of.iter().map(|&(_, lag)| lag).sum::<f64>();
        }
        Some(point)
    }
}

fn broker_before(broker: &VecDeque<BrokerSample>, after: usize) -> Option<(&EpochMs, &BTreeMap<u32, f64>)> {
    broker.get(after.checked_sub(1)?).map(|(at, offsets)| (at, offsets))
}

/// All lag points of a trial's samples.
#[must_use]
pub fn lag_points(samples: &[Sample]) -> Vec<LagPoint> {
    let mut meter = LagMeter::new();
    samples.iter().flat_map(|sample| meter.push(sample)).collect()
}

#[cfg(test)]
mod tests;
