//! One child process: alive or not, since when not, and signals that can never hit a stranger.
//!
//! A pid may be given to another process as soon as it is reaped. So a thread waits for the end without
//! reaping, notes the time, and reaps under the same lock that a signal takes.

use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// How and when a process ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    pub at_epoch_ms: f64,
    /// "exit status: 1", "signal: 9 (SIGKILL)"
    pub status: String,
    pub success: bool,
}

#[derive(Clone)]
pub struct Process {
    pub name: String,
    pub pid: u32,
    pub started_epoch_ms: f64,
    ended: watch::Receiver<Option<Exit>>,
    /// True once reaped; held while a signal is sent.
    reaped: Arc<Mutex<bool>>,
}

impl Process {
    pub(super) fn watch(name: String, mut child: Child, clock: Clock) -> Result<Self> {
        let pid = child.id();
        let started_epoch_ms = clock.now_epoch_ms();
        let (send, ended) = watch::channel(None);
        let reaped = Arc::new(Mutex::new(false));
        let flag = Arc::clone(&reaped);
        thread::Builder::new()
            .name(format!("wait-{name}"))
            .spawn(move || {
                wait_without_reaping(pid);
                let at_epoch_ms = clock.now_epoch_ms();
                let mut reaped = flag.lock().unwrap_or_else(PoisonError::into_inner);
                let exit = match child.wait() {
                    Ok(status) => Exit { at_epoch_ms, status: status.to_string(), success: status.success() },
                    Err(error) => Exit { at_epoch_ms, status: error.to_string(), success: false },
                };
                *reaped = true;
                let _ = send.send(Some(exit));
            })
            .map_err(|error| Error::io("start a thread that waits for a process", error))?;
        Ok(Self { name, pid, started_epoch_ms, ended, reaped })
    }

    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.ended.borrow().clone()
    }

    #[must_use]
    pub fn alive(&self) -> bool {
        self.exit().is_none()
    }

    /// Sends a signal to the process and what it started; false if it had ended already.
    pub fn signal(&self, signal: i32) -> Result<bool> {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if *reaped {
            return Ok(false);
        }
        let group = -i32::try_from(self.pid).map_err(|_| Error::defect(format!("pid {} out of range", self.pid)))?;
        // SAFETY: kill takes no pointers; the group exists because its leader is not reaped.
        if unsafe { libc::kill(group, signal) } == 0 {
            return Ok(true);
        }
        let error = std::io::Error::last_os_error();
        if error.raw_os_error() == Some(libc::ESRCH) {
            return Ok(false);
        }
        Err(Error::io(format!("send signal {signal} to {} (pid {})", self.name, self.pid), error))
    }

    /// Waits for the end.
    pub async fn ended(&self) -> Exit {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(exit) => exit.clone(),
            Err(_) => None,
        }
        .unwrap_or_else(|| Exit { at_epoch_ms: 0.0, status: "lost".into(), success: false })
    }
}

fn wait_without_reaping(pid: u32) {
    loop {
        // SAFETY: a zeroed siginfo_t is a valid place for waitid to write to.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` lives for the call; the pid is a child of this process that nobody else reaps.
        let result = unsafe { libc::waitid(libc::P_PID, pid, &raw mut info, libc::WEXITED | libc::WNOWAIT) };
        if result == 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return;
        }
    }
}
