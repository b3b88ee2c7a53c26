//! A run made ready to be published: small, without the names of its user and host, and still analysable.
//!
//! Raw lines are copied byte for byte unless a name stands in them. Names are replaced in fields that hold free text
//! or name a machine, never in those that figures are computed from; that no figure moved is checked before the copy
//! counts as made. Words such as `root` or `localhost` name nobody, and a word of two letters is met by chance: these
//! are replaced only where a field holds nothing else.

use std::fs::{self, File};
use std::io::{BufRead, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde_json::Value;

use super::directory::RunDirectory;
use super::load::{self, Loaded};
use super::{journal, render_bytes};
use crate::error::{Error, Result};
use crate::host::Progress;

/// Derived tables above this size are left out: they can be computed again.
const LARGEST_CSV: usize = 1_000_000;

/// What was made, for the one who asked.
pub struct Published {
    /// Name and size of each file that was left out.
    pub left_out: Vec<(String, usize)>,
    pub bytes: u64,
}

/// Copies the run into `out`, which must be new or empty.
pub fn publish(directory: &RunDirectory, out: &Path, progress: &Progress) -> Result<Published> {
    refuse_inside(directory, out)?;
    let original = load::load(directory, progress)?;
    let example = RunDirectory::take(out)?;
    let made = fill(directory, &original, &example, progress);
    if made.is_err() {
        // It was new or empty; why it failed matters more than that half a copy could not be removed.
        let _ = fs::remove_dir_all(example.path());
    }
    made
}

fn refuse_inside(directory: &RunDirectory, out: &Path) -> Result<()> {
    let inside = directory.path().canonicalize().is_ok_and(|run| {
        out.ancestors().find_map(|part| part.canonicalize().ok()).is_some_and(|parent| parent.starts_with(run))
    });
    if inside {
        return Err(Error::usage(format!("{} lies in the run directory itself", out.display()))
            .hint("name a directory elsewhere, such as results/examples/NAME"));
    }
    Ok(())
}

fn fill(directory: &RunDirectory, original: &Loaded, example: &RunDirectory, progress: &Progress) -> Result<Published> {
    let manifest = directory.manifest()?;
    let names = Names::of(&manifest);
    let manifest = serde_json::to_vec_pretty(&names.hide_manifest(manifest))
        .map_err(|error| Error::defect(format!("cannot write the manifest: {error}")))?;
    example.write("manifest.json", &manifest)?;
    progress.status("compressing", "the journal");
    let left = copy_journal(&directory.journal()?, &example.file(journal::COMPRESSED_NAME), &names)?;
    if left > 0 {
        progress.warning(&format!(
            "{left} lines of the journal still hold the name of the user or host, where figures hang on it: look before you publish"
        ));
    }
    let copied = load::load(example, progress)?;
    same_figures(original, &copied)?;
    let mut left_out = Vec::new();
    for (name, content) in crate::report::files(&copied.run, &copied.results, &copied.provenance)? {
        if name.ends_with(".csv") && content.len() > LARGEST_CSV {
            left_out.push((name, content.len()));
        } else {
            example.write(&name, &content)?;
        }
    }
    example.write("README.md", readme(&copied, &left_out).as_bytes())?;
    example.write_checksums()?;
    Ok(Published { left_out, bytes: size(example.path())? })
}

/// All of summary.json but its reasons, which are texts and may hold a name.
fn same_figures(original: &Loaded, copied: &Loaded) -> Result<()> {
    let figures = |loaded: &Loaded| {
        let mut summary = serde_json::to_value(loaded.results.summary()).unwrap_or_default();
        summary["reasons"] = Value::Null;
        summary
    };
    if figures(original) == figures(copied) {
        return Ok(());
    }
    Err(Error::defect("the copy gives other figures than the run itself, and was removed"))
}

fn readme(copied: &Loaded, left_out: &[(String, usize)]) -> String {
    let mut text = format!(
        "# {}: profile {}, as it was run\n\nA run directory of cprun {}, copied with `cprun report DIR --example OUT`. Read `report.md` first;\n\
         `results/README.md` of cprun tells what each file holds.\n\nOf the run itself `logs/` and `evidence/` are not here, the journal is compressed, and the names of user and\n\
         host are `user` and `host`.",
        copied.results.script, copied.results.profile, copied.provenance.cprun
    );
    if !left_out.is_empty() {
        let names: Vec<String> =
            left_out.iter().map(|(name, bytes)| format!("`{name}` ({})", render_bytes(*bytes as u64))).collect();
        text.push_str(&format!(" Left out for their size: {}.", names.join(", ")));
    }
    text.push_str(
        "\n\n```console\n$ sha256sum -c SHA256SUMS     # nothing was changed since\n$ cprun analyze .             # all figures and tables again, from the journal\n```\n\n\
         `cprun analyze` writes every table, those that were left out too, and SHA256SUMS anew; `summary.json` stays the\nsame to the byte.\n",
    );
    text
}

fn size(folder: &Path) -> Result<u64> {
    let cannot = |error| Error::io(format!("read {}", folder.display()), error);
    let mut bytes = 0;
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let data = entry.metadata().map_err(cannot)?;
        bytes += if data.is_dir() { size(&entry.path())? } else { data.len() };
    }
    Ok(bytes)
}

/// Compresses the journal with names hidden. Returns how many lines still hold one.
fn copy_journal(from: &Path, to: &Path, names: &Names) -> Result<usize> {
    let cannot = |error| Error::io(format!("write {}", to.display()), error);
    let mut reader = journal::open(from)?;
    let file = File::create(to).map_err(cannot)?;
    // No time and no name in its header: the same journal is the same file.
    let mut writer: GzEncoder<File> = GzBuilder::new().mtime(0).write(file, Compression::best());
    let (mut line, mut left) = (Vec::new(), 0);
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).map_err(|error| journal::unreadable(from, error))?;
        // A torn last line is no observation, here as for every reader.
        if line.last() != Some(&b'\n') {
            break;
        }
        match names.hide_line(&line) {
            None => writer.write_all(&line).map_err(cannot)?,
            Some(hidden) => {
                left += usize::from(names.stand_in(&hidden));
                writer.write_all(hidden.as_bytes()).map_err(cannot)?;
            }
        }
    }
    writer.finish().and_then(|file| file.sync_all()).map_err(cannot)?;
    Ok(left)
}

/// Fields of the journal that hold free text or name a machine; no figure is computed from what they spell.
const TEXTS: [&str; 8] = ["text", "error", "because", "name", "host", "registered_as", "taskmanager", "ids"];

/// Words that name nobody.
const COMMON: [&str; 6] = ["root", "user", "host", "local", "localhost", "unknown"];

/// The names to hide, each with what stands for it.
struct Names(Vec<(String, &'static str)>);

impl Names {
    fn of(manifest: &Value) -> Self {
        let name = |key: &str, stands: &'static str| Some((manifest[key].as_str()?.to_owned(), stands));
        let names = [name("user", "user"), name("host_name", "host")].into_iter().flatten();
        let mut names: Vec<_> =
            names.filter(|(name, _)| !COMMON.contains(&name.as_str()) && !name.is_empty()).collect();
        // `ada-laptop` before `ada`, or half of it would stay.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self(names)
    }

    fn hide_manifest(&self, mut manifest: Value) -> Value {
        // The text of the script stays as it ran, or its hash would not fit; a user may be called `flink`.
        if let Some(program) = manifest["command_line"].get_mut(0) {
            let name = program.as_str().and_then(|path| Path::new(path).file_name()?.to_str()).unwrap_or("cprun");
            *program = name.into();
        }
        let script = manifest["script"].take();
        self.hide_strings(&mut manifest);
        manifest["script"] = script;
        for (key, stands) in [("user", "user"), ("host_name", "host")] {
            if manifest[key].is_string() {
                manifest[key] = stands.into();
            }
        }
        manifest
    }

    /// The line with the names hidden; None where none stands in it.
    fn hide_line(&self, line: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(line).ok()?;
        if !self.0.iter().any(|(name, _)| text.contains(name.as_str())) {
            return None;
        }
        let mut value: Value = serde_json::from_str(text).ok()?;
        self.hide_fields(&mut value);
        Some(format!("{value}\n"))
    }

    fn hide_fields(&self, value: &mut Value) {
        let Some(fields) = value.as_object_mut() else { return };
        for (key, field) in fields {
            if TEXTS.contains(&key.as_str()) {
                self.hide_strings(field);
            }
        }
    }

    fn hide_strings(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.hide(text),
            Value::Array(list) => list.iter_mut().for_each(|one| self.hide_strings(one)),
            Value::Object(fields) => fields.values_mut().for_each(|one| self.hide_strings(one)),
            _ => {}
        }
    }

    fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, stands) in &self.0 {
            if text == *name {
                (*stands).clone_into(&mut text);
            } else if name.chars().count() > 2 {
                text = replace_word(&text, name, stands);
            }
        }
        text
    }

    fn stand_in(&self, text: &str) -> bool {
        self.0.iter().any(|(name, stands)| name.chars().count() > 2 && replace_word(text, name, stands) != text)
    }
}

/// Replaces `word` where no letter, digit or underscore stands beside it.
fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(word) {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        if at >= done && !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word) {
            replaced.push_str(&text[done..at]);
            replaced.push_str(by);
            done = at + word.len();
        }
    }
    replaced.push_str(&text[done..]);
    replaced
}

#[cfg(test)]
mod tests;
