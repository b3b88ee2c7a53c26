//! What a program takes from its surroundings, in one value: environment, standard streams, clock, signals.
//!
//! Nothing else in cprun reads the environment or writes to a stream, so a test runs the whole program in
//! its own process, with a map for an environment and a buffer for a terminal.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::secret::Secrets;

/// A stream that threads share; no secret leaves by it.
#[derive(Clone)]
pub struct Stream(Arc<Mutex<Inner>>, Secrets);

struct Inner {
    writer: Box<dyn Write + Send>,
    /// The first write that failed.
    failed: Option<std::io::Error>,
}

impl Stream {
    #[must_use]
    pub fn new(writer: Box<dyn Write + Send>, secrets: &Secrets) -> Self {
        Self(Arc::new(Mutex::new(Inner { writer, failed: None })), secrets.clone())
    }

    /// Writes and flushes; what fails is kept for `failure`. A reader that went away (`cprun … | head`) is no
    /// error of ours.
    pub fn write(&self, text: &str) {
        let text = self.1.mask(text);
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { writer, failed } = &mut *inner;
        if let Err(error) = writer.write_all(text.as_bytes()).and_then(|()| writer.flush())
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            failed.get_or_insert(error);
        }
    }

    /// The first failure so far; told once.
    #[must_use]
    pub fn failure(&self) -> Option<std::io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed.take()
    }
}

/// Which signal ended the run, if one did.
#[derive(Clone, Default)]
pub struct Signals {
    pub cancelled: CancellationToken,
    kind: Arc<Mutex<Option<Kind>>>,
}

impl Signals {
    /// Called by whoever listens for signals; the first one counts.
    pub fn raise(&self, kind: Kind) {
        self.kind.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(kind);
        self.cancelled.cancel();
    }

    /// The error that the signal stands for, once one was raised.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        let kind = *self.kind.lock().unwrap_or_else(PoisonError::into_inner);
        kind.map(|kind| {
            let name = if kind == Kind::Terminated { "SIGTERM" } else { "Ctrl-C" };
            Error::new(kind, format!("interrupted by {name}; what was measured so far is kept"))
        })
    }
}

#[derive(Clone)]
pub struct Host {
    pub environment: Arc<BTreeMap<String, String>>,
    pub directory: PathBuf,
    pub stdout: Stream,
    pub progress: Progress,
    pub clock: Clock,
    pub signals: Signals,
    pub secrets: Secrets,
}

impl Host {
    /// The real surroundings of this process.
    #[must_use]
    pub fn real() -> Self {
        let secrets = Secrets::default();
        Self {
            environment: Arc::new(environment()),
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            stdout: Stream::new(Box::new(std::io::stdout()), &secrets),
            progress: Progress::new(
                Stream::new(Box::new(std::io::stderr()), &secrets),
                std::io::stderr().is_terminal(),
            ),
            clock: Clock::start(),
            signals: Signals::default(),
            secrets,
        }
    }

    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where downloads and built jobs are kept: `$XDG_CACHE_HOME/cprun`, else `~/.cache/cprun`.
    pub fn cache(&self) -> Result<PathBuf> {
        if let Some(cache) = self.variable("XDG_CACHE_HOME").filter(|cache| cache.starts_with('/')) {
            return Ok(PathBuf::from(cache).join("cprun"));
        }
        self.variable("HOME").map(|home| PathBuf::from(home).join(".cache/cprun")).ok_or_else(|| {
            Error::target("neither XDG_CACHE_HOME nor HOME is set").hint("export XDG_CACHE_HOME=/a/writable/directory")
        })
    }

    /// Shows how far some long work is, and ends it once a signal came.
    pub fn watch(&self) -> impl FnMut(&str, u64) -> Result<()> + '_ {
        |doing, rows| {
            let detail = if rows == 0 { String::new() } else { format!("{rows} rows") };
            self.progress.status(doing, &detail);
            match self.signals.error() {
                Some(error) => Err(error),
                None => Ok(()),
            }
        }
    }

    /// A path as it may be stored: under the home as `~/…`.
    #[must_use]
    pub fn tilde(&self, path: &std::path::Path) -> String {
        match self.variable("HOME").and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }
}

/// What of the environment is text; nothing that cprun reads is anything else.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// What a person sees while it takes long; all of it on stderr.
///
/// With a terminal the status is one line that changes in place. Without one, a status is printed when its
/// subject changes and otherwise every half minute, so that a log stays short and yet shows life.
#[derive(Clone)]
pub struct Progress {
    stream: Stream,
    bar: Option<ProgressBar>,
    quiet: bool,
    last: Arc<Mutex<Option<(String, Instant)>>>,
}

const REPEAT_STATUS_AFTER: Duration = Duration::from_secs(30);

impl Progress {
    #[must_use]
    pub fn new(stream: Stream, terminal: bool) -> Self {
        Self { stream, bar: terminal.then(spinner), quiet: false, last: Arc::default() }
    }

    /// Only errors and warnings from here on.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self.bar = None;
        self
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.print(text);
        }
    }

    /// A line that stays, even when quiet.
    pub fn warning(&self, text: &str) {
        self.print(&format!("warning: {text}"));
    }

    /// Text for stderr as it stands, such as a rendered error.
    pub fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.stream.write(&format!("{text}\n"))),
            None => self.stream.write(&format!("{text}\n")),
        }
    }

    /// What goes on under `subject` right now.
    pub fn status(&self, subject: &str, detail: &str) {
        if self.quiet {
            return;
        }
        let text = if detail.is_empty() { subject.to_owned() } else { format!("{subject}: {detail}") };
        if let Some(bar) = &self.bar {
            bar.set_message(self.stream.1.mask(&text).into_owned());
            bar.tick();
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.as_ref().is_none_or(|(before, at)| before != subject || at.elapsed() >= REPEAT_STATUS_AFTER);
        if due {
            *last = Some((subject.to_owned(), Instant::now()));
            self.stream.write(&format!("{text}\n"));
        }
    }

    /// Takes the changing line away, as before results are printed.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message("");
            bar.finish_and_clear();
            bar.reset();
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

/// What the disk that holds `path` has left for a user; nothing where the system does not tell.
#[must_use]
pub fn free_bytes(path: &std::path::Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: a zeroed statvfs is a valid place for the answer, and the path ends with a zero.
    unsafe {
        let mut disk: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &raw mut disk) == 0).then(|| disk.f_bavail * disk.f_frsize)
    }
}
