//! What a first look over a whole file tells: which names change after their `let`, which keys maps may have.
//!
//! The check reads a file once from top to bottom and does not follow loops; a name that changes anywhere has no
//! evident type anywhere.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Expr, Stmt};

#[derive(Default)]
pub struct Scan {
    /// Variables that get another value.
    pub reassigned: BTreeSet<String>,
    /// Variables of which parts change.
    pub changed: BTreeSet<String>,
    /// Every key of a map, property that is set, and string: what a method of a map could be called.
    pub keys: BTreeSet<String>,
}

/// Methods that change what they are called on.
const CHANGING: [&str; 19] = [
    "append",
    "chop",
    "clear",
    "drain",
    "extract",
    "fill_with",
    "insert",
    "mixin",
    "pad",
    "pop",
    "push",
    "remove",
    "retain",
    "set",
    "shift",
    "splice",
    "truncate",
    "crop",
    "set_tag",
];

impl Scan {
    pub fn of(ast: &AST) -> Self {
        let mut scan = Self::default();
        let functions: BTreeSet<&str> = ast.iter_functions().map(|function| function.name).collect();
        ast.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => scan.assigned(&assignment.1.lhs),
                Some(ASTNode::Expr(Expr::Map(map, _))) => {
                    scan.keys.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
                }
                Some(ASTNode::Expr(Expr::StringConstant(text, _))) => drop(scan.keys.insert(text.to_string())),
                Some(ASTNode::Expr(Expr::Dot(pair, ..))) => {
                    let changes = |name: &str| CHANGING.contains(&name) || functions.contains(name);
                    if let (Some(name), true) = (base(&pair.lhs), calls(&pair.rhs, &changes)) {
                        scan.changed.insert(name);
                    }
                }
                _ => {}
            }
            true
        });
        scan
    }

    fn assigned(&mut self, to: &Expr) {
        match to {
            Expr::Variable(variable, ..) => drop(self.reassigned.insert(variable.1.to_string())),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                self.changed.extend(base(&pair.lhs));
                self.set(&pair.rhs);
            }
            _ => {}
        }
    }

    fn set(&mut self, end: &Expr) {
        match end {
            Expr::Property(property, _) => drop(self.keys.insert(property.2.to_string())),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => self.set(&pair.rhs),
            _ => {}
        }
    }
}

fn base(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => base(&pair.lhs),
        _ => None,
    }
}

/// Whether a chain calls such a method anywhere: `m.list.push(1)` changes `m`.
fn calls(chain: &Expr, changes: &dyn Fn(&str) -> bool) -> bool {
    match chain {
        Expr::MethodCall(call, _) => changes(&call.name),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => calls(&pair.lhs, changes) || calls(&pair.rhs, changes),
        _ => false,
    }
}
