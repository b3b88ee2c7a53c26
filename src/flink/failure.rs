//! Turns a request that did not work into one error with Flink's own reason and, where there is one, a hint.
//!
//! Not to be reached is the target's fault, a refusal concerns what was asked and so the trial. Flink hides
//! its reason in a Java stack trace between two marker lines; only the reason and the last cause are kept.

use reqwest::{Method, StatusCode};
use serde::Deserialize;

use crate::error::Error;

/// An error that the client itself may still want to look into.
#[derive(Debug)]
pub(super) struct Failure {
    /// The HTTP status, where there was an answer at all.
    pub status: Option<u16>,
    pub error: Error,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A body that is not what Flink is known to answer.
pub(super) fn unreadable(method: &Method, path: &str, source: &serde_json::Error) -> Failure {
    let error = Error::target(format!("{method} {path}: cannot read Flink's answer: {source}"))
        .hint("is this address Flink's REST port? cprun knows Flink 1.18 to 2.2");
    Failure { status: None, error }
}

/// No answer: refused, timed out, broken off.
pub(super) fn unreachable(method: &Method, path: &str, base: &str, source: &reqwest::Error) -> Failure {
    let reason = if source.is_timeout() { "no answer in time".to_owned() } else { innermost(source) };
    let error = Error::target(format!("{method} {path}: Flink at {base}: {reason}"));
    let error = if source.is_connect() {
        error.hint(format!("no JobManager listens on {base}; logs/ of the run directory tells why it ended"))
    } else {
        error
    };
    Failure { status: None, error }
}

/// An answer with a status other than success.
pub(super) fn refused(method: &Method, path: &str, status: StatusCode, body: &[u8]) -> Failure {
    let message = format!("{method} {path}: {status}: {}", reason(body));
    let error = if status == StatusCode::NOT_FOUND && path.starts_with("/jars") {
        Error::target(message).hint("this Flink may take no jars: set `web.submit.enable: true`")
    } else if status == StatusCode::SERVICE_UNAVAILABLE {
        Error::target(message).hint("the JobManager is still starting, or has lost its leadership: try again")
    } else {
        Error::trial(message)
    };
    Failure { status: Some(status.as_u16()), error }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

fn reason(body: &[u8]) -> String {
    let Ok(Errors { errors }) = serde_json::from_slice(body) else {
        return clipped(String::from_utf8_lossy(body).trim());
    };
    let reasons: Vec<String> = errors.iter().map(|error| first_and_last_cause(error)).collect();
    // "Internal server error." is what Flink puts before the exception that says something.
    let telling = reasons.iter().filter(|reason| !reason.is_empty() && *reason != "Internal server error.");
    let told = telling.cloned().collect::<Vec<_>>().join("; ");
    if told.is_empty() { clipped(&reasons.join("; ")) } else { clipped(&told) }
}

/// The first line of a Java stack trace, and the innermost cause behind it.
pub(super) fn first_and_last_cause(trace: &str) -> String {
    let marker = |line: &&str| !line.is_empty() && !line.contains("xception on server side");
    let mut lines = trace.lines().map(str::trim).filter(marker);
    let first = without_package(lines.next().unwrap_or_default());
    let cause = lines.filter_map(|line| line.strip_prefix("Caused by: ")).next_back().map(without_package);
    match cause {
        Some(cause) if !first.contains(cause) => format!("{first}, caused by {cause}"),
        _ => first.to_owned(),
    }
}

/// `java.lang.IllegalStateException: x` as `IllegalStateException: x`.
fn without_package(line: &str) -> &str {
    let class_end = line.find(": ").unwrap_or(line.len());
    let (class, _) = line.split_at(class_end);
    if class.contains(char::is_whitespace) {
        return line;
    }
    class.rfind(['.', '$']).filter(|dot| dot + 1 < class_end).map_or(line, |dot| &line[dot + 1..])
}

/// Long enough for any sentence of Flink's, short enough for a terminal.
fn clipped(text: &str) -> String {
    const LONGEST: usize = 600;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_trace_becomes_its_first_line_and_its_last_cause() {
        let trace = "<Exception on server side:\norg.apache.flink.X: outer\n\tat a.b(C.java:1)\n\
                     Caused by: java.lang.A: middle\n\t... 3 more\nCaused by: java.io.B: inner\n\tat d.e(F.java)\n\
                     End of exception on server side>";
        let body = serde_json::json!({"errors": ["Internal server error.", trace]}).to_string();
        assert_eq!(reason(body.as_bytes()), "X: outer, caused by B: inner");
    }

    #[test]
    fn a_body_that_is_no_json_is_shown_as_it_is_and_clipped() {
        assert_eq!(reason(b" <html>proxy</html> "), "<html>proxy</html>");
        assert_eq!(reason("é".repeat(700).as_bytes()).chars().count(), 601);
    }

    #[test]
    fn a_class_loses_its_package_and_a_sentence_keeps_its_dots() {
        assert_eq!(without_package("java.util.concurrent.TimeoutException"), "TimeoutException");
        assert_eq!(without_package("a.b.Outer$Inner: it.is"), "Inner: it.is");
        assert_eq!(without_package("Unable to load requested file /x.y."), "Unable to load requested file /x.y.");
        assert_eq!(without_package("Job."), "Job.");
    }
}
