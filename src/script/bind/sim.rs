//! `sim::…`: what the models say, by simulation.

use rhai::{Dynamic, Map};

use super::analysis::{DELTA, LAMBDA, MODEL, MTBF, N, R_DOC, figures, lambda_per_s, model_of};
use crate::analysis::model::Model;
use crate::error::{Error, Result};
use crate::script::declare::{Belongs, Call, Effect, Kind, Opt, Options, Outcome, Primitive};
use crate::script::units::Duration;
use crate::script::value::number;
use crate::sim::monte_carlo::{First, Law, Outcome as Simulated, Policy, Rule, Setup, Spread, simulate};

const SECONDS_OR_LIST: Kind = Kind::Either(&[Kind::Seconds, Kind::List(&Kind::Seconds)]);
const LAWS: Kind = Kind::Word(|| vec!["poisson", "fixed", "weibull", "trace"]);
const SPREADS: Kind = Kind::Word(|| vec!["lognormal", "exponential"]);
const FIRSTS: Kind = Kind::Word(|| vec!["interval", "random"]);
const POLICIES: Kind = Kind::Word(|| vec!["fixed", "young", "optimal"]);

pub const PRIMITIVES: &[Primitive] = &[Primitive {
    module: "sim",
    name: "utilization",
    doc: "Simulates a model and returns the share of time that is useful.\n\nIt is a simulation of the model, event by \
        event, and not of a cluster: no Flink, real or simulated, has a part in it. It takes what \
        `analysis::utilization` takes and agrees with it; and it has a figure where there is no formula: for failures \
        in bursts or as they were, for costs that vary, for intervals that change.\n\nThe result is `#{ value, lo, \
        hi, n }` as of `analysis::mean`, `n` being the number of failures, and in it: `lost_to`, the shares of time \
        that `checkpoints`, `rework` and `restart` took; how many `failures` and completed `checkpoints` there were; \
        and `events`, which are these and the restarts that came to their end. A U below zero counts as 0; the \
        shares then add up to more than 1.\n\n`model` sets `law` and `first`: `poisson` failures at any time and the \
        first checkpoint after a restart at T, `flink` the same with the first one at random, `schedule` a failure \
        exactly every `mtbf` and the first one at random; `law` and `first` beside it win. A failure in a restart \
        begins it anew. The law `trace` has failures at `times`; U is then taken from the first to the last, again \
        and again. Unless `duration` is given, `c` is charged as the formulas do: at one instant, at which the work \
        before it is safe. A list as `c` or `R` is drawn from, a list as `T` takes turns.\n\nUnder the policies \
        `young` (the square root of `2 * c / lambda`) and `optimal` (T* of `poisson`), T is set anew at each \
        restart, from the mean of the costs seen until then.",
    arguments: &[],
    options: Some(Options {
        known: &[
            Opt::required("T", SECONDS_OR_LIST, "checkpoint interval; a list takes turns"),
            Opt::required("c", SECONDS_OR_LIST, "cost of one checkpoint; of a list each is as likely"),
            Opt::required("R", SECONDS_OR_LIST, R_DOC),
            LAMBDA,
            MTBF,
            N,
            DELTA,
            MODEL,
            Opt::new("law", LAWS, "", "when failures come; by default the model's"),
            Opt::new("shape", Kind::Number, "", "shape of the law `weibull`: below 1 failures come in bursts"),
            Opt::new("scale", Kind::Seconds, "", "scale of the law `weibull`, instead of `mtbf`"),
            Opt::new(
                "times",
                Kind::List(&Kind::Seconds),
                "",
                "when failures came, for the law `trace`, instead of `mtbf`",
            ),
            Opt::new("cyclic", Kind::Bool, "true", "whether `times` begin again at their end"),
            Opt::new("first", FIRSTS, "", "when the first checkpoint after a restart comes; by default the model's"),
            Opt::new(
                "min_pause",
                Kind::Seconds,
                "0",
                "least time from a checkpoint's end to the next trigger; stretches `T`",
            ),
            Opt::new(
                "duration",
                Kind::Seconds,
                "",
                "time from a checkpoint's trigger, whose position it saves, to its completion; at least `c`",
            ),
            Opt::new("policy", POLICIES, "\"fixed\"", "what `T` does after the first restart"),
            Opt::new("c_cv", Kind::Number, "0", "coefficient of variation of `c`: its deviation over its mean"),
            Opt::new("c_law", SPREADS, "\"lognormal\"", "how `c` varies; `exponential` needs no `c_cv`"),
            Opt::new("R_cv", Kind::Number, "0", "coefficient of variation of `R`"),
            Opt::new("R_law", SPREADS, "\"lognormal\"", "how `R` varies; `exponential` needs no `R_cv`"),
            Opt::new(
                "failures",
                Kind::Count,
                "",
                "how many to simulate; by default as many as make `lo` and `hi` differ by 0.002, within a second",
            ),
            Opt::new("seed", Kind::Count, "", "equal seeds give equal results; by default the run's"),
        ],
        others: "",
    }),
    returns: Kind::Map,
    effect: Effect::Pure,
    belongs: Belongs::Anywhere,
    example: "sim::utilization(#{ T: 30.s, c: 0.778, R: 81.85, mtbf: 10.min }).value  // 0.83",
    run: utilization,
}];

fn utilization(call: &Call<'_>) -> Outcome {
    let setup = setup(call)?;
    let whole = |name| call.int(name).and_then(|number| u64::try_from(number).ok());
    let seed = whole("seed").unwrap_or(call.session.options.seed);
    Ok(told(&simulate(&setup, whole("failures"), seed, || call.session.go_on())?))
}

fn setup(call: &Call<'_>) -> Result<Setup> {
    let model = model_of(call)?;
    Ok(Setup {
        law: law(call, model)?,
        cost: spread(call, ["c", "c_cv", "c_law"])?,
        restart: spread(call, ["R", "R_cv", "R_law"])?,
        depth_delay_s: depth_delay_s(call, model)?,
        policy: policy(call)?,
        first: match call.text("first").as_deref() {
            Some("interval") => First::Interval,
            Some(_) => First::Random,
            None => First::of_model(model),
        },
        min_pause_s: call.seconds("min_pause").unwrap_or(0.0),
        duration_s: call.seconds("duration"),
    })
}

/// (n - 1)δ, which `schedule` does not know.
fn depth_delay_s(call: &Call<'_>, model: Model) -> Result<f64> {
    let depth = call.number("n").unwrap_or(1.0);
    let delta_s = call.seconds("delta").unwrap_or(0.0);
    for (name, value, least) in [("n", depth, 1.0), ("delta", delta_s, 0.0)] {
        if value.is_nan() || value < least {
            return Err(Error::script(format!("{name} must be at least {least}, not {value}")));
        }
    }
    Ok(if model == Model::Schedule { 0.0 } else { (depth - 1.0) * delta_s })
}

fn law(call: &Call<'_>, model: Model) -> Result<Law> {
    let given = call.text("law");
    let of_model = if model == Model::Schedule { "fixed" } else { "poisson" };
    let law = given.as_deref().unwrap_or(of_model);
    only_with(call, "weibull", law, &["shape", "scale"])?;
    only_with(call, "trace", law, &["times", "cyclic"])?;
    match law {
        "trace" => {
            neither(call, "trace", "times", &["lambda", "mtbf"])?;
            let times_s = list(call, "times").ok_or_else(|| lacks(call, law, "times", "[0.s, 10.min, 14.min]"))?;
            Law::trace(&times_s, call.flag("cyclic").unwrap_or(true))
        }
        "weibull" => {
            let shape = call.number("shape").ok_or_else(|| lacks(call, law, "shape", "0.7"))?;
            let Some(scale_s) = call.seconds("scale") else { return Ok(Law::weibull(shape, mtbf_s(call)?)) };
            neither(call, "weibull", "scale", &["lambda", "mtbf"])?;
            Ok(Law::Weibull { shape, scale_s })
        }
        "fixed" => Ok(Law::Fixed { every_s: mtbf_s(call)? }),
        _ => Ok(Law::Poisson { mtbf_s: mtbf_s(call)? }),
    }
}

fn mtbf_s(call: &Call<'_>) -> Result<f64> {
    let lambda_per_s = lambda_per_s(call)?;
    if let Some(mtbf_s) = call.seconds("mtbf") {
        return Ok(mtbf_s);
    }
    if lambda_per_s == 0.0 {
        return Err(Error::script(format!("{}: no failures, nothing to simulate", call.name()))
            .hint("without failures U is 1 - c/T: `analysis::utilization` says it"));
    }
    if lambda_per_s.is_finite() && lambda_per_s > 0.0 {
        return Ok(1.0 / lambda_per_s);
    }
    Err(Error::script(format!("lambda must be a finite number above 0, not {lambda_per_s}")))
}

fn policy(call: &Call<'_>) -> Result<Policy> {
    let rule = match call.text("policy").as_deref() {
        Some("young") => Some(Rule::Young),
        Some("optimal") => Some(Rule::Optimal),
        _ => None,
    };
    match (rule, list(call, "T")) {
        (Some(_), Some(_)) => {
            Err(Error::script(format!("{}: a list of `T` takes turns, and no `policy` sets it", call.name()))
                .hint("give one `T`, which holds until the first restart, or leave `policy` out"))
        }
        (None, Some(intervals_s)) => Ok(Policy::Alternating(intervals_s)),
        (rule, None) => {
            let interval_s = call.required("T", call.seconds("T"))?;
            Ok(rule.map_or(Policy::Fixed(interval_s), |rule| Policy::Adaptive { first_s: interval_s, rule }))
        }
    }
}

fn spread(call: &Call<'_>, [symbol, cv, law]: [&'static str; 3]) -> Result<Spread> {
    let (given_cv, given_law) = (call.number(cv).filter(|&cv| cv != 0.0), call.text(law));
    let refused = |message: String, hint: String| Err(Error::script(format!("{}: {message}", call.name())).hint(hint));
    if let Some(values_s) = list(call, symbol) {
        return match (given_cv, given_law) {
            (None, None) => Ok(Spread::Empirical(values_s)),
            _ => refused(
                format!("a list of `{symbol}` varies as it does"),
                format!("leave `{cv}` and `{law}` out, or give the mean as `{symbol}`"),
            ),
        };
    }
    let mean_s = call.required(symbol, call.seconds(symbol))?;
    match (given_law.as_deref(), given_cv) {
        (Some("exponential"), None) => Ok(Spread::Exponential { mean_s }),
        (Some("exponential"), Some(_)) => {
            refused(format!("the `{law}` exponential has a `{cv}` of 1"), format!("leave `{cv}` out"))
        }
        (_, Some(cv)) => Ok(Spread::LogNormal { mean_s, cv }),
        (Some(_), None) => refused(format!("the `{law}` lognormal needs `{cv}`"), format!("for example `{cv}: 0.3`")),
        (None, None) => Ok(Spread::Constant(mean_s)),
    }
}

/// The seconds of a list; `None` where the value is none.
fn list(call: &Call<'_>, name: &str) -> Option<Vec<f64>> {
    let seconds = |value: Dynamic| match value.clone().try_cast::<Duration>() {
        Some(duration) => Some(duration.seconds),
        None => number(&value),
    };
    Some(call.list(name)?.into_iter().filter_map(seconds).collect())
}

fn lacks(call: &Call<'_>, law: &str, name: &str, example: &str) -> Error {
    Error::script(format!("{}: the law `{law}` needs `{name}`", call.name()))
        .hint(format!("for example `{name}: {example}`"))
}

/// Options that mean something under one law alone.
fn only_with(call: &Call<'_>, wanted: &str, law: &str, names: &[&str]) -> Result<()> {
    match names.iter().find(|name| law != wanted && call.value(name).is_some()) {
        Some(name) => {
            let message = format!("{}: `{name}` belongs to the law `{wanted}`, not to `{law}`", call.name());
            Err(Error::script(message).hint(format!("write `law: \"{wanted}\"`, or leave `{name}` out")))
        }
        None => Ok(()),
    }
}

/// What another option says already.
fn neither(call: &Call<'_>, law: &str, other: &str, names: &[&str]) -> Result<()> {
    match names.iter().find(|name| call.value(name).is_some()) {
        Some(name) => {
            Err(Error::script(format!("{}: under the law `{law}`, `{other}` says what `{name}` would", call.name()))
                .hint(format!("leave `{name}` out")))
        }
        None => Ok(()),
    }
}

fn told(simulated: &Simulated) -> Dynamic {
    let count = |number: u64| Dynamic::from_int(i64::try_from(number).unwrap_or(i64::MAX));
    let mut map = figures::figure(&simulated.utilization, false).try_cast::<Map>().unwrap_or_default();
    let lost = simulated.lost_to;
    let shares = [("checkpoints", lost.checkpoints), ("rework", lost.rework), ("restart", lost.restart)];
    let shares = shares.into_iter().map(|(name, share)| (name.into(), Dynamic::from_float(share)));
    map.insert("lost_to".into(), Dynamic::from_map(shares.collect::<Map>()));
    map.insert("events".into(), count(simulated.counts.events()));
    map.insert("failures".into(), count(simulated.counts.failures));
    map.insert("checkpoints".into(), count(simulated.counts.checkpoints));
    Dynamic::from_map(map)
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    use super::*;
    use crate::analysis::model::Conditions;
    use crate::host::Host;
    use crate::runtime::Runtime;
    use crate::script::session::{self, Datasets, Purpose, Session};
    use crate::script::source::Source;
    use crate::script::{bind, errors, units};

    fn of_script(options: &str) -> Map {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let source = Source { name: "x.rhai".into(), text: String::new(), folder: None };
        let session = Session::new(
            &Host::real(),
            Runtime::real(runtime.handle().clone()),
            source,
            session::Options::default(),
            Purpose::Evaluate,
            Datasets::default(),
        );
        let mut engine = Engine::new();
        units::register(&mut engine);
        bind::register(&mut engine, &session);
        let call = format!("sim::utilization(#{{ {options}, failures: 60, seed: 7 }})");
        engine.eval::<Map>(&call).unwrap_or_else(|error| panic!("{call}: {}", errors::summary(&error).message))
    }

    fn direct(setup: &Setup) -> Dynamic {
        told(&simulate(setup, Some(60), 7, || Ok(())).expect("in the domain"))
    }

    #[test]
    fn each_option_reaches_the_simulation() {
        let of = |model| Setup::of_model(model, 30.0, &Conditions::new(0.8, 80.0, 1.0 / 600.0));
        let paper = || of(Model::Poisson);
        let list = |values: &[f64]| Spread::Empirical(values.to_vec());
        let lognormal = |mean_s, cv| Spread::LogNormal { mean_s, cv };
        let trace = |cyclic| Law::trace(&[0.0, 600.0, 900.0], cyclic).expect("it rises");
        let adaptive = |rule| Policy::Adaptive { first_s: 30.0, rule };
        let cases = [
            ("", paper()),
            ("model: \"flink\"", of(Model::Flink)),
            ("model: \"schedule\"", of(Model::Schedule)),
            ("law: \"fixed\"", Setup { law: Law::Fixed { every_s: 600.0 }, ..paper() }),
            ("law: \"weibull\", shape: 0.7", Setup { law: Law::weibull(0.7, 600.0), ..paper() }),
            ("model: \"schedule\", law: \"poisson\"", of(Model::Flink)),
            ("first: \"random\", min_pause: 2", Setup { min_pause_s: 2.0, ..of(Model::Flink) }),
            ("model: \"flink\", first: \"interval\"", paper()),
            ("duration: 3.s", Setup { duration_s: Some(3.0), ..paper() }),
            ("n: 3, delta: 500.ms", Setup { depth_delay_s: 1.0, ..paper() }),
            ("policy: \"young\"", Setup { policy: adaptive(Rule::Young), ..paper() }),
            ("policy: \"optimal\"", Setup { policy: adaptive(Rule::Optimal), ..paper() }),
            ("c_cv: 0.3, R_cv: 0.2", Setup { cost: lognormal(0.8, 0.3), restart: lognormal(80.0, 0.2), ..paper() }),
            ("R_law: \"exponential\"", Setup { restart: Spread::Exponential { mean_s: 80.0 }, ..paper() }),
        ];
        for (options, setup) in cases {
            let given = format!("T: 30.s, c: 0.8, R: 80.s, mtbf: 10.min, {options}");
            let given = given.trim_end_matches(", ");
            assert_eq!(Dynamic::from_map(of_script(given)).to_string(), direct(&setup).to_string(), "{given}");
        }
        let lists = "T: [5.s, 30], c: [0.5, 1.s], R: [80], lambda: 0.0016";
        let of_lists = Setup {
            law: Law::Poisson { mtbf_s: 1.0 / 0.0016 },
            policy: Policy::Alternating(vec![5.0, 30.0]),
            cost: list(&[0.5, 1.0]),
            restart: list(&[80.0]),
            ..paper()
        };
        assert_eq!(Dynamic::from_map(of_script(lists)).to_string(), direct(&of_lists).to_string());
        for (cyclic, setup) in [true, false].map(|cyclic| (cyclic, Setup { law: trace(cyclic), ..paper() })) {
            let given = format!("T: 30, c: 0.8, R: 80, law: \"trace\", times: [0.s, 10.min, 15.min], cyclic: {cyclic}");
            assert_eq!(Dynamic::from_map(of_script(&given)).to_string(), direct(&setup).to_string(), "{given}");
        }
    }

    #[test]
    fn the_result_has_the_keys_that_are_promised() {
        let map = of_script("T: 30, c: 0.8, R: 80, mtbf: 600");
        let names: Vec<&str> = map.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["checkpoints", "events", "failures", "hi", "lo", "lost_to", "n", "value"]);
        assert_eq!(map["n"].as_int().ok(), Some(60));
    }
}
