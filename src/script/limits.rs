//! How far a script may go: operations, depth and sizes; the same in every build.
//!
//! Rhai's own defaults differ between debug and release, so every limit is set. Its count of operations is not used: it
//! grows over a whole script, of which hours pass in waits, and it starts again in each closure that a native calls.
//! Counted are the operations of a thread since time last passed on it, because that is what an endless loop is: one
//! in which nothing can change any more.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, Module, NativeCallContext, ParseErrorType};
use tokio_util::sync::CancellationToken;

use super::errors::{self, Failure};
use crate::error::{Error, Kind};
use crate::host::{Cancelled, Signals};

/// Operations of Rhai between two primitives that let time pass.
pub const OPERATIONS: u64 = 10_000_000;
/// A primitive that takes so long lets time pass: what loops around it is no endless computation.
pub const TOOK_TIME: Duration = Duration::from_millis(1);
/// Calls within calls. A thread of the script has 64 MiB of stack: an unoptimised build takes 250 KiB a level.
pub const CALL_LEVELS: usize = 128;
/// Brackets within brackets, in a script and in a function.
pub const EXPRESSION_DEPTH: usize = 256;
pub const FUNCTION_EXPRESSION_DEPTH: usize = 128;
pub const STRING_BYTES: usize = 16 << 20;
/// Elements of a list, those of the lists in it counted in. Rhai counts them anew at every change.
pub const LIST_ELEMENTS: usize = 100_000;
/// Keys of a map, those of the maps in it counted in. Rhai does not look when a key is set: until the map goes through
/// an expression or a method, the operations are what ends its growth.
pub const MAP_KEYS: usize = 100_000;
/// Variables at one place.
pub const VARIABLES: usize = 1_000;
/// Functions of one file, closures among them.
pub const FUNCTIONS: usize = 1_000;
/// Imports that one script comes by, those of the imported files among them.
pub const IMPORTS: usize = 200;

/// Signals are looked for once in so many operations.
const LOOK_EVERY: u64 = 64;

thread_local! {
    static SPENT: Cell<u64> = const { Cell::new(0) };
    static STOP: RefCell<CancellationToken> = RefCell::new(CancellationToken::new());
}

/// Why a script is ended from outside; what its error carries.
const INTERRUPTED: &str = "interrupted";
const STOPPED: &str = "stopped";
const OPERATIONS_SPENT: &str = "operations spent";

/// Sets every limit, and takes away what would leave a script or read another clock.
pub fn apply(engine: &mut Engine, signals: &Signals) {
    engine
        .set_max_operations(0)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_DEPTH, FUNCTION_EXPRESSION_DEPTH)
        .set_max_string_size(STRING_BYTES)
        .set_max_array_size(LIST_ELEMENTS)
        .set_max_map_size(MAP_KEYS)
        .set_max_variables(VARIABLES)
        .set_max_functions(FUNCTIONS)
        .set_max_modules(IMPORTS);
    engine.disable_symbol("eval");
    let cancelled = signals.cancelled.clone();
    engine.on_progress(move |_| progress(&cancelled));
    let mut module = Module::new();
    no_exit(&mut module);
    no_numbers(&mut module);
    engine.register_global_module(module.into());
}

fn progress(cancelled: &Cancelled) -> Option<Dynamic> {
    let spent = SPENT.get() + 1;
    SPENT.set(spent);
    if spent > OPERATIONS {
        return Some(OPERATIONS_SPENT.into());
    }
    if !spent.is_multiple_of(LOOK_EVERY) {
        return None;
    }
    if cancelled.is_cancelled() {
        return Some(INTERRUPTED.into());
    }
    STOP.with_borrow(CancellationToken::is_cancelled).then(|| STOPPED.into())
}

/// Called by whatever lets time pass: the operations of this thread count from here.
pub fn time_passed() {
    SPENT.set(0);
}

/// Makes this thread one that ends when `stop` is cancelled.
pub fn enter(stop: CancellationToken) {
    time_passed();
    STOP.set(stop);
}

/// What ends this thread.
#[must_use]
pub fn stop_token() -> CancellationToken {
    STOP.with_borrow(CancellationToken::clone)
}

/// The error of a wait on a thread that is to end.
#[must_use]
pub fn stopped() -> Error {
    Error::new(Kind::Interrupted, STOPPED)
}

/// `exit` inside a callback surfaces as an error that nobody understands, and at the top it would skip what a run
/// does at its end.
fn no_exit(module: &mut Module) {
    let refuse = |context: &NativeCallContext| -> Result<Dynamic, Failure> {
        let error = Error::script("a script cannot exit")
            .hint("`throw \"why\"` ends it with an error; `return` leaves a function or closure");
        Err(errors::at(context, error))
    };
    let plain = move |context: NativeCallContext| refuse(&context);
    FuncRegistration::new("exit").with_volatility(true).set_into_module(module, plain);
    let valued = move |context: NativeCallContext, _value: Dynamic| refuse(&context);
    FuncRegistration::new("exit").with_volatility(true).set_into_module(module, valued);
}

/// Rhai's own `sleep` takes a number of seconds and cannot be ended.
fn no_numbers(module: &mut Module) {
    let refuse = |context: &NativeCallContext, number: f64| -> Result<Dynamic, Failure> {
        let error =
            Error::script(format!("sleep: `duration` wants a duration such as `30.s`, not a number ({number})"));
        Err(errors::at(context, error.hint(format!("write the unit: `{number}.s`"))))
    };
    let whole = move |context: NativeCallContext, number: i64| refuse(&context, number as f64);
    FuncRegistration::new("sleep").with_volatility(true).set_into_module(module, whole);
    let float = move |context: NativeCallContext, number: f64| refuse(&context, number);
    FuncRegistration::new("sleep").with_volatility(true).set_into_module(module, float);
}

/// The error for a script that was ended from outside.
#[must_use]
pub fn terminated(token: &Dynamic) -> Error {
    match token.clone().into_string().as_deref() {
        Ok(OPERATIONS_SPENT) => Error::script(format!(
            "an endless loop: {} operations of the script, and no time passed",
            grouped(OPERATIONS)
        ))
        .hint("wait for what is to change with `wait_until(timeout, || …)`, or let time pass with `sleep(100.ms)`"),
        Ok(STOPPED) => stopped(),
        _ => Error::new(Kind::Interrupted, INTERRUPTED),
    }
}

/// The error for a limit that was reached; nothing for any other error.
#[must_use]
pub fn reached(leaf: &EvalAltResult) -> Option<Error> {
    Some(match leaf {
        EvalAltResult::ErrorTerminated(token, _) => terminated(token),
        EvalAltResult::ErrorStackOverflow(_) => Error::script(format!("calls are nested more than {CALL_LEVELS} deep"))
            .hint("a function that calls itself needs a case in which it does not; a loop may do as well"),
        EvalAltResult::ErrorDataTooLarge(what, _) => too_large(what),
        EvalAltResult::ErrorTooManyVariables(_) => {
            Error::script(format!("more than {VARIABLES} variables at one place"))
                .hint("keep values in a list or a map")
        }
        EvalAltResult::ErrorTooManyModules(_) => Error::script(format!("more than {IMPORTS} imports"))
            .hint("import a file once, at the top of the file that uses it, and not in a loop"),
        _ => return None,
    })
}

fn too_large(what: &str) -> Error {
    if what.contains("string") {
        let megabytes = STRING_BYTES >> 20;
        return Error::script(format!("a string of more than {megabytes} MiB"))
            .hint("print or `note` its parts; what is measured belongs in the journal: `sample(interval, || …)`");
    }
    let (what, most, unit) =
        if what.contains("map") { ("map", MAP_KEYS, "keys") } else { ("list", LIST_ELEMENTS, "elements") };
    Error::script(format!("a {what} of more than {} {unit}, counting those inside it", grouped(most as u64)))
        .hint("keep sums instead of all values; what is measured belongs in the journal: `sample(interval, || …)`")
}

/// The error for a limit of the parser; nothing for any other error.
#[must_use]
pub fn reached_in_parsing(kind: &ParseErrorType) -> Option<Error> {
    Some(match kind {
        ParseErrorType::ExprTooDeep => Error::script(format!(
            "an expression is nested more than {EXPRESSION_DEPTH} deep ({FUNCTION_EXPRESSION_DEPTH} in a function)"
        ))
        .hint("give its parts names with `let`"),
        ParseErrorType::TooManyFunctions => {
            Error::script(format!("more than {FUNCTIONS} functions and closures in one file"))
                .hint("put some of them into a file of their own and `import \"file\" as name;`")
        }
        ParseErrorType::LiteralTooLarge(what, _) => too_large(&what.to_lowercase()),
        _ => return None,
    })
}

/// `20 000 000`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::testing::run;

    #[test]
    fn the_limits_are_these_in_every_build() {
        let mut engine = Engine::new();
        apply(&mut engine, &Signals::default());
        assert_eq!(
            (
                engine.max_call_levels(),
                engine.max_expr_depth(),
                engine.max_function_expr_depth(),
                engine.max_operations()
            ),
            (128, 256, 128, 0)
        );
        assert_eq!(
            (engine.max_string_size(), engine.max_array_size(), engine.max_map_size()),
            (16_777_216, 100_000, 100_000)
        );
        assert_eq!((engine.max_variables(), engine.max_functions(), engine.max_modules()), (1_000, 1_000, 200));
        assert_eq!(OPERATIONS, 10_000_000);
    }

    #[test]
    fn an_endless_loop_is_ended_at_its_place() {
        // Which of its operations is the last one is nobody's business.
        let error = run("let n = 0;\nloop { n += 1; }").error.expect("ended");
        assert_eq!(error.message, "an endless loop: 10 000 000 operations of the script, and no time passed");
        assert!(error.hint.is_some_and(|hint| hint.starts_with("wait for what is to change with `wait_until(")));
        assert_eq!(error.position.map(|place| place.line), Some(2));
        // It cannot be caught, and the next one does not get new operations.
        assert!(run("loop { try { loop {} } catch {} }").message().contains("an endless loop"));
    }

    #[test]
    fn a_loop_in_which_time_passes_is_no_endless_one() {
        let ran = run("let n = 0;\nwhile n < 30 { n += 1; sleep(2.ms); for i in 0..400_000 {} }\nprint(n);");
        assert_eq!(ran.printed(), "30\n");
    }

    #[test]
    fn deep_recursion_is_an_error_and_no_overflow_of_the_stack() {
        insta::assert_snapshot!(run("fn down(n) {\n    1 + down(n + 1)\n}\ndown(0);").message(), @r"
        error: calls are nested more than 128 deep
         --> x.rhai:4:1
          |
        4 | down(0);
          | ^^^^
        hint: a function that calls itself needs a case in which it does not; a loop may do as well
        ");
        assert_eq!(
            run("fn down(n) { if n == 0 { 0 } else { 1 + down(n - 1) } }\nprint(down(100));").printed(),
            "100\n"
        );
        // The same on a thread of its own, and through closures that natives call.
        assert!(
            run("fn down(n) { parallel(|| down(n + 1)) }\ndown(0);").message().contains("nested more than 128 deep")
        );
        assert!(
            run("fn down(n) { retry(1, 1.s, || down(n + 1)) }\ndown(0);")
                .message()
                .contains("nested more than 128 deep")
        );
    }

    #[test]
    fn growing_values_are_ended() {
        insta::assert_snapshot!(run("let s = \"0123456789\";\nloop { s += s; }").message(), @r"
        error: a string of more than 16 MiB
         --> x.rhai:2:10
          |
        2 | loop { s += s; }
          |          ^^
        hint: print or `note` its parts; what is measured belongs in the journal: `sample(interval, || …)`
        ");
        insta::assert_snapshot!(run("let list = [0];\nloop { list += list; }").message(), @r"
        error: a list of more than 100 000 elements, counting those inside it
         --> x.rhai:2:13
          |
        2 | loop { list += list; }
          |             ^^
        hint: keep sums instead of all values; what is measured belongs in the journal: `sample(interval, || …)`
        ");
        insta::assert_snapshot!(run("let map = #{ a: 1 };\nloop { map = #{ a: map, b: map }; }").message(), @r"
        error: a map of more than 100 000 keys, counting those inside it
         --> x.rhai:2:28
          |
        2 | loop { map = #{ a: map, b: map }; }
          |                            ^^^
        hint: keep sums instead of all values; what is measured belongs in the journal: `sample(interval, || …)`
        ");
    }

    #[test]
    fn deep_expressions_and_too_many_functions_are_told_before_anything_runs() {
        let deep = format!("print(1);\nlet x = {}1{};", "(".repeat(400), ")".repeat(400));
        let ran = run(&deep);
        assert!(ran.out.is_empty());
        assert!(ran.message().contains("an expression is nested more than 256 deep"), "{}", ran.message());
        let many: String = (0..1_001).map(|n| format!("fn f{n}() {{}}\n")).collect();
        assert!(run(&many).message().contains("more than 1000 functions and closures in one file"));
        let many: String = (0..1_100).map(|n| format!("let v{n} = {n};\n")).collect();
        assert!(run(&many).message().contains("more than 1000 variables at one place"));
    }

    #[test]
    fn what_leaves_a_script_or_runs_text_is_not_there() {
        insta::assert_snapshot!(run("let f = || exit(3);\nf.call();").message(), @r#"
        error: a script cannot exit
         --> x.rhai:1:12
          |
        1 | let f = || exit(3);
          |            ^^^^
        hint: `throw "why"` ends it with an error; `return` leaves a function or closure
        "#);
        assert!(run("exit();").message().contains("a script cannot exit"));
        assert!(run("eval(\"1\");").message().contains("eval"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            (grouped(20_000_000), grouped(128), grouped(1_000)),
            ("20 000 000".into(), "128".into(), "1 000".into())
        );
    }
}
