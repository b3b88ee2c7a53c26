//! Reads the counters of this machine and of the processes on it.

use std::collections::HashMap;
use std::fs;

use super::gc::GcLog;
use super::proc::{self, Named, Units};
use super::sockets::{self, Ledger};
use crate::clock::Clock;
use crate::cluster::RunningProcess;
use crate::error::{Error, Result};
use crate::record::{Sample, Value};

/// The name of cprun itself among the instances.
const OURSELVES: &str = "cprun";

/// How often the host is read. No checkpoint is measured by it, and its files are the longest; a little less than
/// a second, so that it keeps to the grid of the steps.
const HOST_EVERY_MS: f64 = 990.0;

/// The processes that are to be read, as they are right now.
type Processes = Box<dyn Fn() -> Vec<RunningProcess> + Send>;

pub struct LocalResources {
    host: String,
    clock: Clock,
    processes: Processes,
    units: Units,
    /// By pid.
    gc_logs: HashMap<u32, GcLog>,
    ledger: Ledger,
    host_read_epoch_ms: f64,
}

impl LocalResources {
    pub fn new(host: &str, clock: Clock, processes: Processes) -> Self {
        Self {
            host: host.to_owned(),
            clock,
            processes,
            units: units(),
            gc_logs: HashMap::new(),
            ledger: Ledger::default(),
            host_read_epoch_ms: f64::NEG_INFINITY,
        }
    }

    /// Why nothing can be told of the network of processes, if so: an old kernel, or one that refuses the list.
    #[must_use]
    pub fn network_trouble() -> Option<Error> {
        sockets::list().err()
    }

    /// A sample of each process that lives, and once a second one of the host.
    pub fn read(&mut self) -> Result<Vec<Sample>> {
        let processes = (self.processes)();
        let own = std::process::id();
        let mut pids: Vec<u32> = processes.iter().map(|process| process.pid).collect();
        self.gc_logs.retain(|pid, _| pids.contains(pid));
        pids.push(own);
        // A list that fails leaves the network of this step out, nothing else.
        let listed = sockets::list();
        if let Ok(listed) = &listed {
            self.ledger.update(&pids, listed, sockets::open_sockets);
        }
        let mut samples = Vec::new();
        for process in &processes {
            let log = self.gc_logs.entry(process.pid).or_insert_with(|| GcLog::new(process.gc_log.clone()));
            let pauses = log.read();
            samples.extend(self.process(
                &process.instance,
                Some(process.incarnation),
                process.pid,
                listed.is_ok(),
                pauses,
            )?);
        }
        samples.extend(self.process(OURSELVES, Some(1), own, listed.is_ok(), Vec::new())?);
        let now = self.clock.now_epoch_ms();
        if now - self.host_read_epoch_ms >= HOST_EVERY_MS {
            self.host_read_epoch_ms = now;
            samples.extend(self.host()?);
        }
        Ok(samples)
    }

    /// None of a process that has ended.
    fn process(
        &self,
        instance: &str,
        incarnation: Option<u32>,
        pid: u32,
        network: bool,
        pauses: Vec<Named>,
    ) -> Result<Option<Sample>> {
        let at_epoch_ms = self.clock.now_epoch_ms();
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return Ok(None) };
        let Some(mut values) = proc::process(&stat, self.units)? else { return Ok(None) };
        // Not readable of a process that is just ending.
        if let Ok(io) = fs::read_to_string(format!("/proc/{pid}/io")) {
            values.extend(proc::process_disk(&io)?);
        }
        if let Some(traffic) = self.ledger.traffic(pid).filter(|_| network) {
            values.push(("net_sent_bytes", traffic.sent as f64));
            values.push(("net_received_bytes", traffic.received as f64));
        }
        values.extend(pauses);
        Ok(Some(sample(instance, at_epoch_ms, incarnation, values)))
    }

    /// None where the CPU's times are not there; in containers some of the other files are not.
    fn host(&self) -> Result<Option<Sample>> {
        let at_epoch_ms = self.clock.now_epoch_ms();
        let text = |path: &str| fs::read_to_string(path).ok();
        let Some(stat) = text("/proc/stat") else { return Ok(None) };
        let mut values = proc::host_cpu(&stat, self.units)?;
        values.extend(text("/proc/meminfo").map(|text| proc::host_memory(&text)).transpose()?.unwrap_or_default());
        values.extend(text("/proc/diskstats").map(|text| proc::host_disk(&text)).transpose()?.unwrap_or_default());
        values.extend(text("/proc/net/dev").map(|text| proc::host_network(&text)).transpose()?.unwrap_or_default());
        Ok(Some(sample(&format!("host:{}", self.host), at_epoch_ms, None, values)))
    }
}

fn sample(source: &str, at_epoch_ms: f64, incarnation: Option<u32>, values: Vec<Named>) -> Sample {
    let values = values.into_iter().map(|(name, value)| Value(name.to_owned(), None, incarnation, value));
    Sample { source: source.to_owned(), at_epoch_ms, values: values.collect() }
}

fn units() -> Units {
    // SAFETY: sysconf takes a number and returns one.
    let ask = |name| unsafe { libc::sysconf(name) };
    let known = |value: libc::c_long, usual: u64| u64::try_from(value).ok().filter(|value| *value > 0).unwrap_or(usual);
    Units { ticks_per_s: known(ask(libc::_SC_CLK_TCK), 100), page_bytes: known(ask(libc::_SC_PAGESIZE), 4096) }
}
