//! How a value looks at the prompt: maps and lists of maps as tables, long lists cut, all else as `print` shows it.

use rhai::{Array, Dynamic, Map};

use crate::script::bind;
use crate::script::params::Params;
use crate::script::value::text;

/// Elements of a list that are shown.
const MOST_ELEMENTS: usize = 20;
/// A list of plain values stays on one line up to this width.
const LINE_WIDTH: usize = 100;
/// A cell is cut beyond this width, so that a line of a table stays a line.
const CELL_WIDTH: usize = 48;

/// The lines to print; nothing for `()`.
#[must_use]
pub fn show(value: &Dynamic) -> Option<String> {
    if value.is_unit() {
        return None;
    }
    if let Some(list) = value.clone().try_cast::<Array>() {
        return Some(show_list(&list));
    }
    if let Some(map) = value.clone().try_cast::<Map>() {
        let entries = map.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        return Some(show_entries(entries, ""));
    }
    let properties = properties(value);
    if let (Some(kind), false) = (bind::handle_name(value), properties.is_empty()) {
        return Some(format!("{kind} {}\n{}", text(value), show_entries(properties, "  ")));
    }
    Some(text(value))
}

/// The properties of a handle, the parameters of a script; nothing for other values.
#[must_use]
pub fn properties(value: &Dynamic) -> Vec<(String, Dynamic)> {
    if let Some(params) = value.clone().try_cast::<Params>() {
        return params.all.iter().map(|one| (one.name.clone(), one.value.clone())).collect();
    }
    let values = bind::handle_of(value).map(|handle| handle.values(value)).unwrap_or_default();
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn show_entries(entries: Vec<(String, Dynamic)>, indent: &str) -> String {
    if entries.is_empty() {
        return "#{}".into();
    }
    let width = entries.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let line = |(name, value): &(String, Dynamic)| format!("{indent}{}  {}", padded(name, width, false), text(value));
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A table with these columns.
#[must_use]
pub fn columns<const N: usize>(names: &[&str; N], rows: &[[Dynamic; N]]) -> String {
    let cells = |row: &[Dynamic; N]| {
        names.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect::<Vec<_>>()
    };
    table(&rows.iter().map(cells).collect::<Vec<_>>())
}

fn show_list(list: &Array) -> String {
    let rows: Option<Vec<_>> = list.iter().take(MOST_ELEMENTS).map(row).collect();
    let more = list.len().saturating_sub(MOST_ELEMENTS);
    let rest = if more == 0 { String::new() } else { format!("\n… {more} more, {} in all", list.len()) };
    if let Some(rows) = rows.filter(|rows| !rows.is_empty()) {
        return format!("{}{rest}", table(&rows));
    }
    let texts: Vec<String> = list.iter().take(MOST_ELEMENTS).map(text).collect();
    let line = texts.join(", ");
    if width(&line) <= LINE_WIDTH && !line.contains('\n') {
        let dots = if more == 0 { String::new() } else { format!(", … {more} more") };
        return format!("[{line}{dots}]");
    }
    format!(
        "[\n{}{}\n]",
        texts.iter().map(|one| format!("  {one},")).collect::<Vec<_>>().join("\n"),
        rest.replace("\n", "\n  ")
    )
}

fn row(element: &Dynamic) -> Option<Vec<(String, Dynamic)>> {
    if let Some(map) = element.clone().try_cast::<Map>() {
        return Some(map.into_iter().map(|(name, value)| (name.to_string(), value)).collect());
    }
    Some(properties(element)).filter(|properties| !properties.is_empty())
}

fn table(rows: &[Vec<(String, Dynamic)>]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let columns = names.iter().map(|name| {
        let values: Vec<Option<&Dynamic>> =
            rows.iter().map(|row| row.iter().find(|(known, _)| known == name).map(|(_, value)| value)).collect();
        let right = values.iter().flatten().all(|value| value.is_int() || value.is_float());
        let cells: Vec<String> = values.iter().map(|value| value.map_or_else(String::new, cell)).collect();
        let widest = cells.iter().map(|cell| width(cell)).chain([width(name)]).max().unwrap_or(0);
        (*name, cells, widest, right)
    });
    let columns: Vec<_> = columns.collect();
    let line = |cells: Vec<String>| cells.join("  ").trim_end().to_owned();
    let mut lines = vec![line(columns.iter().map(|(name, _, width, right)| padded(name, *width, *right)).collect())];
    for index in 0..rows.len() {
        lines
            .push(line(columns.iter().map(|(_, cells, width, right)| padded(&cells[index], *width, *right)).collect()));
    }
    lines.join("\n")
}

fn cell(value: &Dynamic) -> String {
    let whole = text(value).replace('\n', " ");
    if width(&whole) <= CELL_WIDTH {
        return whole;
    }
    whole.chars().take(CELL_WIDTH - 1).chain(['…']).collect()
}

fn padded(text: &str, to: usize, right: bool) -> String {
    let space = " ".repeat(to.saturating_sub(width(text)));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::units::Duration;

    fn shown(expression: &str) -> Option<String> {
        let mut engine = rhai::Engine::new();
        crate::script::units::register(&mut engine);
        show(&engine.eval::<Dynamic>(expression).expect(expression))
    }

    #[test]
    fn nothing_is_shown_for_nothing() {
        assert_eq!(shown("()"), None);
        assert_eq!(shown("\"a\\nb\"").as_deref(), Some("a\nb"));
        assert_eq!(show(&Dynamic::from(Duration::new(30.0))).as_deref(), Some("30 s"));
    }

    #[test]
    fn maps_and_lists_of_maps_are_aligned() {
        assert_eq!(shown("#{ interval: 30.s, U: 0.5 }").as_deref(), Some("U         0.5\ninterval  30 s"));
        assert_eq!(
            shown("[#{ id: 1, what: \"a\" }, #{ id: 100, what: \"longer\", extra: 2.min }]").as_deref(),
            Some(" id  what    extra\n  1  a\n100  longer  120 s")
        );
        assert_eq!(shown("#{}").as_deref(), Some("#{}"));
    }

    #[test]
    fn long_lists_are_cut_with_a_count() {
        assert_eq!(shown("[1, 2.s, \"x\"]").as_deref(), Some("[1, 2 s, x]"));
        let long = shown("let a = []; for i in 0..1000 { a.push(i) } a").expect("a list");
        assert!(long.ends_with("18, 19, … 980 more]"), "{long}");
        let rows = shown("let a = []; for i in 0..30 { a.push(#{ i: i }) } a").expect("a table");
        assert_eq!(rows.lines().count(), 22);
        assert!(rows.ends_with("… 10 more, 30 in all"), "{rows}");
        let wide = shown("let a = []; for i in 0..21 { a.push(\"a text of some length\") } a").expect("a list");
        assert!(wide.ends_with("\n  … 1 more, 21 in all\n]"), "{wide}");
    }
}
