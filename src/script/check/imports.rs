//! The files that a script imports: found, checked with it, and their functions known to it.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use super::known::{Known, Signature};
use super::scan::Scan;
use super::scope::Scope;
use super::tree::Tree;
use super::walk::{Walker, Within, start};
use super::{Finding, Severity, Surroundings, spans, syntax};
use crate::error::Error;
use crate::script::imports::{end_of_chain, locate};
use crate::script::source::Source;

/// The findings of a script, then those of each file that it imports.
pub fn with_imported(source: &Source, known: &Known, surroundings: &Surroundings) -> Vec<Finding> {
    let mut files = Files { known, surroundings, done: BTreeMap::new(), findings: Vec::new() };
    files.file(source, std::slice::from_ref(source));
    files.findings
}

struct Files<'a> {
    known: &'a Known,
    surroundings: &'a Surroundings,
    /// What a file defines, by its name; `None` where it does not parse.
    done: BTreeMap<String, Option<Vec<Signature>>>,
    findings: Vec<Finding>,
}

impl Files<'_> {
    /// Checks a file; `chain` are the files that led to it, itself the last.
    fn file(&mut self, source: &Source, chain: &[Source]) -> Option<Vec<Signature>> {
        let ast = match self.known.parser.compile(&source.text) {
            Ok(ast) => ast,
            Err(error) => {
                self.findings.push(syntax::finding(&error, source, self.known));
                return None;
            }
        };
        let mut own = Vec::new();
        // The script's findings come before those of its imports, which are known only after those were read.
        let before = self.findings.len();
        let mut imported = BTreeMap::new();
        for import in imports(&ast) {
            match self.import(source, &import, chain) {
                Ok(functions) => drop(imported.insert(import.name, functions)),
                Err(error) => {
                    let place = spans::token(&source.text, import.at);
                    own.push(Finding::new(Severity::Error, "bad-import", place, source, error));
                    imported.insert(import.name, None);
                }
            }
        }
        let tree = Tree::of(&ast);
        own.extend(self.walk(source, &ast, &tree, &imported));
        own.sort_by_key(|finding| (finding.position.line, finding.position.column, finding.severity));
        self.findings.splice(before..before, own);
        let public = tree.named().filter(|function| !function.private);
        Some(public.map(|one| Signature { name: one.name.clone(), parameters: one.parameters.clone() }).collect())
    }

    fn walk(
        &self,
        source: &Source,
        ast: &AST,
        tree: &Tree,
        imported: &BTreeMap<String, Option<Vec<Signature>>>,
    ) -> Vec<Finding> {
        let scan = Scan::of(ast);
        let mut walker = Walker {
            source,
            known: self.known,
            surroundings: self.surroundings,
            tree,
            scan: &scan,
            imported,
            findings: Vec::new(),
            scope: Scope::default(),
            within: Within::Script,
            parameters: Vec::new(),
            script_variables: Default::default(),
            in_function: false,
            started: false,
            branches: 0,
        };
        walker.file();
        walker.findings
    }

    /// The functions of an imported file; `None` where they cannot be known.
    fn import(&mut self, from: &Source, import: &Import, chain: &[Source]) -> Result<Option<Vec<Signature>>, Error> {
        let Some(path) = &import.path else { return Ok(None) };
        let directory = &self.surroundings.directory;
        if from.folder.is_none() && directory.as_os_str().is_empty() {
            return Ok(None);
        }
        let found = locate(directory, from, path)?;
        end_of_chain(chain, &found)?;
        if let Some(known) = self.done.get(&found.name) {
            return Ok(known.clone());
        }
        let chain: Vec<Source> = chain.iter().cloned().chain([found.clone()]).collect();
        let functions = self.file(&found, &chain);
        self.done.insert(found.name.clone(), functions.clone());
        Ok(functions)
    }
}

struct Import {
    /// Where the path is a string in the script.
    path: Option<String>,
    name: String,
    at: Position,
}

fn imports(ast: &AST) -> Vec<Import> {
    let mut imports = Vec::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(parts, _))) = path.last() {
            let literal = match &parts.0 {
                Expr::StringConstant(text, _) => Some(text.to_string()),
                _ => None,
            };
            imports.push(Import { path: literal, name: parts.1.name.to_string(), at: start(&parts.0) });
        }
        true
    });
    imports
}
