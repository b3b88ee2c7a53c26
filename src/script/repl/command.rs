//! What at the prompt is no script: `help`, `vars`, `jobs`, `stop`, `save`, `clear`, `exit`.
//!
//! An input is a command only as a whole, so that `jobs.len()` or `(jobs)` still speak of a variable.

/// Each command as it is typed, and what it does.
pub const COMMANDS: [(&str, &str); 7] = [
    ("help [NAME]", "this list, or the page of a module, function or type: `help kafka::create_topic`"),
    ("vars", "the variables and functions of this session"),
    ("jobs", "what runs in the background"),
    ("stop ID", "ends one of them"),
    ("save FILE", "writes what was typed and succeeded as a script"),
    ("clear", "clears the screen (Ctrl-L)"),
    ("exit", "leaves (Ctrl-D); asks first where something runs"),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Help(Option<String>),
    Variables,
    Jobs,
    Stop(String),
    Save(String),
    Clear,
    Exit,
    /// A command without what it needs; how it is typed.
    Incomplete(&'static str),
}

impl Command {
    #[must_use]
    pub fn parse(input: &str) -> Option<Self> {
        let input = input.trim().trim_end_matches(';').trim_end();
        let (word, rest) = input.split_once(char::is_whitespace).unwrap_or((input, ""));
        let rest = rest.trim();
        let name = !rest.is_empty() && rest.chars().all(|letter| super::lexis::is_name(letter) || letter == ':');
        match word {
            "help" if rest.is_empty() => Some(Self::Help(None)),
            "help" if name => Some(Self::Help(Some(rest.to_owned()))),
            "vars" if rest.is_empty() => Some(Self::Variables),
            "jobs" if rest.is_empty() => Some(Self::Jobs),
            "clear" if rest.is_empty() => Some(Self::Clear),
            "exit" | "quit" if rest.is_empty() => Some(Self::Exit),
            "stop" if rest.is_empty() => Some(Self::Incomplete("stop ID, as `jobs` shows it")),
            "stop" if rest.chars().all(|letter| letter.is_ascii_alphanumeric()) => Some(Self::Stop(rest.to_owned())),
            "save" if rest.is_empty() => Some(Self::Incomplete("save FILE, as in `save first.rhai`")),
            "save" if !rest.contains(['=', '(', '\n']) => Some(Self::Save(rest.trim_matches('"').to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn a_command_is_one_only_as_a_whole() {
        let is = |text: &str| Command::parse(text);
        assert_eq!(is(" help "), Some(Command::Help(None)));
        assert_eq!(is("help kafka::create_topic"), Some(Command::Help(Some("kafka::create_topic".into()))));
        assert_eq!(is("stop 2;"), Some(Command::Stop("2".into())));
        assert_eq!(is("save \"my file.rhai\""), Some(Command::Save("my file.rhai".into())));
        assert_eq!(is("quit"), Some(Command::Exit));
        assert!(matches!(is("save"), Some(Command::Incomplete(_))));
        for script in ["jobs + 1", "jobs.len()", "(jobs)", "stop = 1", "save = 2", "help(1)", "exit()", "let vars = 1"]
        {
            assert_eq!(is(script), None, "{script}");
        }
    }
}
