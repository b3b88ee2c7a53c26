//! Secrets: values that are shown and written as `***`, whoever shows or writes them.
//!
//! Masking sits where text leaves cprun (streams, journal, manifest, evidence), not where it is made: a secret that
//! comes back in the message of a broker or in a job's plan is masked like the one that the script printed.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, Result};

pub const MASK: &str = "***";
/// A shorter one would be found in numbers and words that have nothing to do with it.
const SHORTEST: usize = 6;

/// A value that only the target is to learn.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself, for the target alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// Every secret of this process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Arc<RwLock<Vec<Secret>>>);

impl Secrets {
    /// Makes a value one that is masked from here on; `name` is for the message where it cannot be.
    pub fn keep(&self, name: &str, value: &str) -> Result<Secret> {
        if value.chars().count() < SHORTEST {
            let error = Error::script(format!("the secret {name} is shorter than {SHORTEST} characters"));
            return Err(error.hint("so short a text stands in too many places to be masked; take a longer one"));
        }
        let secret = Secret(value.to_owned());
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // As it stands in JSON, too.
        let escaped = serde_json::Value::from(value).to_string();
        for form in [value, escaped.trim_matches('"')] {
            let form = Secret(form.to_owned());
            if !all.contains(&form) {
                all.push(form);
            }
        }
        // One that holds another is masked whole.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.0.len()));
        Ok(secret)
    }

    #[must_use]
    pub fn mask<'text>(&self, text: &'text str) -> Cow<'text, str> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut masked = Cow::Borrowed(text);
        for secret in all.iter().filter(|secret| text.contains(secret.reveal())) {
            masked = Cow::Owned(masked.replace(secret.reveal(), MASK));
        }
        masked
    }
}

impl Secrets {
    /// Masks the texts of a JSON value, and neither its keys nor its numbers: what is written must stay readable.
    pub fn mask_json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|one| self.mask_json(one)),
            Value::Object(map) => map.values_mut().for_each(|one| self.mask_json(one)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_form_and_nothing_else() {
        let secrets = Secrets::default();
        assert_eq!(secrets.mask("hunter22"), "hunter22");
        let secret = secrets.keep("S", "hunter22").expect("long enough");
        secrets.keep("T", "hunter22-and-more").expect("long enough");
        secrets.keep("Q", "a\"b\\c d").expect("long enough");
        assert_eq!(secrets.mask("key=hunter22;hunter22-and-more"), "key=***;***");
        assert_eq!(secrets.mask(r#"{"key":"a\"b\\c d"}"#), r#"{"key":"***"}"#);
        assert_eq!(secrets.mask(r#"a"b\c d"#), "***");
        assert_eq!((format!("{secret} {secret:?}"), secret.reveal()), ("*** ***".into(), "hunter22"));
        assert_eq!(secrets.mask("hunter2"), "hunter2");
    }

    #[test]
    fn json_stays_json_whatever_the_secret_is() {
        let secrets = Secrets::default();
        for value in ["source", "123456", "a\"b\\c d"] {
            secrets.keep("S", value).expect("long enough");
        }
        let mut line = serde_json::json!({
            "source": "probe", "t_epoch_ns": 1_712_345_600_u64, "text": "the source is a\"b\\c d", "values": [["x123456", 1.5]],
        });
        secrets.mask_json(&mut line);
        let expected = serde_json::json!({
            "source": "probe", "t_epoch_ns": 1_712_345_600_u64, "text": "the *** is ***", "values": [["x***", 1.5]],
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn what_is_too_short_to_be_masked_is_refused() {
        let error = Secrets::default().keep("PIN", "1234").expect_err("too short");
        assert_eq!(error.message, "the secret PIN is shorter than 6 characters");
    }
}
