//! A pseudo-terminal with the program in it, and a screen that understands what the program draws.
//!
//! Waiting is by what is on the screen, with a time limit that only a failure reaches.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

const WITHIN: Duration = Duration::from_secs(30);
/// In the environment of a program: it shares the user's cache, so that nothing is fetched anew.
pub const CACHE_OF_THE_USER: (&str, &str) = ("CPRUN_TEST_CACHE", "of the user");
const ROWS: u16 = 60;
const COLUMNS: u16 = 120;

pub struct Terminal {
    master: File,
    /// Kept, so that the mode of the terminal can be read after the program has ended.
    slave: OwnedFd,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    child: Child,
    within: Duration,
    /// All that was drawn, for counting.
    pub drawn: Vec<u8>,
}

impl Terminal {
    /// Starts `cprun` with these arguments in a folder, its state and cache below that.
    pub fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("a name");
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let slave = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).expect("its other end");
        tcsetwinsize(&slave, Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
        let stream = || Stdio::from(slave.try_clone().expect("one more descriptor"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
        command
            .args(arguments)
            .current_dir(folder)
            .env("TERM", "xterm-256color")
            .env("XDG_STATE_HOME", folder.join("state"))
            .envs(environment.iter().copied())
            .stdin(stream())
            .stdout(stream())
            .stderr(stream());
        if !environment.contains(&CACHE_OF_THE_USER) {
            command.env("XDG_CACHE_HOME", folder.join("cache"));
        }
        let begin = || {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        };
        // SAFETY: between fork and exec only two system calls are made.
        unsafe { command.pre_exec(begin) };
        let child = command.spawn().expect("it starts");
        let master = File::from(master);
        let bytes = read_all(master.try_clone().expect("one more descriptor"));
        let size = |number: u16| NonZero::new(number).expect("not zero");
        let screen = vt100::Parser::new(size(ROWS), size(COLUMNS), 2000);
        Self { master, slave, bytes, screen, child, within: WITHIN, drawn: Vec::new() }
    }

    /// Waits so long from here on, for what starts real services.
    #[allow(dead_code, reason = "each test file compiles this module for itself, and only one starts services")]
    pub fn patient(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Types letters and keys as they come from a keyboard.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("typed");
    }

    /// Types a line and Enter.
    pub fn line(&mut self, text: &str) {
        self.keys(&format!("{text}\r"));
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub fn until(&mut self, what: &str, is: impl Fn(&[String]) -> bool) {
        let begin = Instant::now();
        loop {
            if is(&self.rows()) {
                return;
            }
            let left = self.within.saturating_sub(begin.elapsed());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.draw(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("no {what} on\n{}", self.rows().join("\n")),
                Err(RecvTimeoutError::Disconnected) if is(&self.rows()) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {what} on\n{}", self.rows().join("\n")),
            }
        }
    }

    /// Waits for a row that is just this.
    #[track_caller]
    pub fn row(&mut self, row: &str) {
        self.until(&format!("row `{row}`"), |rows| rows.iter().any(|other| other == row));
    }

    /// Waits for a row that holds this.
    #[track_caller]
    pub fn holds(&mut self, piece: &str) {
        self.until(&format!("`{piece}`"), |rows| rows.iter().any(|row| row.contains(piece)));
    }

    /// Waits for a prompt with this behind it, as the last thing on the screen.
    #[track_caller]
    pub fn prompt(&mut self, typed: &str) {
        let wanted = format!("cprun> {typed}");
        let wanted = wanted.trim_end().to_owned();
        self.until(&format!("prompt `{wanted}`"), |rows| rows.last().is_some_and(|last| *last == wanted));
    }

    /// The rows with anything on them, top to bottom.
    pub fn rows(&self) -> Vec<String> {
        let rows = self.screen.screen().rows(0, COLUMNS).map(|row| row.trim_end().to_owned());
        rows.filter(|row| !row.is_empty()).collect()
    }

    fn draw(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.drawn.extend_from_slice(bytes);
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("sent");
    }

    pub fn mode(&self) -> Termios {
        tcgetattr(self.slave.as_fd()).expect("a mode")
    }

    /// Waits for the end of the program; its exit code, as a shell has it.
    #[track_caller]
    pub fn ends(&mut self) -> i32 {
        let begin = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().expect("waited") {
                break status;
            }
            assert!(begin.elapsed() < self.within, "it does not end:\n{}", self.rows().join("\n"));
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.draw(&bytes);
            }
        };
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(50)) {
            self.draw(&bytes);
        }
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed must leave no program behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_all(mut master: File) -> Receiver<Vec<u8>> {
    let (send, bytes) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 4096];
        while let Ok(read @ 1..) = master.read(&mut buffer) {
            if send.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    bytes
}
