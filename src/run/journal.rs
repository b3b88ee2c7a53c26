//! The append-only log of everything observed: the raw data from which all else is computed.
//!
//! Each line reaches the operating system before `record` returns, so a killed cprun loses at most the line
//! it was writing. A torn last line is dropped when the journal is read.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::record::{Line, Observation, Recorder};

pub struct Journal {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// Bytes of whole lines.
    length: u64,
    seq: u64,
    buffer: Vec<u8>,
}

impl Journal {
    pub fn create(path: &Path, clock: Clock) -> Result<Arc<Self>> {
        let file = File::options().create_new(true).append(true).open(path);
        let file = file.map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        Ok(Arc::new(Self { clock, state: Mutex::new(State { file, length: 0, seq: 0, buffer: Vec::new() }) }))
    }

    /// A recorder that marks its lines with the trial's id.
    #[must_use]
    pub fn of_trial(self: &Arc<Self>, trial: &str) -> Arc<dyn Recorder> {
        Arc::new(TrialRecorder { journal: Arc::clone(self), trial: trial.to_owned() })
    }

    fn append(&self, trial: Option<&str>, observation: Observation) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let t_epoch_ns = u64::try_from(self.clock.epoch().as_nanos()).unwrap_or(u64::MAX);
        let line = Line {
            seq: state.seq + 1,
            t_epoch_ns,
            mono_ns: self.clock.mono_ns(),
            trial: trial.map(str::to_owned),
            observation,
        };
        state.buffer.clear();
        serde_json::to_writer(&mut state.buffer, &line)
            .map_err(|error| Error::defect(format!("cannot write an observation: {error}")))?;
        state.buffer.push(b'\n');
        if let Err(error) = state.file.write_all(&state.buffer) {
            // Half a line in the middle would make the lines after it unreadable; cutting works on a full disk too.
            let _ = state.file.set_len(state.length);
            return Err(Error::io("write the journal", error));
        }
        state.length += state.buffer.len() as u64;
        state.seq += 1;
        Ok(())
    }
}

impl Recorder for Journal {
    fn record(&self, observation: Observation) -> Result<()> {
        self.append(None, observation)
    }
}

struct TrialRecorder {
    journal: Arc<Journal>,
    trial: String,
}

impl Recorder for TrialRecorder {
    fn record(&self, observation: Observation) -> Result<()> {
        self.journal.append(Some(&self.trial), observation)
    }
}

/// Reads a whole journal, line by line: one of hours has millions. Returns what `take` makes of the lines, and
/// whether the last line was torn and left out. A line that is not last and cannot be read is an error: raw
/// data are not guessed.
pub fn read<T>(path: &Path, take: impl FnOnce(&mut dyn Iterator<Item = Line>) -> T) -> Result<(T, bool)> {
    let file = File::open(path).map_err(|error| Error::missing(format!("cannot read {}: {error}", path.display())))?;
    let mut lines = Lines {
        reader: BufReader::with_capacity(1 << 20, file),
        path,
        number: 0,
        bytes: Vec::new(),
        torn: false,
        error: None,
    };
    let taken = take(&mut lines);
    match lines.error {
        Some(error) => Err(error),
        None => Ok((taken, lines.torn)),
    }
}

/// Ends at the first error, which it keeps.
struct Lines<'path> {
    reader: BufReader<File>,
    path: &'path Path,
    number: u64,
    bytes: Vec<u8>,
    torn: bool,
    error: Option<Error>,
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        self.bytes.clear();
        self.number += 1;
        match self.reader.read_until(b'\n', &mut self.bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                self.error = Some(Error::io(format!("read {}", self.path.display()), error));
                return None;
            }
        }
        match serde_json::from_slice(&self.bytes) {
            Ok(line) => Some(line),
            Err(_) if self.bytes.last() != Some(&b'\n') => {
                self.torn = true;
                None
            }
            Err(error) => {
                let place = format!("{}:{}", self.path.display(), self.number);
                let error = Error::script(format!("{place}: not a line of a journal: {error}"));
                self.error = Some(error.hint("compare the file with SHA256SUMS of its run directory"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_dropped_and_a_torn_middle_line_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let journal = Journal::create(&path, Clock::start()).expect("made");
        journal.of_trial("interval=1s#1").record(Observation::Note { text: "one".into() }).expect("written");
        journal.record(Observation::Warning { text: "two".into() }).expect("written");
        let whole = std::fs::read(&path).expect("read");
        std::fs::write(&path, &whole[..whole.len() - 5]).expect("written");
        let all = |path: &Path| read(path, |lines| lines.collect::<Vec<_>>());
        let (lines, torn) = all(&path).expect("readable");
        assert!(torn);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].trial.as_deref(), Some("interval=1s#1"));
        std::fs::write(&path, [b"{\n", whole.as_slice()].concat()).expect("written");
        assert!(all(&path).expect_err("not a journal").message.contains("journal.jsonl:1: "));
    }
}
