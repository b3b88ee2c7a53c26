//! What a program takes from its surroundings, in one value: environment, standard streams, clock, signals.
//!
//! Nothing else in cprun reads the environment or writes to a stream, so a test runs the whole program in
//! its own process, with a map for an environment and a buffer for a terminal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
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
///
/// A prompt outlives its interrupts: it renews the cancellation for each evaluation. Hence nobody keeps the token
/// across calls; who waits asks `cancelled` anew.
#[derive(Clone, Default)]
pub struct Signals {
    pub cancelled: Cancelled,
    raised: Arc<Mutex<Received>>,
}

#[derive(Default)]
struct Received {
    kind: Option<Kind>,
    first: Option<Instant>,
    /// At a prompt an interrupt ends an evaluation, never the program.
    at_prompt: bool,
}

/// What a signal means beside those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    First,
    /// The same one, passed on a second time.
    Same,
    /// The user asks again.
    Again,
}

/// Signals this close to the first are the same one: `timeout`, a shell and the kernel may each pass one on.
const SAME_WITHIN: Duration = Duration::from_secs(1);

impl Signals {
    /// Called by whoever listens for signals; the first one counts, but that a termination follows an interrupt.
    pub fn raise(&self, kind: Kind) -> Raised {
        let raised = {
            let mut received = self.received();
            let harmless = received.at_prompt && kind == Kind::Interrupted;
            let ends = kind == Kind::Terminated && received.kind == Some(Kind::Interrupted) && received.at_prompt;
            match received.first {
                Some(_) if ends => {
                    *received = Received { kind: Some(kind), first: Some(Instant::now()), ..*received };
                    Raised::First
                }
                Some(at) if at.elapsed() > SAME_WITHIN && !harmless => Raised::Again,
                Some(_) => Raised::Same,
                None => {
                    *received = Received { kind: Some(kind), first: Some(Instant::now()), ..*received };
                    Raised::First
                }
            }
        };
        self.cancelled.token().cancel();
        raised
    }

    /// From here on an interrupt ends what is evaluated and no more.
    pub fn at_prompt(&self, yes: bool) {
        self.received().at_prompt = yes;
    }

    /// Forgets an interrupt, so that the next evaluation can run; a termination stays.
    pub fn renew(&self) {
        let mut received = self.received();
        if received.kind != Some(Kind::Terminated) {
            *received = Received { at_prompt: received.at_prompt, ..Received::default() };
            self.cancelled.renew();
        }
    }

    /// The signal that was raised, if one was.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.received().kind
    }

    /// The error that the signal stands for, once one was raised. Work in the background of a prompt is ended by
    /// its own cancellation and by termination, not by an interrupt.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        let received = self.received();
        if Cancelled::is_own() && received.kind != Some(Kind::Terminated) {
            return self.cancelled.is_cancelled().then(|| Error::new(Kind::Interrupted, "stopped"));
        }
        received.kind.map(|kind| match (kind, received.at_prompt) {
            (Kind::Terminated, _) => Error::new(kind, "interrupted by SIGTERM; what was measured so far is kept"),
            (_, true) => Error::new(kind, "interrupted"),
            (_, false) => Error::new(kind, "interrupted by Ctrl-C; what was measured so far is kept"),
        })
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The cancellation of the work that this thread does in the background of a prompt.
    static OWN: RefCell<Option<CancellationToken>> = const { RefCell::new(None) };
    /// What ends the work of this thread besides.
    static ALSO: RefCell<Option<CancellationToken>> = const { RefCell::new(None) };
}

/// Whether what goes on is to end, and waiting for that.
///
/// Natives ask the host, wherever they are called from. A thread that works in the background of a prompt has a
/// cancellation of its own, so that Ctrl-C ends the evaluation in front of it and not the fault schedule behind.
#[derive(Clone, Default)]
pub struct Cancelled(Arc<RwLock<CancellationToken>>);

impl Cancelled {
    /// The token that counts on this thread right now.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        let own = OWN.with_borrow(Clone::clone);
        own.unwrap_or_else(|| self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        if ALSO.with_borrow(|also| also.as_ref().is_some_and(CancellationToken::is_cancelled)) {
            return true;
        }
        let own = OWN.with_borrow(|own| own.as_ref().map(CancellationToken::is_cancelled));
        own.unwrap_or_else(|| self.0.read().unwrap_or_else(PoisonError::into_inner).is_cancelled())
    }

    pub async fn cancelled(&self) {
        match ALSO.with_borrow(Clone::clone) {
            None => self.token().cancelled_owned().await,
            Some(also) => tokio::select! {
                () = self.token().cancelled_owned() => {}
                () = also.cancelled_owned() => {}
            },
        }
    }

    /// Makes `token` end what this thread waits for, beside its cancellation, until the thread ends.
    pub fn also_on_this_thread(token: CancellationToken) {
        ALSO.set(Some(token));
    }

    /// Runs what must not be broken off halfway because the work that it belongs to is over; a signal still ends it.
    pub fn shielded<T>(work: impl FnOnce() -> T) -> T {
        /// Put back on every way out.
        struct Also(Option<CancellationToken>);
        impl Drop for Also {
            fn drop(&mut self) {
                ALSO.set(self.0.take());
            }
        }
        let _also = Also(ALSO.take());
        work()
    }

    /// The cancellation that is this thread's alone, for a thread that it starts.
    #[must_use]
    pub fn own() -> Option<CancellationToken> {
        OWN.with_borrow(Clone::clone)
    }

    /// Makes `token` the cancellation of this thread, until the thread ends.
    pub fn on_this_thread(token: CancellationToken) {
        OWN.set(Some(token));
    }

    fn is_own() -> bool {
        OWN.with_borrow(Option::is_some)
    }

    fn renew(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
    }
}

/// What a user types, or what a pipe brings.
#[derive(Clone)]
pub struct Input {
    /// Somebody types, and sees what is printed.
    pub terminal: bool,
    reader: Arc<Mutex<Box<dyn BufRead + Send>>>,
}

impl Input {
    #[must_use]
    pub fn new(reader: Box<dyn BufRead + Send>, terminal: bool) -> Self {
        Self { terminal, reader: Arc::new(Mutex::new(reader)) }
    }

    /// The next line without its end; nothing after the last one.
    pub fn line(&self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let read = reader.read_line(&mut line)?;
        let without_end = line.trim_end_matches('\n').trim_end_matches('\r').to_owned();
        Ok((read > 0).then_some(without_end))
    }
}

#[derive(Clone)]
pub struct Host {
    pub environment: Arc<BTreeMap<String, String>>,
    pub directory: PathBuf,
    pub input: Input,
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
            input: Input::new(
                Box::new(std::io::BufReader::new(std::io::stdin())),
                std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            ),
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

    /// What a user would miss, though nothing depends on it: `$XDG_STATE_HOME/cprun`, else `~/.local/state/cprun`.
    #[must_use]
    pub fn state(&self) -> Option<PathBuf> {
        let state = self.variable("XDG_STATE_HOME").filter(|state| state.starts_with('/'));
        let home = || self.variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        state.map(PathBuf::from).or_else(home).map(|folder| folder.join("cprun"))
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
    /// A changing line stands on the terminal.
    drawn: Arc<AtomicBool>,
    last: Arc<Mutex<Option<(String, Instant)>>>,
}

const REPEAT_STATUS_AFTER: Duration = Duration::from_secs(30);

impl Progress {
    #[must_use]
    pub fn new(stream: Stream, terminal: bool) -> Self {
        Self { stream, bar: terminal.then(spinner), quiet: false, drawn: Arc::default(), last: Arc::default() }
    }

    /// Only errors and warnings from here on.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self.bar = None;
        self
    }

    /// Whether a person sees it as it comes.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.bar.is_some()
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
            Some(bar) if self.drawn.load(Ordering::Relaxed) => {
                bar.suspend(|| self.stream.write(&format!("{text}\n")));
            }
            _ => self.stream.write(&format!("{text}\n")),
        }
    }

    /// What goes on under `subject` right now.
    pub fn status(&self, subject: &str, detail: &str) {
        if self.quiet {
            return;
        }
        let text = if detail.is_empty() { subject.to_owned() } else { format!("{subject}: {detail}") };
        if let Some(bar) = &self.bar {
            self.drawn.store(true, Ordering::Relaxed);
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
        if let Some(bar) = self.bar.as_ref().filter(|_| self.drawn.swap(false, Ordering::Relaxed)) {
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
