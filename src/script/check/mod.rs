//! `cprun check`: everything that is wrong with a script, found without running it.
//!
//! Rhai looks names up when they are used, so a typo in the last line of a script would end a run of hours without
//! its report. The syntax tree is read instead, with the declarations of the primitives beside it. Two rules: all
//! findings of a file are told at once, by place; and where a type is not evident nothing is said, because a false
//! alarm costs more trust than one more finding earns.

mod calls;
mod imports;
mod known;
mod members;
mod operators;
mod params;
mod scan;
mod scope;
mod spans;
mod study;
mod syntax;
mod tree;
mod types;
mod walk;

use std::path::PathBuf;

use serde_json::json;

use super::engine;
use super::source::Source;
use crate::error::{Error, Position};
use crate::host::Host;
pub use known::Known;

/// How grave a finding is. Warnings change no exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub severity: Severity,
    /// A short name of this kind of finding, for programs.
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    pub position: Position,
    /// One past the last column of what is meant, on the line of `position`.
    pub end_column: usize,
}

impl Finding {
    /// For editors and other programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        json!({
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "end_column": self.end_column,
            "severity": self.severity.name(),
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        })
    }

    /// As `source`, line and columns have it; a column past the line points behind its end.
    fn new(severity: Severity, code: &'static str, place: Place, source: &Source, error: Error) -> Self {
        let position = source.position(place.line, place.column);
        Self {
            severity,
            code,
            message: error.message,
            hint: error.hint,
            end_column: place.end_column.max(position.column + 1),
            position,
        }
    }
}

/// A line and its columns, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    end_column: usize,
}

/// What a script can name besides what it defines itself.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Where `jobs/` is looked for.
    pub folders: Vec<PathBuf>,
    /// Variables that exist already, as at a prompt.
    pub variables: Vec<String>,
    /// Functions that exist already, with their numbers of arguments.
    pub functions: Vec<(String, usize)>,
    /// At a prompt everything may be called, and a line may end where a script goes on.
    pub prompt: bool,
}

/// Checks scripts, one after the other, against what is known before any of them is read.
pub struct Checker {
    known: Known,
    host: Host,
}

impl Checker {
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self { known: Known::new(&engine::stdlib_sources()), host: host.clone() }
    }

    #[must_use]
    pub fn check(&self, source: &Source) -> Vec<Finding> {
        let surroundings = Surroundings { folders: source.search(&self.host.directory), ..Surroundings::default() };
        check(source, &self.known, &surroundings)
    }
}

/// Reading a deeply nested script takes more stack than a thread has by default.
const STACK_BYTES: usize = 64 << 20;

/// All findings, by place; those of imported files come after those of the script.
#[must_use]
pub fn check(source: &Source, known: &Known, surroundings: &Surroundings) -> Vec<Finding> {
    let find = || {
        let mut findings = imports::with_imported(source, known, surroundings);
        findings.dedup();
        findings
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("check".into()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, find) {
            // A defect of the check is no reason not to run: what it would have found, the run finds later.
            Ok(thread) => thread.join().unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    })
}

/// "2 errors, 1 warning"
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let many = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        more => Some(format!("{more} {what}s")),
    };
    let parts = [many(count(Severity::Error), "error"), many(count(Severity::Warning), "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
