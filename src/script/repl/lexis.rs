//! What brackets, strings and comments a piece of script leaves open, and whose call they belong to.
//!
//! Rhai's own lexer needs its parser beside it for interpolated strings and gives up at the first mistake; what is
//! being typed is unfinished by nature. This scanner never fails: it is right for every script that parses, and
//! good enough for one that does not yet.

/// A bracket that is still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub bracket: Bracket,
    /// For `(`: the function in front of it, `kafka::create_topic`.
    pub callee: String,
    /// Commas so far, on this level.
    pub commas: usize,
    /// In a map: the keys so far.
    pub keys: Vec<String>,
    /// In a map: whether the value of the last key has begun.
    pub in_value: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    Round,
    Square,
    Curly,
    /// `#{`
    Map,
    /// `${` within a string of back-ticks.
    Interpolation,
}

/// Where the text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    Code,
    /// A string, from the byte behind its opening quote.
    Text {
        quote: char,
        from: usize,
    },
    LineComment,
    BlockComment,
}

#[derive(Clone, Debug)]
pub struct Scan {
    pub open: Vec<Open>,
    pub inside: Inside,
    /// A bracket was closed that nothing had opened.
    pub unbalanced: bool,
    /// The last line ends with a backslash within a string, which then goes on.
    pub continued: bool,
}

/// A function that is defined at the top of a text, from its doc comments to its closing brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    pub parameters: usize,
    pub from: usize,
    pub to: usize,
}

#[must_use]
pub fn scan(text: &str) -> Scan {
    let mut scanner = Scanner::new(text);
    while scanner.step() {}
    Scan {
        open: scanner.open,
        inside: scanner.inside,
        unbalanced: scanner.unbalanced,
        continued: text.trim_end_matches(['\n', '\r']).ends_with('\\'),
    }
}

/// The functions that a text defines at its top level.
#[must_use]
pub fn definitions(text: &str) -> Vec<Definition> {
    let mut scanner = Scanner::new(text);
    let mut found = Vec::new();
    let mut begun: Option<(usize, String, usize)> = None;
    loop {
        let (at, depth) = (scanner.at, scanner.open.len());
        let code = scanner.inside == Inside::Code;
        if code && depth == 0 && begun.is_none() && is_word_at(text, at, "fn") {
            begun = Some((begin_of_definition(text, at), String::new(), 0));
        }
        if !scanner.step() {
            return found;
        }
        let Some((from, name, parameters)) = &mut begun else { continue };
        let letter = text[at..].chars().next().unwrap_or(' ');
        match letter {
            '(' if code && depth == 0 => {
                *name = scanner.open.last().map(|open| open.callee.clone()).unwrap_or_default()
            }
            ')' if code && depth == 1 => *parameters = count_parameters(text, *from, at),
            '}' if code && depth == 1 => {
                found.push(Definition { name: name.clone(), parameters: *parameters, from: *from, to: at + 1 });
                begun = None;
            }
            _ => {}
        }
    }
}

/// The end of a definition begins its list of parameters at the first `(` behind `from`.
fn count_parameters(text: &str, from: usize, close: usize) -> usize {
    let open = text[from..close].rfind('(').map_or(close, |at| from + at + 1);
    text[open..close].split(',').filter(|name| !name.trim().is_empty()).count()
}

/// A definition begins with its doc comments and with `private`.
fn begin_of_definition(text: &str, at: usize) -> usize {
    let mut begin = text[..at].trim_end().strip_suffix("private").map_or(at, str::len);
    loop {
        let line = text[..begin].trim_end_matches([' ', '\t']).strip_suffix('\n').unwrap_or("");
        let from = line.rfind('\n').map_or(0, |newline| newline + 1);
        if line.is_empty() || !line[from..].trim_start().starts_with("///") {
            return begin;
        }
        begin = from;
    }
}

fn is_word_at(text: &str, at: usize, word: &str) -> bool {
    let before = text[..at].chars().next_back();
    let Some(rest) = text[at..].strip_prefix(word) else { return false };
    !before.is_some_and(is_name) && !rest.chars().next().is_some_and(is_name)
}

#[must_use]
pub fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// `kafka::create_topic` at the end of a text, or as much of it as is there.
#[must_use]
pub fn trailing_path(text: &str) -> &str {
    let mut from = text.len();
    for (at, letter) in text.char_indices().rev() {
        let colon = letter == ':' && (text[at + 1..].starts_with(':') || text[..at].ends_with(':'));
        if !is_name(letter) && !colon {
            break;
        }
        from = at;
    }
    &text[from..]
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open>,
    inside: Inside,
    unbalanced: bool,
    /// Block comments nest.
    comments: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: Vec::new(), inside: Inside::Code, unbalanced: false, comments: 0 }
    }

    /// One letter, or the few that make one sign; false at the end.
    fn step(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let Some(letter) = rest.chars().next() else { return false };
        let mut length = letter.len_utf8();
        match self.inside {
            Inside::LineComment => {
                if letter == '\n' {
                    self.inside = Inside::Code;
                }
            }
            Inside::BlockComment => {
                if rest.starts_with("/*") {
                    (self.comments, length) = (self.comments + 1, 2);
                } else if rest.starts_with("*/") {
                    (self.comments, length) = (self.comments - 1, 2);
                    if self.comments == 0 {
                        self.inside = Inside::Code;
                    }
                }
            }
            Inside::Text { quote, .. } => length = self.in_text(rest, letter, quote),
            Inside::Code => length = self.in_code(rest, letter),
        }
        self.at += length;
        true
    }

    fn in_text(&mut self, rest: &str, letter: char, quote: char) -> usize {
        if letter == '\\' && quote != '`' {
            return 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
        }
        if quote == '`' && rest.starts_with("${") {
            self.push(Bracket::Interpolation);
            self.inside = Inside::Code;
            return 2;
        }
        if letter == quote {
            self.inside = Inside::Code;
        }
        letter.len_utf8()
    }

    fn in_code(&mut self, rest: &str, letter: char) -> usize {
        if rest.starts_with("//") {
            self.inside = Inside::LineComment;
            return 2;
        }
        if rest.starts_with("/*") {
            (self.inside, self.comments) = (Inside::BlockComment, 1);
            return 2;
        }
        match letter {
            '"' | '`' | '\'' => self.inside = Inside::Text { quote: letter, from: self.at + 1 },
            '(' => self.push(Bracket::Round),
            '[' => self.push(Bracket::Square),
            '{' => self.push(Bracket::Curly),
            '#' if rest.starts_with("#{") => {
                self.push(Bracket::Map);
                return 2;
            }
            ')' => self.close(&[Bracket::Round]),
            ']' => self.close(&[Bracket::Square]),
            '}' => self.close(&[Bracket::Curly, Bracket::Map, Bracket::Interpolation]),
            ',' => {
                if let Some(open) = self.open.last_mut() {
                    open.commas += 1;
                    open.in_value = false;
                }
            }
            ':' if rest.starts_with("::") => return 2,
            ':' => self.key(),
            _ => {}
        }
        letter.len_utf8()
    }

    fn push(&mut self, bracket: Bracket) {
        let callee = match bracket {
            Bracket::Round => trailing_path(self.text[..self.at].trim_end()).to_owned(),
            _ => String::new(),
        };
        self.open.push(Open { bracket, callee, commas: 0, keys: Vec::new(), in_value: false });
    }

    fn close(&mut self, brackets: &[Bracket]) {
        match self.open.last() {
            Some(open) if brackets.contains(&open.bracket) => {
                if open.bracket == Bracket::Interpolation {
                    self.inside = Inside::Text { quote: '`', from: self.at + 1 };
                }
                self.open.pop();
            }
            _ => self.unbalanced = true,
        }
    }

    fn key(&mut self) {
        let before = self.text[..self.at].trim_end().trim_end_matches('"');
        let name = before.rsplit(|letter| !is_name(letter)).next().unwrap_or_default().to_owned();
        if let Some(open) = self.open.last_mut().filter(|open| open.bracket == Bracket::Map && !open.in_value) {
            open.keys.push(name);
            open.in_value = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_brackets_know_their_call_and_their_keys() {
        let scan = scan(r#"let a = [1]; flink::submit("nyc (", #{ interval: 5.s, args: #{ "topic": t, "#);
        let shown: Vec<(Bracket, &str, usize, Vec<String>)> =
            scan.open.iter().map(|open| (open.bracket, open.callee.as_str(), open.commas, open.keys.clone())).collect();
        assert_eq!(
            shown,
            [
                (Bracket::Round, "flink::submit", 1, vec![]),
                (Bracket::Map, "", 1, vec!["interval".into(), "args".into()]),
                (Bracket::Map, "", 1, vec!["topic".into()]),
            ]
        );
        assert_eq!((scan.inside, scan.unbalanced), (Inside::Code, false));
    }

    #[test]
    fn strings_and_comments_hide_brackets() {
        for (text, inside) in [
            ("\"(\\\"[\" 'x' // ({", Inside::LineComment),
            ("/* ( /* */ [", Inside::BlockComment),
            ("`a ${ \"}\" + `b` } c", Inside::Text { quote: '`', from: 17 }),
            ("\"abc", Inside::Text { quote: '"', from: 1 }),
        ] {
            let scan = scan(text);
            assert_eq!((scan.inside, scan.open.len(), scan.unbalanced), (inside, 0, false), "{text}");
        }
        assert!(scan("a)").unbalanced);
        assert_eq!(scan("`${").open.len(), 1);
    }

    #[test]
    fn definitions_are_found_with_their_docs() {
        let text =
            "let a = 1;\n/// Doubles.\n/// Twice.\nfn twice(x) { if x { 2 * x } }\nprivate fn none() { \"}\" }\na + 1";
        let found = definitions(text);
        assert_eq!(
            found.iter().map(|one| (one.name.as_str(), one.parameters, &text[one.from..one.to])).collect::<Vec<_>>(),
            [
                ("twice", 1, "/// Doubles.\n/// Twice.\nfn twice(x) { if x { 2 * x } }"),
                ("none", 0, "private fn none() { \"}\" }"),
            ]
        );
        assert!(definitions("let f = |x| { x }; // fn a() {}\nlet fnord = 1").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,60}") {
            // The scanner stands behind the last letter, and what it found lies within the text.
            let found = definitions(&text);
            proptest::prop_assert!(found.iter().all(|one| text.get(one.from..one.to).is_some()));
            proptest::prop_assert!(text.ends_with(trailing_path(&text)));
            proptest::prop_assert!(scan(&text).open.len() <= text.len());
        }
    }
}
