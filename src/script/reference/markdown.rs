//! The whole reference as Markdown: the generated part of docs/scripting.md.

use super::{jobs, kind_of, standing, stdlib, units};
use crate::script::bind;
use crate::script::declare::{Handle, Kind, Primitive};

/// Everything, from the declarations.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("## Reference\n");
    for (module, doc) in bind::modules() {
        text.push_str(&part(module, doc));
    }
    text.push_str("\n### Values that they return\n\nA misspelt property is an error. Properties return at once.\n");
    bind::handles().iter().for_each(|one| text.push_str(&handle(one)));
    text.push_str(
        "\n### Jobs that come with cprun\n\nTheir names are for `flink::submit`, their arguments for its `args`.\n",
    );
    jobs::jobs().iter().for_each(|one| text.push_str(&job(one)));
    text.push_str(&format!("\n### Durations and sizes\n\n{}\n", units()));
    text
}

fn part(module: &str, doc: &str) -> String {
    let mut known: Vec<(String, String)> = bind::primitives()
        .filter(|primitive| primitive.module == module)
        .map(|one| (one.name.to_owned(), primitive(one)))
        .collect();
    if module.is_empty() {
        known.extend(stdlib::functions().iter().map(|one| (one.name.clone(), function(one))));
        known.sort();
    }
    let heading = if module.is_empty() { "Functions without a prefix".to_owned() } else { format!("`{module}::`") };
    let doc = if module.is_empty() { String::new() } else { format!("\n{doc}\n") };
    let known: String = known.into_iter().map(|(_, text)| text).collect();
    format!("\n### {heading}\n{doc}{known}")
}

fn primitive(one: &Primitive) -> String {
    let returns = match one.returns {
        Kind::Nothing => String::new(),
        kind => format!("Returns: {}. ", cell(&kind.short())),
    };
    let given = one.arguments.iter().filter(|argument| !matches!(argument.kind, Kind::Options));
    let arguments = given.map(|argument| {
        let may = if argument.optional { ", may be left out" } else { "" };
        [code(argument.name), format!("{}{may}", argument.kind.short()), argument.doc.to_owned()]
    });
    let known = one.options.map_or(&[][..], |options| options.known);
    let mut options: Vec<Row> =
        known.iter().map(|option| [code(option.name), kind_of(option, "`"), option.doc.to_owned()]).collect();
    if let Some(others) = one.options.map(|options| options.others).filter(|others| !others.is_empty()) {
        options.push(["any other key".to_owned(), String::new(), others.to_owned()]);
    }
    let mut text = format!("\n#### `{}`\n\n{}\n", one.signature(), one.doc);
    text.push_str(&table("argument", &arguments.collect::<Vec<_>>()));
    text.push_str(&table("option", &options));
    text.push_str(&format!("\n{returns}{}\n", standing(one)));
    text.push_str(&block(&one.shown_example()));
    text
}

fn function(one: &stdlib::Function) -> String {
    let code = if one.example.is_empty() { String::new() } else { block(&one.example) };
    format!("\n#### `{}`\n\n{}\n\nWritten in Rhai: `{}`.\n{code}", one.signature(), one.doc, one.file)
}

fn handle(one: &Handle) -> String {
    let rows: Vec<Row> = one
        .properties
        .iter()
        .map(|property| [code(property.name), property.kind.short(), property.doc.to_owned()])
        .collect();
    format!("\n#### {}\n\n{}\n{}", one.name, one.doc, table("property", &rows))
}

fn job(one: &jobs::Job) -> String {
    let rows: Vec<Row> = one
        .arguments
        .iter()
        .map(|argument| [code(&argument.name), argument.kind.clone(), argument.doc.clone()])
        .collect();
    format!("\n#### {}\n\n{}\n{}", one.name, one.doc, table("argument", &rows))
}

/// Name, kind, meaning.
type Row = [String; 3];

fn table(head: &str, rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let row = |row: &Row| format!("| {} | {} | {} |\n", row[0], cell(&row[1]), cell(&row[2]));
    format!("\n| {head} | kind | meaning |\n| --- | --- | --- |\n{}", rows.iter().map(row).collect::<String>())
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

fn block(example: &str) -> String {
    format!("\n```rhai\n{}\n```\n", example.trim_end())
}
