//! What a primitive is, said once.
//!
//! A declaration is a value: name, words for the reader, arguments, options, effect, an example, and the function
//! that does it. Registration, parsing, error messages, `cprun check`, completion, `help`, the reference and the
//! definitions for editors all read this value, so none of them can say something else than the others.
//!
//! Natives take `Dynamic` and are registered for every number of arguments: Rhai's own "Function not found
//! (i64, i64, Fn)" would otherwise be what a user sees who forgot a unit.

mod call;
mod kind;

use std::any::TypeId;
use std::sync::Arc;
use std::time::Instant;

use rhai::{Dynamic, Engine, FuncRegistration, Module, NativeCallContext, Variant};

pub use call::{Call, Outcome, Thrown};
pub use kind::{Kind, article};

use super::errors::{self, Failure};
use super::limits;
use super::session::Session;
use crate::error::{Error, Result};

/// One function that a script can call.
pub struct Primitive {
    /// `kafka`; empty for functions without a prefix.
    pub module: &'static str,
    pub name: &'static str,
    /// The first sentence stands alone in lists; the rest follows in the reference. Markdown.
    pub doc: &'static str,
    pub arguments: &'static [Argument],
    /// The options of the map that may come last; `None` where there is no such map.
    pub options: Option<Options>,
    pub returns: Kind,
    pub effect: Effect,
    pub belongs: Belongs,
    /// A whole script, or the lines of a trial's body where it belongs there; the tests run it. It may be indented
    /// as its surroundings are.
    pub example: &'static str,
    pub run: fn(&Call<'_>) -> Outcome,
}

/// A positional argument. Optional ones come last.
pub struct Argument {
    pub name: &'static str,
    pub kind: Kind,
    pub doc: &'static str,
    pub optional: bool,
}

impl Argument {
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, doc, optional: false }
    }

    #[must_use]
    pub const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, doc, optional: true }
    }

    /// Where the map of options stands, if it is not the last; it cannot be left out there.
    #[must_use]
    pub const fn options(doc: &'static str) -> Self {
        Self { name: "options", kind: Kind::Options, doc, optional: false }
    }
}

/// The options of a primitive, the map `#{ … }`: after its arguments, or where one of `Kind::Options` stands.
#[derive(Clone, Copy)]
pub struct Options {
    pub known: &'static [Opt],
    /// What keys that are no options mean, where they are allowed; `""` where they are a mistake.
    pub others: &'static str,
}

/// One key of a map of options.
pub struct Opt {
    pub name: &'static str,
    pub kind: Kind,
    /// As a script would write it; empty where there is none.
    pub default: &'static str,
    /// What it does, with the unit where the kind does not say it.
    pub doc: &'static str,
    /// Whether a call without it is a mistake.
    pub required: bool,
}

impl Opt {
    /// An option that may be left out; `default` is what it then is, `""` where the doc says what happens.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Self {
        Self { name, kind, default, doc, required: false }
    }

    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, default: "", doc, required: true }
    }
}

/// What a call does to the world. `check`, completion and `help` call nothing but `Pure` ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Computes from its arguments.
    Pure,
    /// Looks at the target, the run or a file.
    Reads,
    /// Changes the target or the run, or notes something in it.
    Acts,
    /// Lets time pass.
    Waits,
}

/// Where in a script a call may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    Anywhere,
    /// Before the first effect.
    Top,
    /// In the body of an experiment, or at the prompt.
    Body,
}

/// What a type says of a value.
type Of<T> = Box<dyn Fn(&Dynamic) -> T + Send + Sync>;

/// A type of values that primitives hand out.
pub struct Handle {
    pub name: &'static str,
    pub doc: &'static str,
    pub properties: Vec<Shown>,
    pub type_id: TypeId,
    register: Box<dyn Fn(&mut Engine) + Send + Sync>,
    text: Of<Option<String>>,
    values: Of<Vec<(&'static str, Dynamic)>>,
}

/// A property as readers see it.
pub struct Shown {
    pub name: &'static str,
    pub kind: Kind,
    pub doc: &'static str,
}

/// A property and where its value comes from. Getters return at once.
pub struct Property<T: 'static> {
    pub name: &'static str,
    pub kind: Kind,
    pub doc: &'static str,
    pub get: fn(&T) -> Dynamic,
}

impl Handle {
    /// `text` is what `print` shows.
    pub fn of<T: Variant + Clone>(
        name: &'static str,
        doc: &'static str,
        properties: &'static [Property<T>],
        text: fn(&T) -> String,
    ) -> Self {
        let shown = properties.iter().map(|one| Shown { name: one.name, kind: one.kind, doc: one.doc }).collect();
        let register = move |engine: &mut Engine| {
            engine.register_type_with_name::<T>(name);
            for property in properties {
                let get = property.get;
                engine.register_get(property.name, move |handle: &mut T| get(handle));
            }
            engine.register_fn("to_string", move |handle: &mut T| text(handle));
            engine.register_fn("to_debug", move |handle: &mut T| text(handle));
        };
        let of_value = move |value: &Dynamic| value.read_lock::<T>().map(|handle| text(&handle));
        let values = move |value: &Dynamic| {
            let handle = value.clone().try_cast::<T>();
            let all = |handle: T| properties.iter().map(|one| (one.name, (one.get)(&handle))).collect();
            handle.map(all).unwrap_or_default()
        };
        Self {
            name,
            doc,
            properties: shown,
            type_id: TypeId::of::<T>(),
            register: Box::new(register),
            text: Box::new(of_value),
            values: Box::new(values),
        }
    }

    /// What `print` shows of a value, if it is of this type.
    #[must_use]
    pub fn text(&self, value: &Dynamic) -> Option<String> {
        (self.text)(value)
    }

    /// The properties of a value of this type, as they are now.
    #[must_use]
    pub fn values(&self, value: &Dynamic) -> Vec<(&'static str, Dynamic)> {
        (self.values)(value)
    }

    pub fn register(&self, engine: &mut Engine) {
        (self.register)(engine);
    }
}

impl Primitive {
    /// `kafka::create_topic`
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.module.is_empty() { self.name.to_owned() } else { format!("{}::{}", self.module, self.name) }
    }

    /// The first sentence of the doc.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        first_sentence(self.doc)
    }

    /// The example without the indent that all its lines have.
    #[must_use]
    pub fn shown_example(&self) -> String {
        let lines = || self.example.trim_matches('\n').trim_end().lines();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let common = lines().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
        lines().map(|line| line.get(common..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    /// How many positional arguments it must have.
    #[must_use]
    pub fn required(&self) -> usize {
        self.arguments.iter().filter(|argument| !argument.optional).count()
    }

    /// How many values it may take, the map of options among them.
    #[must_use]
    pub fn most(&self) -> usize {
        self.arguments.len() + usize::from(self.options.is_some() && self.place_of_options().is_none())
    }

    /// Where among the arguments the map of options stands, if it is not the last.
    #[must_use]
    pub fn place_of_options(&self) -> Option<usize> {
        self.arguments.iter().position(|argument| matches!(argument.kind, Kind::Options))
    }

    /// The options without which a call is a mistake.
    pub fn required_options(&self) -> impl Iterator<Item = &'static Opt> {
        self.options.iter().flat_map(|options| options.known).filter(|option| option.required)
    }

    /// Who speaks in messages. `experiment` of the stdlib hands its arguments on as they are, and its users have
    /// not heard of the primitive behind it.
    #[must_use]
    pub fn spoken(&self) -> String {
        let name = self.full_name();
        if name == "run::trials" { "experiment".to_owned() } else { name }
    }

    /// `fault::every(period, count, act)`, options as `#{…}`, what may be left out in brackets.
    #[must_use]
    pub fn signature(&self) -> String {
        let argument = |one: &Argument| match one.kind {
            Kind::Options => "#{…}".to_owned(),
            _ if one.optional => format!("[{}]", one.name),
            _ => one.name.to_owned(),
        };
        let mut parts: Vec<String> = self.arguments.iter().map(argument).collect();
        if self.options.is_some() && self.place_of_options().is_none() {
            let needed = self.required_options().next().is_some();
            parts.push(if needed { "#{…}" } else { "[#{…}]" }.to_owned());
        }
        format!("{}({})", self.full_name(), parts.join(", "))
    }
}

/// What stands alone in lists.
#[must_use]
pub fn first_sentence(doc: &str) -> &str {
    let ends = [". ", ".\n", ": \n"].iter().filter_map(|end| doc.find(end)).min();
    &doc[..ends.map_or(doc.len(), |end| end + 1)]
}

/// Arguments beyond these are not looked for; Rhai's own message tells of them.
pub const MOST_ARGUMENTS: usize = 6;

/// Registers a primitive into the module that it belongs to, for every number of arguments.
pub fn register(primitive: &'static Primitive, module: &mut Module, session: &Arc<Session>) {
    debug_assert!(primitive.most() <= MOST_ARGUMENTS);
    macro_rules! with_arguments {
        ($($name:ident)*) => {{
            let own = Arc::clone(session);
            let native = move |context: NativeCallContext, $($name: Dynamic),*| -> std::result::Result<Dynamic, Failure> {
                invoke(primitive, &own, &context, vec![$($name),*])
            };
            FuncRegistration::new(primitive.name)
                .with_volatility(primitive.effect != Effect::Pure)
                .set_into_module(module, native);
        }};
    }
    with_arguments!();
    with_arguments!(a);
    with_arguments!(a b);
    with_arguments!(a b c);
    with_arguments!(a b c d);
    with_arguments!(a b c d e);
    with_arguments!(a b c d e f);
}

/// Holds a call against where its primitive belongs. The arguments come first: what is wrong with them is wrong
/// anywhere.
fn may_stand_here<'a>(call: Call<'a>, session: &Session) -> Result<Call<'a>> {
    match call.primitive.belongs {
        Belongs::Anywhere => {}
        Belongs::Body => drop(session.trial(&call.name())?),
        Belongs::Top if session.state().run.is_some() => {
            return Err(Error::script(format!("{} comes after the first effect", call.name()))
                .hint("write it at the top of the script"));
        }
        Belongs::Top => {}
    }
    Ok(call)
}

fn invoke(
    primitive: &'static Primitive,
    session: &Arc<Session>,
    context: &NativeCallContext,
    values: Vec<Dynamic>,
) -> std::result::Result<Dynamic, Failure> {
    let begin = Instant::now();
    let call = Call::new(primitive, session, context, values).and_then(|call| may_stand_here(call, session));
    let outcome = call.map_err(Thrown::Error).and_then(|call| (primitive.run)(&call));
    if begin.elapsed() >= limits::TOOK_TIME {
        limits::time_passed();
    }
    outcome.map_err(|thrown| match thrown {
        Thrown::Error(error) => errors::at(context, error),
        Thrown::Failure(failure) => failure,
    })
}

#[cfg(test)]
mod tests;
