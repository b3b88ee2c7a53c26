//! The append-only log of everything observed: the raw data from which all else is computed.
//!
//! Each line reaches the operating system before `record` returns, so a killed cprun loses at most the line
//! it was writing. A torn last line is dropped when the journal is read. A published run holds it compressed;
//! whoever reads a journal takes either.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::record::{Line, Observation, Recorder};
use crate::secret::Secrets;

pub struct Journal {
    clock: Clock,
    secrets: Secrets,
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
        Self::create_masked(path, clock, &Secrets::default())
    }

    /// One into which no secret gets.
    pub fn create_masked(path: &Path, clock: Clock, secrets: &Secrets) -> Result<Arc<Self>> {
        let file = File::options().create_new(true).append(true).open(path);
        let file = file.map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        let state = Mutex::new(State { file, length: 0, seq: 0, buffer: Vec::new() });
        Ok(Arc::new(Self { clock, secrets: secrets.clone(), state }))
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
        let written = if self.secrets.is_empty() {
            serde_json::to_writer(&mut state.buffer, &line)
        } else {
            serde_json::to_value(&line).and_then(|mut value| {
                self.secrets.mask_json(&mut value);
                serde_json::to_writer(&mut state.buffer, &value)
            })
        };
        written.map_err(|error| Error::defect(format!("cannot write an observation: {error}")))?;
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

/// The name of the journal in a run directory, and its name in a published one.
pub const NAME: &str = "journal.jsonl";
pub const COMPRESSED_NAME: &str = "journal.jsonl.gz";

/// The lines of a journal as bytes, whether it is compressed or not.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = File::open(path).map_err(|error| Error::missing(format!("cannot read {}: {error}", path.display())))?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let start = reader.fill_buf().map_err(|error| Error::io(format!("read {}", path.display()), error))?;
    if start.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader))));
    }
    Ok(Box::new(reader))
}

/// How every gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 1 << 20;

/// A journal that cannot be read to its end: the disk's fault, or that of whoever shortened a compressed one.
pub fn unreadable(path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
        return Error::script(format!("{}: cut short or damaged: {error}", path.display())).hint(COMPARE);
    }
    Error::io(format!("read {}", path.display()), error)
}

const COMPARE: &str = "compare the file with SHA256SUMS of its run directory";

/// Reads a whole journal, line by line: one of hours has millions. Returns what `take` makes of the lines, and
/// whether the last line was torn and left out. A line that is not last and cannot be read is an error: raw
/// data are not guessed.
pub fn read<T>(path: &Path, take: impl FnOnce(&mut dyn Iterator<Item = Line>) -> T) -> Result<(T, bool)> {
    let mut lines = Lines { reader: open(path)?, path, number: 0, bytes: Vec::new(), torn: false, error: None };
    let taken = take(&mut lines);
    match lines.error {
        Some(error) => Err(error),
        None => Ok((taken, lines.torn)),
    }
}

/// Ends at the first error, which it keeps.
struct Lines<'path> {
    reader: Box<dyn BufRead>,
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
                self.error = Some(unreadable(self.path, error));
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
                self.error = Some(error.hint(COMPARE));
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

    #[test]
    fn a_compressed_journal_is_read_and_one_cut_short_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let plain = folder.path().join(NAME);
        let journal = Journal::create(&plain, Clock::start()).expect("made");
        journal.record(Observation::Note { text: "one".into() }).expect("written");
        let all = |path: &Path| read(path, |lines| lines.collect::<Vec<_>>());
        let path = folder.path().join(COMPRESSED_NAME);
        let mut writer = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
        writer.write_all(&std::fs::read(&plain).expect("read")).expect("compressed");
        let packed = writer.finish().expect("compressed");
        std::fs::write(&path, &packed).expect("written");
        assert_eq!(all(&path).expect("readable"), all(&plain).expect("readable"));
        std::fs::write(&path, &packed[..packed.len() - 9]).expect("written");
        let error = all(&path).expect_err("cut short");
        assert_eq!(error.kind, crate::error::Kind::Script);
        assert!(error.message.contains("journal.jsonl.gz: cut short or damaged"), "{}", error.message);
    }
}
