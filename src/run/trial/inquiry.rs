//! What a script asks of Flink while a trial is set up or goes on: waits, savepoints, what the job shows.

use std::time::Duration;

use super::{CANCELLED_WITHIN, Trial};
use crate::error::{Error, Kind, Result};
use crate::flink::{self, Overview, metrics};
use crate::record::Checkpoint;
use crate::run::Job;
use crate::run::trial::Topic;

/// Flink fetches metrics only once somebody has asked; a job that just started shows them a little later.
const METRIC_WITHIN: Duration = Duration::from_secs(5);
const METRIC_EVERY: Duration = Duration::from_millis(250);

impl Trial {
    /// Waits until the job is in that state; RUNNING means all its tasks.
    pub fn wait_for(&self, job: &Job, state: &str, within_s: f64) -> Result<()> {
        let job = &self.current(job);
        let target = self.target()?;
        self.status("waiting", &format!("until {} is {state}", job.name));
        self.run.wait(flink::wait_until(target.flink.as_ref(), &job.id, state, Duration::from_secs_f64(within_s)))
    }

    /// Cancels the job and waits for its end.
    pub fn cancel(&self, job: &Job) -> Result<()> {
        let job = &self.current(job);
        let target = self.target()?;
        self.note_ended(job);
        self.status("cancelling", &job.name);
        self.run.wait(target.flink.cancel(&job.id, CANCELLED_WITHIN)).map(drop)
    }

    /// Takes a savepoint and returns where it lies; with `stop` the job ends with it.
    pub fn savepoint(&self, job: &Job, stop: bool, within_s: f64) -> Result<String> {
        let job = &self.current(job);
        let target = self.target()?;
        let within = Duration::from_secs_f64(within_s);
        self.status("taking a savepoint", &job.name);
        if !stop {
            return self.run.wait(target.flink.savepoint(&job.id, within));
        }
        let path = self.run.wait(target.flink.stop_with_savepoint(&job.id, within))?;
        self.note_ended(job);
        self.run.wait(target.flink.wait_until_terminal(&job.id, CANCELLED_WITHIN))?;
        Ok(path)
    }

    /// The job of this trial does not run any more because the script wanted it so.
    fn note_ended(&self, job: &Job) {
        let mut state = self.state();
        if state.setup.job.as_ref().is_some_and(|own| own.id == job.id) {
            state.setup.job_ended = true;
        }
    }

    pub fn overview(&self) -> Result<Overview> {
        let target = self.target()?;
        self.run.wait(target.flink.overview())
    }

    /// The newest checkpoints, oldest first; those that cprun triggered itself are called manual.
    pub fn checkpoints(&self, job: &Job, count: usize) -> Result<Vec<Checkpoint>> {
        let job = &self.current(job);
        let target = self.target()?;
        let mut checkpoints = self.run.wait(target.flink.last_checkpoints(&job.id, count))?;
        if let Some(feed) = self.feed() {
            let own = |one: &&mut Checkpoint| one.trigger == "periodic" && feed.observing.is_manual(one.id);
            checkpoints.iter_mut().filter(own).for_each(|one| "manual".clone_into(&mut one.trigger));
        }
        Ok(checkpoints)
    }

    /// Milliseconds since this trial began, as in every CSV.
    #[must_use]
    pub fn since_start_ms(&self, at_epoch_ms: f64) -> f64 {
        at_epoch_ms - self.start_epoch_ms
    }

    /// A metric of a vertex in all its subtasks, in their order: of the one named, else of the source.
    pub fn metric(&self, job: &Job, name: &str, vertex: Option<&str>) -> Result<Vec<f64>> {
        let job = &self.current(job);
        let vertex = self.vertex_named(job, vertex)?;
        let (target, job) = (self.target()?, &job.id);
        let values = self.run.wait(async {
            let end = tokio::time::Instant::now() + METRIC_WITHIN;
            loop {
                let all = target.flink.metric_ids(job, &vertex).await?;
                let ids = metrics::ids_of(&all, name)?;
                let values =
                    if ids.is_empty() { Default::default() } else { target.flink.metrics(job, &vertex, &ids).await? };
                // The order of the ids is that of the subtasks.
                let values: Option<Vec<String>> = ids.iter().map(|id| values.get(id).cloned()).collect();
                match values.filter(|values| !values.is_empty()) {
                    Some(values) => return Ok(values),
                    None if tokio::time::Instant::now() >= end => return Err(no_metric(name, &all)),
                    None => tokio::time::sleep(METRIC_EVERY).await,
                }
            }
        })?;
        let number = |text: &String| {
            text.parse().map_err(|_| Error::trial(format!("the metric `{name}` is no number, but `{text}`")))
        };
        values.iter().map(number).collect()
    }

    /// The id of a vertex by a part of its name; without one that of the source.
    fn vertex_named(&self, job: &Job, name: Option<&str>) -> Result<String> {
        let target = self.target()?;
        let Some(name) = name else {
            let source = self.run.wait(target.flink.source(&job.id))?;
            return source.map(|(id, _)| id).ok_or_else(|| Error::trial(format!("job {} has no source", job.name)));
        };
        let vertices = self.run.wait(target.flink.job(&job.id))?.vertices;
        let fitting: Vec<_> = vertices.iter().filter(|vertex| vertex.name.contains(name)).collect();
        match fitting.as_slice() {
            [one] => Ok(one.id.clone()),
            found => {
                let names: Vec<&str> = vertices.iter().map(|vertex| vertex.name.as_str()).collect();
                let count = if found.is_empty() { "no vertex" } else { "more than one vertex" };
                Err(Error::script(format!("job {} has {count} with `{name}` in its name", job.name))
                    .hint(format!("its vertices are: {}", names.join("; "))))
            }
        }
    }
}

impl Trial {
    /// Of each partition of a topic the offset of the next record.
    pub fn end_offsets(&self, topic: &Topic) -> Result<Vec<i64>> {
        let target = self.target()?;
        self.run.wait(target.kafka.end_offsets(&topic.name))
    }

    /// Records that the job's source is behind the end of a topic: the one given, that of the replay, or the one that
    /// the source names.
    pub fn lag(&self, job: &Job, topic: Option<&Topic>) -> Result<i64> {
        let job = &self.current(job);
        let target = self.target()?;
        let replayed = self.replayed_topic();
        let topic = topic.map(|topic| topic.name.clone()).or(replayed);
        self.run.wait(async {
            let source = target.flink.source(&job.id).await?;
            let source = source.ok_or_else(|| Error::trial(format!("job {} has no source", job.name)))?;
            target.apparatus.lag(job, &source, topic.as_deref()).await
        })
    }

    pub fn bootstrap(&self) -> Result<String> {
        Ok(self.target()?.apparatus.bootstrap())
    }
}

fn no_metric(name: &str, ids: &[String]) -> Error {
    let error = Error::new(Kind::Trial, format!("no subtask shows a metric `{name}`"));
    match metrics::nearest(ids, name).as_slice() {
        [] => error.hint("the vertex shows no metric at all yet: its tasks may not run"),
        near => error.hint(format!("the nearest are: {}", near.join(", "))),
    }
}
