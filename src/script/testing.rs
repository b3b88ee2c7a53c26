//! Runs scripts in a folder of their own, as a user would, for the tests of this room.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::clock::Clock;
use crate::error::Error;
use crate::host::{Host, Progress, Signals, Stream};
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
    pub error: Option<Error>,
    pub out: String,
    pub err: String,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("whole").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("whole").clone()).expect("UTF-8")
    }
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, signals: Signals::default(), environment: BTreeMap::new() }
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
            environment: Arc::new(self.environment.clone()),
            directory: self.path().to_owned(),
            stdout: Stream::new(out, &secrets),
            progress: Progress::new(Stream::new(err, &secrets), false),
            clock: Clock::start(),
            signals: self.signals.clone(),
            secrets,
        }
    }

    /// Runs a script of the folder.
    pub fn run(&self, name: &str) -> Ran {
        let (out, err) = (Kept::default(), Kept::default());
        let host = self.host(Box::new(out.clone()), Box::new(err.clone()));
        let asynchronous = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let asynchronous = asynchronous.expect("a runtime");
        let error = match Source::open(&host, name) {
            Ok(source) => {
                script::run(&host, &Runtime::real(asynchronous.handle().clone()), source, Options::default()).error
            }
            Err(error) => Some(error),
        };
        Ran { error, out: out.text(), err: err.text() }
    }
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
