//! A parsed script as it is checked: its own statements and those of each function and closure.
//!
//! Rhai keeps the bodies of closures beside the tree, under made-up names, and shows them only one after the other.
//! They are put together again by place: a statement belongs to the innermost body around it.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Expr, Position, Stmt};

pub struct Tree {
    pub statements: Vec<Stmt>,
    /// Functions and closures by name; the `fn` of a script may share a name at different numbers of arguments.
    pub functions: BTreeMap<(String, usize), Function>,
}

pub struct Function {
    pub name: String,
    /// A closure's captured variables come first.
    pub parameters: Vec<String>,
    /// How many of the parameters are captured variables, where that is known.
    pub captured: Option<usize>,
    pub private: bool,
    pub begin: Position,
    end: Position,
    pub body: Vec<Stmt>,
}

/// How Rhai begins the names of closures.
pub const CLOSURE: &str = "anon$";

impl Tree {
    pub fn of(ast: &AST) -> Self {
        let mut functions: Vec<Function> = ast
            .shared_lib()
            .iter_script_fn_info()
            .map(|(_, access, name, _, function)| Function {
                name: name.to_owned(),
                parameters: function.params.iter().map(ToString::to_string).collect(),
                captured: None,
                private: access == rhai::FnAccess::Private,
                begin: function.body.start_position(),
                end: function.body.end_position(),
                body: Vec::new(),
            })
            .collect();
        let mut statements = Vec::new();
        let mut captured: BTreeMap<String, usize> = BTreeMap::new();
        let own = ast.statements().len();
        let mut number = 0;
        ast.walk(&mut |path| {
            if let [ASTNode::Stmt(statement)] = path {
                // The script's own come first.
                if number < own {
                    statements.push((*statement).clone());
                } else if let Some(function) = innermost(&mut functions, statement.position()) {
                    function.body.push((*statement).clone());
                }
                number += 1;
            }
            if let Some(ASTNode::Expr(Expr::FnCall(curry, _))) = path.last()
                && let Some(name) = curry.args.first().and_then(super::walk::closure)
            {
                captured.insert(name, curry.args.len() - 1);
            }
            true
        });
        for function in &mut functions {
            function.captured = captured.get(&function.name).copied();
        }
        let functions = functions.into_iter().map(|one| ((one.name.clone(), one.parameters.len()), one)).collect();
        Self { statements, functions }
    }

    /// The functions that the script defines by name.
    pub fn named(&self) -> impl Iterator<Item = &Function> {
        self.functions.values().filter(|function| !function.name.starts_with(CLOSURE))
    }

    pub fn closure(&self, name: &str) -> Option<&Function> {
        self.functions.range((name.to_owned(), 0)..).next().map(|(_, function)| function).filter(|one| one.name == name)
    }
}

fn innermost(functions: &mut [Function], at: Position) -> Option<&mut Function> {
    let around = |function: &&mut Function| {
        // The body of `|x| x + 1` has no braces: it begins where its one statement does.
        function.begin == at || (function.begin < at && !function.end.is_none() && at <= function.end)
    };
    functions.iter_mut().filter(around).max_by_key(|function| function.begin)
}
