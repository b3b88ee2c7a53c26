//! `fault::…`: what is broken, and when.

use rhai::Dynamic;

use crate::cluster::{Between, Instance};
use crate::error::Error;
use crate::fault::{self, Fault, Schedule};
use crate::run::{generator, one_schedule};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::repl;
use crate::script::session::Place;
use crate::script::units::Duration;

const KIND: Kind = Kind::Word(|| fault::Kind::ALL.map(fault::Kind::name).to_vec());
const INSTANCE: Kind = Kind::Handle("instance");

const HIT: Argument = Argument::required(
    "instances",
    Kind::Either(&[INSTANCE, Kind::List(&INSTANCE)]),
    "what is hit: an instance, or several at once, which are one fault",
);
const OPTIONS: Option<Options> = Some(Options {
    known: &[Opt::new("down_for", Kind::Duration, "0.s", "how long the instances stay away before they start again")],
    others: "",
});
const HANG_OPTIONS: Option<Options> = Some(Options {
    known: &[Opt::required("down_for", Kind::Duration, "how long the instances hold still, more than 0")],
    others: "",
});
const ACT: Argument = Argument::required("act", Kind::Closure(&["i"]), "what a fault does; `i` counts from 1");

pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        module: "fault",
        name: "kill",
        doc: "Kills instances with SIGKILL, and returns the fault when they are gone.\n\nThe processes have no \
            chance to say goodbye: Flink finds out by broken connections or missing heartbeats. Several \
            instances are hit at once and are one fault. They start again `down_for` after the last signal, and \
            however the trial ends nothing stays down. Only TaskManagers can be hit.\n\nWhere the end of one is not confirmed, the fault is written down as failed, and the trial \
            goes on.",
        arguments: &[HIT],
        options: OPTIONS,
        returns: Kind::Handle("fault"),
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: r#"fault::every(25.s, 3, |i| fault::kill(cluster::pick("taskmanager", i), #{ down_for: 3.s }));"#,
        run: |call| inject(call, fault::Kind::Kill),
    },
    Primitive {
        module: "fault",
        name: "stop",
        doc: "Stops instances with SIGTERM, and returns the fault when they are gone.\n\nThe processes shut down \
            in order, so that Flink hears of it at once. All else is as in `fault::kill`.",
        arguments: &[HIT],
        options: OPTIONS,
        returns: Kind::Handle("fault"),
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: r#"fault::every(25.s, 3, |i| fault::stop(cluster::pick("taskmanager", i), #{ down_for: 3.s }));"#,
        run: |call| inject(call, fault::Kind::Stop),
    },
    Primitive {
        module: "fault",
        name: "hang",
        doc: "Makes instances hold still with SIGSTOP, and returns the fault when they do.\n\nThe processes stay, and so do \
            their connections: nothing but a timeout can tell. Flink finds out by its missing heartbeats, after \
            `heartbeat.timeout` (50 s, in the profile `quick` 5 s). They go on, by SIGCONT, `down_for` after the last \
            signal, and however the trial ends. A hang that is over before Flink finds out is a stall: the job does \
            not restart, and there is no R.",
        arguments: &[HIT],
        options: HANG_OPTIONS,
        returns: Kind::Handle("fault"),
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: "fault::every(40.s, 3, |i| fault::hang(cluster::pick(\"taskmanager\", i), #{ down_for: 10.s }));",
        run: |call| inject(call, fault::Kind::Hang),
    },
    Primitive {
        module: "fault",
        name: "inject",
        doc: "Breaks instances in the way that a string names.\n\nWith it the kind of fault can be a parameter or \
            an axis. All else is as in `fault::kill`.",
        arguments: &[Argument::required("kind", KIND, "the way to break them"), HIT],
        options: OPTIONS,
        returns: Kind::Handle("fault"),
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: r#"fault::every(25.s, 3, |i| fault::inject("kill", cluster::pick("taskmanager", i), #{ down_for: 3.s }));"#,
        run: inject_named,
    },
    Primitive {
        module: "fault",
        name: "every",
        doc: "Declares a schedule of faults, and returns at once.\n\nThe closure is called each time one is due, \
            with 1, 2, … Fault i is due at the start of the measured phase plus i times `period`, by the clock, \
            whatever the recovery before it does. The measured phase ends one `period` after the last fault, or \
            earlier with `duration` or the data.\n\nA trial has one schedule; to hit several instances, give the \
            fault a list. The closure is tried once while the body is rehearsed, with stand-ins.",
        arguments: &[
            Argument::required("period", Kind::Duration, "time from fault to fault, more than 0"),
            Argument::required("count", Kind::Count, "how many faults; 0 for none"),
            ACT,
        ],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: r#"fault::every(25.s, 3, |i| fault::kill(cluster::pick("taskmanager", i), #{ down_for: 3.s }));"#,
        run: every,
    },
    Primitive {
        module: "fault",
        name: "at",
        doc: "Declares faults at given times, and returns at once.\n\nThe closure is called with 1, 2, … when they are due: \
            seconds after the start of the measured phase, by the clock, as in a trace of what once happened. The \
            phase goes on for one mean gap after the last, and one over the mean gap is the failure rate of the models; \
            the mean gap is the last time over the number of faults. All else is as in `fault::every`.",
        arguments: &[
            Argument::required("times", Kind::List(&Kind::Duration), "when faults are due, ascending, more than 0"),
            ACT,
        ],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: "fault::at([5.s, 20.s, 26.s], |i| fault::kill(cluster::pick(\"taskmanager\", i), #{ down_for: 3.s }));",
        run: at,
    },
    Primitive {
        module: "fault",
        name: "poisson",
        doc: "Declares faults that come as a Poisson process, and returns at once.\n\nThe gaps are drawn from the \
            exponential distribution when the trial begins, from the run's seed and the trial, and the times are \
            written to the journal. The failure rate of the models is one over `mtbf`, whatever was drawn. The \
            measured phase goes on for one `mtbf` after the last fault. All else is as in `fault::every`.",
        arguments: &[
            Argument::required("mtbf", Kind::Duration, "mean time between failures, more than 0"),
            Argument::required("count", Kind::Count, "how many faults; 0 for none"),
            ACT,
        ],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: "fault::poisson(25.s, 3, |i| fault::kill(cluster::pick(\"taskmanager\", i), #{ down_for: 3.s }));",
        run: poisson,
    },
];

fn inject_named(call: &Call<'_>) -> Outcome {
    let kind = call.text("kind").and_then(|name| fault::Kind::parse(&name));
    inject(call, call.required("kind", kind)?)
}

fn inject(call: &Call<'_>, kind: fault::Kind) -> Outcome {
    let instances = call.handles::<Instance>("instances")?;
    let down_for_s = call.duration_s("down_for")?.unwrap_or(0.0);
    if kind == fault::Kind::Hang && down_for_s <= 0.0 {
        return Err(Error::script(format!("{}: a hang needs a `down_for` of more than 0", call.name()))
            .hint("say how long the instances hold still: `#{ down_for: 10.s }`")
            .into());
    }
    let fault = match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            call.session.rehearse(|declared| declared.longest_down(down_for_s));
            let never = Between { lo_epoch_ms: 0.0, hi_epoch_ms: 0.0 };
            let instances = instances.iter().map(|instance| instance.name.clone()).collect();
            Fault { number: 0, kind, instances, issued: never, confirmed: never }
        }
        Place::Trial(trial) => trial.inject(kind, &instances, down_for_s)?,
    };
    Ok(Dynamic::from(fault))
}

fn every(call: &Call<'_>) -> Outcome {
    let count = call.required("count", call.count("count")?)?;
    let period_s = call.required("period", call.duration_s("period")?)?;
    declare(call, Schedule::every(period_s, count)?)
}

fn at(call: &Call<'_>) -> Outcome {
    let times = call.required("times", call.list("times"))?;
    let times_s: Vec<f64> =
        times.into_iter().filter_map(Dynamic::try_cast::<Duration>).map(|time| time.seconds).collect();
    declare(call, Schedule::at(&times_s)?)
}

fn poisson(call: &Call<'_>) -> Outcome {
    let count = call.required("count", call.count("count")?)?;
    let mtbf_s = call.required("mtbf", call.duration_s("mtbf")?)?;
    let mut dice = match call.session.trial(&call.name())? {
        // What is drawn belongs to a trial; a rehearsal counts on the mean.
        Place::Rehearsal => generator(0, ""),
        Place::Trial(trial) => trial.dice("poisson"),
    };
    declare(call, Schedule::poisson(mtbf_s, count, &mut dice)?)
}

/// Takes a schedule; in a rehearsal its closure is called once.
fn declare(call: &Call<'_>, schedule: Schedule) -> Outcome {
    let act = call.closure("act")?;
    match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            let count = schedule.count();
            let mut second = false;
            call.session.rehearse(|declared| {
                second = declared.faults.replace((schedule.mean_gap_s, count)).is_some();
            });
            if second {
                return Err(one_schedule().into());
            }
            if count > 0 {
                drop(act.call_within_context::<Dynamic>(call.context, (1_i64,))?);
            }
        }
        Place::Trial(trial) if trial.is_open() => {
            trial.declare_faults(&schedule)?;
            repl::schedule::start(call, trial, schedule, &act)?;
        }
        Place::Trial(trial) => {
            trial.declare_faults(&schedule)?;
            call.session.state().act = Some(act);
        }
    }
    Ok(Dynamic::UNIT)
}

pub fn handles() -> Vec<Handle> {
    const FAULT: &[Property<Fault>] = &[
        Property {
            name: "number",
            kind: Kind::Count,
            doc: "which fault of the trial, from 1; 0 in a rehearsal",
            get: |fault| Dynamic::from_int(fault.number.into()),
        },
        Property { name: "kind", kind: KIND, doc: "the way in which it broke", get: |fault| fault.kind.name().into() },
        Property {
            name: "instance",
            kind: Kind::Text,
            doc: "names of the instances that it hit, joined by `+`",
            get: |fault| fault.instance().into(),
        },
        Property {
            name: "instances",
            kind: Kind::List(&Kind::Text),
            doc: "names of the instances that it hit",
            get: |fault| fault.instances.iter().map(|name| Dynamic::from(name.clone())).collect::<Vec<_>>().into(),
        },
    ];
    vec![Handle::of("fault", "What was broken.", FAULT, |fault| {
        format!("{} of {}", fault.kind.name(), fault.instance())
    })]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fault_has_a_primitive_of_its_name() {
        for kind in fault::Kind::ALL {
            assert!(PRIMITIVES.iter().any(|primitive| primitive.name == kind.name()), "{}", kind.name());
        }
    }
}
