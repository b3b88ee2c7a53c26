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
pub mod spans;
mod study;
mod syntax;
mod tree;
mod types;
mod walk;

use std::path::{Path, PathBuf};

use serde_json::json;

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

    /// As an error of its own, which points at the first column.
    #[must_use]
    pub fn error(&self) -> Error {
        let error = Error { position: Some(self.position.clone()), ..Error::script(self.message.as_str()) };
        match &self.hint {
            Some(hint) => error.hint(hint.as_str()),
            None => error,
        }
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
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub end_column: usize,
}

/// What a script can name besides what it defines itself.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Where `jobs/` is looked for.
    pub folders: Vec<PathBuf>,
    /// The current one, to which the imports of what is no file are relative; empty where there is none.
    pub directory: PathBuf,
    /// Variables that exist already, as at a prompt.
    pub variables: Vec<String>,
    /// Functions that exist already, with their numbers of arguments.
    pub functions: Vec<(String, usize)>,
    /// At a prompt everything may be called, and a line may end where a script goes on.
    pub prompt: bool,
}

/// Checks scripts, one after the other, against what is known before any of them is read.
pub struct Checker {
    /// With the stdlib as it came along.
    known: Known,
    host: Host,
}

impl Checker {
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self { known: Known::new(&stdlib(&[])), host: host.clone() }
    }

    #[must_use]
    pub fn check(&self, source: &Source) -> Vec<Finding> {
        let directory = self.host.directory.clone();
        let folders = source.search(&directory);
        // One that cannot be read the run tells of.
        let files = crate::script::imports::stdlib(&directory, &folders).unwrap_or_default();
        let surroundings = Surroundings { folders, directory, ..Surroundings::default() };
        if !files.iter().any(|file| file.is_own) {
            return check(source, &self.known, &surroundings);
        }
        let known = Known::new(&files.iter().map(|file| file.source.clone()).collect::<Vec<_>>());
        let own = files.into_iter().filter(|file| file.is_own).map(|file| file.source);
        let all = std::iter::once(source.clone()).chain(own);
        all.flat_map(|source| check(&source, &known, &surroundings)).collect()
    }
}

/// The files whose functions every script may call.
fn stdlib(folders: &[PathBuf]) -> Vec<Source> {
    let files = crate::script::imports::stdlib(Path::new(""), folders).unwrap_or_default();
    files.into_iter().map(|file| file.source).collect()
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static KNOWN: LazyLock<Known> = LazyLock::new(|| Known::new(&stdlib(&[])));

    fn found(text: &str) -> Vec<Finding> {
        let source = Source { name: "x.rhai".into(), text: text.to_owned(), folder: None };
        check(&source, &KNOWN, &Surroundings::default())
    }

    fn codes(text: &str) -> Vec<&'static str> {
        found(text).iter().map(|finding| finding.code).collect()
    }

    fn scripts() -> Vec<String> {
        let rhai = |(name, content): &(&str, &[u8])| {
            name.ends_with(".rhai").then(|| String::from_utf8(content.to_vec()).expect("UTF-8"))
        };
        crate::EMBEDDED.iter().filter_map(rhai).collect()
    }

    /// Pieces that together are the text: names, numbers, strings, signs, and what stands between them.
    fn pieces(text: &str) -> Vec<String> {
        let letters: Vec<char> = text.chars().collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < letters.len() {
            let length = if letters[at].is_whitespace() { 1 } else { spans::token_length(&letters[at..]).max(1) };
            pieces.push(letters[at..at + length].iter().collect());
            at += length;
        }
        pieces
    }

    fn mutated(mut pieces: Vec<String>, changes: &[(u8, prop::sample::Index, prop::sample::Index)]) -> String {
        for (how, one, other) in changes {
            if pieces.is_empty() {
                break;
            }
            let (one, other) = (one.index(pieces.len()), other.index(pieces.len()));
            match how % 4 {
                0 => drop(pieces.remove(one)),
                1 => pieces.insert(other, pieces[one].clone()),
                2 => pieces.swap(one, other),
                _ => pieces.truncate(one),
            }
        }
        pieces.concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_mutation_of_a_script_breaks_the_check(
            script in prop::sample::select(scripts()),
            changes in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
        ) {
            let text = mutated(pieces(&script), &changes);
            let source = Source { name: "x.rhai".into(), text, folder: None };
            // Without the thread that would hide a panic.
            for finding in imports::with_imported(&source, &KNOWN, &Surroundings::default()) {
                prop_assert!(finding.position.line >= 1 && finding.position.column >= 1);
                prop_assert!(finding.end_column > finding.position.column);
                prop_assert!(finding.hint.is_some_and(|hint| !hint.is_empty()), "no hint: {}", finding.message);
            }
        }

        #[test]
        fn no_text_breaks_the_check(text in "\\PC{0,200}") {
            let source = Source { name: "x.rhai".into(), text, folder: None };
            drop(imports::with_imported(&source, &KNOWN, &Surroundings::default()));
        }
    }

    #[track_caller]
    fn no_error(of: &str, script: &str) {
        let errors: Vec<_> = found(script).into_iter().filter(|one| one.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{of}: {errors:#?}");
    }

    #[test]
    fn every_example_of_the_reference_passes() {
        for example in crate::script::reference::examples() {
            no_error(&example.of, &example.script);
        }
    }

    #[test]
    fn every_script_in_the_pages_passes() {
        let pages = [include_str!("../../../README.md"), include_str!("../../../docs/scripting.md")];
        let mut seen = 0;
        for page in pages {
            // What is generated shows lines of bodies; as whole scripts they are the examples of the reference.
            let written = page.split("<!--").next().unwrap_or_default();
            for block in written.split("```rhai\n").skip(1) {
                let script = block.split("```").next().unwrap_or_default();
                no_error(script, script);
                seen += 1;
            }
        }
        assert!(seen >= 4, "{seen}");
    }

    #[test]
    fn what_rhai_allows_is_no_finding() {
        for text in [
            "let x = 1; let x = x + 1; print(x);",
            "let f = |x| |y| x + y; print(f.call(1).call(2));",
            "fn f(x) { x * 2 } let g = f; print(g.call(2)); print([1, 2].map(f)); print(Fn(\"f\").call(1));",
            "let m = #{ run: |x| x }; print(m.run(1)); m.stop = || 1; print(m.stop());",
            "let m = #{ a: 1 }; m.b = 2; print(m.b); print(m?.c);",
            "let list = []; for i in 0..3 { let j = i; list.push(|| j); } print(list);",
            "for i in 0..3 { print([1, 2].map(|x| x + i)); }",
            "try { throw #{ message: \"x\" }; } catch (error) { print(error.message); }",
            "switch 3 { 1 => print(1), 2..5 if true => print(2), _ => print(3) }",
            "const LIMIT = 3; fn f() { global::LIMIT } print(f());",
            "let x = if true { 1.s } else { 2.s }; print(x > 1.s); print(-5.s); print(2 * 3.s / 1.s);",
            "let a = 6 / 3; let b = 7.0 / 2; let n = 10; print(n / 3.0); print(a + b);",
            "let x = 5; x = \"text\"; print(x.len); print(x.to_upper());",
            "let p = params(#{ a: 1 }); let q = p; print(q.a);",
            "let p = params(#{ a: 1, b: 2.0 }); fn f(p) { p.a + p.b } print(f(p));",
            "let p = params(#{ list: [1.s] }, #{ quick: #{ list: 3.s } }); print(p.list);",
            "let o = #{ c: 1.0, mtbf: 10.min }; if true { o.R = 3.s; } print(analysis::optimal_interval(o));",
            "print(sim::utilization(#{ T: 1, c: 0, R: 0, law: \"trace\", times: [0.s, 1.h] }).value);",
            "print(sim::utilization(#{ T: 1, c: 0, R: 0, law: \"weibull\", shape: 2.0, scale: 1.h }).value);",
            "print(\"a\".len()); print([1].len); print(#{}.keys()); print(1.0.round()); print(3.max(4));",
            "let s = `a ${1 + 2} b ${ #{ a: 1 }.a } c`; print(s);",
            "let i = 0; while i < 3 { i += 1; } do { i -= 1; } until i == 0; loop { break; }",
            "let t = timestamp(); print(t.elapsed);",
            "let f = || this.x; let m = #{ x: 1, f: f }; print(m.f());",
            "let job = #{ id: 1 }; print(job.id); let kafka = #{ x: 1 }; print(kafka.x);",
            "import \"x\" as x; x::f(1); print(x::y); x::map().run();",
            "let list = [#{ a: 1 }]; for one in list { one.b = 2; print(one.b); }",
            "let p = params(#{ wait: () }); if p.wait != () { print(p.wait.seconds); }",
        ] {
            let found: Vec<_> = found(text).into_iter().filter(|one| one.severity == Severity::Error).collect();
            assert!(found.is_empty(), "{text}: {found:#?}");
        }
    }

    #[test]
    fn at_a_prompt_its_variables_exist_and_everything_may_be_called() {
        let source =
            Source { name: "prompt".into(), text: "kafka::create_topic(name); later(1); job.id".into(), folder: None };
        let surroundings = Surroundings {
            variables: vec!["name".into(), "job".into()],
            functions: vec![("later".into(), 1)],
            prompt: true,
            ..Surroundings::default()
        };
        assert_eq!(check(&source, &KNOWN, &surroundings), []);
        assert_eq!(codes("kafka::create_topic(name); later(1); job.id").len(), 4);
    }

    #[test]
    fn findings_come_by_place() {
        assert_eq!(
            codes("print(b);\nlet x = 1/3;\nprint(a + x.secs);"),
            ["unknown-variable", "integer-division", "unknown-variable", "unknown-unit"]
        );
    }
}
