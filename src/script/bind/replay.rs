//! `replay::…`: sending a data set into a topic.

use rhai::Dynamic;

use crate::dataset::Dataset;
use crate::replay::Pacing;
use crate::run::{ReplayPlan, Topic};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::session::Place;

/// A replay that will start when the body has returned.
#[derive(Clone, Debug)]
struct Feed {
    topic: String,
    speed: f64,
}

const BURST: &str = "burst";
/// Seconds that `replay::wait` waits at most.
const WAIT_S: f64 = 3600.0;
const PACING: Kind = Kind::Word(|| vec!["schedule", BURST]);

pub const PRIMITIVES: &[Primitive] = &[START, STOP, WAIT];

const START: Primitive = Primitive {
    module: "replay",
    name: "start",
    doc: "Declares that a data set is sent into a topic, and returns at once.\n\nSending begins when the body \
            has returned. It is open loop: a row is due at the start plus its event time divided by `speed`, \
            whatever Kafka or the job do. It ends with the measured phase, or with the data, which ends that \
            phase.\n\nA trial has one replay, and its topic must be the one that the job reads.",
    arguments: &[
        Argument::required("dataset", Kind::Handle("dataset"), "the rows"),
        Argument::required("topic", Kind::Handle("topic"), "where they go"),
    ],
    options: Some(Options {
        known: &[
            Opt::new("speed", Kind::Number, "1.0", "seconds of the data set in one second, more than 0"),
            Opt::new(
                "pacing",
                PACING,
                "\"schedule\"",
                "`\"schedule\"`: each row when it is due; `\"burst\"`: a second's rows at once, then a second of sleep",
            ),
        ],
        others: "",
    }),
    returns: Kind::Handle("replay"),
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: "let feed = replay::start(trips, topic, #{ speed: 7200.0 });",
    run: start,
};

const FEED: Argument = Argument::required("feed", Kind::Handle("replay"), "the replay");

const STOP: Primitive = Primitive {
    module: "replay",
    name: "stop",
    doc: "Ends a replay before its data set does.\n\nThe measured phase of the trial ends with it, and what was sent counts. \
        At the prompt it ends at once, with the flush records that let the last windows come.",
    arguments: &[FEED],
    options: None,
    returns: Kind::Nothing,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: "fault::every(25.s, 3, |i| {\n    fault::kill(cluster::pick(\"taskmanager\", i));\n    if kafka::lag(job) > 1_000_000 { replay::stop(feed); }\n});",
    run: stop,
};

const WAIT: Primitive = Primitive {
    module: "replay",
    name: "wait",
    doc: "Waits until every row was sent, or the replay was stopped.\n\nIn a trial a replay begins when the body has \
        returned, so that this is for what acts while it is measured, and for the prompt. It fails when the time is over.",
    arguments: &[FEED],
    options: Some(Options { known: &[Opt::new("timeout", Kind::Duration, "1.h", "how long at most")], others: "" }),
    returns: Kind::Nothing,
    effect: Effect::Waits,
    belongs: Belongs::Body,
    example: "fault::at([5.s], |i| {\n    fault::kill(cluster::pick(\"taskmanager\", i));\n    replay::wait(feed, #{ timeout: 2.h });\n});",
    run: wait,
};

fn start(call: &Call<'_>) -> Outcome {
    let dataset = call.handle::<Dataset>("dataset")?;
    let topic = call.handle::<Topic>("topic")?;
    let speed = call.number("speed").unwrap_or(1.0);
    let pacing = if call.text("pacing").as_deref() == Some(BURST) { Pacing::Burst } else { Pacing::Schedule };
    let feed = Feed { topic: topic.name.clone(), speed };
    let plan = ReplayPlan { dataset, topic, speed, pacing };
    plan.check()?;
    match call.session.trial(&call.name())? {
        Place::Rehearsal => call.session.rehearse(|declared| {
            declared.replay = Some(plan.topic.name.clone());
            declared.data_s = Some(plan.lasts_s());
        }),
        Place::Trial(trial) => trial.declare_replay(plan)?,
    }
    Ok(Dynamic::from(feed))
}

fn stop(call: &Call<'_>) -> Outcome {
    drop(call.handle::<Feed>("feed")?);
    if let Place::Trial(trial) = call.session.trial(&call.name())? {
        trial.stop_replay()?;
    }
    Ok(Dynamic::UNIT)
}

fn wait(call: &Call<'_>) -> Outcome {
    drop(call.handle::<Feed>("feed")?);
    let within_s = call.duration_s("timeout")?.unwrap_or(WAIT_S);
    if let Place::Trial(trial) = call.session.trial(&call.name())? {
        trial.wait_for_replay(within_s)?;
    }
    Ok(Dynamic::UNIT)
}

pub fn handles() -> Vec<Handle> {
    const PROPERTIES: &[Property<Feed>] = &[
        Property {
            name: "topic",
            kind: Kind::Text,
            doc: "full name of the topic that it fills",
            get: |feed| feed.topic.clone().into(),
        },
        Property {
            name: "speed",
            kind: Kind::Number,
            doc: "seconds of the data set in one second",
            get: |feed| feed.speed.into(),
        },
    ];
    vec![Handle::of("replay", "A data set on its way into a topic.", PROPERTIES, |feed| {
        format!("replay into {} at {} times", feed.topic, feed.speed)
    })]
}
