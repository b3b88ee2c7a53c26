//! `kafka::…`: topics and what they hold.

use rhai::Dynamic;

use crate::error::Error;
use crate::run::{Job, Topic};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::session::Place;

const DEFAULT_PARTITIONS: u32 = 8;

pub const PRIMITIVES: &[Primitive] = &[CREATE_TOPIC, OFFSETS, LAG, BOOTSTRAP];

const CREATE_TOPIC: Primitive = Primitive {
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
};

const TOPIC: Kind = Kind::Handle("topic");

const OFFSETS: Primitive = Primitive {
    module: "kafka",
    name: "offsets",
    doc: "The end offset of each partition of a topic.\n\nIt is the offset that the next record will have, in the order of \
        the partitions; what stands in a transaction that is still open counts.",
    arguments: &[Argument::required("topic", TOPIC, "the topic")],
    options: None,
    returns: Kind::List(&Kind::Int),
    effect: Effect::Reads,
    belongs: Belongs::Body,
    example: "print(`the topic holds ${kafka::offsets(topic).reduce(|sum, end| sum + end, 0)} records`);",
    run: offsets,
};

const LAG: Primitive = Primitive {
    module: "kafka",
    name: "lag",
    doc: "How many records a job's source is behind the end of its topic.\n\nThe end offsets less the newest position that \
        the source has shown: by cprun's probe, or by the metrics of a KafkaSource. Committed offsets are not used, they \
        move only at checkpoints. A position is as old as Flink's last fetch, 250 ms or more; it stands still while the \
        job recovers, and a partition of which none is known counts whole, so that the lag is never told too small by \
        more than that. Without `topic` it is the one that is replayed into, or that the source names.",
    arguments: &[
        Argument::required("job", Kind::Handle("job"), "the job"),
        Argument::optional("topic", TOPIC, "the topic that its source reads"),
    ],
    options: None,
    returns: Kind::Int,
    effect: Effect::Reads,
    belongs: Belongs::Body,
    example: r#"fault::every(25.s, 3, |i| {
    print(`fault ${i} comes at a lag of ${kafka::lag(job, topic)} records`);
    fault::kill(cluster::pick("taskmanager", i));
});"#,
    run: lag,
};

const BOOTSTRAP: Primitive = Primitive {
    module: "kafka",
    name: "bootstrap",
    doc: "Where jobs find the brokers, as `bootstrap.servers` wants it.\n\nJobs under `jobs/` get it by themselves; a jar \
        of your own is told in its `args`.",
    arguments: &[],
    options: None,
    returns: Kind::Text,
    effect: Effect::Reads,
    belongs: Belongs::Body,
    example: "print(`brokers at ${kafka::bootstrap()}`);",
    run: bootstrap,
};

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

fn offsets(call: &Call<'_>) -> Outcome {
    let topic = call.handle::<Topic>("topic")?;
    let ends = match call.session.trial(&call.name())? {
        Place::Rehearsal => vec![0; topic.partitions as usize],
        Place::Trial(trial) => trial.end_offsets(&topic)?,
    };
    Ok(ends.into_iter().map(Dynamic::from_int).collect::<Vec<_>>().into())
}

fn lag(call: &Call<'_>) -> Outcome {
    let job = call.handle::<Job>("job")?;
    let topic = call.value("topic").and_then(|topic| topic.clone().try_cast::<Topic>());
    Ok(Dynamic::from_int(match call.session.trial(&call.name())? {
        Place::Rehearsal => 0,
        Place::Trial(trial) => trial.lag(&job, topic.as_ref())?,
    }))
}

fn bootstrap(call: &Call<'_>) -> Outcome {
    Ok(match call.session.trial(&call.name())? {
        Place::Rehearsal => "127.0.0.1:9092".into(),
        Place::Trial(trial) => trial.bootstrap()?.into(),
    })
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
