//! Pauses of a JVM from its own log of collections (`-Xlog:gc`), read on as it grows.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::proc::Named;

/// Read at once; the rest comes with the next step.
const LONGEST_READ: u64 = 1 << 20;

/// The pauses that a log has told so far.
#[derive(Debug, Default)]
pub struct Pauses {
    count: u64,
    seconds: f64,
    /// A line that is not at its end yet.
    partial: String,
}

impl Pauses {
    pub fn push(&mut self, text: &str) {
        self.partial.push_str(text);
        let Some(end) = self.partial.rfind('\n') else { return };
        let rest = self.partial.split_off(end + 1);
        for seconds in self.partial.lines().filter_map(pause_s) {
            self.count += 1;
            self.seconds += seconds;
        }
        self.partial = rest;
    }

    pub fn values(&self) -> Vec<Named> {
        vec![("gc_count", self.count as f64), ("gc_pause_s", self.seconds)]
    }
}

/// `…] GC(3) Pause Young (Normal) (G1 Evacuation Pause) 24M->4M(256M) 3.456ms`; concurrent work is no pause.
fn pause_s(line: &str) -> Option<f64> {
    let (_, told) = line.split_once("] GC(")?;
    let (_, told) = told.split_once(") ")?;
    let (_, millis) = told.strip_prefix("Pause ")?.rsplit_once(' ')?;
    millis.strip_suffix("ms")?.parse::<f64>().ok().map(|millis| millis / 1e3)
}

/// The log of one process.
#[derive(Debug)]
pub struct GcLog {
    path: PathBuf,
    file: Option<File>,
    offset: u64,
    pauses: Pauses,
}

impl GcLog {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, offset: 0, pauses: Pauses::default() }
    }

    /// What the log tells by now; nothing where there is none.
    pub fn read(&mut self) -> Vec<Named> {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return Vec::new() };
        let mut bytes = Vec::new();
        let read = file
            .seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.by_ref().take(LONGEST_READ).read_to_end(&mut bytes));
        if read.is_ok() {
            self.offset += bytes.len() as u64;
            self.pauses.push(&String::from_utf8_lossy(&bytes));
        }
        self.pauses.values()
    }
}
