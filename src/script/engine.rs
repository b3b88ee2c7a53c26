//! The Rhai engine as cprun sets it up, and the two ways in: running a script and evaluating an expression.
//!
//! A script runs on a thread of its own with a large stack: natives block on asynchronous work, which a
//! thread of the runtime must not, and closures nest deeper than a default stack allows.

use std::sync::Arc;

use rhai::{AST, Dynamic, Engine, Module, OptimizationLevel, Scope};

use super::background::STACK_BYTES;
use super::errors::{self, Scene};
use super::imports::{self, Resolver, StdlibFile};
use super::rehearsal::Rehearsal;
use super::session::{Datasets, Options, Purpose, Session, Stage};
use super::source::Source;
use super::{bind, limits, params, units};
use crate::analysis::history::Demands;
use crate::analysis::validity::{self, Verdict};
use crate::cluster::flink_role::Timing;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::record::Recorder;
use crate::record::{Observation, Step};
use crate::run::{Beginning, Run, manifest};
use crate::runtime::Runtime;

/// How a script ended.
pub struct Ended {
    /// The error that ended it, if one did.
    pub error: Option<Error>,
    /// The run that it opened, if it opened one; not yet finished.
    pub run: Option<Arc<Run>>,
    pub failed_trials: u32,
    /// What came of `require` where no run was opened; with a run, its analysis tells.
    pub without_run: Verdict,
}

/// Runs a script to its end, on this thread.
pub fn run(host: &Host, runtime: &Runtime, source: Source, options: Options) -> Ended {
    let session = Session::new(host, runtime.clone(), source, options, Purpose::Run, Datasets::default());
    let outcome = without_parameters(&session).map_or_else(|| execute(&session).map(drop), Err);
    let error = outcome.err().map(|error| host.signals.error().unwrap_or(error));
    let state = session.state();
    let without_run = demands(&state.early);
    Ended { error, run: state.run.clone(), failed_trials: state.failed_trials, without_run }
}

/// What was required before there was a run.
pub fn demands(observations: &[Observation]) -> Verdict {
    let required = observations.iter().filter_map(|observation| match observation {
        Observation::Step(Step::Require { name, held }) => Some((name.clone(), *held)),
        _ => None,
    });
    validity::of_run(&Demands { required: required.collect(), limits: Vec::new() }).verdict
}

/// `-P` and `--profile` on a script that has no parameters would otherwise do nothing without a word.
fn without_parameters(session: &Session) -> Option<Error> {
    let options = &session.options;
    let given = options
        .parameters
        .first()
        .map(|(name, _)| format!("-P {name}"))
        .or_else(|| options.profile.clone().map(|name| format!("--profile {name}")))?;
    (!session.source().text.contains("params(")).then(|| {
        Error::usage(format!("{} has no parameters, so `{given}` cannot be set", session.source().name))
            .hint("give it some with `params(#{ … })`")
    })
}

/// What a value looks like, for people and for programs.
pub struct Evaluated {
    pub text: String,
    pub json: String,
}

/// Evaluates one expression or a few statements.
pub fn evaluate(host: &Host, runtime: &Runtime, source: Source) -> Result<Evaluated> {
    let session =
        Session::new(host, runtime.clone(), source, Options::default(), Purpose::Evaluate, Datasets::default());
    let value = execute(&session).map_err(|error| host.signals.error().unwrap_or(error))?;
    Ok(Evaluated { text: super::value::text(&value), json: super::value::json(&value) })
}

/// Rehearses the script under another profile; nothing where it cannot be told.
pub fn estimate(session: &Session, profile: &str) -> Result<Option<Rehearsal>> {
    let options = Options { profile: Some(profile.to_owned()), parameters: Vec::new(), ..session.options.clone() };
    let trial = Session::new(
        &session.host,
        session.runtime.clone(),
        session.source(),
        options,
        Purpose::Estimate,
        Arc::clone(&session.datasets),
    );
    let outcome = execute(&trial);
    let estimate = trial.state().estimate.take();
    match (estimate, outcome) {
        (Some(estimate), _) => Ok(Some(estimate)),
        // The script failed under a profile that was not asked for: no reason to stop.
        (None, _) => Ok(None),
    }
}

/// How fast Flink notices and restarts under a profile: R is mostly this.
pub fn timing(profile: &str) -> Timing {
    if profile == params::QUICK { Timing::QUICK } else { Timing::PAPER }
}

/// Opens the run directory of this session's script.
fn begin(session: &Session) -> Result<Arc<Run>> {
    let profile = session.profile();
    let timing = timing(&profile);
    let (parameters, needs) = {
        let state = session.state();
        (state.params.as_ref().map(recorded).unwrap_or_default(), state.needs.clone())
    };
    Run::begin(
        &session.host,
        &session.runtime,
        Beginning {
            script: manifest::Script::new(&session.source().name, &session.source().text),
            stem: session.source().stem(),
            command_line: session.options.command_line.clone(),
            profile,
            parameters,
            seed: session.options.seed,
            out: session.options.out.clone(),
            needs,
            target: session.options.target,
            datasets: session.state().opened.iter().map(Dataset::account).collect(),
            timing,
            search: session.search(),
        },
    )
}

/// The run of this session, opened at its first effect.
pub fn open_run(session: &Session) -> Result<Arc<Run>> {
    let open = session.state().run.clone();
    if let Some(run) = open {
        return Ok(run);
    }
    let run = begin(session)?;
    // What was noted and demanded before there was a journal comes first.
    let early = std::mem::take(&mut session.state().early);
    early.into_iter().try_for_each(|observation| run.journal.record(observation))?;
    session.state().run = Some(Arc::clone(&run));
    Ok(run)
}

fn recorded(params: &params::Params) -> Vec<manifest::Parameter> {
    let json = |value: &Dynamic| serde_json::from_str(&super::value::json(value)).unwrap_or(serde_json::Value::Null);
    let record = |parameter: &params::Parameter| manifest::Parameter {
        name: parameter.name.clone(),
        value: json(&parameter.value),
        default: json(&parameter.default),
        origin: parameter.origin.to_owned(),
    };
    params.all.iter().map(record).collect()
}

fn execute(session: &Arc<Session>) -> Result<Dynamic> {
    let own = Arc::clone(session);
    let (done, outcome) = tokio::sync::oneshot::channel();
    let work = move || drop(done.send(on_script_thread(&own)));
    let thread = session.runtime.thread("script", STACK_BYTES, work);
    let thread = thread.map_err(|error| Error::io("start the thread of the script", error))?;
    let outcome = session.runtime.block_on(outcome);
    // It has sent its last, or broken off, which the channel tells as well.
    let _ = thread.join();
    outcome.unwrap_or_else(|_| Err(Error::defect("the thread of the script broke off")))
}

fn on_script_thread(session: &Arc<Session>) -> Result<Dynamic> {
    // Shared with what the script starts in the background.
    let engine = Arc::new(build(session)?);
    session.state().engine = Arc::downgrade(&engine);
    let functions = functions(&engine);
    let ast = compile(&engine, session, &session.source(), &functions)?;
    say_if_simulated(session);
    let outcome = engine.eval_ast_with_scope::<Dynamic>(&mut Scope::new(), &ast);
    session.end_background();
    let estimated = session.purpose == Purpose::Estimate && session.state().estimate.is_some();
    match outcome {
        Ok(value) => Ok(value),
        Err(_) if estimated => Ok(Dynamic::UNIT),
        Err(failure) => Err(converted(session, *failure, &functions)),
    }
}

/// The first line of stdout, before anything that the script prints.
pub fn say_if_simulated(session: &Session) {
    let told = matches!(session.purpose, Purpose::Run | Purpose::Prompt) && !session.options.json;
    if told && session.options.target.is_simulated() {
        session.host.stdout.write("SIMULATED: no figure below was measured; the cluster is simulated\n");
    }
}

pub fn converted(session: &Session, failure: rhai::EvalAltResult, functions: &[String]) -> Error {
    let sources = session.imports.sources();
    errors::convert(failure, &Scene { sources: &sources, functions, imports: &session.imports })
}

/// Compiles a file, and follows what it imports.
fn compile(engine: &Engine, session: &Session, source: &Source, functions: &[String]) -> Result<AST> {
    let mut ast = engine.compile(&source.text).map_err(|error| errors::from_parse(&error, source, functions))?;
    ast.set_source(source.name.as_str());
    session.imports.note(source, &ast);
    session.imports.follow(engine, source, &ast)?;
    Ok(ast)
}

pub fn build(session: &Arc<Session>) -> Result<Engine> {
    let mut engine = Engine::new();
    // Constant folding moves positions, and the full level would call primitives while compiling.
    engine.set_optimization_level(OptimizationLevel::None);
    // Names are the business of the check, which says more about them and about all of them at once.
    engine.set_fail_on_invalid_map_property(true);
    let own = Arc::clone(session);
    engine.on_print(move |text| print(&own, text));
    let progress = session.host.progress.clone();
    engine.on_debug(move |text, source, position| {
        progress.print(&format!("{}:{position}: {text}", source.unwrap_or("script")))
    });
    engine.set_module_resolver(Resolver(Arc::clone(&session.imports)));
    units::register(&mut engine);
    params::register(&mut engine);
    bind::register(&mut engine, session);
    limits::apply(&mut engine, &session.host.signals);
    // The script is the first of the files, whatever of the stdlib is compiled before it.
    session.imports.note(&session.source(), &AST::empty());
    stdlib(&mut engine, session)?;
    Ok(engine)
}

/// What a script prints is a result, once: a rehearsal and an estimate are silent.
fn print(session: &Session, text: &str) {
    let rehearsed = matches!(session.state().stage, Stage::Rehearsal(_));
    match session.purpose {
        Purpose::Prompt if !rehearsed => session.host.stdout.write(&format!("{text}\n")),
        Purpose::Run if !rehearsed && !session.options.json => session.host.stdout.write(&format!("{text}\n")),
        Purpose::Evaluate => session.host.progress.print(text),
        Purpose::Run | Purpose::Estimate | Purpose::Prompt => {}
    }
}

/// Makes the functions of the stdlib global. A module would do for plain functions, but a closure that one of
/// them returns could not be called afterwards.
fn stdlib(engine: &mut Engine, session: &Session) -> Result<()> {
    let files = imports::stdlib(&session.host.directory, &session.search())?;
    if session.purpose != Purpose::Estimate {
        for file in files.iter().filter(|file| file.is_own) {
            session.host.progress.line(&format!("{}: yours", file.source.name));
        }
    }
    // Each may call the functions of all others.
    let mut known = functions(engine);
    for StdlibFile { source, .. } in &files {
        let ast = engine.compile(&source.text).map_err(|error| errors::from_parse(&error, source, &known))?;
        known.extend(ast.iter_functions().map(|function| function.name.to_owned()));
    }
    for StdlibFile { source, .. } in &files {
        let ast = compile(engine, session, source, &known)?;
        let module = Module::eval_ast_as_new(Scope::new(), &ast, engine)
            .map_err(|failure| converted(session, *failure, &known))?;
        engine.register_global_module(module.into());
    }
    Ok(())
}

/// Every function by the name a script calls it.
pub fn functions(engine: &Engine) -> Vec<String> {
    let named = |info: rhai::FuncInfo| {
        let name = info.metadata.name.as_str();
        let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        (plain && !name.is_empty())
            .then(|| if info.namespace.is_empty() { name.to_owned() } else { format!("{}::{name}", info.namespace) })
    };
    let mut names = engine.collect_fn_metadata(None, named, true);
    names.sort();
    names.dedup();
    names
}
