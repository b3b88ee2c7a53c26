//! What a script itself observes, demands and brings along: `sample`, `stop`, `note`, `require`, `secret`,
//! `run::during`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration as StdDuration;

use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};

use crate::analysis::validity::{ACKED_LATENESS, Thresholds};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::record::{Observation, Sample, Step, Value};
use crate::run::Trial;
use crate::script::background::{self, Background};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::errors;
use crate::script::session::{Place, Session};
use crate::script::units::{Bytes, Duration, kind_name};
use crate::script::value::{number, text, unknown};
use crate::secret::Secret;

/// The source of samples that a script takes.
const SOURCE: &str = "script";
const DEFAULT_NAME: &str = "value";

pub const PRIMITIVES: &[Primitive] = &[SAMPLE, STOP, NOTE, REQUIRE, SECRET];
pub const RUN_PRIMITIVES: &[Primitive] = &[DURING];

const SAMPLE: Primitive = Primitive {
    module: "",
    name: "sample",
    doc: "Writes down what a closure returns, again and again until the trial ends.\n\n\
        It returns at once; `stop` ends it earlier. The values stand in samples.csv under source `script`: a number under the option `name`, \
        the numbers of a map under its keys. Durations count in seconds, sizes in bytes. A call that fails because of \
        the target is a gap, and told once; a mistake in the closure ends the sampling. The closure has \
        variables of its own, which begin as those that it uses and keep what it assigns.",
    arguments: &[
        Argument::required("interval", Kind::Duration, "time between two calls, 1 ms or more"),
        Argument::required("value", Kind::Closure(&[]), "returns a number, or a map of numbers"),
    ],
    options: Some(Options {
        known: &[Opt::new(
            "name",
            Kind::Text,
            "\"value\"",
            "the name of a number; before the keys of a map, with a dot",
        )],
        others: "",
    }),
    returns: Kind::Handle("sampler"),
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: "let begin = timestamp();\nlet ages = sample(1.s, || begin.elapsed, #{ name: \"age_s\" });",
    run: sample,
};

const STOP: Primitive = Primitive {
    module: "",
    name: "stop",
    doc: "Ends a sampling, and returns how many values it took. Ending it twice does no harm.",
    arguments: &[Argument::required("sampler", Kind::Handle("sampler"), "what `sample` returned")],
    options: None,
    returns: Kind::Count,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: "let ones = sample(1.s, || 1);\nprint(stop(ones));",
    run: stop,
};

const NOTE: Primitive = Primitive {
    module: "",
    name: "note",
    doc: "Writes a line into the journal, with the trial that runs, and shows it.",
    arguments: &[Argument::required(
        "text",
        Kind::Any,
        "what to write; other values than strings as `print` shows them",
    )],
    options: None,
    returns: Kind::Nothing,
    effect: Effect::Acts,
    belongs: Belongs::Anywhere,
    example: "note(\"the disk of worker 2 was changed yesterday\");",
    run: note,
};

const REQUIRE: Primitive = Primitive {
    module: "",
    name: "require",
    doc: "Demands something, and writes down whether it held.\n\n\
        It is demanded of the trial that runs; outside of trials, of the whole run. `false` makes the verdict fail, `()` \
        (it cannot be told) makes it unknown; the script goes on. Demanded again under the same name, the worst answer \
        counts. With a number or a duration it changes a limit beyond which a trial is invalid: `rate_error` (a share, \
        0.001), `acked_lateness` (one sampling step), `missing_samples` (a share, 0.02), and the counts \
        `failed_checkpoints`, `stray_restarts`, `unconfirmed_faults`, `windows_wrong`, `windows_missing`, \
        `windows_duplicate` (0).",
    arguments: &[
        Argument::required("name", Kind::Text, "what is demanded, in words; or the name of a limit"),
        Argument::required("condition", Kind::Any, "true, false or (); or the largest value that is still valid"),
    ],
    options: None,
    returns: Kind::Nothing,
    effect: Effect::Acts,
    belongs: Belongs::Anywhere,
    example: "let U = analysis::utilization(#{ T: 30.s, c: 0.778, R: 81.85, mtbf: 10.min });\nrequire(\"U is at least 80 %\", U >= 0.8);\nrequire(\"missing_samples\", 0.05);",
    run: require,
};

const SECRET: Primitive = Primitive {
    module: "",
    name: "secret",
    doc: "The value of an environment variable that nobody is to read.\n\n\
        It prints as `***`, and wherever its text would be shown or written (terminal, journal, manifest, evidence, \
        errors) there stands `***` instead; what Flink or a job writes into its own log is not masked. It is taken where `flink::submit` wants a string in `args` or `config`. It \
        must have 6 characters or more.",
    arguments: &[Argument::required("name", Kind::Text, "name of the environment variable")],
    options: None,
    returns: Kind::Handle("secret"),
    effect: Effect::Reads,
    belongs: Belongs::Anywhere,
    example: "let home = secret(\"STORE_KEY\");",
    run: secret,
};

const DURING: Primitive = Primitive {
    module: "run",
    name: "during",
    doc: "Names what is done while the trial is measured: `t` is the trial.\n\n\
        It returns at once. The closure is called when the measured phase begins, beside faults and replay, and is \
        cancelled when the phase ends. Where there are neither faults nor `duration`, the phase lasts until the closure \
        returns. The closure has variables of its own, \
        which begin as those that it uses.",
    arguments: &[Argument::required("body", Kind::Closure(&["t"]), "what to do")],
    options: None,
    returns: Kind::Nothing,
    effect: Effect::Acts,
    belongs: Belongs::Body,
    example: "run::during(|t| {\n    sleep(20.s);\n    note(`20 s into ${t.id}`);\n});",
    run: during,
};

/// Values that a script takes of itself.
#[derive(Clone)]
struct Sampler {
    name: String,
    taken: Arc<AtomicU64>,
    /// None in a rehearsal.
    background: Option<Arc<Background>>,
}

fn sample(call: &Call<'_>) -> Outcome {
    let interval_s = call.required("interval", call.duration_s("interval")?)?;
    if interval_s < 0.001 {
        return Err(Error::script(format!("sample: `interval` is {}", Duration::new(interval_s)))
            .hint("take 1.ms or more; Flink refreshes its metrics every 250.ms")
            .into());
    }
    let name = call.text("name").unwrap_or_else(|| DEFAULT_NAME.into());
    let value = background::detached(&call.closure("value")?);
    let taken = Arc::new(AtomicU64::new(0));
    let background = match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            let once = value.call_within_context::<Dynamic>(call.context, ())?;
            values(&name, call.text("name").is_some(), &once.flatten())?;
            None
        }
        Place::Trial(trial) => {
            let sampling = Sampling {
                session: Arc::clone(call.session),
                trial,
                every: StdDuration::from_secs_f64(interval_s),
                is_named: call.text("name").is_some(),
                name: name.clone(),
                value,
                taken: Arc::clone(&taken),
            };
            let title = format!("sample {name}");
            Some(background::start(call.session, call.context, title, move |context| sampling.run(context))?)
        }
    };
    Ok(Dynamic::from(Sampler { name, taken, background }))
}

/// What the thread of a sampler knows.
struct Sampling {
    session: Arc<Session>,
    trial: Arc<Trial>,
    every: StdDuration,
    name: String,
    is_named: bool,
    value: FnPtr,
    taken: Arc<AtomicU64>,
}

impl Sampling {
    fn run(&self, context: &NativeCallContext<'_>) {
        let mut told: Vec<String> = Vec::new();
        let mut due = self.session.now();
        while let Some(outcome) = self.once(context) {
            if let Err(why) = outcome
                && !told.contains(&why)
            {
                let text = format!("sample {}: {why}", self.name);
                self.session.host.progress.warning(&text);
                // A journal that cannot be written ends the trial by those who depend on it.
                drop(self.trial.record(Observation::Warning { text }));
                told.push(why);
            }
            // What is late is left out: values stay on their grid.
            let now = self.session.now();
            while due <= now {
                due += self.every;
            }
            let wake = self.session.wait(async {
                tokio::time::sleep_until(due).await;
                Ok(())
            });
            if wake.is_err() {
                return;
            }
        }
    }

    /// One value, or why there is none; nothing where it makes no sense to go on.
    fn once(&self, context: &NativeCallContext<'_>) -> Option<std::result::Result<(), String>> {
        let failure = match self.value.call_within_context::<Dynamic>(context, ()) {
            Ok(value) => match self.record(&value.flatten()) {
                Ok(()) => return Some(Ok(())),
                Err(error) => errors::at(context, error),
            },
            Err(failure) => failure,
        };
        let error = errors::summary(&failure);
        if is_mistake(&failure) {
            if !matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Terminated) {
                let text = format!("sample {} ends: {}", self.name, error.in_one_line());
                self.session.host.progress.warning(&text);
                drop(self.trial.record(Observation::Warning { text }));
            }
            return None;
        }
        Some(Err(error.in_one_line()))
    }

    fn record(&self, value: &Dynamic) -> Result<()> {
        let values = values(&self.name, self.is_named, value)?;
        let at_epoch_ms = self.session.host.clock.now_epoch_ms();
        self.trial.record(Observation::Sample(Sample { source: SOURCE.into(), at_epoch_ms, values }))?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether the next call would fail as well.
fn is_mistake(failure: &EvalAltResult) -> bool {
    match failure {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            is_mistake(inner)
        }
        EvalAltResult::ErrorRuntime(value, _) => errors::kind(value)
            .is_some_and(|kind| !matches!(kind, ErrorKind::Target | ErrorKind::Trial | ErrorKind::InputMissing)),
        _ => true,
    }
}

fn values(name: &str, is_named: bool, value: &Dynamic) -> Result<Vec<Value>> {
    let Some(map) = value.clone().try_cast::<Map>() else {
        return figure(value)
            .map(|figure| vec![Value(name.to_owned(), None, None, figure)])
            .ok_or_else(|| no_figure(value));
    };
    let one = |(key, value): (_, Dynamic)| {
        let name = if is_named { format!("{name}.{key}") } else { format!("{key}") };
        let value = value.flatten();
        figure(&value).map(|figure| Value(name, None, None, figure)).ok_or_else(|| no_figure(&value))
    };
    map.into_iter().map(one).collect()
}

fn figure(value: &Dynamic) -> Option<f64> {
    let duration = value.clone().try_cast::<Duration>().map(|duration| duration.seconds);
    let bytes = || value.clone().try_cast::<Bytes>().map(|bytes| bytes.0 as f64);
    duration.or_else(bytes).or_else(|| number(value)).or_else(|| value.as_bool().ok().map(f64::from))
}

fn no_figure(value: &Dynamic) -> Error {
    Error::script(format!("sample: the closure gives {} ({}), not a number", kind_name(value), text(value)))
        .hint("return a number, a duration, a size, or a map of them: `#{ lag: 3, state: 1 }`")
}

fn stop(call: &Call<'_>) -> Outcome {
    let sampler = call.handle::<Sampler>("sampler")?;
    if let Some(background) = &sampler.background {
        background.stop();
        background.join();
        call.session.state().background.retain(|other| !Arc::ptr_eq(other, background));
    }
    Ok(Dynamic::from_int(i64::try_from(sampler.taken.load(Ordering::Relaxed)).unwrap_or(i64::MAX)))
}

fn note(call: &Call<'_>) -> Outcome {
    let text = call.value("text").map(text).unwrap_or_default();
    if !call.session.is_rehearsing() {
        call.session.host.progress.line(&format!("note: {text}"));
        call.session.observe(Observation::Note { text })?;
    }
    Ok(Dynamic::UNIT)
}

fn require(call: &Call<'_>) -> Outcome {
    let name = call.required("name", call.text("name"))?;
    let value = call.required("condition", call.value("condition").cloned())?;
    if name.trim().is_empty() {
        return Err(Error::script("require: the name is empty").hint("say what is demanded, in words").into());
    }
    let step = match (value.as_bool(), limit(&value)) {
        (Ok(held), _) => Step::Require { name, held: Some(held) },
        (Err(_), _) if value.is_unit() => Step::Require { name, held: None },
        (Err(_), Some(limit)) => Step::Limit { check: known_limit(&name, &value, limit)?, limit },
        (Err(_), None) => {
            let wrong = format!("require: `condition` is {} ({})", kind_name(&value), text(&value));
            return Err(Error::script(wrong)
                .hint("true, false, or () where it cannot be told; a number changes a limit")
                .into());
        }
    };
    if !call.session.is_rehearsing() {
        if let Step::Require { name, held: Some(false) } = &step {
            call.session.host.progress.warning(&format!("not met: {name}"));
        }
        call.session.observe(Observation::Step(step))?;
    }
    Ok(Dynamic::UNIT)
}

/// A limit in the unit of its check: durations in milliseconds.
fn limit(value: &Dynamic) -> Option<f64> {
    value.clone().try_cast::<Duration>().map(|duration| duration.seconds * 1e3).or_else(|| number(value))
}

fn known_limit(name: &str, value: &Dynamic, limit: f64) -> Result<String> {
    if !Thresholds::NAMES.contains(&name) {
        return Err(unknown("limit", &format!("require: there is no limit `{name}`"), name, &Thresholds::NAMES));
    }
    let (is_duration, wants_duration) = (value.is::<Duration>(), name == ACKED_LATENESS);
    let wrong = || format!("require: the limit `{name}` is {}", text(value));
    match (limit.is_finite() && limit >= 0.0, is_duration == wants_duration) {
        (true, true) => Ok(name.to_owned()),
        (false, _) => Err(Error::script(wrong()).hint("a limit is 0 or more")),
        (true, false) if wants_duration => Err(Error::script(wrong()).hint(format!("write the unit: `{limit}.ms`"))),
        (true, false) => Err(Error::script(wrong()).hint("it is a number: shares lie between 0 and 1")),
    }
}

fn secret(call: &Call<'_>) -> Outcome {
    let name = call.required("name", call.text("name"))?;
    let host = &call.session.host;
    let value = host.variable(&name).ok_or_else(|| {
        Error::missing(format!("the environment variable {name} is not set"))
            .hint(format!("read -rs {name}; export {name}"))
    })?;
    Ok(Dynamic::from(host.secrets.keep(&name, value)?))
}

fn during(call: &Call<'_>) -> Outcome {
    let body = background::detached(&call.closure("body")?);
    if call.session.state().during.is_some() {
        return Err(Error::script("run::during: this trial has one already")
            .hint("do both in one closure; `parallel` does them at once")
            .into());
    }
    match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            call.session.rehearse(|declared| declared.during = true);
            let trial = call.session.state().current.clone();
            drop(body.call_within_context::<Dynamic>(call.context, (trial,))?);
        }
        Place::Trial(trial) if trial.is_open() => {
            return Err(Error::script("run::during: a prompt has no measured phase")
                .hint("write what it does as it stands; `sample` and `fault::every` go on behind the prompt")
                .into());
        }
        Place::Trial(_) => call.session.state().during = Some(body),
    }
    Ok(Dynamic::UNIT)
}

pub fn handles() -> Vec<Handle> {
    const SAMPLER: &[Property<Sampler>] = &[
        Property {
            name: "name",
            kind: Kind::Text,
            doc: "the name of its values",
            get: |sampler| sampler.name.clone().into(),
        },
        Property {
            name: "taken",
            kind: Kind::Count,
            doc: "how often a value was taken so far",
            get: |sampler| Dynamic::from_int(i64::try_from(sampler.taken.load(Ordering::Relaxed)).unwrap_or(i64::MAX)),
        },
        Property {
            name: "running",
            kind: Kind::Bool,
            doc: "whether it goes on",
            get: |sampler| sampler.background.as_ref().is_some_and(|background| background.is_running()).into(),
        },
    ];
    vec![
        Handle::of("sampler", "A closure whose values are written down.", SAMPLER, |sampler| {
            let running = sampler.background.as_ref().filter(|background| background.is_running());
            let what = running.map_or_else(|| format!("sample {}, ended", sampler.name), |one| one.name.clone());
            format!("{what}, {} values", sampler.taken.load(Ordering::Relaxed))
        }),
        Handle::of::<Secret>("secret", "A value that nobody is to read; it prints as `***`.", &[], Secret::to_string),
    ]
}

#[cfg(test)]
mod tests;
