//! `job.toml`: what cprun must know of a job before it can be submitted.
//!
//! The job itself checks its arguments once more when it starts; they are checked here first because a
//! misspelt one is then an error of the script, with its line, and costs no build and no cluster.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    pub name: String,
    pub doc: String,
    pub entry_class: String,
    pub jar: String,
    /// Arguments that the host gives: the brokers, the topic of the results.
    #[serde(default)]
    pub filled_by_host: Vec<String>,
    pub source: Endpoint,
    pub sink: Option<Endpoint>,
    #[serde(default)]
    pub args: BTreeMap<String, Argument>,
}

/// Where rows come from or go to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The operator's name in Flink.
    pub operator: String,
    pub kind: String,
    /// The argument that names the topic.
    pub topic: String,
    /// Of a source that can also make its load itself: the argument that names its file of rows.
    pub block: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    #[serde(rename = "type")]
    pub kind: ArgumentKind,
    #[serde(default)]
    pub choices: Vec<String>,
    pub default: Option<Default>,
    pub doc: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentKind {
    String,
    Int,
    /// Handed to the program in whole milliseconds.
    Duration,
    Choice,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Default {
    Int(i64),
    Text(String),
}

/// The value of one argument, as a script gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Seconds(f64),
}

impl Given {
    /// As a program gets it that says nothing of its arguments: a duration in whole milliseconds.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(flag) => flag.to_string(),
            Self::Seconds(seconds) => format!("{:.0}", seconds * 1e3),
        }
    }
}

impl JobSpec {
    pub fn parse(name: &str, text: &[u8]) -> Result<Self> {
        let text = str::from_utf8(text).map_err(|_| Error::script(format!("jobs/{name}/job.toml is not UTF-8")))?;
        toml::from_str(text)
            .map_err(|error| Error::script(format!("jobs/{name}/job.toml: {}", error.to_string().trim())))
    }

    /// Checks what the script gives, adds the defaults, and returns each argument as text; those of `needless` may be
    /// missing.
    pub fn arguments(&self, given: &BTreeMap<String, Given>, needless: &[&str]) -> Result<BTreeMap<String, String>> {
        let mut complete = BTreeMap::new();
        for (name, value) in given {
            let argument = self.args.get(name).ok_or_else(|| self.unknown(name))?;
            complete.insert(name.clone(), argument.text(&self.name, name, value)?);
        }
        for (name, argument) in &self.args {
            if complete.contains_key(name) || needless.contains(&name.as_str()) {
                continue;
            }
            let default = argument.default.as_ref().ok_or_else(|| {
                Error::script(format!("job {} needs the argument `{name}`: {}", self.name, argument.doc))
                    .hint(format!("add it: `args: #{{ {name}: … }}`"))
            })?;
            complete.insert(name.clone(), default.text());
        }
        Ok(complete)
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<&str> = self.args.keys().map(String::as_str).collect();
        let error = Error::script(format!("job {} has no argument `{name}`", self.name));
        match nearest(name, &known) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("it has: {}", known.join(", "))),
        }
    }
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let closeness = |other: &&str| strsim::jaro_winkler(name, other);
    let nearest = known.iter().copied().max_by(|a, b| closeness(a).total_cmp(&closeness(b)));
    nearest.filter(|near| closeness(near) > 0.75)
}

impl Argument {
    fn text(&self, job: &str, name: &str, given: &Given) -> Result<String> {
        let wrong =
            |wanted: &str| Err(Error::script(format!("argument `{name}` of job {job} wants {wanted}: {}", self.doc)));
        match (self.kind, given) {
            (ArgumentKind::String, Given::Text(text)) => Ok(text.clone()),
            (ArgumentKind::Int, Given::Int(number)) => Ok(number.to_string()),
            (ArgumentKind::Duration, Given::Seconds(seconds)) => Ok(format!("{:.0}", seconds * 1e3)),
            (ArgumentKind::Choice, Given::Text(text)) if self.choices.contains(text) => Ok(text.clone()),
            (ArgumentKind::Choice, Given::Text(text)) => Err(self.no_choice(job, name, text)),
            (ArgumentKind::String, _) => wrong("a string"),
            (ArgumentKind::Int, _) => wrong("a whole number"),
            (ArgumentKind::Duration, _) => wrong("a duration such as `2.h`"),
            (ArgumentKind::Choice, _) => wrong(&format!("one of {}", self.choices.join(", "))),
        }
    }
}

impl Argument {
    fn no_choice(&self, job: &str, name: &str, given: &str) -> Error {
        let known: Vec<&str> = self.choices.iter().map(String::as_str).collect();
        let error = Error::script(format!(
            "argument `{name}` of job {job} cannot be `{given}`; it is one of {}",
            known.join(", ")
        ));
        match nearest(given, &known) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(self.doc.clone()),
        }
    }
}

impl Default {
    fn text(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// `window_ms` and its value as the program takes them.
#[must_use]
pub fn program_arguments(arguments: &BTreeMap<String, String>) -> Vec<String> {
    arguments.iter().flat_map(|(name, value)| [format!("--{}", name.replace('_', "-")), value.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> JobSpec {
        let text = include_bytes!("../../jobs/nyc-window/job.toml");
        JobSpec::parse("nyc-window", text).expect("the job's own file is right")
    }

    fn given(name: &str, value: Given) -> BTreeMap<String, Given> {
        BTreeMap::from([("topic".to_owned(), Given::Text("t".into())), (name.to_owned(), value)])
    }

    #[test]
    fn defaults_are_added_and_durations_are_milliseconds() {
        let arguments = spec().arguments(&given("window_ms", Given::Seconds(3600.0)), &[]).expect("right");
        assert_eq!(arguments["window_ms"], "3600000");
        assert_eq!(arguments["out_of_orderness_ms"], "60000");
        assert!(program_arguments(&arguments).windows(2).any(|pair| pair == ["--out-of-orderness-ms", "60000"]));
    }

    #[test]
    fn a_wrong_argument_is_an_error_that_helps() {
        let hint = |given| spec().arguments(&given, &[]).expect_err("wrong").hint.unwrap_or_default();
        assert_eq!(hint(given("stat", Given::Text("x".into()))), "did you mean `state`?");
        assert_eq!(hint(BTreeMap::new()), "add it: `args: #{ topic: … }`");
        let error = spec().arguments(&given("sink", Given::Text("twice".into())), &[]).expect_err("wrong");
        assert!(error.message.contains("one of at_least_once, exactly_once"), "{}", error.message);
        assert_eq!(hint(given("sink", Given::Text("exactlyonce".into()))), "did you mean `exactly_once`?");
    }
}
