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
    seq: u64,
    buffer: Vec<u8>,
}

impl Journal {
    pub fn create(path: &Path, clock: Clock) -> Result<Arc<Self>> {
        let file = File::options().create_new(true).append(true).open(path);
        let file = file.map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        Ok(Arc::new(Self { clock, state: Mutex::new(State { file, seq: 0, buffer: Vec::new() }) }))
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
        state.file.write_all(&state.buffer).map_err(|error| Error::io("write the journal", error))?;
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

/// What a journal holds, and whether its last line was torn.
#[derive(Debug)]
pub struct Read {
    pub lines: Vec<Line>,
    pub torn: bool,
}

/// Reads a whole journal. A line that is not last and cannot be read is an error: raw data are not guessed.
pub fn read(path: &Path) -> Result<Read> {
    let file = File::open(path).map_err(|error| Error::missing(format!("cannot read {}: {error}", path.display())))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut read = Read { lines: Vec::new(), torn: false };
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let length = reader
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Error::io(format!("read {}", path.display()), error))?;
        if length == 0 {
            break;
        }
        match serde_json::from_slice(&bytes) {
            Ok(line) => read.lines.push(line),
            Err(_) if bytes.last() != Some(&b'\n') => read.torn = true,
            Err(error) => {
                return Err(Error::script(format!("{}:{number}: not a line of a journal: {error}", path.display()))
                    .hint("compare the file with SHA256SUMS of its run directory"));
            }
        }
    }
    Ok(read)
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
        let cut = read(&path).expect("readable");
        assert!(cut.torn);
        assert_eq!(cut.lines.len(), 1);
        assert_eq!(cut.lines[0].trial.as_deref(), Some("interval=1s#1"));
        std::fs::write(&path, [b"{\n", whole.as_slice()].concat()).expect("written");
        assert!(read(&path).expect_err("not a journal").message.contains("journal.jsonl:1: "));
    }
}
