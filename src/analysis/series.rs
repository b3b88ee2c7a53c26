//! The samples of one trial, sorted by what they tell: source positions, broker offsets, the offered load.
//!
//! The probe's samples carry the stamp of the job's own clock. A stamp that does not grow within its attempt
//! is a value that Flink has not refreshed, and counts for nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::curve::Curve;
use crate::record::{EpochMs, RECORDS_OUT, Sample, Value};

/// What one source subtask told of itself at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeSample {
    pub at_epoch_ms: EpochMs,
    pub subtask: u32,
    pub attempt: u32,
    /// When this attempt processed its first record; None before it.
    pub first_epoch_ms: Option<EpochMs>,
    /// Rows processed by this attempt, the unusable ones included; flush records are in neither counter.
    pub records: Option<f64>,
    /// Partition and the offset of its next record; a partition without a record in this attempt is absent.
    pub positions: Vec<(u32, f64)>,
}

impl ProbeSample {
    /// The probe's samples that a line holds, one a subtask; none for lines of other sources.
    #[must_use]
    pub fn read(sample: &Sample) -> Vec<Self> {
        if sample.source != "probe" {
            return Vec::new();
        }
        let mut by_subtask: BTreeMap<(u32, u32), Self> = BTreeMap::new();
        for Value(name, subtask, attempt, value) in &sample.values {
            let (Some(subtask), Some(attempt)) = (*subtask, *attempt) else { continue };
            let probe = by_subtask.entry((subtask, attempt)).or_insert_with(|| Self {
                at_epoch_ms: sample.at_epoch_ms,
                subtask,
                attempt,
                ..Self::default()
            });
            match name.as_str() {
                "first_epoch_ms" => probe.first_epoch_ms = Some(*value),
                "records" | "bad_rows" => probe.records = Some(probe.records.unwrap_or(0.0) + value),
                name => probe.positions.extend(partition_of(name, "position.").map(|partition| (partition, *value))),
            }
        }
        by_subtask.into_values().collect()
    }

    /// What Flink counted of a job without the probe: no stamp, no position.
    fn counted(sample: &Sample) -> impl Iterator<Item = Self> + '_ {
        let told = sample.values.iter().filter(|value| sample.source == "flink" && value.0 == RECORDS_OUT);
        told.filter_map(|&Value(_, subtask, attempt, count)| {
            let (subtask, attempt, at_epoch_ms) = (subtask?, attempt?, sample.at_epoch_ms);
            Some(Self { at_epoch_ms, subtask, attempt, records: Some(count), ..Self::default() })
        })
    }
}

/// Partition and end offset of each partition that a line of the broker holds; None for other lines.
#[must_use]
pub fn end_offsets(sample: &Sample) -> Option<Vec<(u32, f64)>> {
    if sample.source != "broker" {
        return None;
    }
    let offsets = sample.values.iter();
    Some(offsets.filter_map(|Value(name, _, _, end)| Some((partition_of(name, "end_offset.")?, *end))).collect())
}

fn partition_of(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.parse().ok()
}

/// All series of one trial.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Fresh samples of each source subtask's attempt, (subtask, attempt), in the order of time. Of a job without the
    /// probe what Flink counted, which has neither stamps nor positions.
    pub probes: BTreeMap<(u32, u32), Vec<ProbeSample>>,
    /// Position of each partition within an attempt, (attempt, partition).
    pub positions: BTreeMap<(u32, u32), Curve>,
    /// Sum of all partitions' end offsets.
    pub end_offset: Curve,
    pub partitions: BTreeSet<u32>,
    /// Records due so far by the replay's schedule.
    pub due_records: Curve,
    /// Whether the job carries no probe, so that all that is known of its source is what Flink counted.
    pub is_counted: bool,
}

impl Series {
    #[must_use]
    pub fn of(samples: &[Sample]) -> Self {
        let mut series = Self::default();
        let mut ends = HashMap::new();
        let (mut end_points, mut due_points) = (Vec::new(), Vec::new());
        for sample in samples {
            for probe in ProbeSample::read(sample) {
                series.probes.entry((probe.subtask, probe.attempt)).or_default().push(probe);
            }
            if let Some(offsets) = end_offsets(sample) {
                series.partitions.extend(offsets.iter().map(|&(partition, _)| partition));
                ends.extend(offsets);
                end_points.push((sample.at_epoch_ms, ends.values().sum::<f64>()));
            }
            due_points.extend(due_records(sample).map(|due| (sample.at_epoch_ms, due)));
        }
        if series.probes.is_empty() {
            series.is_counted = true;
            for sample in samples.iter().flat_map(ProbeSample::counted) {
                series.probes.entry((sample.subtask, sample.attempt)).or_default().push(sample);
            }
        }
        for samples in series.probes.values_mut() {
            samples.sort_by(|left, right| left.at_epoch_ms.total_cmp(&right.at_epoch_ms));
            samples.dedup_by(|next, kept| next.at_epoch_ms <= kept.at_epoch_ms);
        }
        // Load that the job makes itself is in no broker; its partitions are those that the probe tells of.
        if series.partitions.is_empty() {
            series.partitions = partitions_read(&series.probes);
        }
        series.end_offset = Curve::new(end_points);
        series.due_records = Curve::new(due_points);
        series.positions = position_curves(&series.probes);
        series
    }

    /// Position of each partition at `at` in an attempt, up to `reach_ms` behind its last sample; the sum over
    /// all partitions, None where one is unknown.
    #[must_use]
    pub fn position_at(&self, attempt: u32, at: EpochMs, reach_ms: f64) -> Option<f64> {
        self.position_curves(attempt)?.map(|curve| curve.value_soon_after(at, reach_ms)).sum()
    }

    /// The curves of all partitions in an attempt; None where a partition has none, or none is known at all.
    pub fn position_curves(&self, attempt: u32) -> Option<impl Iterator<Item = &Curve>> {
        let curves: Option<Vec<&Curve>> =
            self.partitions.iter().map(|&partition| self.positions.get(&(attempt, partition))).collect();
        curves.filter(|curves| !curves.is_empty()).map(IntoIterator::into_iter)
    }

    /// Mean offered rate over [from, to] in records/s; None where the replay was not sampled there.
    #[must_use]
    pub fn offered_per_s(&self, from: EpochMs, to: EpochMs) -> Option<f64> {
        let &[(first_at, first), .., (last_at, last)] = self.due_records.within(from, to) else { return None };
        (last_at > first_at).then(|| (last - first) / ((last_at - first_at) / 1e3))
    }
}

fn due_records(sample: &Sample) -> Option<f64> {
    if sample.source != "replay" {
        return None;
    }
    sample.values.iter().find(|Value(name, ..)| name == "due_records").map(|&Value(.., due)| due)
}

fn partitions_read(probes: &BTreeMap<(u32, u32), Vec<ProbeSample>>) -> BTreeSet<u32> {
    probes.values().flatten().flat_map(|sample| &sample.positions).map(|&(partition, _)| partition).collect()
}

fn position_curves(probes: &BTreeMap<(u32, u32), Vec<ProbeSample>>) -> BTreeMap<(u32, u32), Curve> {
    let mut points: BTreeMap<(u32, u32), Vec<(EpochMs, f64)>> = BTreeMap::new();
    for sample in probes.values().flatten() {
        for &(partition, position) in &sample.positions {
            points.entry((sample.attempt, partition)).or_default().push((sample.at_epoch_ms, position));
        }
    }
    points.into_iter().map(|(key, points)| (key, Curve::new(points))).collect()
}
