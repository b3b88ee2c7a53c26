//! Prepared rows in the user's cache, so that nine trials and the next run do not sort them again.
//!
//! An entry is `KEY.csv` and `KEY.json`, its account; the key is a hash of which files they were (place, size,
//! times and inode, not content, which would take as long to read as sorting does), of the bounds, and of the
//! version of these rules. The account is written last: without one there is no entry. One cprun at a time
//! prepares, which also bounds the memory; what one that was killed left is removed by the next.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::account::Account;
use super::header::Header;
use super::prepare::{Identity, Request, prepare};
use super::prepared::Prepared;
use super::sort::BUDGET_BYTES;
use super::watch::Watch;
use crate::error::{Error, Result};

/// Raised when equal files would give other rows or another account.
const VERSION: u32 = 2;

const UNFINISHED: &str = ".unfinished-";

/// What stands beside the rows.
#[derive(serde::Serialize, serde::Deserialize)]
struct Entry {
    /// How long the rows are.
    bytes: u64,
    account: Account,
}

/// The folder of prepared rows within the cache.
pub struct Store {
    folder: PathBuf,
}

impl Store {
    pub fn open(cache: &Path) -> Result<Self> {
        let folder = cache.join("datasets");
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
        Ok(Self { folder })
    }

    /// The rows of `request` and where they lie, prepared now if they are not there.
    pub fn rows(&self, request: &Request, watch: &mut Watch<'_>) -> Result<(Prepared, PathBuf)> {
        let key = key(request)?;
        let path = self.folder.join(format!("{key}.csv"));
        if let Some(found) = self.found(&key)? {
            return Ok((found, path));
        }
        let _lock = self.lock(watch)?;
        if let Some(found) = self.found(&key)? {
            return Ok((found, path));
        }
        self.sweep()?;
        let failed = |error| unwritable(&self.folder, error);
        let mut unfinished = self.temporary()?;
        let mut output = BufWriter::with_capacity(1 << 20, unfinished.as_file_mut());
        let (header, account) = prepare(request, &self.folder, BUDGET_BYTES, &mut output, watch)?;
        drop(output);
        unfinished.as_file().sync_all().map_err(failed)?;
        let file = unfinished.persist(&path).map_err(|error| failed(error.error))?;
        let bytes = file.metadata().map_err(failed)?.len();
        let mut beside = self.temporary()?;
        let entry = Entry { bytes, account };
        serde_json::to_writer(&mut beside, &entry).map_err(|error| failed(error.into()))?;
        let account = entry.account;
        beside.flush().map_err(failed)?;
        beside.persist(self.folder.join(format!("{key}.json"))).map_err(|error| failed(error.error))?;
        Ok((Prepared { header, account, file, from_cache: false }, path))
    }

    /// Writes the rows of `request` to `output`, from the cache if they are there; the cache is left as it is.
    pub fn write(&self, request: &Request, output: &mut dyn Write, watch: &mut Watch<'_>) -> Result<Account> {
        if let Some(mut found) = self.found(&key(request)?)? {
            io::copy(&mut found.file, output)
                .and_then(|_| output.flush())
                .map_err(|error| Error::io("write the sorted rows", error))?;
            return Ok(found.account);
        }
        let _lock = self.lock(watch)?;
        self.sweep()?;
        Ok(prepare(request, &self.folder, BUDGET_BYTES, output, watch)?.1)
    }

    /// Generated rows under their key, written by `write` if they are not there; returns where they lie.
    pub fn generated(
        &self,
        key: &str,
        watch: &mut Watch<'_>,
        write: impl FnOnce(&mut dyn Write, &mut Watch<'_>) -> Result<()>,
    ) -> Result<PathBuf> {
        let path = self.folder.join(format!("{key}-{VERSION}.csv"));
        if path.is_file() {
            return Ok(path);
        }
        let _lock = self.lock(watch)?;
        self.sweep()?;
        let mut unfinished = self.temporary()?;
        let mut output = BufWriter::with_capacity(1 << 20, unfinished.as_file_mut());
        write(&mut output, watch)?;
        drop(output);
        unfinished.persist(&path).map_err(|error| unwritable(&self.folder, error.error))?;
        Ok(path)
    }

    /// An entry; one that cannot be read, or is not as long as it was written, is none, and will be made again.
    fn found(&self, key: &str) -> Result<Option<Prepared>> {
        let Ok(account) = fs::read(self.folder.join(format!("{key}.json"))) else { return Ok(None) };
        let Ok(Entry { bytes, account }) = serde_json::from_slice::<Entry>(&account) else { return Ok(None) };
        let path = self.folder.join(format!("{key}.csv"));
        let Ok(file) = File::open(&path) else { return Ok(None) };
        if file.metadata().is_ok_and(|metadata| metadata.len() != bytes) {
            return Ok(None);
        }
        let mut line = Vec::new();
        let mut reader = io::BufReader::new(&file);
        let ended = io::BufRead::read_until(&mut reader, b'\n', &mut line).is_ok() && line.pop() == Some(b'\n');
        let Ok(header) = Header::read(&line, &account.name) else { return Ok(None) };
        // The reader read ahead.
        let rewound = io::Seek::rewind(&mut &file).is_ok();
        Ok((ended && rewound).then_some(Prepared { header, account, file, from_cache: true }))
    }

    fn temporary(&self) -> Result<tempfile::NamedTempFile> {
        let named = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder);
        named.map_err(|error| unwritable(&self.folder, error))
    }

    fn lock(&self, watch: &mut Watch<'_>) -> Result<File> {
        let path = self.folder.join("lock");
        let file = File::create(&path).map_err(|error| unwritable(&path, error))?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(unwritable(&path, error)),
            }
            watch("another cprun is preparing trips; waiting for it", 0)?;
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Ok(file)
    }

    /// Removes what a killed cprun left; only under the lock.
    fn sweep(&self) -> Result<()> {
        let entries = fs::read_dir(&self.folder).map_err(|error| unwritable(&self.folder, error))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_file(entry.path()).map_err(|error| unwritable(&entry.path(), error))?;
            }
        }
        Ok(())
    }
}

fn key(request: &Request) -> Result<String> {
    let known = request.known()?;
    let mut hash = Sha256::new();
    hash.update(format!("{VERSION}\n{known:?}\n"));
    for path in &request.files {
        hash.update(Identity::of(path)?.text);
        hash.update("\n");
    }
    Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::io(format_args!("write {}", path.display()), error)
        .hint("free some disk, or set XDG_CACHE_HOME to a directory that you may write to")
}
