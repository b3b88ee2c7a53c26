//! Reads a script from top to bottom with its scopes: every name is looked up where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{Expr, FlowControl, Position, Stmt, StmtBlock};

use super::known::{Known, Signature};
use super::params::Parameters;
use super::scan::Scan;
use super::scope::Scope;
use super::tree::{CLOSURE, Tree};
use super::types::{Field, Lambda, Record, Type};
use super::{Finding, Place, Severity, Surroundings, spans};
use crate::error::Error;
use crate::script::source::Source;
use crate::script::value::nearest;

/// Where a piece of code stands; decides what may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// The script itself, outside of every function and closure.
    Script,
    /// The body of an experiment.
    Body,
    /// A function or another closure: who calls it, is not known.
    Elsewhere,
}

pub struct Walker<'a> {
    pub source: &'a Source,
    pub known: &'a Known,
    pub surroundings: &'a Surroundings,
    pub tree: &'a Tree,
    pub scan: &'a Scan,
    /// The functions of imported modules, by the name they were imported under; `None` where they are not known.
    pub imported: &'a BTreeMap<String, Option<Vec<Signature>>>,
    pub findings: Vec<Finding>,
    pub scope: Scope,
    pub within: Within,
    pub parameters: Vec<Parameters>,
    /// Variables that the script itself defines, which a `fn` does not see.
    pub script_variables: BTreeSet<String>,
    pub in_function: bool,
    /// Whether an experiment has run for certain.
    pub started: bool,
    /// How many `if`, loops and the like are around.
    pub branches: usize,
}

impl<'a> Walker<'a> {
    pub fn file(&mut self) {
        for name in &self.surroundings.variables {
            self.scope.add(name, Type::Unknown);
        }
        self.script_variables = defined(&self.tree.statements);
        let tree = self.tree;
        // Functions are visible everywhere, modules of the script in functions too.
        self.statements(&tree.statements);
        let modules: Vec<String> = self.scope.modules().to_vec();
        self.unused_parameters();
        for function in tree.named() {
            self.scope = Scope::default();
            modules.iter().for_each(|module| self.scope.import(module));
            self.in_function = true;
            self.within = Within::Elsewhere;
            for parameter in &function.parameters {
                self.scope.add(parameter, Type::Unknown);
            }
            self.statements(&function.body);
        }
    }

    // --- telling ---

    pub fn tell(&mut self, severity: Severity, code: &'static str, place: Place, error: Error) {
        self.findings.push(Finding::new(severity, code, place, self.source, error));
    }

    pub fn error(&mut self, code: &'static str, at: Position, error: Error) {
        if !at.is_none() {
            self.tell(Severity::Error, code, spans::token(&self.source.text, at), error);
        }
    }

    pub fn warning(&mut self, code: &'static str, at: Position, error: Error) {
        if !at.is_none() {
            self.tell(Severity::Warning, code, spans::token(&self.source.text, at), error);
        }
    }

    // --- statements ---

    fn block(&mut self, block: &'a StmtBlock) {
        self.scoped(block.statements());
    }

    fn scoped(&mut self, statements: &'a [Stmt]) {
        let mark = self.scope.mark();
        self.statements(statements);
        self.scope.back(&mark);
    }

    pub fn statements(&mut self, statements: &'a [Stmt]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn branch(&mut self, block: &'a StmtBlock) {
        self.branches += 1;
        self.block(block);
        self.branches -= 1;
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::If(flow, _) | Stmt::While(flow, _) => {
                self.expression(&flow.expr);
                self.branch(&flow.body);
                self.branch(&flow.branch);
            }
            Stmt::Do(flow, ..) => {
                self.branch(&flow.body);
                self.expression(&flow.expr);
            }
            Stmt::For(parts, _) => {
                self.each(&parts.0.name, parts.1.as_ref().map(|ident| ident.name.as_str()), &parts.2)
            }
            Stmt::Switch(parts, _) => self.switch(parts),
            Stmt::Var(parts, ..) => self.define(&parts.0.name, &parts.1),
            Stmt::Assignment(parts) => self.assign(&parts.1.lhs, &parts.1.rhs),
            Stmt::FnCall(call, position) => drop(self.call(call, *position)),
            Stmt::Block(block) => self.block(block),
            Stmt::TryCatch(flow, _) => self.try_catch(flow),
            Stmt::Expr(expression) => drop(self.expression(expression)),
            Stmt::BreakLoop(value, ..) | Stmt::Return(value, ..) => {
                if let Some(value) = value {
                    self.expression(value);
                }
            }
            Stmt::Import(parts, _) => {
                self.expression(&parts.0);
                if !parts.1.name.is_empty() {
                    self.scope.import(&parts.1.name);
                }
            }
            Stmt::Export(parts, _) => drop(self.value_of(&parts.0.name, parts.0.pos)),
            _ => {}
        }
    }

    fn each(&mut self, name: &str, counter: Option<&str>, flow: &'a FlowControl) {
        let list = self.expression(&flow.expr);
        let mark = self.scope.mark();
        if let Some(counter) = counter {
            self.scope.add_loop(counter, Type::Int(None));
        }
        let steady = !self.scan.reassigned.contains(name) && !self.scan.changed.contains(name);
        self.scope.add_loop(name, if steady { list.element() } else { Type::Unknown });
        self.branch(&flow.body);
        self.scope.back(&mark);
    }

    fn switch(&mut self, parts: &'a (Expr, rhai::SwitchCasesCollection)) {
        self.expression(&parts.0);
        self.branches += 1;
        for case in &parts.1.expressions {
            self.expression(&case.lhs);
            self.expression(&case.rhs);
        }
        self.branches -= 1;
    }

    fn try_catch(&mut self, flow: &'a FlowControl) {
        self.branch(&flow.body);
        let mark = self.scope.mark();
        if let Expr::Variable(variable, ..) = &flow.expr {
            self.scope.add(&variable.1, Type::Unknown);
        }
        self.branch(&flow.branch);
        self.scope.back(&mark);
    }

    fn define(&mut self, name: &str, value: &'a Expr) {
        let of = self.expression(value);
        if let Type::Params(number) = of {
            self.parameters[number].bound = true;
        }
        let of = if self.scan.reassigned.contains(name) {
            Type::Unknown
        } else if self.scan.changed.contains(name) {
            of.opened()
        } else {
            of
        };
        self.scope.add(name, of);
    }

    fn assign(&mut self, to: &'a Expr, value: &'a Expr) {
        let of = self.expression(value);
        self.stored(&of);
        match to {
            Expr::Variable(variable, _, position) => {
                self.value_of(&variable.1, *position);
            }
            Expr::Dot(..) | Expr::Index(..) => self.assign_part(to),
            other => drop(self.expression(other)),
        }
    }

    /// A closure that outlives its round of the loop sees the loop's last value.
    pub fn stored(&mut self, of: &Type) {
        let Type::Closure(lambda) = of else { return };
        let Some((name, at)) = &lambda.loop_variable else { return };
        let short: String = name.chars().take(1).collect();
        let copy = if short == "j" { "k" } else { "j" };
        let message =
            format!("the closure captures `{name}` itself: when it is called later, it sees the loop's last value");
        let hint = format!("write `let {copy} = {name};` inside the loop and use `{copy}` in the closure");
        self.warning("captured-loop-variable", *at, Error::script(message).hint(hint));
    }

    // --- expressions ---

    pub fn expression(&mut self, expression: &'a Expr) -> Type {
        self.expression_given(expression, &[], Within::Elsewhere)
    }

    /// `given` are the types of the values that a closure will be called with, `within` where its body then stands.
    pub fn expression_given(&mut self, expression: &'a Expr, given: &[Type], within: Within) -> Type {
        if let Some(name) = closure(expression) {
            return self.closure(&name, given, within);
        }
        match expression {
            Expr::BoolConstant(..) => Type::Bool,
            Expr::IntegerConstant(number, _) => Type::Int(Some(*number)),
            Expr::FloatConstant(number, _) => Type::Float(Some(**number)),
            Expr::CharConstant(..) => Type::Letter,
            Expr::StringConstant(text, _) => Type::Text(Some(text.as_str().into())),
            Expr::Unit(_) => Type::Nothing,
            Expr::InterpolatedString(parts, _) => {
                parts.iter().for_each(|part| drop(self.expression(part)));
                Type::Text(None)
            }
            Expr::Array(elements, _) => self.list(elements),
            Expr::Map(map, _) => self.map(&map.0),
            Expr::Variable(variable, _, position) if variable.2.path.is_empty() => {
                let of = self.value_of(&variable.1, *position);
                if let Some(Type::Params(number)) = of {
                    self.parameters[number].escaped = true;
                }
                of.unwrap_or(Type::Unknown)
            }
            Expr::Variable(variable, _, position) => {
                let modules: Vec<&str> = variable.2.path.iter().map(|part| part.name.as_str()).collect();
                let begin = variable.2.path.first().map_or(*position, |part| part.pos);
                self.qualified_value(&modules, &variable.1, begin);
                Type::Unknown
            }
            Expr::Stmt(block) => {
                self.block(block);
                Type::Unknown
            }
            Expr::FnCall(call, position) | Expr::MethodCall(call, position) => self.call(call, *position),
            Expr::Dot(..) | Expr::Index(..) => self.chain(expression),
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                parts.iter().for_each(|part| drop(self.expression(part)));
                Type::Bool
            }
            Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| drop(self.expression(part)));
                Type::Unknown
            }
            _ => Type::Unknown,
        }
    }

    fn list(&mut self, elements: &'a [Expr]) -> Type {
        let types: Vec<Type> = elements.iter().map(|element| self.expression(element)).collect();
        let joined = types.split_first().map(|(first, rest)| {
            // The value of a single element is kept, so that a wrong word in a list of one is seen.
            rest.iter().fold(first.clone(), Type::join)
        });
        Type::List(Box::new(joined.unwrap_or(Type::Unknown)))
    }

    fn map(&mut self, entries: &'a [(rhai::Ident, Expr)]) -> Type {
        let mut record = Record { closed: true, key: "key", ..Record::default() };
        for (key, value) in entries {
            let of = self.expression(value);
            record.fields.insert(key.name.to_string(), Field { of, key: key.pos, value: start(value) });
        }
        Type::Map(Rc::new(record))
    }

    fn closure(&mut self, name: &str, given: &[Type], within: Within) -> Type {
        let Some(function) = self.tree.closure(name) else { return Type::Unknown };
        let outer = self.within;
        if outer != Within::Body {
            self.within = within;
        }
        let branches = std::mem::replace(&mut self.branches, 1);
        let mark = self.scope.mark();
        self.scope.enter_closure();
        // Captured variables come before the closure's own parameters, and are seen in the scope around it.
        let captured = function.captured.unwrap_or(0).min(function.parameters.len());
        let own = function.parameters[captured..].to_vec();
        for (index, parameter) in own.iter().enumerate() {
            let of = given.get(index).cloned().unwrap_or(Type::Unknown);
            let steady = !self.scan.reassigned.contains(parameter) && !self.scan.changed.contains(parameter);
            self.scope.add(parameter, if steady { of } else { Type::Unknown });
        }
        self.statements(&function.body);
        let loop_variable = self.scope.leave_closure();
        self.scope.back(&mark);
        self.within = outer;
        self.branches = branches;
        Type::Closure(Rc::new(Lambda { parameters: own, loop_variable }))
    }

    // --- names ---

    /// What a variable holds; tells of it where there is none.
    pub fn value_of(&mut self, name: &str, at: Position) -> Option<Type> {
        if let Some(binding) = self.scope.find(name, at) {
            return Some(binding.of);
        }
        if self.tree.named().any(|function| function.name == name) || self.has_given_function(name) {
            // A function of the script by its name is a value.
            return Some(Type::Unknown);
        }
        self.unknown_variable(name, at);
        None
    }

    fn unknown_variable(&mut self, name: &str, at: Position) {
        if self.in_function && self.script_variables.contains(name) {
            let message = format!("a `fn` does not see the script's variables, and so not `{name}`");
            let hint = format!(
                "pass it as an argument, or write a closure instead of the `fn`: `let f = |x| …;`, called by `f.call(x)`, sees `{name}`"
            );
            return self.error("fn-variable", at, Error::script(message).hint(hint));
        }
        if self.known.is_module(name) || self.scope.has_module(name) {
            let message = format!("`{name}` is a module, not a value");
            return self.error("module-as-value", at, Error::script(message).hint(self.module_hint(name)));
        }
        if let Some(call) = self.function_call(name) {
            let message = format!("`{name}` is a function, and there is no variable of that name");
            let hint = format!("call it, as in `{call}`; where a closure is wanted, write `|| {call}`");
            return self.error("function-as-value", at, Error::script(message).hint(hint));
        }
        let error = Error::script(format!("there is no variable `{name}`"));
        let mut names = self.scope.names();
        let modules = self.known.modules();
        names.extend(self.script_variables.iter().filter(|_| !self.in_function).map(String::as_str));
        let defined_later = !self.in_function && self.script_variables.contains(name);
        let error = if defined_later {
            error.hint(format!("`let {name} = …` stands further down, or within a block: define it before it is used"))
        } else if let Some((word, instead)) = WORDS.iter().find(|(word, _)| *word == name) {
            error.hint(format!("Rhai has no `{word}`: write {instead}"))
        } else if let Some(near) = nearest(name, &names) {
            error.hint(format!("did you mean `{near}`?"))
        } else if let Some(near) = nearest(name, &modules) {
            error.hint(format!("did you mean the module `{near}::…`?"))
        } else {
            error.hint(format!("define it with `let {name} = …;`, or write \"{name}\" if a string is meant"))
        };
        self.error("unknown-variable", at, error);
    }

    pub fn module_hint(&self, module: &str) -> String {
        match self.known.within(module).first() {
            Some(name) => format!("its functions are called with `::`, as in `{module}::{name}(…)`"),
            None => format!("its functions are called with `::`, as in `{module}::name(…)`"),
        }
    }

    /// How a function without a module is called, if there is one of that name.
    fn function_call(&self, name: &str) -> Option<String> {
        let stdlib = self.known.stdlib.iter().find(|one| one.name == name).map(Signature::text);
        let primitive = self.known.primitives.get(name).map(|one| one.signature());
        stdlib.or(primitive)
    }

    pub fn has_given_function(&self, name: &str) -> bool {
        self.surroundings.functions.iter().any(|(known, _)| known == name)
    }

    /// `kafka::lag` without a call.
    fn qualified_value(&mut self, modules: &[&str], name: &str, begin: Position) {
        let module = modules.join("::");
        let place = spans::path(&self.source.text, begin);
        if module == "global" || self.imported.contains_key(&module) || self.scope.has_module(&module) {
            return;
        }
        if let Some(primitive) = self.known.primitives.get(&format!("{module}::{name}")) {
            let values: Vec<&str> = primitive.arguments.iter().map(|one| one.name).collect();
            let message = format!("`{module}::{name}` is a function, and a function of a module is no value");
            let hint =
                format!("write a closure: `|{0}| {module}::{name}({0})`", values.first().copied().unwrap_or("i"));
            return self.tell(Severity::Error, "function-as-value", place, Error::script(message).hint(hint));
        }
        let error = self.unknown_in_module(&module, name);
        let code = if self.known.is_module(&module) { "unknown-function" } else { "unknown-module" };
        self.tell(Severity::Error, code, place, error);
    }

    /// The error for `module::name`, which is neither a function nor a value.
    pub fn unknown_in_module(&self, module: &str, name: &str) -> Error {
        if !self.known.is_module(module) {
            let error = Error::script(format!("there is no module `{module}`"));
            let mut modules: Vec<&str> = self.known.modules();
            modules.extend(self.scope.modules().iter().map(String::as_str));
            return match nearest(module, &modules) {
                Some(near) => error.hint(format!("did you mean `{near}::`?")),
                None if self.scope.has(module) => {
                    error.hint(format!("`{module}` is a variable: write `{module}.{name}`"))
                }
                None => error.hint(format!("there are: {}", modules.join(", "))),
            };
        }
        let error = Error::script(format!("there is no function `{module}::{name}`"));
        let within = self.known.within(module);
        if let Some(near) = nearest(name, &within) {
            return error.hint(format!("did you mean `{module}::{near}`?"));
        }
        match self.known.anywhere(name) {
            Some(other) => error.hint(format!("did you mean `{}`?", other.full_name())),
            None => error.hint(format!("`{module}` has: {}", within.join(", "))),
        }
    }
}

/// Words of other languages that Rhai takes for variables.
const WORDS: [(&str, &str); 8] = [
    ("and", "`&&`"),
    ("or", "`||`"),
    ("not", "`!`"),
    ("True", "`true`"),
    ("False", "`false`"),
    ("None", "`()`"),
    ("self", "a closure, or a function with arguments"),
    ("undefined", "`()`"),
];

/// The name under which Rhai keeps a closure, if the expression is one.
pub fn closure(expression: &Expr) -> Option<String> {
    match expression {
        Expr::DynamicConstant(value, _) => {
            let pointer = value.read_lock::<rhai::FnPtr>()?;
            pointer.fn_name().starts_with(CLOSURE).then(|| pointer.fn_name().to_owned())
        }
        // With captured variables: `curry(closure, captured…)` after they were made shared.
        Expr::Stmt(block) => match block.statements() {
            [Stmt::Share(_), Stmt::Expr(curry)] => match &**curry {
                Expr::FnCall(call, _) => closure(call.args.first()?),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Where an expression begins in the text.
pub fn start(expression: &Expr) -> Position {
    match expression {
        Expr::FnCall(call, position) => {
            if call.op_token.is_some() && call.args.len() > 1 {
                start(&call.args[0])
            } else {
                call.namespace.path.first().map_or(*position, |part| part.pos)
            }
        }
        Expr::Variable(variable, _, position) => variable.2.path.first().map_or(*position, |part| part.pos),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => start(&pair.lhs),
        Expr::And(parts, position) | Expr::Or(parts, position) | Expr::Coalesce(parts, position) => {
            parts.first().map_or(*position, start)
        }
        other => other.position(),
    }
}

/// The variables that these statements define themselves.
fn defined(statements: &[Stmt]) -> BTreeSet<String> {
    let name = |statement: &Stmt| match statement {
        Stmt::Var(parts, ..) => Some(parts.0.name.to_string()),
        _ => None,
    };
    statements.iter().filter_map(name).collect()
}
