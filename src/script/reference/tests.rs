//! All declarations, walked: what holds for each primitive holds for one that is added tomorrow.

use std::collections::BTreeSet;

use rhai::{Engine, OptimizationLevel};

use super::*;
use crate::script::declare::Argument;

/// Longer ones do not fit a line of a list.
const SUMMARY_CHARS: usize = 76;

fn parses(text: &str) -> std::result::Result<(), String> {
    let mut engine = Engine::new_raw();
    engine.set_optimization_level(OptimizationLevel::None).set_max_expr_depths(256, 128);
    engine.compile(text).map(drop).map_err(|error| format!("{error}\n{text}"))
}

fn primitives() -> Vec<&'static Primitive> {
    let all: Vec<&Primitive> = bind::primitives().collect();
    assert!(all.len() > 20);
    all
}

fn options(one: &Primitive) -> &'static [Opt] {
    one.options.map_or(&[], |options| options.known)
}

/// Kinds within a kind, itself among them.
fn kinds(kind: Kind) -> Vec<Kind> {
    let mut all = vec![kind];
    match kind {
        Kind::List(of) => all.extend(kinds(*of)),
        Kind::Either(several) => all.extend(several.iter().flat_map(|one| kinds(*one))),
        _ => {}
    }
    all
}

#[track_caller]
fn is_phrase(who: &str, doc: &str) {
    assert!(!doc.trim().is_empty(), "{who}: no doc");
    assert!(!doc.ends_with('.'), "{who}: stands in a table, without a full stop: {doc}");
    assert!(doc.matches('`').count().is_multiple_of(2), "{who}: a backquote is missing: {doc}");
}

#[test]
fn each_is_described_in_full_sentences() {
    for one in primitives() {
        let name = one.full_name();
        assert!(one.doc.trim_end().ends_with('.'), "{name}: the doc ends with a full stop");
        assert!(one.doc.matches('`').count().is_multiple_of(2), "{name}: a backquote is missing");
        let summary = one.summary();
        assert!(
            summary.ends_with('.') && summary.chars().count() <= SUMMARY_CHARS,
            "{name}: too long for a list: {summary}"
        );
        one.arguments.iter().for_each(|argument| is_phrase(&name, argument.doc));
        options(one).iter().for_each(|option| is_phrase(&name, option.doc));
        assert!(!one.example.trim().is_empty(), "{name}: no example");
    }
    for (module, doc) in bind::modules() {
        assert!(doc.ends_with('.'), "{module}");
        assert!(primitives().iter().any(|one| one.module == module), "{module} is empty");
    }
    for handle in bind::handles() {
        assert!(
            handle.doc.ends_with('.') && handle.doc.chars().count() <= SUMMARY_CHARS,
            "{}: {}",
            handle.name,
            handle.doc
        );
        handle.properties.iter().for_each(|property| is_phrase(handle.name, property.doc));
    }
    for function in stdlib::functions() {
        assert!(function.summary().chars().count() <= SUMMARY_CHARS, "{}: {}", function.name, function.summary());
        assert!(
            function.doc.ends_with('.') && !function.example.is_empty(),
            "{}: say it in `///` before it",
            function.name
        );
    }
}

#[test]
fn each_name_can_be_written_where_it_belongs() {
    for one in primitives() {
        assert_eq!(parses(&format!("{}();", one.full_name())), Ok(()));
        let words =
            one.arguments.iter().map(|argument| argument.name).chain(options(one).iter().map(|option| option.name));
        for word in words {
            assert_eq!(
                parses(&format!("let m = #{{ {word}: 1 }}; m.{word}; m.{word} = 2;")),
                Ok(()),
                "{}",
                one.full_name()
            );
        }
    }
    for handle in bind::handles() {
        assert_eq!(parses(&format!("let {0} = 1; |{0}| {0}", handle.name)), Ok(()));
        for property in &handle.properties {
            assert_eq!(parses(&format!("x.{};", property.name)), Ok(()), "{}", handle.name);
        }
    }
    let mut seen = BTreeSet::new();
    let functions = stdlib::functions();
    let names = primitives().into_iter().map(Primitive::full_name).chain(functions.iter().map(|one| one.name.clone()));
    for name in names {
        assert!(seen.insert(name.clone()), "{name} is declared twice");
    }
}

#[test]
fn each_can_be_called_as_it_is_declared() {
    for one in primitives() {
        let name = one.full_name();
        assert!(one.most() <= crate::script::declare::MOST_ARGUMENTS, "{name} takes more than is registered");
        let first_optional = one.arguments.iter().position(|argument| argument.optional).unwrap_or(one.arguments.len());
        assert!(
            one.arguments[first_optional..].iter().all(|argument| argument.optional),
            "{name}: optional ones come last"
        );
        assert!(one.place_of_options().is_none() || one.options.is_some(), "{name}: a place for options, but none");
        let is_map = |argument: &Argument| {
            argument.optional && kinds(argument.kind).iter().any(|kind| matches!(kind, Kind::Map))
        };
        let ambiguous = one.options.is_some() && one.arguments.iter().any(is_map);
        assert!(!ambiguous, "{name}: an optional map before the map of options cannot be told from it");
        let names: Vec<&str> = one
            .arguments
            .iter()
            .map(|argument| argument.name)
            .chain(options(one).iter().map(|option| option.name))
            .collect();
        let different: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), different.len(), "{name}: two values of one name");
    }
}

#[test]
fn each_kind_names_a_handle_that_is_declared_and_given() {
    let handles = bind::handles();
    let mut named: Vec<(String, Kind)> = Vec::new();
    for one in primitives() {
        let own =
            one.arguments.iter().map(|argument| argument.kind).chain(options(one).iter().map(|option| option.kind));
        named.extend(own.chain([one.returns]).map(|kind| (one.full_name(), kind)));
    }
    for handle in &handles {
        named.extend(handle.properties.iter().map(|property| (handle.name.to_owned(), property.kind)));
        let gives = |one: &&Primitive| kinds(one.returns).iter().any(|kind| kind.is_of(handle.name));
        assert!(primitives().iter().any(gives), "nothing returns a {}", handle.name);
    }
    for (who, kind) in named {
        for kind in kinds(kind) {
            match kind {
                Kind::Handle(name) => {
                    assert!(handles.iter().any(|handle| handle.name == name), "{who}: no handle {name}")
                }
                Kind::Word(words) => assert!(!words().is_empty(), "{who}: no words"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_default_is_one_of_the_words() {
    for one in primitives() {
        for option in options(one) {
            let Kind::Word(words) = option.kind else { continue };
            let default = option.default.trim_matches('"');
            assert!(default.is_empty() || words().contains(&default), "{}: {}", one.full_name(), option.name);
        }
    }
}

/// Words that begin the names of what changes the world.
const ACTS: [&str; 14] = [
    "create",
    "delete",
    "submit",
    "cancel",
    "start",
    "stop",
    "kill",
    "inject",
    "hang",
    "partition",
    "slow",
    "disk",
    "every",
    "savepoint",
];

#[test]
fn what_acts_says_so() {
    for one in primitives() {
        let acts = ACTS.iter().any(|verb| one.name.split('_').next() == Some(verb));
        assert!(!acts || one.effect == Effect::Acts, "{} is {:?}", one.full_name(), one.effect);
        let is_void = matches!(one.returns, Kind::Nothing);
        assert!(!is_void || one.effect != Effect::Pure, "{} returns nothing and does nothing", one.full_name());
    }
}

#[test]
fn each_example_is_a_script_that_names_its_subject() {
    for one in primitives() {
        assert!(one.example.contains(&format!("{}(", one.full_name())), "{}: {}", one.full_name(), one.example);
        let in_body = one.belongs == Belongs::Body;
        assert!(!in_body || !one.example.contains("experiment("), "{}: give the lines of the body", one.full_name());
    }
    for example in examples() {
        assert_eq!(parses(&example.script), Ok(()), "{}", example.of);
    }
}

#[test]
fn everything_has_a_page_that_fits_a_terminal() {
    for entry in entries() {
        let page = page(&entry.name()).unwrap_or_else(|| panic!("{} has no page", entry.name()));
        let prose = page.split("\nExample\n").next().unwrap_or_default();
        for line in prose.lines().skip(1) {
            assert!(line.chars().count() <= 80, "{}: {line}", entry.name());
        }
        assert!(overview().contains(&entry.name()), "{} is not in the overview", entry.name());
        assert!(markdown().contains(&entry.name()) || matches!(entry, Entry::Units), "{}", entry.name());
    }
}

#[test]
fn a_page_tells_all_of_a_primitive() {
    insta::assert_snapshot!(page("replay::start").expect("there"));
    insta::assert_snapshot!(page("topic").expect("there"));
}

#[test]
fn a_name_is_found_as_a_reader_types_it() {
    let first = |name: &str| {
        find(name).map(|page| page.lines().next().unwrap_or_default().to_owned()).map_err(|error| error.hint)
    };
    let found = |line: &str| Ok(line.to_owned());
    assert_eq!(first("create_topic"), found("kafka::create_topic(name, [#{…}]) -> topic"));
    assert_eq!(first("kafka::create_topic(\"x\")"), first("create_topic"));
    assert_eq!(first("kafka::"), found("kafka: topics and what they hold"));
    assert_eq!(first("experiment"), found("experiment(name, options, body)"));
    assert_eq!(first("start"), found("several functions have this name"));
    assert_eq!(first("ms"), found("Durations and sizes"));
    assert_eq!(first("down_for"), found("fault::kill, an option"));
    assert_eq!(first("alive"), found("instance, a property"));
    assert_eq!(first("kafka::create_topik"), Err(Some("did you mean `kafka::create_topic`?".into())));
    assert_eq!(first("zzzzzz"), Err(Some("`cprun doc` lists all there is".into())));
    let both = find("replay").expect("a module and a value");
    assert!(both.contains("replay::start") && both.contains("replay (a value)"), "{both}");
}

#[test]
fn the_page_of_the_language_is_up_to_date() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scripting.md")).expect("it is there");
    let (_, generated) = file.split_once("<!-- generated -->\n").expect("a mark");
    assert!(
        generated.trim() == markdown().trim(),
        "docs/scripting.md is behind the declarations; this mends it:\n  \
         sed -i '/^<!-- generated -->$/q' docs/scripting.md && cargo run -q -- doc --markdown >> docs/scripting.md"
    );
}

/// Reads definitions as the grammar of Rhai's language server has them: `module`, `fn`, `fn get`, and types.
struct Grammar<'a> {
    tokens: Vec<&'a str>,
    at: usize,
}

impl<'a> Grammar<'a> {
    fn new(text: &'a str) -> Self {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("///"));
        let mut tokens = Vec::new();
        for mut rest in code {
            while !rest.trim_start().is_empty() {
                rest = rest.trim_start();
                let word = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
                let length = match rest {
                    _ if word > 0 => word,
                    _ if rest.starts_with('"') => 2 + rest[1..].find('"').expect("a string ends"),
                    _ if rest.starts_with("->") || rest.starts_with("#{") => 2,
                    _ => rest.chars().next().map_or(1, char::len_utf8),
                };
                tokens.push(&rest[..length]);
                rest = &rest[length..];
            }
        }
        Self { tokens, at: 0 }
    }

    fn next(&mut self) -> &'a str {
        self.at += 1;
        self.tokens.get(self.at - 1).copied().unwrap_or("the end")
    }

    fn peek(&self) -> &'a str {
        self.tokens.get(self.at).copied().unwrap_or("the end")
    }

    #[track_caller]
    fn want(&mut self, token: &str) {
        let found = self.next();
        assert_eq!(found, token, "after {:?}", &self.tokens[self.at.saturating_sub(12)..self.at]);
    }

    #[track_caller]
    fn identifier(&mut self) {
        let word = self.next();
        assert!(word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_'), "no name: {word}");
        assert_eq!(parses(&format!("let {word} = 1;")), Ok(()));
    }

    fn statements(&mut self, end: &str) -> usize {
        let mut functions = 0;
        while self.peek() != end {
            match self.next() {
                "module" => {
                    self.identifier();
                    self.want("{");
                    functions += self.statements("}");
                    self.want("}");
                }
                "fn" => {
                    if self.peek() == "get" {
                        self.want("get");
                    }
                    self.function();
                    functions += 1;
                }
                other => panic!("no definition begins with {other}"),
            }
        }
        functions
    }

    fn function(&mut self) {
        self.identifier();
        self.want("(");
        self.fields(")");
        self.want("->");
        self.kind();
        self.want(";");
    }

    /// `name: type`, with commas, up to the closing token.
    fn fields(&mut self, end: &str) {
        while self.peek() != end {
            self.identifier();
            self.want(":");
            self.kind();
            if self.peek() != end {
                self.want(",");
            }
        }
        self.want(end);
    }

    fn kind(&mut self) {
        match self.next() {
            "?" => {}
            "(" => self.want(")"),
            "[" => {
                self.kind();
                self.want("]");
            }
            "#{" => self.fields("}"),
            literal if literal.starts_with('"') => {}
            word => assert!(word.starts_with(char::is_alphabetic), "no type: {word}"),
        }
        if self.peek() == "|" {
            self.want("|");
            self.kind();
        }
    }
}

#[test]
fn the_definitions_are_what_a_language_server_reads() {
    let own = definitions::own();
    let functions = Grammar::new(&own).statements("the end");
    assert!(functions > primitives().len() + bind::handles().len(), "{functions}");
    let whole = definitions();
    assert!(whole.starts_with("module static;\n"), "{}", &whole[..80]);
    assert!(whole.contains("fn get s(") && whole.contains(&own));
}
