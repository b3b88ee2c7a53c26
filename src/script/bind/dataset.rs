//! `dataset::…`: rows to replay.

use std::sync::PoisonError;

use rhai::Dynamic;

use crate::dataset::{self, Bounds, Dataset, Request};
use crate::error::Result;
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::params::PAPER;
use crate::script::session::Session;

pub const PRIMITIVES: &[Primitive] = &[Primitive {
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
}];

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
            doc: "zero-based positions of pickup time, zone and amount in a row, as in `1,7,16`",
            get: |dataset| dataset.columns().to_string().into(),
        },
    ];
    vec![Handle::of("dataset", "Rows to replay, in the order of their event times.", DATASET, Dataset::describe)]
}
