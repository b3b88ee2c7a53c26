//! One call of a primitive: its values by name, after the declaration has been held against them.

use std::sync::Arc;

use rhai::{Dynamic, FnPtr, Map, NativeCallContext, Variant};

use super::{Kind, Primitive};
use crate::error::{Error, Result};
use crate::script::bind;
use crate::script::errors::Failure;
use crate::script::session::Session;
use crate::script::units::{Bytes, Duration, kind_name};
use crate::script::value::{number, text, unknown};

/// What a primitive gives back.
pub type Outcome = std::result::Result<Dynamic, Thrown>;

/// An error of ours, which gets the place of the call, or one that a closure of the script threw.
pub enum Thrown {
    Error(Error),
    Failure(Failure),
}

impl From<Error> for Thrown {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Failure> for Thrown {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Ten years: longer than any experiment, and within what clocks can count.
const LONGEST_S: f64 = 10.0 * 365.25 * 86400.0;

pub struct Call<'a> {
    pub session: &'a Arc<Session>,
    pub context: &'a NativeCallContext<'a>,
    pub primitive: &'static Primitive,
    values: Vec<(&'static str, Dynamic)>,
    /// Keys of the map that are no options, where those mean something.
    pub others: Map,
}

impl<'a> Call<'a> {
    /// Holds the values against the declaration: their number, their kinds, the keys of the options.
    pub fn new(
        primitive: &'static Primitive,
        session: &'a Arc<Session>,
        context: &'a NativeCallContext<'a>,
        mut given: Vec<Dynamic>,
    ) -> Result<Self> {
        given.iter_mut().for_each(|value| *value = value.flatten_clone());
        let mut options = match primitive.options {
            Some(_) if primitive.place_of_options().is_some() => None,
            Some(_) if given.len() > primitive.required() && given.last().is_some_and(Dynamic::is_map) => given.pop(),
            _ => None,
        };
        check_number(primitive, &given, options.is_some())?;
        let mut values = Vec::with_capacity(given.len());
        for (argument, value) in primitive.arguments.iter().zip(given) {
            check_kind(primitive, argument.name, argument.kind, &value)?;
            match argument.kind {
                Kind::Options => options = Some(value),
                _ => values.push((argument.name, value)),
            }
        }
        let mut call = Self { session, context, primitive, values, others: Map::new() };
        call.take_options(options.and_then(Dynamic::try_cast::<Map>).unwrap_or_default())?;
        match primitive.required_options().find(|option| call.value(option.name).is_none()) {
            Some(option) => Err(call.lacks(option.name)),
            None => Ok(call),
        }
    }

    fn take_options(&mut self, map: Map) -> Result<()> {
        let Some(options) = self.primitive.options else { return Ok(()) };
        for (key, value) in map {
            let value = value.flatten();
            match options.known.iter().find(|option| option.name == key.as_str()) {
                Some(option) => {
                    check_kind(self.primitive, option.name, option.kind, &value)?;
                    self.values.push((option.name, value));
                }
                None if options.others.is_empty() => {
                    let names: Vec<&str> = options.known.iter().map(|option| option.name).collect();
                    let message = format!("{} has no option `{key}`", self.primitive.spoken());
                    return Err(unknown("option", &message, &key, &names));
                }
                None => drop(self.others.insert(key, value)),
            }
        }
        Ok(())
    }

    /// The value of an argument or option, where it was given.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Dynamic> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Who is called, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        self.primitive.spoken()
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).and_then(|value| value.clone().into_string().ok())
    }

    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.value(name).and_then(|value| value.as_bool().ok())
    }

    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.value(name).and_then(|value| value.as_int().ok())
    }

    /// A whole number, 0 or more; fails above four thousand million.
    pub fn count(&self, name: &str) -> Result<Option<u32>> {
        let fits = |number: i64| {
            u32::try_from(number)
                .map_err(|_| Error::script(format!("{}: `{name}` is {number}, which is too many", self.name())))
        };
        self.int(name).map(fits).transpose()
    }

    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.value(name).and_then(number)
    }

    /// Seconds of a duration that time can pass in: 0 to ten years.
    pub fn duration_s(&self, name: &str) -> Result<Option<f64>> {
        match self.seconds(name) {
            Some(seconds) if !(0.0..=LONGEST_S).contains(&seconds) => Err(Error::script(format!(
                "{}: `{name}` is {seconds} s, but must lie between 0 and ten years",
                self.name()
            ))),
            seconds => Ok(seconds),
        }
    }

    /// Seconds of a duration or a number, whatever they are.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<f64> {
        let value = self.value(name)?;
        value.clone().try_cast::<Duration>().map(|duration| duration.seconds).or_else(|| number(value))
    }

    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<u64> {
        let bytes = self.value(name)?.clone().try_cast::<Bytes>()?;
        u64::try_from(bytes.0).ok()
    }

    #[must_use]
    pub fn map(&self, name: &str) -> Option<Map> {
        self.value(name)?.clone().try_cast::<Map>()
    }

    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<Dynamic>> {
        self.value(name)?.clone().try_cast::<rhai::Array>()
    }

    /// A closure. Its captured variables stay shared with the script.
    pub fn closure(&self, name: &str) -> Result<FnPtr> {
        self.value(name).and_then(|value| value.clone().try_cast::<FnPtr>()).ok_or_else(|| self.lacks(name))
    }

    /// A handle by its Rust type.
    pub fn handle<T: Variant + Clone>(&self, name: &str) -> Result<T> {
        self.value(name).and_then(|value| value.clone().try_cast::<T>()).ok_or_else(|| self.lacks(name))
    }

    /// One handle or a list of them, as a list.
    pub fn handles<T: Variant + Clone>(&self, name: &str) -> Result<Vec<T>> {
        match self.list(name) {
            Some(list) => Ok(list.into_iter().filter_map(Dynamic::try_cast::<T>).collect()),
            None => Ok(vec![self.handle(name)?]),
        }
    }

    /// What must be there by the declaration.
    pub fn required<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.lacks(name))
    }

    fn lacks(&self, name: &str) -> Error {
        Error::script(format!("{} needs `{name}`", self.name()))
            .hint(format!("for example\n{}", self.primitive.shown_example()))
    }
}

/// `positional` are the values without the map of options.
fn check_number(primitive: &Primitive, positional: &[Dynamic], has_options: bool) -> Result<()> {
    let (least, most, given) = (primitive.required(), primitive.arguments.len(), positional.len());
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let who = primitive.spoken();
    let signature = format!("it is `{}`", primitive.signature());
    if given < least {
        let missing = primitive.arguments[given].name;
        return Err(Error::script(format!("{who} needs `{missing}`")).hint(signature));
    }
    let takes_map = primitive.options.filter(|_| primitive.place_of_options().is_none() && !has_options);
    if let (Some(options), [.., last], true) = (takes_map, positional, given == most + 1) {
        let first = options.known.first().map_or("option", |option| option.name);
        let error =
            Error::script(format!("{who} takes its options as a map, not {} ({})", kind_name(last), text(last)));
        return Err(error.hint(format!("for example `#{{ {first}: … }}`; {signature}")));
    }
    let values = match most {
        0 => "no value".to_owned(),
        1 => "1 value".to_owned(),
        several => format!("{several} values"),
    };
    let at_most = if least < most { "at most " } else { "" };
    let options = if has_options { " and its options" } else { "" };
    Err(Error::script(format!("{who} takes {at_most}{values}{options}, not {given}")).hint(signature))
}

fn check_kind(primitive: &Primitive, name: &str, kind: Kind, value: &Dynamic) -> Result<()> {
    if kind.accepts(value) {
        return Ok(());
    }
    Err(wrong_kind(primitive, name, kind, value))
}

/// "fault::every: `period` wants a duration such as `30.s`, not a whole number (25)"
fn wrong_kind(primitive: &Primitive, name: &str, kind: Kind, value: &Dynamic) -> Error {
    let who = primitive.spoken();
    if let (Kind::Word(words), Ok(given)) = (kind, value.clone().into_string()) {
        let words = words();
        let message = format!("{who}: `{name}` cannot be `{given}`; it is one of {}", words.join(", "));
        return unknown("value", &message, &given, &words);
    }
    let given = match kind {
        Kind::Count if value.is_int() => text(value),
        _ => format!("{} ({})", kind_name(value), text(value)),
    };
    let error = Error::script(format!("{who}: `{name}` wants {}, not {given}", kind.wanted()));
    match (kind, number(value)) {
        (Kind::Duration, Some(number)) => error.hint(format!("write the unit: `{number}.s`")),
        (Kind::Bytes, Some(number)) => error.hint(format!("write the unit: `{number}.MiB`")),
        (Kind::Closure(names), _) => error.hint(format!("write `|{}| …`", names.join(", "))),
        (Kind::Handle(handle), _) => giver(handle).map_or(error.clone(), |hint| error.hint(hint)),
        (Kind::Either([Kind::Handle(handle), ..]), _) => giver(handle).map_or(error.clone(), |hint| error.hint(hint)),
        _ => error,
    }
}

/// Where a handle comes from: "`kafka::create_topic(name, [#{…}])` gives one".
fn giver(handle: &str) -> Option<String> {
    let giver = bind::primitives().find(|primitive| primitive.returns.is_of(handle))?;
    // Users get a study from the stdlib, which calls the primitive.
    let signature = if handle == "study" { "experiment(name, #{…}, body)".to_owned() } else { giver.signature() };
    Some(format!("`{signature}` gives one"))
}
