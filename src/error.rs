//! The one error type at the border of every room: what failed, where, and what to type next.
//!
//! A room chooses the kind; only `cli` turns a kind into an exit code. The hint is a field and not a
//! wrapper, because Rust cannot ask a `dyn Error` for it, and a hint that gets lost helps nobody.

use std::fmt;

pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, as coarse as the exit codes need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command line cannot be understood.
    Usage,
    /// A script, expression or data file is wrong.
    Script,
    /// A file that should be read is not there.
    InputMissing,
    /// The target lacks or refuses something: Java, slots, memory, a port, a service.
    Target,
    /// A trial could not be completed; the others go on.
    Trial,
    /// Disk full, or reading or writing failed.
    Io,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// Something was left behind.
    Cleanup,
    /// cprun itself is wrong.
    Defect,
}

/// Where in a script: one-based line and column, the column 0 where only the line is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// The source line, as written.
    pub text: String,
}

/// How many lines of a cause are kept where an error must fit into one.
const CAUSE_LINES: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: Kind,
    pub message: String,
    pub hint: Option<String>,
    pub position: Option<Position>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, position: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub fn script(message: impl Into<String>) -> Self {
        Self::new(Kind::Script, message)
    }

    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(Kind::InputMissing, message)
    }

    pub fn target(message: impl Into<String>) -> Self {
        Self::new(Kind::Target, message)
    }

    pub fn trial(message: impl Into<String>) -> Self {
        Self::new(Kind::Trial, message)
    }

    pub fn defect(message: impl Into<String>) -> Self {
        Self::new(Kind::Defect, message)
    }

    /// An I/O failure, with what was being done: "cannot write results/x: No space left on device".
    pub fn io(doing: impl fmt::Display, source: std::io::Error) -> Self {
        Self::new(Kind::Io, format!("cannot {doing}: {source}"))
    }

    /// The next thing to type; replaces an earlier hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// For a table or a log: the first line, and where that only announces the cause ("Maven failed for x:"), the
    /// first lines of it.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let mut lines = self.message.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let Some(announced) = first.strip_suffix(':') else { return first.to_owned() };
        let cause: Vec<&str> = lines.take(CAUSE_LINES).collect();
        if cause.is_empty() { announced.to_owned() } else { format!("{announced}: {}", cause.join("; ")) }
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_is_announced_is_kept_in_one_line() {
        let one_line = |message: &str| Error::target(message).in_one_line();
        assert_eq!(
            one_line(
                "Maven failed for job x (exit status: 1):\n  COMPILATION ERROR :\n  X.java:[3,5] ';' expected\n  a\n  b"
            ),
            "Maven failed for job x (exit status: 1): COMPILATION ERROR :; X.java:[3,5] ';' expected; a"
        );
        assert_eq!(one_line("kafka-1 ended by itself\n  its log"), "kafka-1 ended by itself");
        assert_eq!(one_line("it failed:"), "it failed");
        assert_eq!(one_line(""), "");
    }
}
