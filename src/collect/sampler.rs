//! Reads the probe as often as Flink refreshes it, and no stamp twice.
//!
//! The JobManager fetches metrics only when asked: a request starts a fetch if more than the step has passed
//! since the last one, and is answered with what the fetch before it brought. [`Cycle`] keeps the same rule on
//! our side: it asks when the next fetch can start, asks again shortly after to see what that fetch brought,
//! and then sleeps until the next one can. A fetch that another request started (`/jobs/:id` does too) only
//! brings a stamp earlier. While subtasks are frozen it asks on, but less and less often, so that the first
//! stamp after a recovery is not missed; its time is in the stamp, not in our asking.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::gaps::Gaps;
use super::outlet::Outlet;
use super::probe::{Reading, SUFFIX, fetch_latencies, fetch_latency_sample, gauges};
use super::{CollectedJob, SourceVertex};
use crate::error::Result;
use crate::flink::Flink;
use crate::record::Observation;

/// A fetch from two TaskManagers on one host is answered in about 10 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(125);

/// Flink compares whole milliseconds, and wants more than the step.
const MARGIN: Duration = Duration::from_millis(2);

/// Sources of other kinds have no such metric.
const LOOKS_FOR_LATENCY: u32 = 20;

const FETCH_LATENCY_EVERY: Duration = Duration::from_secs(1);

/// Looks for the gauge before its absence is told: a job on a cold cluster may take that long to show any.
const LOOKS_BEFORE_WARNING: u32 = 120;

pub(super) struct ProbeSampler {
    flink: Flink,
    job: String,
    /// A job that nothing describes may carry no probe.
    may_lack: bool,
    source: SourceVertex,
    outlet: Outlet,
    gaps: Gaps,
    /// Ids of the gauges, and of the metrics read with them, known once the job has shown a gauge.
    gauges: Option<Vec<String>>,
    fetch_latencies: Vec<String>,
    looks_for_latency: u32,
    fetch_latency_read: Option<Instant>,
    looks: u32,
    unreadable_told: bool,
    seen: BTreeMap<u32, Reading>,
    cycle: Cycle,
}

impl ProbeSampler {
    pub(super) fn new(
        flink: &Flink,
        job: &CollectedJob,
        source: &SourceVertex,
        every: Duration,
        outlet: &Outlet,
    ) -> Self {
        Self {
            flink: flink.clone(),
            job: job.id.clone(),
            may_lack: job.foreign,
            source: source.clone(),
            outlet: outlet.clone(),
            gaps: Gaps::new("probe", outlet),
            gauges: None,
            fetch_latencies: Vec::new(),
            looks_for_latency: 0,
            fetch_latency_read: None,
            looks: 0,
            unreadable_told: false,
            seen: BTreeMap::new(),
            cycle: Cycle::new(every),
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<()> {
        while let Some(polled) = stop.run_until_cancelled(self.once()).await {
            polled?;
            if self.may_lack && self.gauges.is_none() && self.looks >= LOOKS_BEFORE_WARNING {
                break;
            }
        }
        Ok(())
    }

    async fn once(&mut self) -> Result<()> {
        let sent = Instant::now();
        let pause = match &self.gauges {
            Some(gauges) => {
                let gauges = gauges.clone();
                self.look_for_fetch_latencies().await?;
                self.read(&gauges, sent).await?
            }
            None => self.look_for_gauges().await?,
        };
        // An answer that took longer than the pause shows a busy JobManager: leave it as much time again.
        tokio::time::sleep(pause.max(sent.elapsed().min(LONGEST_PAUSE))).await;
        Ok(())
    }

    async fn look_for_gauges(&mut self) -> Result<Duration> {
        let answer = self.flink.vertex_metric_ids(&self.job, &self.source.id).await;
        let ids = self.gaps.bridge(answer)?.unwrap_or_default();
        self.gauges = gauges(&ids, self.source.subtasks);
        if self.gauges.is_some() {
            return Ok(Duration::ZERO);
        }
        self.looks += 1;
        if self.looks == LOOKS_BEFORE_WARNING && self.may_lack {
            let text =
                "the job carries no probe: phases of its recoveries lie between two of Flink's samples".to_owned();
            self.outlet.record(Observation::Note { text })?;
        } else if self.looks == LOOKS_BEFORE_WARNING {
            self.outlet
                .warn(format!("the source shows no gauge *{SUFFIX}: the job carries no probe, or does not run"))?;
        }
        Ok(self.cycle.step)
    }

    async fn read(&mut self, gauges: &[String], sent: Instant) -> Result<Duration> {
        self.cycle.asked(sent);
        let wanted: Vec<String> = gauges.iter().chain(&self.fetch_latencies).cloned().collect();
        let answer = self.flink.vertex_metrics(&self.job, &self.source.id, &wanted).await;
        let answer = self.gaps.bridge(answer)?.unwrap_or_default();
        let mut fresh = Vec::new();
        for (_, value) in answer.iter().filter(|(id, _)| gauges.contains(*id)) {
            match serde_json::from_str::<Reading>(value) {
                Ok(reading) if self.is_fresh(&reading) => fresh.push(reading),
                Ok(_) => {}
                Err(error) => self.tell_unreadable(value, &error)?,
            }
        }
        self.take_fetch_latency(&answer, &fresh)?;
        for reading in fresh {
            self.take(reading)?;
        }
        Ok(self.cycle.pause(Instant::now(), self.source.subtasks))
    }

    fn is_fresh(&self, reading: &Reading) -> bool {
        self.seen.get(&reading.subtask).is_none_or(|before| reading.is_newer_than(before))
    }

    fn take(&mut self, reading: Reading) -> Result<()> {
        self.cycle.brought(reading.subtask);
        self.outlet.sample(reading.sample())?;
        self.seen.insert(reading.subtask, reading);
        Ok(())
    }

    /// Once a second: it is an average of the client's over 30 s, and is here for the study's sake.
    fn take_fetch_latency(&mut self, answer: &BTreeMap<String, String>, fresh: &[Reading]) -> Result<()> {
        if self.fetch_latency_read.is_some_and(|read| read.elapsed() < FETCH_LATENCY_EVERY) {
            return Ok(());
        }
        let Some(sample) = fetch_latency_sample(answer, fresh) else { return Ok(()) };
        self.fetch_latency_read = Some(Instant::now());
        self.outlet.sample(sample)
    }

    /// The client shows its metrics a little after the probe.
    async fn look_for_fetch_latencies(&mut self) -> Result<()> {
        let known = self.fetch_latencies.len() >= self.source.subtasks as usize;
        if known || self.looks_for_latency >= LOOKS_FOR_LATENCY {
            return Ok(());
        }
        self.looks_for_latency += 1;
        let answer = self.flink.vertex_metric_ids(&self.job, &self.source.id).await;
        self.fetch_latencies = fetch_latencies(&self.gaps.bridge(answer)?.unwrap_or_default());
        Ok(())
    }

    fn tell_unreadable(&mut self, value: &str, error: &serde_json::Error) -> Result<()> {
        if std::mem::replace(&mut self.unreadable_told, true) {
            return Ok(());
        }
        self.outlet
            .warn(format!("the probe shows what cannot be read, it and its like are left out: {value} ({error})"))
    }
}

/// When to ask next.
#[derive(Debug)]
struct Cycle {
    step: Duration,
    /// When the fetch whose outcome is waited for was started, as far as we know.
    fetching_since: Option<Instant>,
    /// Subtasks of which this fetch has brought a new stamp.
    fresh: BTreeSet<u32>,
    next_pause: Duration,
}

impl Cycle {
    fn new(step: Duration) -> Self {
        Self { step, fetching_since: None, fresh: BTreeSet::new(), next_pause: FIRST_PAUSE }
    }

    /// A request was sent: it starts a fetch by the JobManager's own rule, or none.
    fn asked(&mut self, sent: Instant) {
        if self.fetching_since.is_none_or(|since| sent.saturating_duration_since(since) > self.step) {
            self.fetching_since = Some(sent);
            self.fresh.clear();
        }
    }

    fn brought(&mut self, subtask: u32) {
        self.fresh.insert(subtask);
    }

    fn pause(&mut self, now: Instant, subtasks: u32) -> Duration {
        let until_next_fetch =
            self.fetching_since.map_or(self.step, |since| (since + self.step + MARGIN).saturating_duration_since(now));
        if self.fresh.len() >= subtasks as usize {
            self.next_pause = FIRST_PAUSE;
            return until_next_fetch;
        }
        let pause = self.next_pause.min(until_next_fetch);
        self.next_pause = self.next_pause.mul_f64(1.3).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(250);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_fetch_is_seen_at_the_second_asking_and_the_next_one_starts_a_step_later() {
        let (mut cycle, start) = (Cycle::new(STEP), Instant::now());
        cycle.asked(start);
        assert_eq!(cycle.pause(start + ms(2), 2), ms(20));
        cycle.asked(start + ms(22));
        cycle.brought(0);
        cycle.brought(1);
        assert_eq!(cycle.pause(start + ms(25), 2), ms(227));
        cycle.asked(start + ms(252));
        assert_eq!(cycle.pause(start + ms(254), 2), ms(20));
    }

    #[test]
    fn a_frozen_subtask_slows_the_asking_down_but_no_fetch_is_late() {
        let (mut cycle, start) = (Cycle::new(STEP), Instant::now());
        let (mut now, mut asked, mut fetches) = (start, 0, BTreeSet::new());
        while now < start + ms(10_000) {
            cycle.asked(now);
            cycle.brought(0);
            fetches.extend(cycle.fetching_since);
            asked += 1;
            now += cycle.pause(now, 2).max(ms(1));
        }
        assert_eq!(fetches.len(), 40);
        assert!(asked <= 130, "{asked}");
    }
}
