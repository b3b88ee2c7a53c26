//! Every name that exists before a script defines any: primitives, handles, the stdlib, what Rhai brings along.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{Engine, FuncInfo, OptimizationLevel};

use super::tree::Tree;
use crate::script::declare::{Handle, Primitive};
use crate::script::source::Source;
use crate::script::value::nearest;
use crate::script::{bind, limits, units};

/// Names that Rhai's evaluator understands without their being functions.
const BUILT_IN: [&str; 9] =
    ["call", "curry", "Fn", "print", "debug", "type_of", "is_def_var", "is_def_fn", "is_shared"];

/// A function written in Rhai.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    pub name: String,
    pub parameters: Vec<String>,
}

impl Signature {
    pub fn text(&self) -> String {
        format!("{}({})", self.name, self.parameters.join(", "))
    }
}

pub struct Known {
    /// Parses as the run does, and calls nothing.
    pub parser: Engine,
    pub primitives: BTreeMap<String, &'static Primitive>,
    pub handles: Vec<Handle>,
    pub stdlib: Vec<Signature>,
    /// Rhai's own functions with the numbers of arguments that they take.
    natives: BTreeMap<String, BTreeSet<usize>>,
    getters: BTreeSet<String>,
    pub units: Vec<&'static str>,
}

impl Known {
    /// `stdlib` are the files whose functions every script may call.
    #[must_use]
    pub fn new(stdlib: &[Source]) -> Self {
        let mut rhai = Engine::new();
        units::register(&mut rhai);
        let mut natives: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        let mut getters = BTreeSet::new();
        let all = rhai.collect_fn_metadata(
            None,
            |info: FuncInfo| Some((info.metadata.name.to_string(), info.metadata.num_params)),
            true,
        );
        for (name, arguments) in all {
            if let Some(property) = name.strip_prefix("get$") {
                getters.insert(property.to_owned());
            } else {
                natives.entry(name).or_default().insert(arguments);
            }
        }
        let parser = parser();
        let mut signatures: Vec<Signature> = Vec::new();
        for source in stdlib {
            if let Ok(ast) = parser.compile(&source.text) {
                signatures.extend(Tree::of(&ast).named().filter(|function| !function.private).map(|function| {
                    Signature { name: function.name.clone(), parameters: function.parameters.clone() }
                }));
            }
        }
        let units = units::DURATION_UNITS.iter().map(|(name, _)| *name);
        Self {
            parser,
            primitives: bind::primitives().map(|primitive| (primitive.full_name(), primitive)).collect(),
            handles: bind::handles(),
            stdlib: signatures,
            natives,
            getters,
            units: units.chain(units::BYTE_UNITS.iter().map(|(name, _)| *name)).collect(),
        }
    }

    pub fn modules(&self) -> Vec<&'static str> {
        let all: BTreeSet<&str> =
            self.primitives.values().map(|one| one.module).filter(|one| !one.is_empty()).collect();
        all.into_iter().collect()
    }

    /// The names within a module.
    pub fn within(&self, module: &str) -> Vec<&'static str> {
        self.primitives.values().filter(|one| one.module == module).map(|one| one.name).collect()
    }

    pub fn is_module(&self, name: &str) -> bool {
        !name.is_empty() && self.primitives.values().any(|one| one.module == name)
    }

    /// The primitive of that name, in whichever module it is.
    pub fn anywhere(&self, name: &str) -> Option<&'static Primitive> {
        self.primitives.values().find(|one| one.name == name && !one.module.is_empty()).copied()
    }

    pub fn handle(&self, name: &str) -> Option<&Handle> {
        self.handles.iter().find(|handle| handle.name == name)
    }

    pub fn native(&self, name: &str) -> Option<&BTreeSet<usize>> {
        self.natives.get(name)
    }

    pub fn is_built_in(&self, name: &str) -> bool {
        BUILT_IN.contains(&name)
    }

    pub fn is_getter(&self, name: &str) -> bool {
        self.getters.contains(name)
    }

    /// What could have been meant by the name of a function or method without a module.
    pub fn nearest_function(&self, name: &str, own: &[&str]) -> Option<String> {
        if let Some(primitive) = self.anywhere(name) {
            return Some(primitive.full_name());
        }
        let natives = self
            .natives
            .keys()
            .map(String::as_str)
            .filter(|name| name.starts_with(|letter: char| letter.is_ascii_alphabetic()));
        let stdlib = self.stdlib.iter().map(|one| one.name.as_str());
        let global = self.primitives.values().filter(|one| one.module.is_empty()).map(|one| one.name);
        let all: Vec<&str> = own.iter().copied().chain(stdlib).chain(global).chain(natives).chain(BUILT_IN).collect();
        nearest(name, &all).map(str::to_owned).or_else(|| {
            let modules: Vec<&str> = self.primitives.values().map(|one| one.name).collect();
            let near = nearest(name, &modules)?;
            self.anywhere(near).map(Primitive::full_name)
        })
    }
}

/// What the run's own engine accepts, and nothing of it registered.
fn parser() -> Engine {
    let mut engine = Engine::new_raw();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_functions(limits::FUNCTIONS);
    engine.set_max_expr_depths(limits::EXPRESSION_DEPTH, limits::FUNCTION_EXPRESSION_DEPTH);
    engine
}
