//! `fault::kill`, `fault::stop`, `fault::inject`, `fault::every`

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, FnPtr, FuncRegistration, Map, Module, NativeCallContext};

use crate::cluster::{Between, Instance};
use crate::error::{Error, Result};
use crate::fault::{Fault, Kind};
use crate::script::errors::{Failure, result_at};
use crate::script::session::{Place, Session};
use crate::script::units::Duration;
use crate::script::value::{self, OptionsMap};

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    for kind in Kind::ALL {
        let own = Arc::clone(session);
        let with = move |context: NativeCallContext,
                         instance: Instance,
                         options: Map|
              -> std::result::Result<Fault, Failure> {
            result_at(&context, inject(&own, kind, &instance, options))
        };
        FuncRegistration::new(kind.name()).with_volatility(true).set_into_module(module, with);
        let own = Arc::clone(session);
        let plain = move |context: NativeCallContext, instance: Instance| -> std::result::Result<Fault, Failure> {
            result_at(&context, inject(&own, kind, &instance, Map::new()))
        };
        FuncRegistration::new(kind.name()).with_volatility(true).set_into_module(module, plain);
    }
    let own = Arc::clone(session);
    let named = move |context: NativeCallContext,
                      kind: &str,
                      instance: Instance,
                      options: Map|
          -> std::result::Result<Fault, Failure> {
        result_at(&context, Kind::parse(kind).and_then(|kind| inject(&own, kind, &instance, options)))
    };
    FuncRegistration::new("inject").with_volatility(true).set_into_module(module, named);

    let own = Arc::clone(session);
    let several = move |context: NativeCallContext,
                        kind: &str,
                        instances: Array,
                        options: Map|
          -> std::result::Result<Array, Failure> {
        result_at(&context, inject_all(&own, kind, &instances, &options))
    };
    FuncRegistration::new("inject").with_volatility(true).set_into_module(module, several);

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

fn inject(session: &Session, kind: Kind, instance: &Instance, options: Map) -> Result<Fault> {
    let mut options = OptionsMap::new("fault", options);
    let down_for_s = options.seconds("down_for")?.unwrap_or(0.0);
    options.finish()?;
    match session.trial("a fault")? {
        Place::Rehearsal => {
            let never = Between { lo_epoch_ms: 0.0, hi_epoch_ms: 0.0 };
            Ok(Fault { number: 0, kind, instance: instance.name.clone(), issued: never, gone: never })
        }
        Place::Trial(trial) => trial.inject(kind, instance, down_for_s),
    }
}

/// Several instances, one after the other; each is a fault of its own.
fn inject_all(session: &Session, kind: &str, instances: &Array, options: &Map) -> Result<Array> {
    let kind = Kind::parse(kind)?;
    let one = |instance: &Dynamic| {
        let instance = instance.clone().try_cast::<Instance>();
        let instance = instance.ok_or_else(|| {
            Error::script("fault::inject wants a list of instances")
                .hint("`cluster::instances(\"taskmanager\")` gives one")
        })?;
        inject(session, kind, &instance, options.clone()).map(Dynamic::from)
    };
    instances.iter().map(one).collect()
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
        .register_get("instance", |fault: &mut Fault| fault.instance.clone())
        .register_fn("to_string", |fault: &mut Fault| format!("{} of {}", fault.kind.name(), fault.instance));
}
