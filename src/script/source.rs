//! A script: its text, the name it goes by, and where it was found.

use std::path::{Path, PathBuf};

use crate::error::{Error, Position, Result};
use crate::host::Host;

#[derive(Clone, Debug)]
pub struct Source {
    /// As the user typed it; what messages show.
    pub name: String,
    pub text: String,
    /// The folder of the file; `None` for the embedded ones and for expressions.
    pub folder: Option<PathBuf>,
}

impl Source {
    /// Reads a script; where no such file is, one of those that came with cprun by the same name.
    pub fn open(host: &Host, path: &str) -> Result<Self> {
        let full = host.directory.join(path);
        match std::fs::read(&full) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| Error::script(format!("{path} is not UTF-8")))?;
                Ok(Self { name: path.to_owned(), text, folder: full.parent().map(Path::to_owned) })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Self::embedded(path).ok_or_else(|| Self::absent(path))
            }
            Err(error) => Err(Error::missing(format!("cannot read {path}: {error}"))),
        }
    }

    /// What was typed at the command line.
    #[must_use]
    pub fn expression(text: &str) -> Self {
        Self { name: "expression".into(), text: text.to_owned(), folder: None }
    }

    /// A file of `scripts/` or `stdlib/` within cprun.
    #[must_use]
    pub fn embedded(path: &str) -> Option<Self> {
        let path = path.trim_start_matches("./");
        let (_, content) = crate::EMBEDDED.iter().find(|(name, _)| *name == path)?;
        let text = str::from_utf8(content).ok()?.to_owned();
        Some(Self { name: path.to_owned(), text, folder: None })
    }

    /// The content of a file that the script names: beside it, else under the current directory, else of those that
    /// came with cprun.
    pub fn beside(&self, host: &Host, path: &str) -> Result<Vec<u8>> {
        let places = self.folder.iter().chain([&host.directory]).map(|folder| folder.join(path));
        for place in places {
            match std::fs::read(&place) {
                Ok(content) => return Ok(content),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::missing(format!("cannot read {path}: {error}"))),
            }
        }
        let own = Path::new(&self.name).parent().map(|folder| folder.join(path).display().to_string());
        let embedded = crate::EMBEDDED.iter().find(|(name, _)| *name == path || own.as_deref() == Some(*name));
        embedded.map(|(_, content)| content.to_vec()).ok_or_else(|| {
            Error::missing(format!("there is no file {path}"))
                .hint("the path is relative to the script, or to the current directory")
        })
    }

    /// The name of the experiments of this script: the file without folder and extension.
    #[must_use]
    pub fn stem(&self) -> String {
        Path::new(&self.name).file_stem().map_or_else(|| "script".into(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Folders in which `jobs/` is looked for before the embedded ones: beside the script, above it, `here`.
    #[must_use]
    pub fn search(&self, here: &Path) -> Vec<PathBuf> {
        let beside = self.folder.iter().flat_map(|folder| [Some(folder.clone()), folder.parent().map(PathBuf::from)]);
        beside.flatten().chain([here.to_owned()]).collect()
    }

    #[must_use]
    pub fn line(&self, number: usize) -> String {
        self.text.lines().nth(number.saturating_sub(1)).unwrap_or_default().to_owned()
    }

    #[must_use]
    pub fn position(&self, line: usize, column: usize) -> Position {
        Position { file: self.name.clone(), line, column, text: self.line(line) }
    }

    fn absent(path: &str) -> Error {
        let scripts: Vec<&str> = crate::EMBEDDED
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| name.starts_with("scripts/") && name.ends_with(".rhai"))
            .collect();
        let error = Error::missing(format!("there is no script {path}"));
        let close = |name: &&&str| strsim::jaro_winkler(path, name) > 0.8;
        match scripts
            .iter()
            .filter(close)
            .max_by(|a, b| strsim::jaro_winkler(path, a).total_cmp(&strsim::jaro_winkler(path, b)))
        {
            Some(near) => error.hint(format!("did you mean `{near}`, which comes with cprun?")),
            None => error.hint(format!("with cprun come: {}", scripts.join(", "))),
        }
    }
}

/// Names in the order in which a map of the text has just them; where none does, by the first place of each.
#[must_use]
pub fn in_written_order(text: &str, mut names: Vec<String>) -> Vec<String> {
    let place = |from: &str, name: &str| key_position(from, name);
    let literal = text.match_indices("#{").map(|(start, _)| &text[start..]).find(|rest| {
        let end = rest.find('}').unwrap_or(rest.len());
        names.iter().all(|name| place(&rest[..end], name).is_some())
    });
    let from = literal.unwrap_or(text);
    names.sort_by_key(|name| place(from, name).unwrap_or(usize::MAX));
    names
}

/// Where a key of a map, `name:` or `"name":`, stands in a text.
#[must_use]
pub fn key_position(text: &str, name: &str) -> Option<usize> {
    text.match_indices(name).map(|(position, _)| position).find(|&position| {
        let before = text[..position].chars().next_back();
        let after = text[position + name.len()..].trim_start_matches('"').trim_start();
        let begins = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != '.');
        begins && after.starts_with(':') && !after.starts_with("::")
    })
}

#[cfg(test)]
mod tests {
    use super::{in_written_order, key_position};

    #[test]
    fn columns_stand_as_the_script_wrote_them() {
        let text = "params(#{ rate: 1, kind: 2 }); rows.map(|r| #{ kind: r.kind, R: r.R_s, rate: r.rate })";
        let sorted = |names: [&str; 3]| in_written_order(text, names.map(str::to_owned).to_vec());
        assert_eq!(sorted(["R", "kind", "rate"]), ["kind", "R", "rate"]);
        assert_eq!(sorted(["other", "kind", "rate"]), ["rate", "kind", "other"]);
    }

    #[test]
    fn a_key_is_found_and_its_like_are_not() {
        let text = "v.mode; modes: 1, mode::x, #{ \"zeta\" : 1, mode : 2 }";
        assert_eq!(key_position(text, "mode"), text.rfind("mode"));
        assert!(key_position(text, "zeta") < key_position(text, "mode"));
        assert_eq!(key_position(text, "alpha"), None);
    }
}
