//! `collect::…`: sampling.

use rhai::Dynamic;

use crate::cluster::flink_role::SAMPLING_STEP_MS;
use crate::error::Error;
use crate::run::Job;
use crate::script::declare::{Argument, Belongs, Call, Effect, Kind, Opt, Options, Outcome, Primitive};
use crate::script::session::Place;

pub const PRIMITIVES: &[Primitive] = &[START, STOP];

const START: Primitive = Primitive {
    module: "collect",
    name: "start",
    doc: "Declares that this trial is sampled, and returns at once.\n\nEvery body needs it. From the warm-up \
            to the end of the drain the journal gets what the job's probe, Flink, the broker, the replay and the \
            processes of all instances show.",
    arguments: &[
        Argument::required("job", Kind::Handle("job"), "the job that is observed"),
        Argument::optional("feed", Kind::Handle("replay"), "the replay that feeds it, if one does"),
    ],
    options: Some(Options {
        known: &[Opt::new("every", Kind::Duration, "250.ms", "time between samples, not below 250 ms")],
        others: "",
    }),
    returns: Kind::Nothing,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: "collect::start(job, feed, #{ every: 500.ms });",
    run: start,
};

const STOP: Primitive = Primitive {
    module: "collect",
    name: "stop",
    doc: "Ends the samplers at the prompt.\n\nA trial is sampled to its end by itself, and there this is a mistake.",
    arguments: &[],
    options: None,
    returns: Kind::Nothing,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: "collect::stop();",
    run: stop,
};

fn start(call: &Call<'_>) -> Outcome {
    let job = call.handle::<Job>("job")?;
    let step_s = SAMPLING_STEP_MS as f64 / 1e3;
    let every_s = call.duration_s("every")?.unwrap_or(step_s);
    if every_s < step_s {
        return Err(Error::script(format!(
            "collect::start: `every` is {every_s} s, but Flink refreshes its metrics every {step_s} s"
        ))
        .hint("take 250.ms or more")
        .into());
    }
    match call.session.trial(&call.name())? {
        Place::Rehearsal => call.session.rehearse(|declared| declared.collect = true),
        Place::Trial(trial) => trial.declare_collect(&job, every_s)?,
    }
    Ok(Dynamic::UNIT)
}

fn stop(call: &Call<'_>) -> Outcome {
    if let Place::Trial(trial) = call.session.trial(&call.name())? {
        trial.stop_collecting()?;
    }
    Ok(Dynamic::UNIT)
}
