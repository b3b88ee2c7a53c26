//! The kinds of values that arguments, options and properties have, and whether a value is of one.

use rhai::{Array, Dynamic, FnPtr, Map};

use crate::script::bind;
use crate::script::units::{Bytes, Duration};

/// What a value must be.
#[derive(Clone, Copy)]
pub enum Kind {
    Any,
    Nothing,
    Bool,
    /// A whole number, negative ones too.
    Int,
    /// A whole number, 0 or more.
    Count,
    /// A number, whole or not.
    Number,
    Text,
    /// One of a few words.
    Word(fn() -> Vec<&'static str>),
    /// `30.s`
    Duration,
    /// A duration, or a number of seconds: what the formulas take.
    Seconds,
    /// `1.GiB`
    Bytes,
    List(&'static Kind),
    Map,
    /// The map of options, where it is not the last argument.
    Options,
    /// A closure with these arguments.
    Closure(&'static [&'static str]),
    /// A value that a primitive hands out, by the name of its type.
    Handle(&'static str),
    Either(&'static [Kind]),
}

impl Kind {
    /// As a message names it: "a duration such as `30.s`".
    #[must_use]
    pub fn wanted(self) -> String {
        match self {
            Self::Any => "a value".into(),
            Self::Nothing => "nothing".into(),
            Self::Bool => "true or false".into(),
            Self::Int => "a whole number".into(),
            Self::Count => "a whole number, 0 or more".into(),
            Self::Number => "a number".into(),
            Self::Text => "a string".into(),
            Self::Word(words) => format!("one of {}", quoted(&words())),
            Self::Duration => "a duration such as `30.s`".into(),
            Self::Seconds => "a duration such as `30.s`, or seconds".into(),
            Self::Bytes => "a size such as `1.GiB`".into(),
            Self::List(of) => format!("a list of {}", of.several()),
            Self::Map => "a map `#{ … }`".into(),
            Self::Options => "a map of options `#{ … }`".into(),
            Self::Closure(names) => format!("a closure `|{}| …`", names.join(", ")),
            Self::Handle(name) => article(name),
            Self::Either(kinds) => joined(kinds, Self::wanted),
        }
    }

    /// As the elements of a list are named: "instances".
    fn several(self) -> String {
        match self {
            Self::Int | Self::Count => "whole numbers".into(),
            Self::Number => "numbers".into(),
            Self::Text => "strings".into(),
            Self::Duration => "durations".into(),
            Self::Seconds => "durations or seconds".into(),
            Self::Bytes => "sizes".into(),
            Self::Map => "maps".into(),
            Self::Closure(_) => "closures".into(),
            Self::Handle(name) => format!("{name}s"),
            Self::Any => "values".into(),
            other => format!("values, each {}", other.wanted()),
        }
    }

    /// In one or two words, for tables and definitions: `duration`, `list of instance`.
    #[must_use]
    pub fn short(self) -> String {
        match self {
            Self::Any => "any".into(),
            Self::Nothing => "nothing".into(),
            Self::Bool => "bool".into(),
            Self::Int | Self::Count => "whole number".into(),
            Self::Number => "number".into(),
            Self::Text => "string".into(),
            Self::Word(words) if words().len() > 3 => format!("one of {}", quoted(&words())),
            Self::Word(words) => words().iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Self::Duration => "duration".into(),
            Self::Seconds => "duration or seconds".into(),
            Self::Bytes => "size".into(),
            Self::List(of) => format!("list of {}", of.several()),
            Self::Map | Self::Options => "map".into(),
            Self::Closure(names) => format!("closure |{}|", names.join(", ")),
            Self::Handle(name) => name.into(),
            Self::Either(kinds) => joined(kinds, Self::short),
        }
    }

    /// Whether a value of it is a handle of that name, or may be.
    #[must_use]
    pub fn is_of(self, handle: &str) -> bool {
        match self {
            Self::Handle(name) => name == handle,
            Self::Either(kinds) => kinds.iter().any(|kind| kind.is_of(handle)),
            _ => false,
        }
    }

    #[must_use]
    pub fn accepts(self, value: &Dynamic) -> bool {
        match self {
            Self::Any => true,
            Self::Nothing => value.is_unit(),
            Self::Bool => value.is_bool(),
            Self::Int => value.is_int(),
            Self::Count => value.as_int().is_ok_and(|number| number >= 0),
            Self::Number => value.is_int() || value.is_float(),
            Self::Text => value.is_string(),
            Self::Word(words) => value.clone().into_string().is_ok_and(|text| words().contains(&text.as_str())),
            Self::Duration => value.is::<Duration>(),
            Self::Seconds => value.is::<Duration>() || value.is_int() || value.is_float(),
            Self::Bytes => value.is::<Bytes>(),
            Self::List(of) => {
                value.clone().try_cast::<Array>().is_some_and(|list| list.iter().all(|one| of.accepts(one)))
            }
            Self::Map | Self::Options => value.is::<Map>(),
            Self::Closure(_) => value.is::<FnPtr>(),
            Self::Handle(name) => bind::handle_name(value) == Some(name),
            Self::Either(kinds) => kinds.iter().any(|kind| kind.accepts(value)),
        }
    }
}

fn joined(kinds: &[Kind], word: fn(Kind) -> String) -> String {
    kinds.iter().map(|kind| word(*kind)).collect::<Vec<_>>().join(" or ")
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// "an instance"
#[must_use]
pub fn article(name: &str) -> String {
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {name}", if vowel { "an" } else { "a" })
}
