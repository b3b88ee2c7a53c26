//! Primitives without a prefix that need the host: `params`, and replacements of what would use the real clock.

use std::sync::Arc;

use rhai::{Engine, Map, NativeCallContext};

use crate::error::{Error, Result};
use crate::script::errors::{Failure, result_at};
use crate::script::params::Params;
use crate::script::session::Session;

pub fn register(engine: &mut Engine, session: &Arc<Session>) {
    let own = Arc::clone(session);
    engine.register_fn(
        "params",
        move |context: NativeCallContext, defaults: Map| -> std::result::Result<Params, Failure> {
            result_at(&context, params(&own, defaults, Map::new()))
        },
    );
    let own = Arc::clone(session);
    engine.register_fn(
        "params",
        move |context: NativeCallContext, defaults: Map, profiles: Map| -> std::result::Result<Params, Failure> {
            result_at(&context, params(&own, defaults, profiles))
        },
    );
}

fn params(session: &Session, defaults: Map, profiles: Map) -> Result<Params> {
    if session.state().params.is_some() {
        return Err(Error::script("params is called twice")
            .hint("a script has one set of parameters: put all of them into one map"));
    }
    let options = &session.options;
    let params = Params::resolve(defaults, profiles, &options.parameters, options.profile.as_deref(), &session.source)?;
    session.state().params = Some(params.clone());
    Ok(params)
}
