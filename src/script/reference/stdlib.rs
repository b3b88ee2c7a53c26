//! The functions of the stdlib, as the comments before them say.

use rhai::{Engine, FnAccess};

use crate::script::source::Source;

/// A function that is written in Rhai.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub file: String,
    pub name: String,
    pub parameters: Vec<String>,
    /// Markdown, without the example.
    pub doc: String,
    /// A whole script; empty where the comment has none.
    pub example: String,
}

impl Function {
    pub fn signature(&self) -> String {
        format!("{}({})", self.name, self.parameters.join(", "))
    }

    pub fn summary(&self) -> &str {
        crate::script::declare::first_sentence(&self.doc)
    }
}

const FENCE: &str = "```";

/// Those that come with cprun, by name.
pub fn functions() -> Vec<Function> {
    let files = crate::EMBEDDED.iter().filter(|(name, _)| name.starts_with("stdlib/") && name.ends_with(".rhai"));
    let mut all: Vec<Function> =
        files.filter_map(|(name, _)| Source::embedded(name)).flat_map(|source| functions_of(&source)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Those of one file; none where it does not parse, which running it will tell.
pub fn functions_of(source: &Source) -> Vec<Function> {
    let Ok(ast) = Engine::new_raw().compile(&source.text) else { return Vec::new() };
    let public = ast.iter_functions().filter(|function| function.access == FnAccess::Public);
    let written = public.filter(|function| !function.name.starts_with("anon$"));
    written
        .map(|function| {
            let (doc, example) = split(&text(&function.comments));
            Function {
                file: source.name.clone(),
                name: function.name.to_owned(),
                parameters: function.params.iter().map(|name| (*name).to_owned()).collect(),
                doc,
                example,
            }
        })
        .collect()
}

/// Comment lines without their slashes. Rhai hands a block of `///` lines over as one text.
fn text(comments: &[&str]) -> String {
    let lines = comments.iter().flat_map(|comment| comment.lines());
    let bare = lines.map(|line| {
        let line = line.trim_start().trim_start_matches("///");
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    bare.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The words and the block of code in them.
fn split(text: &str) -> (String, String) {
    let mut parts = text.splitn(3, FENCE);
    let before = parts.next().unwrap_or_default().trim();
    let code = parts.next().unwrap_or_default();
    let after = parts.next().unwrap_or_default().trim();
    let code = code.split_once('\n').map(|(_, code)| code).unwrap_or_default().trim_end().to_owned();
    let doc = if after.is_empty() { before.to_owned() } else { format!("{before}\n\n{after}") };
    (doc, code)
}
