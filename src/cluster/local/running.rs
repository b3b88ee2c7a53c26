//! What a local cluster does once it is up: signals, fresh TaskManagers, its end.

use std::collections::BTreeMap;
use std::fs;

use futures::future::BoxFuture;

use super::{HOST, LocalCluster, Member, State, gc_log, incarnation_name, registered_as, unknown};
use crate::cluster::leftovers::Leftovers;
use crate::cluster::process::Exit;
use crate::cluster::{Between, Cluster, Instance, Instances, Needs, Role, RunningProcess};
use crate::error::{Error, Kind, Result};

impl Instances for LocalCluster {
    fn signal(&self, name: &str, signal: i32) -> Result<Between> {
        let state = self.state();
        let member = state.members.get(name).ok_or_else(|| unknown(name, &state))?;
        let lo_epoch_ms = self.host.clock.now_epoch_ms();
        if !member.process.signal(signal)? {
            return Err(Error::trial(format!("{name} is not running, so it cannot be hit")));
        }
        Ok(Between { lo_epoch_ms, hi_epoch_ms: self.host.clock.now_epoch_ms() })
    }

    fn ended(&self, name: &str) -> BoxFuture<'_, Result<Exit>> {
        let process = {
            let state = self.state();
            state.members.get(name).map(|member| member.process.clone()).ok_or_else(|| unknown(name, &state))
        };
        Box::pin(async move { Ok(process?.ended().await) })
    }

    fn holds_still(&self, name: &str) -> BoxFuture<'_, Result<f64>> {
        let process = {
            let state = self.state();
            state.members.get(name).map(|member| member.process.clone()).ok_or_else(|| unknown(name, &state))
        };
        Box::pin(async move {
            process?.holds_still().await?;
            Ok(self.host.clock.now_epoch_ms())
        })
    }

    fn start(&self, name: &str) -> Result<Between> {
        self.start_taskmanager(name)
    }

    fn instance(&self, name: &str) -> Result<Instance> {
        let found = self.instances().into_iter().find(|instance| instance.name == name);
        found.ok_or_else(|| unknown(name, &self.state()))
    }
}

impl Cluster for LocalCluster {
    fn needs(&self) -> &Needs {
        &self.needs
    }

    fn instances(&self) -> Vec<Instance> {
        let view = |(name, member): (&String, &Member)| Instance {
            name: name.clone(),
            role: member.role,
            host: HOST.into(),
            alive: member.process.alive(),
            registered_as: registered_as(name, member),
        };
        self.state().members.iter().map(view).collect()
    }

    fn fresh_taskmanagers(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.end(|role| role == Role::TaskManager).await;
            for number in 1..=self.needs.taskmanagers {
                self.start_taskmanager(&format!("taskmanager-{number}"))?;
            }
            Ok(())
        })
    }

    fn configure<'a>(&'a self, settings: &'a BTreeMap<String, String>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if self.state().settings == *settings {
                return Ok(false);
            }
            self.end(|role| role == Role::TaskManager).await;
            self.end(|role| role == Role::JobManager).await;
            self.state().settings.clone_from(settings);
            self.start_jobmanager(true).await?;
            Ok(true)
        })
    }

    fn lost(&self, expected_gone: &[String]) -> Option<(String, Exit)> {
        let state = self.state();
        let mut gone = state.members.iter().filter(|(name, _)| !expected_gone.contains(name));
        gone.find_map(|(name, member)| member.process.exit().map(|exit| (name.clone(), exit)))
    }

    fn log_tail(&self, name: &str, lines: usize) -> String {
        let text = fs::read_to_string(self.logs.join(format!("{name}.log"))).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    fn versions(&self) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::from([
            ("flink".to_owned(), self.needs.flink.clone()),
            ("kafka".to_owned(), self.needs.kafka.clone()),
            ("java".to_owned(), self.java.version.clone()),
        ]);
        versions.extend(self.object_store.as_ref().map(|store| ("minio".to_owned(), store.minio.version.clone())));
        versions
    }

    fn down(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.end(|role| role == Role::TaskManager).await;
            self.end(|_| true).await;
            if self.work.exists() {
                fs::remove_dir_all(&self.work).map_err(|error| {
                    Error::new(Kind::Cleanup, format!("cannot remove {}: {error}", self.work.display()))
                })?;
            }
            let leftovers = self.state().leftovers.take();
            leftovers.map_or(Ok(()), Leftovers::release)
        })
    }
}

impl LocalCluster {
    /// The processes that live right now.
    #[must_use]
    pub fn processes(&self) -> Vec<RunningProcess> {
        let state: std::sync::MutexGuard<'_, State> = self.state();
        let live = state.members.iter().filter(|(_, member)| member.process.alive());
        let view = |(name, member): (&String, &Member)| RunningProcess {
            instance: name.clone(),
            role: member.role,
            incarnation: member.incarnation,
            pid: member.process.pid,
            started_epoch_ms: member.process.started_epoch_ms,
            gc_log: self.logs.join(gc_log(&incarnation_name(name, member.incarnation))),
        };
        live.map(view).collect()
    }
}
