//! The files of a script: the stdlib, a user's own beside it, and what `import` brings in.
//!
//! Imports are resolved here and not by Rhai's own resolver, which overflows the stack on a cycle, forgets which file
//! an error is in, and looks for files below the current directory. Those whose path is written out are followed
//! before anything runs, so that a missing file or a cycle costs no time on a cluster.
//!
//! A closure that a function of an imported file returns is called later by its generated name, which Rhai looks for
//! in the script and in global functions: closures of imported files are made global. They carry their file's own
//! functions along, so two files do not mix.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use rhai::{
    AST, ASTNode, Engine, EvalAltResult, Expr, FnNamespace, GlobalRuntimeState, Module, ModuleResolver, Position,
    Scope, Stmt,
};

use super::errors::{self, Failure};
use super::source::Source;
use super::value::nearest;
use crate::error::{Error, Result};

/// Files that import each other may stand so deep; a longer chain is hardly meant.
pub const DEPTH: usize = 16;

const EXTENSION: &str = "rhai";
const STDLIB: &str = "stdlib";
/// How Rhai begins the names of closures.
const CLOSURE: &str = "anon$";

/// A file of the stdlib.
#[derive(Clone, Debug)]
pub struct StdlibFile {
    pub source: Source,
    /// Whether it is the user's, and says something else than the one that came with cprun, if any.
    pub is_own: bool,
}

/// Every file that takes part in one execution of a script.
pub struct Imports {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The script first.
    sources: Vec<Source>,
    closures: BTreeMap<String, Place>,
    files: BTreeMap<PathBuf, Arc<Imported>>,
    modules: BTreeMap<PathBuf, Arc<Module>>,
    /// What is being evaluated right now, by thread.
    loading: Vec<(ThreadId, PathBuf)>,
}

/// An imported file.
#[derive(Debug)]
pub struct Imported {
    pub source: Source,
    pub ast: AST,
}

/// Where a closure was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    /// From 1.
    pub line: usize,
}

/// An `import "path" as alias;` whose path is written out.
#[derive(Clone, Debug)]
pub struct Import {
    pub path: String,
    /// Empty where it is made for what it does alone.
    pub alias: String,
    pub position: Position,
}

impl Imports {
    #[must_use]
    pub fn new(directory: &Path) -> Arc<Self> {
        Arc::new(Self { directory: directory.to_owned(), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files so far, the script first.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        self.state().sources.clone()
    }

    /// Where a closure was written, by the name that Rhai gave it.
    #[must_use]
    pub fn closure(&self, name: &str) -> Option<Place> {
        self.state().closures.get(name).cloned()
    }

    #[must_use]
    pub fn source(&self, name: &str) -> Option<Source> {
        self.state().sources.iter().find(|source| source.name == name).cloned()
    }

    /// Takes a compiled file in, so that errors in it and in its closures find their place.
    pub fn note(&self, source: &Source, ast: &AST) {
        let mut state = self.state();
        if !state.sources.iter().any(|known| known.name == source.name) {
            state.sources.push(source.clone());
        }
        for (name, line) in closures(ast) {
            // Equal closures of two files have one name; the first file keeps it.
            state.closures.entry(name).or_insert_with(|| Place { file: source.name.clone(), line });
        }
    }

    /// Follows every import of a file whose path is written out, and those of the imported files: what is missing, does
    /// not parse or runs in a circle is told before anything runs.
    pub fn follow(&self, engine: &Engine, source: &Source, ast: &AST) -> Result<()> {
        self.follow_from(engine, source, ast, &mut vec![source.clone()])
    }

    fn follow_from(&self, engine: &Engine, source: &Source, ast: &AST, chain: &mut Vec<Source>) -> Result<()> {
        for import in imports(ast) {
            let file = locate(&self.directory, source, &import.path)
                .and_then(|file| end_of_chain(chain, &file).map(|()| file))
                .map_err(|error| placed(error, source, import.position))?;
            let imported = self.compiled(engine, &file)?;
            chain.push(file);
            self.follow_from(engine, &imported.source, &imported.ast, chain)?;
            chain.pop();
        }
        Ok(())
    }

    fn compiled(&self, engine: &Engine, file: &Source) -> Result<Arc<Imported>> {
        let held = self.state().files.get(&key(file)).cloned();
        if let Some(held) = held {
            return Ok(held);
        }
        let mut ast = engine.compile(&file.text).map_err(|error| errors::from_parse(&error, file, &[]))?;
        ast.set_source(file.name.as_str());
        self.note(file, &ast);
        let imported = Arc::new(Imported { source: file.clone(), ast });
        self.state().files.insert(key(file), Arc::clone(&imported));
        Ok(imported)
    }

    fn resolve(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        path: &str,
    ) -> std::result::Result<Arc<Module>, Failure> {
        let importer = global.source().and_then(|name| self.source(name));
        let importer = importer.or_else(|| self.state().sources.first().cloned());
        let importer = importer.ok_or_else(|| errors::plain(Error::defect("an import of no file")))?;
        let file = locate(&self.directory, &importer, path).map_err(errors::plain)?;
        let key = key(&file);
        if let Some(module) = self.state().modules.get(&key) {
            return Ok(Arc::clone(module));
        }
        let imported = self.compiled(engine, &file).map_err(|error| errors::plain(in_words(error)))?;
        let thread = std::thread::current().id();
        {
            let mut state = self.state();
            let own: Vec<PathBuf> =
                state.loading.iter().filter(|(other, _)| *other == thread).map(|(_, path)| path.clone()).collect();
            if own.contains(&key) || own.len() >= DEPTH {
                return Err(errors::plain(Error::script(format!("the import of `{path}` goes round in a circle"))));
            }
            state.loading.push((thread, key.clone()));
        }
        let module = Module::eval_ast_as_new_raw(engine, &mut Scope::new(), global, &imported.ast);
        self.state().loading.retain(|(other, path)| (*other, path) != (thread, &key));
        let mut module =
            module.map_err(|inner| Box::new(EvalAltResult::ErrorInModule(file.name.clone(), inner, Position::NONE)))?;
        make_closures_global(&mut module, &imported.ast);
        let module = Arc::new(module);
        self.state().modules.insert(key, Arc::clone(&module));
        Ok(module)
    }
}

/// The file that `import "path"` in `importer` means.
pub fn locate(directory: &Path, importer: &Source, path: &str) -> Result<Source> {
    let shown_folder = Path::new(&importer.name).parent().unwrap_or(Path::new(""));
    let mut tried = Vec::new();
    for candidate in candidates(path) {
        let shown = tidy(&shown_folder.join(&candidate));
        let name = shown.display().to_string();
        let full = match (&importer.folder, candidate.is_absolute()) {
            (Some(folder), _) => tidy(&folder.join(&candidate)),
            (None, true) => candidate.clone(),
            (None, false) => match Source::embedded(&name).filter(|_| Source::embedded(&importer.name).is_some()) {
                Some(embedded) => return Ok(embedded),
                None => tidy(&directory.join(&candidate)),
            },
        };
        match std::fs::read(&full) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| Error::script(format!("{name} is not UTF-8")))?;
                return Ok(Source { name, text, folder: full.parent().map(Path::to_owned) });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound || full.is_dir() => tried.push((name, full)),
            Err(error) => return Err(Error::missing(format!("cannot read {name}: {error}"))),
        }
    }
    Err(absent(path, &tried))
}

/// The files of the stdlib: the user's before those that came with cprun, file by file, and what the user added.
pub fn stdlib(directory: &Path, search: &[PathBuf]) -> Result<Vec<StdlibFile>> {
    let mut files: BTreeMap<String, StdlibFile> = BTreeMap::new();
    for folder in search {
        for path in scripts_in(&folder.join(STDLIB)) {
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let own = format!("{STDLIB}/{file}");
            if files.contains_key(&own) {
                continue;
            }
            let shown = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
            let text = std::fs::read_to_string(&path)
                .map_err(|error| Error::missing(format!("cannot read {shown}: {error}")))?;
            let is_own = Source::embedded(&own).is_none_or(|embedded| embedded.text != text);
            let folder = is_own.then(|| path.parent().map(Path::to_owned)).flatten();
            // One that says the same goes by the name of the embedded one.
            let name = if is_own { shown } else { own.clone() };
            files.insert(own, StdlibFile { source: Source { name, text, folder }, is_own });
        }
    }
    for (name, _) in crate::EMBEDDED {
        let is_stdlib = Path::new(name).parent() == Some(Path::new(STDLIB)) && is_script(Path::new(name));
        if is_stdlib && let Some(source) = Source::embedded(name) {
            files.entry((*name).to_owned()).or_insert(StdlibFile { source, is_own: false });
        }
    }
    let mut files: Vec<StdlibFile> = files.into_values().collect();
    // A function that stands in two files is the user's: the last one registered is found first.
    files.sort_by_key(|file| file.is_own);
    Ok(files)
}

/// Fails where a chain of imports may not go on with a file: in a circle, or too deep.
pub fn end_of_chain(chain: &[Source], file: &Source) -> Result<()> {
    if let Some(from) = chain.iter().position(|known| same_file(known, file)) {
        return Err(in_circle(&chain[from..], file));
    }
    if chain.len() > DEPTH {
        return Err(Error::script(format!("imports are nested more than {DEPTH} deep")).hint(arrows(chain, file)));
    }
    Ok(())
}

/// Rhai asks this one for modules.
pub struct Resolver(pub Arc<Imports>);

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> std::result::Result<Arc<Module>, Failure> {
        let mut global = engine.new_global_runtime_state();
        global.source = source.map(Into::into);
        self.resolve_raw(engine, &mut global, &mut Scope::new(), path, position)
    }

    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _scope: &mut Scope<'_>,
        path: &str,
        position: Position,
    ) -> std::result::Result<Arc<Module>, Failure> {
        self.0.resolve(engine, global, path).map_err(|mut failure| {
            failure.set_position(position);
            failure
        })
    }
}

fn make_closures_global(module: &mut Module, ast: &AST) {
    let mut scratch = Module::new();
    for function in ast.iter_functions().filter(|function| function.name.starts_with(CLOSURE)) {
        if let Some(definition) = ast.shared_lib().get_script_fn(function.name, function.params.len()) {
            let hash = scratch.set_script_fn(Arc::clone(definition));
            #[expect(deprecated, reason = "nothing else changes the namespace of a function that has its environment")]
            module.update_fn_namespace(hash, FnNamespace::Global);
        }
    }
    module.build_index();
}

/// The imports of a file whose paths are written out, in the order of the text.
#[must_use]
pub fn imports(ast: &AST) -> Vec<Import> {
    let mut found = Vec::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last()
            && let (Expr::StringConstant(text, position), alias) = &**import
        {
            let alias = alias.name.to_string();
            found.push(Import { path: text.to_string(), alias, position: *position });
        }
        true
    });
    found
}

fn closures(ast: &AST) -> Vec<(String, usize)> {
    let all = ast.iter_functions().filter(|function| function.name.starts_with(CLOSURE));
    all.filter_map(|function| {
        let definition = ast.shared_lib().get_script_fn(function.name, function.params.len())?;
        Some((function.name.to_owned(), definition.body.start_position().line()?))
    })
    .collect()
}

fn candidates(path: &str) -> Vec<PathBuf> {
    let typed = PathBuf::from(path);
    if is_script(&typed) { vec![typed] } else { vec![PathBuf::from(format!("{path}.{EXTENSION}")), typed] }
}

fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

/// The scripts of a folder by name; none where there is no such folder.
fn scripts_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut paths: Vec<PathBuf> = entries.unwrap_or_default();
    paths.retain(|path| is_script(path) && path.is_file());
    paths.sort();
    paths
}

/// `a/../b` is `b`: names stay short, and one file has one name.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidied.components().next_back(), Some(Component::Normal(_))) => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

/// Which file it is, however it was named.
fn key(source: &Source) -> PathBuf {
    let own = source.folder.as_ref().zip(Path::new(&source.name).file_name()).map(|(folder, name)| folder.join(name));
    own.map_or_else(|| PathBuf::from(&source.name), |path| path.canonicalize().unwrap_or_else(|_| tidy(&path)))
}

fn same_file(left: &Source, right: &Source) -> bool {
    key(left) == key(right)
}

fn placed(mut error: Error, source: &Source, position: Position) -> Error {
    if error.position.is_none()
        && let Some(line) = position.line()
    {
        error.position = Some(source.position(line, position.position().unwrap_or(0)));
    }
    error
}

fn in_circle(chain: &[Source], file: &Source) -> Error {
    Error::script(format!("the imports go round in a circle: {}", arrows(chain, file)))
        .hint("move what both files need into a third one")
}

/// `a.rhai → b.rhai → a.rhai`
fn arrows(chain: &[Source], last: &Source) -> String {
    // The file that closes a circle goes by the name that it has already.
    let closing = chain.iter().find(|known| same_file(known, last)).unwrap_or(last);
    let names = chain.iter().chain([closing]).map(|source| source.name.as_str());
    names.collect::<Vec<_>>().join(" → ")
}

fn absent(path: &str, tried: &[(String, PathBuf)]) -> Error {
    let names: Vec<&str> = tried.iter().map(|(name, _)| name.as_str()).collect();
    let error = Error::script(format!("there is no file to import as `{path}`; looked for {}", names.join(" and ")));
    let folder = tried.first().and_then(|(_, full)| full.parent().map(Path::to_owned)).unwrap_or_default();
    let there: Vec<String> =
        scripts_in(&folder).iter().filter_map(|file| file.file_stem()?.to_str().map(str::to_owned)).collect();
    let there: Vec<&str> = there.iter().map(String::as_str).collect();
    let typed = Path::new(path);
    let stem = typed.file_stem().and_then(|stem| stem.to_str()).unwrap_or(path);
    match nearest(stem, &there) {
        Some(near) => error.hint(format!("did you mean `{}`?", typed.with_file_name(near).display())),
        None => error.hint("the path is relative to the file that imports it, with or without `.rhai`"),
    }
}

/// An error of another file in one sentence, where only one place can be told.
fn in_words(error: Error) -> Error {
    match &error.position {
        Some(place) => {
            let message = format!("{}:{}:{}: {}", place.file, place.line, place.column, error.message);
            Error { message, position: None, ..error }
        }
        None => error,
    }
}

#[cfg(test)]
mod tests;
