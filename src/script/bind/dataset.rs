//! `dataset::nyc`

use std::sync::Arc;

use rhai::{Engine, FuncRegistration, Module, NativeCallContext};

use crate::dataset::Dataset;
use crate::error::Result;
use crate::script::errors::{Failure, result_at};
use crate::script::session::Session;

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let nyc = move |context: NativeCallContext, path: &str| -> std::result::Result<Dataset, Failure> {
        result_at(&context, nyc(&own, path))
    };
    FuncRegistration::new("nyc").with_volatility(true).set_into_module(module, nyc);
}

fn nyc(session: &Session, path: &str) -> Result<Dataset> {
    let known = session.datasets.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(path).cloned();
    let dataset = match known {
        Some(dataset) => dataset,
        None => read(session, path)?,
    };
    session.datasets.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path.to_owned(), dataset.clone());
    session.state().opened.push(dataset.clone());
    Ok(dataset)
}

fn read(session: &Session, path: &str) -> Result<Dataset> {
    if path.is_empty() {
        return Dataset::generate(session.options.seed, None);
    }
    session.host.progress.status("reading", path);
    let full = session.host.directory.join(path);
    Dataset::nyc_file(&full)
}

pub fn register_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Dataset>("dataset")
        .register_get("name", |dataset: &mut Dataset| dataset.name().to_owned())
        .register_get("columns", |dataset: &mut Dataset| dataset.columns().to_string())
        .register_fn("to_string", |dataset: &mut Dataset| dataset.describe());
}
