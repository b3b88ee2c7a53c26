//! Values as people and programs read them, and names as they were meant.

use rhai::{Dynamic, Map};

use super::units::{Bytes, Duration};
use crate::error::Error;

#[must_use]
pub fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|number| number as f64))
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
    super::bind::handle_of(value).and_then(|handle| handle.text(value)).unwrap_or_else(|| value.to_string())
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
    value.as_bool().map_or_else(|_| text(value).into(), Value::Bool)
}
