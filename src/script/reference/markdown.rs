//! The whole reference as Markdown: the generated part of docs/scripting.md.

use super::{kind_of, standing, stdlib, units};
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
    let mut text = format!("\n#### `{}`\n\n{}\n", one.signature(), one.doc);
    let mut rows: Vec<[String; 3]> = Vec::new();
    for argument in one.arguments.iter().filter(|argument| !matches!(argument.kind, Kind::Options)) {
        let may = if argument.optional { ", may be left out" } else { "" };
        rows.push([format!("`{}`", argument.name), format!("{}{may}", argument.kind.short()), argument.doc.to_owned()]);
    }
    if let Some(options) = one.options {
        for option in options.known {
            rows.push([format!("`#{{ {}: }}`", option.name), kind_of(option, "`"), option.doc.to_owned()]);
        }
        if !options.others.is_empty() {
            rows.push(["`#{ … }`".to_owned(), "any other key".to_owned(), options.others.to_owned()]);
        }
    }
    text.push_str(&table(&rows));
    text.push_str(&format!("\n{returns}{}\n", standing(one)));
    text.push_str(&code(one.example));
    text
}

fn function(one: &stdlib::Function) -> String {
    let code = if one.example.is_empty() { String::new() } else { code(&one.example) };
    format!("\n#### `{}`\n\n{}\n\nWritten in Rhai: `{}`.\n{code}", one.signature(), one.doc, one.file)
}

fn handle(one: &Handle) -> String {
    let rows: Vec<[String; 3]> = one
        .properties
        .iter()
        .map(|property| [format!("`.{}`", property.name), property.kind.short(), property.doc.to_owned()])
        .collect();
    format!("\n#### {}\n\n{}\n{}", one.name, one.doc, table(&rows))
}

fn table(rows: &[[String; 3]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let row = |row: &[String; 3]| format!("| {} | {} | {} |\n", row[0], cell(&row[1]), cell(&row[2]));
    format!("\n| | | |\n| --- | --- | --- |\n{}", rows.iter().map(row).collect::<String>())
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(example: &str) -> String {
    format!("\n```rhai\n{}\n```\n", example.trim_end())
}
