//! `dataset::…`: rows to replay.

use std::sync::PoisonError;

use rhai::Dynamic;

use crate::dataset::{self, Bounds, Dataset, Request, Table};
use crate::error::{Error, Result};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::params::PAPER;
use crate::script::session::Session;

pub const PRIMITIVES: &[Primitive] = &[NYC, CSV];

const NYC: Primitive = Primitive {
    module: "dataset",
    name: "nyc",
    doc: "Opens trips of New York's taxis, cleaned and sorted by pickup time.\n\n`files` is a path, a pattern \
            such as `yellow_*.parquet`, or several with commas or as a list: CSV, CSV.gz or Parquet with the \
            columns of the TLC's yellow taxi files. `\"\"` generates trips with the same profile from the run's \
            seed, by default of January to June 2023.\n\nWithout `from` and `to` the months in the files' names \
            count, else the 1st to 99th percentile of the pickup times. Rows outside, and rows that cannot be \
            read, are dropped and counted. Cleaned rows are kept in the cache, so that the next run opens them \
            at once.\n\nA file that is missing ends the script with exit code 66, one that holds no trips with \
            65.",
    arguments: &[Argument::required(
        "files",
        Kind::Either(&[Kind::Text, Kind::List(&Kind::Text)]),
        "the files; `\"\"` for generated trips",
    )],
    options: Some(Options {
        known: &[
            Opt::new("from", Kind::Text, "", "first pickup time, `\"2023-01-01\"` or with a time of day"),
            Opt::new("to", Kind::Text, "", "pickup times lie before this"),
        ],
        others: "",
    }),
    returns: Kind::Handle("dataset"),
    effect: Effect::Reads,
    belongs: Belongs::Anywhere,
    example: r#"let trips = dataset::nyc("", #{ from: "2023-01-01", to: "2023-02-01" });"#,
    run: nyc,
};

const CSV: Primitive = Primitive {
    module: "dataset",
    name: "csv",
    doc: "Opens a CSV of any columns, to be replayed by its event times.\n\nThe file is .csv or .csv.gz with a header, from \
        the current directory on. Rows are sorted by the time, which is milliseconds since the epoch, \
        `2023-01-31 18:05:00` read as UTC, or has an offset as `2023-01-31T18:05:00Z`; rows without one are dropped and \
        counted. They go to Kafka as they stand, without the header.\n\nWhat they mean only your own job knows. For the \
        jobs that come with cprun name `key` and `value`: they stand for zone and amount, and then a time must have the \
        second form. The file is read and sorted in each run, and kept nowhere.",
    arguments: &[Argument::required("file", Kind::Text, "the file")],
    options: Some(Options {
        known: &[
            Opt::required("time", Kind::Text, "name of the column that holds the event time"),
            Opt::new("key", Kind::Text, "", "name of the column that windows are keyed by, whole numbers"),
            Opt::new("value", Kind::Text, "", "name of the column that windows sum, decimals; with `key` only"),
        ],
        others: "",
    }),
    returns: Kind::Handle("dataset"),
    effect: Effect::Reads,
    belongs: Belongs::Anywhere,
    example: r#"let p = params(#{
    readings: "",  // a CSV with a column measured_at; "" replays generated trips
});
let rows = if p.readings == "" { dataset::nyc("") } else { dataset::csv(p.readings, #{ time: "measured_at" }) };"#,
    run: csv,
};

fn nyc(call: &Call<'_>) -> Outcome {
    let session = call.session;
    let files = match call.list("files") {
        Some(list) => list.into_iter().filter_map(|file| file.into_string().ok()).collect(),
        None => vec![call.required("files", call.text("files"))?],
    };
    let (from, to) = (call.text("from"), call.text("to"));
    let study = session.profile() == PAPER;
    let key = format!("{files:?} {from:?} {to:?} {study}");
    let known = session.datasets.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let dataset = match known {
        Some(dataset) => dataset,
        None => read(session, &files, from.as_deref(), to.as_deref(), study)?,
    };
    session.datasets.lock().unwrap_or_else(PoisonError::into_inner).insert(key, dataset.clone());
    session.state().opened.push(dataset.clone());
    Ok(Dynamic::from(dataset))
}

fn read(session: &Session, files: &[String], from: Option<&str>, to: Option<&str>, study: bool) -> Result<Dataset> {
    let bounds = Bounds::parse(from, to)?;
    if matches!(files, [only] if only.is_empty()) {
        return Dataset::generate(session.options.seed, bounds.within_half_year()?);
    }
    let host = &session.host;
    let files = dataset::files(files, &host.directory, host.variable("HOME"))?;
    Dataset::nyc(&Request { files, bounds, study }, &host.cache()?, &mut host.watch())
}

fn csv(call: &Call<'_>) -> Outcome {
    let session = call.session;
    let host = &session.host;
    let windows = match (call.text("key"), call.text("value")) {
        (Some(key), Some(value)) => Some((key, value)),
        (None, None) => None,
        _ => {
            return Err(Error::script("dataset::csv: `key` and `value` come together")
                .hint("windows have a key and sum a value; name both or none")
                .into());
        }
    };
    let file = call.required("file", call.text("file"))?;
    let file = dataset::files(&[file], &host.directory, host.variable("HOME"))?;
    let [file] = file.as_slice() else {
        return Err(Error::script("dataset::csv: a table is one file").hint("join them, with one header").into());
    };
    let table = Table { file: file.clone(), time: call.required("time", call.text("time"))?, windows };
    let key = format!("{table:?}");
    let known = session.datasets.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let dataset = match known {
        Some(dataset) => dataset,
        None => Dataset::table(&table, &host.cache()?, &mut host.watch())?,
    };
    session.datasets.lock().unwrap_or_else(PoisonError::into_inner).insert(key, dataset.clone());
    session.state().opened.push(dataset.clone());
    Ok(Dynamic::from(dataset))
}

pub fn handles() -> Vec<Handle> {
    const DATASET: &[Property<Dataset>] = &[
        Property {
            name: "name",
            kind: Kind::Text,
            doc: "the file's name without its folder, or `generated trips`",
            get: |dataset| dataset.name().to_owned().into(),
        },
        Property {
            name: "columns",
            kind: Kind::Text,
            doc: "zero-based positions of time, key and value in a row, as in `1,7,16`; empty where none are named",
            get: |dataset| dataset.columns().map(|columns| columns.to_string()).unwrap_or_default().into(),
        },
    ];
    vec![Handle::of("dataset", "Rows to replay, in the order of their event times.", DATASET, Dataset::describe)]
}
