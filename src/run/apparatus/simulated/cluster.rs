//! Instances, TaskManagers and topics of the simulated world.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use futures::future::BoxFuture;

use super::{HOST, Simulated};
use crate::cluster::process::Exit;
use crate::cluster::{Between, Cluster, Instance, Instances, Needs};
use crate::error::{Error, Result};
use crate::kafka::Brokers;
use crate::sim::{Signal, World};

impl Instances for Simulated {
    fn signal(&self, name: &str, signal: i32) -> Result<Between> {
        let signal = match signal {
            libc::SIGKILL => Signal::Kill,
            libc::SIGTERM => Signal::Stop,
            libc::SIGSTOP => Signal::Hang,
            libc::SIGCONT => Signal::Continue,
            other => return Err(Error::defect(format!("signal {other} is not simulated"))),
        };
        let gone = self.now(|world| world.signal(name, signal))?;
        if let Some(at_epoch_ms) = gone {
            self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), at_epoch_ms);
        }
        let now = self.0.clock.now_epoch_ms();
        Ok(Between { lo_epoch_ms: now, hi_epoch_ms: now })
    }

    fn ended(&self, name: &str) -> BoxFuture<'_, Result<Exit>> {
        let at = self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        let name = name.to_owned();
        Box::pin(async move {
            let alive = |world: &mut World| world.instances().into_iter().any(|one| one.name == name && one.alive);
            match at {
                Some(at_epoch_ms) => {
                    tokio::time::sleep_until(self.0.clock.instant_at(at_epoch_ms)).await;
                    // Started again already, it has ended all the same.
                    let is_known = || self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&name);
                    while self.now(alive) && is_known() {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    let at_epoch_ms = at_epoch_ms.min(self.0.clock.now_epoch_ms());
                    Ok(Exit { at_epoch_ms, status: "simulated".into(), success: false })
                }
                None => std::future::pending().await,
            }
        })
    }

    fn holds_still(&self, name: &str) -> BoxFuture<'_, Result<f64>> {
        let name = name.to_owned();
        Box::pin(async move {
            let hangs = |world: &mut World| world.instances().into_iter().any(|one| one.name == name && one.hung);
            while !self.now(hangs) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(self.0.clock.now_epoch_ms())
        })
    }

    fn start(&self, name: &str) -> Result<Between> {
        self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.now(|world| world.start(name))?;
        let now = self.0.clock.now_epoch_ms();
        Ok(Between { lo_epoch_ms: now, hi_epoch_ms: now })
    }

    fn instance(&self, name: &str) -> Result<Instance> {
        let all = self.instances();
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        let message = format!("there is no instance `{name}`; there are {}", names.join(", "));
        all.iter().find(|one| one.name == name).cloned().ok_or_else(|| Error::script(message))
    }
}

impl Cluster for Simulated {
    fn needs(&self) -> &Needs {
        &self.0.needs
    }

    fn instances(&self) -> Vec<Instance> {
        let all = self.now(|world| world.instances());
        all.into_iter()
            .map(|one| Instance {
                name: one.name,
                role: one.role,
                host: HOST.into(),
                alive: one.alive,
                registered_as: one.registered_as,
            })
            .collect()
    }

    fn fresh_taskmanagers(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.0.gone.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let registered_epoch_ms = self.now(World::fresh_taskmanagers)?;
            tokio::time::sleep_until(self.0.clock.instant_at(registered_epoch_ms)).await;
            Ok(())
        })
    }

    fn configure<'a>(&'a self, _settings: &'a BTreeMap<String, String>) -> BoxFuture<'a, Result<bool>> {
        // Here a job brings all its settings along.
        Box::pin(async { Ok(false) })
    }

    fn lost(&self, _expected_gone: &[String]) -> Option<(String, Exit)> {
        // No instance of the simulation ends by itself.
        None
    }

    fn log_tail(&self, _name: &str, _lines: usize) -> String {
        String::new()
    }

    fn versions(&self) -> BTreeMap<String, String> {
        let simulated = |version: &str| format!("{version} (simulated)");
        BTreeMap::from([
            ("flink".to_owned(), simulated(&self.0.needs.flink)),
            ("kafka".to_owned(), simulated(&self.0.needs.kafka)),
        ])
    }

    fn down(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

impl Brokers for Simulated {
    fn create_topic<'a>(
        &'a self,
        name: &'a str,
        partitions: u32,
        _settings: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.now(|world| world.create_topic(name, partitions)) })
    }

    fn delete_topics<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { names.iter().try_for_each(|name| self.now(|world| world.delete_topic(name))) })
    }

    fn end_offsets<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Vec<i64>>> {
        Box::pin(async move {
            let ends = self.now(|world| world.end_offsets(topic))?;
            Ok(ends.into_iter().map(|end| i64::try_from(end).unwrap_or(i64::MAX)).collect())
        })
    }
}
