//! Pages for a terminal, 80 columns wide.

use super::{Entry, UNITS, jobs, kind_of, returned, standing, stdlib, units};
use crate::script::bind;
use crate::script::declare::{Argument, Handle, Kind, Opt, Primitive};

const WIDTH: usize = 80;

/// Everything there is, a line each.
#[must_use]
pub fn overview() -> String {
    let mut parts: Vec<String> = bind::modules().map(|(module, doc)| contents(module, doc)).collect();
    let handles: Vec<(String, String)> =
        bind::handles().iter().map(|handle| (handle.name.to_owned(), handle.doc.to_owned())).collect();
    parts.push(format!("Values that they return\n{}", lines(&handles)));
    let jobs: Vec<(String, String)> = jobs::jobs().into_iter().map(|job| (job.name, job.doc)).collect();
    parts.push(format!("Jobs that come with cprun\n{}", lines(&jobs)));
    parts.push(format!("Durations and sizes\n{}", lines(&[(UNITS.to_owned(), "`30.s`, `5.min`, `1.GiB`.".into())])));
    parts.push("`cprun doc NAME` shows one: a function, a module, a value, a job, an option, a unit.".into());
    parts.join("\n\n")
}

pub fn page(entry: &Entry) -> String {
    match entry {
        Entry::Module(name, doc) => contents(name, doc),
        Entry::Primitive(one) => primitive(one),
        Entry::Function(one) => function(one),
        Entry::Handle(one) => handle(one),
        Entry::Job(one) => job(one),
        Entry::Units => format!("Durations and sizes\n\n{}", prose(&units())),
    }
}

/// Functions that share a short name.
pub fn list(primitives: &[&Primitive]) -> String {
    let known: Vec<(String, String)> =
        primitives.iter().map(|one| (one.full_name(), one.summary().to_owned())).collect();
    format!("several functions have this name\n{}", lines(&known))
}

fn contents(module: &str, doc: &str) -> String {
    let own = bind::primitives().filter(|primitive| primitive.module == module);
    let mut known: Vec<(String, String)> = own.map(|one| (one.full_name(), one.summary().to_owned())).collect();
    if module.is_empty() {
        known.extend(stdlib::functions().iter().map(|one| (one.name.clone(), one.summary().to_owned())));
        known.sort();
        return format!("{}\n{}", doc.trim_end_matches('.'), lines(&known));
    }
    format!("{module}: {}\n{}", lower(doc).trim_end_matches('.'), lines(&known))
}

pub fn primitive(one: &Primitive) -> String {
    let mut parts = vec![format!("{}{}", one.signature(), returned(one.returns)), prose(one.doc)];
    let arguments: Vec<&Argument> =
        one.arguments.iter().filter(|argument| !matches!(argument.kind, Kind::Options)).collect();
    if !arguments.is_empty() {
        let shown = arguments.iter().map(|one| {
            let may = if one.optional { ", may be left out" } else { "" };
            described(one.name, &format!("{}{may}", one.kind.short()), one.doc)
        });
        parts.push(format!("Arguments\n{}", shown.collect::<Vec<_>>().join("\n")));
    }
    if let Some(options) = one.options {
        let mut shown: Vec<String> = options.known.iter().map(option).collect();
        if !options.others.is_empty() {
            shown.push(described("any other key", "", options.others));
        }
        parts.push(format!("Options\n{}", shown.join("\n")));
    }
    parts.push(wrapped(&standing(one), 0, 0));
    parts.push(format!("Example\n{}", indented(&one.shown_example(), 2)));
    parts.join("\n\n")
}

fn option(one: &Opt) -> String {
    described(one.name, &kind_of(one, ""), one.doc)
}

fn function(one: &stdlib::Function) -> String {
    let mut parts = vec![one.signature(), prose(&one.doc), format!("Written in Rhai: {}.", one.file)];
    if !one.example.is_empty() {
        parts.push(format!("Example\n{}", indented(&one.example, 2)));
    }
    parts.join("\n\n")
}

fn handle(one: &Handle) -> String {
    let mut parts = vec![format!("{} (a value)", one.name), prose(one.doc)];
    if !one.properties.is_empty() {
        let shown =
            one.properties.iter().map(|property| described(property.name, &property.kind.short(), property.doc));
        parts.push(format!("Properties\n{}", shown.collect::<Vec<_>>().join("\n")));
    }
    let uses: Vec<String> = bind::primitives()
        .filter(|primitive| primitive.returns.is_of(one.name))
        .map(|primitive| format!("{} returns it.", primitive.signature()))
        .collect();
    if !uses.is_empty() {
        parts.push(uses.join("\n"));
    }
    parts.join("\n\n")
}

fn job(one: &jobs::Job) -> String {
    let arguments = one.arguments.iter().map(|argument| described(&argument.name, &argument.kind, &argument.doc));
    let arguments = arguments.collect::<Vec<_>>().join("\n");
    format!("{} (a job, for flink::submit)\n\n{}\n\nArguments\n{arguments}", one.name, prose(&one.doc))
}

/// A word that only names options or properties: where it does.
pub fn option_or_property(name: &str) -> Option<String> {
    let options = bind::primitives().flat_map(|primitive| {
        let known = primitive.options.map_or(&[][..], |options| options.known);
        let own = known.iter().filter(move |option| option.name == name);
        own.map(move |one| format!("{}, an option\n{}", primitive.full_name(), option(one)))
    });
    let properties = bind::handles().into_iter().flat_map(|handle| {
        let own = handle.properties.into_iter().filter(|property| property.name == name);
        let of = handle.name;
        own.map(move |one| format!("{of}, a property\n{}", described(one.name, &one.kind.short(), one.doc)))
            .collect::<Vec<_>>()
    });
    let found: Vec<String> = options.chain(properties).collect();
    (!found.is_empty()).then(|| found.join("\n\n"))
}

fn described(name: &str, kind: &str, doc: &str) -> String {
    let head = if kind.is_empty() { format!("  {name}") } else { format!("  {name}: {kind}") };
    format!("{}\n{}", wrapped(head.trim_start(), 2, 4), wrapped(doc, 6, 6))
}

/// Two columns.
fn lines(known: &[(String, String)]) -> String {
    let width = known.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, doc): &(String, String)| {
        let gap = width + 4;
        let doc = wrapped(doc, 0, gap);
        format!("  {name:width$}  {doc}")
    };
    known.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn prose(text: &str) -> String {
    text.split("\n\n").map(|paragraph| wrapped(paragraph, 0, 0)).collect::<Vec<_>>().join("\n\n")
}

/// Breaks a paragraph; `first` and `rest` are the indents of its first and its other lines.
fn wrapped(paragraph: &str, first: usize, rest: usize) -> String {
    let mut text = " ".repeat(first);
    let mut column = if first == 0 { rest } else { first };
    let mut is_start = true;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if !is_start && column + 1 + length > WIDTH {
            text.push('\n');
            text.push_str(&" ".repeat(rest));
            column = rest;
        } else if !is_start {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
        is_start = false;
    }
    text
}

fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    text.trim_end().lines().map(|line| format!("{pad}{line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}
