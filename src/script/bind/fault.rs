//! `fault::…`: what is broken, and when.

use rhai::Dynamic;

use crate::cluster::{Between, Instance};
use crate::error::Error;
use crate::fault::{self, Fault};
use crate::script::declare::{
    Argument, Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive, Property,
};
use crate::script::session::Place;

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
            Argument::required("act", Kind::Closure(&["i"]), "what a fault does; `i` counts from 1"),
        ],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Body,
        example: r#"fault::every(25.s, 3, |i| fault::kill(cluster::pick("taskmanager", i), #{ down_for: 3.s }));"#,
        run: every,
    },
];

fn inject_named(call: &Call<'_>) -> Outcome {
    let kind = call.text("kind").and_then(|name| fault::Kind::parse(&name));
    inject(call, call.required("kind", kind)?)
}

fn inject(call: &Call<'_>, kind: fault::Kind) -> Outcome {
    let instances = call.handles::<Instance>("instances")?;
    let down_for_s = call.duration_s("down_for")?.unwrap_or(0.0);
    let fault = match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            call.session.rehearse(|declared| declared.longest_down(down_for_s));
            let never = Between { lo_epoch_ms: 0.0, hi_epoch_ms: 0.0 };
            let instances = instances.iter().map(|instance| instance.name.clone()).collect();
            Fault { number: 0, kind, instances, issued: never, gone: never }
        }
        Place::Trial(trial) => trial.inject(kind, &instances, down_for_s)?,
    };
    Ok(Dynamic::from(fault))
}

fn every(call: &Call<'_>) -> Outcome {
    let count = call.required("count", call.count("count")?)?;
    let period_s = call.required("period", call.duration_s("period")?)?;
    let act = call.closure("act")?;
    if period_s <= 0.0 {
        return Err(Error::script("fault::every: `period` is 0 s, but must be positive").into());
    }
    match call.session.trial(&call.name())? {
        Place::Rehearsal => {
            call.session.rehearse(|rehearsal| rehearsal.faults = Some((period_s, count)));
            if count > 0 {
                drop(act.call_within_context::<Dynamic>(call.context, (1_i64,))?);
            }
        }
        Place::Trial(trial) => {
            trial.declare_faults(period_s, count)?;
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
