//! `cprun repl`: the same primitives, one input after the other.
//!
//! One thread evaluates and waits for input in turn; reading and the work in the background have threads of their own.
//! At a terminal an error is shown and the next input asked for; from a pipe it ends the session with its exit code.

mod command;
mod complete;
mod input;
pub mod jobs;
mod lexis;
mod lines;
mod prompt;
mod saved;
pub mod schedule;
mod show;
pub mod trial;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::Dynamic;

use self::command::{COMMANDS, Command};
use self::jobs::in_words;
use self::lines::{Lines, Screen, Shared, Typed};
use self::prompt::Prompt;
use super::background::STACK_BYTES;
use super::check::Severity;
use super::engine::{self, Ended};
use super::errors::{render, render_finding};
use super::session::{Datasets, Options, Purpose, Session};
use super::source::Source;
use super::{bind, reference, value};
use crate::analysis::validity::Verdict;
use crate::error::{Error, Kind, Result};
use crate::host::{Host, Progress, Stream};
use crate::run::Work;
use crate::runtime::Runtime;

const PROMPT: &str = "cprun> ";
const CONTINUED: &str = "     > ";
/// How often signals and the work in the background are looked at while somebody types.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const TELL_EVERY: Duration = Duration::from_millis(500);
/// What places in the typed text are given under.
const NAME: &str = "repl";

/// Asks for inputs until there are no more; the run that it opened is not yet finished.
pub fn repl(host: &Host, runtime: &Runtime, options: Options) -> Ended {
    let (own, on) = (host.clone(), runtime.clone());
    let (done, outcome) = tokio::sync::oneshot::channel();
    let thread = runtime.thread("repl", STACK_BYTES, move || drop(done.send(session(&own, &on, options))));
    let failed = |error| Ended { error: Some(error), run: None, failed_trials: 0, without_run: Verdict::Pass };
    match thread {
        Err(error) => failed(Error::io("start the thread of the prompt", error)),
        Ok(thread) => {
            let outcome = runtime.block_on(outcome);
            // It has sent its last, or broken off, which the channel tells as well.
            let _ = thread.join();
            outcome.unwrap_or_else(|_| failed(Error::defect("the thread of the prompt broke off")))
        }
    }
}

fn session(host: &Host, runtime: &Runtime, options: Options) -> Ended {
    let shared = Shared::default();
    let (lines, screen) = match Lines::start(host, &shared) {
        Ok(started) => started,
        Err(error) => return Ended { error: Some(error), run: None, failed_trials: 0, without_run: Verdict::Pass },
    };
    let host = screen.map_or_else(|| host.clone(), |screen| through(host, &screen));
    host.signals.at_prompt(true);
    let source = Source { name: NAME.into(), text: String::new(), folder: Some(host.directory.clone()) };
    let session = Session::new(&host, runtime.clone(), source, options, Purpose::Prompt, Datasets::default());
    engine::say_if_simulated(&session);
    let outcome = Prompt::new(&session).and_then(|prompt| {
        let told = Instant::now();
        let mut repl = Repl {
            terminal: host.input.terminal,
            session: Arc::clone(&session),
            prompt,
            lines,
            shared,
            told,
            taken_up: Vec::new(),
        };
        let outcome = repl.run();
        outcome.and(repl.leave())
    });
    host.signals.at_prompt(false);
    let state = session.state();
    Ended {
        error: outcome.err(),
        run: state.run.clone(),
        failed_trials: state.failed_trials,
        without_run: engine::demands(&state.early),
    }
}

/// The host, but for what it prints: that goes above the line being typed.
fn through(host: &Host, screen: &Screen) -> Host {
    let stream = || Stream::new(Box::new(screen.clone()), &host.secrets);
    let progress = if host.progress.is_terminal() { Progress::new(stream(), true) } else { host.progress.clone() };
    Host { stdout: stream(), progress, ..host.clone() }
}

struct Repl {
    terminal: bool,
    session: Arc<Session>,
    prompt: Prompt,
    lines: Lines,
    shared: Shared,
    /// When the background was last looked at.
    told: Instant,
    /// What of the trial is in the list of jobs.
    taken_up: Vec<(Work, f64)>,
}

/// What is to happen after an input.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Leave,
}

impl Repl {
    fn run(&mut self) -> Result<()> {
        if self.terminal {
            let text = format!(
                "cprun {}: `help` tells what there is, Tab completes, Ctrl-D leaves",
                env!("CARGO_PKG_VERSION")
            );
            self.session.host.progress.line(&text);
        }
        loop {
            let known = self.prompt.known();
            *self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = known;
            let input = self.input()?;
            let next = match input {
                None => self.may_leave()?,
                Some(input) => self.answer(&input)?,
            };
            if next == Next::Leave {
                return Ok(());
            }
        }
    }

    /// A whole input; nothing where the user leaves or the pipe ends.
    fn input(&mut self) -> Result<Option<String>> {
        let mut so_far = String::new();
        loop {
            let prompt = if so_far.is_empty() { PROMPT } else { CONTINUED };
            match self.typed(prompt, false)? {
                Typed::Line(line) => {
                    so_far.push_str(&line);
                    // An editor gives whole inputs only.
                    if self.lines.editor || !input::goes_on(&so_far) {
                        return Ok(Some(so_far));
                    }
                    so_far.push('\n');
                }
                Typed::Interrupted => so_far.clear(),
                Typed::End if so_far.trim().is_empty() => return Ok(None),
                Typed::End => return Ok(Some(so_far)),
                Typed::Failed(why) => return Err(Error::new(Kind::Io, format!("cannot read what is typed: {why}"))),
            }
        }
    }

    /// Waits for a line, and meanwhile for signals and for what ends in the background.
    fn typed(&mut self, prompt: &str, question: bool) -> Result<Typed> {
        if self.terminal && !self.lines.editor {
            self.session.host.stdout.write(prompt);
        }
        let session = Arc::clone(&self.session);
        let waited = session.runtime.at_real_pace(|| {
            loop {
                if let Some(typed) = self.lines.next(prompt, question, LOOK_EVERY) {
                    return Ok(typed);
                }
                match session.host.signals.kind() {
                    Some(Kind::Interrupted) if self.terminal => {
                        session.host.signals.renew();
                        if !self.lines.editor {
                            session.host.stdout.write("\n");
                            return Ok(Typed::Interrupted);
                        }
                    }
                    Some(_) => return Err(session.host.signals.error().unwrap_or_else(interrupted)),
                    None => {}
                }
                self.tell_changes();
            }
        });
        waited.map_err(|error| Error::io("start a thread beside the prompt", error))?
    }

    /// What began or ended in the background, above the prompt.
    fn tell_changes(&mut self) {
        if self.terminal && self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            self.session.jobs.changes().iter().for_each(|line| self.session.host.progress.line(line));
        }
    }

    fn answer(&mut self, input: &str) -> Result<Next> {
        if input.trim().is_empty() {
            self.tell_status();
            return Ok(Next::GoOn);
        }
        let host = self.session.host.clone();
        // At a terminal an interrupt is over once the prompt is back; from a pipe it ends the session.
        match host.signals.error() {
            Some(error) if !self.terminal || error.kind == Kind::Terminated => return Err(error),
            _ => host.signals.renew(),
        }
        let outcome = match Command::parse(input) {
            Some(Command::Exit) => return self.may_leave(),
            Some(command) => self.command(command),
            None => self.evaluate(input),
        };
        host.progress.clear();
        trial::take_up(&self.session, &mut self.taken_up);
        let outcome =
            outcome.map_err(|error| host.signals.error().map_or(error.clone(), |raised| placed(raised, error)));
        match outcome {
            Err(error) if !self.terminal || error.kind == Kind::Terminated => return Err(error),
            Err(error) => host.progress.print(&render(&error)),
            Ok(()) => {}
        }
        self.tell_status();
        Ok(Next::GoOn)
    }

    /// One line of what runs, after each Enter.
    fn tell_status(&mut self) {
        if !self.terminal {
            return;
        }
        let changes = self.session.jobs.changes();
        changes.iter().for_each(|line| self.session.host.progress.line(line));
        let running = self.session.jobs.running();
        if changes.is_empty() && !running.is_empty() {
            let lines: Vec<String> = running.iter().map(jobs::Listed::line).collect();
            self.session.host.progress.line(&lines.join("  "));
        }
    }

    fn evaluate(&mut self, input: &str) -> Result<()> {
        let findings = self.prompt.check(input);
        let (wrong, doubtful): (Vec<_>, Vec<_>) = findings.iter().partition(|one| one.severity == Severity::Error);
        doubtful.iter().for_each(|one| self.session.host.progress.print(&render_finding(one)));
        match wrong.as_slice() {
            [] => {}
            // A person reads all, in order; a pipe ends at the first.
            [rest @ .., last] if self.terminal => {
                rest.iter().for_each(|one| self.session.host.progress.print(&render_finding(one)));
                return Err(last.error());
            }
            [first, ..] => return Err(first.error()),
        }
        let value = self.prompt.evaluate(input)?;
        self.session.host.progress.clear();
        if let Some(text) = self.shown(&value) {
            self.session.host.stdout.write(&format!("{text}\n"));
        }
        Ok(())
    }

    /// A table for a person; for a pipe the same as `cprun eval` prints.
    fn shown(&self, value: &Dynamic) -> Option<String> {
        if self.terminal { show::show(value) } else { (!value.is_unit()).then(|| value::text(value)) }
    }

    fn command(&mut self, command: Command) -> Result<()> {
        let out = |text: &str| self.session.host.stdout.write(&format!("{text}\n"));
        match command {
            Command::Help(None) => out(&overview()),
            Command::Help(Some(name)) => out(&reference::find(&name).map_err(|error| {
                let near = error.hint.as_deref().is_some_and(|hint| hint.starts_with("did you mean"));
                if near { error } else { error.hint("`help` lists the modules") }
            })?),
            Command::Variables => out(&self.prompt.variables()),
            Command::Jobs => out(&self.jobs()),
            Command::Stop(id) => out(&self.session.jobs.stop(&id)?.line()),
            Command::Save(file) => self.save(&file)?,
            Command::Clear if self.lines.editor => self.session.host.stdout.write("\x1b[H\x1b[2J"),
            Command::Clear | Command::Exit => {}
            Command::Incomplete(usage) => return Err(Error::usage(format!("it is typed as `{usage}`"))),
        }
        Ok(())
    }

    fn jobs(&self) -> String {
        let list = self.session.jobs.list();
        let rows = list.into_iter().map(|one| {
            let state = one.ended.map_or(one.state, |why| format!("ended, {why}"));
            [
                i64::from(one.id).into(),
                one.kind.into(),
                one.what.into(),
                time_of_day(one.since_epoch_ms).into(),
                state.into(),
            ]
        });
        let rows: Vec<[Dynamic; 5]> = rows.collect();
        if rows.is_empty() {
            return "nothing runs in the background".into();
        }
        show::columns(&["id", "kind", "of", "since", "state"], &rows)
    }

    /// Writes what was typed as a script, unless that would overwrite a file that the user wants to keep.
    fn save(&mut self, file: &str) -> Result<()> {
        let path = self.session.host.directory.join(file);
        if path.exists() {
            let refused = || Error::usage(format!("{file} is there already")).hint("save under another name");
            if !self.terminal || !self.agrees(&format!("overwrite {file}? [y/N] "), false)? {
                return Err(refused());
            }
        }
        let name = path.file_stem().map_or_else(|| "saved".into(), |stem| stem.to_string_lossy().into_owned());
        let name: String = name.chars().map(|letter| if lexis::is_name(letter) { letter } else { '_' }).collect();
        let title = format!("Saved from the prompt of cprun {}.", env!("CARGO_PKG_VERSION"));
        let text = saved::script(self.prompt.inputs(), &title, &name);
        std::fs::write(&path, &text).map_err(|error| Error::io(format!("write {file}"), error))?;
        self.session.host.progress.line(&format!("saved: {file}"));
        // The user mends it; it is their script from here on.
        match self.prompt.check_script(file, &text) {
            None => Ok(()),
            Some(error) => Err(error.context(format!("{file} needs mending before it runs"))),
        }
    }

    /// Asks a question that `y` agrees to; the end of input, as when a terminal closes, means `at_end`.
    fn agrees(&mut self, question: &str, at_end: bool) -> Result<bool> {
        Ok(match self.typed(question, true)? {
            Typed::Line(line) => matches!(line.trim(), "y" | "Y" | "yes"),
            Typed::Interrupted => false,
            Typed::End | Typed::Failed(_) => at_end,
        })
    }

    fn may_leave(&mut self) -> Result<Next> {
        let running = self.session.jobs.running();
        if !self.terminal || running.is_empty() {
            return Ok(Next::Leave);
        }
        let verb = if running.len() == 1 { "runs; end it" } else { "run; end them" };
        let question = format!("{} {verb} and leave? [y/N] ", in_words(&running));
        Ok(if self.agrees(&question, true)? { Next::Leave } else { Next::GoOn })
    }

    /// Ends what runs, and the trial; all is tried, and the first failure told.
    fn leave(&mut self) -> Result<()> {
        let mut failed = self.session.jobs.stop_all();
        failed.extend(trial::close(&self.session).err());
        failed.into_iter().next().map_or(Ok(()), |error| Err(Error::new(Kind::Cleanup, error.message)))
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted")
}

/// The signal is what ended the evaluation; where it was, the evaluation knows.
fn placed(raised: Error, ended: Error) -> Error {
    Error { position: ended.position, ..raised }
}

/// What the prompt understands beside scripts, and the modules.
fn overview() -> String {
    let lines = |rows: Vec<(&str, &str)>| {
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        rows.iter().map(|(name, doc)| format!("  {name:width$}  {doc}")).collect::<Vec<_>>().join("\n")
    };
    let modules = bind::modules().filter(|(name, _)| !name.is_empty()).collect();
    format!(
        "{}\n\n`_` is the value of the last input; `(jobs)` is the variable of that name, `jobs` the command.\n\n{}",
        lines(COMMANDS.to_vec()),
        lines(modules)
    )
}

/// `14:03:20`, UTC.
fn time_of_day(epoch_ms: f64) -> String {
    let time = jiff::Timestamp::from_millisecond(epoch_ms as i64);
    time.map_or_else(|_| String::new(), |time| time.strftime("%H:%M:%S").to_string())
}
