//! Which names are visible where, and what is known of their values.

use rhai::Position;

use super::types::Type;

#[derive(Clone, Debug)]
pub struct Binding {
    pub name: String,
    pub of: Type,
    pub is_loop: bool,
    /// How many closures are around its definition.
    pub level: usize,
}

/// What is visible at one point; blocks take back what they added.
#[derive(Default)]
pub struct Scope {
    bindings: Vec<Binding>,
    /// Names that `import … as name` gave, and whether their functions are known.
    modules: Vec<String>,
    /// For each closure around this point, a loop's variable that it captured, and where.
    captured: Vec<Option<(String, Position)>>,
}

/// How far a scope reached; see `Scope::back`.
pub struct Mark(usize, usize);

impl Scope {
    pub fn mark(&self) -> Mark {
        Mark(self.bindings.len(), self.modules.len())
    }

    pub fn back(&mut self, mark: &Mark) {
        self.bindings.truncate(mark.0);
        self.modules.truncate(mark.1);
    }

    pub fn add(&mut self, name: &str, of: Type) {
        self.bindings.push(Binding { name: name.to_owned(), of, is_loop: false, level: self.captured.len() });
    }

    pub fn add_loop(&mut self, name: &str, of: Type) {
        self.bindings.push(Binding { name: name.to_owned(), of, is_loop: true, level: self.captured.len() });
    }

    pub fn import(&mut self, name: &str) {
        self.modules.push(name.to_owned());
    }

    pub fn has_module(&self, name: &str) -> bool {
        self.modules.iter().any(|module| module == name)
    }

    pub fn modules(&self) -> &[String] {
        &self.modules
    }

    /// A variable; closures around this point capture it if it lies outside them.
    pub fn find(&mut self, name: &str, at: Position) -> Option<Binding> {
        let found = self.bindings.iter().rev().find(|binding| binding.name == name)?.clone();
        if found.is_loop {
            for captured in self.captured.iter_mut().skip(found.level) {
                captured.get_or_insert_with(|| (name.to_owned(), at));
            }
        }
        Some(found)
    }

    pub fn has(&self, name: &str) -> bool {
        self.bindings.iter().any(|binding| binding.name == name)
    }

    pub fn names(&self) -> Vec<&str> {
        self.bindings.iter().map(|binding| binding.name.as_str()).collect()
    }

    pub fn enter_closure(&mut self) {
        self.captured.push(None);
    }

    pub fn leave_closure(&mut self) -> Option<(String, Position)> {
        self.captured.pop().flatten()
    }
}
