//! `collect::start`

use std::sync::Arc;

use rhai::{FuncRegistration, Map, Module, NativeCallContext};

use super::replay::Feed;
use crate::cluster::flink_role::SAMPLING_STEP_MS;
use crate::error::{Error, Result};
use crate::run::Job;
use crate::script::errors::{Failure, result_at};
use crate::script::session::{Place, Session};
use crate::script::value::OptionsMap;

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let start_with =
        move |context: NativeCallContext, job: Job, _feed: Feed, options: Map| -> std::result::Result<(), Failure> {
            result_at(&context, start(&own, &job, options))
        };
    FuncRegistration::new("start").with_volatility(true).set_into_module(module, start_with);
    let own = Arc::clone(session);
    let start_plain = move |context: NativeCallContext, job: Job, _feed: Feed| -> std::result::Result<(), Failure> {
        result_at(&context, start(&own, &job, Map::new()))
    };
    FuncRegistration::new("start").with_volatility(true).set_into_module(module, start_plain);
}

fn start(session: &Session, job: &Job, options: Map) -> Result<()> {
    let mut options = OptionsMap::new("collect::start", options);
    let every_s = options.seconds("every")?;
    options.finish()?;
    let step_s = SAMPLING_STEP_MS as f64 / 1e3;
    let every_s = every_s.unwrap_or(step_s);
    if every_s < step_s {
        return Err(Error::script(format!(
            "collect::start: `every` is {every_s} s, but Flink refreshes its metrics every {step_s} s"
        ))
        .hint("take 250.ms or more"));
    }
    match session.trial("collect::start")? {
        Place::Rehearsal => {
            session.rehearse(|declared| declared.collect = true);
            Ok(())
        }
        Place::Trial(trial) => trial.declare_collect(job, every_s),
    }
}
