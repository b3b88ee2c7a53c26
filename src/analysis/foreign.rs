//! A table of figures that somebody else's program wrote: CSV with a header, of a kind that nobody promised.
//!
//! What looks like a number is one. An empty field is nothing, and so is `NaN`, which is what a metric shows that has
//! no value yet: as a number it would make one of every mean.

use std::io::Read;

use crate::error::{Error, Result};

/// More rows are not read: a script holds all of them at once.
pub const MOST_ROWS: usize = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    Nothing,
    Whole(i64),
    Number(f64),
    Text(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foreign {
    pub header: Vec<String>,
    /// Each as long as the header.
    pub rows: Vec<Vec<Field>>,
}

impl Foreign {
    /// Reads all of it; `name` is what messages call it.
    pub fn read(input: impl Read, name: &str) -> Result<Self> {
        let bad = |error: csv::Error| Error::script(format!("{name}: {error}"));
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
        let header: Vec<String> =
            reader.headers().map_err(bad)?.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        check_header(&header, name)?;
        let mut rows = Vec::new();
        for record in reader.records() {
            if rows.len() == MOST_ROWS {
                return Err(Error::script(format!("{name} has more than {MOST_ROWS} rows"))
                    .hint(format!("cut a part out of it: `head -n {MOST_ROWS} {name} > part.csv`")));
            }
            rows.push(record.map_err(bad)?.iter().map(field).collect());
        }
        Ok(Self { header, rows })
    }
}

fn check_header(header: &[String], name: &str) -> Result<()> {
    let hint = "its first line must name the columns, each differently";
    if header.is_empty() {
        return Err(Error::script(format!("{name} is empty")).hint(hint));
    }
    for (place, column) in header.iter().enumerate() {
        if column.is_empty() {
            return Err(Error::script(format!("{name}: column {} has no name", place + 1)).hint(hint));
        }
        if header[..place].contains(column) {
            return Err(Error::script(format!("{name}: two columns are called `{column}`")).hint(hint));
        }
    }
    Ok(())
}

fn field(text: &str) -> Field {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") {
        return Field::Nothing;
    }
    if let Ok(whole) = text.parse() {
        return Field::Whole(whole);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Field::Number(number),
        _ => Field::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Foreign> {
        Foreign::read(text.as_bytes(), "m.csv")
    }

    #[test]
    fn numbers_are_numbers_and_gaps_are_nothing() {
        let table = read("\u{feff}t, rate,state\n1,2.5,RUNNING\n2,NaN, \n-3,1e3,\"a, b\"\n").expect("right");
        assert_eq!(table.header, ["t", "rate", "state"]);
        let text = |text: &str| Field::Text(text.into());
        assert_eq!(
            table.rows,
            [
                vec![Field::Whole(1), Field::Number(2.5), text("RUNNING")],
                vec![Field::Whole(2), Field::Nothing, Field::Nothing],
                vec![Field::Whole(-3), Field::Number(1000.0), text("a, b")],
            ]
        );
    }

    #[test]
    fn what_is_no_table_is_told() {
        let told = |text: &str| read(text).expect_err("wrong").to_string();
        assert!(told("").contains("m.csv is empty"));
        assert!(told("a,,b\n1,2,3\n").contains("column 2 has no name"));
        assert!(told("a,b,a\n1,2,3\n").contains("two columns are called `a`"));
        assert!(told("a,b\n1\n").contains("m.csv: "));
    }

    #[test]
    fn a_file_of_too_many_rows_says_how_to_cut() {
        let long = format!("a\n{}", "1\n".repeat(MOST_ROWS + 1));
        let error = read(&long).expect_err("too long");
        assert!(error.hint.is_some_and(|hint| hint.contains("head -n 1000000 m.csv")));
        assert_eq!(read(&long[..long.len() - 2]).map(|table| table.rows.len()), Ok(MOST_ROWS));
    }
}
