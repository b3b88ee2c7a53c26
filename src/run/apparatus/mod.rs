//! How a target is loaded and measured, which is where a real one and a simulated one differ most.
//!
//! The phases of a trial know only this trait and those of the rooms beside it.

mod real;
mod simulated;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::broadcast;

pub use real::RealApparatus;
pub use simulated::Simulated;

use super::job::{Job, Program};
use super::{Run, TrialSpec};
use crate::analysis::history::WindowKey;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::flink::RunRequest;
use crate::record::{Recorder, Sample};
use crate::replay::{self, Replaying};
use crate::runtime::Runtime;

pub trait Apparatus: Send + Sync {
    /// How often the driver looks whether all is well.
    fn look_every(&self) -> Duration;

    /// Samples come no more often.
    fn sampling_step(&self) -> Duration;

    /// A trial begins; whatever is drawn in it follows from this seed alone.
    fn begin_trial(&self, seed: u64);

    /// Where jobs find the brokers.
    fn bootstrap(&self) -> String;

    /// Where jobs find the first rows of a data set as a file, to read them over and over.
    fn block(&self, dataset: &Dataset) -> Result<String>;

    /// Waits until nothing is slower than it will be for the rest of the run; at once after the first time.
    fn warm(&self) -> BoxFuture<'_, Result<()>>;

    /// Builds what is to be submitted and submits it; returns the id under which Flink knows the job.
    fn submit(&self, run: &Run, request: &JobRequest<'_>) -> Result<String>;

    /// Keeps what shows that this job ran here, once.
    fn keep_evidence(&self, run: &Run, job: &Job);

    /// Records between the newest position that the job's source has shown and the end of the topic.
    fn lag<'a>(&'a self, job: &'a Job, source: &'a (String, u32), topic: Option<&'a str>)
    -> BoxFuture<'a, Result<i64>>;

    /// Starts to observe: what happens before this call is lost.
    fn observe(&self, run: &Run, what: Observed) -> Result<Box<dyn Observing>>;

    fn replay(
        &self,
        dataset: &Dataset,
        settings: replay::Settings,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Arc<dyn Replaying>>;

    /// What the input topic holds, read back independently of whoever filled it.
    fn truth(&self, run: &Run, question: &Question<'_>) -> Result<Truth>;
}

/// A job that is to be submitted.
pub struct JobRequest<'a> {
    pub program: &'a Program,
    pub spec: &'a TrialSpec,
    pub job: &'a Job,
    pub request: RunRequest,
    /// What the job reads over and over by itself.
    pub saturate: Option<&'a Dataset>,
}

/// What is to be observed.
pub struct Observed {
    pub job: Job,
    /// The source's vertex and its number of subtasks.
    pub source: Option<(String, u32)>,
    /// The topic whose end offsets are followed; `None` where nothing is replayed.
    pub topic: Option<String>,
    pub every: Duration,
    pub recorder: Arc<dyn Recorder>,
}

/// Samplers at work, and the consumer of the results.
pub trait Observing: Send + Sync {
    /// Fresh samples from here on.
    fn samples(&self) -> broadcast::Receiver<Sample>;

    /// Takes a checkpoint now and waits for it, so long at most; it counts as one that cprun asked for.
    fn trigger_checkpoint(&self, within: Duration) -> BoxFuture<'_, Result<()>>;

    /// Whether cprun asked for this checkpoint itself.
    fn is_manual(&self, checkpoint: u64) -> bool;

    /// What has gone wrong, if anything.
    fn trouble(&self) -> Option<Error>;

    /// Whether the job is being restarted on purpose: that it ends then is no trouble.
    fn set_away(&self, away: bool);

    /// Observes from here on the job that it goes on as, which is not away; returns the number that the journal gives
    /// to its first attempt.
    fn follow(&self, runtime: &Runtime, job: &Job, source: Option<(String, u32)>) -> Result<u32>;

    /// How many windows of the truth no result has arrived for.
    fn missing(&self, truth: &HashSet<WindowKey>) -> usize;

    /// Ends samplers and consumer. A second call does nothing.
    fn stop(&self, runtime: &Runtime) -> Result<()>;
}

/// What is asked about the input of a trial.
pub struct Question<'a> {
    pub dataset: &'a Dataset,
    pub topic: &'a str,
    pub window_ms: i64,
    /// Rows that the replay sent.
    pub sent: u64,
}

/// What the input topic holds.
pub struct Truth {
    pub records: u64,
    pub flush_records: u64,
    /// Where it is not what the data set holds.
    pub difference: Option<String>,
    /// Count and cents by window.
    pub windows: BTreeMap<WindowKey, (i64, i64)>,
}
