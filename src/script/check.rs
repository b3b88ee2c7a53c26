//! Finds calls of functions that do not exist, before anything runs.
//!
//! Rhai looks a function up when it is called, so a typo in the last line of a script would end a run of
//! hours without its report. Names are compared, not kinds of arguments: those the rehearsal finds.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::source::Source;
use super::value::nearest;
use crate::error::{Error, Result};

/// Names that Rhai itself understands.
const BUILT_IN: [&str; 9] =
    ["call", "curry", "Fn", "print", "debug", "type_of", "is_def_var", "is_def_fn", "is_shared"];

/// Fails at the first call of an unknown function; `functions` holds `name` and `module::name`.
pub fn calls(ast: &AST, source: &Source, functions: &[String]) -> Result<()> {
    let own: Vec<String> = ast.iter_functions().map(|function| function.name.to_owned()).collect();
    let known: BTreeSet<&str> = functions.iter().chain(&own).map(String::as_str).chain(BUILT_IN).collect();
    let methods: BTreeSet<&str> = known.iter().map(|name| name.rsplit("::").next().unwrap_or(name)).collect();
    let mut found = None;
    ast.walk(&mut |path| {
        let called = path.last().and_then(call);
        if let Some((call, position, is_method)) = called {
            let name = full_name(call);
            let exists = if is_method { methods.contains(name.as_str()) } else { known.contains(name.as_str()) };
            if !exists && is_identifier(&call.name) {
                let names: Vec<&str> =
                    if is_method { methods.iter().copied().collect() } else { known.iter().copied().collect() };
                let begin = call.namespace.path.first().map_or(position, |module| module.pos);
                found = Some(unknown(&name, begin, source, &names));
            }
        }
        found.is_none()
    });
    found.map_or(Ok(()), Err)
}

/// The call in a node, where it stands, and whether it is one of a method.
fn call<'a>(node: &ASTNode<'a>) -> Option<(&'a FnCallExpr, Position, bool)> {
    match node {
        ASTNode::Expr(Expr::FnCall(call, position)) => Some((call, *position, false)),
        ASTNode::Expr(Expr::MethodCall(call, position)) => Some((call, *position, true)),
        ASTNode::Stmt(Stmt::FnCall(call, position)) => Some((call, *position, false)),
        _ => None,
    }
}

fn full_name(call: &FnCallExpr) -> String {
    let modules = call.namespace.path.iter().map(|module| module.name.as_str());
    modules.chain([call.name.as_str()]).collect::<Vec<_>>().join("::")
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn unknown(name: &str, position: Position, source: &Source, names: &[&str]) -> Error {
    let (message, near) = match name.rsplit_once("::") {
        Some((module, _)) if !names.iter().any(|known| known.starts_with(&format!("{module}::"))) => {
            let modules: Vec<&str> =
                names.iter().filter_map(|known| known.split_once("::")).map(|(module, _)| module).collect();
            (format!("there is no module `{module}`"), nearest(module, &modules).map(|near| format!("{near}::")))
        }
        _ => (format!("there is no function `{name}`"), nearest(name, names).map(str::to_owned)),
    };
    let mut error = Error::script(message);
    if let Some(near) = near {
        error = error.hint(format!("did you mean `{near}`?"));
    }
    if let Some(line) = position.line() {
        error.position = Some(source.position(line, position.position().unwrap_or(0)));
    }
    error
}
