//! Numbers as tables show them. Files keep all digits; a table keeps those that a reader can compare.

use crate::analysis::results::Cell;
use crate::analysis::statistics::Figure;

/// Four significant digits, whole numbers above a thousand, and no exponent.
#[must_use]
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let places = (3.0 - magnitude).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.places$}");
    if places == 0 { grouped(&text) } else { trimmed(&text).to_owned() }
}

/// `0.778 [0.702, 0.861], n 9`; the reason where there is no figure.
#[must_use]
pub fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Known(known) => figure(known),
        Cell::Empty(reason) => format!("– ({reason})"),
    }
}

#[must_use]
pub fn figure(figure: &Figure) -> String {
    let value = short(figure.value);
    match (figure.lo, figure.hi) {
        (Some(lo), Some(hi)) => format!("{value} [{}, {}], n {}", short(lo), short(hi), figure.n),
        _ => format!("{value}, n {}", figure.n),
    }
}

/// A share as percent with one place, as the study prints U.
#[must_use]
pub fn percent(cell: &Cell) -> String {
    match cell {
        Cell::Known(figure) => match (figure.lo, figure.hi) {
            (Some(lo), Some(hi)) => format!("{:.1} % [{:.1}, {:.1}]", figure.value * 100.0, lo * 100.0, hi * 100.0),
            _ => format!("{:.1} %", figure.value * 100.0),
        },
        Cell::Empty(reason) => format!("– ({reason})"),
    }
}

/// The difference of two shares, in points of a percent.
#[must_use]
pub fn points(cell: &Cell) -> String {
    match cell {
        Cell::Known(figure) => match (figure.lo, figure.hi) {
            (Some(lo), Some(hi)) => {
                format!("{:+.1} points [{:+.1}, {:+.1}]", figure.value * 100.0, lo * 100.0, hi * 100.0)
            }
            _ => format!("{:+.1} points", figure.value * 100.0),
        },
        Cell::Empty(reason) => format!("– ({reason})"),
    }
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Thousands apart, from five digits on.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.len() < 5 {
        return text.to_owned();
    }
    let mut grouped = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_are_kept() {
        let shown: Vec<String> =
            [0.0, 0.77812, 30.8158, 9012.4, 1_234_567.0, -12_345.6, 0.000_012_3].map(short).to_vec();
        assert_eq!(shown, ["0", "0.7781", "30.82", "9012", "1,234,567", "-12,346", "0.000012"]);
    }

    #[test]
    fn a_figure_shows_its_interval_and_n_and_an_empty_one_its_reason() {
        let known = Figure { value: 0.778, lo: Some(0.7), hi: Some(0.861), n: 9 };
        assert_eq!(cell(&Cell::Known(known)), "0.778 [0.7, 0.861], n 9");
        assert_eq!(cell(&Cell::Empty("below capacity".into())), "– (below capacity)");
        assert_eq!(percent(&Cell::Known(Figure { value: 0.8291, lo: None, hi: None, n: 1 })), "82.9 %");
    }
}
