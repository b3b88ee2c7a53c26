//! What is known of a value before the script runs. Mostly nothing, and then nothing is said.

use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::Position;

use crate::script::declare::Kind;

#[derive(Clone, Debug)]
pub enum Type {
    Unknown,
    Nothing,
    Bool,
    /// With its value, where that is written in the script.
    Int(Option<i64>),
    Float(Option<f64>),
    Text(Option<Rc<str>>),
    Letter,
    Duration,
    Bytes,
    List(Box<Type>),
    Range,
    Map(Rc<Record>),
    /// The result of `params`, by number.
    Params(usize),
    Closure(Rc<Lambda>),
    Handle(&'static str),
}

/// A map whose keys are all known.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub fields: BTreeMap<String, Field>,
    /// Whether no other keys can come in.
    pub closed: bool,
    /// What its keys are called.
    pub key: &'static str,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub of: Type,
    pub key: Position,
    pub value: Position,
}

/// A closure: its parameters, and a loop's variable that it captured.
#[derive(Clone, Debug, Default)]
pub struct Lambda {
    pub parameters: Vec<String>,
    pub loop_variable: Option<(String, Position)>,
}

impl Type {
    pub fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Nothing => Self::Nothing,
            Kind::Bool => Self::Bool,
            Kind::Int | Kind::Count => Self::Int(None),
            Kind::Text | Kind::Word(_) => Self::Text(None),
            Kind::Duration => Self::Duration,
            Kind::Bytes => Self::Bytes,
            Kind::List(of) => Self::List(Box::new(Self::of_kind(*of))),
            Kind::Handle(name) => Self::Handle(name),
            _ => Self::Unknown,
        }
    }

    pub fn record(&self) -> Option<&Rc<Record>> {
        match self {
            Self::Map(record) => Some(record),
            _ => None,
        }
    }

    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Text(Some(word)) => Some(word),
            _ => None,
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_))
    }

    /// What both are; the value is lost where there are two.
    pub fn join(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => Self::Nothing,
            (Self::Bool, Self::Bool) => Self::Bool,
            (Self::Int(_), Self::Int(_)) => Self::Int(None),
            (Self::Float(_), Self::Float(_)) => Self::Float(None),
            (Self::Text(_), Self::Text(_)) => Self::Text(None),
            (Self::Duration, Self::Duration) => Self::Duration,
            (Self::Bytes, Self::Bytes) => Self::Bytes,
            (Self::Handle(a), Self::Handle(b)) if a == *b => Self::Handle(a),
            _ => Self::Unknown,
        }
    }

    /// Without the value, which may be another later.
    pub fn widened(self) -> Self {
        match self {
            Self::Int(_) => Self::Int(None),
            Self::Float(_) => Self::Float(None),
            Self::Text(_) => Self::Text(None),
            Self::List(of) => Self::List(Box::new(of.widened())),
            other => other,
        }
    }

    /// What is left of it where the script changes parts of it somewhere.
    pub fn opened(self) -> Self {
        match self {
            Self::List(_) => Self::List(Box::new(Self::Unknown)),
            Self::Map(_) => Self::Unknown,
            other => other,
        }
    }

    /// The element that a `for` sees.
    pub fn element(&self) -> Self {
        match self {
            Self::List(of) => (**of).clone().widened(),
            Self::Range => Self::Int(None),
            _ => Self::Unknown,
        }
    }

    /// Whether it can be of that kind: true unless it is evidently another.
    pub fn fits(&self, kind: Kind) -> bool {
        match (kind, self) {
            (_, Self::Unknown) | (Kind::Any, _) => true,
            (Kind::Either(kinds), _) => kinds.iter().any(|kind| self.fits(*kind)),
            (Kind::Nothing, Self::Nothing)
            | (Kind::Bool, Self::Bool)
            | (Kind::Int, Self::Int(_))
            | (Kind::Number, Self::Int(_) | Self::Float(_))
            | (Kind::Text, Self::Text(_))
            | (Kind::Duration, Self::Duration)
            | (Kind::Seconds, Self::Duration | Self::Int(_) | Self::Float(_))
            | (Kind::Bytes, Self::Bytes)
            | (Kind::Map | Kind::Options, Self::Map(_))
            | (Kind::Closure(_), Self::Closure(_)) => true,
            (Kind::Count, Self::Int(number)) => number.is_none_or(|number| number >= 0),
            (Kind::Word(words), Self::Text(word)) => word.as_ref().is_none_or(|word| words().contains(&&**word)),
            (Kind::List(of), Self::List(element)) => element.fits(*of),
            (Kind::Handle(wanted), Self::Handle(name)) => wanted == *name,
            (Kind::Handle("params"), Self::Params(_)) => true,
            _ => false,
        }
    }

    /// "a whole number (25)"
    pub fn described(&self) -> String {
        match self {
            Self::Unknown => "something else".into(),
            Self::Nothing => "nothing".into(),
            Self::Bool => "true or false".into(),
            Self::Int(Some(number)) => format!("a whole number ({number})"),
            Self::Int(None) => "a whole number".into(),
            Self::Float(Some(number)) => format!("a number ({number:?})"),
            Self::Float(None) => "a number".into(),
            Self::Text(Some(text)) => format!("a string (\"{text}\")"),
            Self::Text(None) => "a string".into(),
            Self::Letter => "a single letter".into(),
            Self::Duration => "a duration".into(),
            Self::Bytes => "a size".into(),
            Self::List(of) => match &**of {
                Self::Int(_) => "a list of whole numbers".into(),
                Self::Float(_) => "a list of numbers".into(),
                Self::Text(_) => "a list of strings".into(),
                Self::Duration => "a list of durations".into(),
                Self::Bytes => "a list of sizes".into(),
                Self::Handle(name) => format!("a list of {name}s"),
                _ => "a list".into(),
            },
            Self::Range => "a range".into(),
            Self::Map(_) => "a map".into(),
            Self::Params(_) => "the result of `params`".into(),
            Self::Closure(_) => "a closure".into(),
            Self::Handle(name) if name.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {name}"),
            Self::Handle(name) => format!("a {name}"),
        }
    }
}
