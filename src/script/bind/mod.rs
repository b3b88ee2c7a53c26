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

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Engine, Module};

use super::declare::{self, Handle, Primitive};
use super::session::Session;

/// Every primitive, by module.
pub fn primitives() -> impl Iterator<Item = &'static Primitive> {
    [kafka::PRIMITIVES].into_iter().flatten()
}

/// Every type of values that primitives hand out.
#[must_use]
pub fn handles() -> Vec<Handle> {
    [kafka::handles()].into_iter().flatten().collect()
}

fn declared(engine: &mut Engine, session: &Arc<Session>) {
    let mut modules: BTreeMap<&str, Module> = BTreeMap::new();
    for primitive in primitives() {
        declare::register(primitive, modules.entry(primitive.module).or_default(), session);
    }
    for (name, mut module) in modules {
        module.build_index();
        if name.is_empty() {
            engine.register_global_module(module.into());
        } else {
            engine.register_static_module(name, module.into());
        }
    }
    handles().iter().for_each(|handle| handle.register(engine));
}

/// Registers all primitives with the engine.
pub fn register(engine: &mut Engine, session: &Arc<Session>) {
    type Make = fn(&mut Module, &Arc<Session>);
    let modules: [(&str, Make); 9] = [
        ("analysis", analysis::fill),
        ("cluster", cluster::fill),
        ("collect", collect::fill),
        ("dataset", dataset::fill),
        ("fault", fault::fill),
        ("flink", flink::fill),
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
    declared(engine, session);
    cluster::register_types(engine);
    flink::register_types(engine);
    replay::register_types(engine);
    dataset::register_types(engine);
    fault::register_types(engine);
    run::register_types(engine);
    top::register(engine, session);
}
