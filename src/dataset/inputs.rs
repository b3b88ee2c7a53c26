//! Which files a text means: one path, several with commas between, patterns, or a JSON list of them.
//!
//! A text that names a file as it stands is that file, whatever commas or stars are in it. What a pattern finds
//! is sorted by name, which for TLC's files is by month; files that are named keep the order in which they were.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Turns what a user typed into paths, relative ones from `directory`, `~/` from `home`.
///
/// Fails where a pattern finds nothing (input missing), is malformed, or nothing is named (script). Whether the
/// files exist is seen when they are read.
pub fn files(texts: &[String], directory: &Path, home: Option<&str>) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for text in texts {
        if full(text, directory, home).is_file() {
            paths.push(full(text, directory, home));
            continue;
        }
        for part in parts(text) {
            paths.extend(matching(&part, directory, home)?);
        }
    }
    if paths.is_empty() {
        return Err(nothing());
    }
    if let Some(twice) = paths.iter().enumerate().find(|(at, path)| paths[..*at].contains(path)) {
        return Err(Error::script(format!("{} is given twice", twice.1.display()))
            .hint("its trips would count twice; name it once"));
    }
    Ok(paths)
}

fn parts(text: &str) -> Vec<String> {
    if let Ok(list) = serde_json::from_str::<Vec<String>>(text) {
        return list;
    }
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn matching(part: &str, directory: &Path, home: Option<&str>) -> Result<Vec<PathBuf>> {
    let path = full(part, directory, home);
    if path.exists() || !part.contains(['*', '?', '[']) {
        return Ok(vec![path]);
    }
    let malformed = |error| Error::script(format!("`{part}` is no pattern: {error}")).hint("as in data/*.parquet");
    let found = glob::glob(&pattern(part, &path, directory)).map_err(malformed)?;
    let found: Vec<PathBuf> = found.collect::<std::result::Result<_, _>>().map_err(|error| {
        let folder = error.path().display().to_string();
        Error::io(format_args!("look into {folder}"), error.into())
    })?;
    if found.is_empty() {
        return Err(Error::missing(format!("no file matches {part}"))
            .hint(format!("relative paths begin at {}", directory.display())));
    }
    Ok(found)
}

/// A star in the name of the directory is no pattern of the user's.
fn pattern(part: &str, path: &Path, directory: &Path) -> String {
    if part.starts_with('/') || part.starts_with("~/") {
        return path.to_string_lossy().into_owned();
    }
    format!("{}/{part}", glob::Pattern::escape(&directory.to_string_lossy()))
}

fn full(text: &str, directory: &Path, home: Option<&str>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => directory.join(text),
    }
}

fn nothing() -> Error {
    Error::script("no trip file is given").hint("name TLC trip files: .csv, .csv.gz or .parquet; \"\" generates trips")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn names(text: &[&str]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b-02.csv", "b-01.csv", "with,comma.csv", "star*.csv", "star1.csv"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let texts: Vec<String> = text.iter().map(|text| (*text).to_owned()).collect();
        let found = files(&texts, folder.path(), Some("/home/me"))?;
        let strip = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap_or(path).display().to_string();
        Ok(found.iter().map(strip).collect())
    }

    #[test]
    fn commas_patterns_and_lists_name_several_files() {
        assert_eq!(names(&["b-*.csv"]).unwrap(), ["b-01.csv", "b-02.csv"]);
        assert_eq!(names(&["x.csv, b-02.csv,b-01.csv,"]).unwrap(), ["x.csv", "b-02.csv", "b-01.csv"]);
        assert_eq!(names(&["[\"b-01.csv\",\"x,y.csv\"]"]).unwrap(), ["b-01.csv", "x,y.csv"]);
        assert_eq!(names(&["b-02.csv", "~/trips.csv"]).unwrap(), ["b-02.csv", "/home/me/trips.csv"]);
        assert_eq!(names(&["with,comma.csv"]).unwrap(), ["with,comma.csv"]);
        assert_eq!(names(&["star*.csv"]).unwrap(), ["star*.csv"]);
    }

    #[test]
    fn what_names_no_file_is_refused() {
        assert_eq!(names(&["z-*.csv"]).unwrap_err().kind, Kind::InputMissing);
        for wrong in [&[][..], &[","], &["[x"], &["b-01.csv", "b-*.csv"]] {
            let outcome = names(wrong);
            // `[x` is a name that no file has; only reading it tells.
            assert!(outcome.is_err() || wrong == ["[x"], "{wrong:?}: {outcome:?}");
        }
    }
}
