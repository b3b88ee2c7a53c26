//! Remembers what a run holds outside its journal, so that the next cprun can clear up after a killed one.
//!
//! Each run keeps a file in the cache and a lock on it. The kernel drops the lock however the run ends, so a
//! file whose lock can be had belongs to nobody. Its processes died with cprun (see `spawner`); should one
//! have outlived it, it is known by pid *and* start time, as a pid alone may mean a stranger by now.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::Progress;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Held {
    run: PathBuf,
    /// Folders to remove.
    folders: Vec<PathBuf>,
    /// Pid and start time in clock ticks since boot.
    processes: Vec<(u32, u64)>,
}

pub struct Leftovers {
    path: PathBuf,
    file: File,
    held: Held,
}

impl Leftovers {
    /// Opens the file of this run.
    pub fn hold(cache: &Path, run: &Path) -> Result<Self> {
        let folder = cache.join("running");
        let name = format!("{}-{:08x}.json", std::process::id(), rand::random::<u32>());
        let path = folder.join(name);
        let cannot = |error| Error::io(format!("write {}", path.display()), error);
        fs::create_dir_all(&folder).map_err(cannot)?;
        // Locked before it has the name that a sweep looks for: another cprun may be sweeping right now.
        let new = path.with_extension("new");
        let file = File::options().create_new(true).read(true).write(true).open(&new).map_err(cannot)?;
        file.lock().map_err(cannot)?;
        fs::rename(&new, &path).map_err(cannot)?;
        let mut leftovers = Self { path: path.clone(), file, held: Held { run: run.to_owned(), ..Held::default() } };
        leftovers.write()?;
        Ok(leftovers)
    }

    pub fn folder(&mut self, folder: &Path) -> Result<()> {
        self.held.folders.push(folder.to_owned());
        self.write()
    }

    pub fn process(&mut self, pid: u32) -> Result<()> {
        if let Some(started) = start_time(pid) {
            self.held.processes.push((pid, started));
        }
        self.write()
    }

    /// Nothing is held any more.
    pub fn release(self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("remove {}", self.path.display()), error))
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self) -> Result<()> {
        let text = serde_json::to_vec(&self.held)
            .map_err(|error| Error::defect(format!("cannot write what a run holds: {error}")))?;
        self.file
            .rewind()
            .and_then(|()| self.file.set_len(0))
            .and_then(|()| self.file.write_all(&text))
            .map_err(|error| Error::io(format!("write {}", self.path.display()), error))
    }
}

/// Clears up after runs that were killed. What cannot be cleared is told and tried again by the next cprun.
pub fn sweep(cache: &Path, progress: &Progress) {
    let Ok(entries) = fs::read_dir(cache.join("running")) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let Ok(mut file) = File::options().read(true).write(true).open(&path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        let mut text = String::new();
        let held: Held = match file.read_to_string(&mut text).map(|_| serde_json::from_str(&text)) {
            Ok(Ok(held)) => held,
            // Killed between making the file and writing to it: it held nothing yet.
            _ => Held::default(),
        };
        match clear(&held) {
            Ok(done) => {
                let _ = fs::remove_file(&path);
                if !held.run.as_os_str().is_empty() {
                    progress.line(&format!("swept what a killed run left ({done}): {}", held.run.display()));
                }
            }
            Err(error) => progress.warning(&format!("cannot sweep what a killed run left: {error}")),
        }
    }
}

fn clear(held: &Held) -> Result<String> {
    let alive = held.processes.iter().filter(|(pid, started)| start_time(*pid) == Some(*started));
    let mut killed = 0;
    for (pid, _) in alive {
        if let Ok(pid) = i32::try_from(*pid) {
            // SAFETY: kill takes no pointers; the start time shows that this is the process recorded.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            killed += 1;
        }
    }
    let mut removed = 0;
    for folder in held.folders.iter().filter(|folder| folder.exists()) {
        fs::remove_dir_all(folder).map_err(|error| Error::io(format!("remove {}", folder.display()), error))?;
        removed += 1;
    }
    Ok(format!("{killed} processes, {removed} folders"))
}

/// Field 22 of `/proc/PID/stat`; the name in field 2 may hold spaces and brackets.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Stream;

    #[test]
    fn a_run_that_still_holds_its_lock_is_left_alone_and_a_dead_one_is_swept() {
        let cache = tempfile::tempdir().expect("a folder");
        let work = cache.path().join("work");
        fs::create_dir(&work).expect("a folder");
        let quiet = Progress::new(Stream::new(Box::new(std::io::sink()), &crate::secret::Secrets::default()), false);
        let mut leftovers = Leftovers::hold(cache.path(), Path::new("results/x")).expect("a lock");
        leftovers.folder(&work).expect("written");
        sweep(cache.path(), &quiet);
        assert!(work.exists(), "the run is alive");
        drop(leftovers);
        sweep(cache.path(), &quiet);
        assert!(!work.exists(), "the run is dead");
        assert_eq!(fs::read_dir(cache.path().join("running")).expect("a folder").count(), 0);
    }

    #[test]
    fn a_process_is_known_by_its_start_time() {
        let own = std::process::id();
        assert!(start_time(own).is_some());
        let stranger = Held { processes: vec![(own, 1)], ..Held::default() };
        assert_eq!(clear(&stranger).expect("nothing to do"), "0 processes, 0 folders");
    }
}
