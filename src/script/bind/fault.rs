//! `fault::kill`, `fault::stop`, `fault::inject`, `fault::every`

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, FnPtr, FuncRegistration, Map, Module, NativeCallContext};

use crate::cluster::{Between, Instance};
use crate::error::{Error, Result};
use crate::fault::{Fault, Kind};
use crate::script::errors::{Failure, result_at};
use crate::script::session::{Place, Session};
use crate::script::units::Duration;
use crate::script::value::{self, OptionsMap, unknown};

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    for kind in Kind::ALL {
        one(module, session, kind);
        several(module, session, kind);
    }
    let own = Arc::clone(session);
    let named = move |context: NativeCallContext,
                      kind: &str,
                      instance: Instance,
                      options: Map|
          -> std::result::Result<Fault, Failure> {
        result_at(&context, parse_kind(kind).and_then(|kind| inject(&own, kind, &[instance], options)))
    };
    FuncRegistration::new("inject").with_volatility(true).set_into_module(module, named);

    let own = Arc::clone(session);
    let named = move |context: NativeCallContext,
                      kind: &str,
                      instances: Array,
                      options: Map|
          -> std::result::Result<Fault, Failure> {
        result_at(&context, parse_kind(kind).and_then(|kind| inject(&own, kind, &list(&instances)?, options)))
    };
    FuncRegistration::new("inject").with_volatility(true).set_into_module(module, named);

    let own = Arc::clone(session);
    let every = move |context: NativeCallContext,
                      period: Duration,
                      count: i64,
                      act: FnPtr|
          -> std::result::Result<(), Failure> {
        let in_trial = result_at(&context, schedule(&own, period, count, &act))?;
        if !in_trial && count > 0 {
            drop(act.call_within_context::<rhai::Dynamic>(&context, (1_i64,))?);
        }
        Ok(())
    };
    FuncRegistration::new("every").with_volatility(true).set_into_module(module, every);
}

/// `fault::kill(instance)` and its kin, with and without options.
fn one(module: &mut Module, session: &Arc<Session>, kind: Kind) {
    let own = Arc::clone(session);
    let with =
        move |context: NativeCallContext, instance: Instance, options: Map| -> std::result::Result<Fault, Failure> {
            result_at(&context, inject(&own, kind, &[instance], options))
        };
    FuncRegistration::new(kind.name()).with_volatility(true).set_into_module(module, with);
    let own = Arc::clone(session);
    let plain = move |context: NativeCallContext, instance: Instance| -> std::result::Result<Fault, Failure> {
        result_at(&context, inject(&own, kind, &[instance], Map::new()))
    };
    FuncRegistration::new(kind.name()).with_volatility(true).set_into_module(module, plain);
}

/// The same for a list of instances, which are hit at once and are one fault.
fn several(module: &mut Module, session: &Arc<Session>, kind: Kind) {
    let own = Arc::clone(session);
    let with =
        move |context: NativeCallContext, instances: Array, options: Map| -> std::result::Result<Fault, Failure> {
            result_at(&context, list(&instances).and_then(|instances| inject(&own, kind, &instances, options)))
        };
    FuncRegistration::new(kind.name()).with_volatility(true).set_into_module(module, with);
    let own = Arc::clone(session);
    let plain = move |context: NativeCallContext, instances: Array| -> std::result::Result<Fault, Failure> {
        result_at(&context, list(&instances).and_then(|instances| inject(&own, kind, &instances, Map::new())))
    };
    FuncRegistration::new(kind.name()).with_volatility(true).set_into_module(module, plain);
}

fn parse_kind(name: &str) -> Result<Kind> {
    let known = Kind::ALL.map(Kind::name);
    let message = format!("there is no kind of fault `{name}`; it is one of {}", known.join(", "));
    Kind::parse(name).ok_or_else(|| unknown("kind", &message, name, &known))
}

fn list(instances: &Array) -> Result<Vec<Instance>> {
    let one = |instance: &Dynamic| {
        instance.clone().try_cast::<Instance>().ok_or_else(|| {
            Error::script("a fault wants an instance or a list of instances")
                .hint("`cluster::instances(\"taskmanager\")` gives a list")
        })
    };
    instances.iter().map(one).collect()
}

fn inject(session: &Session, kind: Kind, instances: &[Instance], options: Map) -> Result<Fault> {
    let mut options = OptionsMap::new("fault", options);
    let down_for_s = options.seconds("down_for")?.unwrap_or(0.0);
    options.finish()?;
    match session.trial("a fault")? {
        Place::Rehearsal => {
            session.rehearse(|declared| declared.longest_down(down_for_s));
            let never = Between { lo_epoch_ms: 0.0, hi_epoch_ms: 0.0 };
            let instances = instances.iter().map(|instance| instance.name.clone()).collect();
            Ok(Fault { number: 0, kind, instances, issued: never, gone: never })
        }
        Place::Trial(trial) => trial.inject(kind, instances, down_for_s),
    }
}

/// Declares the schedule; false in a rehearsal, where the closure is tried once at once.
fn schedule(session: &Session, period: Duration, count: i64, act: &FnPtr) -> Result<bool> {
    let count = u32::try_from(count).map_err(|_| Error::script(format!("fault::every: {count} faults cannot be")))?;
    value::duration("fault::every", "period", &Dynamic::from(period))?;
    if period.seconds <= 0.0 {
        return Err(Error::script(format!("fault::every: the time between faults is {period}, but must be positive")));
    }
    match session.trial("fault::every")? {
        Place::Rehearsal => {
            session.rehearse(|rehearsal| rehearsal.faults = Some((period.seconds, count)));
            Ok(false)
        }
        Place::Trial(trial) => {
            trial.declare_faults(period.seconds, count)?;
            session.state().act = Some(act.clone());
            Ok(true)
        }
    }
}

pub fn register_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Fault>("fault")
        .register_get("number", |fault: &mut Fault| i64::from(fault.number))
        .register_get("kind", |fault: &mut Fault| fault.kind.name())
        .register_get("instance", |fault: &mut Fault| fault.instance())
        .register_get("instances", |fault: &mut Fault| -> Array {
            fault.instances.iter().map(|name| Dynamic::from(name.clone())).collect()
        })
        .register_fn("to_string", |fault: &mut Fault| format!("{} of {}", fault.kind.name(), fault.instance()));
}
