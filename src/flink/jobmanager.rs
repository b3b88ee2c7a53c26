//! What a run asks of a JobManager, whoever answers: Flink by its REST API, or a simulated one.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;

use super::{CheckpointKind, Checkpoints, Flink, Job, Overview, TaskManager, VertexDetails};
use crate::error::Result;
use crate::record::Checkpoint;

/// Answers are Flink's own; see the methods of [`Flink`] of the same names.
pub trait JobManager: Send + Sync {
    fn overview(&self) -> BoxFuture<'_, Result<Overview>>;

    fn taskmanagers(&self) -> BoxFuture<'_, Result<Vec<TaskManager>>>;

    /// The configuration in force.
    fn configuration(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>>>;

    fn job<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Job>>;

    fn vertex<'a>(&'a self, job: &'a str, vertex: &'a str) -> BoxFuture<'a, Result<VertexDetails>>;

    /// The vertex that reads from outside and its number of subtasks; the first where there are several.
    fn source<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Option<(String, u32)>>>;

    /// The job's checkpoint settings as read back.
    fn checkpointing<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, serde_json::Value>>>;

    fn checkpoints<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Checkpoints>>;

    /// The newest checkpoints and savepoints, oldest first, with what their subtasks say. Those that cprun triggered
    /// itself may be called periodic.
    fn last_checkpoints<'a>(&'a self, job: &'a str, count: usize) -> BoxFuture<'a, Result<Vec<Checkpoint>>>;

    /// Takes a savepoint and returns where it lies.
    fn savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>>;

    /// Ends the job with a savepoint and returns where it lies.
    fn stop_with_savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>>;

    /// Takes a checkpoint as the periodic ones are, and returns its id once it is complete.
    fn checkpoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<u64>>;

    /// The ids of all metrics of a vertex, each with its subtask in front.
    fn metric_ids<'a>(&'a self, job: &'a str, vertex: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;

    /// Every metric of a vertex by its id, or only those asked for.
    fn metrics<'a>(
        &'a self,
        job: &'a str,
        vertex: &'a str,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>>>;

    fn wait_until_running<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<Job>>;

    /// Waits for the job's end and returns the state in which it ended.
    fn wait_until_terminal<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>>;

    /// Cancels the job and waits for its end; returns the state in which it ended.
    fn cancel<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>>;
}

impl JobManager for Flink {
    fn overview(&self) -> BoxFuture<'_, Result<Overview>> {
        Box::pin(Flink::overview(self))
    }

    fn taskmanagers(&self) -> BoxFuture<'_, Result<Vec<TaskManager>>> {
        Box::pin(Flink::taskmanagers(self))
    }

    fn configuration(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>>> {
        Box::pin(Flink::jobmanager_config(self))
    }

    fn job<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Job>> {
        Box::pin(Flink::job(self, job))
    }

    fn vertex<'a>(&'a self, job: &'a str, vertex: &'a str) -> BoxFuture<'a, Result<VertexDetails>> {
        Box::pin(Flink::vertex(self, job, vertex))
    }

    fn source<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Option<(String, u32)>>> {
        Box::pin(async move {
            let plan = self.plan(job).await?;
            Ok(plan.sources().next().map(|node| (node.id.clone(), node.parallelism)))
        })
    }

    fn checkpointing<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<BTreeMap<String, serde_json::Value>>> {
        Box::pin(async move {
            Ok(match serde_json::to_value(self.checkpoint_config(job).await?) {
                Ok(serde_json::Value::Object(entries)) => entries.into_iter().collect(),
                _ => BTreeMap::new(),
            })
        })
    }

    fn checkpoints<'a>(&'a self, job: &'a str) -> BoxFuture<'a, Result<Checkpoints>> {
        Box::pin(Flink::checkpoints(self, job))
    }

    fn last_checkpoints<'a>(&'a self, job: &'a str, count: usize) -> BoxFuture<'a, Result<Vec<Checkpoint>>> {
        Box::pin(Flink::last_checkpoints(self, job, count))
    }

    fn savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(Flink::savepoint(self, job, None, within))
    }

    fn stop_with_savepoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(Flink::stop_with_savepoint(self, job, None, within))
    }

    fn checkpoint<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<u64>> {
        Box::pin(Flink::trigger_checkpoint(self, job, CheckpointKind::Configured, within))
    }

    fn metric_ids<'a>(&'a self, job: &'a str, vertex: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(self.vertex_metric_ids(job, vertex))
    }

    fn metrics<'a>(
        &'a self,
        job: &'a str,
        vertex: &'a str,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>>> {
        Box::pin(async move {
            if ids.is_empty() {
                let all = self.vertex_metric_ids(job, vertex).await?;
                return self.vertex_metrics(job, vertex, &all).await;
            }
            self.vertex_metrics(job, vertex, ids).await
        })
    }

    fn wait_until_running<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<Job>> {
        Box::pin(Flink::wait_until_running(self, job, within))
    }

    fn wait_until_terminal<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(Flink::wait_until_terminal(self, job, within))
    }

    fn cancel<'a>(&'a self, job: &'a str, within: Duration) -> BoxFuture<'a, Result<String>> {
        Box::pin(Flink::cancel(self, job, within))
    }
}
