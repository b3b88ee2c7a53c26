//! Reading the options of a primitive: a map in, typed values out, and an error for what is not known.

use rhai::{Dynamic, Map};

use super::units::{Bytes, Duration, kind_name};
use crate::error::{Error, Result};

/// The options of one call; every key that was not asked for is a mistake.
pub struct OptionsMap {
    what: &'static str,
    map: Map,
    known: Vec<&'static str>,
}

impl OptionsMap {
    #[must_use]
    pub fn new(what: &'static str, map: Map) -> Self {
        Self { what, map, known: Vec::new() }
    }

    /// For options that cannot all be left out: a misspelt one is told before the one that it was meant for is
    /// found missing.
    pub fn only(what: &'static str, map: Map, known: &[&'static str]) -> Result<Self> {
        let stranger = map.keys().find(|key| !known.contains(&key.as_str()));
        stranger.map_or(Ok(()), |key| Err(unknown("option", &format!("{what} has no option `{key}`"), key, known)))?;
        Ok(Self::new(what, map))
    }

    pub fn take(&mut self, key: &'static str) -> Option<Dynamic> {
        self.known.push(key);
        self.map.remove(key)
    }

    pub fn seconds(&mut self, key: &'static str) -> Result<Option<f64>> {
        let what = self.what;
        self.take(key).map(|value| duration(what, key, &value)).transpose()
    }

    /// A positive number, whole or not.
    pub fn number(&mut self, key: &'static str) -> Result<Option<f64>> {
        let what = self.what;
        self.take(key).map(|value| number(&value).ok_or_else(|| wrong(what, key, "a number", &value))).transpose()
    }

    pub fn count(&mut self, key: &'static str) -> Result<Option<u32>> {
        let what = self.what;
        let read = |value: Dynamic| {
            let count = value.as_int().ok().and_then(|count| u32::try_from(count).ok());
            count.ok_or_else(|| wrong(what, key, "a whole number, 0 or more", &value))
        };
        self.take(key).map(read).transpose()
    }

    pub fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        let what = self.what;
        let read = |value: Dynamic| value.clone().into_string().map_err(|_| wrong(what, key, "a string", &value));
        self.take(key).map(read).transpose()
    }

    /// One of a few words.
    pub fn choice(&mut self, key: &'static str, known: &[&str]) -> Result<Option<String>> {
        let what = self.what;
        let Some(text) = self.text(key)? else { return Ok(None) };
        if known.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        let message = format!("{what}: `{key}` cannot be `{text}`; it is one of {}", known.join(", "));
        Err(unknown("value", &message, &text, known))
    }

    pub fn bytes(&mut self, key: &'static str) -> Result<Option<u64>> {
        let what = self.what;
        let read = |value: Dynamic| {
            let bytes = value.clone().try_cast::<Bytes>().and_then(|bytes| u64::try_from(bytes.0).ok());
            bytes.ok_or_else(|| wrong(what, key, "a size such as `1.GiB`", &value))
        };
        self.take(key).map(read).transpose()
    }

    pub fn map(&mut self, key: &'static str) -> Result<Option<Map>> {
        let what = self.what;
        let read =
            |value: Dynamic| value.clone().try_cast::<Map>().ok_or_else(|| wrong(what, key, "a map `#{ … }`", &value));
        self.take(key).map(read).transpose()
    }

    /// What is left was misspelt.
    pub fn finish(self) -> Result<()> {
        let Some(key) = self.map.keys().next() else { return Ok(()) };
        Err(unknown("option", &format!("{} has no option `{key}`", self.what), key, &self.known))
    }
}

/// Ten years: longer than any experiment, and within what clocks can count.
const LONGEST_S: f64 = 10.0 * 365.25 * 86400.0;

pub fn duration(what: &str, key: &str, value: &Dynamic) -> Result<f64> {
    let seconds = value.clone().try_cast::<Duration>().map(|duration| duration.seconds);
    match seconds {
        Some(seconds) if (0.0..=LONGEST_S).contains(&seconds) => Ok(seconds),
        Some(seconds) => {
            Err(Error::script(format!("{what}: `{key}` is {seconds} s, but must lie between 0 and ten years")))
        }
        None => Err(wrong(what, key, "a duration such as `30.s`", value)),
    }
}

#[must_use]
pub fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|number| number as f64))
}

pub fn wrong(what: &str, key: &str, wanted: &str, value: &Dynamic) -> Error {
    let error = Error::script(format!("{what}: `{key}` wants {wanted}, not {} ({})", kind_name(value), text(value)));
    match number(value) {
        Some(number) if wanted.starts_with("a duration") => error.hint(format!("write the unit: `{number}.s`")),
        _ => error,
    }
}

/// "did you mean", or the list where nothing is close.
pub fn unknown(what: &str, message: &str, name: &str, known: &[&str]) -> Error {
    let error = Error::script(message);
    match nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint(format!("it has no {what}s")),
        None => error.hint(format!("there are: {}", known.join(", "))),
    }
}

#[must_use]
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let score = |candidate: &str| strsim::jaro_winkler(name, candidate);
    let best = known.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(best) > 0.75).then_some(best)
}

/// A value as a person reads it; the types of cprun by their own words, inside lists and maps too.
#[must_use]
pub fn text(value: &Dynamic) -> String {
    if let Some(duration) = value.clone().try_cast::<Duration>() {
        return duration.to_string();
    }
    if let Some(bytes) = value.clone().try_cast::<Bytes>() {
        return bytes.to_string();
    }
    if let Some(list) = value.clone().try_cast::<rhai::Array>() {
        return format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(", "));
    }
    if let Some(map) = value.clone().try_cast::<Map>() {
        let entries: Vec<String> = map.iter().map(|(name, value)| format!("{name}: {}", text(value))).collect();
        return format!("#{{ {} }}", entries.join(", "));
    }
    value.to_string()
}

/// A value as JSON on one line: a duration as its seconds, a float with all its digits, what is not finite as text.
#[must_use]
pub fn json(value: &Dynamic) -> String {
    to_json(value).to_string()
}

fn to_json(value: &Dynamic) -> serde_json::Value {
    use serde_json::Value;
    let float = |number: f64| match serde_json::Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => "nan".into(),
        None => if number > 0.0 { "inf" } else { "-inf" }.into(),
    };
    if let Some(duration) = value.clone().try_cast::<Duration>() {
        return float(duration.seconds);
    }
    if let Some(bytes) = value.clone().try_cast::<Bytes>() {
        return bytes.0.into();
    }
    if let Some(list) = value.clone().try_cast::<rhai::Array>() {
        return list.iter().map(to_json).collect();
    }
    if let Some(map) = value.clone().try_cast::<Map>() {
        return map
            .iter()
            .map(|(name, value)| (name.to_string(), to_json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    if value.is_unit() {
        return Value::Null;
    }
    if let Ok(number) = value.as_float() {
        return float(number);
    }
    if let Ok(number) = value.as_int() {
        return number.into();
    }
    value.as_bool().map_or_else(|_| value.to_string().into(), Value::Bool)
}
