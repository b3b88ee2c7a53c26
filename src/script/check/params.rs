//! `params`: what its maps say, which of it is used, and what the profiles set.

use std::collections::{BTreeMap, BTreeSet};

use rhai::Position;

use super::types::{Field, Type};
use super::walk::Walker;
use crate::error::Error;
use crate::script::value::unknown;

/// One call of `params`.
#[derive(Default)]
pub struct Parameters {
    pub fields: BTreeMap<String, Field>,
    pub used: BTreeSet<String>,
    /// Whether the whole of it went somewhere: then nothing is said about what is used.
    pub escaped: bool,
    /// Whether a variable holds it.
    pub bound: bool,
}

impl Walker<'_> {
    /// `types` are those of its two maps.
    pub fn params(&mut self, types: &[Type]) -> Type {
        let Some(Type::Map(defaults)) = types.first() else { return Type::Handle("params") };
        if !defaults.closed {
            return Type::Handle("params");
        }
        let fields = defaults.fields.clone();
        if let Some(Type::Map(profiles)) = types.get(1) {
            for (profile, changes) in &profiles.fields {
                match &changes.of {
                    Type::Map(changes) => self.profile(profile, &fields, &changes.fields),
                    of if of.fits(crate::script::declare::Kind::Map) => {}
                    of => {
                        let message = format!("profile `{profile}` wants a map of parameters, not {}", of.described());
                        let hint = format!("write `{profile}: #{{ repeats: 1 }}`");
                        self.error("wrong-kind", changes.value, Error::script(message).hint(hint));
                    }
                }
            }
        }
        self.parameters.push(Parameters { fields, ..Parameters::default() });
        Type::Params(self.parameters.len() - 1)
    }

    fn profile(&mut self, profile: &str, known: &BTreeMap<String, Field>, changes: &BTreeMap<String, Field>) {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        for (name, change) in changes {
            let Some(field) = known.get(name) else {
                let message = format!("profile `{profile}` sets `{name}`, which is no parameter");
                self.error("unknown-parameter", change.key, unknown("parameter", &message, name, &names));
                continue;
            };
            if let Some(hint) = misfit(&field.of, &change.of) {
                let message = format!(
                    "parameter `{name}` wants {} like its default, not {}",
                    field.of.clone().widened().described(),
                    change.of.described()
                );
                self.error("wrong-kind", change.value, Error::script(message).hint(hint));
            }
        }
    }

    pub fn parameter(&mut self, number: usize, name: &str, at: Position) -> Type {
        let parameters = &mut self.parameters[number];
        if let Some(field) = parameters.fields.get(name) {
            let of = match &field.of {
                // A default of `()` takes values of every kind.
                Type::Nothing => Type::Unknown,
                of => of.clone().widened(),
            };
            parameters.used.insert(name.to_owned());
            return of;
        }
        let names: Vec<&str> = parameters.fields.keys().map(String::as_str).collect();
        let message = format!("there is no parameter `{name}`");
        let error = unknown("parameter", &message, name, &names);
        self.error("unknown-parameter", at, error);
        Type::Unknown
    }

    pub fn unused_parameters(&mut self) {
        let mut unused = Vec::new();
        for parameters in self.parameters.iter().filter(|parameters| parameters.bound && !parameters.escaped) {
            for (name, field) in &parameters.fields {
                if !parameters.used.contains(name) {
                    unused.push((name.clone(), field.key));
                }
            }
        }
        for (name, at) in unused {
            let message = format!("the parameter `{name}` is not used");
            let hint = format!("use it as `p.{name}`, or take it out: setting it would change nothing");
            self.warning("unused-parameter", at, Error::script(message).hint(hint));
        }
    }
}

/// What to do where a value cannot become the type of its default; `None` where it can, or nobody knows.
fn misfit(default: &Type, value: &Type) -> Option<String> {
    match (default, value) {
        (Type::Unknown | Type::Nothing, _) | (_, Type::Unknown) => None,
        (Type::List(element), Type::List(given)) => misfit(element, given),
        // One value where a list is wanted makes a list of one.
        (Type::List(element), given) => misfit(element, given),
        (Type::Duration, given) if given.is_number() => match given {
            Type::Int(Some(number)) => Some(format!("write the unit: `{number}.s`")),
            Type::Float(Some(number)) => Some(format!("write the unit: `{number:?}.s`")),
            _ => Some("give it a unit, as in `30.s`".to_owned()),
        },
        (Type::Float(_), Type::Int(_)) => None,
        (Type::Int(_), Type::Float(number)) if number.is_none_or(|number| number.fract() == 0.0) => None,
        (Type::Text(_), Type::Letter) => Some("strings stand in double quotes: `\"…\"`".to_owned()),
        (default, value) if std::mem::discriminant(default) == std::mem::discriminant(value) => None,
        (default, _) => Some(format!("give {}", default.clone().widened().described())),
    }
}
