//! `replay::start`

use std::sync::Arc;

use rhai::{Engine, FuncRegistration, Map, Module, NativeCallContext};

use crate::dataset::Dataset;
use crate::error::Result;
use crate::replay::Pacing;
use crate::run::{ReplayPlan, Topic};
use crate::script::errors::{Failure, result_at};
use crate::script::session::{Place, Session};
use crate::script::value::OptionsMap;

/// A replay that will start when the body has returned.
#[derive(Clone, Debug)]
pub struct Feed {
    pub topic: String,
    pub speed: f64,
}

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let start = move |context: NativeCallContext,
                      dataset: Dataset,
                      topic: Topic,
                      options: Map|
          -> std::result::Result<Feed, Failure> {
        result_at(&context, start(&own, dataset, &topic, options))
    };
    FuncRegistration::new("start").with_volatility(true).set_into_module(module, start);
}

fn start(session: &Session, dataset: Dataset, topic: &Topic, options: Map) -> Result<Feed> {
    let mut options = OptionsMap::new("replay::start", options);
    let speed = options.number("speed")?.unwrap_or(1.0);
    let pacing = match options.choice("pacing", &["schedule", "burst"])?.as_deref() {
        Some("burst") => Pacing::Burst,
        _ => Pacing::Schedule,
    };
    options.finish()?;
    let plan = ReplayPlan { dataset, topic: topic.clone(), speed, pacing };
    plan.check()?;
    match session.trial("replay::start")? {
        Place::Rehearsal => session.rehearse(|declared| {
            declared.replay = Some(plan.topic.name.clone());
            declared.data_s = Some(plan.lasts_s());
        }),
        Place::Trial(trial) => trial.declare_replay(plan)?,
    }
    Ok(Feed { topic: topic.name.clone(), speed })
}

pub fn register_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Feed>("replay")
        .register_get("topic", |feed: &mut Feed| feed.topic.clone())
        .register_get("speed", |feed: &mut Feed| feed.speed);
}
