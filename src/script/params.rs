//! `params(#{…defaults}, #{…profiles})`: what of a script can be changed from outside, and what it was set to.
//!
//! The first map is profile `paper`; the second names others as changes to it. A value given with `-P` wins
//! over the profile. The type of a parameter is that of its default, its help the comment on its line.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, Map};

use super::source::{Source, key_position};
use super::units::{Bytes, Duration, kind_name};
use super::value::{nearest, number, text};
use crate::error::{Error, Result};

pub const PAPER: &str = "paper";
pub const QUICK: &str = "quick";

/// One parameter after all was said.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    pub value: Dynamic,
    pub default: Dynamic,
    /// `default`, `profile` or `given`.
    pub origin: &'static str,
}

/// The result of `params`; a script reads it and cannot change it.
#[derive(Clone, Debug)]
pub struct Params {
    pub profile: String,
    pub all: Arc<Vec<Parameter>>,
}

impl Params {
    /// `given` are the `-P` of the command line, `profile` its `--profile`.
    pub fn resolve(
        defaults: Map,
        profiles: Map,
        given: &[(String, String)],
        profile: Option<&str>,
        source: &Source,
    ) -> Result<Self> {
        let profile = choose_profile(&profiles, profile)?;
        let changes = profiles.get(profile.as_str()).cloned().and_then(Dynamic::try_cast::<Map>).unwrap_or_default();
        let names: Vec<&str> = defaults.keys().map(|name| name.as_str()).collect();
        for name in changes.keys() {
            if !defaults.contains_key(name) {
                return Err(unknown_parameter(
                    &format!("profile `{profile}` sets `{name}`, which is no parameter"),
                    name,
                    &names,
                    source,
                ));
            }
        }
        for (name, _) in given {
            if !defaults.contains_key(name.as_str()) {
                return Err(unknown_parameter(
                    &format!("{} has no parameter `{name}`", source.name),
                    name,
                    &names,
                    source,
                ));
            }
        }
        let all = defaults.iter().map(|(name, default)| {
            let mut parameter = Parameter {
                name: name.to_string(),
                value: default.clone(),
                default: default.clone(),
                origin: "default",
            };
            if let Some(value) = changes.get(name) {
                parameter.value = coerce(name, default, value.clone())?;
                parameter.origin = "profile";
            }
            if let Some((_, text)) = given.iter().rev().find(|(given, _)| given == name.as_str()) {
                parameter.value = coerce(name, default, literal(text, default))?;
                parameter.origin = "given";
            }
            Ok(parameter)
        });
        let mut all: Vec<Parameter> = all.collect::<Result<_>>()?;
        // Rhai sorts the keys of a map; a reader expects them as the script has them.
        all.sort_by_key(|parameter| key_position(&source.text, &parameter.name).unwrap_or(usize::MAX));
        Ok(Self { profile, all: Arc::new(all) })
    }

    pub fn get(&self, name: &str) -> Result<Dynamic> {
        if let Some(parameter) = self.all.iter().find(|parameter| parameter.name == name) {
            return Ok(parameter.value.clone());
        }
        let names: Vec<&str> = self.all.iter().map(|parameter| parameter.name.as_str()).collect();
        Err(super::value::unknown("parameter", &format!("there is no parameter `{name}`"), name, &names))
    }
}

fn choose_profile(profiles: &Map, wanted: Option<&str>) -> Result<String> {
    let Some(wanted) = wanted else {
        return Ok(if profiles.contains_key(QUICK) { QUICK } else { PAPER }.to_owned());
    };
    if wanted == PAPER || profiles.contains_key(wanted) {
        return Ok(wanted.to_owned());
    }
    let mut known: Vec<&str> = vec![PAPER];
    known.extend(profiles.keys().map(|name| name.as_str()));
    let error = Error::usage(format!("the script has no profile `{wanted}`"));
    Err(match nearest(wanted, &known) {
        Some(near) => error.hint(format!("did you mean `--profile {near}`?")),
        None => error.hint(format!("it has: {}", known.join(", "))),
    })
}

fn unknown_parameter(message: &str, name: &str, names: &[&str], source: &Source) -> Error {
    let error = Error::usage(message);
    if let Some(near) = nearest(name, names) {
        return error.hint(format!("did you mean `{near}`?"));
    }
    let list = names.iter().map(|name| {
        let help = help(&source.text, name);
        if help.is_empty() { format!("  {name}") } else { format!("  {name}: {help}") }
    });
    error.hint(format!("its parameters are\n{}", list.collect::<Vec<_>>().join("\n")))
}

/// The comment behind `name:` on the line where the parameter stands.
fn help(text: &str, name: &str) -> String {
    let after_name = |line: &str| {
        let rest = line.trim_start();
        let rest = rest.strip_prefix(name)?.trim_start();
        rest.strip_prefix(':').map(str::to_owned)
    };
    let rest = text.lines().find_map(after_name).unwrap_or_default();
    rest.split_once("//").map(|(_, comment)| comment.trim().to_owned()).unwrap_or_default()
}

/// What a text of the command line means: a Rhai literal, a list with commas, a value with a unit, else itself.
fn literal(typed: &str, default: &Dynamic) -> Dynamic {
    if default.is_string() {
        let quoted = typed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        return Dynamic::from(quoted.unwrap_or(typed).to_owned());
    }
    if let Some(value) = with_unit(typed) {
        return value;
    }
    let mut engine = Engine::new();
    super::units::register(&mut engine);
    // Names, calls and loops are no literals: only what an expression without variables can hold is taken.
    engine.set_max_operations(10_000);
    if let Ok(value) = engine.eval_expression::<Dynamic>(typed) {
        return value;
    }
    if default.is_array() && typed.contains(',') {
        let elements = typed.split(',').map(|element| literal(element.trim(), &Dynamic::UNIT));
        return Dynamic::from_array(elements.collect());
    }
    Dynamic::from(typed.to_owned())
}

fn with_unit(text: &str) -> Option<Dynamic> {
    Duration::parse(text).map(Dynamic::from).or_else(|| Bytes::parse(text).map(Dynamic::from))
}

/// Turns `value` into the type of `default`, where nothing is lost by it.
fn coerce(name: &str, default: &Dynamic, value: Dynamic) -> Result<Dynamic> {
    if default.is_array() {
        return coerce_list(name, default, value);
    }
    let same = default.type_id() == value.type_id();
    if same || default.is_unit() {
        return Ok(value);
    }
    if default.is_float()
        && let Some(number) = number(&value)
    {
        return Ok(Dynamic::from_float(number));
    }
    if default.is_int()
        && let Ok(float) = value.as_float()
        && float.fract() == 0.0
        && float.abs() < 9e15
    {
        return Ok(Dynamic::from_int(float as i64));
    }
    let error = Error::usage(format!(
        "parameter `{name}` wants {} like its default {}, not {} ({})",
        kind_name(default),
        text(default),
        kind_name(&value),
        text(&value)
    ));
    Err(match number(&value) {
        Some(number) if default.is::<Duration>() => error.hint(format!("write the unit: `-P {name}={number}s`")),
        _ => error.hint(format!("for example `-P {name}={}`", example(default))),
    })
}

fn coerce_list(name: &str, default: &Dynamic, value: Dynamic) -> Result<Dynamic> {
    let element = default.read_lock::<Array>().and_then(|list| list.first().cloned()).unwrap_or(Dynamic::UNIT);
    let values = value.clone().try_cast::<Array>().unwrap_or_else(|| vec![value]);
    if values.is_empty() {
        return Err(Error::usage(format!("parameter `{name}` is an empty list")).hint("give at least one value"));
    }
    let values = values.into_iter().map(|value| coerce(name, &element, value));
    Ok(Dynamic::from_array(values.collect::<Result<_>>()?))
}

fn example(default: &Dynamic) -> String {
    match default.clone().try_cast::<Duration>() {
        Some(duration) => format!("{}s", duration.seconds),
        None => default.to_string(),
    }
}

pub fn register(engine: &mut Engine) {
    engine.register_indexer_get(|params: &mut Params, name: &str| params.get(name).map_err(super::errors::plain));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        let text = "let p = params(#{\n    intervals: [5.s, 30.s],  // checkpoint intervals compared\n    speed: 7200.0,  // times\n});";
        Source { name: "x.rhai".into(), text: text.into(), folder: None }
    }

    fn defaults() -> Map {
        let list: Array = vec![Dynamic::from(Duration::new(5.0)), Dynamic::from(Duration::new(30.0))];
        Map::from([
            ("intervals".into(), Dynamic::from_array(list)),
            ("speed".into(), Dynamic::from_float(7200.0)),
            ("faults".into(), Dynamic::from_int(3)),
            ("down_for".into(), Dynamic::from(Duration::new(60.0))),
            ("trips".into(), Dynamic::from(String::new())),
        ])
    }

    fn quick() -> Map {
        let changes = Map::from([("down_for".into(), Dynamic::from(Duration::new(3.0)))]);
        Map::from([("quick".into(), Dynamic::from_map(changes))])
    }

    fn resolve(given: &[(&str, &str)], profile: Option<&str>) -> Result<Params> {
        let given: Vec<(String, String)> =
            given.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Params::resolve(defaults(), quick(), &given, profile, &source())
    }

    fn shown(params: &Params, name: &str) -> String {
        text(&params.get(name).expect("a parameter"))
    }

    #[test]
    fn the_profile_quick_is_taken_where_it_exists_and_given_values_win() {
        let params = resolve(&[("faults", "5")], None).expect("right");
        assert_eq!(
            (params.profile.as_str(), shown(&params, "down_for"), shown(&params, "faults")),
            ("quick", "3 s".into(), "5".into())
        );
        let paper = resolve(&[], Some("paper")).expect("right");
        assert_eq!(shown(&paper, "down_for"), "60 s");
        assert_eq!(help(&source().text, "intervals"), "checkpoint intervals compared");
    }

    #[test]
    fn every_way_to_write_a_value_is_understood() {
        for text in ["[1.s, 10.s]", "1s,10s", "1.s,10.s", "1s, 10 s"] {
            assert_eq!(
                shown(&resolve(&[("intervals", text)], None).expect(text), "intervals"),
                "[1 s, 10 s]",
                "{text}"
            );
        }
        assert_eq!(shown(&resolve(&[("intervals", "2min")], None).expect("one value"), "intervals"), "[120 s]");
        assert_eq!(shown(&resolve(&[("speed", "200000")], None).expect("a whole number"), "speed"), "200000.0");
        assert_eq!(shown(&resolve(&[("trips", "data/a b.csv.gz")], None).expect("a path"), "trips"), "data/a b.csv.gz");
        assert_eq!(shown(&resolve(&[("trips", "10s")], None).expect("a string"), "trips"), "10s");
    }

    #[test]
    fn a_wrong_value_or_name_says_what_to_type() {
        let hint = |name: &str, text: &str| resolve(&[(name, text)], None).expect_err("wrong").hint.unwrap_or_default();
        assert_eq!(hint("interval", "1s"), "did you mean `intervals`?");
        assert_eq!(hint("down_for", "3"), "write the unit: `-P down_for=3s`");
        assert_eq!(hint("faults", "2.5"), "for example `-P faults=3`");
        assert!(hint("zzz", "1").contains("  intervals: checkpoint intervals compared"));
        assert_eq!(
            resolve(&[], Some("quik")).expect_err("wrong").hint.as_deref(),
            Some("did you mean `--profile quick`?")
        );
    }
}
