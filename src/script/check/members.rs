//! Properties, methods and elements: `p.interval`, `30.s`, `job.id`, `list[0]`.

use rhai::{ASTFlags, Expr, FnCallExpr, Position};

use super::types::{Record, Type};
use super::walk::{Walker, Within};
use crate::error::Error;
use crate::script::declare::{Kind, Primitive};
use crate::script::value::nearest;

/// One step of a chain.
enum Step<'a> {
    Property(&'a str, Position),
    Method(&'a FnCallExpr, Position),
    Element(&'a Expr),
}

/// What every value can be asked.
const OF_ALL: [&str; 8] = ["to_string", "to_debug", "type_of", "is_shared", "print", "debug", "tag", "set_tag"];

impl<'a> Walker<'a> {
    pub fn chain(&mut self, expression: &'a Expr) -> Type {
        let (base, steps) = flatten(expression);
        if self.module_with_a_dot(base, &steps) {
            return Type::Unknown;
        }
        let mut of = self.base(base, &steps);
        for step in &steps {
            of = self.step(&of, step);
        }
        of
    }

    /// What stands at the left of an assignment: its last step is set, not read.
    pub fn assign_part(&mut self, expression: &'a Expr) {
        let (base, steps) = flatten(expression);
        let mut of = self.base(base, &steps);
        let Some((last, before)) = steps.split_last() else { return };
        for step in before {
            of = self.step(&of, step);
        }
        match last {
            Step::Property(name, at) => self.set_property(&of, name, *at),
            Step::Element(index) => drop(self.expression(index)),
            Step::Method(call, _) => call.args.iter().for_each(|argument| drop(self.expression(argument))),
        }
    }

    /// The parameters stay countable as long as only single ones are read.
    fn base(&mut self, base: &'a Expr, steps: &[Step<'a>]) -> Type {
        match base {
            Expr::Variable(variable, _, position) if variable.2.path.is_empty() => {
                let of = self.value_of(&variable.1, *position).unwrap_or(Type::Unknown);
                let one = matches!(steps.first(), Some(Step::Property(..) | Step::Element(Expr::StringConstant(..))));
                if let (Type::Params(number), false) = (&of, one) {
                    self.parameters[*number].escaped = true;
                }
                of
            }
            other => self.expression(other),
        }
    }

    fn module_with_a_dot(&mut self, base: &Expr, steps: &[Step<'a>]) -> bool {
        let Expr::Variable(variable, _, position) = base else { return false };
        let name = variable.1.as_str();
        let module = self.known.is_module(name) || self.scope.has_module(name);
        if !module || !variable.2.path.is_empty() || self.scope.has(name) {
            return false;
        }
        let next = match steps.first() {
            Some(Step::Property(next, _)) => format!("`{name}::{next}(…)`"),
            Some(Step::Method(call, _)) => format!("`{name}::{}(…)`", call.name),
            _ => format!("`{name}::…`"),
        };
        let message = format!("`{name}` is a module, and a dot looks for a variable");
        self.error("module-with-dot", *position, Error::script(message).hint(format!("write {next}")));
        for step in steps {
            if let Step::Method(call, _) = step {
                call.args.iter().for_each(|argument| drop(self.expression(argument)));
            }
        }
        true
    }

    fn step(&mut self, of: &Type, step: &Step<'a>) -> Type {
        match step {
            Step::Property(name, at) => self.property(of, name, *at),
            Step::Method(call, at) => self.method(of, call, *at),
            Step::Element(index) => self.element(of, index),
        }
    }

    fn element(&mut self, of: &Type, index: &'a Expr) -> Type {
        let by = self.expression(index);
        match (of, by.word()) {
            (Type::Params(number), Some(name)) => self.parameter(*number, name, index.position()),
            (Type::List(element), _) if !matches!(by, Type::Range) => (**element).clone().widened(),
            (Type::Map(record), Some(name)) => record.fields.get(name).map_or(Type::Unknown, |field| field.of.clone()),
            _ => Type::Unknown,
        }
    }

    fn property(&mut self, of: &Type, name: &str, at: Position) -> Type {
        match of {
            Type::Int(_) | Type::Float(_) => self.unit(of, name, at),
            Type::Params(number) => self.parameter(*number, name, at),
            Type::Handle(handle) => self.property_of_handle(handle, name, at),
            Type::Map(record) => self.key(record, name, at),
            Type::Duration if name == "seconds" => Type::Float(None),
            Type::Bytes if name == "bytes" => Type::Int(None),
            Type::Duration => {
                let hint = if self.known.units.contains(&name) {
                    format!("`d.seconds` is its number of seconds, and `d / 1.{name}` counts {name}")
                } else {
                    "`d.seconds` is its number of seconds".to_owned()
                };
                self.no_property("a duration", name, at, hint)
            }
            Type::Bytes => self.no_property("a size", name, at, "`x.bytes` is its number of bytes".to_owned()),
            Type::Text(_) | Type::List(_) | Type::Bool | Type::Letter | Type::Nothing
                if !self.known.is_getter(name) =>
            {
                let hint = if self.known.native(name).is_some() {
                    format!("write `.{name}()`")
                } else if self.known.units.contains(&name) {
                    "units belong to numbers, as in `30.s`".to_owned()
                } else {
                    "properties belong to maps, parameters and what primitives give back".to_owned()
                };
                let what = match of {
                    Type::Text(_) => "a string".to_owned(),
                    Type::List(_) => "a list".to_owned(),
                    other => other.described(),
                };
                self.no_property(&what, name, at, hint)
            }
            Type::Text(_) | Type::List(_) if name == "len" => Type::Int(None),
            _ => Type::Unknown,
        }
    }

    fn no_property(&mut self, what: &str, name: &str, at: Position, hint: String) -> Type {
        let message = format!("{what} has no property `{name}`");
        self.error("unknown-property", at, Error::script(message).hint(hint));
        Type::Unknown
    }

    fn unit(&mut self, of: &Type, name: &str, at: Position) -> Type {
        if crate::script::units::DURATION_UNITS.iter().any(|(unit, _)| *unit == name) {
            return Type::Duration;
        }
        if self.known.units.contains(&name) {
            return Type::Bytes;
        }
        if self.known.is_getter(name) {
            return Type::Unknown;
        }
        let number = match of {
            Type::Int(Some(number)) => number.to_string(),
            Type::Float(Some(number)) => format!("{number:?}"),
            _ => "x".to_owned(),
        };
        let meant = OTHER_UNITS.iter().find(|(names, _)| names.contains(&name.to_ascii_lowercase().as_str()));
        let hint = match meant.map(|(_, unit)| *unit).or_else(|| nearest(name, &self.known.units)) {
            Some(unit) => format!("did you mean `{number}.{unit}`?"),
            None => format!("the units are {}", self.known.units.join(" ")),
        };
        let error = Error::script(format!("there is no unit `{name}`")).hint(hint);
        self.error("unknown-unit", at, error);
        Type::Unknown
    }

    fn key(&mut self, record: &Record, name: &str, at: Position) -> Type {
        if let Some(field) = record.fields.get(name) {
            return field.of.clone();
        }
        if record.closed {
            let names: Vec<&str> = record.fields.keys().map(String::as_str).collect();
            let message = match record.key {
                "axis" => format!("the experiment has no axis `{name}`"),
                _ => format!("the map has no key `{name}`"),
            };
            let error = crate::script::value::unknown(plural(record.key), &message, name, &names);
            self.error(if record.key == "axis" { "unknown-axis" } else { "unknown-key" }, at, error);
        }
        Type::Unknown
    }

    fn property_of_handle(&mut self, handle: &'static str, name: &str, at: Position) -> Type {
        let Some(declared) = self.known.handle(handle) else { return Type::Unknown };
        if let Some(property) = declared.properties.iter().find(|property| property.name == name) {
            return Type::of_kind(property.kind);
        }
        let names: Vec<&str> = declared.properties.iter().map(|property| property.name).collect();
        let message = format!("{} has no property `{name}`", Type::Handle(handle).described());
        let error = Error::script(message);
        let error = match (nearest(name, &names), self.function_of(handle, name)) {
            (_, Some(function)) => error.hint(format!("write `{}`", called(function, handle))),
            (Some(near), None) => error.hint(format!("did you mean `{near}`?")),
            (None, None) if names.is_empty() => error.hint("it has none: hand it to the functions of the modules"),
            (None, None) => error.hint(format!("it has: {}", names.join(", "))),
        };
        self.error("unknown-property", at, error);
        Type::Unknown
    }

    /// The function of a module of that name that takes such a handle.
    fn function_of(&self, handle: &str, name: &str) -> Option<&'static Primitive> {
        let takes = |kind: Kind| match kind {
            Kind::Handle(wanted) => wanted == handle,
            Kind::Either(kinds) => kinds.iter().any(|kind| matches!(kind, Kind::Handle(wanted) if *wanted == handle)),
            _ => false,
        };
        let mut all = self.known.primitives.values().copied().filter(|one| one.name == name);
        all.find(|one| one.arguments.first().is_some_and(|first| takes(first.kind)))
    }

    fn set_property(&mut self, of: &Type, name: &str, at: Position) {
        let (code, message, hint) = match of {
            Type::Params(number) => {
                let known = self.parameters[*number].fields.contains_key(name);
                self.parameters[*number].used.insert(name.to_owned());
                let hint = if known {
                    format!("set it from outside with `-P {name}=…`, or copy it: `let {name} = p.{name};`")
                } else {
                    "a new value belongs into a variable of its own: `let x = …;`".to_owned()
                };
                ("read-only", "parameters are read-only".to_owned(), hint)
            }
            Type::Handle(handle) => (
                "read-only",
                format!("the properties of {} are read-only", Type::Handle(handle).described()),
                "options are given in the map of the call that made it".to_owned(),
            ),
            _ => return,
        };
        self.error(code, at, Error::script(message).hint(hint));
    }

    fn method(&mut self, of: &Type, call: &'a FnCallExpr, at: Position) -> Type {
        let name = call.name.as_str();
        let given: Vec<Type> = match (of, name) {
            (
                Type::List(_) | Type::Range,
                "map" | "filter" | "for_each" | "all" | "some" | "find" | "find_map" | "index_of" | "drain" | "retain"
                | "dedup",
            ) => vec![of.element()],
            _ => Vec::new(),
        };
        let within = if self.within == Within::Body { Within::Body } else { Within::Elsewhere };
        let arguments: Vec<Type> =
            call.args.iter().map(|argument| self.expression_given(argument, &given, within)).collect();
        if matches!(name, "push" | "insert" | "append") {
            arguments.iter().for_each(|argument| self.stored(argument));
        }
        let own = self.tree.named().any(|function| function.name == name)
            || self.has_given_function(name)
            || self.known.stdlib.iter().any(|one| one.name == name);
        match of {
            _ if own || OF_ALL.contains(&name) => Type::Unknown,
            Type::Handle(handle) => self.method_of_handle(handle, name, at),
            Type::Params(_) => self.method_of_handle("params", name, at),
            number if number.is_number() && self.known.units.contains(&name) => {
                let error = Error::script(format!("`{name}` is a unit, not a function"))
                    .hint(format!("write it without `()`: `30.{name}`"));
                self.error("unit-with-parentheses", at, error);
                if crate::script::units::DURATION_UNITS.iter().any(|(unit, _)| *unit == name) {
                    Type::Duration
                } else {
                    Type::Bytes
                }
            }
            _ => self.other_method(of, name, at),
        }
    }

    fn other_method(&mut self, of: &Type, name: &str, at: Position) -> Type {
        let known = self.known.native(name).is_some()
            || self.known.is_built_in(name)
            || self.known.primitives.contains_key(name)
            // A closure in a map is called like a method, and a map may come from elsewhere.
            || self.scan.keys.contains(name)
            || (matches!(of, Type::Unknown) && (self.surroundings.prompt || !self.imported.is_empty()));
        if known {
            return match (of, name) {
                (Type::List(_), "filter" | "sort") => of.clone(),
                (_, "len") => Type::Int(None),
                (_, "to_float") => Type::Float(None),
                (_, "to_int") => Type::Int(None),
                _ => Type::Unknown,
            };
        }
        let error = Error::script(format!("there is no method `{name}`"));
        let own: Vec<&str> = self.tree.named().map(|function| function.name.as_str()).collect();
        let error = match (self.known.anywhere(name), self.known.nearest_function(name, &own)) {
            (Some(function), _) => error.hint(format!("it is a function of a module: `{}`", function.signature())),
            (None, Some(near)) => error.hint(format!("did you mean `{near}`?")),
            (None, None) => error.hint("methods are Rhai's own, and the functions of the script"),
        };
        self.error("unknown-method", at, error);
        Type::Unknown
    }

    fn method_of_handle(&mut self, handle: &str, name: &str, at: Position) -> Type {
        let Some(declared) = self.known.handle(handle) else { return Type::Unknown };
        let names: Vec<&str> = declared.properties.iter().map(|property| property.name).collect();
        let what =
            if handle.starts_with(['a', 'e', 'i', 'o', 'u']) { format!("an {handle}") } else { format!("a {handle}") };
        let error = Error::script(format!("{what} has no method `{name}`"));
        let error = if names.contains(&name) {
            error.hint(format!("`{name}` is a property: write it without `()`"))
        } else if let Some(function) = self.function_of(handle, name) {
            error.hint(format!("write `{}`", called(function, handle)))
        } else if let Some(near) = self.nearest_of_handle(handle, name) {
            error.hint(format!("did you mean `{}`?", called(near, handle)))
        } else if let Some(near) = nearest(name, &names) {
            error.hint(format!("did you mean its property `{near}`?"))
        } else {
            error.hint("hand it to a function of a module, as in `collect::start(job, feed)`")
        };
        self.error("unknown-method", at, error);
        Type::Unknown
    }

    fn nearest_of_handle(&self, handle: &str, name: &str) -> Option<&'static Primitive> {
        let takes = |one: &&&'static Primitive| self.function_of(handle, one.name).is_some();
        let names: Vec<&str> = self.known.primitives.values().filter(takes).map(|one| one.name).collect();
        nearest(name, &names).and_then(|near| self.function_of(handle, near))
    }
}

/// `flink::wait(job, …)`
fn called(function: &Primitive, handle: &str) -> String {
    let more = if function.required() > 1 { ", …" } else { "" };
    format!("{}({handle}{more})", function.full_name())
}

fn plural(key: &'static str) -> &'static str {
    // `unknown` adds an s.
    if key == "axis" { "axe" } else { key }
}

/// What other places call the units.
const OTHER_UNITS: [(&[&str], &str); 10] = [
    (&["sec", "secs", "second", "seconds"], "s"),
    (&["m", "mins", "minute", "minutes"], "min"),
    (&["hr", "hrs", "hour", "hours"], "h"),
    (&["day", "days"], "d"),
    (&["milli", "millis", "msec", "milliseconds", "millisecond"], "ms"),
    (&["micro", "micros", "usec", "microseconds", "microsecond"], "us"),
    (&["nano", "nanos", "nanoseconds", "nanosecond"], "ns"),
    (&["k", "kb"], "KiB"),
    (&["mb", "megabytes"], "MiB"),
    (&["g", "gb", "gigabytes"], "GiB"),
];

/// A chain of dots and brackets, which Rhai nests to the right, as its base and its steps.
fn flatten(expression: &Expr) -> (&Expr, Vec<Step<'_>>) {
    let (mut pair, mut flags, mut indexing) = match expression {
        Expr::Dot(pair, flags, _) => (pair, *flags, false),
        Expr::Index(pair, flags, _) => (pair, *flags, true),
        other => return (other, Vec::new()),
    };
    let base = &pair.lhs;
    let mut steps = Vec::new();
    loop {
        let ends = flags.contains(ASTFlags::BREAK);
        match &pair.rhs {
            Expr::Dot(next, next_flags, _) if !ends => {
                steps.extend(step(&next.lhs, indexing));
                (pair, flags, indexing) = (next, *next_flags, false);
            }
            Expr::Index(next, next_flags, _) if !ends => {
                steps.extend(step(&next.lhs, indexing));
                (pair, flags, indexing) = (next, *next_flags, true);
            }
            last => {
                steps.extend(step(last, indexing));
                return (base, steps);
            }
        }
    }
}

fn step(expression: &Expr, indexing: bool) -> Option<Step<'_>> {
    match expression {
        index if indexing => Some(Step::Element(index)),
        Expr::Property(property, at) => Some(Step::Property(&property.2, *at)),
        Expr::MethodCall(call, at) | Expr::FnCall(call, at) => Some(Step::Method(call, *at)),
        _ => None,
    }
}
