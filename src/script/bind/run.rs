//! `run::trials`, `run::trial`, `run::study`: what `experiment` in the stdlib is made of.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext, Position};

use super::enough::Trials;
use crate::analysis::enough::Enough;
use crate::error::{self, Error, Result};
use crate::record::AxisValue;
use crate::run::{self, AxisPlan, Order, Phases, Run, Trial, TrialSpec};
use crate::script::background::{self, Background, detached};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::engine;
use crate::script::errors::{self, Failure, result_at};
use crate::script::params::PAPER;
use crate::script::rehearsal::{Declared, Rehearsal, span};
use crate::script::repl;
use crate::script::session::{Purpose, Session, Stage};
use crate::script::source;
use crate::script::units::{Bytes, Duration};

/// One trial that is to be run, as a script holds it.
#[derive(Clone, Debug)]
pub struct TrialHandle {
    spec: TrialSpec,
    /// One value of each axis: what the body gets.
    values: Map,
}

/// A finished experiment.
#[derive(Clone, Debug)]
pub struct Study {
    pub name: String,
}

const ORDER: Kind = Kind::Word(|| Order::ALL.map(Order::name).to_vec());

const TRIALS_DOC: &str = "Rehearses the body, opens the run, and returns its trials in their order.\n\n\
    This is the first half of `experiment`. The body is rehearsed once for each combination before anything starts. Trials \
    come in blocks of one of each combination, each block shuffled by the run's seed unless `order` says otherwise.";

pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        module: "run",
        name: "trials",
        doc: TRIALS_DOC,
        arguments: &[
            Argument::required("name", Kind::Text, "name of the experiment"),
            Argument::options("options and axes"),
            Argument::required("body", Kind::Closure(&["v"]), "sets a trial up; `v` holds one value of each axis"),
        ],
        options: Some(Options {
            known: &[
                Opt::new(
                    "repeats",
                    Kind::Either(&[Kind::Count, Kind::Handle("enough")]),
                    "1",
                    "trials of each combination; or `enough(#{ … })`, until figures are known well enough",
                ),
                Opt::new("duration", Kind::Duration, "", "how long the measured phase lasts at most"),
                Opt::new(
                    "warm_up",
                    Kind::Duration,
                    "",
                    "how long the warm-up lasts; without it, until the job keeps up and a checkpoint is done, and 60 s at most",
                ),
                Opt::new(
                    "drain",
                    Kind::Duration,
                    "",
                    "how long the last windows are waited for at most; without it 60 s and the longest checkpoint seen",
                ),
                Opt::new("order", ORDER, "\"shuffled\"", "whether each block of trials is shuffled by the seed"),
            ],
            others: "an axis: the elements of a list are its values, anything else is one value",
        }),
        returns: Kind::Either(&[Kind::List(&Kind::Handle("trial")), Kind::Handle("trials")]),
        effect: Effect::Acts,
        belongs: Belongs::Anywhere,
        example: EXAMPLE,
        run: trials,
    },
    Primitive {
        module: "run",
        name: "trial",
        doc: "Runs one trial: its body, warm-up, measured phase, drain and teardown.\n\nA trial that fails is \
            written down and told, and the script goes on. An interrupt, or an error that is the script's own, \
            ends the script.",
        arguments: &[
            Argument::required("trial", Kind::Handle("trial"), "one of `run::trials`"),
            Argument::required("body", Kind::Closure(&["v"]), "the body that `run::trials` rehearsed"),
        ],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Waits,
        belongs: Belongs::Anywhere,
        example: EXAMPLE,
        run: trial,
    },
    Primitive {
        module: "run",
        name: "study",
        doc: "Returns the finished experiment that `report::table` and its kin want.",
        arguments: &[Argument::required("name", Kind::Text, "name of the experiment")],
        options: None,
        returns: Kind::Handle("study"),
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: r#"let study = run::study("x");"#,
        run: |call| Ok(Dynamic::from(Study { name: call.required("name", call.text("name"))? })),
    },
];

const EXAMPLE: &str = r#"let trips = dataset::nyc("", #{ from: "2023-01-02", to: "2023-01-09" });
let body = |v| {
    let topic = kafka::create_topic("trips");
    let job = flink::submit("nyc-window", #{ interval: v.interval, args: #{ topic: topic } });
    let feed = replay::start(trips, topic, #{ speed: 7200.0 });
    collect::start(job, feed);
};
for trial in run::trials("x", #{ interval: [1.s, 10.s], duration: 20.s }, body) {
    print(trial.id);
    run::trial(trial, body);
}"#;

/// Rehearses the body, says how long it will take, opens the run, and gives the trials in their order.
fn trials(call: &Call<'_>) -> Outcome {
    let session = call.session;
    if session.purpose == Purpose::Evaluate {
        let error = Error::script("an expression runs no experiment");
        return Err(error.hint("write it into a file and run `cprun FILE`").into());
    }
    repl::trial::close(session)?;
    let name = call.required("name", call.text("name"))?;
    let body = call.closure("body")?;
    let mut experiment = Experiment::read(call)?;
    experiment.order_axes(&name, &session.source().text);
    let enough = call.handle::<Enough>("repeats").ok();
    let mut specs = run::trials(&experiment.plans(), experiment.repeats, experiment.order, session.options.seed)?;
    let rehearsal = rehearse(call.context, session, &experiment, &specs, &body)?;
    if session.purpose == Purpose::Estimate {
        session.state().estimate = Some(rehearsal);
        return Err(Failure::new(EvalAltResult::ErrorTerminated("estimated".into(), Position::NONE)).into());
    }
    announce(session, &name, &rehearsal, enough.as_ref())?;
    let run = engine::open_run(session)?;
    run.set_phases(experiment.phases);
    if let Some(enough) = enough {
        let session = Arc::clone(session);
        return Ok(Dynamic::from(Trials { session, name, experiment: Arc::new(experiment), enough }));
    }
    run.claim(&name, &mut specs)?;
    Ok(Dynamic::from_array(specs.into_iter().map(|spec| experiment.handle(spec)).map(Dynamic::from).collect()))
}

/// What is varied, how often, and how long a trial is measured.
pub struct Experiment {
    axes: Vec<(String, Vec<Dynamic>)>,
    repeats: u32,
    phases: Phases,
    pub order: Order,
}

impl Experiment {
    fn read(call: &Call<'_>) -> Result<Self> {
        let mut axes = Vec::new();
        for (key, value) in &call.others {
            let values = value.clone().try_cast::<Array>().unwrap_or_else(|| vec![value.clone()]);
            axes.push((key.to_string(), values));
        }
        let phases = Phases {
            duration_s: call.duration_s("duration")?,
            warm_up_s: call.duration_s("warm_up")?,
            drain_s: call.duration_s("drain")?,
        };
        let order = call.text("order").and_then(|name| Order::parse(&name)).unwrap_or_default();
        Ok(Self { axes, repeats: call.count("repeats")?.unwrap_or(1), phases, order })
    }

    pub fn plans(&self) -> Vec<AxisPlan> {
        let plan = |(name, values): &(String, Vec<Dynamic>)| AxisPlan {
            name: name.clone(),
            values: values.iter().enumerate().map(|(index, value)| axis_value(index, value)).collect(),
        };
        self.axes.iter().map(plan).collect()
    }

    /// Rhai sorts the keys of a map; the axes stand in the order in which the script wrote them.
    fn order_axes(&mut self, experiment: &str, text: &str) {
        let from = text.find(&format!("\"{experiment}\"")).unwrap_or(0);
        self.axes.sort_by_key(|(name, _)| source::key_position(&text[from..], name).unwrap_or(usize::MAX));
    }

    /// The trial as a script holds it.
    pub fn handle(&self, spec: TrialSpec) -> TrialHandle {
        TrialHandle { values: self.values_of(&spec), spec }
    }

    fn values_of(&self, spec: &TrialSpec) -> Map {
        let pairs = self.axes.iter().zip(&spec.indices);
        pairs.map(|((name, values), index)| (name.as_str().into(), values[*index].clone())).collect()
    }
}

fn axis_value(index: usize, value: &Dynamic) -> AxisValue {
    if let Some(duration) = value.clone().try_cast::<Duration>() {
        // To the nanosecond, as durations are compared: 0.1.s + 0.2.s is the combination 0.3 s.
        AxisValue::Seconds((duration.seconds * 1e9).round() / 1e9)
    } else if let Some(bytes) = value.clone().try_cast::<Bytes>() {
        AxisValue::Bytes(bytes.0)
    } else if let Ok(number) = value.as_int() {
        AxisValue::Int(number)
    } else if let Ok(number) = value.as_float() {
        AxisValue::Float(number)
    } else if let Ok(flag) = value.as_bool() {
        AxisValue::Bool(flag)
    } else if let Ok(text) = value.clone().into_string() {
        AxisValue::Text(text)
    } else {
        AxisValue::Index(index)
    }
}

/// Rehearses the body for one trial of each combination.
fn rehearse(
    context: &NativeCallContext,
    session: &Arc<Session>,
    experiment: &Experiment,
    specs: &[TrialSpec],
    body: &FnPtr,
) -> std::result::Result<Rehearsal, Failure> {
    let mut all = Rehearsal::default();
    for spec in specs {
        if spec.repeat == 1 {
            let one = rehearse_one(context, session, experiment.handle(spec.clone()), body)?;
            let measured_s =
                [one.measured_s(), experiment.phases.duration_s].into_iter().flatten().min_by(f64::total_cmp);
            result_at(context, one.check_end(measured_s))?;
            let warm_up_s = experiment.phases.warm_up_s.unwrap_or(0.0);
            all.add(measured_s.map(|seconds| seconds + warm_up_s), experiment.repeats);
            one.warning(measured_s).into_iter().for_each(|warning| all.warn(warning));
        }
    }
    Ok(all)
}

fn rehearse_one(
    context: &NativeCallContext,
    session: &Arc<Session>,
    handle: TrialHandle,
    body: &FnPtr,
) -> std::result::Result<Declared, Failure> {
    let values = handle.values.clone();
    session.state().stage = Stage::Rehearsal(Declared::default());
    session.state().current = Dynamic::from(handle);
    // What the body does to variables of the script must happen once only: it gets copies of them here.
    let outcome = detached(body).call_within_context::<Dynamic>(context, (values,));
    let stage = std::mem::take(&mut session.state().stage);
    drop(outcome?);
    match stage {
        Stage::Rehearsal(declared) => {
            result_at(context, declared.check())?;
            Ok(declared)
        }
        _ => Err(errors::at(context, Error::defect("a rehearsal turned into something else"))),
    }
}

/// The first lines of the output: profile, duration, and how to run the study's own.
fn announce(session: &Arc<Session>, name: &str, rehearsal: &Rehearsal, enough: Option<&Enough>) -> Result<()> {
    if session.options.json || session.state().run.is_some() {
        return Ok(());
    }
    let profile = session.profile();
    let again = enough.map(|enough| {
        format!(" a block; blocks follow until {}, at most {}", enough.describe(), span(enough.at_most_s))
    });
    let mut text = format!("{name}: profile {profile}, {}{}\n", rehearsal.describe(), again.unwrap_or_default());
    if profile != PAPER && session.state().params.is_some() && session.purpose != Purpose::Prompt {
        let paper =
            engine::estimate(session, PAPER)?.map(|paper| format!("   ({})", paper.describe())).unwrap_or_default();
        text.push_str(&format!("the study's own: cprun {} --profile paper{paper}\n", session.source().name));
    }
    text.push_str(&format!("Flink: {}\n", engine::timing(&profile)));
    for dataset in &session.state().opened {
        text.push_str(&format!("data: {}\n", dataset.describe()));
    }
    session.host.stdout.write(&text);
    rehearsal.warnings.iter().for_each(|warning| session.host.progress.warning(warning));
    Ok(())
}

/// Runs the body for one trial, then lets the trial go through its phases.
fn trial(call: &Call<'_>) -> Outcome {
    let handle = call.handle::<TrialHandle>("trial")?;
    run_trial(call.context, call.session, &handle, &call.closure("body")?)?;
    Ok(Dynamic::UNIT)
}

fn run_trial(
    context: &NativeCallContext,
    session: &Arc<Session>,
    handle: &TrialHandle,
    body: &FnPtr,
) -> std::result::Result<(), Failure> {
    let run = session.state().run.clone();
    let run: Arc<Run> = result_at(context, run.ok_or_else(|| Error::script("run::trial comes before run::trials")))?;
    let trial = result_at(context, run.begin_trial(handle.spec.clone()))?;
    session.state().stage = Stage::Trial(Arc::clone(&trial));
    session.state().current = Dynamic::from(handle.clone());
    let outcome = live(context, session, &trial, body, handle.values.clone());
    // What the body started ends with its trial, and before anything of the trial is gone.
    session.end_background();
    session.leave_trial();
    let error = outcome.as_ref().err().map(|failure| errors::summary(failure));
    let error = match (error, run.host.signals.error()) {
        (Some(_), Some(interrupted)) => Some(interrupted),
        (error, _) => error,
    };
    result_at(context, trial.end(error.as_ref()))?;
    match (outcome, error) {
        (Err(_), Some(error)) if error.kind == error::Kind::Trial => {
            session.state().failed_trials += 1;
            session.host.progress.warning(&format!("trial {} failed: {}", handle.spec.id, error.in_one_line()));
            Ok(())
        }
        (Err(_), Some(error)) if matches!(error.kind, error::Kind::Interrupted | error::Kind::Terminated) => {
            Err(errors::at(context, error))
        }
        (Err(failure), _) => Err(failure),
        (Ok(()), _) => Ok(()),
    }
}

fn live(
    context: &NativeCallContext,
    session: &Arc<Session>,
    trial: &Arc<Trial>,
    body: &FnPtr,
    values: Map,
) -> std::result::Result<(), Failure> {
    result_at(context, trial.set_up())?;
    drop(body.call_within_context::<Dynamic>(context, (values,))?);
    let act = session.state().act.clone();
    let mut thrown = None;
    let mut call = |number: u32| match &act {
        None => Ok(()),
        Some(act) => act.call_within_context::<Dynamic>(context, (i64::from(number),)).map(drop).map_err(|failure| {
            let error = errors::summary(&failure);
            // A fault that does not come about is written down and does not end the trial.
            if error.kind != error::Kind::Trial {
                thrown = Some(failure);
            }
            error
        }),
    };
    let failed = Arc::new(Mutex::new(None));
    let mut beside = || During::start(session, context, &failed);
    let outcome = trial.drive(&mut call, &mut beside);
    let thrown = thrown.or_else(|| failed.lock().unwrap_or_else(PoisonError::into_inner).take());
    match (outcome, thrown) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(failure)) => Err(failure),
        (Err(error), None) => Err(errors::at(context, error)),
    }
}

/// What `run::during` named, on a thread of its own.
struct During {
    background: Arc<Background>,
    failed: Arc<Mutex<Option<Failure>>>,
}

impl During {
    fn start(
        session: &Arc<Session>,
        context: &NativeCallContext,
        failed: &Arc<Mutex<Option<Failure>>>,
    ) -> Result<Option<Box<dyn run::Beside>>> {
        let (body, trial) = {
            let state = session.state();
            (state.during.clone(), state.current.clone())
        };
        let Some(body) = body else { return Ok(None) };
        let slot = Arc::clone(failed);
        let work = move |context: &NativeCallContext<'_>| {
            if let Err(failure) = body.call_within_context::<Dynamic>(context, (trial,)) {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            }
        };
        let background = background::start(session, context, "during".into(), work)?;
        Ok(Some(Box::new(Self { background, failed: Arc::clone(failed) })))
    }
}

impl run::Beside for During {
    fn ended(&mut self) -> Option<Result<()>> {
        if self.background.is_running() {
            return None;
        }
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        Some(failed.as_ref().map_or(Ok(()), |failure| Err(errors::summary(failure))))
    }

    fn stop(&mut self) {
        let runs = self.background.is_running();
        self.background.stop();
        self.background.join();
        if runs {
            // That it was ended is no failure of its own.
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

pub fn handles() -> Vec<Handle> {
    const TRIAL: &[Property<TrialHandle>] = &[
        Property {
            name: "id",
            kind: Kind::Text,
            doc: "its name, as in `interval=1s#1`",
            get: |trial| trial.spec.id.clone().into(),
        },
        Property {
            name: "order",
            kind: Kind::Count,
            doc: "from 1, in the order in which trials run",
            get: |trial| Dynamic::from_int(trial.spec.order.into()),
        },
        Property {
            name: "repeat",
            kind: Kind::Count,
            doc: "from 1, which trial of its combination",
            get: |trial| Dynamic::from_int(trial.spec.repeat.into()),
        },
    ];
    const STUDY: &[Property<Study>] = &[Property {
        name: "name",
        kind: Kind::Text,
        doc: "name of the experiment",
        get: |study| study.name.clone().into(),
    }];
    vec![
        Handle::of("trial", "One combination of the axes, one repeat.", TRIAL, |trial| trial.spec.id.clone()),
        Handle::of("study", "A finished experiment.", STUDY, |study| study.name.clone()),
    ]
}
