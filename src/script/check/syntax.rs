//! Why a script does not parse, in words that help.
//!
//! Rhai's parser stops at the first thing it cannot use, which is often one token behind the mistake. What stands
//! before and after it tells what was meant: a forgotten semicolon, a bracket that was never closed, another
//! language's way of saying it.

use rhai::{Engine, LexError, ParseError, ParseErrorType as Wrong, Position, Token};

use super::known::Known;
use super::{Finding, Place, Severity, spans};
use crate::error::Error;
use crate::script::limits;
use crate::script::source::Source;

/// The finding for a script that does not parse.
pub fn finding(error: &ParseError, source: &Source, known: &Known) -> Finding {
    let text = Text { source, known, tokens: tokens(&known.parser, &source.text) };
    let at = text.settled(error.position());
    let told = text.told(error.err_type(), at);
    Finding::new(Severity::Error, "syntax", told.place, source, told.error)
}

/// Words of other languages before what the parser stumbles over.
const FOREIGN_BEFORE: [(&str, &str); 8] = [
    ("elif", "write `else if … { … }`"),
    ("elsif", "write `else if … { … }`"),
    ("elseif", "write `else if … { … }`"),
    ("function", "a function is written `fn name(a, b) { … }`"),
    ("def", "a function is written `fn name(a, b) { … }`"),
    ("func", "a function is written `fn name(a, b) { … }`"),
    ("foreach", "a loop is written `for x in list { … }`"),
    ("assert", "write `if !(…) { throw \"…\"; }`"),
];

/// Words and signs of other languages that the parser stumbles over.
const FOREIGN: [(&str, &str); 15] = [
    ("elif", "write `else if … { … }`"),
    ("elsif", "write `else if … { … }`"),
    ("elseif", "write `else if … { … }`"),
    ("and", "write `&&`"),
    ("or", "write `||`"),
    ("then", "write `if … { … }`"),
    ("++", "write `x += 1`"),
    ("--", "write `x -= 1`"),
    ("->", "a closure is written `|x| …`; functions name no type"),
    ("===", "write `==`"),
    ("!==", "write `!=`"),
    (":=", "a variable is written `let x = …;`"),
    ("?", "write `if … { a } else { b }`"),
    ("#", "a comment begins with `//`, a map with `#{`"),
    ("@", "names have letters, digits and `_`"),
];

const TYPES: [&str; 7] = ["int", "float", "string", "bool", "auto", "mut", "long"];

struct Told {
    place: Place,
    error: Error,
}

struct Text<'a> {
    source: &'a Source,
    known: &'a Known,
    /// Without comments; the end of the file is no token.
    tokens: Vec<(Token, Position)>,
}

impl Text<'_> {
    /// The end of a file has no position in Rhai: it is one past the last token.
    fn settled(&self, at: Position) -> Position {
        if at.is_none() || at.line().is_none() { self.end() } else { at }
    }

    fn end(&self) -> Position {
        let Some((_, last)) = self.tokens.last() else { return Position::new(1, 1) };
        let place = spans::token(&self.source.text, *last);
        Position::new(line16(place.line), line16(place.end_column))
    }

    fn index(&self, at: Position) -> usize {
        self.tokens.iter().position(|(_, position)| *position >= at).unwrap_or(self.tokens.len())
    }

    fn told(&self, wrong: &Wrong, at: Position) -> Told {
        let here = self.index(at);
        let now = self.tokens.get(here).map(|(token, _)| token);
        let before = here.checked_sub(1).and_then(|index| self.tokens.get(index));
        let tell =
            |place: Place, message: String, hint: String| Told { place, error: Error::script(message).hint(hint) };
        let place = spans::token(&self.source.text, at);
        if let Some(error) = limits::reached_in_parsing(wrong) {
            return Told { place, error };
        }
        if let Some((index, hint)) = now.and_then(|token| self.foreign(here, token)) {
            let (token, at) = &self.tokens[index];
            let place = spans::token(&self.source.text, *at);
            return tell(place, format!("`{}` cannot stand here", show(token)), hint);
        }
        match wrong {
            Wrong::BadInput(lex) => {
                let (message, hint) = self.lexical(lex, at);
                if matches!(lex, LexError::UnexpectedInput(_)) && now.is_none() {
                    return self.unclosed().unwrap_or_else(|| {
                        tell(
                            place,
                            "the script ends in the middle of an expression".into(),
                            "finish it, or take out its last operator".into(),
                        )
                    });
                }
                tell(place, message, hint)
            }
            Wrong::Reserved(sign) if !sign.starts_with(|letter: char| letter.is_alphabetic()) => {
                tell(place, format!("`{sign}` cannot stand here"), operator_hint(sign))
            }
            Wrong::Reserved(word) => tell(place, format!("`{word}` is a reserved word"), reserved(word)),
            Wrong::MissingToken(wanted, what) => self.missing(wanted, what, here, place),
            Wrong::UnexpectedEOF => self
                .unclosed()
                .unwrap_or_else(|| tell(place, "the script ends too early".into(), "finish its last statement".into())),
            Wrong::DuplicatedProperty(key) => tell(
                place,
                format!("the key `{key}` is in the map twice"),
                "take one of them out: only one could count".into(),
            ),
            Wrong::DuplicatedVariable(name) | Wrong::FnDuplicatedParam(_, name) => {
                tell(place, format!("`{name}` is there twice"), "give one of them another name".into())
            }
            Wrong::FnDuplicatedDefinition(name, arguments) => tell(
                place,
                format!("there are two functions `{name}` with {arguments} arguments"),
                "give one of them another name".into(),
            ),
            Wrong::WrongDocComment => tell(
                place,
                "a comment with `///` or `/**` belongs before a `fn`".into(),
                "write `//` for any other comment".into(),
            ),
            Wrong::WrongFnDefinition => tell(
                place,
                "a `fn` stands at the top of a file, not within a block or a closure".into(),
                "move it out, or write a closure: `let name = |x| …;`, called by `name.call(x)`".into(),
            ),
            Wrong::FnMissingName => tell(
                place,
                "the function has no name".into(),
                "write `fn name(a, b) { … }`, or a closure `|a, b| …`".into(),
            ),
            Wrong::FnMissingParams(name) => tell(
                place,
                format!("the function `{name}` has no list of arguments"),
                format!("write `fn {name}() {{ … }}`"),
            ),
            Wrong::FnMissingBody(name) => {
                tell(place, format!("the function `{name}` has no body"), format!("write `fn {name}(…) {{ … }}`"))
            }
            Wrong::VariableExpected | Wrong::ForbiddenVariable(_) => {
                let what = now.map_or("the end".to_owned(), |token| format!("`{token}`"));
                tell(
                    place,
                    format!("{what} cannot be a name"),
                    "a name begins with a letter and goes on with letters, digits and `_`".into(),
                )
            }
            Wrong::PropertyExpected => tell(
                place,
                "here a key or a property should stand".into(),
                "keys are written `name: value`, properties `value.name`".into(),
            ),
            Wrong::AssignmentToConstant(name) => tell(
                place,
                format!("`{name}` is a `const` and cannot change"),
                format!("define it with `let {name} = …;`"),
            ),
            Wrong::AssignmentToInvalidLHS(_) => tell(
                place,
                "what stands left of `=` cannot take a value".into(),
                "a comparison is written `==`; a value goes into a variable, a property or an element".into(),
            ),
            Wrong::LoopBreak => tell(
                place,
                "`break` and `continue` belong into a loop".into(),
                "leave a closure or a function with `return`".into(),
            ),
            Wrong::WrongExport => {
                tell(place, "`export` belongs to the top of a file".into(), "move it out of the block".into())
            }
            Wrong::ExprExpected(_) => {
                tell(place, "here a value should stand".into(), "give one, or take out what asks for it".into())
            }
            Wrong::MismatchedType(wanted, got) => tell(
                place,
                format!("here {wanted} should stand, not {got}"),
                "`if` and `while` want true or false, `for` a list or a range such as `0..3`".into(),
            ),
            Wrong::UnknownOperator(operator) => {
                tell(place, format!("there is no operator `{operator}`"), operator_hint(operator))
            }
            Wrong::MalformedIndexExpr(_) => tell(
                place,
                "this cannot be an index".into(),
                "lists take a whole number `list[0]`, maps a string `map[\"key\"]`".into(),
            ),
            other => {
                let around = match before {
                    Some((token, _)) => format!("look at what stands after `{}`", show(token)),
                    None => "look at the beginning of the script".to_owned(),
                };
                tell(place, lower(&other.to_string()), around)
            }
        }
    }

    /// Words and signs of other languages: the token that is one, and what is written instead.
    fn foreign(&self, here: usize, now: &Token) -> Option<(usize, String)> {
        let before = here.checked_sub(1).and_then(|index| self.tokens.get(index)).map(|(token, _)| token);
        if let Some(Token::Identifier(word)) = before
            && let Some((_, hint)) = FOREIGN_BEFORE.iter().find(|(known, _)| *known == word.as_str())
        {
            return Some((here - 1, (*hint).to_owned()));
        }
        if let Token::Identifier(word) | Token::Reserved(word) = now
            && let Some((_, hint)) = FOREIGN.iter().find(|(known, _)| *known == word.as_str())
        {
            return Some((here, (*hint).to_owned()));
        }
        let hint = match (before, now) {
            (Some(Token::Identifier(_)), Token::Identifier(_)) if self.is_type(here - 1) => {
                return Some((here - 1, "a variable is written `let name = …;`, without a type".to_owned()));
            }
            (Some(Token::IntegerConstant(_) | Token::FloatConstant(_)), Token::Identifier(unit))
                if self.known.units.contains(&unit.as_str()) =>
            {
                let number = show(&self.tokens[here - 1].0);
                format!("a unit is written with a dot: `{number}.{unit}`")
            }
            (Some(Token::LeftParen), _) | (_, Token::Equals) if self.is_counting_loop(here) => {
                "a loop is written `for i in 0..3 { … }`".to_owned()
            }
            (_, Token::DoubleArrow) => "a closure is written `|x| …`".to_owned(),
            (Some(Token::LeftBrace), _) | (_, Token::Colon) if self.is_map_without_sign(here) => {
                "a map begins with `#{`: `#{ key: value }`".to_owned()
            }
            (Some(Token::Identifier(_)), Token::Colon) if self.after_let(here) => {
                "a variable has no type: `let x = …;`".to_owned()
            }
            (Some(Token::SemiColon), Token::Else) => "no `;` stands between `}` and `else`".to_owned(),
            _ => return None,
        };
        Some((here, hint))
    }

    /// `int x`, at the beginning of a statement.
    fn is_type(&self, index: usize) -> bool {
        let begins = index.checked_sub(1).is_none_or(|before| {
            matches!(self.tokens[before].0, Token::SemiColon | Token::LeftBrace | Token::RightBrace)
        });
        let named = matches!(&self.tokens[index].0, Token::Identifier(word) if TYPES.contains(&word.as_str()));
        begins && named
    }

    /// `for (i = 0; …`
    fn is_counting_loop(&self, here: usize) -> bool {
        let from = here.saturating_sub(3);
        self.tokens[from..here].windows(2).any(|two| matches!((&two[0].0, &two[1].0), (Token::For, Token::LeftParen)))
            && self.tokens[here..].iter().take(3).any(|(token, _)| matches!(token, Token::Equals))
    }

    /// `{ key: value }`
    fn is_map_without_sign(&self, here: usize) -> bool {
        let key = |index: usize| {
            matches!(self.tokens.get(index), Some((Token::Identifier(_) | Token::StringConstant(_), _)))
                && matches!(self.tokens.get(index + 1), Some((Token::Colon, _)))
        };
        let brace = |index: usize| matches!(self.tokens.get(index), Some((Token::LeftBrace, _)));
        (here >= 2 && brace(here - 2) && key(here - 1)) || (here >= 1 && brace(here - 1) && key(here))
    }

    fn after_let(&self, here: usize) -> bool {
        here >= 2 && matches!(self.tokens[here - 2].0, Token::Let | Token::Const)
    }

    fn missing(&self, wanted: &str, what: &str, here: usize, place: Place) -> Told {
        let now = self.tokens.get(here).map(|(token, _)| token);
        let tell = |place: Place, message: &str, hint: String| Told { place, error: Error::script(message).hint(hint) };
        if now.is_none()
            && let Some(told) = self.unclosed()
        {
            return told;
        }
        match (wanted, now) {
            (";", _) => {
                let Some((before, _)) = here.checked_sub(1).and_then(|index| self.tokens.get(index)) else {
                    return tell(place, "a `;` is missing", "every statement ends with `;`".into());
                };
                let behind = self.behind(here - 1);
                let shown = self.shown(here - 1);
                let hint = match now {
                    Some(Token::StringConstant(_) | Token::IntegerConstant(_) | Token::FloatConstant(_))
                        if matches!(before, Token::Identifier(_)) =>
                    {
                        format!("a function is called with parentheses: `{shown}(…)`")
                    }
                    Some(Token::Equals) => "a comparison is written `==`".to_owned(),
                    Some(now) if behind.line == place.line => {
                        format!("put `;` behind `{shown}`, or an operator or comma between it and `{}`", show(now))
                    }
                    _ => format!("put `;` behind `{shown}`"),
                };
                tell(behind, "a `;` is missing here", hint)
            }
            (":", Some(Token::Equals)) => {
                tell(place, "a key of a map is followed by `:`, not `=`", "write `key: value`".into())
            }
            (":", Some(Token::Comma | Token::RightBrace)) => {
                let key = here.checked_sub(1).map(|index| show(&self.tokens[index].0)).unwrap_or_default();
                let before =
                    here.checked_sub(1).map_or(place, |index| spans::token(&self.source.text, self.tokens[index].1));
                tell(before, "a key of a map needs a value", format!("write `{key}: {key}`: there is no short form"))
            }
            (":", _) => tell(place, "a key of a map is followed by `:` and its value", "write `key: value`".into()),
            ("," | "]" | ")" | "}", Some(now)) if here > 0 => {
                let map = what.contains("object map");
                let close = if map { "}" } else { closing(what, wanted) };
                let hint = match now {
                    Token::SemiColon if map => {
                        "close the map with `}` before the `;`; its entries are separated by `,`".to_owned()
                    }
                    Token::SemiColon => format!("close what was opened: put `{close}` before the `;`"),
                    now => format!(
                        "put a `,` behind `{0}`, or a closing `{close}` between it and `{1}`",
                        self.shown(here - 1),
                        show(now)
                    ),
                };
                tell(self.behind(here - 1), &format!("a `,` or `{close}` is missing here"), hint)
            }
            ("{", Some(now)) => tell(
                place,
                "here a block should begin",
                format!("put what belongs together into braces: `{{ {} … }}`", show(now)),
            ),
            ("in", _) => tell(
                place,
                "here `in` should stand",
                "a loop is written `for x in list { … }` or `for i in 0..3 { … }`".into(),
            ),
            ("|", _) => tell(place, "the closure's list of arguments does not end", "write `|a, b| …`".into()),
            (wanted, Some(now)) => {
                tell(place, &format!("here `{wanted}` should stand"), format!("put `{wanted}` before `{}`", show(now)))
            }
            (wanted, None) => tell(place, &format!("`{wanted}` is missing at the end"), format!("add `{wanted}`")),
        }
    }

    /// The place right behind a token.
    fn behind(&self, index: usize) -> Place {
        let (token, at) = &self.tokens[index];
        let mut end = spans::token(&self.source.text, *at);
        if self.ends_interpolation(token, end) {
            let rest: String = self.source.line(end.line).chars().skip(end.column - 1).collect();
            end.end_column = end.column + rest.chars().position(|letter| letter == '`').map_or(1, |at| at + 1);
        }
        Place { line: end.line, column: end.end_column, end_column: end.end_column + 1 }
    }

    /// The last piece of an interpolated string begins with no quote.
    fn ends_interpolation(&self, token: &Token, place: Place) -> bool {
        let first = self.source.line(place.line).chars().nth(place.column - 1);
        matches!(token, Token::StringConstant(_)) && !matches!(first, Some('"' | '`'))
    }

    fn shown(&self, index: usize) -> String {
        let (token, at) = &self.tokens[index];
        if self.ends_interpolation(token, spans::token(&self.source.text, *at)) {
            "…".to_owned()
        } else {
            show(token)
        }
    }

    /// A bracket that is not closed: the innermost one that is open at the end of the file, or one that was closed by
    /// a bracket which its indentation shows to belong further out.
    fn unclosed(&self) -> Option<Told> {
        let mut open: Vec<(&Token, Position)> = Vec::new();
        let mut suspect = None;
        for (token, position) in &self.tokens {
            match token {
                Token::LeftBrace | Token::MapStart | Token::LeftParen | Token::LeftBracket => {
                    open.push((token, *position))
                }
                Token::RightBrace | Token::RightParen | Token::RightBracket => {
                    let opened = open.pop();
                    let belongs_elsewhere = opened.is_some_and(|(_, at)| {
                        at.line() != position.line()
                            && self.indentation(*position) + 1 == position.position().unwrap_or(0)
                            && self.indentation(*position) < self.indentation(at)
                    });
                    if belongs_elsewhere {
                        suspect = suspect.or(opened);
                    }
                }
                _ => {}
            }
        }
        let (token, at) = open.pop().map(|last| suspect.unwrap_or(last))?;
        let (sign, close) = match token {
            Token::LeftParen => ("(", ")"),
            Token::LeftBracket => ("[", "]"),
            Token::MapStart => ("#{", "}"),
            _ => ("{", "}"),
        };
        let error = Error::script(format!("this `{sign}` is never closed"))
            .hint(format!("add the `{close}` that belongs to it"));
        Some(Told { place: spans::token(&self.source.text, at), error })
    }

    /// How far the line of a position is indented.
    fn indentation(&self, at: Position) -> usize {
        let line = self.source.line(at.line().unwrap_or(1));
        line.chars().take_while(|letter| letter.is_whitespace()).count()
    }

    fn lexical(&self, wrong: &LexError, at: Position) -> (String, String) {
        match wrong {
            LexError::MalformedChar(_) => {
                ("single quotes hold one letter".into(), "strings stand in double quotes: `\"…\"`".into())
            }
            LexError::UnterminatedString => (
                "the string does not end".into(),
                "add the closing `\"`; a string over several lines stands in backticks".into(),
            ),
            LexError::MalformedNumber(number) => (
                format!("`{number}` is no number"),
                "numbers are written `30`, `1.5`, `1_000` or `1e-3`, and with a unit `30.s`".into(),
            ),
            LexError::MalformedEscapeSequence(text) => (
                format!("`{text}` means nothing in a string"),
                "write `\\\\` for a backslash, `\\n` for a new line".into(),
            ),
            LexError::MalformedIdentifier(name) => {
                (format!("`{name}` cannot be a name"), "a name has a letter before its first digit".into())
            }
            LexError::ImproperSymbol(sign, _) => (format!("`{sign}` cannot stand here"), operator_hint(sign)),
            LexError::UnexpectedInput(sign) => {
                let before = self.index(at).checked_sub(1).map(|index| show(&self.tokens[index].0));
                let hint = match (sign.as_str(), before) {
                    ("}" | ")" | "]", _) => {
                        "it closes nothing that is open here, or something is missing before it".to_owned()
                    }
                    (_, Some(before)) => {
                        format!("something is missing between `{before}` and `{sign}`, or one of them is too much")
                    }
                    (_, None) => "a script begins with a statement".to_owned(),
                };
                (format!("`{sign}` cannot stand here"), hint)
            }
            other => (lower(&other.to_string()), "take it out, or write it otherwise".into()),
        }
    }
}

fn closing<'w>(what: &str, wanted: &'w str) -> &'w str {
    match wanted {
        "," if what.contains("array") => "]",
        "," if what.contains("switch") => "}",
        "," => ")",
        wanted => wanted,
    }
}

fn operator_hint(sign: &str) -> String {
    match sign {
        "++" => "write `x += 1`".into(),
        "--" => "write `x -= 1`".into(),
        "===" => "write `==`".into(),
        "!==" => "write `!=`".into(),
        "#" => "a comment begins with `//`, a map with `#{`".into(),
        "?" => "write `if … { a } else { b }`".into(),
        "->" | "=>" => "a closure is written `|x| …`".into(),
        ":=" => "a variable is written `let x = …;`".into(),
        "::" => "`::` stands between a module and its function: `kafka::create_topic(…)`".into(),
        "=" => "a comparison is written `==`".into(),
        "this" => "a closure sees the variables around it: name them".into(),
        _ => "Rhai has no such sign here".into(),
    }
}

fn reserved(word: &str) -> String {
    match word {
        "null" | "nil" => "nothing is written `()`".into(),
        "var" => "a variable is written `let name = …;`".into(),
        "new" => "nothing is made with `new`: call the function that gives it".into(),
        "async" => "take `async_ms` or another name".into(),
        "sync" => "take `sync_ms` or another name".into(),
        "case" | "match" => "a choice is written `switch value { 1 => …, _ => … }`".into(),
        "this" => "a closure sees the variables around it: name them".into(),
        _ => format!("take another name, as `{word}_`"),
    }
}

fn show(token: &Token) -> String {
    match token {
        Token::StringConstant(text) if text.len() > 20 => "\"…\"".to_owned(),
        Token::InterpolatedString(_) => "${…}".to_owned(),
        token => token.to_string(),
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn line16(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// All tokens. Within an interpolated string the lexer must be told where its text goes on.
fn tokens(engine: &Engine, text: &str) -> Vec<(Token, Position)> {
    let texts = [text];
    let (lexer, control) = engine.lex(&texts);
    let mut found = Vec::new();
    // How deep the braces were nested where each interpolation began.
    let mut interpolated: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    // After the end of the text the lexer never stops, and a broken text must not make it either.
    for (token, position) in lexer.take(text.len() + 16) {
        match &token {
            Token::EOF => break,
            Token::LeftBrace | Token::MapStart => depth += 1,
            Token::RightBrace => {
                depth = depth.saturating_sub(1);
                if interpolated.last() == Some(&depth) {
                    interpolated.pop();
                    control.borrow_mut().is_within_text = true;
                }
            }
            Token::InterpolatedString(_) => interpolated.push(depth),
            _ => {}
        }
        found.push((token, position));
    }
    found
}
