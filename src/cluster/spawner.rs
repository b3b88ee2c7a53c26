//! Starts child processes so that none outlives cprun, not even one killed by SIGKILL.
//!
//! `PR_SET_PDEATHSIG` acts when the *thread* that spawned the child ends, and threads of a runtime come and
//! go. So one thread does all spawning and ends only with the process. Each child leads a process group of
//! its own: Ctrl-C in the terminal reaches cprun alone, which then decides the order in which things end.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::clock::Clock;
use crate::error::{Error, Result};

use super::process::Process;

/// A program to start; its output is appended to `log`.
#[derive(Clone, Debug)]
pub struct Launch {
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Added to cprun's own environment.
    pub environment: BTreeMap<String, String>,
    /// Variables of cprun's own environment that the program does not get.
    pub without: Vec<String>,
    pub directory: PathBuf,
    pub log: PathBuf,
}

type Reply = mpsc::Sender<std::io::Result<Child>>;

#[derive(Clone)]
pub struct Spawner {
    requests: mpsc::Sender<(Launch, Reply)>,
    clock: Clock,
}

impl Spawner {
    pub fn start(clock: Clock) -> Result<Self> {
        let (requests, inbox) = mpsc::channel::<(Launch, Reply)>();
        thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                let parent = std::process::id();
                for (launch, reply) in inbox {
                    let _ = reply.send(spawn(&launch, parent));
                }
                // Every handle is gone, but children may still run: to end here would kill them.
                loop {
                    thread::park();
                }
            })
            .map_err(|error| Error::io("start the thread that spawns processes", error))?;
        Ok(Self { requests, clock })
    }

    pub fn spawn(&self, launch: Launch) -> Result<Process> {
        let name = launch.name.clone();
        let program = launch.program.display().to_string();
        let (reply, answer) = mpsc::channel();
        let gone = |_| Error::defect("the thread that spawns processes has ended");
        self.requests.send((launch, reply)).map_err(|_| Error::defect("the thread that spawns processes has ended"))?;
        let child = answer
            .recv()
            .map_err(gone)?
            .map_err(|error| Error::target(format!("cannot start {name} ({program}): {error}")))?;
        Process::watch(name, child, self.clock)
    }
}

fn spawn(launch: &Launch, parent: u32) -> std::io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&launch.log)?;
    let mut command = Command::new(&launch.program);
    launch.without.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
        .args(&launch.arguments)
        .envs(&launch.environment)
        .current_dir(&launch.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    // SAFETY: between fork and exec the closure only makes async-signal-safe calls and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // cprun may have died before the line above took effect.
            if libc::getppid().unsigned_abs() != parent {
                return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    command.spawn()
}
