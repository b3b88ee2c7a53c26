//! A page before it is Markdown or HTML: sections of blocks, so that both say the same in the same order.

use super::table::Table;

/// A plot as a page shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The name of its file under `plots/`, without extension.
    pub name: String,
    pub title: String,
    pub caption: String,
    /// A whole SVG document.
    pub svg: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub title: String,
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The address of the section within its page.
    pub anchor: &'static str,
    pub title: String,
    pub blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// What must be seen first.
    Lead(String),
    /// Plain text, line breaks kept.
    Text(String),
    List(Vec<String>),
    /// What a word means.
    Terms(Vec<(&'static str, &'static str)>),
    Table(Table),
    Figure(Figure),
    /// A line to type.
    Command(String),
}

impl Section {
    pub fn new(anchor: &'static str, title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { anchor, title: title.into(), blocks }
    }
}
