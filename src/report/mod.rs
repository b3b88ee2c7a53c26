//! Tables and pages from analysis results: for the terminal, as Markdown, as one HTML file, as CSV.
//!
//! Everything here is a pure function to text; whoever owns the run directory writes it. The parts that a
//! script asks for come in its order; the report holds all of them, asked for or not, because a table that
//! is missing when a reviewer asks cannot be taken later.

mod csv_files;
mod findings;
mod number;
mod pages;
mod table;
mod tables;

use crate::analysis::history::Run;
use crate::analysis::results::Results;
use crate::error::{Error, Result};

use table::Table;

/// A part of the report, as a script names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Phases of each fault.
    Faults,
    /// The study's own table, by its definitions.
    StudyMethod,
    /// The table by ours.
    AsMeasured,
    /// T* and what was the best interval tried.
    Optimum,
    /// Rates with and without faults.
    Throughput,
    /// Written and visible, over all and by the course of a fault.
    Latency,
    /// Where the time between the first and the last fault went.
    Budget,
    /// The study's conclusions, tested.
    Conclusions,
    /// Verdict, load and oracle of each trial.
    Trials,
    Text(String),
}

impl Part {
    pub const NAMES: [&'static str; 9] = [
        "faults",
        "study_method",
        "as_measured",
        "optimum",
        "throughput",
        "latency",
        "budget",
        "conclusions",
        "trials",
    ];

    const NAMED: [Self; 9] = [
        Self::Faults,
        Self::StudyMethod,
        Self::AsMeasured,
        Self::Optimum,
        Self::Throughput,
        Self::Latency,
        Self::Budget,
        Self::Conclusions,
        Self::Trials,
    ];

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().zip(Self::NAMED).find(|(known, _)| *known == name).map(|(_, part)| part)
    }

    /// Name and text as the journal keeps them.
    #[must_use]
    pub fn noted(&self) -> (String, Option<String>) {
        if let Self::Text(text) = self {
            return ("text".into(), Some(text.clone()));
        }
        let name = Self::NAMES.into_iter().zip(Self::NAMED).find(|(_, part)| part == self).map(|(name, _)| name);
        (name.unwrap_or_default().into(), None)
    }

    fn table(&self, results: &Results) -> Option<Table> {
        match self {
            Self::Faults => Some(tables::faults(results)),
            Self::StudyMethod => Some(tables::study_method(results)),
            Self::AsMeasured => Some(tables::as_measured(results)),
            Self::Optimum => Some(tables::optimum(results)),
            Self::Throughput => Some(findings::throughput(results)),
            Self::Latency => Some(findings::latency(results)),
            Self::Budget => Some(findings::budget(results)),
            Self::Conclusions => Some(findings::conclusions(results)),
            Self::Trials => Some(tables::trials(results)),
            Self::Text(_) => None,
        }
    }
}

/// A part as the terminal shows it.
#[must_use]
pub fn terminal(results: &Results, part: &Part) -> String {
    match part {
        Part::Text(text) => format!("{text}\n"),
        _ => part.table(results).map(|table| table.text()).unwrap_or_default(),
    }
}

/// All tables, as the terminal shows them.
#[must_use]
pub fn whole(results: &Results) -> String {
    let parts = Part::NAMES.iter().filter_map(|name| Part::named(name));
    parts.map(|part| terminal(results, &part)).collect::<Vec<_>>().join("\n")
}

/// Every file that follows from the journal: name and content.
pub fn files(run: &Run, results: &Results) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let mut files = csv_files::all(run, results)?;
    let tables: Vec<Table> = Part::NAMES.iter().filter_map(|name| Part::named(name)?.table(results)).collect();
    let texts: Vec<&str> = results
        .report_parts
        .iter()
        .filter(|part| part.part == "text")
        .filter_map(|part| part.text.as_deref())
        .collect();
    files.push(("summary.json", summary(results)?.into_bytes()));
    files.push(("report.md", pages::markdown(results, &texts, &tables).into_bytes()));
    files.push(("report.html", pages::html(results, &texts, &tables).into_bytes()));
    Ok(files)
}

/// The text of summary.json.
pub fn summary(results: &Results) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&results.summary())
        .map_err(|error| Error::defect(format!("cannot write the summary: {error}")))?;
    text.push('\n');
    Ok(text)
}
