//! `cluster::needs`, `cluster::pick`, `cluster::instances`, `cluster::host`

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, FuncRegistration, Map, Module, NativeCallContext};

use crate::cluster::{Instance, Needs, Role, Scope, Storage};
use crate::error::{Error, Result};
use crate::script::errors::{Failure, result_at};
use crate::script::session::{Place, Session};
use crate::script::value::{OptionsMap, unknown};

/// A machine of the target, as a script holds it.
#[derive(Clone, Debug)]
struct HostHandle {
    name: String,
}

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let needs = move |context: NativeCallContext, wanted: Map| -> std::result::Result<(), Failure> {
        result_at(&context, needs(&own, wanted))
    };
    FuncRegistration::new("needs").with_volatility(true).set_into_module(module, needs);

    let own = Arc::clone(session);
    let pick = move |context: NativeCallContext, role: &str, number: i64| -> std::result::Result<Instance, Failure> {
        result_at(&context, pick(&own, role, number))
    };
    FuncRegistration::new("pick").with_volatility(true).set_into_module(module, pick);

    let own = Arc::clone(session);
    let pick_in = move |context: NativeCallContext,
                        role: &str,
                        number: i64,
                        options: Map|
          -> std::result::Result<Array, Failure> {
        result_at(&context, pick_in(&own, role, number, options))
    };
    FuncRegistration::new("pick").with_volatility(true).set_into_module(module, pick_in);

    let own = Arc::clone(session);
    let of_role = move |context: NativeCallContext, role: &str| -> std::result::Result<Array, Failure> {
        result_at(&context, parse_role(role).and_then(|role| instances(&own, Some(role))))
    };
    FuncRegistration::new("instances").with_volatility(true).set_into_module(module, of_role);

    let own = Arc::clone(session);
    let all = move |context: NativeCallContext| -> std::result::Result<Array, Failure> {
        result_at(&context, instances(&own, None))
    };
    FuncRegistration::new("instances").with_volatility(true).set_into_module(module, all);

    let own = Arc::clone(session);
    let of_host =
        move |context: NativeCallContext, role: &str, host: HostHandle| -> std::result::Result<Array, Failure> {
            let of_role = parse_role(role).and_then(|role| instances(&own, Some(role)));
            result_at(&context, of_role.map(|all| all.into_iter().filter(|one| is_on(one, &host)).collect()))
        };
    FuncRegistration::new("instances").with_volatility(true).set_into_module(module, of_host);

    let host = |instance: Instance| HostHandle { name: instance.host };
    FuncRegistration::new("host").with_volatility(true).set_into_module(module, host);
}

fn is_on(instance: &Dynamic, host: &HostHandle) -> bool {
    instance.clone().try_cast::<Instance>().is_some_and(|instance| instance.host == host.name)
}

fn needs(session: &Session, wanted: Map) -> Result<()> {
    if session.state().run.is_some() {
        return Err(
            Error::script("cluster::needs comes after the first effect").hint("state what the script needs at its top")
        );
    }
    let mut options = OptionsMap::new("cluster::needs", wanted);
    // A second call adds to the first.
    let default = session.state().needs.clone();
    let port = |number: Option<u32>| {
        number
            .map(|number| {
                u16::try_from(number).map_err(|_| Error::script(format!("cluster::needs: {number} is no port")))
            })
            .transpose()
    };
    let needs = Needs {
        flink: options.text("flink")?.unwrap_or(default.flink),
        kafka: options.text("kafka")?.unwrap_or(default.kafka),
        taskmanagers: options.count("taskmanagers")?.unwrap_or(default.taskmanagers),
        slots: options.count("slots")?.unwrap_or(default.slots),
        taskmanager_memory: options.bytes("taskmanager_memory")?.unwrap_or(default.taskmanager_memory),
        jobmanager_memory: options.bytes("jobmanager_memory")?.unwrap_or(default.jobmanager_memory),
        kafka_memory: options.bytes("kafka_memory")?.unwrap_or(default.kafka_memory),
        storage: options
            .choice("storage", &Storage::ALL.map(Storage::name))?
            .and_then(|name| Storage::parse(&name))
            .unwrap_or(default.storage),
        rest_port: port(options.count("rest_port")?)?.or(default.rest_port),
        kafka_port: port(options.count("kafka_port")?)?.or(default.kafka_port),
    };
    options.finish()?;
    if needs.taskmanagers == 0 || needs.slots == 0 {
        return Err(Error::script("cluster::needs: `taskmanagers` and `slots` must be at least 1"));
    }
    session.state().needs = needs;
    Ok(())
}

fn parse_role(name: &str) -> Result<Role> {
    let known = Role::ALL.map(Role::name);
    Role::parse(name).ok_or_else(|| unknown("role", &format!("there is no role `{name}`"), name, &known))
}

fn pick(session: &Session, role: &str, number: i64) -> Result<Instance> {
    let role = parse_role(role)?;
    match session.trial("cluster::pick")? {
        Place::Rehearsal => Ok(stand_in(role)),
        Place::Trial(trial) => trial.pick(role, number),
    }
}

/// `#{ scope: "host" }` takes along whatever of the role runs on the same host.
fn pick_in(session: &Session, role: &str, number: i64, options: Map) -> Result<Array> {
    let role = parse_role(role)?;
    let mut options = OptionsMap::new("cluster::pick", options);
    let scope = options.choice("scope", &Scope::ALL.map(Scope::name))?;
    options.finish()?;
    let scope = scope.and_then(|name| Scope::parse(&name)).unwrap_or(Scope::Instance);
    let picked = match session.trial("cluster::pick")? {
        Place::Rehearsal => vec![stand_in(role)],
        Place::Trial(trial) => trial.pick_in(role, number, scope)?,
    };
    Ok(picked.into_iter().map(Dynamic::from).collect())
}

fn instances(session: &Session, role: Option<Role>) -> Result<Array> {
    let all = match session.trial("cluster::instances")? {
        Place::Rehearsal => vec![stand_in(role.unwrap_or(Role::TaskManager))],
        Place::Trial(trial) => trial.instances(),
    };
    Ok(all.into_iter().filter(|instance| role.is_none_or(|role| role == instance.role)).map(Dynamic::from).collect())
}

/// What a rehearsal hands out.
fn stand_in(role: Role) -> Instance {
    Instance { name: format!("{role}-1"), role, host: "local".into(), alive: true, registered_as: None }
}

pub fn register_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<HostHandle>("host")
        .register_get("name", |host: &mut HostHandle| host.name.clone())
        .register_fn("to_string", |host: &mut HostHandle| host.name.clone())
        .register_type_with_name::<Instance>("instance")
        .register_get("name", |instance: &mut Instance| instance.name.clone())
        .register_get("role", |instance: &mut Instance| instance.role.name())
        .register_get("host", |instance: &mut Instance| instance.host.clone())
        .register_get("alive", |instance: &mut Instance| instance.alive)
        .register_fn("to_string", |instance: &mut Instance| instance.name.clone());
}
