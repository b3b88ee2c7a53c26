//! `kafka::create_topic`

use std::sync::Arc;

use rhai::{Engine, FuncRegistration, Map, Module, NativeCallContext};

use crate::error::Result;
use crate::run::Topic;
use crate::script::errors::{Failure, result_at};
use crate::script::session::{Place, Session};
use crate::script::value::OptionsMap;

const DEFAULT_PARTITIONS: u32 = 8;

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let create = move |context: NativeCallContext, name: &str, options: Map| -> std::result::Result<Topic, Failure> {
        result_at(&context, create_topic(&own, name, options))
    };
    FuncRegistration::new("create_topic").with_volatility(true).set_into_module(module, create);
    let own = Arc::clone(session);
    let create = move |context: NativeCallContext, name: &str| -> std::result::Result<Topic, Failure> {
        result_at(&context, create_topic(&own, name, Map::new()))
    };
    FuncRegistration::new("create_topic").with_volatility(true).set_into_module(module, create);
}

fn create_topic(session: &Session, name: &str, options: Map) -> Result<Topic> {
    let mut options = OptionsMap::new("kafka::create_topic", options);
    let partitions = options.count("partitions")?.unwrap_or(DEFAULT_PARTITIONS).max(1);
    options.finish()?;
    match session.trial("kafka::create_topic")? {
        Place::Rehearsal => Ok(Topic { name: name.to_owned(), partitions }),
        Place::Trial(trial) => trial.create_topic(name, partitions),
    }
}

pub fn register_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Topic>("topic")
        .register_get("name", |topic: &mut Topic| topic.name.clone())
        .register_get("partitions", |topic: &mut Topic| i64::from(topic.partitions))
        .register_fn("to_string", |topic: &mut Topic| topic.name.clone());
}
