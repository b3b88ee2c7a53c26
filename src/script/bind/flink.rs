//! `flink::…`: jobs.

use std::collections::BTreeMap;

use rhai::Dynamic;

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::flink::Given;
use crate::run::job::{Origin, Program};
use crate::run::{Job, Submission, Topic};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::session::Place;
use crate::script::units::{Duration, kind_name};
use crate::secret::Secret;

mod inquiry;

pub const PRIMITIVES: &[Primitive] = &[
    SUBMIT,
    ATTACH,
    inquiry::WAIT,
    inquiry::CANCEL,
    inquiry::SAVEPOINT,
    inquiry::RESTART,
    inquiry::OVERVIEW,
    inquiry::CHECKPOINTS,
    inquiry::METRIC,
];

const JOB: Kind = Kind::Handle("job");

const SUBMIT: Primitive = Primitive {
    module: "flink",
    name: "submit",
    doc: "Submits a job, and returns it when all its tasks run.\n\n`job` is the name of a folder with a `job.toml` \
        under `jobs/`: beside the script, above it, in the current directory, or one that comes with cprun, such as \
        `nyc-window`. Its sources are built with Maven once and kept in the cache. Its arguments are those of its `job.toml` (`cprun doc nyc-window`); of a missing or misspelt one the \
         rehearsal tells before anything starts. Or it is the path of a jar of your \
        own, from the script's folder on.\n\nOf a jar nothing is known but what Flink tells: its sources and sinks are \
        its own, it needs no replay, and a trial of it has no windows. What it does offer: checkpoints, restarts and \
        their phases, and R between two samples of its source's counter; with cprun's probe in it, all of them as \
        exactly as of cprun's own jobs.\n\nA trial has one job, but one that was stopped with a savepoint may be \
        submitted anew. It fails if not all tasks run within two minutes.",
    arguments: &[Argument::required(
        "job",
        Kind::Text,
        "a name under `jobs/` such as `\"nyc-window\"`, or the path of a jar",
    )],
    options: Some(Options {
        known: &[
            Opt::new("interval", Kind::Duration, "", "checkpoint interval, at least 1 ms; without it no checkpoints"),
            Opt::new("parallelism", Kind::Count, "all slots, at most 8", "parallelism of all operators"),
            Opt::new(
                "args",
                Kind::Either(&[Kind::Map, Kind::List(&Kind::Text)]),
                "#{}",
                "arguments by name: of a job those in its `job.toml`; a jar gets each as `--name value`, or a list of strings as it is. A duration becomes milliseconds, a topic its name, a secret its value",
            ),
            Opt::new(
                "config",
                Kind::Map,
                "#{}",
                "entries of Flink's configuration for this job; keys in quotes, a duration becomes milliseconds. For what only JobManager and TaskManagers read (`heartbeat.timeout`, `taskmanager.…`, `state.backend.local-recovery`) they are started anew",
            ),
            Opt::new("class", Kind::Text, "as the manifest says", "entry class of a jar"),
            Opt::new(
                "saturate",
                Kind::Handle("dataset"),
                "",
                "rows that the job reads over and over by itself, as fast as it can, instead of a topic: the first million, with times that go on",
            ),
            Opt::new("from", Kind::Text, "", "where a savepoint or checkpoint lies that the job starts from"),
        ],
        others: "",
    }),
    returns: JOB,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: r#"let job = flink::submit("nyc-window", #{ interval: 10.s, args: #{ topic: topic } });"#,
    run: submit,
};

const ATTACH: Primitive = Primitive {
    module: "flink",
    name: "attach",
    doc: "Takes a job that runs already, and returns it when all its tasks run.\n\nIt is the trial's job \
        from then on, and known as little as a jar is. cprun does not end it with the trial: it runs as long as the cluster of the run. Faults hit the \
        TaskManagers that it runs on as any other's.",
    arguments: &[Argument::required("id", Kind::Text, "the job's id in Flink, 32 hexadecimal digits")],
    options: None,
    returns: JOB,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: r#"let job = flink::attach("7684be6004e4e955c2a558a9bc463f65");"#,
    run: attach,
};

fn submit(call: &Call<'_>) -> Outcome {
    let session = call.session;
    let job = call.required("job", call.text("job"))?;
    let interval_s = call.duration_s("interval")?;
    if interval_s.is_some_and(|interval| interval < 0.001) {
        return Err(Error::script("flink::submit: `interval` must be at least 1.ms").into());
    }
    let words = call.list("args").unwrap_or_default();
    let words = words.into_iter().filter_map(|word| word.into_string().ok()).collect();
    let args = call.map("args").unwrap_or_default();
    let args: BTreeMap<String, Given> =
        args.into_iter().map(|(name, value)| Ok((name.to_string(), given(&name, &value)?))).collect::<Result<_>>()?;
    let config = call.map("config").unwrap_or_default();
    let config: BTreeMap<String, String> =
        config.into_iter().map(|(name, value)| (name.to_string(), config_text(&value))).collect();
    crate::cluster::flink_role::check_settings(config.keys())?;
    let columns = match session.state().opened.as_slice() {
        [one] => one.columns().map(|columns| columns.to_string()),
        _ => None,
    };
    let parallelism = call.count("parallelism")?;
    let (class, from) = (call.text("class"), call.text("from"));
    let saturate = call.handle::<Dataset>("saturate").ok();
    let submission = Submission { job, class, interval_s, parallelism, args, words, from, config, columns, saturate };
    let job = match session.trial(&call.name())? {
        Place::Rehearsal => rehearsed(call, &submission)?,
        Place::Trial(trial) => trial.submit(&submission)?,
    };
    Ok(Dynamic::from(job))
}

fn rehearsed(call: &Call<'_>, submission: &Submission) -> Result<Job> {
    let session = call.session;
    let program = Program::find(submission, &session.search())?;
    if program.origin() == Origin::Jar && session.options.target.is_simulated() {
        return Err(
            Error::target("a jar cannot be simulated: what it does is not known").hint("run it on `--target local`")
        );
    }
    let arguments = program.arguments(submission)?;
    let reads = program.topic(&arguments).cloned();
    let saturated = submission.saturate.is_some();
    session.rehearse(|declared| (declared.job, declared.reads, declared.saturated) = (true, reads, saturated));
    Ok(Job::rehearsed(&program.name(), submission.interval_s, arguments))
}

fn attach(call: &Call<'_>) -> Outcome {
    let id = call.required("id", call.text("id"))?;
    if id.len() != 32 || !id.chars().all(|sign| sign.is_ascii_hexdigit()) {
        return Err(Error::script(format!("flink::attach: `{id}` is no id of a job"))
            .hint("Flink's web page and `flink list` show it: 32 hexadecimal digits")
            .into());
    }
    let job = match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            call.session.rehearse(|declared| (declared.job, declared.reads) = (true, None));
            Job::rehearsed(&id, None, BTreeMap::new())
        }
        Place::Trial(trial) => trial.attach(&id)?,
    };
    Ok(Dynamic::from(job))
}

fn given(name: &str, value: &Dynamic) -> Result<Given> {
    if let Some(topic) = value.clone().try_cast::<Topic>() {
        return Ok(Given::Text(topic.name));
    }
    if let Some(secret) = value.clone().try_cast::<Secret>() {
        return Ok(Given::Text(secret.reveal().to_owned()));
    }
    if let Some(duration) = value.clone().try_cast::<Duration>() {
        return Ok(Given::Seconds(duration.seconds));
    }
    if let Ok(number) = value.as_int() {
        return Ok(Given::Int(number));
    }
    if let Ok(number) = value.as_float() {
        return Ok(Given::Float(number));
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(Given::Bool(flag));
    }
    value.clone().into_string().map(Given::Text).map_err(|_| {
        Error::script(format!("flink::submit: the argument `{name}` cannot be {}", kind_name(value)))
            .hint("arguments are strings, numbers, true and false, durations, topics and secrets")
    })
}

/// Milliseconds without their unit: some of Flink's settings are plain numbers up to 1.19, and all take them.
fn config_text(value: &Dynamic) -> String {
    if let Some(secret) = value.clone().try_cast::<Secret>() {
        return secret.reveal().to_owned();
    }
    match value.clone().try_cast::<Duration>() {
        Some(duration) => format!("{}", (duration.seconds * 1e3).round()),
        None => value.to_string(),
    }
}

pub fn handles() -> Vec<Handle> {
    const JOB: &[Property<Job>] = &[
        Property { name: "id", kind: Kind::Text, doc: "its id in Flink", get: |job| job.id.clone().into() },
        Property {
            name: "name",
            kind: Kind::Text,
            doc: "its name under `jobs/`, of a jar that of the file, else as Flink has it",
            get: |job| job.name.clone().into(),
        },
        Property {
            name: "parallelism",
            kind: Kind::Count,
            doc: "with how many subtasks each operator runs",
            get: |job| Dynamic::from_int(job.parallelism.into()),
        },
        Property {
            name: "interval",
            kind: Kind::Either(&[Kind::Duration, Kind::Nothing]),
            doc: "its checkpoint interval; `()` where it takes no checkpoints by itself",
            get: |job| job.interval_s.map_or(Dynamic::UNIT, |seconds| Dynamic::from(Duration { seconds })),
        },
        Property {
            name: "restart",
            kind: Kind::Either(&[Kind::Duration, Kind::Nothing]),
            doc: "how long the `flink::restart` took that it came out of, from the request to stop until all its tasks ran; `()` where there was none",
            get: |job| job.restart_s.map_or(Dynamic::UNIT, |seconds| Dynamic::from(Duration { seconds })),
        },
        Property {
            name: "state",
            kind: Kind::Text,
            doc: "its state in Flink, not older than a moment: `\"RUNNING\"`, `\"RESTARTING\"`, …; the job's, not that of its tasks",
            get: |job| job.state.read().into(),
        },
    ];
    vec![Handle::of("job", "A job that runs in Flink.", JOB, |job| format!("{} ({})", job.name, job.id))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secrets;

    #[test]
    fn a_secret_goes_to_the_job_in_clear() {
        let secret = Secrets::default().keep("KEY", "s3cr3t-value").expect("long enough");
        let value = Dynamic::from(secret);
        assert_eq!(given("key", &value).ok(), Some(Given::Text("s3cr3t-value".into())));
        assert_eq!(config_text(&value), "s3cr3t-value");
    }
}
