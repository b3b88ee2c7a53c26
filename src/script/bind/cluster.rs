//! `cluster::…`: what the script needs of its target, and what the target is made of.

use rhai::{Array, Dynamic};

use crate::cluster::{Instance, Needs, Role, Scope, Storage};
use crate::error::{Error, Result};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::session::Place;

/// A machine of the target, as a script holds it.
#[derive(Clone, Debug)]
struct HostHandle {
    name: String,
}

const ROLE: Kind = Kind::Word(|| Role::ALL.map(Role::name).to_vec());
const STORAGE: Kind = Kind::Word(|| Storage::ALL.map(Storage::name).to_vec());
const SCOPE: Kind = Kind::Word(|| Scope::ALL.map(Scope::name).to_vec());
const INSTANCE: Kind = Kind::Handle("instance");
const INSTANCES: Kind = Kind::List(&INSTANCE);

pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        module: "cluster",
        name: "needs",
        doc: "States what the script needs of its target.\n\nThe local target provides just that; another one is \
            held against it. It comes before the first effect, and a second call adds to the first. What the \
            target lacks ends the script before anything starts, with exit code 69 and the arithmetic or the \
            remedy.",
        arguments: &[],
        options: Some(Options {
            known: &[
                Opt::new("flink", Kind::Text, "\"1.19.3\"", "version of Flink"),
                Opt::new("kafka", Kind::Text, "\"3.9.1\"", "version of Kafka"),
                Opt::new("taskmanagers", Kind::Count, "2", "number of TaskManagers, 1 or more"),
                Opt::new("slots", Kind::Count, "2", "slots of each TaskManager, 1 or more"),
                Opt::new("taskmanager_memory", Kind::Bytes, "1728.MiB", "process memory of each TaskManager"),
                Opt::new("jobmanager_memory", Kind::Bytes, "1024.MiB", "process memory of the JobManager"),
                Opt::new("kafka_memory", Kind::Bytes, "1024.MiB", "heap of Kafka"),
                Opt::new("storage", STORAGE, "\"file\"", "where checkpoints go: a folder, or a MinIO of the run's own"),
                Opt::new("rest_port", Kind::Count, "a free one", "port of Flink's REST API"),
                Opt::new("kafka_port", Kind::Count, "a free one", "port of Kafka"),
            ],
            others: "",
        }),
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Top,
        example: r#"cluster::needs(#{ taskmanagers: 2, slots: 2, taskmanager_memory: 1728.MiB, storage: "file" });"#,
        run: needs,
    },
    Primitive {
        module: "cluster",
        name: "pick",
        doc: "Picks a live instance of a role, by the run's seed.\n\nThe draw depends on the seed, the trial and \
            `number` alone. Of TaskManagers it takes one that runs tasks of the job: after a recovery a \
            restarted one has none, and a fault on it would hit nothing.\n\nReturns an instance, or a list of \
            them if `scope` is given. Where no instance of the role is alive the trial fails; in the closure of \
            `fault::every` only that fault does, and the trial goes on.",
        arguments: &[
            Argument::required("role", ROLE, "what the instance does"),
            Argument::required("number", Kind::Int, "which draw, as the `i` of `fault::every`"),
        ],
        options: Some(Options {
            known: &[Opt::new(
                "scope",
                SCOPE,
                "",
                "`\"instance\"`: a list of just the picked one; `\"host\"`: with it all of its role on its host",
            )],
            others: "",
        }),
        returns: Kind::Either(&[INSTANCE, INSTANCES]),
        effect: Effect::Reads,
        belongs: Belongs::Body,
        example: r#"fault::every(25.s, 3, |i| fault::kill(cluster::pick("taskmanager", i)));"#,
        run: pick,
    },
    Primitive {
        module: "cluster",
        name: "instances",
        doc: "Lists the instances of the target.\n\nAll of them, or those of a role, or those of a role on one \
            host. Dead ones are in the list too: ask `.alive`.",
        arguments: &[
            Argument::optional("role", ROLE, "only instances that do this"),
            Argument::optional("host", Kind::Handle("host"), "only instances on this host"),
        ],
        options: None,
        returns: INSTANCES,
        effect: Effect::Reads,
        belongs: Belongs::Body,
        example: r#"fault::every(25.s, 1, |i| fault::kill(cluster::instances("taskmanager")));"#,
        run: instances,
    },
    Primitive {
        module: "cluster",
        name: "host",
        doc: "Returns the host on which an instance runs.",
        arguments: &[Argument::required("instance", INSTANCE, "the instance")],
        options: None,
        returns: Kind::Handle("host"),
        effect: Effect::Pure,
        belongs: Belongs::Body,
        example: r#"
            fault::every(25.s, 1, |i| {
                let host = cluster::host(cluster::pick("taskmanager", i));
                fault::kill(cluster::instances("taskmanager", host));
            });
        "#,
        run: host,
    },
];

fn needs(call: &Call<'_>) -> Outcome {
    // A second call adds to the first.
    let default = call.session.state().needs.clone();
    let needs = Needs {
        flink: call.text("flink").unwrap_or(default.flink),
        kafka: call.text("kafka").unwrap_or(default.kafka),
        taskmanagers: call.count("taskmanagers")?.unwrap_or(default.taskmanagers),
        slots: call.count("slots")?.unwrap_or(default.slots),
        taskmanager_memory: call.bytes("taskmanager_memory").unwrap_or(default.taskmanager_memory),
        jobmanager_memory: call.bytes("jobmanager_memory").unwrap_or(default.jobmanager_memory),
        kafka_memory: call.bytes("kafka_memory").unwrap_or(default.kafka_memory),
        storage: call.text("storage").and_then(|name| Storage::parse(&name)).unwrap_or(default.storage),
        rest_port: port(call, "rest_port")?.or(default.rest_port),
        kafka_port: port(call, "kafka_port")?.or(default.kafka_port),
    };
    if needs.taskmanagers == 0 || needs.slots == 0 {
        return Err(Error::script("cluster::needs: `taskmanagers` and `slots` must be at least 1").into());
    }
    call.session.state().needs = needs;
    Ok(Dynamic::UNIT)
}

fn port(call: &Call<'_>, name: &str) -> Result<Option<u16>> {
    let fits = |number: i64| {
        u16::try_from(number).map_err(|_| Error::script(format!("{}: `{name}`: {number} is no port", call.name())))
    };
    call.int(name).map(fits).transpose()
}

fn role(call: &Call<'_>) -> Option<Role> {
    call.text("role").and_then(|name| Role::parse(&name))
}

fn pick(call: &Call<'_>) -> Outcome {
    let role = call.required("role", role(call))?;
    let number = call.required("number", call.int("number"))?;
    let place = call.session.trial(&call.name())?;
    let Some(scope) = call.text("scope").and_then(|name| Scope::parse(&name)) else {
        return Ok(Dynamic::from(match place {
            Place::Rehearsal => stand_in(role),
            Place::Trial(trial) => trial.pick(role, number)?,
        }));
    };
    let picked = match place {
        Place::Rehearsal => vec![stand_in(role)],
        Place::Trial(trial) => trial.pick_in(role, number, scope)?,
    };
    Ok(list(picked))
}

fn instances(call: &Call<'_>) -> Outcome {
    let role = role(call);
    let host = call.value("host").and_then(|value| value.clone().try_cast::<HostHandle>());
    let all = match call.session.trial(&call.name())? {
        Place::Rehearsal => vec![stand_in(role.unwrap_or(Role::TaskManager))],
        Place::Trial(trial) => trial.instances(),
    };
    let wanted = |instance: &Instance| {
        role.is_none_or(|role| role == instance.role) && host.as_ref().is_none_or(|host| host.name == instance.host)
    };
    Ok(list(all.into_iter().filter(wanted).collect()))
}

fn host(call: &Call<'_>) -> Outcome {
    Ok(Dynamic::from(HostHandle { name: call.handle::<Instance>("instance")?.host }))
}

fn list(instances: Vec<Instance>) -> Dynamic {
    Dynamic::from_array(instances.into_iter().map(Dynamic::from).collect::<Array>())
}

/// What a rehearsal hands out.
fn stand_in(role: Role) -> Instance {
    Instance { name: format!("{role}-1"), role, host: "local".into(), alive: true, registered_as: None }
}

pub fn handles() -> Vec<Handle> {
    const HOST: &[Property<HostHandle>] = &[Property {
        name: "name",
        kind: Kind::Text,
        doc: "its name; `local` is this machine",
        get: |host| host.name.clone().into(),
    }];
    const INSTANCE: &[Property<Instance>] = &[
        Property {
            name: "name",
            kind: Kind::Text,
            doc: "its name, as in `taskmanager-1`",
            get: |instance| instance.name.clone().into(),
        },
        Property { name: "role", kind: ROLE, doc: "what it does", get: |instance| instance.role.name().into() },
        Property {
            name: "host",
            kind: Kind::Text,
            doc: "name of the host on which it runs",
            get: |instance| instance.host.clone().into(),
        },
        Property {
            name: "alive",
            kind: Kind::Bool,
            doc: "whether its process ran when this value was taken",
            get: |instance| instance.alive.into(),
        },
    ];
    vec![
        Handle::of("instance", "One running role on one host.", INSTANCE, |instance| instance.name.clone()),
        Handle::of("host", "A machine of the target.", HOST, |host| host.name.clone()),
    ]
}
