//! report.md and report.html: the same parts, one after the other.

use super::table::{Table, escape};
use crate::analysis::results::Results;

/// How the figures are to be read, in the report itself: it may be all that a reader ever sees.
const READING: &str = "Raw data: journal.jsonl; every CSV follows from it. Times are taken on one clock. \
    R lasts from the signal to the first record after the restore, the time held down included.";

#[must_use]
pub fn markdown(results: &Results, texts: &[&str], tables: &[Table]) -> String {
    let mut text = format!("# {}\n\n{}\n\n", title(results), verdict(results));
    for paragraph in texts {
        text.push_str(&format!("{paragraph}\n\n"));
    }
    for table in tables {
        text.push_str(&table.markdown());
        text.push('\n');
    }
    text.push_str(&format!("{READING}\n"));
    text
}

#[must_use]
pub fn html(results: &Results, texts: &[&str], tables: &[Table]) -> String {
    let paragraphs: String = texts.iter().map(|text| format!("<p>{}</p>\n", escape(text))).collect();
    let tables: String = tables.iter().map(Table::html).collect();
    let title = escape(&title(results));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{}</p>\n{paragraphs}{tables}<p>{}</p>\n</body>\n</html>\n",
        escape(&verdict(results)),
        escape(READING)
    )
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:110rem}\
    table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}\
    th,td{border-bottom:1px solid #ccc;padding:.25rem .6rem;text-align:left;white-space:nowrap}\
    th{border-bottom:2px solid #444}";

fn title(results: &Results) -> String {
    format!("{}: profile {}", results.script, results.profile)
}

fn verdict(results: &Results) -> String {
    let reasons = if results.reasons.is_empty() { String::new() } else { format!(": {}", results.reasons.join("; ")) };
    format!("Verdict {}{reasons}. Seed {}, {} trials.", results.verdict.name(), results.seed, results.trials.len())
}
