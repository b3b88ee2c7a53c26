//! Whether what was typed is a whole input or goes on in the next line.

use super::lexis::{Inside, scan};

/// True where a bracket, a string of back-ticks or a block comment is open: Enter then begins a new line. A string
/// in quotes cannot go on, unless a backslash says so; it counts as whole, and its error is shown.
#[must_use]
pub fn goes_on(text: &str) -> bool {
    let scan = scan(text);
    if scan.unbalanced {
        return false;
    }
    match scan.inside {
        Inside::BlockComment | Inside::Text { quote: '`', .. } => true,
        Inside::Text { .. } => scan.continued,
        Inside::Code | Inside::LineComment => !scan.open.is_empty() || ends_in_the_middle(text),
    }
}

/// A line that ends with `=`, an operator or a comma has more to come.
fn ends_in_the_middle(text: &str) -> bool {
    let code = without_comment(text).trim_end();
    let operators = ["=", "+", "-", "*", "/", "%", "&&", "||", "<", ">", ",", "??", "=>"];
    // `//!` and closures without arguments (`||`) stand at the beginning, not at the end.
    operators.iter().any(|operator| code.len() > operator.len() && code.ends_with(operator)) || begins_a_function(code)
}

/// `fn name(a, b)` waits for its body.
fn begins_a_function(code: &str) -> bool {
    let last = code.lines().next_back().unwrap_or_default().trim_start();
    let last = last.strip_prefix("private ").unwrap_or(last);
    last.starts_with("fn ") && code.ends_with(')')
}

/// The text without a comment that ends its last line.
fn without_comment(text: &str) -> &str {
    let from = text.rfind('\n').map_or(0, |newline| newline + 1);
    let comment =
        text[from..].match_indices("//").map(|(at, _)| from + at).find(|&at| scan(&text[..at]).inside == Inside::Code);
    comment.map_or(text, |at| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::goes_on;

    #[test]
    fn what_is_open_goes_on() {
        for text in [
            "fn f(x) {",
            "let a = [1,",
            "f(",
            "let s = `a",
            "/* a",
            "let x =",
            "1 +",
            "a &&",
            "fn f(x)",
            "\"a\\",
            "x = // why",
        ] {
            assert!(goes_on(text), "{text}");
        }
    }

    #[test]
    fn what_is_closed_or_beyond_help_does_not() {
        for text in [
            "",
            "1 + 1",
            "f(1)",
            "\"abc",
            "a)",
            "let f = |x| x + 1;",
            "fn f(x) { x }",
            "// f(",
            "1 // +",
            "\"http://x\"",
            "x; // =",
        ] {
            assert!(!goes_on(text), "{text}");
        }
    }
}
