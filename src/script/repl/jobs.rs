//! What runs on behind the prompt: a replay, samplers, a fault schedule; each with an id, listed and stopped by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// Something that goes on while the user types.
pub trait Worker: Send + Sync {
    /// `replay`, `sampler`, `faults`
    fn kind(&self) -> &'static str;
    /// Of what: a topic, a job.
    fn what(&self) -> String;
    fn since_epoch_ms(&self) -> f64;
    /// In a few words; asked about once a second, so it waits for nothing.
    fn state(&self) -> String;
    /// Why it ended; nothing while it runs.
    fn ended(&self) -> Option<String>;
    /// Returns when it has ended.
    fn stop(&self) -> Result<()>;
}

/// One line of `jobs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub id: u32,
    pub kind: &'static str,
    pub what: String,
    pub since_epoch_ms: f64,
    pub state: String,
    pub ended: Option<String>,
}

/// All of them. An id is given once.
#[derive(Clone, Default)]
pub struct Jobs(Arc<Mutex<Workers>>);

#[derive(Default)]
struct Workers {
    last: u32,
    all: BTreeMap<u32, Arc<dyn Worker>>,
    /// What was told of each: `None` that it runs, or why it ended.
    told: BTreeMap<u32, Option<String>>,
}

impl Jobs {
    pub fn add(&self, worker: Arc<dyn Worker>) -> u32 {
        let mut workers = self.workers();
        workers.last += 1;
        let id = workers.last;
        workers.all.insert(id, worker);
        id
    }

    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let all = self.workers().all.clone();
        all.iter().map(|(id, worker)| listed(*id, worker.as_ref())).collect()
    }

    /// Those that have not ended.
    #[must_use]
    pub fn running(&self) -> Vec<Listed> {
        self.list().into_iter().filter(|one| one.ended.is_none()).collect()
    }

    pub fn stop(&self, id: &str) -> Result<Listed> {
        let number: Option<u32> = id.parse().ok();
        let worker = number.and_then(|number| self.workers().all.get(&number).cloned().map(|worker| (number, worker)));
        let (number, worker) = worker.ok_or_else(|| {
            let ids: Vec<String> = self.list().iter().map(|one| one.id.to_string()).collect();
            let error = Error::script(format!("nothing in the background has the id `{id}`"));
            if ids.is_empty() {
                error.hint("nothing runs")
            } else {
                error.hint(format!("there are: {}", ids.join(", ")))
            }
        })?;
        worker.stop()?;
        let ended = listed(number, worker.as_ref());
        let mut workers = self.workers();
        workers.all.remove(&number);
        workers.told.remove(&number);
        Ok(ended)
    }

    /// Stops all, the latest first; every failure is given back.
    pub fn stop_all(&self) -> Vec<Error> {
        let all = std::mem::take(&mut self.workers().all);
        all.values().rev().filter_map(|worker| worker.stop().err()).collect()
    }

    /// One line for each that began or ended since this was asked last. What has ended is told once and forgotten.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let list = self.list();
        let mut workers = self.workers();
        let mut lines = Vec::new();
        for one in list {
            if workers.told.get(&one.id) != Some(&one.ended) {
                lines.push(one.line());
                workers.told.insert(one.id, one.ended.clone());
            }
            if one.ended.is_some() {
                workers.all.remove(&one.id);
                workers.told.remove(&one.id);
            }
        }
        lines
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    /// `[1] replay nyc-taxi-raw: 12000 records`
    #[must_use]
    pub fn line(&self) -> String {
        let state = self.ended.as_ref().map_or_else(|| self.state.clone(), |why| format!("ended, {why}"));
        format!("[{}] {} {}: {state}", self.id, self.kind, self.what)
    }
}

fn listed(id: u32, worker: &dyn Worker) -> Listed {
    Listed {
        id,
        kind: worker.kind(),
        what: worker.what(),
        since_epoch_ms: worker.since_epoch_ms(),
        state: worker.state(),
        ended: worker.ended(),
    }
}

/// `a replay and 2 faults`, for the question before leaving.
#[must_use]
pub fn in_words(running: &[Listed]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for one in running {
        match kinds.iter_mut().find(|(kind, _)| *kind == one.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((one.kind, 1)),
        }
    }
    let words: Vec<String> = kinds.into_iter().map(|(kind, count)| counted(kind, count)).collect();
    match words.as_slice() {
        [] => "nothing".into(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn counted(kind: &str, count: usize) -> String {
    match (kind, count) {
        (_, 1) => format!("a {kind}"),
        _ => format!("{count} {kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake {
        kind: &'static str,
        ended: Mutex<Option<String>>,
    }

    impl Worker for Fake {
        fn kind(&self) -> &'static str {
            self.kind
        }

        fn what(&self) -> String {
            "of x".into()
        }

        fn since_epoch_ms(&self) -> f64 {
            0.0
        }

        fn state(&self) -> String {
            "goes on".into()
        }

        fn ended(&self) -> Option<String> {
            self.ended.lock().expect("unpoisoned").clone()
        }

        fn stop(&self) -> Result<()> {
            self.ended.lock().expect("unpoisoned").get_or_insert_with(|| "stopped".into());
            Ok(())
        }
    }

    fn fake(kind: &'static str) -> Arc<Fake> {
        Arc::new(Fake { kind, ended: Mutex::default() })
    }

    #[test]
    fn a_change_is_told_once() {
        let jobs = Jobs::default();
        let replay = fake("replay");
        assert_eq!(jobs.add(replay.clone()), 1);
        assert_eq!(jobs.changes(), ["[1] replay of x: goes on"]);
        assert!(jobs.changes().is_empty());
        *replay.ended.lock().expect("unpoisoned") = Some("the last row".into());
        assert_eq!(jobs.changes(), ["[1] replay of x: ended, the last row"]);
        assert!(jobs.changes().is_empty() && jobs.list().is_empty());
    }

    #[test]
    fn what_is_stopped_is_gone_and_its_id_is_not_given_again() {
        let jobs = Jobs::default();
        jobs.add(fake("replay"));
        assert_eq!(jobs.stop("1").expect("there").ended.as_deref(), Some("stopped"));
        assert_eq!(jobs.stop("1").expect_err("gone").hint.as_deref(), Some("nothing runs"));
        assert_eq!(jobs.add(fake("sampler")), 2);
        assert_eq!(jobs.stop("7").expect_err("unknown").hint.as_deref(), Some("there are: 2"));
        assert!(jobs.stop_all().is_empty() && jobs.running().is_empty());
    }

    #[test]
    fn the_question_names_what_runs() {
        let jobs = Jobs::default();
        for kind in ["replay", "fault schedule", "fault schedule"] {
            jobs.add(fake(kind));
        }
        assert_eq!(in_words(&jobs.running()), "a replay and 2 fault schedules");
    }
}
