//! Where inputs come from: a terminal with an editor, a terminal that can do nothing, or a pipe.
//!
//! Reading has a thread of its own, so that a signal can end the session while somebody types: the reader is then
//! left behind, and the terminal gets back the mode that it had. With an editor, whatever is printed meanwhile goes
//! through it, which draws the line being typed anew below.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, CompletionType, Config, Context, Editor, ExternalPrinter, Helper};

use super::complete::{Known, complete};
use super::input::goes_on;
use crate::error::{Error, Result};
use crate::host::{Host, Input};

/// What came of asking for a line.
#[derive(Debug)]
pub enum Typed {
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of the pipe.
    End,
    Failed(String),
}

struct Ask {
    prompt: String,
    /// An answer to a question: one line, not kept.
    question: bool,
}

/// What completion may offer; renewed after each evaluation.
pub type Shared = Arc<Mutex<Known>>;

pub struct Lines {
    ask: Sender<Ask>,
    typed: Receiver<Typed>,
    asked: bool,
    /// The terminal draws prompts and lines by itself.
    pub editor: bool,
    /// The terminal's mode at the start.
    mode: Option<Mode>,
}

/// Terminals that cannot move their cursor.
const PLAIN: [&str; 3] = ["dumb", "cons25", "emacs"];
const KEPT_IN_HISTORY: usize = 5000;

impl Lines {
    /// Starts the reader. Gives the printer too where there is an editor.
    pub fn start(host: &Host, known: &Shared) -> Result<(Self, Option<Screen>)> {
        let plain = host.variable("TERM").is_none_or(|term| PLAIN.contains(&term));
        let (ask, asked) = channel();
        let (answer, typed) = channel();
        let cannot = |error| Error::io("start the thread that reads", error);
        let thread = std::thread::Builder::new().name("reader".into());
        if !host.input.terminal || plain {
            let input = host.input.clone();
            thread.spawn(move || read_plain(&input, &asked, &answer)).map_err(cannot)?;
            return Ok((Self { ask, typed, asked: false, editor: false, mode: None }, None));
        }
        let mode = Mode::now();
        let (printer, made) = channel();
        let (known, history) = (Arc::clone(known), host.state().map(|folder| folder.join("history")));
        thread.spawn(move || read_with_editor(known, history, &printer, &asked, &answer)).map_err(cannot)?;
        let printer =
            made.recv().map_err(|_| Error::target("the terminal cannot be used: its editor did not start"))?;
        let lines = Self { ask, typed, asked: false, editor: true, mode };
        Ok((lines, printer.map(|printer| Screen(Arc::new(Mutex::new(printer))))))
    }

    /// Waits for an input at most so long; nothing where none came. The same wait goes on with the next call.
    pub fn next(&mut self, prompt: &str, question: bool, within: Duration) -> Option<Typed> {
        if !self.asked {
            self.asked = true;
            // A reader that is gone answers nothing, which the next line tells.
            let _ = self.ask.send(Ask { prompt: prompt.to_owned(), question });
        }
        match self.typed.recv_timeout(within) {
            Ok(typed) => {
                self.asked = false;
                Some(typed)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Typed::Failed("the reader broke off".into())),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let Some(mode) = self.mode.take().filter(|_| self.asked) {
            mode.restore();
        }
    }
}

fn read_plain(input: &Input, asked: &Receiver<Ask>, answer: &Sender<Typed>) {
    while asked.recv().is_ok() {
        let typed = match input.line() {
            Ok(Some(line)) => Typed::Line(line),
            Ok(None) => Typed::End,
            Err(error) => Typed::Failed(error.to_string()),
        };
        if answer.send(typed).is_err() {
            return;
        }
    }
}

type Printer = Box<dyn ExternalPrinter + Send>;

fn read_with_editor(
    known: Shared,
    history: Option<PathBuf>,
    printer: &Sender<Option<Printer>>,
    asked: &Receiver<Ask>,
    answer: &Sender<Typed>,
) {
    let Ok(mut editor) = open_editor(known, history.as_ref()) else { return };
    let own = editor.create_external_printer().ok().map(|own| Box::new(own) as Printer);
    if printer.send(own).is_err() {
        return;
    }
    while let Ok(ask) = asked.recv() {
        if let Some(helper) = editor.helper_mut() {
            helper.question = ask.question;
        }
        let typed = match editor.readline(ask.prompt.as_str()) {
            Ok(line) => Typed::Line(line),
            Err(ReadlineError::Eof) => Typed::End,
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Typed::Interrupted,
            Err(error) => Typed::Failed(error.to_string()),
        };
        if let (Typed::Line(line), false) = (&typed, ask.question) {
            keep(&mut editor, line, history.as_ref());
        }
        if answer.send(typed).is_err() {
            return;
        }
    }
}

fn open_editor(known: Shared, history: Option<&PathBuf>) -> rustyline::Result<Editor<Typist, FileHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .behavior(Behavior::Stdio)
        .max_history_size(KEPT_IN_HISTORY)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .bracketed_paste(true)
        .auto_add_history(false)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Typist { known, question: false }));
    if let Some(history) = history {
        // There is none at the first start.
        let _ = editor.load_history(history);
    }
    Ok(editor)
}

/// Written at once: a session that is killed keeps what was typed. Without a place for it nothing is lost but that.
fn keep(editor: &mut Editor<Typist, FileHistory>, line: &str, history: Option<&PathBuf>) {
    if line.trim().is_empty() || !editor.add_history_entry(line).unwrap_or(false) {
        return;
    }
    let Some(history) = history else { return };
    let made = history.parent().map_or(Ok(()), std::fs::create_dir_all);
    if made.is_ok() {
        let _ = editor.append_history(history);
    }
}

/// What the editor asks while somebody types.
struct Typist {
    known: Shared,
    question: bool,
}

impl Completer for Typist {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        if self.question {
            return Ok((position, Vec::new()));
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let completion = complete(&line[..position], &known);
        Ok((completion.from, completion.candidates))
    }
}

impl Validator for Typist {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let incomplete = !self.question && goes_on(context.input());
        Ok(if incomplete { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Hinter for Typist {
    type Hint = String;
}

impl Highlighter for Typist {}

impl Helper for Typist {}

/// Prints above the line that is being typed.
#[derive(Clone)]
pub struct Screen(Arc<Mutex<Printer>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut printer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        printer.print(text).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The mode of the terminal on stdin.
struct Mode(libc::termios);

impl Mode {
    fn now() -> Option<Self> {
        // SAFETY: a zeroed termios is a valid place for the answer, which counts only where the call succeeds.
        unsafe {
            let mut mode: libc::termios = std::mem::zeroed();
            (libc::tcgetattr(libc::STDIN_FILENO, &raw mut mode) == 0).then_some(Self(mode))
        }
    }

    /// Ends raw mode and bracketed paste, as an editor does that is left in peace.
    fn restore(&self) {
        // SAFETY: the mode was read from this terminal.
        unsafe {
            libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, &raw const self.0);
        }
        let mut out = std::io::stdout();
        let _ = out.write_all(b"\x1b[?2004l\r\n").and_then(|()| out.flush());
    }
}
