//! One entry of the cache: made once, whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::Progress;

/// Returns `cache/kind/name`, made by `make` in a temporary folder beside it if it is not there.
///
/// `make` gets the folder to fill. A second cprun that wants the same entry waits for the first.
pub(super) fn entry(
    cache: &Path,
    kind: &str,
    name: &str,
    progress: &Progress,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let parent = cache.join(kind);
    let path = parent.join(name);
    if path.is_dir() {
        return Ok(path);
    }
    fs::create_dir_all(&parent).map_err(|error| unwritable(&parent, error))?;
    let _lock = lock(&parent.join(format!("{name}.lock")), name, progress)?;
    if path.is_dir() {
        return Ok(path);
    }
    let unfinished = parent.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|error| unwritable(&unfinished, error))?;
    }
    fs::create_dir_all(&unfinished).map_err(|error| unwritable(&unfinished, error))?;
    let made =
        make(&unfinished).and_then(|()| fs::rename(&unfinished, &path).map_err(|error| unwritable(&path, error)));
    if let Err(error) = made {
        // Why it failed matters more than that its folder could not be removed; the next try removes it too.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error);
    }
    Ok(path)
}

fn lock(path: &Path, name: &str, progress: &Progress) -> Result<File> {
    let file = File::create(path).map_err(|error| unwritable(path, error))?;
    if file.try_lock().is_err() {
        progress.status("cache", &format!("another cprun is making {name}; waiting for it"));
        file.lock().map_err(|error| unwritable(path, error))?;
    }
    Ok(file)
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("write {}", path.display()), error)
        .hint("set XDG_CACHE_HOME to a directory that you may write to")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    #[test]
    fn what_could_not_be_made_leaves_no_folder_and_is_tried_again() {
        let cache = tempfile::tempdir().expect("a folder");
        let progress = Host::real().progress.quiet();
        let fill = |folder: &Path| fs::write(folder.join("half"), "").map_err(|error| Error::io("write", error));
        let failed = entry(cache.path(), "jobs", "x", &progress, |folder| {
            fill(folder)?;
            Err(Error::target("Maven failed"))
        });
        assert_eq!(failed.expect_err("it failed").message, "Maven failed");
        let folders = || {
            let entries = fs::read_dir(cache.path().join("jobs")).expect("a folder").flatten();
            entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name()).collect::<Vec<_>>()
        };
        assert!(folders().is_empty(), "{:?}", folders());
        let made = entry(cache.path(), "jobs", "x", &progress, fill).expect("made");
        assert!(made.join("half").is_file());
        assert_eq!(folders(), ["x"]);
    }
}
