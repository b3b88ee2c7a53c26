//! `flink::…`: what a script waits for, asks for and looks at.

use std::time::Duration;

use rhai::{Dynamic, Map};

use super::JOB;
use crate::error::Error;
use crate::flink;
use crate::record::Checkpoint;
use crate::run::Job;
use crate::script::declare::{Argument, Belongs, Call, Effect, Kind, Opt, Options, Outcome, Primitive};
use crate::script::session::Place;

const THE_JOB: Argument = Argument::required("job", JOB, "the job");
const STATE: Kind = Kind::Word(|| flink::AWAITED.to_vec());
const OVER: Kind = Kind::Word(|| vec!["sum", "min", "max", "mean", "each"]);
const WAIT_S: f64 = 120.0;
const LAST: u32 = 10;

pub const WAIT: Primitive = Primitive {
    module: "flink",
    name: "wait",
    doc: "Waits until a job is in a state.\n\n`\"RUNNING\"` means that all its tasks run, which the job's own state \
        tells seconds too early. It fails as soon as the job has ended in another state, and when the time is over.",
    arguments: &[THE_JOB],
    options: Some(Options {
        known: &[
            Opt::new("state", STATE, "\"RUNNING\"", "the state that is waited for"),
            Opt::new("timeout", Kind::Duration, "2.min", "how long at most"),
        ],
        others: "",
    }),
    returns: Kind::Nothing,
    effect: Effect::Waits,
    belongs: Belongs::Body,
    example: r#"flink::wait(job, #{ state: "RUNNING", timeout: 60.s });"#,
    run: wait,
};

pub const CANCEL: Primitive = Primitive {
    module: "flink",
    name: "cancel",
    doc: "Cancels a job and waits for its end.\n\nOf one that has ended already nothing happens. A trial whose job is \
        cancelled while it is measured has failed.",
    arguments: &[THE_JOB],
    options: None,
    returns: Kind::Nothing,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: r#"let first = flink::submit("nyc-window", #{ args: #{ topic: topic } });
flink::cancel(first);
let job = flink::submit("nyc-window", #{ interval: 2.s, args: #{ topic: topic } });"#,
    run: cancel,
};

pub const SAVEPOINT: Primitive = Primitive {
    module: "flink",
    name: "savepoint",
    doc: "Takes a savepoint, and returns where it lies when it is complete.\n\nThe path is what `from` of \
        `flink::submit` takes. With `stop` the job ends with it, and may be submitted anew, for example with another \
        interval, which cannot be changed while a job runs.",
    arguments: &[THE_JOB],
    options: Some(Options {
        known: &[
            Opt::new("stop", Kind::Bool, "false", "end the job with the savepoint"),
            Opt::new("timeout", Kind::Duration, "2.min", "how long it may take"),
        ],
        others: "",
    }),
    returns: Kind::Text,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: r#"let first = flink::submit("nyc-window", #{ interval: 10.s, args: #{ topic: topic } });
let path = flink::savepoint(first, #{ stop: true });
let job = flink::submit("nyc-window", #{ interval: 2.s, from: path, args: #{ topic: topic } });"#,
    run: savepoint,
};

pub const RESTART: Primitive = Primitive {
    module: "flink",
    name: "restart",
    doc: "Moves a job to another checkpoint interval, and returns it as it goes on.\n\nThe job is stopped with a savepoint and \
        submitted again from it, the same program with the same arguments, in the middle of the measured phase too: samplers, \
        results, faults and the clock of the schedule go on. It returns when all tasks run. The handle from before means the \
        same job wherever a primitive takes it, but shows what it was; in Flink the job has a new id.\n\nNothing is read from \
        the request to stop until the first record after it: that counts against throughput and U, and is no fault. Until the \
        job has caught up, no missing sample and no failed checkpoint is held against the trial. T, c and U are told by \
        stretch: `analysis::stretches`.\n\nWhile the job recovers it waits until it runs. Where the savepoint fails, or the \
        job does not start again, it goes on with the interval from before, and this is an error; where it cannot even do \
        that, the trial fails. When the measured phase ends meanwhile, it is brought to its end first.",
    arguments: &[THE_JOB],
    options: Some(Options {
        known: &[
            Opt::required("interval", Kind::Duration, "the new checkpoint interval, at least 1 ms"),
            Opt::new("timeout", Kind::Duration, "2.min", "how long a recovery under way and the savepoint may take"),
        ],
        others: "",
    }),
    returns: JOB,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: r#"run::during(|t| {
    sleep(10.s);
    let moved = flink::restart(job, #{ interval: 5.s });
    note(`at ${moved.interval} after ${moved.restart}`);
});"#,
    run: restart,
};

pub const OVERVIEW: Primitive = Primitive {
    module: "flink",
    name: "overview",
    doc: "What the JobManager says of itself, as a map.\n\nIts keys are `version`, `taskmanagers`, `slots`, `slots_free` \
        and `jobs_running`.",
    arguments: &[],
    options: None,
    returns: Kind::Map,
    effect: Effect::Reads,
    belongs: Belongs::Body,
    example: "print(`${flink::overview().slots_free} slots are free`);",
    run: overview,
};

pub const CHECKPOINTS: Primitive = Primitive {
    module: "flink",
    name: "checkpoints",
    doc: "The newest checkpoints of a job, oldest first, each a map.\n\nThe keys are the columns of checkpoints.csv: `id`, \
        `kind` (`\"periodic\"`, `\"manual\"`, `\"savepoint\"`), `status` (`\"completed\"`, `\"failed\"`, \
        `\"in_progress\"`), `trigger_ms` and `ack_ms` since the trial began, `duration_ms`, `sync_ms`, `async_ms`, \
        `align_ms`, `start_delay_ms`, `size_bytes`, `incremental_bytes`. What Flink does not tell is `()`. On sim they \
        are known from when the trial is sampled.",
    arguments: &[THE_JOB],
    options: Some(Options {
        known: &[Opt::new("last", Kind::Count, "10", "how many at most; each costs Flink a request for each vertex")],
        others: "",
    }),
    returns: Kind::List(&Kind::Map),
    effect: Effect::Reads,
    belongs: Belongs::Body,
    example: "for checkpoint in flink::checkpoints(job, #{ last: 3 }) {\n    print(`${checkpoint.id}: ${checkpoint.duration_ms} ms`);\n}",
    run: checkpoints,
};

pub const METRIC: Primitive = Primitive {
    module: "flink",
    name: "metric",
    doc: "A metric of one vertex of a job, over its subtasks.\n\nThe name is the vertex's own (`numRecordsOut`) or that of \
        one of its operators, with or without the operator before it (`pendingRecords`, \
        `Source__trips.pendingRecords`). The value is as old as Flink's last fetch, 250 ms or more, and stands still for \
        seconds after a TaskManager is lost. Meters such as `numRecordsOutPerSecond` are means over the last minute: \
        take the difference of counters. On sim there are none.",
    arguments: &[THE_JOB, Argument::required("name", Kind::Text, "the metric")],
    options: Some(Options {
        known: &[
            Opt::new("vertex", Kind::Text, "the source", "a part of the vertex's name that no other has"),
            Opt::new("over", OVER, "\"sum\"", "what is made of the subtasks' values; `\"each\"` gives them as a list"),
        ],
        others: "",
    }),
    returns: Kind::Either(&[Kind::Number, Kind::List(&Kind::Number)]),
    effect: Effect::Reads,
    belongs: Belongs::Body,
    example: r#"fault::every(25.s, 3, |i| {
    print(`${flink::metric(job, "numRecordsOut")} records before fault ${i}`);
    fault::kill(cluster::pick("taskmanager", i));
});"#,
    run: metric,
};

fn wait(call: &Call<'_>) -> Outcome {
    let job = call.handle::<Job>("job")?;
    let state = call.text("state").unwrap_or_else(|| "RUNNING".to_owned());
    let within_s = call.duration_s("timeout")?.unwrap_or(WAIT_S);
    if let Place::Trial(trial) = call.session.trial(&call.name())? {
        trial.wait_for(&job, &state, within_s)?;
    }
    Ok(Dynamic::UNIT)
}

fn cancel(call: &Call<'_>) -> Outcome {
    let job = call.handle::<Job>("job")?;
    if let Place::Trial(trial) = call.session.trial(&call.name())? {
        trial.cancel(&job)?;
    }
    Ok(Dynamic::UNIT)
}

fn savepoint(call: &Call<'_>) -> Outcome {
    let job = call.handle::<Job>("job")?;
    let stop = call.flag("stop").unwrap_or(false);
    let within_s = call.duration_s("timeout")?.unwrap_or(WAIT_S);
    Ok(match call.session.trial(&call.name())? {
        Place::Rehearsal => "file:///savepoint-of-a-rehearsal".into(),
        Place::Trial(trial) => trial.savepoint(&job, stop, within_s)?.into(),
    })
}

fn restart(call: &Call<'_>) -> Outcome {
    let mut job = call.handle::<Job>("job")?;
    let interval_s = call.required("interval", call.duration_s("interval")?)?;
    if interval_s < 0.001 {
        return Err(Error::script("flink::restart: `interval` must be at least 1.ms").into());
    }
    let within_s = call.duration_s("timeout")?.unwrap_or(WAIT_S);
    let moved = match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            (job.interval_s, job.restart_s) = (Some(interval_s), Some(0.0));
            job
        }
        Place::Trial(trial) => trial.restart(&job, interval_s, Duration::from_secs_f64(within_s))?,
    };
    Ok(Dynamic::from(moved))
}

fn overview(call: &Call<'_>) -> Outcome {
    let (version, numbers) = match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            let needs = call.session.state().needs.clone();
            let slots = needs.taskmanagers * needs.slots;
            // As if a job ran: a rehearsal waits for nothing.
            (needs.flink, [needs.taskmanagers, slots, slots, 1])
        }
        Place::Trial(trial) => {
            let seen = trial.overview()?;
            (seen.flink_version, [seen.taskmanagers, seen.slots_total, seen.slots_available, seen.jobs_running])
        }
    };
    let mut map = Map::from([("version".into(), version.into())]);
    let names = ["taskmanagers", "slots", "slots_free", "jobs_running"];
    map.extend(names.into_iter().zip(numbers).map(|(name, number)| (name.into(), Dynamic::from_int(number.into()))));
    Ok(map.into())
}

fn checkpoints(call: &Call<'_>) -> Outcome {
    let job = call.handle::<Job>("job")?;
    let last = call.count("last")?.unwrap_or(LAST) as usize;
    let rows: Vec<Dynamic> = match call.session.trial(&call.name())? {
        Place::Rehearsal => vec![row(&stand_in(), 0.0, Some(0.0)).into()],
        Place::Trial(trial) => trial
            .checkpoints(&job, last)?
            .iter()
            .map(|one| {
                let ack_ms = one.ack_epoch_ms.map(|at| trial.since_start_ms(at));
                row(one, trial.since_start_ms(one.trigger_epoch_ms), ack_ms).into()
            })
            .collect(),
    };
    Ok(rows.into())
}

fn stand_in() -> Checkpoint {
    Checkpoint {
        id: 1,
        trigger: "periodic".into(),
        status: "completed".into(),
        trigger_epoch_ms: 0.0,
        ack_epoch_ms: Some(0.0),
        duration_ms: Some(0.0),
        sync_ms: Some(0.0),
        async_ms: Some(0.0),
        align_ms: Some(0.0),
        start_delay_ms: Some(0.0),
        size_bytes: Some(0),
        incremental_bytes: Some(0),
    }
}

fn row(checkpoint: &Checkpoint, trigger_ms: f64, ack_ms: Option<f64>) -> Map {
    let number = |value: Option<f64>| value.map_or(Dynamic::UNIT, Dynamic::from_float);
    let whole =
        |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok()).map_or(Dynamic::UNIT, Dynamic::from_int);
    Map::from([
        ("id".into(), whole(Some(checkpoint.id))),
        ("kind".into(), checkpoint.trigger.clone().into()),
        ("status".into(), checkpoint.status.clone().into()),
        ("trigger_ms".into(), number(Some(trigger_ms))),
        ("ack_ms".into(), number(ack_ms)),
        ("duration_ms".into(), number(checkpoint.duration_ms)),
        ("sync_ms".into(), number(checkpoint.sync_ms)),
        ("async_ms".into(), number(checkpoint.async_ms)),
        ("align_ms".into(), number(checkpoint.align_ms)),
        ("start_delay_ms".into(), number(checkpoint.start_delay_ms)),
        ("size_bytes".into(), whole(checkpoint.size_bytes)),
        ("incremental_bytes".into(), whole(checkpoint.incremental_bytes)),
    ])
}

fn metric(call: &Call<'_>) -> Outcome {
    let job = call.handle::<Job>("job")?;
    let name = call.required("name", call.text("name"))?;
    let values = match call.session.trial(&call.name())? {
        Place::Rehearsal => vec![0.0],
        Place::Trial(trial) => trial.metric(&job, &name, call.text("vertex").as_deref())?,
    };
    let count = values.len() as f64;
    let over = call.text("over").unwrap_or_default();
    Ok(match over.as_str() {
        "each" => values.into_iter().map(Dynamic::from_float).collect::<Vec<_>>().into(),
        "min" => values.into_iter().fold(f64::INFINITY, f64::min).into(),
        "max" => values.into_iter().fold(f64::NEG_INFINITY, f64::max).into(),
        "mean" => (values.into_iter().sum::<f64>() / count).into(),
        _ => values.into_iter().sum::<f64>().into(),
    })
}
