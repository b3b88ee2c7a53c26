//! `flink::…`: jobs.

use std::collections::BTreeMap;

use rhai::Dynamic;

use crate::error::{Error, Result};
use crate::flink::Given;
use crate::run::{Job, Submission, Topic};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::session::Place;
use crate::script::units::{Duration, kind_name};

pub const PRIMITIVES: &[Primitive] = &[Primitive {
    module: "flink",
    name: "submit",
    doc: "Submits a job, and returns it when all its tasks run.\n\n`job` is the name of a folder with a \
            `job.toml` under `jobs/`: beside the script, above it, in the current directory, or one that comes \
            with cprun, such as `nyc-window`. Its sources are built with Maven once and kept in the \
            cache.\n\n`args` are the job's own, as its `job.toml` lists them (`cprun doc nyc-window`): strings, whole numbers, durations, \
            and topics. Of a missing or misspelt one the rehearsal tells before anything starts. A trial has one \
            job; it fails if not all tasks run within two minutes.",
    arguments: &[Argument::required("job", Kind::Text, "the job's name under `jobs/`, as in `\"nyc-window\"`")],
    options: Some(Options {
        known: &[
            Opt::new("interval", Kind::Duration, "", "checkpoint interval, at least 1 ms; without it no checkpoints"),
            Opt::new("parallelism", Kind::Count, "all slots, at most 8", "parallelism of all operators"),
            Opt::new(
                "args",
                Kind::Map,
                "#{}",
                "arguments of the job, as its `job.toml` lists them; strings, whole numbers, durations, topics",
            ),
            Opt::new(
                "config",
                Kind::Map,
                "#{}",
                "entries of Flink's configuration for this job; keys in quotes, a duration becomes milliseconds",
            ),
        ],
        others: "",
    }),
    returns: Kind::Handle("job"),
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: r#"let job = flink::submit("nyc-window", #{ interval: 10.s, args: #{ topic: topic } });"#,
    run: submit,
}];

fn submit(call: &Call<'_>) -> Outcome {
    let session = call.session;
    let job = call.required("job", call.text("job"))?;
    let interval_s = call.duration_s("interval")?;
    if interval_s.is_some_and(|interval| interval < 0.001) {
        return Err(Error::script("flink::submit: `interval` must be at least 1.ms").into());
    }
    let args = call.map("args").unwrap_or_default();
    let args: BTreeMap<String, Given> =
        args.into_iter().map(|(name, value)| Ok((name.to_string(), given(&name, &value)?))).collect::<Result<_>>()?;
    let config = call.map("config").unwrap_or_default();
    let config = config.into_iter().map(|(name, value)| (name.to_string(), config_text(&value))).collect();
    let columns = match session.state().opened.as_slice() {
        [one] => Some(one.columns().to_string()),
        _ => None,
    };
    let parallelism = call.count("parallelism")?;
    let submission = Submission { job, interval_s, parallelism, args, config, columns };
    let job = match session.trial(&call.name())? {
        Place::Rehearsal => {
            let package = crate::run::JobPackage::find(&submission.job, &session.search())?;
            let arguments = package.arguments(&submission)?;
            let topic = arguments.get(&package.spec.source.topic).cloned();
            session.rehearse(|declared| declared.job = topic.or(Some(String::new())));
            Job::rehearsed(&submission.job, interval_s, arguments)
        }
        Place::Trial(trial) => trial.submit(&submission)?,
    };
    Ok(Dynamic::from(job))
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

pub fn handles() -> Vec<Handle> {
    const JOB: &[Property<Job>] = &[
        Property { name: "id", kind: Kind::Text, doc: "its id in Flink", get: |job| job.id.clone().into() },
        Property { name: "name", kind: Kind::Text, doc: "its name under `jobs/`", get: |job| job.name.clone().into() },
        Property {
            name: "parallelism",
            kind: Kind::Count,
            doc: "with how many subtasks each operator runs",
            get: |job| Dynamic::from_int(job.parallelism.into()),
        },
    ];
    vec![Handle::of("job", "A job that runs in Flink.", JOB, |job| format!("{} ({})", job.name, job.id))]
}
