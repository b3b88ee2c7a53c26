//! A `.d.rhai` for editors: the primitives from their declarations, the rest as Rhai describes itself.
//!
//! Primitives are registered for any number of values of any kind, which Rhai's own description would repeat; so
//! they are written here, in the same syntax.

use rhai::Engine;

use super::stdlib;
use crate::script::bind;
use crate::script::declare::{Argument, Handle, Kind, Options, Primitive};
use crate::script::units;

/// One file that a language server of Rhai reads.
#[must_use]
pub fn definitions() -> String {
    let mut engine = Engine::new();
    units::register(&mut engine);
    let mut text = engine.definitions().single_file();
    text.push_str(&own());
    text
}

/// What cprun adds to Rhai.
pub(super) fn own() -> String {
    let mut text = String::new();
    for (module, doc) in bind::modules() {
        let known: String = bind::primitives().filter(|primitive| primitive.module == module).map(primitive).collect();
        if module.is_empty() {
            text.push_str(&known);
            text.extend(stdlib::functions().iter().map(function));
        } else {
            text.push_str(&format!("{}module {module} {{\n{known}}}\n\n", comment(doc, "")));
        }
    }
    text.extend(bind::handles().iter().map(handle));
    text
}

/// One line for each number of arguments that may be given.
fn primitive(one: &Primitive) -> String {
    let required = one.required();
    let forms = (required..=one.arguments.len()).flat_map(|count| {
        let given = &one.arguments[..count];
        let last = one.options.filter(|_| one.place_of_options().is_none());
        let with = last.map(|options| form(one, given, Some(options)));
        let needs_map = last.is_some() && one.required_options().next().is_some();
        let without = (!needs_map).then(|| form(one, given, None));
        without.into_iter().chain(with)
    });
    forms.collect()
}

fn form(one: &Primitive, given: &[Argument], last: Option<Options>) -> String {
    let mut parameters: Vec<String> = given
        .iter()
        .map(|argument| match (argument.kind, one.options) {
            (Kind::Options, Some(options)) => format!("options: {}", map(&options)),
            (kind, _) => format!("{}: {}", argument.name, name(kind)),
        })
        .collect();
    parameters.extend(last.map(|options| format!("options: {}", map(&options))));
    let doc = format!("{}\n\n```rhai\n{}\n```", one.doc, one.shown_example());
    let pad = if one.module.is_empty() { "" } else { "    " };
    let returns = match one.returns {
        Kind::Nothing => "()".to_owned(),
        kind => name(kind),
    };
    format!("{}{pad}fn {}({}) -> {returns};\n\n", comment(&doc, pad), one.name, parameters.join(", "))
}

fn function(one: &stdlib::Function) -> String {
    let parameters: Vec<String> = one.parameters.iter().map(|name| format!("{name}: ?")).collect();
    let doc =
        if one.example.is_empty() { one.doc.clone() } else { format!("{}\n\n```rhai\n{}\n```", one.doc, one.example) };
    format!("{}fn {}({}) -> ?;\n\n", comment(&doc, ""), one.name, parameters.join(", "))
}

fn handle(one: &Handle) -> String {
    let get = |property: &crate::script::declare::Shown| {
        let doc = comment(property.doc, "");
        format!("{doc}fn get {}(value: {}) -> {};\n\n", property.name, one.name, name(property.kind))
    };
    one.properties.iter().map(get).collect()
}

fn map(options: &Options) -> String {
    if !options.others.is_empty() {
        return "Map".into();
    }
    let field = |option: &crate::script::declare::Opt| format!("{}: {}", option.name, name(option.kind));
    format!("#{{ {} }}", options.known.iter().map(field).collect::<Vec<_>>().join(", "))
}

fn name(kind: Kind) -> String {
    match kind {
        Kind::Any => "?".into(),
        Kind::Nothing => "()".into(),
        Kind::Bool => "bool".into(),
        Kind::Int | Kind::Count => "int".into(),
        Kind::Number => "int | float".into(),
        Kind::Text => "String".into(),
        Kind::Word(words) => words().iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" | "),
        Kind::Duration => "duration".into(),
        Kind::Seconds => "duration | int | float".into(),
        Kind::Bytes => "bytes".into(),
        Kind::List(of) => format!("[{}]", name(*of)),
        Kind::Map | Kind::Options => "Map".into(),
        Kind::Closure(_) => "FnPtr".into(),
        Kind::Handle(handle) => handle.into(),
        Kind::Either(kinds) => kinds.iter().map(|kind| name(*kind)).collect::<Vec<_>>().join(" | "),
    }
}

fn comment(doc: &str, pad: &str) -> String {
    doc.lines().map(|line| format!("{pad}/// {line}").trim_end().to_owned() + "\n").collect()
}
