//! A page as Markdown, as GitHub renders it.

use super::document::{Block, Document};

#[must_use]
pub fn page(document: &Document) -> String {
    let mut text = format!("# {}\n", escape(&document.title));
    for section in &document.sections {
        text.push_str(&format!("\n## {}\n", escape(&section.title)));
        for one in &section.blocks {
            text.push_str(&format!("\n{}\n", block(one).trim_end()));
        }
    }
    text
}

fn block(block: &Block) -> String {
    match block {
        Block::Lead(text) => format!("**{}**", escape(text)),
        // Two spaces at the end of a line break it.
        Block::Text(text) => text.lines().map(escape).collect::<Vec<_>>().join("  \n"),
        Block::List(items) => items.iter().map(|item| format!("- {}\n", escape(item))).collect(),
        Block::Terms(terms) => {
            terms.iter().map(|(term, meaning)| format!("- **{}**: {}\n", escape(term), escape(meaning))).collect()
        }
        Block::Table(table) => table.markdown(),
        Block::Figure(figure) => {
            let title = escape(&figure.title);
            format!("![{title}](plots/{}.svg)\n\n**{title}.** {}", figure.name, escape(&figure.caption))
        }
        Block::Command(line) => format!("```console\n$ {line}\n```"),
    }
}

/// Text that shows as it is. An underscore between letters or digits emphasizes nothing and stays readable.
#[must_use]
pub fn escape(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut escaped = String::with_capacity(text.len());
    for (place, &letter) in letters.iter().enumerate() {
        let is_word = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|near| near.is_alphanumeric());
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '_' if is_word(place.checked_sub(1)) && is_word(Some(place + 1)) => escaped.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => escaped.extend(['\\', letter]),
            '#' | '+' | '-' if begins_line(&letters[..place]) => escaped.extend(['\\', letter]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Where a sign would make a heading or a list of its line.
fn begins_line(before: &[char]) -> bool {
    before.iter().rev().take_while(|&&letter| letter != '\n').all(|letter| letter.is_whitespace())
}

/// Text of one cell: in one line.
#[must_use]
pub fn cell(text: &str) -> String {
    let escaped = escape(text).replace('\n', " ");
    // A number below zero is no list.
    escaped.strip_prefix("\\-").map_or_else(|| escaped.clone(), |rest| format!("-{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_as_it_is() {
        assert_eq!(escape("c_duration_s of *T* | <b> & `x`"), "c_duration_s of \\*T\\* \\| &lt;b&gt; &amp; \\`x\\`");
        assert_eq!(escape("_all_ of [a](b) ~/x $RUN"), "\\_all\\_ of \\[a\\](b) \\~/x \\$RUN");
        assert_eq!(escape("# no heading\n- no list\na - b"), "\\# no heading\n\\- no list\na - b");
        assert_eq!(cell("-0.913 [-1.016, -0.8106]\nx"), "-0.913 \\[-1.016, -0.8106\\] x");
    }
}
