//! Calls: is there such a function, does it take so many values, and of these kinds.

use rhai::{Expr, FnCallExpr, Position};

use super::known::Signature;
use super::types::{Field, Record, Type};
use super::walk::{Walker, Within, closure, start};
use super::{Place, Severity, spans};
use crate::error::Error;
use crate::script::bind;
use crate::script::declare::{Belongs, Kind, Opt, Primitive};
use crate::script::value::unknown;

/// Functions that call a closure before they return: what it captured cannot change until then.
const AT_ONCE: [&str; 5] = ["experiment", "retry", "wait_until", "parallel", "run::trial"];

impl<'a> Walker<'a> {
    pub fn call(&mut self, call: &'a FnCallExpr, at: Position) -> Type {
        if call.op_token.is_some() {
            return self.operator(call, at);
        }
        let begin = call.namespace.path.first().map_or(at, |part| part.pos);
        let place = spans::path(&self.source.text, begin);
        let name = full_name(call);
        if let Some(primitive) =
            self.known.primitives.get(&name).copied().filter(|_| !self.is_own(&call.name) || call.is_qualified())
        {
            let types = self.arguments(&name, &call.args);
            return self.primitive(primitive, &call.args, &types, place);
        }
        let types = self.arguments(&name, &call.args);
        if call.is_qualified() {
            self.qualified(call, &types, place);
        } else {
            self.plain(call, &types, place);
        }
        Type::Unknown
    }

    /// A function of the script hides one of the same name without a prefix.
    fn is_own(&self, name: &str) -> bool {
        self.tree.named().any(|function| function.name == name)
    }

    /// Closures last: what they are called with may depend on the other arguments.
    fn arguments(&mut self, name: &str, arguments: &'a [Expr]) -> Vec<Type> {
        let plain = |one: &&'a Expr| closure(one).is_none();
        let mut types: Vec<Type> = Vec::with_capacity(arguments.len());
        for argument in arguments {
            types.push(if plain(&argument) { self.expression(argument) } else { Type::Unknown });
        }
        let body = name == "experiment" || name.starts_with("run::trial");
        let within = if body { Within::Body } else { Within::Elsewhere };
        for (index, argument) in arguments.iter().enumerate().filter(|(_, one)| !plain(one)) {
            let given = self.given_to_closure(name, &types);
            let of = self.expression_given(argument, &given, within);
            types[index] = of;
        }
        if !AT_ONCE.contains(&name) && !self.is_own(name) && self.known.primitives.contains_key(name) {
            types.iter().for_each(|of| self.stored(of));
        }
        types
    }

    /// What the closure of a call is called with.
    fn given_to_closure(&self, name: &str, types: &[Type]) -> Vec<Type> {
        match name {
            "experiment" | "run::trials" => vec![self.axes(types.get(1))],
            _ if name.starts_with("fault::") => vec![Type::Int(None)],
            _ => Vec::new(),
        }
    }

    // --- functions that are no primitives ---

    fn qualified(&mut self, call: &'a FnCallExpr, types: &[Type], place: Place) {
        let modules: Vec<&str> = call.namespace.path.iter().map(|part| part.name.as_str()).collect();
        let module = modules.join("::");
        if module == "global" {
            return;
        }
        if let Some(functions) = self.imported.get(&module).filter(|_| self.scope.has_module(&module)) {
            let Some(functions) = functions else { return };
            let same: Vec<&Signature> = functions.iter().filter(|one| one.name == call.name.as_str()).collect();
            if same.is_empty() {
                let names: Vec<&str> = functions.iter().map(|one| one.name.as_str()).collect();
                let message = format!("the file imported as `{module}` has no function `{}`", call.name);
                let error = unknown("function", &message, &call.name, &names);
                self.tell(Severity::Error, "unknown-function", place, error);
            } else if !same.iter().any(|one| one.parameters.len() == types.len()) {
                self.wrong_number(&full_name(call), types.len(), &same[0].text(), place);
            }
            return;
        }
        if self.scope.has_module(&module) {
            return;
        }
        let error = self.unknown_in_module(&module, &call.name);
        let code = if self.known.is_module(&module) { "unknown-function" } else { "unknown-module" };
        self.tell(Severity::Error, code, place, error);
    }

    fn plain(&mut self, call: &'a FnCallExpr, types: &[Type], place: Place) {
        let name = call.name.as_str();
        if name == "eval" {
            let error = Error::script("`eval` is disabled: nothing could check what it would run");
            return self.tell(
                Severity::Error,
                "eval-disabled",
                place,
                error.hint("write the code itself, or a function"),
            );
        }
        if name == "Fn" {
            return self.pointer(&call.args, types);
        }
        if let Some(done) = self.scripted(call, types, place) {
            return done;
        }
        if self.known.is_built_in(name) || self.has_given_function(name) {
            return;
        }
        if let Some(numbers) = self.known.native(name) {
            if !numbers.contains(&types.len()) {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                let error = Error::script(format!("{name} does not take {}", many(types.len())))
                    .hint(format!("it takes {}", numbers.join(" or ")));
                self.tell(Severity::Error, "wrong-number-of-arguments", place, error);
            }
            return;
        }
        self.unknown_function(name, place);
    }

    fn unknown_function(&mut self, name: &str, place: Place) {
        let message = format!("there is no function `{name}`");
        let error = if self.scope.has(name) {
            Error::script(format!("`{name}` is a variable, not a function"))
                .hint(format!("a closure in a variable is called with `{name}.call(…)`"))
        } else {
            let own: Vec<&str> = self.tree.named().map(|function| function.name.as_str()).collect();
            match self.known.nearest_function(name, &own) {
                Some(near) => Error::script(message).hint(format!("did you mean `{near}`?")),
                None => Error::script(message).hint(format!("define it with `fn {name}(…) {{ … }}`; the functions of cprun have a prefix, as in `kafka::create_topic`")),
            }
        };
        self.tell(Severity::Error, "unknown-function", place, error);
    }

    /// A call of a function of the script or the stdlib; `None` if there is none of that name.
    fn scripted(&mut self, call: &'a FnCallExpr, types: &[Type], place: Place) -> Option<()> {
        let name = call.name.as_str();
        let own = self.tree.named().filter(|function| function.name == name);
        let own = own.map(|function| Signature { name: name.to_owned(), parameters: function.parameters.clone() });
        let all: Vec<Signature> = own.chain(self.known.stdlib.iter().filter(|one| one.name == name).cloned()).collect();
        let first = all.first()?;
        if !all.iter().any(|one| one.parameters.len() == types.len()) {
            let signature = if name == "experiment" {
                "experiment(name, #{ interval: [1.s, 10.s] }, |v| { … })".to_owned()
            } else {
                first.text()
            };
            self.wrong_number(name, types.len(), &signature, place);
        } else if name == "experiment" && !self.is_own(name) {
            self.experiment(&call.args, types, place);
        }
        Some(())
    }

    fn wrong_number(&mut self, name: &str, given: usize, signature: &str, place: Place) {
        let error = Error::script(format!("{name} does not take {}", many(given))).hint(format!("it is `{signature}`"));
        self.tell(Severity::Error, "wrong-number-of-arguments", place, error);
    }

    /// `Fn("name")`, which finds functions of the script alone.
    fn pointer(&mut self, arguments: &'a [Expr], types: &[Type]) {
        let Some(name) = types.first().and_then(Type::word) else { return };
        let own =
            self.is_own(name) || self.has_given_function(name) || self.known.stdlib.iter().any(|one| one.name == name);
        if own || (!name.contains("::") && (self.known.native(name).is_some() || self.known.is_built_in(name))) {
            return;
        }
        let message = format!("`Fn` finds functions of the script alone, and none is called `{name}`");
        let error = match self.known.primitives.get(name) {
            Some(primitive) => {
                let values: Vec<&str> = primitive.arguments.iter().map(|one| one.name).collect();
                let values = values.join(", ");
                Error::script(message).hint(format!("write a closure: `|{values}| {name}({values})`"))
            }
            None => {
                let own: Vec<&str> = self.tree.named().map(|function| function.name.as_str()).collect();
                unknown("function", &message, name, &own)
            }
        };
        if let Some(argument) = arguments.first() {
            self.error("unknown-function", start(argument), error);
        }
    }

    // --- primitives ---

    fn primitive(
        &mut self,
        primitive: &'static Primitive,
        arguments: &'a [Expr],
        types: &[Type],
        place: Place,
    ) -> Type {
        self.belongs(primitive, place);
        let positional = match positional(primitive, types) {
            Some(positional) => positional,
            None => {
                let error = Error::script(format!("{} does not take {}", primitive.spoken(), many(types.len())))
                    .hint(format!("it is `{}`", primitive.signature()));
                self.tell(Severity::Error, "wrong-number-of-arguments", place, error);
                return Type::of_kind(primitive.returns);
            }
        };
        let mut options = if positional < types.len() { types.last() } else { None };
        for ((argument, of), expression) in primitive.arguments.iter().zip(&types[..positional]).zip(arguments) {
            if matches!(argument.kind, Kind::Options) {
                options = Some(of);
            }
            self.kind(primitive, argument.name, argument.kind, of, start(expression));
        }
        self.options(primitive, options, place);
        match primitive.full_name().as_str() {
            "params" => return self.params(types),
            "flink::submit" => self.submit(arguments, types, place),
            "run::trials" => self.started = self.started || self.branches == 0,
            _ => {}
        }
        Type::of_kind(primitive.returns)
    }

    fn belongs(&mut self, primitive: &'static Primitive, place: Place) {
        if self.surroundings.prompt {
            return;
        }
        let name = primitive.full_name();
        let error = match (primitive.belongs, self.within) {
            (Belongs::Body, Within::Script) => Error::script(format!("{name} belongs into the body of an experiment"))
                .hint("write it inside the closure: `experiment(\"name\", #{ … }, |v| { … })`"),
            (Belongs::Top, Within::Body) => {
                Error::script(format!("{name} stands in the body of an experiment, after the first effect"))
                    .hint("state what the script needs at its top")
            }
            (Belongs::Top, Within::Script) if self.started => {
                Error::script(format!("{name} comes after the first effect"))
                    .hint("state what the script needs at its top")
            }
            _ => return,
        };
        self.tell(Severity::Error, "wrong-place", place, error);
    }

    /// `of` is the map of options, `None` where there is none.
    pub fn options(&mut self, primitive: &'static Primitive, of: Option<&Type>, place: Place) {
        let Some(options) = primitive.options else { return };
        let none = std::rc::Rc::new(Record { closed: true, ..Record::default() });
        let record = match of {
            Some(Type::Map(record)) => record,
            Some(_) => return,
            None => &none,
        };
        for (key, field) in &record.fields {
            match options.known.iter().find(|option| option.name == key) {
                Some(option) => self.kind(primitive, option.name, option.kind, &field.of, field.value),
                None if options.others.is_empty() => {
                    let names: Vec<&str> = options.known.iter().map(|option| option.name).collect();
                    let message = format!("{} has no option `{key}`", primitive.spoken());
                    self.error("unknown-option", field.key, unknown("option", &message, key, &names));
                }
                None => {}
            }
        }
        self.required(primitive, record, place);
    }

    fn required(&mut self, primitive: &'static Primitive, record: &Record, place: Place) {
        let strangers = record.fields.keys().any(|key| !is_option(primitive, key));
        // A misspelt key is told already, and is the likely reason.
        if !record.closed || strangers {
            return;
        }
        let missing: Vec<&Opt> =
            primitive.required_options().filter(|option| !record.fields.contains_key(option.name)).collect();
        for option in &missing {
            let error = Error::script(format!("{} needs `{}`", primitive.spoken(), option.name));
            let hint = format!("add it: `{}: …`, {}", option.name, option.doc);
            self.tell(Severity::Error, "missing-option", place, error.hint(hint));
        }
        if is_option(primitive, "lambda") && is_option(primitive, "mtbf") {
            let has = |key: &str| record.fields.contains_key(key);
            // What has these knows its failures otherwise.
            let otherwise = has("times") || has("scale");
            if has("lambda") == has("mtbf") && (has("mtbf") || !otherwise) {
                let message = format!(
                    "{} wants one of `lambda` (failures a second) and `mtbf` (time between them)",
                    primitive.spoken()
                );
                self.tell(
                    Severity::Error,
                    "missing-option",
                    place,
                    Error::script(message).hint("for example `mtbf: 10.min`"),
                );
            }
        }
    }

    /// Tells of a value that evidently is of another kind.
    fn kind(&mut self, primitive: &'static Primitive, name: &str, kind: Kind, of: &Type, at: Position) {
        if of.fits(kind) {
            return;
        }
        let who = primitive.spoken();
        if let (Some(words), Some(given)) = (words(kind), of.word()) {
            let message = format!("{who}: `{name}` cannot be `{given}`; it is one of {}", words.join(", "));
            return self.error("unknown-word", at, unknown("value", &message, given, &words));
        }
        if at.is_none() {
            return;
        }
        let error = Error::script(format!("{who}: `{name}` wants {}, not {}", kind.wanted(), of.described()));
        let code =
            if of.is_number() && matches!(kind, Kind::Duration | Kind::Bytes) { "missing-unit" } else { "wrong-kind" };
        let place = spans::value(&self.source.text, at);
        self.tell(Severity::Error, code, place, error.hint(kind_hint(kind, of)));
    }
}

fn kind_hint(kind: Kind, of: &Type) -> String {
    let number = match of {
        Type::Int(Some(number)) => number.to_string(),
        Type::Float(Some(number)) => format!("{number:?}"),
        _ => "x".to_owned(),
    };
    match (kind, of) {
        (Kind::Duration, of) if of.is_number() => format!("write the unit: `{number}.s`"),
        (Kind::Bytes, of) if of.is_number() => format!("write the unit: `{number}.MiB`"),
        (Kind::Count | Kind::Int, Type::Float(Some(number))) if number.fract() == 0.0 => {
            format!("write it without a fraction: `{}`", *number as i64)
        }
        (Kind::Duration, Type::Text(Some(text))) => match split_unit(text) {
            Some((number, unit)) => format!("write it without quotes, with a dot: `{number}.{unit}`"),
            None => "write a number and its unit: `30.s`".to_owned(),
        },
        (Kind::Number | Kind::Int | Kind::Count, Type::Text(Some(text))) if text.parse::<f64>().is_ok() => {
            format!("write it without quotes: `{text}`")
        }
        (Kind::Count, Type::Int(_)) => "it cannot be negative".to_owned(),
        (Kind::Text | Kind::Word(_), Type::Letter) => "strings stand in double quotes: `\"…\"`".to_owned(),
        (Kind::Closure(names), _) => format!("write `|{}| …`", names.join(", ")),
        (Kind::Number | Kind::Int | Kind::Count, Type::Duration) => "`.seconds` of a duration is its number".to_owned(),
        _ => giver(kind).unwrap_or_else(|| format!("give {}", kind.wanted())),
    }
}

/// `10s` as its number and its unit.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    crate::script::units::Duration::parse(text)?;
    let at = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    Some((text[..at].trim().trim_end_matches('.'), &text[at..]))
}

/// Where a handle comes from.
fn giver(kind: Kind) -> Option<String> {
    let handle = match kind {
        Kind::Handle(handle) => handle,
        Kind::Either([Kind::Handle(handle), ..]) => *handle,
        _ => return None,
    };
    let gives = |kind: &Kind| matches!(kind, Kind::Handle(name) if *name == handle);
    let giver = bind::primitives().find(|primitive| match primitive.returns {
        Kind::Either(kinds) => kinds.iter().any(gives),
        kind => gives(&kind),
    })?;
    Some(format!("`{}` gives one", giver.signature()))
}

fn words(kind: Kind) -> Option<Vec<&'static str>> {
    match kind {
        Kind::Word(words) => Some(words()),
        Kind::Either(kinds) => kinds.iter().find_map(|kind| words(*kind)),
        _ => None,
    }
}

fn is_option(primitive: &Primitive, key: &str) -> bool {
    primitive.options.is_some_and(|options| options.known.iter().any(|option| option.name == key))
}

/// How many of the values are arguments by place; `None` where their number cannot be right.
fn positional(primitive: &Primitive, types: &[Type]) -> Option<usize> {
    let fits = |number: usize| (primitive.required()..=primitive.arguments.len()).contains(&number);
    let given = types.len();
    let map_last =
        primitive.options.is_some() && primitive.place_of_options().is_none() && given > primitive.required();
    match types.last() {
        Some(Type::Map(_)) if map_last => Some(given - 1).filter(|number| fits(*number)),
        // It may be the map of options, or not.
        Some(Type::Unknown) if map_last && fits(given - 1) => Some(given - 1),
        _ => Some(given).filter(|number| fits(*number)),
    }
}

pub fn many(given: usize) -> String {
    match given {
        0 => "0 values".to_owned(),
        1 => "1 value".to_owned(),
        more => format!("{more} values"),
    }
}

fn full_name(call: &FnCallExpr) -> String {
    let modules = call.namespace.path.iter().map(|module| module.name.as_str());
    modules.chain([call.name.as_str()]).collect::<Vec<_>>().join("::")
}

/// The field of a map, where it is known.
pub fn field<'r>(of: Option<&'r Type>, key: &str) -> Option<&'r Field> {
    of?.record()?.fields.get(key)
}
