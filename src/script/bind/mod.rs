//! One thin binding for each primitive module: it declares, converts and forwards.
//!
//! A new primitive is a `Primitive` in the list of its module, and a new module an element of `PARTS`; registration,
//! messages, check, completion, help, the reference and the tests follow from that.

mod analysis;
mod cluster;
mod collect;
mod compose;
mod dataset;
mod enough;
mod fault;
mod flink;
mod kafka;
mod observe;
mod replay;
mod report;
mod run;
mod sim;
mod top;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use rhai::{Dynamic, Engine, Module};

use super::declare::{self, Handle, Primitive};
use super::session::Session;

/// What a binding file adds to the language.
struct Part {
    /// `kafka`; empty for functions without a prefix.
    module: &'static str,
    /// One sentence for lists; empty where another part of the module has it.
    doc: &'static str,
    primitives: &'static [Primitive],
    handles: fn() -> Vec<Handle>,
}

/// Every module, in the order of a script.
const PARTS: &[Part] = &[
    Part { module: "", doc: "Functions without a prefix.", primitives: top::PRIMITIVES, handles: top::handles },
    Part { module: "", doc: "", primitives: compose::PRIMITIVES, handles: compose::handles },
    Part { module: "", doc: "", primitives: observe::PRIMITIVES, handles: observe::handles },
    Part { module: "", doc: "", primitives: enough::PRIMITIVES, handles: enough::handles },
    Part { module: "run", doc: "", primitives: observe::RUN_PRIMITIVES, handles: Vec::new },
    Part {
        module: "cluster",
        doc: "The target: what the script needs of it, its instances and hosts.",
        primitives: cluster::PRIMITIVES,
        handles: cluster::handles,
    },
    Part { module: "dataset", doc: "Rows to replay.", primitives: dataset::PRIMITIVES, handles: dataset::handles },
    Part { module: "kafka", doc: "Topics and what they hold.", primitives: kafka::PRIMITIVES, handles: kafka::handles },
    Part { module: "flink", doc: "Jobs of Flink.", primitives: flink::PRIMITIVES, handles: flink::handles },
    Part {
        module: "replay",
        doc: "Sending a data set into a topic, by the clock.",
        primitives: replay::PRIMITIVES,
        handles: replay::handles,
    },
    Part { module: "collect", doc: "Sampling what a trial does.", primitives: collect::PRIMITIVES, handles: Vec::new },
    Part {
        module: "fault",
        doc: "Breaking instances, now or by a schedule.",
        primitives: fault::PRIMITIVES,
        handles: fault::handles,
    },
    Part {
        module: "run",
        doc: "What `experiment` is made of, for writing another.",
        primitives: run::PRIMITIVES,
        handles: run::handles,
    },
    Part {
        module: "report",
        doc: "Tables, plots and text for the report.",
        primitives: report::PRIMITIVES,
        handles: Vec::new,
    },
    Part {
        module: "analysis",
        doc: "The formulas, what an experiment measured, and figures of lists.",
        primitives: analysis::PRIMITIVES,
        handles: Vec::new,
    },
    Part { module: "analysis", doc: "", primitives: analysis::DECISIONS, handles: Vec::new },
    Part {
        module: "sim",
        doc: "Simulation of the model, where there is no formula or to check one.",
        primitives: sim::PRIMITIVES,
        handles: Vec::new,
    },
];

/// Every primitive, by module.
pub fn primitives() -> impl Iterator<Item = &'static Primitive> {
    PARTS.iter().flat_map(|part| part.primitives)
}

/// Every module with its sentence; the first has no name and holds the functions without a prefix.
pub fn modules() -> impl Iterator<Item = (&'static str, &'static str)> {
    PARTS.iter().filter(|part| !part.doc.is_empty()).map(|part| (part.module, part.doc))
}

/// Every type of values that primitives hand out.
#[must_use]
pub fn handles() -> Vec<Handle> {
    PARTS.iter().flat_map(|part| (part.handles)()).collect()
}

/// The type of a value, if it is one that primitives hand out.
#[must_use]
pub fn handle_of(value: &Dynamic) -> Option<&'static Handle> {
    static HANDLES: LazyLock<Vec<Handle>> = LazyLock::new(handles);
    let id = value.type_id();
    HANDLES.iter().find(|handle| handle.type_id == id)
}

/// The name of that type.
#[must_use]
pub fn handle_name(value: &Dynamic) -> Option<&'static str> {
    handle_of(value).map(|handle| handle.name)
}

/// Registers all primitives and handles with the engine.
pub fn register(engine: &mut Engine, session: &Arc<Session>) {
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
    engine.register_iterator_result::<enough::Trials, run::TrialHandle>();
}
