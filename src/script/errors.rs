//! Errors between Rhai and the rest of cprun, in both directions, with the place in the script.
//!
//! A native's error travels through Rhai as a map with `kind`, `message` and `hint`, so that a script can
//! catch it and read it. On the way out the place is the innermost one that lies in a file we can show.

use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext, ParseError, ParseErrorType, Position};

use super::bind;
use super::check::{Finding, spans};
use super::imports::Imports;
use super::limits;
use super::source::Source;
use super::value::{nearest, unknown};
use crate::error::{Error, Kind, Position as Place, Result};

pub type Failure = Box<EvalAltResult>;

const KINDS: [(Kind, &str); 10] = [
    (Kind::Usage, "usage"),
    (Kind::Script, "script"),
    (Kind::InputMissing, "input-missing"),
    (Kind::Target, "target"),
    (Kind::Trial, "trial"),
    (Kind::Io, "io"),
    (Kind::Interrupted, "interrupted"),
    (Kind::Terminated, "terminated"),
    (Kind::Cleanup, "cleanup"),
    (Kind::Defect, "defect"),
];

/// The error of a native, at the place of its call.
pub fn at(context: &NativeCallContext, error: Error) -> Failure {
    failure(error, context.call_position())
}

/// The error of a getter, which knows no place; Rhai adds it.
pub fn plain(error: Error) -> Failure {
    failure(error, Position::NONE)
}

fn failure(error: Error, position: Position) -> Failure {
    let kind = KINDS.iter().find(|(kind, _)| *kind == error.kind).map_or("defect", |(_, name)| name);
    let mut map = Map::new();
    map.insert("kind".into(), kind.into());
    map.insert("message".into(), error.message.into());
    map.insert("hint".into(), error.hint.map_or(Dynamic::UNIT, Into::into));
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from_map(map), position))
}

/// What is known of the surroundings of an error.
pub struct Scene<'a> {
    /// The script, then the files that it may have called into.
    pub sources: &'a [Source],
    /// Every function that could have been meant, `module::name` or `name`.
    pub functions: &'a [String],
    /// Which of the files a closure was written in.
    pub imports: &'a Imports,
}

/// The border error for whatever ended a script.
pub fn convert(failure: EvalAltResult, scene: &Scene<'_>) -> Error {
    let main = scene.sources.first();
    let (leaf, source, position) = descend(failure, main, Position::NONE, scene);
    let mut error = describe(leaf, scene);
    if let (Some(source), Some(line)) = (source, position.line()) {
        let column = position.position().map_or(0, |column| spans::path_begin(&source.line(line), column));
        error.position = Some(source.position(line, column));
    }
    error
}

/// How Rhai begins the names of closures.
const CLOSURE: &str = "anon$";

/// Walks to the innermost error. `source` of a call is the callee's file; its position lies in the caller's.
fn descend<'a>(
    failure: EvalAltResult,
    source: Option<&'a Source>,
    outer: Position,
    scene: &Scene<'a>,
) -> (EvalAltResult, Option<&'a Source>, Position) {
    match failure {
        EvalAltResult::ErrorInFunctionCall(name, file, inner, position) => {
            let of_name = |name: &str| scene.sources.iter().find(|known| known.name == name);
            // A closure is reported under the file of the function that calls it, not the one that it was written in.
            let callee = if name.starts_with(CLOSURE) {
                scene.imports.closure(&name).and_then(|place| of_name(&place.file)).or(scene.sources.first())
            } else {
                of_name(&file).or(source)
            };
            let (leaf, leaf_source, leaf_position) = descend(*inner, callee, Position::NONE, scene);
            // A place in a file that came with cprun says nothing to its caller: the call is the place.
            let is_users = |leaf: &Source| {
                leaf.folder.is_some() || scene.sources.first().is_some_and(|script| script.name == leaf.name)
            };
            if leaf_position.is_none() || !leaf_source.is_some_and(is_users) {
                (leaf, source, position)
            } else {
                (leaf, leaf_source, leaf_position)
            }
        }
        EvalAltResult::ErrorInModule(file, inner, _) => {
            let named = scene.sources.iter().find(|known| known.name == file.as_str());
            descend(*inner, named.or(source), outer, scene)
        }
        leaf => {
            let own = leaf.position();
            let position = if own.is_none() { outer } else { own };
            (leaf, source, position)
        }
    }
}

fn describe(leaf: EvalAltResult, scene: &Scene<'_>) -> Error {
    if let Some(error) = limits::reached(&leaf) {
        return error;
    }
    match leaf {
        EvalAltResult::ErrorRuntime(value, _) => thrown(value),
        EvalAltResult::ErrorParsing(kind, _) => syntax(&kind, scene.functions),
        EvalAltResult::ErrorVariableNotFound(name, _) => Error::script(format!("there is no variable `{name}`"))
            .hint("a `fn` sees no variables of the script: pass them, or write a closure `|x| …`"),
        EvalAltResult::ErrorModuleNotFound(name, _) => Error::script(format!("there is no module `{name}`")),
        EvalAltResult::ErrorPropertyNotFound(name, _) => Error::script(format!("there is no property `{name}`")),
        EvalAltResult::ErrorDotExpr(message, _) if message.contains("'i64'") || message.contains("'f64'") => {
            Error::script(without_position(&message))
                .hint("the units are ns us ms s min h d, and B KiB MiB GiB: `30.s`")
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) if signature.starts_with(CLOSURE) => {
            Error::script("a closure of an imported file is called where its import no longer holds")
                .hint("write `import` at the top of the script, not inside a function or block")
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => not_found(&signature, scene),
        EvalAltResult::ErrorDotExpr(message, _) => {
            no_property(&message).unwrap_or_else(|| Error::script(without_position(&message)))
        }
        other => Error::script(without_position(&other.to_string())),
    }
}

/// A getter that there is not, by Rhai's words, for a type that primitives hand out.
fn no_property(message: &str) -> Option<Error> {
    let (property, rest) = message.strip_prefix("Unknown property '")?.split_once('\'')?;
    let kind = rest.strip_prefix(" - a getter is not registered for type '")?.strip_suffix('\'')?;
    let handle = bind::handles().into_iter().find(|handle| handle.name == kind)?;
    let known: Vec<&str> = handle.properties.iter().map(|one| one.name).collect();
    Some(unknown("property", &format!("a {kind} has no property `{property}`"), property, &known))
}

/// What `throw` or a native threw.
fn thrown(value: Dynamic) -> Error {
    let Some(map) = value.clone().try_cast::<Map>() else {
        return Error::script(value.to_string());
    };
    let text = |key: &str| map.get(key).and_then(|value| value.clone().into_string().ok());
    let kind = text("kind")
        .and_then(|kind| KINDS.iter().find(|(_, name)| *name == kind))
        .map_or(Kind::Script, |(kind, _)| *kind);
    let error = Error::new(kind, text("message").unwrap_or_else(|| value.to_string()));
    match text("hint") {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Of a thrown value: what kind of error of ours it is; none for what the script threw itself.
#[must_use]
pub fn kind(value: &Dynamic) -> Option<Kind> {
    let map = value.read_lock::<Map>()?;
    let name = map.get("kind")?.clone().into_string().ok()?;
    KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
}

/// The same failure with another message; one that nobody threw stays as it is.
#[must_use]
pub fn amended(mut failure: Failure, message: impl FnOnce(String) -> String) -> Failure {
    let mut leaf = &mut *failure;
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) = leaf {
        leaf = &mut **inner;
    }
    if let EvalAltResult::ErrorRuntime(value, _) = leaf {
        let told = message(thrown(value.clone()).message);
        let mut map = value.clone().try_cast::<Map>().unwrap_or_default();
        map.insert("message".into(), told.into());
        *value = Dynamic::from_map(map);
    }
    failure
}

/// The border error for a script that does not parse.
pub fn from_parse(error: &ParseError, source: &Source, functions: &[String]) -> Error {
    let mut converted = syntax(error.err_type(), functions);
    if let Some(line) = error.position().line() {
        converted.position = Some(source.position(line, error.position().position().unwrap_or(0)));
    }
    converted
}

fn syntax(kind: &ParseErrorType, functions: &[String]) -> Error {
    if let Some(error) = limits::reached_in_parsing(kind) {
        return error;
    }
    match kind {
        ParseErrorType::VariableUndefined(name) => {
            let error = Error::script(format!("there is no variable `{name}`"));
            let modules = modules(functions);
            match nearest(name, &modules) {
                Some(module) if module == name => error.hint(format!("`{name}` is a module: write `{name}::…`")),
                Some(module) => error.hint(format!("did you mean the module `{module}::…`?")),
                None => error.hint("define it with `let`; a `fn` sees no variables of the script: pass them, or write a closure `|x| …`"),
            }
        }
        ParseErrorType::ModuleUndefined(name) => {
            let modules = modules(functions);
            let error = Error::script(format!("there is no module `{name}`"));
            match nearest(name, &modules) {
                Some(near) => error.hint(format!("did you mean `{near}::`?")),
                None => error.hint(format!("there are: {}", modules.join(", "))),
            }
        }
        other => Error::script(other.to_string()),
    }
}

fn modules(functions: &[String]) -> Vec<&str> {
    let mut modules: Vec<&str> =
        functions.iter().filter_map(|name| name.split_once("::")).map(|(module, _)| module).collect();
    modules.dedup();
    modules
}

/// `fault::kil (instance, map)`: a wrong name, or a right one with the wrong arguments.
fn not_found(signature: &str, scene: &Scene<'_>) -> Error {
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ""));
    let name = name.trim();
    let arguments = arguments.trim_end_matches(')');
    let known: Vec<&str> = scene.functions.iter().map(String::as_str).collect();
    if known.contains(&name) {
        let error = Error::script(format!("`{name}` does not take ({})", friendly(arguments)));
        let numbers = arguments.split(", ").any(|argument| argument == "i64" || argument == "f64");
        return if numbers {
            error.hint("where a duration is wanted, write its unit, as in `30.s`")
        } else {
            error.hint("compare number and kind of the arguments with the example script")
        };
    }
    let error = Error::script(format!("there is no function `{name}` for ({})", friendly(arguments)));
    match nearest(name, &known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

fn friendly(arguments: &str) -> String {
    let names = arguments.split(", ").map(|argument| match argument {
        "i64" => "a whole number",
        "f64" => "a number",
        "&str | ImmutableString | String" | "ImmutableString" | "&str" => "a string",
        "Fn" | "FnPtr" => "a closure",
        other => other,
    });
    names.collect::<Vec<_>>().join(", ")
}

fn without_position(text: &str) -> String {
    text.split(" (line ").next().unwrap_or(text).to_owned()
}

/// Shows an error as stderr does: message, place, source line with a mark, hint.
#[must_use]
pub fn render(error: &Error) -> String {
    let place = error.position.as_ref().map(|position| {
        let here = Position::new(1, u16::try_from(position.column).unwrap_or(u16::MAX));
        (position, spans::path(&position.text, here).end_column)
    });
    shown("error", &error.message, place, error.hint.as_deref())
}

/// The same for what the check found.
#[must_use]
pub fn render_finding(finding: &Finding) -> String {
    let place = Some((&finding.position, finding.end_column));
    shown(finding.severity.name(), &finding.message, place, finding.hint.as_deref())
}

/// `place` is a position and the column past the end of what is meant.
fn shown(severity: &str, message: &str, place: Option<(&Place, usize)>, hint: Option<&str>) -> String {
    let mut text = format!("{severity}: {message}");
    if let Some((position, end_column)) = place {
        let number = position.line.to_string();
        let pad = " ".repeat(number.len());
        let column = if position.column == 0 { String::new() } else { format!(":{}", position.column) };
        text.push_str(&format!("\n{pad}--> {}:{}{column}\n{pad} |", position.file, position.line));
        text.push_str(&format!("\n{number} | {}", position.text.trim_end()));
        if position.column > 0 {
            // Tabs stay tabs, so that the mark stands under its letter however wide they are shown.
            let tab = |letter: char| if letter == '\t' { '\t' } else { ' ' };
            let before: String = position.text.chars().take(position.column - 1).map(tab).collect();
            // Behind the end of a line there is nothing to mirror.
            let beyond = " ".repeat((position.column - 1).saturating_sub(before.chars().count()));
            let mark = "^".repeat(end_column.saturating_sub(position.column).max(1));
            text.push_str(&format!("\n{pad} | {before}{beyond}{mark}"));
        }
    }
    if let Some(hint) = hint {
        text.push_str(&format!("\nhint: {hint}"));
    }
    text
}

pub fn result_at<T>(context: &NativeCallContext, result: Result<T>) -> std::result::Result<T, Failure> {
    result.map_err(|error| at(context, error))
}

/// What a failure says, without giving it up.
pub fn summary(failure: &EvalAltResult) -> Error {
    match failure {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            summary(inner)
        }
        EvalAltResult::ErrorRuntime(value, _) => thrown(value.clone()),
        other if let Some(error) = limits::reached(other) => error,
        other => Error::script(without_position(&other.to_string())),
    }
}
