//! One child process: alive or not, since when not, and signals that can never hit a stranger.
//!
//! A pid may be given to another process as soon as it is reaped. So a thread waits for the end without
//! reaping, notes the time, and reaps under the same lock that a signal takes.

use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// Short against any fault.
const LOOK_EVERY: Duration = Duration::from_millis(1);

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

    /// Waits until every thread is stopped by a signal; fails if the process ends instead.
    pub async fn holds_still(&self) -> Result<()> {
        while !all_threads_are_stopped(self.pid) {
            if let Some(exit) = self.exit() {
                return Err(Error::trial(format!("{} ended ({}) instead of holding still", self.name, exit.status)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
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

/// A signal stops the threads one after the other; one that runs on could still answer for the process.
fn all_threads_are_stopped(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let mut states = threads.flatten().map(|thread| std::fs::read_to_string(thread.path().join("stat")));
    let stopped = |stat: std::io::Result<String>| stat.is_ok_and(|stat| state_of(&stat) == Some('T'));
    states.next().is_some_and(stopped) && states.all(stopped)
}

/// The state in a line of `/proc/PID/stat`; the name before it may hold anything, parentheses too.
fn state_of(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    fn sleeping() -> Process {
        let child = Command::new("sleep").arg("60").process_group(0).spawn().expect("there is `sleep`");
        Process::watch("sleep".into(), child, Clock::start()).expect("watched")
    }

    #[test]
    fn the_state_is_found_behind_a_name_that_holds_anything() {
        assert_eq!(state_of("12 (a) T) b) S 1 2 3"), Some('S'));
        assert_eq!(state_of("12 (java) T 1 2 3"), Some('T'));
        assert_eq!(state_of(""), None);
    }

    #[tokio::test]
    async fn a_stopped_process_holds_still_until_it_is_told_to_go_on() {
        let process = sleeping();
        assert!(!all_threads_are_stopped(process.pid));
        process.signal(libc::SIGSTOP).expect("sent");
        process.holds_still().await.expect("it is stopped");
        assert!(process.alive());
        process.signal(libc::SIGCONT).expect("sent");
        while all_threads_are_stopped(process.pid) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        process.signal(libc::SIGKILL).expect("sent");
        process.holds_still().await.expect_err("it has ended instead");
        process.ended().await;
    }
}
