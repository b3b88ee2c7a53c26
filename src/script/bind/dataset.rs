//! `dataset::nyc`

use std::sync::{Arc, PoisonError};

use rhai::{Array, Engine, FuncRegistration, Map, Module, NativeCallContext};

use crate::dataset::{self, Bounds, Dataset, Request};
use crate::error::{Error, Result};
use crate::script::errors::{Failure, result_at};
use crate::script::params::PAPER;
use crate::script::session::Session;
use crate::script::value::{OptionsMap, text};

type Outcome = std::result::Result<Dataset, Failure>;

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let one = move |context: NativeCallContext, file: &str| -> Outcome {
        result_at(&context, nyc(&own, vec![file.to_owned()], Map::new()))
    };
    FuncRegistration::new("nyc").with_volatility(true).set_into_module(module, one);
    let own = Arc::clone(session);
    let one_with = move |context: NativeCallContext, file: &str, options: Map| -> Outcome {
        result_at(&context, nyc(&own, vec![file.to_owned()], options))
    };
    FuncRegistration::new("nyc").with_volatility(true).set_into_module(module, one_with);
    let own = Arc::clone(session);
    let several = move |context: NativeCallContext, files: Array| -> Outcome {
        result_at(&context, texts(&files).and_then(|files| nyc(&own, files, Map::new())))
    };
    FuncRegistration::new("nyc").with_volatility(true).set_into_module(module, several);
    let own = Arc::clone(session);
    let several_with = move |context: NativeCallContext, files: Array, options: Map| -> Outcome {
        result_at(&context, texts(&files).and_then(|files| nyc(&own, files, options)))
    };
    FuncRegistration::new("nyc").with_volatility(true).set_into_module(module, several_with);
}

fn texts(files: &Array) -> Result<Vec<String>> {
    let name = |file: &rhai::Dynamic| {
        let wrong = |_| Error::script(format!("dataset::nyc wants names of files, not {}", text(file)));
        file.clone().into_string().map_err(wrong)
    };
    files.iter().map(name).collect()
}

fn nyc(session: &Session, files: Vec<String>, options: Map) -> Result<Dataset> {
    let mut options = OptionsMap::new("dataset::nyc", options);
    let (from, to) = (options.text("from")?, options.text("to")?);
    options.finish()?;
    let study = session.profile() == PAPER;
    let key = format!("{files:?} {from:?} {to:?} {study}");
    let known = session.datasets.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let dataset = match known {
        Some(dataset) => dataset,
        None => read(session, &files, from.as_deref(), to.as_deref(), study)?,
    };
    session.datasets.lock().unwrap_or_else(PoisonError::into_inner).insert(key, dataset.clone());
    session.state().opened.push(dataset.clone());
    Ok(dataset)
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

pub fn register_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Dataset>("dataset")
        .register_get("name", |dataset: &mut Dataset| dataset.name().to_owned())
        .register_get("columns", |dataset: &mut Dataset| dataset.columns().to_string())
        .register_fn("to_string", |dataset: &mut Dataset| dataset.describe());
}
