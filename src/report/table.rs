//! One table, and its three forms.

use serde::{Deserialize, Serialize};

use super::html::escape;
use super::markdown;

/// Title, what a reader must know about it, header, rows, and notes below.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub title: String,
    pub caption: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub notes: Vec<String>,
}

impl Table {
    /// For the terminal: columns as wide as their widest cell, numbers to the right.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        if !self.caption.is_empty() {
            text.push_str(&format!("{}\n", self.caption));
        }
        if self.rows.is_empty() {
            text.push_str("  (nothing)\n");
        } else {
            let widths = self.widths();
            text.push_str(&line(&self.header, &widths));
            text.push_str(&line(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>(), &widths));
            for row in &self.rows {
                text.push_str(&line(row, &widths));
            }
        }
        for note in &self.notes {
            text.push_str(&format!("  {note}\n"));
        }
        text
    }

    /// For a page, below a heading of its own.
    #[must_use]
    pub fn markdown(&self) -> String {
        let row = |cells: &[String]| {
            format!("| {} |\n", cells.iter().map(|cell| markdown::cell(cell)).collect::<Vec<_>>().join(" | "))
        };
        let mut text = String::new();
        if !self.caption.is_empty() {
            text.push_str(&format!("{}\n\n", markdown::escape(&self.caption)));
        }
        if self.rows.is_empty() {
            text.push_str("(nothing)\n");
        } else {
            text.push_str(&row(&self.header));
            text.push_str(&row(&vec!["---".to_owned(); self.header.len()]));
            self.rows.iter().for_each(|cells| text.push_str(&row(cells)));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        self.notes.iter().for_each(|note| text.push_str(&format!("- {}\n", markdown::escape(note))));
        text
    }

    /// For a page, below a heading of its own; a wide table scrolls within its frame.
    #[must_use]
    pub fn html(&self) -> String {
        let mut text = String::new();
        if !self.caption.is_empty() {
            text.push_str(&format!("<p class=\"caption\">{}</p>\n", escape(&self.caption)));
        }
        if self.rows.is_empty() {
            text.push_str("<p>(nothing)</p>\n");
        } else {
            text.push_str(&format!(
                "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n<table>\n<thead>\n<tr>",
                escape(&self.title)
            ));
            self.header.iter().for_each(|cell| text.push_str(&format!("<th scope=\"col\">{}</th>", escape(cell))));
            text.push_str("</tr>\n</thead>\n<tbody>\n");
            self.rows.iter().for_each(|cells| text.push_str(&html_row(cells)));
            text.push_str("</tbody>\n</table>\n</div>\n");
        }
        if !self.notes.is_empty() {
            let notes: String = self.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
            text.push_str(&format!("<ul class=\"notes\">\n{notes}</ul>\n"));
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).chain(self.header.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.header.len()).map(width).collect()
    }
}

/// The first cell names the row.
fn html_row(cells: &[String]) -> String {
    let cell = |(place, cell): (usize, &String)| match place {
        0 => format!("<th scope=\"row\">{}</th>", escape(cell)),
        _ => format!("<td>{}</td>", escape(cell)),
    };
    format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(place, (cell, width))| {
        let missing = " ".repeat(width.saturating_sub(cell.chars().count()));
        if place > 0 && is_number(cell) { format!("{missing}{cell}") } else { format!("{cell}{missing}") }
    });
    format!("  {}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
}

fn is_number(cell: &str) -> bool {
    cell.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-') && !cell.contains('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        Table {
            title: "By the study's method".into(),
            caption: "λ = 1/every".into(),
            header: row(["T", "U"]),
            rows: vec![row(["300 s", "66.3 %"]), row(["5 s", "7 % | <x>"])],
            notes: vec!["within one trial".into()],
        }
    }

    #[test]
    fn the_three_forms_hold_the_same_cells() {
        insta::assert_snapshot!(table().text(), @r"
        By the study's method
        λ = 1/every
          T      U
          -----  ---------
          300 s     66.3 %
          5 s    7 % | <x>
          within one trial
        ");
        assert!(table().markdown().contains("| 5 s | 7 % \\| &lt;x&gt; |"));
        assert!(table().html().contains("<td>7 % | &lt;x&gt;</td>"));
    }
}
