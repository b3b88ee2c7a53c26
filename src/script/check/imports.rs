//! The files that a script imports: found, checked with it, and their functions known to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use super::known::{Known, Signature};
use super::scan::Scan;
use super::scope::Scope;
use super::tree::Tree;
use super::walk::{Walker, Within, start};
use super::{Finding, Severity, Surroundings, spans, syntax};
use crate::error::Error;
use crate::script::source::Source;
use crate::script::value::nearest;

/// Deeper than this nobody nests files on purpose.
const DEEPEST: usize = 32;

/// The findings of a script, then those of each file that it imports.
pub fn with_imported(source: &Source, known: &Known, surroundings: &Surroundings) -> Vec<Finding> {
    let mut files = Files { known, surroundings, done: BTreeMap::new(), findings: Vec::new() };
    files.file(source, std::slice::from_ref(&source.name));
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
    fn file(&mut self, source: &Source, chain: &[String]) -> Option<Vec<Signature>> {
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
    fn import(&mut self, from: &Source, import: &Import, chain: &[String]) -> Result<Option<Vec<Signature>>, Error> {
        let Some(path) = &import.path else { return Ok(None) };
        let Some(found) = resolve(from, path)? else { return Ok(None) };
        if let Some(first) = chain.iter().position(|name| *name == found.name) {
            let circle: Vec<&str> = chain[first..].iter().map(String::as_str).chain([found.name.as_str()]).collect();
            return Err(Error::script(format!("the imports go round in a circle: {}", circle.join(" → ")))
                .hint("move what both files need into a third one"));
        }
        if chain.len() >= DEEPEST {
            return Err(Error::script(format!("imports are nested deeper than {DEEPEST} files"))
                .hint("import the file directly"));
        }
        if let Some(known) = self.done.get(&found.name) {
            return Ok(known.clone());
        }
        let chain: Vec<String> = chain.iter().cloned().chain([found.name.clone()]).collect();
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

/// The file that an import means, relative to the importing one; nothing where that has no place.
fn resolve(from: &Source, path: &str) -> Result<Option<Source>, Error> {
    let Some(folder) = &from.folder else { return Ok(None) };
    let with_extension = if path.ends_with(".rhai") { path.to_owned() } else { format!("{path}.rhai") };
    let full = folder.join(&with_extension);
    let Ok(text) = std::fs::read_to_string(&full) else {
        let error = Error::script(format!("there is no file {with_extension} to import"));
        let beside = beside(&full);
        let names: Vec<&str> = beside.iter().map(String::as_str).collect();
        let stem = Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        return Err(match nearest(&stem, &names) {
            Some(near) => error.hint(format!("did you mean \"{near}\"?")),
            None => error.hint(format!("paths are relative to {}", from.name)),
        });
    };
    let name = Path::new(&from.name).with_file_name("").join(&with_extension);
    Ok(Some(Source { name: plain(&name).display().to_string(), text, folder: full.parent().map(Path::to_owned) }))
}

/// Without `.` and `..`, so that a file has one name.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// The scripts in the folder of a missing one.
fn beside(missing: &Path) -> Vec<String> {
    let entries = missing.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".rhai").map(str::to_owned)).collect()
}
