//! What Flink answers in the simulated world.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use futures::future::BoxFuture;

use super::Simulated;
use crate::error::{Error, Result};
use crate::flink;
use crate::flink::JobManager;
use crate::record::Checkpoint;
use crate::sim::{RequestStatus, Trigger, World};

pub(super) fn id_of(job: &str) -> Result<crate::sim::JobId> {
    job.parse().map_err(|_| Error::trial(format!("there is no job {job}")))
}

impl Simulated {
    pub(super) async fn request(&self, job: &str, kind: Trigger, within: Duration) -> Result<(u64, String)> {
        let id = id_of(job)?;
        let request = self.now(|world| world.trigger_checkpoint(id, kind))?;
        let done = self
            .until(within, |world| match world.request(request)? {
                RequestStatus::Pending => Ok(None),
                RequestStatus::Failed { reason } => Err(Error::trial(format!("the checkpoint failed: {reason}"))),
                RequestStatus::Completed { checkpoint, savepoint } => Ok(Some((checkpoint, savepoint))),
            })
            .await?;
        let late = || Error::trial(format!("no checkpoint completed within {} s", within.as_secs_f64()));
        let (checkpoint, savepoint) = done.ok_or_else(late)?;
        Ok((checkpoint, savepoint.map(|savepoint| savepoint.to_string()).unwrap_or_default()))
    }

    async fn ended_as(&self, job: &str, within: Duration) -> Result<String> {
        let id = id_of(job)?;
        let terminal = |world: &mut World| {
            let state = world.job(id)?.state;
            Ok(state.is_terminal().then(|| state.name().to_owned()))
        };
        let state = self.until(within, terminal).await?;
        state.ok_or_else(|| Error::trial(format!("job {job} has not ended after {} s", within.as_secs_f64())))
    }
}

impl JobManager for Simulated {
    fn overview(&self) -> BoxFuture<'_, Result<flink::Overview>> {
        Box::pin(async {
            let seen = self.now(|world| world.overview());
            Ok(flink::Overview {
                flink_version: self.0.needs.flink.clone(),
                taskmanagers: seen.taskmanagers,
                slots_total: seen.slots_total,
                slots_available: seen.slots_available,
                jobs_running: seen.jobs_running,
            })
        })
    }

    fn taskmanagers(&self) -> BoxFuture<'_, Result<Vec<flink::TaskManager>>> {
        Box::pin(async {
            let slots = self.0.needs.slots;
            let named = |id| flink::TaskManager { id, slots, free_slots: 0, memory_configuration: BTreeMap::new() };
            Ok(self.now(|world| world.taskmanagers()).into_iter().map(named).collect())
        })
    }

    fn configuration(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>>> {
        Box::pin(async { Ok(BTreeMap::from([("simulated".to_owned(), self.0.timing.to_string())])) })
    }

    fn job<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<flink::Job>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let (seen, subtasks) = self.now(|world| Ok::<_, Error>((world.job(id)?, world.subtasks(id)?)))?;
            let vertices = seen.vertices.iter().map(|vertex| {
                let mut tasks = BTreeMap::new();
                for subtask in subtasks.iter().filter(|subtask| subtask.vertex == vertex.id) {
                    *tasks.entry(subtask.state.name().to_owned()).or_default() += 1;
                }
                flink::Vertex {
                    id: vertex.id.to_owned(),
                    name: vertex.name.to_owned(),
                    parallelism: vertex.parallelism,
                    status: seen.state.name().to_owned(),
                    tasks,
                }
            });
            Ok(flink::Job {
                id: job.to_owned(),
                name: seen.name.clone(),
                state: seen.state.name().to_owned(),
                timestamps: seen.timestamps.iter().map(|(state, at)| ((*state).to_owned(), *at)).collect(),
                vertices: vertices.collect(),
            })
        })
    }

    fn vertex<'a>(&'a self, job: &'a str, vertex: &'a str) -> BoxFuture<'a, Result<flink::VertexDetails>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let subtasks = self.now(|world| world.subtasks(id))?;
            let own: Vec<_> = subtasks.into_iter().filter(|subtask| subtask.vertex == vertex).collect();
            let name = own.first().map(|subtask| subtask.name).unwrap_or_default().to_owned();
            let view = |subtask: crate::sim::SubtaskView| {
                flink::Subtask::seen(subtask.subtask, subtask.attempt, subtask.state.name(), subtask.taskmanager)
            };
            Ok(flink::VertexDetails { id: vertex.to_owned(), name, subtasks: own.into_iter().map(view).collect() })
        })
    }

    fn source<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Option<(String, u32)>>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let seen = self.now(|world| world.job(id))?;
            let source = seen.vertices.iter().find(|vertex| vertex.source);
            Ok(source.map(|vertex| (vertex.id.to_owned(), vertex.parallelism)))
        })
    }

    fn checkpointing<'a>(&'a self, _job: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, serde_json::Value>>> {
        Box::pin(async { Ok(BTreeMap::from([("simulated".to_owned(), true.into())])) })
    }

    fn checkpoints<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<flink::Checkpoints>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let seen = self.now(|world| world.checkpoints(id))?;
            let mut checkpoints = flink::Checkpoints::default();
            checkpoints.counts.completed = seen.completed;
            checkpoints.counts.failed = seen.failed;
            checkpoints.counts.in_progress = u64::from(seen.in_progress);
            checkpoints.counts.total = seen.completed + seen.failed + u64::from(seen.in_progress);
            checkpoints.summary.end_to_end_duration.max = seen.longest_ms;
            Ok(checkpoints)
        })
    }

    /// What was observed of them: the world tells of checkpoints from when it is sampled.
    fn last_checkpoints<'a>(&'a self, _job: &'a str, count: usize) -> BoxFuture<'a, Result<Vec<Checkpoint>>> {
        Box::pin(async move {
            self.now(|_| ());
            let seen = self.0.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(seen.values().skip(seen.len().saturating_sub(count)).cloned().collect())
        })
    }

    fn savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { Ok(self.request(job, Trigger::Savepoint, within).await?.1) })
    }

    fn stop_with_savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let (_, savepoint) = self.request(job, Trigger::Stop, within).await?;
            self.ended_as(job, within).await?;
            Ok(savepoint)
        })
    }

    fn checkpoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(self.request(job, Trigger::Manual, within).await?.0) })
    }

    fn metric_ids<'a>(&'a self, _job: &'a str, _vertex: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async { Err(no_metrics()) })
    }

    fn metrics<'a>(
        &'a self,
        _job: &'a str,
        _vertex: &'a str,
        _ids: &'a [String],
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(async { Err(no_metrics()) })
    }

    fn wait_until_running<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<flink::Job>> {
        Box::pin(async move {
            let id = id_of(job)?;
            let runs = self.until(within, |world| Ok(world.job(id)?.all_running.then_some(()))).await?;
            match runs {
                Some(()) => JobManager::job(self, job).await,
                None => Err(Error::trial(format!("job {job} does not run after {} s", within.as_secs_f64()))
                    .hint("tasks wait for a free slot: give the target more, or the job a smaller parallelism")),
            }
        })
    }

    fn wait_until_terminal<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.ended_as(job, within))
    }

    fn cancel<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let id = id_of(job)?;
            if !self.now(|world| world.job(id))?.state.is_terminal() {
                self.now(|world| world.cancel(id))?;
            }
            self.ended_as(job, within).await
        })
    }
}

pub(super) fn no_jar() -> Error {
    Error::target("a jar cannot be simulated: what it does is not known").hint("run it on `--target local`")
}

pub(super) fn no_metrics() -> Error {
    Error::target("the simulated Flink has no metrics but those that cprun samples")
        .hint("run it on `--target local`, or ask `kafka::lag(job)` or `flink::checkpoints(job)`")
}
