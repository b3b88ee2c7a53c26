//! `kafka::…`: topics and what they hold.

use rhai::Dynamic;

use crate::error::Error;
use crate::run::Topic;
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::session::Place;

const DEFAULT_PARTITIONS: u32 = 8;

pub const PRIMITIVES: &[Primitive] = &[Primitive {
    module: "kafka",
    name: "create_topic",
    doc: "Creates a topic of this trial and returns it.\n\nIts full name carries the run and the trial, so \
            that runs do not meet; it is deleted when the trial ends. Give it at least as many partitions as the \
            job has subtasks: a source subtask without one would hold back every window.",
    arguments: &[Argument::required("name", Kind::Text, "how its full name begins")],
    options: Some(Options {
        known: &[Opt::new("partitions", Kind::Count, "8", "number of partitions, 1 or more")],
        others: "",
    }),
    returns: Kind::Handle("topic"),
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: r#"let topic = kafka::create_topic("nyc-taxi-raw", #{ partitions: 8 });"#,
    run: create_topic,
}];

fn create_topic(call: &Call<'_>) -> Outcome {
    let name = call.required("name", call.text("name"))?;
    let partitions = call.count("partitions")?.unwrap_or(DEFAULT_PARTITIONS);
    if partitions == 0 {
        return Err(Error::script("kafka::create_topic: `partitions` is 0, but must be 1 or more").into());
    }
    let topic = match call.session.trial(&call.name())? {
        Place::Rehearsal => Topic { name, partitions },
        Place::Trial(trial) => trial.create_topic(&name, partitions)?,
    };
    Ok(Dynamic::from(topic))
}

pub fn handles() -> Vec<Handle> {
    const TOPIC: &[Property<Topic>] = &[
        Property { name: "name", kind: Kind::Text, doc: "its full name", get: |topic| topic.name.clone().into() },
        Property {
            name: "partitions",
            kind: Kind::Count,
            doc: "number of partitions",
            get: |topic| Dynamic::from_int(topic.partitions.into()),
        },
    ];
    vec![Handle::of("topic", "A topic of Kafka.", TOPIC, |topic| topic.name.clone())]
}
