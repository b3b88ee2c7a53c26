//! What could be typed next, from the declarations of the primitives and from what the session holds.
//!
//! It runs nothing: variables are known by what they held after the last evaluation.

use std::collections::BTreeMap;

use super::command::COMMANDS;
use super::lexis::{self, Bracket, Inside, Open, Scan, is_name, trailing_path};
use crate::script::bind;
use crate::script::declare::{Handle, Kind, Primitive};
use crate::script::units::{BYTE_UNITS, DURATION_UNITS};

/// What the session knows beside the declarations.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Every function by the name that a script calls, `module::name` or `name`.
    pub functions: Vec<String>,
    /// Those typed at this prompt.
    pub own: Vec<String>,
    pub variables: Vec<Variable>,
    /// What strings may name, by the name of the argument that takes them: `instance`, `host`, `job`.
    pub names: BTreeMap<&'static str, Vec<String>>,
    /// Ids of what runs in the background.
    pub ids: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// The name of its type, as handles are declared.
    pub kind: String,
    /// Of a map its keys, of parameters their names.
    pub keys: Vec<String>,
}

/// The byte from which the text is replaced, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    pub from: usize,
    pub candidates: Vec<String>,
}

const KEYWORDS: [&str; 16] = [
    "let", "const", "if", "else", "while", "loop", "for", "fn", "return", "true", "false", "throw", "try", "catch",
    "break", "continue",
];

/// `text` is what stands before the cursor.
#[must_use]
pub fn complete(text: &str, known: &Known) -> Completion {
    let scan = lexis::scan(text);
    let (from, mut candidates) = match scan.inside {
        Inside::LineComment | Inside::BlockComment => return Completion::default(),
        Inside::Text { quote: '`', .. } => return Completion::default(),
        Inside::Text { from, .. } => (from, strings(&scan, &text[from..], known)),
        Inside::Code => code(text, &scan, known),
    };
    let typed = &text[from..];
    candidates.retain(|candidate| candidate.starts_with(typed));
    candidates.sort();
    candidates.dedup();
    Completion { from, candidates }
}

fn code(text: &str, scan: &Scan, known: &Known) -> (usize, Vec<String>) {
    if let Some(completion) = command(text, known) {
        return completion;
    }
    let path = trailing_path(text);
    let begin = text.len() - path.len();
    if let Some((module, _)) = path.rsplit_once("::") {
        let from = begin + module.len() + 2;
        return (from, of_module(module, known));
    }
    if let Some(owner) = text[..begin].strip_suffix('.') {
        return (begin, properties(owner, path, known));
    }
    if path.starts_with(|letter: char| letter.is_ascii_digit()) {
        return (text.len(), Vec::new());
    }
    if let Some(map) = scan.open.last().filter(|open| open.bracket == Bracket::Map && !open.in_value) {
        return (begin, keys(&scan.open, map));
    }
    (begin, words(path, scan, known))
}

/// Commands stand at the beginning, and two of them go on.
fn command(text: &str, known: &Known) -> Option<(usize, Vec<String>)> {
    let trimmed = text.trim_start();
    let begin = text.len() - trimmed.len();
    if let Some(name) = trimmed.strip_prefix("help ") {
        let mut names = known.functions.clone();
        names.extend(known.own.iter().cloned());
        names.extend(modules(known));
        names.extend(bind::handles().iter().map(|handle| handle.name.to_owned()));
        let name = name.trim_start();
        return Some((text.len() - name.len(), names));
    }
    if let Some(id) = trimmed.strip_prefix("stop ") {
        return Some((text.len() - id.trim_start().len(), known.ids.clone()));
    }
    let begun = !trimmed.is_empty() && trimmed.chars().all(is_name);
    let commands = COMMANDS.iter().filter_map(|(typed, _)| typed.split(' ').next());
    let commands: Vec<String> = commands.filter(|name| begun && name.starts_with(trimmed)).map(str::to_owned).collect();
    if commands.is_empty() {
        return None;
    }
    let scan = lexis::scan("");
    Some((begin, commands.into_iter().chain(words(trimmed, &scan, known)).collect()))
}

fn modules(known: &Known) -> Vec<String> {
    known.functions.iter().filter_map(|name| name.split_once("::")).map(|(module, _)| module.to_owned()).collect()
}

fn of_module(module: &str, known: &Known) -> Vec<String> {
    let rest = known.functions.iter().filter_map(|name| name.strip_prefix(module)?.strip_prefix("::"));
    rest.map(str::to_owned).collect()
}

/// After `owner.`: units of a number, properties of a handle, keys of a map, parameters.
fn properties(owner: &str, _typed: &str, known: &Known) -> Vec<String> {
    let name = trailing_path(owner);
    let before = &owner[..owner.len() - name.len()];
    if name.starts_with(|letter: char| letter.is_ascii_digit()) {
        // `1.5.s`, but not `t.5`
        let units = DURATION_UNITS.iter().map(|(name, _)| *name).chain(BYTE_UNITS.iter().map(|(name, _)| *name));
        return units.map(str::to_owned).collect();
    }
    if name.is_empty() || before.ends_with('.') {
        return Vec::new();
    }
    let Some(variable) = known.variables.iter().find(|variable| variable.name == name) else { return Vec::new() };
    let own = match variable.kind.as_str() {
        "duration" => vec!["seconds".to_owned()],
        "bytes" => vec!["bytes".to_owned()],
        kind => handle(kind)
            .map(|handle| handle.properties.iter().map(|one| one.name.to_owned()).collect())
            .unwrap_or_default(),
    };
    own.into_iter().chain(variable.keys.iter().cloned()).collect()
}

fn handle(kind: &str) -> Option<Handle> {
    bind::handles().into_iter().find(|handle| handle.name == kind)
}

/// Options of the call that a map belongs to, but for those that stand in it.
fn keys(open: &[Open], map: &Open) -> Vec<String> {
    let Some(options) = called(open).and_then(|primitive| primitive.options) else { return Vec::new() };
    let new = options.known.iter().filter(|option| !map.keys.iter().any(|key| key == option.name));
    new.map(|option| format!("{}: ", option.name)).collect()
}

/// The primitive whose options the innermost map are.
fn called(open: &[Open]) -> Option<&'static Primitive> {
    let [.., call, map] = open else { return None };
    (call.bracket == Bracket::Round && map.bracket == Bracket::Map).then(|| primitive(&call.callee)).flatten()
}

fn primitive(name: &str) -> Option<&'static Primitive> {
    bind::primitives().find(|primitive| primitive.full_name() == name)
}

/// What the value at the end of the text is for: an argument or an option, by its name and kind.
fn wanted(open: &[Open]) -> Option<(&'static str, Kind)> {
    let list = matches!(open, [.., last] if last.bracket == Bracket::Square);
    let open = if list { &open[..open.len() - 1] } else { open };
    let last = open.last()?;
    match last.bracket {
        Bracket::Round => {
            let argument = primitive(&last.callee)?.arguments.get(last.commas)?;
            Some((argument.name, argument.kind))
        }
        Bracket::Map if last.in_value => {
            let key = last.keys.last()?;
            let option = called(open)?.options?.known.iter().find(|option| option.name == key)?;
            Some((option.name, option.kind))
        }
        _ => None,
    }
}

/// Inside a string: the words that its place takes.
fn strings(scan: &Scan, _typed: &str, known: &Known) -> Vec<String> {
    let Some((name, kind)) = wanted(&scan.open) else { return Vec::new() };
    let mut found = Vec::new();
    words_of(kind, &mut found);
    found.extend(known.names.get(name).into_iter().flatten().cloned());
    found
}

fn words_of(kind: Kind, found: &mut Vec<String>) {
    match kind {
        Kind::Word(words) => found.extend(words().into_iter().map(str::to_owned)),
        Kind::List(of) => words_of(*of, found),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| words_of(*kind, found)),
        _ => {}
    }
}

/// Where any expression may stand.
fn words(typed: &str, scan: &Scan, known: &Known) -> Vec<String> {
    let mut found: Vec<String> = known.variables.iter().map(|variable| variable.name.clone()).collect();
    found.extend(known.own.iter().cloned());
    found.extend(modules(known).into_iter().map(|module| format!("{module}::")));
    if let Some((_, kind)) = wanted(&scan.open) {
        let mut texts = Vec::new();
        words_of(kind, &mut texts);
        found.extend(texts.into_iter().map(|text| format!("\"{text}\"")));
    }
    // Rhai's own are hundreds: shown once a letter narrows them down.
    if !typed.is_empty() {
        found.extend(known.functions.iter().filter(|name| !name.contains("::")).cloned());
        found.extend(KEYWORDS.map(str::to_owned));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let variable = |name: &str, kind: &str, keys: &[&str]| Variable {
            name: name.into(),
            kind: kind.into(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        };
        Known {
            functions: bind::primitives()
                .map(Primitive::full_name)
                .chain(["print".into(), "experiment".into()])
                .collect(),
            own: vec!["twice".into()],
            variables: vec![
                variable("topic", "topic", &[]),
                variable("p", "params", &["speed", "intervals"]),
                variable("pause", "duration", &[]),
            ],
            names: BTreeMap::from([("instance", vec!["taskmanager-1".into(), "taskmanager-2".into()])]),
            ids: vec!["1".into(), "2".into()],
        }
    }

    /// The text with the only or every candidate in place of what was typed.
    fn completed(text: &str) -> Vec<String> {
        let completion = complete(text, &known());
        completion.candidates.iter().map(|candidate| format!("{}{candidate}", &text[..completion.from])).collect()
    }

    #[test]
    fn modules_functions_and_options_come_from_the_declarations() {
        assert_eq!(completed("let t = kaf"), ["let t = kafka::"]);
        assert_eq!(completed("let t = kafka::cr"), ["let t = kafka::create_topic"]);
        assert_eq!(completed("kafka::create_topic(\"a\", #{ pa"), ["kafka::create_topic(\"a\", #{ partitions: "]);
        assert!(completed("kafka::create_topic(\"a\", #{ partitions: 8, ").is_empty());
        assert!(completed("#{ pa").is_empty());
    }

    #[test]
    fn what_the_session_holds_is_known() {
        assert_eq!(completed("topic.n"), ["topic.name"]);
        assert_eq!(completed("x + p.sp"), ["x + p.speed"]);
        assert_eq!(completed("pause."), ["pause.seconds"]);
        assert_eq!(completed("tw"), ["twice"]);
        assert_eq!(completed("pr"), ["print"]);
        assert!(completed("unknown.n").is_empty());
    }

    #[test]
    fn a_number_and_a_dot_want_a_unit() {
        assert_eq!(completed("30.m"), ["30.min", "30.ms"]);
        assert_eq!(completed("let a = 1.5.G"), ["let a = 1.5.GiB"]);
        assert!(completed("30").is_empty());
    }

    #[test]
    fn commands_are_completed_at_the_beginning_only() {
        assert_eq!(completed("va"), ["vars"]);
        assert_eq!(completed("stop "), ["stop 1", "stop 2"]);
        assert_eq!(completed("help kafka::c"), ["help kafka::create_topic"]);
        assert_eq!(completed("help topi"), ["help topic"]);
        assert!(completed("1 + va").is_empty());
    }

    #[test]
    fn comments_and_plain_strings_complete_to_nothing() {
        assert!(completed("// kaf").is_empty());
        assert!(completed("let a = \"kaf").is_empty());
        assert!(completed("`kaf").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_typed_is_completed_without_a_panic(text in "[a-z0-9\\.:#{}()\",\\[\\] `$/é]{0,40}") {
            let completion = complete(&text, &known());
            proptest::prop_assert!(text.is_char_boundary(completion.from));
        }
    }
}
