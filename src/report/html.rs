//! A page as HTML: one file that needs no network, reads on a phone and prints.

use super::document::{Block, Document};

const STYLE: &str = include_str!("page.css");

#[must_use]
pub fn page(document: &Document) -> String {
    let title = escape(&document.title);
    let entries: String = document
        .sections
        .iter()
        .map(|section| format!("<li><a href=\"#{}\">{}</a></li>\n", section.anchor, escape(&section.title)))
        .collect();
    let sections: String = document
        .sections
        .iter()
        .map(|section| {
            let blocks: String = section.blocks.iter().map(block).collect();
            let heading = format!("<h2>{}</h2>", escape(&section.title));
            format!("<section id=\"{}\">\n{heading}\n{blocks}</section>\n", section.anchor)
        })
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <nav aria-label=\"Sections\">\n<ul>\n{entries}</ul>\n</nav>\n<main>\n{sections}</main>\n</body>\n</html>\n"
    )
}

fn block(block: &Block) -> String {
    match block {
        Block::Lead(text) => format!("<p class=\"lead\">{}</p>\n", escape(text)),
        Block::Text(text) => format!("<p class=\"text\">{}</p>\n", escape(text)),
        Block::List(items) => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>\n", escape(item))).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Terms(terms) => {
            let terms: String = terms
                .iter()
                .map(|(term, meaning)| format!("<dt>{}</dt>\n<dd>{}</dd>\n", escape(term), escape(meaning)))
                .collect();
            format!("<dl>\n{terms}</dl>\n")
        }
        Block::Table(table) => table.html(),
        Block::Figure(figure) => format!(
            "<figure>\n{}\n<figcaption><b>{}.</b> {}</figcaption>\n</figure>\n",
            inline(&figure.svg),
            escape(&figure.title),
            escape(&figure.caption)
        ),
        Block::Command(line) => format!("<pre><code>{}</code></pre>\n", escape(line)),
    }
}

/// An SVG document as an element of a page: without what stands before its root.
fn inline(svg: &str) -> &str {
    svg.find("<svg").map_or(svg, |root| &svg[root..]).trim_end()
}

/// Text for an element or for an attribute in double quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
