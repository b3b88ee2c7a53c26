//! `flink::submit`

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, Engine, FuncRegistration, Map, Module, NativeCallContext};

use crate::error::{Error, Result};
use crate::flink::Given;
use crate::run::{Job, Submission, Topic};
use crate::script::errors::{Failure, result_at};
use crate::script::session::{Place, Session};
use crate::script::units::{Duration, kind_name};
use crate::script::value::OptionsMap;

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let submit = move |context: NativeCallContext, job: &str, options: Map| -> std::result::Result<Job, Failure> {
        result_at(&context, submit(&own, job, options))
    };
    FuncRegistration::new("submit").with_volatility(true).set_into_module(module, submit);
}

fn submit(session: &Session, job: &str, options: Map) -> Result<Job> {
    let mut options = OptionsMap::new("flink::submit", options);
    let interval_s = options.seconds("interval")?;
    let parallelism = options.count("parallelism")?;
    let args = options.map("args")?.unwrap_or_default();
    let config = options.map("config")?.unwrap_or_default();
    options.finish()?;
    if interval_s.is_some_and(|interval| interval < 0.001) {
        return Err(Error::script("flink::submit: `interval` must be at least 1.ms"));
    }
    let args: BTreeMap<String, Given> =
        args.into_iter().map(|(name, value)| Ok((name.to_string(), given(&name, &value)?))).collect::<Result<_>>()?;
    let config = config.into_iter().map(|(name, value)| (name.to_string(), config_text(&value))).collect();
    let columns = match session.state().opened.as_slice() {
        [one] => Some(one.columns().to_string()),
        _ => None,
    };
    let submission = Submission { job: job.to_owned(), interval_s, parallelism, args, config, columns };
    match session.trial("flink::submit")? {
        Place::Rehearsal => {
            let package = crate::run::JobPackage::find(job, &session.search())?;
            let arguments = package.arguments(&submission)?;
            let topic = arguments.get(&package.spec.source.topic).cloned();
            session.rehearse(|declared| declared.job = topic.or(Some(String::new())));
            Ok(Job::rehearsed(job, interval_s, arguments))
        }
        Place::Trial(trial) => trial.submit(&submission),
    }
}

fn given(name: &str, value: &Dynamic) -> Result<Given> {
    if let Some(topic) = value.clone().try_cast::<Topic>() {
        return Ok(Given::Text(topic.name));
    }
    if let Some(duration) = value.clone().try_cast::<Duration>() {
        return Ok(Given::Seconds(duration.seconds));
    }
    if let Ok(number) = value.as_int() {
        return Ok(Given::Int(number));
    }
    value.clone().into_string().map(Given::Text).map_err(|_| {
        Error::script(format!("flink::submit: the argument `{name}` cannot be {}", kind_name(value)))
            .hint("arguments are strings, whole numbers, durations and topics")
    })
}

fn config_text(value: &Dynamic) -> String {
    match value.clone().try_cast::<Duration>() {
        Some(duration) => format!("{} ms", (duration.seconds * 1e3).round()),
        None => value.to_string(),
    }
}

pub fn register_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Job>("job")
        .register_get("id", |job: &mut Job| job.id.clone())
        .register_get("name", |job: &mut Job| job.name.clone())
        .register_get("parallelism", |job: &mut Job| i64::from(job.parallelism))
        .register_fn("to_string", |job: &mut Job| format!("{} ({})", job.name, job.id));
}
