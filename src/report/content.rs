//! What a report says, in the order in which a reader asks: the answer, under which conditions it was taken, the
//! tables and plots behind it, how to read them, and how to get them again.

use super::document::{Block, Document, Section};
use super::number::{figure, percent, short};
use super::plots::{Gallery, LeftOut};
use super::table::Table;
use super::{Part, tables};
use crate::analysis::provenance::{Machine, Provenance};
use crate::analysis::results::{Cell, Headline, Results};

/// The tables of a page, the answer first.
const TABLES: [Part; 13] = [
    Part::Optimum,
    Part::Capacity,
    Part::Validation,
    Part::AsMeasured,
    Part::Conclusions,
    Part::Budget,
    Part::Throughput,
    Part::Latency,
    Part::Resources,
    Part::StudyMethod,
    Part::Faults,
    Part::Trials,
    Part::Verdicts,
];

#[must_use]
pub fn document(results: &Results, provenance: &Provenance, gallery: &Gallery) -> Document {
    let mut sections = vec![answer(results), conditions(results, provenance)];
    sections.extend(texts(results));
    sections.extend(TABLES.iter().filter(|part| part.belongs(results)).filter_map(|part| {
        let table = part.table(results)?;
        Some(Section::new(part.name(), table.title.clone(), vec![Block::Table(table)]))
    }));
    sections.extend(plots(gallery));
    sections.extend([reading(results), files(), again(results, provenance)]);
    Document { title: title(results), sections }
}

/// The plots, and why the others are not there.
fn plots(gallery: &Gallery) -> Option<Section> {
    let mut blocks: Vec<Block> = gallery.figures.iter().cloned().map(Block::Figure).collect();
    let reason = |out: &LeftOut| format!("{} is left out: {}", out.name, out.reason);
    if !gallery.left_out.is_empty() {
        blocks.push(Block::List(gallery.left_out.iter().map(reason).collect()));
    }
    (!blocks.is_empty()).then(|| Section::new("plots", "Plots", blocks))
}

fn title(results: &Results) -> String {
    let simulated = if results.simulated { "SIMULATED: " } else { "" };
    format!("{simulated}{}, profile {}", results.script, results.profile)
}

/// The verdict, T*, the best of the intervals tried, and the figures that they come from.
fn answer(results: &Results) -> Section {
    let mut blocks = Vec::new();
    if results.simulated {
        blocks.push(Block::Lead("SIMULATED: no figure here was measured; the cluster was simulated.".into()));
    }
    let trials =
        if results.trials.len() == 1 { "1 trial".to_owned() } else { format!("{} trials", results.trials.len()) };
    blocks.push(Block::Lead(format!("Verdict of {trials}: {}.", results.verdict.name())));
    if !results.reasons.is_empty() {
        blocks.push(Block::List(results.reasons.clone()));
    }
    for headline in &results.optimum.headlines {
        blocks.push(Block::Lead(best(headline, &results.optimum.cost)));
        let (tried, agreement) = tables::best_tried(headline);
        let mut said: Vec<String> = [Some(tried), agreement].into_iter().flatten().collect();
        said.extend(headline.outside_measured.then(|| tables::OUTSIDE.to_owned()));
        blocks.push(Block::Text(sentence(&said.join("; "))));
    }
    blocks.push(Block::Table(glance(results)));
    Section::new("answer", "Answer", blocks)
}

fn best(headline: &Headline, cost: &str) -> String {
    let of =
        if headline.axes.is_empty() { String::new() } else { format!(" ({})", tables::combination(&headline.axes)) };
    match &headline.poisson {
        Cell::Empty(reason) => format!("Optimal interval T*{of}: none, because {reason}."),
        Cell::Known(known) => {
            let mut text = format!("Optimal interval T*{of}: {}", seconds(known.value));
            if let (Some(lo), Some(hi)) = (known.lo, known.hi) {
                text.push_str(&format!(", 95 % interval {} to {}", seconds(lo), seconds(hi)));
            }
            let beside = [("flink", &headline.flink), ("schedule", &headline.schedule)].map(|(model, cell)| {
                cell.figure()
                    .map_or_else(|| format!("{model} none"), |other| format!("{model} {}", seconds(other.value)))
            });
            format!("{text} (model poisson, from {cost}; {}).", beside.join(", "))
        }
    }
}

/// As a sentence of its own.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

fn seconds(value: f64) -> String {
    format!("{} s", short(value))
}

/// A row for each combination, with the few figures that the answer hangs on.
fn glance(results: &Results) -> Table {
    const FIGURES: [&str; 6] = ["c_duration_s", "R_s", "U_poisson", "useful_per_s", "written_p99_ms", "visible_p99_ms"];
    let mut header = vec![String::new(), "trials".to_owned()];
    header.extend(FIGURES.map(str::to_owned));
    let rows = results.rows.iter().map(|row| {
        let mut cells = vec![tables::combination(&row.axes), row.repeats.to_string()];
        cells.extend(FIGURES.map(|name| match row.figures.cell(name) {
            Some(cell @ Cell::Known(_)) if name.starts_with("U_") => percent(cell),
            Some(Cell::Known(known)) => figure(known),
            _ => "–".into(),
        }));
        cells
    });
    Table {
        title: "At a glance".into(),
        caption: "Value [95 % interval], number of observations. Everything else is in the tables below.".into(),
        header,
        rows: rows.collect(),
        notes: tables::repeats_note(results),
    }
}

fn conditions(results: &Results, provenance: &Provenance) -> Section {
    let mut rows: Vec<(String, String)> = vec![("cprun".into(), provenance.cprun.clone())];
    rows.extend(provenance.versions.iter().cloned());
    rows.extend([
        ("script".into(), provenance.script.clone()),
        ("profile".into(), results.profile.clone()),
        ("seed".into(), results.seed.to_string()),
        ("target".into(), provenance.target.clone()),
        ("started".into(), provenance.started.clone()),
        ("ended".into(), provenance.ended.clone()),
    ]);
    rows.extend(provenance.machines.iter().map(|machine| (format!("machine {}", machine.name), describe(machine))));
    rows.extend(provenance.datasets.iter().map(|dataset| ("data".into(), dataset.clone())));
    rows.retain(|(_, value)| !value.is_empty());
    let facts = pairs("Where and with what", "", ["", "value"], rows);
    let parameters = Table {
        title: "Parameters".into(),
        caption: "Parameters of the script; durations in seconds, sizes in bytes.".into(),
        header: ["parameter", "value", "set by", "default"].map(str::to_owned).to_vec(),
        rows: provenance
            .parameters
            .iter()
            .map(|one| vec![one.name.clone(), one.value.clone(), one.origin.clone(), one.default.clone()])
            .collect(),
        notes: Vec::new(),
    };
    let settings = pairs(
        "Settings in force",
        "Most of R is configuration. This is what Flink said it ran with; all of it is in manifest.json.",
        ["setting", "value"],
        provenance.settings.clone(),
    );
    let tables = [facts, parameters, settings].into_iter().filter(|table| !table.rows.is_empty());
    Section::new("conditions", "Conditions", tables.map(Block::Table).collect())
}

fn pairs(title: &str, caption: &str, header: [&str; 2], rows: Vec<(String, String)>) -> Table {
    Table {
        title: title.into(),
        caption: caption.into(),
        header: header.map(str::to_owned).to_vec(),
        rows: rows.into_iter().map(|(key, value)| vec![key, value]).collect(),
        notes: Vec::new(),
    }
}

fn describe(machine: &Machine) -> String {
    let memory = machine.memory_bytes.filter(|bytes| *bytes > 0);
    let parts = [
        Some(machine.os.clone()),
        Some(machine.kernel.clone()).filter(|kernel| !kernel.is_empty()).map(|kernel| format!("kernel {kernel}")),
        machine.cpus.map(|cpus| format!("{cpus} CPUs {}", machine.cpu).trim().to_owned()),
        memory.map(|bytes| format!("{:.1} GiB memory", bytes as f64 / f64::from(1 << 30))),
        Some(machine.disk_kind.clone()),
        machine.link_mbit_per_s.map(|speed| format!("link {speed} Mbit/s")),
    ];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What the script had to say.
fn texts(results: &Results) -> Option<Section> {
    let said = results.report_parts.iter().filter_map(|part| Part::of_script(&part.part, part.text.as_ref()?));
    let texts: Vec<Block> = said.flat_map(|part| said_as(&part, results)).collect();
    (!texts.is_empty()).then(|| Section::new("script", "From the script", texts))
}

fn said_as(part: &Part, results: &Results) -> Vec<Block> {
    match (part, part.table(results)) {
        (Part::Text(text), _) => vec![Block::Text(text.clone())],
        (_, Some(table)) => vec![Block::Lead(table.title.clone()), Block::Table(table)],
        (_, None) => Vec::new(),
    }
}

/// How the figures are to be read, in the report itself: it may be all that a reader ever sees.
fn reading(results: &Results) -> Section {
    let mut terms = vec![
        (
            "T, T_real",
            "the checkpoint interval as configured, and the median time from trigger to trigger that came of it",
        ),
        ("c", "what a checkpoint costs: the mean end-to-end duration of the completed ones (c_duration_s)"),
        (
            "R",
            "from the signal that breaks an instance to the first record after the restore, the time held down included; R_ready only from when the instance is back, R_study by the state of the job as the published study took it",
        ),
        ("rework", "rows, and seconds of event time, that are processed again after a restore"),
        ("λ", "failures a second, set by the fault schedule"),
        (
            "U",
            "the share of time in which the job does work that counts, computed by a model from T_real, c, R and λ; below saturation it is not measured",
        ),
        (
            "poisson, flink, schedule",
            "models of U: the paper's; the same with Flink's random first trigger; faults at a fixed distance",
        ),
        ("T*", "the interval with the largest U; c grows or shrinks with T, so it is the fixed point T* = f(c(T*))"),
        (
            "written, visible",
            "latency of a window's result: on the broker, and readable by a read_committed consumer, after it was due by the replay's clock",
        ),
        ("raw, useful", "rows a second with those processed again, and progress alone"),
        (
            "[lo, hi], n",
            "the 95 % interval and the number of observations; with one trial of each combination it holds within that trial only",
        ),
        ("lag", "records in the topic that the source has not passed yet"),
        ("invalid, unknown", "a trial that broke a limit of the table of verdicts; one that could not tell"),
    ];
    if results.is_saturated() {
        terms.extend(SATURATED);
    }
    Section::new(
        "reading",
        "How to read this",
        // A run directory may lie anywhere, so there is no address to link to.
        vec![Block::Terms(terms), Block::Text("The full definitions: docs/method.md of cprun.".into())],
    )
}

/// What a reader needs only where there was saturating load.
const SATURATED: [(&str, &str); 4] = [
    (
        "capacity, μ",
        "useful throughput under saturating load without faults; μ (capacity_at_rest_per_s) also without checkpoints",
    ),
    ("c_capacity", "what a checkpoint takes of the throughput: the c of throughput = μ(1 - c/T_real)"),
    ("R_eff", "R, and the capacity missed from the first record until the job is as fast as before, in seconds of it"),
    (
        "U_measured, U_realised, U_gap",
        "progress that was restored over μ x time, between the first fault and the last; what the model gives for just those faults; the one less the other (_eff: with R_eff)",
    ),
];

fn files() -> Section {
    let rows = [
        ("manifest.json", "script with its text, parameters, versions, machine, configuration as Flink told it"),
        ("journal.jsonl or .jsonl.gz", "the raw data: everything observed, one JSON object a line"),
        ("trials.csv, faults.csv, checkpoints.csv, windows.csv, samples.csv", "what was measured, one row each"),
        ("summary.csv, summary.json", "the figures of each combination, with interval and number of observations"),
        ("plots/", "the plots, one file each"),
        ("evidence/", "who ran it and where, processes, Flink's own words; not in a copy for publication"),
        ("logs/", "of every process; not in a copy for publication"),
        ("SHA256SUMS", "of all of it: sha256sum -c SHA256SUMS"),
    ];
    let rows = rows.iter().map(|(name, holds)| ((*name).to_owned(), (*holds).to_owned())).collect();
    let caption = "Every table, figure and plot follows from the journal: cprun analyze DIR computes all of them anew.";
    let table = pairs("Files", caption, ["file", "holds"], rows);
    Section::new("files", "Files beside this one", vec![Block::Table(table)])
}

fn again(results: &Results, provenance: &Provenance) -> Section {
    let mut blocks = Vec::new();
    if !provenance.command_line.is_empty() {
        blocks.push(Block::Command(command(&provenance.command_line)));
    }
    let script = if provenance.script_sha256.is_empty() {
        String::new()
    } else {
        format!(" The text of the script is in manifest.json (sha256 {}).", provenance.script_sha256)
    };
    blocks.push(Block::Text(format!(
        "With cprun {} and the conditions above. Seed {} draws the same order of trials and the same victims; times are the machine's.{script}",
        provenance.cprun, results.seed
    )));
    Section::new("again", "How to run it again", blocks)
}

/// As it was typed, but for the program's folder and for where the run went: that directory is taken.
fn command(words: &[String]) -> String {
    let mut shown = vec!["cprun".to_owned()];
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--out" => drop(rest.next()),
            word if word.starts_with("--out=") => {}
            word => shown.push(quoted(word)),
        }
    }
    shown.join(" ")
}

/// A word as a shell reads it back; a path below the home stays one.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./=:,@%+~".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
