//! What lives from line to line: variables, functions, the value of the last input, and what was typed.
//!
//! Each input is compiled by itself, but against all before it: one scope holds the variables, one growing syntax
//! tree the functions and closures, so that a closure of the first line can be called in the tenth. What runs in
//! the background keeps the tree of its own line. Places count over the whole session, because the function that
//! fails may have been typed an hour ago: an input is parsed behind as many empty lines as were typed before it.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, ASTNode, Dynamic, Engine, Expr, FnCallExpr, Position, Scope, Stmt, Token};

use super::complete::{Known, Variable};
use super::lexis::is_name;
use super::saved::{Input, Place, is_arm, last_values};
use super::show;
use crate::error::{Error, Result};
use crate::script::check::{self, Finding, Severity, Surroundings};
use crate::script::declare::Belongs;
use crate::script::errors::{self, Scene};
use crate::script::session::Session;
use crate::script::source::Source;
use crate::script::{bind, engine, imports, limits};

/// The variable that holds the value of the last input.
pub const LAST: &str = "_";

pub struct Prompt {
    session: Arc<Session>,
    engine: Arc<Engine>,
    /// The script being parsed, for the one token whose meaning depends on what follows it.
    parsed: Arc<Mutex<String>>,
    /// What the check knows before anything is typed.
    known: check::Known,
    /// Functions that scripts call, but for those typed here.
    functions: Vec<String>,
    scope: Scope<'static>,
    tree: AST,
    inputs: Vec<Input>,
    /// `import "path" as name;` of earlier inputs: Rhai forgets them with the input.
    imports: String,
    /// Lines typed before the present input.
    lines_before: usize,
}

impl Prompt {
    pub fn new(session: &Arc<Session>) -> Result<Self> {
        let mut engine = engine::build(session)?;
        let stdlib = imports::stdlib(&session.host.directory, &session.search())?;
        let stdlib: Vec<Source> = stdlib.into_iter().map(|file| file.source).collect();
        let functions = engine::functions(&engine);
        let parsed: Arc<Mutex<String>> = Arc::default();
        let own = Arc::clone(&parsed);
        // Rhai keeps `_` for the last arm of a `switch`; everywhere else it is the last value.
        #[expect(deprecated, reason = "Rhai's mark for what may change; the version is pinned by the lock file")]
        engine.on_parse_token(move |token, position, _| match token {
            Token::Underscore if !is_arm(&behind(&own.lock().unwrap_or_else(PoisonError::into_inner), position)) => {
                Token::Identifier(Box::new(LAST.into()))
            }
            token => token,
        });
        let engine = Arc::new(engine);
        session.state().engine = Arc::downgrade(&engine);
        Ok(Self {
            session: Arc::clone(session),
            engine,
            parsed,
            known: check::Known::new(&stdlib),
            functions,
            scope: Scope::new(),
            tree: AST::empty(),
            inputs: Vec::new(),
            imports: String::new(),
            lines_before: 0,
        })
    }

    /// Takes an input, and gives what is wrong with it before it is evaluated.
    pub fn check(&mut self, text: &str) -> Vec<Finding> {
        let lines_before = self.session.source().text.lines().count();
        self.lines_before = lines_before;
        self.session.type_in(&format!("{text}\n"));
        let source = self.session.source();
        let stand_in = self.stand_in(text);
        let mut renamed = text.to_owned();
        last_values(text).into_iter().for_each(|at| renamed.replace_range(at..=at, &stand_in));
        let variables = self.scope.iter_raw().map(|(name, _, _)| if name == LAST { &stand_in } else { name });
        let surroundings = Surroundings {
            folders: self.session.search(),
            variables: variables.map(str::to_owned).collect(),
            functions: self.own_functions().into_iter().map(|(name, of)| (name, of.len())).collect(),
            directory: self.session.host.directory.clone(),
            prompt: true,
        };
        let typed = Source { text: self.padded(&renamed), ..source.clone() };
        let mut findings = check::check(&typed, &self.known, &surroundings);
        for finding in findings.iter_mut().filter(|one| one.position.file == source.name) {
            finding.position.text = source.line(finding.position.line);
        }
        findings
    }

    /// The text on its lines of the session. Imports of earlier inputs stand on the first, which is none of its own.
    fn padded(&self, text: &str) -> String {
        format!("{}{}{text}", self.imports, "\n".repeat(self.lines_before))
    }

    /// The check does not know of `_`: a name of one letter, which keeps all columns, stands in for it.
    fn stand_in(&self, text: &str) -> String {
        let free = |letter: &char| !text.contains(*letter) && !self.scope.contains(&letter.to_string());
        ('a'..='z').chain('A'..='Z').find(free).unwrap_or('_').to_string()
    }

    /// Evaluates an input that was checked. What a failing one defined is forgotten.
    pub fn evaluate(&mut self, text: &str) -> Result<Dynamic> {
        limits::time_passed();
        let (tree, place) = self.compile(text)?;
        let variables = self.scope.len();
        match self.engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &tree) {
            Ok(value) => {
                self.keep(Input { text: text.to_owned(), gives_value: !value.is_unit(), place }, &tree);
                Ok(self.remember(value.flatten()))
            }
            Err(failure) => {
                self.scope.rewind(variables);
                let sources = self.sources();
                let functions = self.all_functions();
                let imports = &self.session.imports;
                Err(errors::convert(*failure, &Scene { sources: &sources, functions: &functions, imports }))
            }
        }
    }

    /// The statements of this input with the functions of all, and where they would stand in a script.
    fn compile(&self, text: &str) -> Result<(AST, Place)> {
        let padded = self.padded(text);
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&padded);
        let source = self.session.source();
        let functions = self.all_functions();
        let parsed = self.engine.compile_with_scope(&self.scope, &padded);
        let mut own = parsed.map_err(|error| errors::from_parse(&error, &source, &functions))?;
        own.set_source(source.name.as_str());
        self.session.imports.note(&source, &own);
        self.session.imports.follow(&self.engine, &source, &own)?;
        let mut tree = self.tree.merge(&own);
        tree.set_source(source.name.as_str());
        Ok((tree, place(&own)))
    }

    fn keep(&mut self, input: Input, tree: &AST) {
        self.tree = tree.clone_functions_only();
        self.inputs.push(input);
        let written = imports::imports(tree);
        self.imports = written.iter().map(|one| format!("import {:?} as {}; ", one.path, one.alias)).collect();
        // `let x` twice leaves two of them, of which the first cannot be reached any more.
        let mut tidy = Scope::new();
        let all: Vec<(&str, bool, &Dynamic)> = self.scope.iter_raw().collect();
        for (place, (name, constant, value)) in all.iter().enumerate() {
            if all[place + 1..].iter().any(|(later, _, _)| later == name) {
                continue;
            }
            if *constant {
                tidy.push_constant_dynamic(*name, (*value).clone());
            } else {
                tidy.push_dynamic(*name, (*value).clone());
            }
        }
        self.scope = tidy;
    }

    fn remember(&mut self, value: Dynamic) -> Dynamic {
        if !value.is_unit() {
            self.scope.set_or_push(LAST, value.clone());
        }
        value
    }

    fn sources(&self) -> Vec<Source> {
        let own = self.session.source();
        // The prompt's own is in the list as it was at the start.
        let others = self.session.imports.sources().into_iter().filter(|other| other.name != own.name);
        std::iter::once(own.clone()).chain(others).collect()
    }

    fn all_functions(&self) -> Vec<String> {
        self.functions.iter().cloned().chain(self.own_functions().into_iter().map(|(name, _)| name)).collect()
    }

    /// Functions typed here, with their parameters.
    fn own_functions(&self) -> Vec<(String, Vec<String>)> {
        let named = self.tree.iter_functions().filter(|function| function.name.chars().all(is_name));
        named
            .map(|function| (function.name.to_owned(), function.params.iter().map(|&name| name.to_owned()).collect()))
            .collect()
    }

    /// `name`, what it is, and its value in short, of each variable; then the functions.
    #[must_use]
    pub fn variables(&self) -> String {
        let mut named: Vec<_> = self.scope.iter_raw().filter(|(name, _, _)| *name != LAST).collect();
        // The scope gives the latest first.
        named.reverse();
        let variables = named.into_iter().map(|(name, _, value)| {
            let value = value.flatten_clone();
            [name.into(), kind(&value).into(), value]
        });
        let functions = self.own_functions().into_iter().map(|(name, parameters)| {
            let signature = format!("{name}({})", parameters.join(", "));
            [name.into(), "function".into(), signature.into()]
        });
        let rows: Vec<[Dynamic; 3]> = variables.chain(functions).collect();
        if rows.is_empty() { "no variables yet".into() } else { show::columns(&["name", "type", "value"], &rows) }
    }

    /// What completion may offer now.
    #[must_use]
    pub fn known(&self) -> Known {
        let variables = self.scope.iter_raw().map(|(name, _, value)| {
            let value = value.flatten_clone();
            let of_map = value.read_lock::<rhai::Map>().map(|map| map.keys().map(ToString::to_string).collect());
            let keys = of_map.unwrap_or_else(|| show::properties(&value).into_iter().map(|(name, _)| name).collect());
            Variable { name: name.to_owned(), kind: kind(&value), keys }
        });
        Known {
            functions: self.functions.clone(),
            own: self.own_functions().into_iter().map(|(name, _)| name).collect(),
            variables: variables.filter(|variable| variable.name != LAST).collect(),
            ids: self.session.jobs.list().iter().map(|one| one.id.to_string()).collect(),
            names: super::trial::names(&self.session),
        }
    }

    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// What is wrong with a script that `save` has written.
    pub fn check_script(&self, name: &str, text: &str) -> Option<Error> {
        let source = Source { name: name.to_owned(), text: text.to_owned(), folder: None };
        let surroundings = Surroundings { folders: self.session.search(), ..Surroundings::default() };
        let findings = check::check(&source, &self.known, &surroundings);
        findings.into_iter().find(|one| one.severity == Severity::Error).map(|one| one.error())
    }
}

/// The name of a type as declarations and messages have it.
fn kind(value: &Dynamic) -> String {
    use crate::script::units::{Bytes, Duration};
    if value.is::<Duration>() {
        return "duration".into();
    }
    if value.is::<Bytes>() {
        return "bytes".into();
    }
    bind::handle_name(value).unwrap_or_else(|| value.type_name()).to_owned()
}

/// What follows the sign at a place, on its line.
fn behind(text: &str, position: Position) -> String {
    let (Some(line), Some(column)) = (position.line(), position.position()) else { return String::new() };
    text.lines().nth(line - 1).unwrap_or_default().chars().skip(column).collect()
}

/// Where the statements of an input stand in a script, by what they call. What closures call counts at their caller.
fn place(tree: &AST) -> Place {
    let mut found = Place::Anywhere;
    for statement in tree.statements() {
        statement.walk(&mut Vec::new(), &mut |path| {
            let called = path.last().and_then(called).map(place_of);
            found = match (found, called) {
                (Place::Outside, _) | (_, Some(Place::Outside)) => Place::Outside,
                (Place::Body, _) | (_, Some(Place::Body)) => Place::Body,
                _ => Place::Anywhere,
            };
            true
        });
    }
    found
}

fn called(node: &ASTNode<'_>) -> Option<String> {
    let call: &FnCallExpr = match node {
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => call,
        _ => return None,
    };
    let modules = call.namespace.path.iter().map(|module| module.name.as_str());
    Some(modules.chain([call.name.as_str()]).collect::<Vec<_>>().join("::"))
}

fn place_of(name: String) -> Place {
    let primitive = bind::primitives().find(|primitive| primitive.full_name() == name);
    match primitive.map(|primitive| (primitive.belongs, primitive.module)) {
        Some((Belongs::Body, _)) => Place::Body,
        Some((Belongs::Top, _) | (_, "run" | "report")) => Place::Outside,
        None if STUDY.contains(&name.as_str()) => Place::Outside,
        _ => Place::Anywhere,
    }
}

/// Functions of the stdlib that run experiments or report on them.
const STUDY: [&str; 4] = ["experiment", "interval_report", "capacity_report", "validation_report"];
