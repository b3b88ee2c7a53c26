//! Tables, plots and pages from analysis results: for the terminal, as Markdown, as one HTML file, as CSV.
//!
//! Everything here is a pure function to text; whoever owns the run directory writes it. The parts that a
//! script asks for come in its order; the report holds all of them, asked for or not, because a table that
//! is missing when a reviewer asks cannot be taken later.

mod content;
mod csv_files;
mod document;
mod findings;
mod html;
mod markdown;
pub mod number;
pub mod outlook;
pub mod plots;
mod saturated;
#[cfg(test)]
mod saturated_story;
mod table;
mod tables;

use crate::analysis::history::Run;
use crate::analysis::provenance::Provenance;
use crate::analysis::results::Results;
use crate::error::{Error, Result};

pub use table::Table;

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
    /// What saturated jobs do without faults, and what a checkpoint takes of it.
    Capacity,
    /// Measured utilization beside what the models predict of it.
    Validation,
    /// Rates with and without faults.
    Throughput,
    /// Written and visible, over all and by the course of a fault.
    Latency,
    /// Where the time between the first and the last fault went.
    Budget,
    /// The study's conclusions, tested.
    Conclusions,
    /// CPU, memory, disk, network and garbage collection of each instance.
    Resources,
    /// Verdict, load and oracle of each trial.
    Trials,
    /// What was observed of each trial beside the limit that would make it invalid.
    Verdicts,
    /// One of `plots::NAMES`.
    Plot(&'static str),
    Text(String),
    /// A table that the script made itself.
    Rows(Table),
}

impl Part {
    /// All tables, in the order in which a terminal shows them.
    pub const ALL: [Self; 13] = [
        Self::Faults,
        Self::StudyMethod,
        Self::AsMeasured,
        Self::Optimum,
        Self::Capacity,
        Self::Validation,
        Self::Throughput,
        Self::Latency,
        Self::Budget,
        Self::Conclusions,
        Self::Resources,
        Self::Trials,
        Self::Verdicts,
    ];

    pub const NAMES: [&'static str; 13] = [
        "faults",
        "study_method",
        "as_measured",
        "optimum",
        "capacity",
        "validation",
        "throughput",
        "latency",
        "budget",
        "conclusions",
        "resources",
        "trials",
        "verdicts",
    ];

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Faults => "faults",
            Self::StudyMethod => "study_method",
            Self::AsMeasured => "as_measured",
            Self::Optimum => "optimum",
            Self::Capacity => "capacity",
            Self::Validation => "validation",
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Budget => "budget",
            Self::Conclusions => "conclusions",
            Self::Resources => "resources",
            Self::Trials => "trials",
            Self::Verdicts => "verdicts",
            Self::Plot(_) => "plot",
            Self::Text(_) => "text",
            Self::Rows(_) => "rows",
        }
    }

    /// Whether a reader of the run waits for it. Who asks for another one is told why it is empty.
    fn belongs(&self, results: &Results) -> bool {
        match self {
            Self::Capacity | Self::Validation => results.is_saturated(),
            _ => true,
        }
    }

    /// The plot of that name.
    #[must_use]
    pub fn plot(name: &str) -> Option<Self> {
        plots::NAMES.into_iter().find(|known| *known == name).map(Self::Plot)
    }

    /// Name and text as the journal keeps them.
    #[must_use]
    pub fn noted(&self) -> (String, Option<String>) {
        let text = match self {
            Self::Text(text) => Some(text.clone()),
            Self::Plot(name) => Some((*name).to_owned()),
            // A table of strings is always JSON.
            Self::Rows(table) => serde_json::to_string(table).ok(),
            _ => None,
        };
        (self.name().into(), text)
    }

    /// What the script itself said, text or table, as the journal keeps it.
    #[must_use]
    pub fn of_script(name: &str, text: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text(text.to_owned())),
            "rows" => serde_json::from_str(text).ok().map(Self::Rows),
            _ => None,
        }
    }

    fn table(&self, results: &Results) -> Option<Table> {
        let mut table = self.computed(results)?;
        if results.simulated {
            table.title = format!("SIMULATED: {}", table.title);
        }
        Some(table)
    }

    fn computed(&self, results: &Results) -> Option<Table> {
        match self {
            Self::Faults => Some(tables::faults(results)),
            Self::StudyMethod => Some(tables::study_method(results)),
            Self::AsMeasured => Some(tables::as_measured(results)),
            Self::Optimum => Some(tables::optimum(results)),
            Self::Capacity => Some(saturated::capacity(results)),
            Self::Validation => Some(saturated::validation(results)),
            Self::Throughput => Some(findings::throughput(results)),
            Self::Latency => Some(findings::latency(results)),
            Self::Budget => Some(findings::budget(results)),
            Self::Conclusions => Some(findings::conclusions(results)),
            Self::Resources => Some(tables::resources(results)),
            Self::Trials => Some(tables::trials(results)),
            Self::Verdicts => Some(tables::verdicts(results)),
            Self::Rows(table) => Some(table.clone()),
            Self::Plot(_) | Self::Text(_) => None,
        }
    }
}

/// A part as the terminal shows it; `$RUN` in the line of a plot stands for the run directory.
#[must_use]
pub fn terminal(results: &Results, part: &Part) -> String {
    match part {
        Part::Text(text) => format!("{text}\n"),
        Part::Plot(name) => plots::told(results, name),
        _ => part.table(results).map(|table| table.text()).unwrap_or_default(),
    }
}

/// All tables that belong to the run, as the terminal shows them; the limits only where one of them was broken.
#[must_use]
pub fn whole(results: &Results) -> String {
    let parts = Part::ALL.iter().filter(|part| part.belongs(results));
    let parts = parts.filter(|part| **part != Part::Verdicts || results.is_any_check_broken());
    parts.map(|part| terminal(results, part)).collect::<Vec<_>>().join("\n")
}

/// Every file that follows from the journal: name and content.
pub fn files(run: &Run, results: &Results, provenance: &Provenance) -> Result<Vec<(String, Vec<u8>)>> {
    let tables = csv_files::all(run, results)?;
    let mut files: Vec<(String, Vec<u8>)> =
        tables.into_iter().map(|(name, content)| (name.to_owned(), content)).collect();
    files.push(("summary.json".into(), summary(results)?.into_bytes()));
    files.extend(pages(results, provenance)?);
    Ok(files)
}

/// What a person reads: the pages and their plots.
pub fn pages(results: &Results, provenance: &Provenance) -> Result<Vec<(String, Vec<u8>)>> {
    let gallery = plots::all(results)?;
    let document = content::document(results, provenance, &gallery);
    let mut files = vec![
        ("report.md".into(), markdown::page(&document).into_bytes()),
        ("report.html".into(), html::page(&document).into_bytes()),
    ];
    for plot in gallery.figures {
        files.push((format!("plots/{}.png", plot.name), plots::png(&plot.svg)?));
        files.push((format!("plots/{}.svg", plot.name), plot.svg.into_bytes()));
    }
    Ok(files)
}

/// The text of summary.json.
pub fn summary(results: &Results) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&results.summary())
        .map_err(|error| Error::defect(format!("cannot write the summary: {error}")))?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests;
