//! The run directory: where it is, who may use it, and the checksums that close it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::journal;
use crate::error::{Error, Result};

/// What an interrupted start may have left: the manifest is the first file of a run. Anything else in a
/// directory is the user's own.
const OURS: [&str; 1] = [".manifest.json.new"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory(PathBuf);

impl RunDirectory {
    /// A new `results/SCRIPT/TIME` under `base`, with `-2`, `-3`, … where that second is taken.
    pub fn create(base: &Path, script: &str, time: &str) -> Result<Self> {
        let parent = base.join("results").join(script);
        fs::create_dir_all(&parent).map_err(|error| cannot_make(&parent, error))?;
        for number in 1.. {
            let name = if number == 1 { time.to_owned() } else { format!("{time}-{number}") };
            let path = parent.join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot_make(&path, error)),
            }
        }
        Err(Error::defect("the numbers of run directories are used up"))
    }

    /// The directory that the user named with `--out`.
    pub fn take(path: &Path) -> Result<Self> {
        if path.join("manifest.json").exists() {
            return Err(Error::usage(format!("{} holds a run already", path.display()))
                .hint("name another directory, or remove that one first"));
        }
        fs::create_dir_all(path).map_err(|error| cannot_make(path, error))?;
        let entries = fs::read_dir(path).map_err(|error| Error::io(format!("read {}", path.display()), error))?;
        let names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        if let Some(stranger) = names.iter().find(|name| !OURS.contains(&name.as_str())) {
            return Err(Error::usage(format!("{} is not empty: it holds `{stranger}`", path.display()))
                .hint("name a new or empty directory"));
        }
        for name in names {
            let old = path.join(name);
            fs::remove_file(&old).map_err(|error| Error::io(format!("remove {}", old.display()), error))?;
        }
        let absolute = path.canonicalize().map_err(|error| Error::io(format!("find {}", path.display()), error))?;
        Ok(Self(absolute))
    }

    /// A directory that holds a run.
    pub fn open(path: &Path) -> Result<Self> {
        if path.join("manifest.json").is_file() {
            return Ok(Self(path.to_owned()));
        }
        Err(Error::missing(format!("{} holds no run: there is no manifest.json", path.display()))
            .hint("name a directory under results/SCRIPT/"))
    }

    /// The journal, compressed in a published run.
    pub fn journal(&self) -> Result<PathBuf> {
        let found = [journal::NAME, journal::COMPRESSED_NAME].map(|name| self.file(name));
        found.into_iter().find(|path| path.is_file()).ok_or_else(|| {
            Error::missing(format!("{} holds no raw data: there is no {}", self.0.display(), journal::NAME)).hint(
                format!("copy the whole run directory: every figure is computed from {0} or {0}.gz", journal::NAME),
            )
        })
    }

    /// The manifest as it stands.
    pub fn manifest(&self) -> Result<serde_json::Value> {
        let path = self.file("manifest.json");
        let text = fs::read(&path).map_err(|error| Error::io(format!("read {}", path.display()), error))?;
        serde_json::from_slice(&text).map_err(|error| {
            Error::script(format!("{}: not the manifest of a run: {error}", path.display()))
                .hint("compare the file with SHA256SUMS of its run directory")
        })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file whole, in a folder of the directory or in itself: a reader finds the old one or the new one, never half.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.file(name);
        let new = path.with_file_name(format!(".{}.new", path.file_name().unwrap_or_default().display()));
        let write = || {
            // Plots have a folder of their own.
            fs::create_dir_all(path.parent().unwrap_or(&self.0))?;
            let mut file = File::create(&new)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(|error| unwritable(&self.0, name, error))
    }

    /// Removes a folder of the run and all that is in it; one that is not there is no error.
    pub fn remove_folder(&self, name: &str) -> Result<()> {
        match fs::remove_dir_all(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(format!("remove {}", self.file(name).display()), error))
            }
            _ => Ok(()),
        }
    }

    /// `SHA256SUMS` over every file but itself, as `sha256sum -c` reads it.
    pub fn write_checksums(&self) -> Result<()> {
        let mut files = Vec::new();
        collect(&self.0, &self.0, &mut files)?;
        files.sort();
        let mut text = String::new();
        for file in files.iter().filter(|file| file.as_str() != "SHA256SUMS") {
            text.push_str(&format!("{}  {file}\n", checksum(&self.0.join(file))?));
        }
        self.write("SHA256SUMS", text.as_bytes())
    }
}

fn unwritable(directory: &Path, name: &str, error: io::Error) -> Error {
    let refused = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
    let told = Error::io(format!("write {}", directory.join(name).display()), error);
    if refused { told.hint("copy the run directory to where you may write, and name the copy") } else { told }
}

/// The SHA-256 of a file, in hex.
pub fn checksum(path: &Path) -> Result<String> {
    let cannot = |error| Error::io(format!("read {}", path.display()), error);
    let mut hash = Sha256::new();
    let mut file = File::open(path).map_err(cannot)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer).map_err(cannot)?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<()> {
    let cannot = |error| Error::io(format!("read {}", folder.display()), error);
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            files.push(relative.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

fn cannot_make(path: &Path, error: io::Error) -> Error {
    Error::io(format!("make {}", path.display()), error)
        .hint("choose a directory that you may write to with `--out DIR`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_second_run_in_the_same_second_gets_a_number() {
        let base = tempfile::tempdir().expect("a folder");
        let first = RunDirectory::create(base.path(), "nyc", "2026-11-21T10-00-00Z").expect("made");
        let second = RunDirectory::create(base.path(), "nyc", "2026-11-21T10-00-00Z").expect("made");
        assert!(first.path().ends_with("results/nyc/2026-11-21T10-00-00Z"));
        assert!(second.path().ends_with("results/nyc/2026-11-21T10-00-00Z-2"));
    }

    #[test]
    fn a_file_in_a_folder_is_written_and_summed_as_any_other() {
        let base = tempfile::tempdir().expect("a folder");
        let run = RunDirectory::take(&base.path().join("out")).expect("made");
        run.write("evidence/local/versions.txt", b"flink: 1.19.3\n").expect("written");
        run.write_checksums().expect("written");
        let sums = fs::read_to_string(run.file("SHA256SUMS")).expect("read");
        assert!(sums.ends_with("  evidence/local/versions.txt\n") && sums.lines().count() == 1, "{sums}");
    }

    #[test]
    fn files_in_a_folder_are_written_and_go_with_it() {
        let base = tempfile::tempdir().expect("a folder");
        let run = RunDirectory::create(base.path(), "nyc", "2026-11-21T10-00-00Z").expect("made");
        run.remove_folder("plots").expect("there is none yet");
        run.write("plots/budget.svg", b"<svg/>").expect("written");
        run.write("plots/budget.svg", b"<svg></svg>").expect("written again");
        run.write_checksums().expect("summed");
        let sums = fs::read_to_string(run.file("SHA256SUMS")).expect("there");
        assert!(sums.ends_with("  plots/budget.svg\n") && sums.lines().count() == 1, "{sums}");
        run.remove_folder("plots").expect("removed");
        assert!(!run.file("plots").exists());
    }

    #[test]
    fn a_directory_with_a_run_or_with_foreign_files_is_refused() {
        let base = tempfile::tempdir().expect("a folder");
        let out = base.path().join("out");
        RunDirectory::take(&out).expect("made");
        fs::write(out.join(".manifest.json.new"), "{").expect("written");
        RunDirectory::take(&out).expect("what an interrupted start left is removed");
        assert!(!out.join(".manifest.json.new").exists());
        fs::create_dir(out.join("logs")).expect("made");
        assert_eq!(RunDirectory::take(&out).expect_err("somebody's logs").kind, Kind::Usage);
        fs::remove_dir(out.join("logs")).expect("removed");
        fs::write(out.join("thesis.tex"), "").expect("written");
        assert_eq!(RunDirectory::take(&out).expect_err("foreign").kind, Kind::Usage);
        fs::remove_file(out.join("thesis.tex")).expect("removed");
        fs::write(out.join("manifest.json"), "{}").expect("written");
        assert_eq!(RunDirectory::take(&out).expect_err("a run").kind, Kind::Usage);
    }
}
