//! One thin binding for each primitive module: it converts, forwards, and gives an error its place.

mod analysis;
mod cluster;
mod collect;
mod dataset;
mod fault;
mod flink;
mod kafka;
mod replay;
mod report;
mod run;
mod top;

use std::sync::Arc;

use rhai::{Engine, Module};

use super::session::Session;

/// Registers all primitives with the engine.
pub fn register(engine: &mut Engine, session: &Arc<Session>) {
    type Make = fn(&mut Module, &Arc<Session>);
    let modules: [(&str, Make); 10] = [
        ("analysis", analysis::fill),
        ("cluster", cluster::fill),
        ("collect", collect::fill),
        ("dataset", dataset::fill),
        ("fault", fault::fill),
        ("flink", flink::fill),
        ("kafka", kafka::fill),
        ("replay", replay::fill),
        ("report", report::fill),
        ("run", run::fill),
    ];
    for (name, fill) in modules {
        let mut module = Module::new();
        fill(&mut module, session);
        module.build_index();
        engine.register_static_module(name, module.into());
    }
    cluster::register_types(engine);
    kafka::register_types(engine);
    flink::register_types(engine);
    replay::register_types(engine);
    dataset::register_types(engine);
    fault::register_types(engine);
    run::register_types(engine);
    top::register(engine, session);
}
