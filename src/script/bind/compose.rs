//! Functions of which scripts are composed: `sleep`, `timestamp`, `retry`, `wait_until`, `parallel`.
//!
//! Nothing waits but through `Session::wait`, by tokio's clock: on a virtual clock an hour of waiting takes no time.
//! In a rehearsal closures are called once and nothing waits.

use std::time::Duration as StdDuration;

use rhai::{Dynamic, EvalAltResult, FnPtr};

use crate::error::{Error, Kind as ErrorKind, Result};
use crate::script::background;
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::errors::{self, Failure};
use crate::script::session::{Session, Stage};
use crate::script::units::{Duration, kind_name};
use crate::script::value::text;

/// How often a condition is looked at.
const POLL_S: f64 = 0.1;

pub const PRIMITIVES: &[Primitive] = &[SLEEP, TIMESTAMP, RETRY, WAIT_UNTIL, PARALLEL];

const SLEEP: Primitive = Primitive {
    module: "",
    name: "sleep",
    doc: "Lets time pass. Ctrl-C ends it at once, and so does the end of what it runs in (`run::during`, `sample`).\n\n\
        It waits by the run's clock: in a rehearsal and on a simulated target it takes no time of yours. To wait for \
        something that happens, `wait_until` is shorter and safer.",
    arguments: &[Argument::required("duration", Kind::Duration, "how long, as in `30.s`")],
    options: None,
    returns: Kind::Nothing,
    effect: Effect::Waits,
    belongs: Belongs::Anywhere,
    example: "sleep(250.ms);",
    run: sleep,
};

const TIMESTAMP: Primitive = Primitive {
    module: "",
    name: "timestamp",
    doc: "Now, on the run's clock; its property `elapsed` tells how long ago it was.",
    arguments: &[],
    options: None,
    returns: Kind::Handle("timestamp"),
    effect: Effect::Reads,
    belongs: Belongs::Anywhere,
    example: "let begin = timestamp();\nsleep(10.ms);\nprint(`it took ${begin.elapsed}`);",
    run: |call| Ok(Dynamic::from(Timestamp { at: call.session.now(), runtime: call.session.runtime.clone() })),
};

const RETRY: Primitive = Primitive {
    module: "",
    name: "retry",
    doc: "Calls a closure until it does not fail, and returns what it returned.\n\n\
        After the last attempt its error is thrown, with the number of attempts before it. Tried again is what the \
        target, a trial or a file caused, and what the script threw itself. A mistake in the script (an unknown name, a \
        wrong argument) fails at once, and so does Ctrl-C: neither gets better by waiting.",
    arguments: &[
        Argument::required("times", Kind::Count, "number of attempts at most, 1 or more"),
        Argument::required("pause", Kind::Duration, "time between two attempts"),
        Argument::required("body", Kind::Closure(&[]), "what is tried"),
    ],
    options: None,
    returns: Kind::Any,
    effect: Effect::Waits,
    belongs: Belongs::Anywhere,
    example: "let tried = 0;\nlet value = retry(5, 10.ms, || {\n    tried += 1;\n    if tried < 3 { throw \"not yet\"; }\n    tried\n});\nprint(value);",
    run: retry,
};

const WAIT_UNTIL: Primitive = Primitive {
    module: "",
    name: "wait_until",
    doc: "Waits until a condition holds, and returns how long that took.\n\n\
        The condition is looked at at once, every 100 ms after that, and a last time when the time is over. If it does \
        not hold by then, that is an error with the condition's line; in a trial only that trial fails. What the \
        condition throws ends the wait.",
    arguments: &[
        Argument::required("timeout", Kind::Duration, "how long to wait at most"),
        Argument::required("condition", Kind::Closure(&[]), "returns whether it holds: `true` or `false`"),
    ],
    options: Some(Options {
        known: &[Opt::new("every", Kind::Duration, "100.ms", "time between two looks, 1 ms or more")],
        others: "",
    }),
    returns: Kind::Duration,
    effect: Effect::Waits,
    belongs: Belongs::Anywhere,
    example: "let begin = timestamp();\nlet took = wait_until(5.s, || begin.elapsed >= 20.ms, #{ every: 5.ms });\nprint(took);",
    run: wait_until,
};

const PARALLEL: Primitive = Primitive {
    module: "",
    name: "parallel",
    doc: "Calls closures all at once, and returns what they returned, in their order.\n\n\
        It lasts until the last one has ended; then the error of the first one in the order, if any failed, is thrown. \
        Ctrl-C ends all of them. Each closure works on copies of the variables that it uses, so what one assigns no \
        other sees: return it instead. In a rehearsal they are called one after the other.",
    arguments: &[
        Argument::required(
            "first",
            Kind::Either(&[Kind::Closure(&[]), Kind::List(&Kind::Closure(&[]))]),
            "a closure, or a list of all closures",
        ),
        Argument::optional("second", Kind::Closure(&[]), "another"),
        Argument::optional("third", Kind::Closure(&[]), "another"),
        Argument::optional("fourth", Kind::Closure(&[]), "another"),
        Argument::optional("fifth", Kind::Closure(&[]), "the last; more than five go into a list"),
    ],
    options: None,
    returns: Kind::List(&Kind::Any),
    effect: Effect::Waits,
    belongs: Belongs::Anywhere,
    example: "let both = parallel(|| { sleep(20.ms); 1 }, || 2);\nprint(both);",
    run: parallel,
};

/// More threads than this at once are a mistake.
const MOST_AT_ONCE: usize = 64;

fn sleep(call: &Call<'_>) -> Outcome {
    let seconds = call.required("duration", call.duration_s("duration")?)?;
    pause(call.session, seconds)?;
    Ok(Dynamic::UNIT)
}

/// Waits so many seconds, if time passes at all.
fn pause(session: &Session, seconds: f64) -> Result<()> {
    if session.is_rehearsing() {
        return Ok(());
    }
    session.wait(async {
        tokio::time::sleep(StdDuration::from_secs_f64(seconds)).await;
        Ok(())
    })
}

fn retry(call: &Call<'_>) -> Outcome {
    let times = call.required("times", call.count("times")?)?;
    let pause_s = call.required("pause", call.duration_s("pause")?)?;
    let body = call.closure("body")?;
    if times == 0 {
        return Err(Error::script("retry: `times` is 0").hint("1 tries once, 5 tries again four times").into());
    }
    for attempt in 1.. {
        match body.call_within_context::<Dynamic>(call.context, ()) {
            Ok(value) => return Ok(value.flatten()),
            Err(failure) if call.session.is_rehearsing() || !may_pass(&failure) => return Err(failure.into()),
            Err(failure) if attempt >= times => {
                return Err(errors::amended(failure, |message| match times {
                    1 => message,
                    _ => format!("{times} attempts failed, the last one with: {message}"),
                })
                .into());
            }
            Err(failure) => {
                let why = errors::summary(&failure).in_one_line();
                call.session
                    .host
                    .progress
                    .status("trying again", &format!("attempt {attempt} of {times} failed: {why}"));
            }
        }
        pause(call.session, pause_s)?;
    }
    Err(Error::defect("retry came to no end").into())
}

/// Whether it may be different the next time.
fn may_pass(failure: &EvalAltResult) -> bool {
    match failure {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            may_pass(inner)
        }
        EvalAltResult::ErrorRuntime(value, _) => match errors::kind(value) {
            Some(kind) => {
                matches!(kind, ErrorKind::Target | ErrorKind::Trial | ErrorKind::Io | ErrorKind::InputMissing)
            }
            // The script's own `throw`.
            None => true,
        },
        _ => false,
    }
}

fn wait_until(call: &Call<'_>) -> Outcome {
    let session = call.session;
    let timeout_s = call.required("timeout", call.duration_s("timeout")?)?;
    let every_s = call.duration_s("every")?.unwrap_or(POLL_S);
    let condition = call.closure("condition")?;
    if every_s < 0.001 {
        return Err(Error::script(format!("wait_until: `every` is {}", Duration::new(every_s)))
            .hint("take 1.ms or more; without it, it is 100.ms")
            .into());
    }
    let begin = session.now();
    loop {
        // Before the look, so that the last one comes after the time is over.
        let elapsed_s = session.now().duration_since(begin).as_secs_f64();
        let holds = holds(call, &condition)?;
        if holds || session.is_rehearsing() {
            let took = if holds { session.now().duration_since(begin).as_secs_f64() } else { 0.0 };
            return Ok(Dynamic::from(Duration::new(took)));
        }
        if elapsed_s >= timeout_s {
            return Err(not_in_time(session, timeout_s, &condition).into());
        }
        pause(session, every_s.min(timeout_s - elapsed_s))?;
    }
}

fn holds(call: &Call<'_>, condition: &FnPtr) -> std::result::Result<bool, Failure> {
    let value = condition.call_within_context::<Dynamic>(call.context, ())?.flatten();
    value.as_bool().map_err(|_| {
        let wrong =
            format!("wait_until: the condition gives {} ({}), not true or false", kind_name(&value), text(&value));
        errors::at(call.context, Error::script(wrong).hint("compare, as in `|| job.state == \"RUNNING\"`"))
    })
}

fn not_in_time(session: &Session, timeout_s: f64, condition: &FnPtr) -> Error {
    let line = session.imports.closure(condition.fn_name()).and_then(|place| {
        let source = session.imports.source(&place.file)?;
        Some(format!(":\n  {}", source.line(place.line).trim()))
    });
    let message = format!("the condition did not hold within {}{}", Duration::new(timeout_s), line.unwrap_or_default());
    let in_trial = matches!(session.state().stage, Stage::Trial(_));
    let kind = if in_trial { ErrorKind::Trial } else { ErrorKind::Target };
    Error::new(kind, message).hint("give it more time, or look at what it waits for with `print`")
}

fn parallel(call: &Call<'_>) -> Outcome {
    let closures = match call.list("first") {
        Some(list) => list.into_iter().filter_map(Dynamic::try_cast::<FnPtr>).collect(),
        None => vec![call.closure("first")?],
    };
    let others = ["second", "third", "fourth", "fifth"].into_iter().filter_map(|name| call.value(name));
    let closures: Vec<FnPtr> =
        closures.into_iter().chain(others.filter_map(|value| value.clone().try_cast::<FnPtr>())).collect();
    if closures.len() > MOST_AT_ONCE {
        let error = Error::script(format!("parallel: {} closures at once (at most {MOST_AT_ONCE})", closures.len()));
        return Err(error.hint("let each closure do several things one after the other").into());
    }
    let outcomes: Vec<std::result::Result<Dynamic, Failure>> = if call.session.is_rehearsing() {
        let one = |closure: &FnPtr| background::detached(closure).call_within_context::<Dynamic>(call.context, ());
        closures.iter().map(|closure| one(closure).map(Dynamic::flatten)).collect()
    } else {
        background::all_at_once(call.session, call.context, &closures)?
            .into_iter()
            .map(|outcome| outcome.map(Dynamic::flatten))
            .collect()
    };
    let values: std::result::Result<rhai::Array, Failure> = outcomes.into_iter().collect();
    Ok(Dynamic::from_array(values?))
}

/// An instant of the run's clock.
#[derive(Clone)]
struct Timestamp {
    at: tokio::time::Instant,
    runtime: crate::runtime::Runtime,
}

impl Timestamp {
    fn elapsed(&self) -> Duration {
        let _inside = self.runtime.enter();
        Duration::new(self.at.elapsed().as_secs_f64())
    }
}

pub fn handles() -> Vec<Handle> {
    const TIMESTAMP: &[Property<Timestamp>] = &[Property {
        name: "elapsed",
        kind: Kind::Duration,
        doc: "how long ago it was",
        get: |timestamp| Dynamic::from(timestamp.elapsed()),
    }];
    vec![Handle::of("timestamp", "An instant of the run's clock.", TIMESTAMP, |timestamp| {
        format!("{} ago", timestamp.elapsed())
    })]
}

#[cfg(test)]
mod tests;
