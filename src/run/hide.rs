//! What may be stored: paths under the home as `~/…`, so that a published run does not name its user, and no
//! secret that a setting holds.

use serde_json::Value;

use super::manifest::Parameter;
use crate::host::Host;

/// Replaces the home where a path begins: at the start, or behind a sign that no path goes on with.
pub fn home(host: &Host, text: &str) -> String {
    let home = host.variable("HOME").map(|home| home.trim_end_matches('/')).filter(|home| !home.is_empty());
    let Some(home) = home else { return text.to_owned() };
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(home) {
        let begins =
            rest[..at].chars().next_back().or(hidden.chars().next_back()).is_none_or(|before| !is_of_path(before));
        let ends = rest[at + home.len()..].chars().next().is_none_or(|after| after == '/' || !is_of_path(after));
        hidden.push_str(&rest[..at]);
        hidden.push_str(if begins && ends { "~" } else { home });
        rest = &rest[at + home.len()..];
    }
    hidden + rest
}

fn is_of_path(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '/' | '.' | '-' | '_')
}

/// Parts of names that announce a secret, in lower case without signs.
const SECRETS: [&str; 12] = [
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "accesskey",
    "apikey",
    "accountkey",
    "servicekey",
    "authparams",
    "basicauth",
    "jaasconfig",
];

/// Flink hides some of these itself, but not all.
fn names_a_secret(name: &str) -> bool {
    let letters: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
    SECRETS.iter().any(|secret| letters.to_lowercase().contains(secret))
}

/// The value of a setting, or `***`.
pub fn setting(name: &str, value: Value) -> Value {
    if names_a_secret(name) { "***".into() } else { value }
}

pub fn parameter(host: &Host, parameter: Parameter) -> Parameter {
    let stored = |given: Value| setting(&parameter.name, value(host, given));
    Parameter { value: stored(parameter.value), default: stored(parameter.default), ..parameter }
}

/// The command as it was typed, without its secrets and its user's home.
pub fn command(host: &Host, words: &[String]) -> Vec<String> {
    secrets(words.iter().map(|word| home(host, word)))
}

fn value(host: &Host, given: Value) -> Value {
    match given {
        Value::String(text) => home(host, &text).into(),
        Value::Array(list) => list.into_iter().map(|one| value(host, one)).collect(),
        other => other,
    }
}

/// The words of a command with `***` for every secret, given as `NAME=VALUE` or in the word after its name.
pub fn secrets(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut follows = false;
    let hide = |word: String| {
        if std::mem::take(&mut follows) {
            return "***".to_owned();
        }
        match word.split_once('=') {
            Some((name, _)) if names_a_secret(name) => format!("{name}=***"),
            // A map of settings, as in `-P config=#{ "s3.secret-key": "…" }`.
            Some((name, map)) if map.starts_with("#{") && names_a_secret(map) => format!("{name}=***"),
            None if word.starts_with('-') && names_a_secret(&word) => {
                follows = true;
                word
            }
            _ => word,
        }
    };
    words.into_iter().map(hide).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn secrets_of_a_command_are_hidden_and_nothing_else() {
        let words = ["java", "-Ds3.secret-key=abc=", "-Dcom.Access_Key=x", "--password", "p", "-Xmx1g", "topic=trips"];
        let map = secrets(["config=#{ \"s3.secret-key\": \"abc\" }".to_owned(), "config=#{ a: 1 }".to_owned()]);
        assert_eq!(map, ["config=***", "config=#{ a: 1 }"]);
        let hidden = secrets(words.map(str::to_owned));
        let expected =
            ["java", "-Ds3.secret-key=***", "-Dcom.Access_Key=***", "--password", "***", "-Xmx1g", "topic=trips"];
        assert_eq!(hidden, expected);
    }

    #[test]
    fn no_secret_is_stored() {
        for name in ["s3.access-key", "s3.secret-key", "security.ssl.rest.key-password", "X.Token"] {
            assert_eq!(setting(name, "abc".into()), "***", "{name}");
        }
        assert_eq!(setting("s3.endpoint", "http://a".into()), "http://a");
    }

    #[test]
    fn the_home_is_hidden_where_a_path_begins_with_it() {
        let mut host = Host::real();
        host.environment = Arc::new([("HOME".to_owned(), "/home/ada/".to_owned())].into());
        assert_eq!(home(&host, "trips=/home/ada/t.csv"), "trips=~/t.csv");
        assert_eq!(home(&host, "/home/ada"), "~");
        assert_eq!(
            home(&host, "cannot read `/home/ada/a`, /home/adam/b, /mnt/home/ada/c"),
            "cannot read `~/a`, /home/adam/b, /mnt/home/ada/c"
        );
    }
}
