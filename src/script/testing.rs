//! Runs scripts in a folder of their own, as a user would, for the tests of this room.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::analysis::results::Results;
use crate::analysis::validity::Verdict;
use crate::clock::Clock;
use crate::error::{Error, Kind};
use crate::host::{Host, Progress, Signals, Stream};
use crate::run::{Run, TargetName};
use crate::runtime::Runtime;
use crate::script::{self, Options, Source};
use crate::secret::Secrets;

pub struct Folder {
    folder: tempfile::TempDir,
    pub signals: Signals,
    environment: BTreeMap<String, String>,
}

/// What a script left.
#[derive(Debug)]
pub struct Ran {
    /// Of what was demanded where no run was opened.
    pub unmet: Verdict,
    pub error: Option<Error>,
    pub out: String,
    pub err: String,
}

/// What a run on the simulated target left.
pub struct Simulated {
    pub ran: Ran,
    pub results: Option<Results>,
    pub journal: String,
    pub run: Option<Arc<Run>>,
}

impl Simulated {
    #[track_caller]
    pub fn results(&self) -> &Results {
        assert!(self.ran.error.is_none(), "{}\n{}", self.ran.message(), self.ran.err);
        self.results.as_ref().expect("a run")
    }
}

#[derive(Clone, Default)]
struct Kept {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Told of each write.
    printed: Option<std::sync::mpsc::Sender<()>>,
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.lock().expect("whole").extend(bytes);
        if let Some(printed) = &self.printed {
            // Who listens may have heard enough.
            let _ = printed.send(());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().expect("whole").clone()).expect("UTF-8")
    }
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = folder.path().join("cache").display().to_string();
        let environment = BTreeMap::from([("XDG_CACHE_HOME".into(), cache)]);
        Self { folder, signals: Signals::default(), environment }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn with(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
        std::fs::write(path, text).expect("written");
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    pub fn host(&self, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Host {
        let secrets = Secrets::default();
        Host {
            input: crate::host::Input::new(Box::new(std::io::empty()), false),
            environment: Arc::new(self.environment.clone()),
            directory: self.path().to_owned(),
            stdout: Stream::new(out, &secrets),
            progress: Progress::new(Stream::new(err, &secrets), false),
            clock: Clock::start(),
            signals: self.signals.clone(),
            secrets,
        }
    }

    /// Runs a script of the folder on the simulated target.
    pub fn simulate(&self, name: &str) -> Simulated {
        let (out, err) = (Kept::default(), Kept::default());
        let mut host = self.host(Box::new(out.clone()), Box::new(err.clone()));
        let runtime = Runtime::simulated().expect("a virtual clock");
        let _inside = runtime.enter();
        host.clock = Clock::start();
        let source = Source::open(&host, name).expect("it was written");
        let options = Options { target: TargetName::Sim, out: Some("run".into()), seed: 1, ..Options::default() };
        let ended = script::run(&host, &runtime, source, options);
        // The report with its plots takes longer than all the rest.
        let results = ended.run.as_ref().map(|run| run.results().expect("readable").results.clone());
        let ran = Ran { unmet: ended.without_run, error: ended.error, out: out.text(), err: err.text() };
        let journal = std::fs::read_to_string(self.path().join("run/journal.jsonl")).unwrap_or_default();
        Simulated { ran, results, journal, run: ended.run }
    }

    /// Every file below the folder that holds the text.
    pub fn files_with(&self, text: &str) -> Vec<String> {
        fn look(folder: &Path, text: &[u8], found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("readable").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    look(&path, text, found);
                } else if std::fs::read(&path).expect("readable").windows(text.len()).any(|window| window == text) {
                    found.push(path.display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        look(self.path(), text.as_bytes(), &mut found);
        found
    }

    /// Runs a script of the folder.
    pub fn run(&self, name: &str) -> Ran {
        self.run_to(name, Kept::default())
    }

    /// The same, with something else to print to.
    fn run_to(&self, name: &str, out: Kept) -> Ran {
        let asynchronous = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let asynchronous = asynchronous.expect("a runtime");
        self.run_on(name, &out, &Runtime::real(asynchronous.handle().clone()), Clock::start())
    }

    /// The same on a clock on which waits take no time.
    pub fn run_virtually(&self, name: &str) -> Ran {
        let runtime = Runtime::simulated().expect("a virtual clock");
        let _inside = runtime.enter();
        self.run_on(name, &Kept::default(), &runtime, Clock::start())
    }

    fn run_on(&self, name: &str, out: &Kept, runtime: &Runtime, clock: Clock) -> Ran {
        let err = Kept::default();
        let mut host = self.host(Box::new(out.clone()), Box::new(err.clone()));
        host.clock = clock;
        let source = Source::open(&host, name).expect("it was written");
        if let Some(error) = found(&host, &source) {
            return Ran { unmet: Verdict::Pass, error: Some(error), out: out.text(), err: err.text() };
        }
        let ended = script::run(&host, runtime, source, Options::default());
        Ran { unmet: ended.without_run, error: ended.error, out: out.text(), err: err.text() }
    }

    /// Runs a script and sends a signal once it has printed something. Returns how long it took to end from there.
    pub fn interrupt(&self, name: &str) -> (Ran, Duration) {
        let (printed, ready) = std::sync::mpsc::channel();
        let out = Kept { printed: Some(printed), ..Kept::default() };
        std::thread::scope(|scope| {
            let run = scope.spawn(|| (self.run_to(name, out), Instant::now()));
            ready.recv().expect("it prints");
            let raised = Instant::now();
            self.signals.raise(Kind::Interrupted);
            let (ran, ended) = run.join().expect("no panic");
            (ran, ended.saturating_duration_since(raised))
        })
    }
}

/// The first mistake that the check finds before a run.
fn found(host: &Host, source: &Source) -> Option<Error> {
    let findings = script::Checker::new(host).check(source);
    let finding = findings.into_iter().find(|finding| finding.severity == script::Severity::Error)?;
    let position = Some(finding.position);
    Some(Error { position, hint: finding.hint, ..Error::script(finding.message) })
}

/// Runs one script that stands alone, on a virtual clock.
pub fn run_virtually(text: &str) -> Ran {
    Folder::new().with("x.rhai", text).run_virtually("x.rhai")
}

/// Runs one script that stands alone.
pub fn run(text: &str) -> Ran {
    Folder::new().with("x.rhai", text).run("x.rhai")
}

impl Ran {
    #[track_caller]
    pub fn printed(&self) -> &str {
        assert!(self.error.is_none(), "{}", self.message());
        &self.out
    }

    /// The error as the terminal shows it.
    #[track_caller]
    pub fn message(&self) -> String {
        script::render(self.error.as_ref().expect("an error"))
    }
}
