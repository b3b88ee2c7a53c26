//! `analysis::…`: what follows from the models for somebody who must choose an interval.

use rhai::{Array, Dynamic, Map};

use super::{C, DELTA, LAMBDA, MODEL, MTBF, N, R_DOC, conditions};
use crate::analysis::decide::{self, Demands, Load, Measured};
use crate::error::{Error, Result};
use crate::script::declare::{Belongs, Call, Effect, Kind, Opt, Options, Outcome, Primitive};
use crate::script::units::Duration;
use crate::script::value::number;

const R: Opt = Opt::new("R", Kind::Seconds, "0", R_DOC);
const LOAD: Opt = Opt::new("load", Kind::Number, "", "what comes in, rows a second");
const CAPACITY: Opt = Opt::new(
    "capacity",
    Kind::Number,
    "",
    "what the job can do while it takes checkpoints, rows a second; with `load`",
);
/// `[[1.s, 0.3], [10.s, 0.8]]`
const POINTS: Kind = Kind::List(&Kind::List(&Kind::Seconds));

pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        module: "analysis",
        name: "young_interval",
        doc: "Returns Young's approximation of the optimal interval.\n\nIt is `sqrt(2 * c / lambda)`, the first \
            term of T* in powers of `sqrt(c * lambda)`: 1 % too short at `c * lambda` = 0.002, 7 % at 0.1. \
            `analysis::optimal_interval` is exact.",
        arguments: &[],
        options: Some(Options { known: &[C, LAMBDA, MTBF], others: "" }),
        returns: Kind::Duration,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::young_interval(#{ c: 5.min, mtbf: 24.h })  // 7200 s",
        run: young_interval,
    },
    Primitive {
        module: "analysis",
        name: "daly_interval",
        doc: "Returns Daly's higher-order approximation of the optimal interval.\n\nWith M = `mtbf` it is `sqrt(2 * c \
            * M) * (1 + sqrt(c / (2 * M)) / 3 + c / (2 * M) / 9)` for `c` below `2 * M`, else `M + c`. Daly gives the \
            work between two checkpoints; here an interval goes from trigger to trigger, so `c` is in it.",
        arguments: &[],
        options: Some(Options { known: &[C, LAMBDA, MTBF], others: "" }),
        returns: Kind::Duration,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "(analysis::daly_interval(#{ c: 5.min, mtbf: 6.h }) - 5.min).seconds / 60.0  // 56.713",
        run: daly_interval,
    },
    Primitive {
        module: "analysis",
        name: "plateau",
        doc: "Returns the intervals whose utilization is close to the best.\n\nIt is a map `#{ from, T, to }` of \
            durations: T* and the two ends between which U is at least `1 - within` times U(T*). An interval in \
            there is as good as T* for most purposes. Where `c` is 0, so are `from` and `T`.\n\nWhere there is no \
            T* it is an error, as for `analysis::optimal_interval`.",
        arguments: &[],
        options: Some(Options {
            known: &[
                C,
                R,
                LAMBDA,
                MTBF,
                N,
                DELTA,
                MODEL,
                Opt::new("within", Kind::Number, "0.01", "the share of U(T*) that may be lost, above 0 and below 1"),
            ],
            others: "",
        }),
        returns: Kind::Map,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "let flat = analysis::plateau(#{ c: 0.778, mtbf: 10.min });\nflat.from < flat.T && flat.T < flat.to  // true",
        run: plateau,
    },
    Primitive {
        module: "analysis",
        name: "elasticities",
        doc: "Returns by how many per cent T* and U move with an input.\n\nIt is a map `#{ T, U, T_star }`: `U` holds the \
            elasticities of the utilization at `T` to `T`, `c`, `R` and `lambda`, and `T_star` those of the optimal \
            interval to `c`, `R` and `lambda`. 0.5 means: 1 % more of the input is 0.5 % more of the result. Without \
            `T` they are taken at T*, where that to `T` is 0. `T_star` is `()` where there is no T*.\n\nWhere U is 0 \
            it is an error.",
        arguments: &[],
        options: Some(Options {
            known: &[
                Opt::new("T", Kind::Seconds, "", "interval at which U is taken; T* where it is not given"),
                C,
                R,
                LAMBDA,
                MTBF,
                N,
                DELTA,
                MODEL,
            ],
            others: "",
        }),
        returns: Kind::Map,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::elasticities(#{ c: 0.778, R: 81.85, mtbf: 10.min }).U.R  // -0.136",
        run: elasticities,
    },
    Primitive {
        module: "analysis",
        name: "fixed_point",
        doc: "Returns T* where the cost of a checkpoint depends on the interval.\n\n`c` is a list of what was measured, \
            `[T, c]` each; between the points it is linear in the logarithm of T, and outside them that of the nearest \
            one. `R` may be such a list, over the same intervals. T* then is the interval that is optimal for the c \
            that it has itself, as in the headline of a report.\n\nIt is a map `#{ T, c, R, outside_measured, \
            is_only }`: c and R as they are at T, whether T lies outside of the points, and whether no other interval \
            solves the equation too, as may be where c grows fast.",
        arguments: &[],
        options: Some(Options {
            known: &[
                Opt::required(
                    "c",
                    POINTS,
                    "intervals with the cost of a checkpoint there, `[[1.s, 0.3], [10.s, 0.8]]`",
                ),
                Opt::new(
                    "R",
                    Kind::Either(&[Kind::Seconds, POINTS]),
                    "0",
                    "cost of one restart, or a list of it as for `c`; only `schedule` needs it",
                ),
                LAMBDA,
                MTBF,
                MODEL,
            ],
            others: "",
        }),
        returns: Kind::Map,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::fixed_point(#{ c: [[1.s, 0.3], [10.s, 0.8]], mtbf: 10.min }).outside_measured  // true",
        run: fixed_point,
    },
    Primitive {
        module: "analysis",
        name: "pareto",
        doc: "Returns the intervals worth choosing between, with what each gives.\n\nA list of maps `#{ T, U, recovery, \
            visible_mean, visible_worst }` by T: the utilization, how long a fault takes to be over at worst, and how \
            long a result waits to become visible under an exactly-once sink, T/2 + c on average and T + c at worst. \
            An interval that another one beats in something and equals in the rest is left out, and so is one with \
            U = 0.\n\nRecovery at worst is `R + T`; with `load` and `capacity` it is `R + (T + R) * load / (capacity - \
            load)`, until the job has caught up, and intervals with U at or below `load / capacity` are left out. \
            Without `intervals`, 20 are looked at between T* and where U is half of its best.",
        arguments: &[],
        options: Some(Options {
            known: &[
                Opt::new("intervals", Kind::List(&Kind::Seconds), "", "the intervals to choose between"),
                C,
                R,
                LAMBDA,
                MTBF,
                LOAD,
                CAPACITY,
                N,
                DELTA,
                MODEL,
            ],
            others: "",
        }),
        returns: Kind::List(&Kind::Map),
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: r#"
            let worth = analysis::pareto(#{ intervals: [5.s, 30.s, 5.min], c: 0.778, R: 81.85, mtbf: 10.min });
            worth.len  // 2
        "#,
        run: pareto,
    },
    Primitive {
        module: "analysis",
        name: "interval_for",
        doc: "Returns the best interval that meets demands.\n\nIt is T* where T* meets them, else the end of the allowed \
            range next to it: `#{ T, from, to, T_star, held_by, U, recovery, overhead, latency_p99 }`, with the range, \
            the name of the demand that keeps T from T* (`\"\"` where none does), and what T gives. `to` is `()` where \
            nothing bounds T from above, `T_star` where there are no failures.\n\n`recovery_within` bounds how long a \
            fault takes to be over at worst: `R + T`; with `load` and `capacity` `R + (T + R) * load / (capacity - \
            load)`. `overhead_below` bounds `c / T`, the share of time for checkpoints. `latency_p99_below` bounds \
            `0.99 * T + c`, how long 99 % of the results wait to become visible under an exactly-once sink. With \
            `load` and `capacity`, U must be above `load / capacity`, or the job falls behind for good.\n\nA demand \
            that no interval meets, two that contradict each other, and a load that no interval sustains \
            (`unsustainable`) are errors with the numbers.",
        arguments: &[],
        options: Some(Options {
            known: &[
                Opt::new("recovery_within", Kind::Seconds, "", "how long a fault may take to be over, at worst"),
                Opt::new("overhead_below", Kind::Number, "", "share of time that checkpoints may take, 0 to 1"),
                Opt::new("latency_p99_below", Kind::Seconds, "", "how long 99 % of the results may wait to be visible"),
                C,
                R,
                LAMBDA,
                MTBF,
                LOAD,
                CAPACITY,
                N,
                DELTA,
                MODEL,
            ],
            others: "",
        }),
        returns: Kind::Map,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: r#"
            let chosen = analysis::interval_for(#{ recovery_within: 100.s, c: 0.778, R: 81.85, mtbf: 10.min });
            chosen.T  // 18.15 s
        "#,
        run: interval_for,
    },
];

fn young_interval(call: &Call<'_>) -> Outcome {
    Ok(duration(decide::young(&conditions(call)?.1)?))
}

fn daly_interval(call: &Call<'_>) -> Outcome {
    Ok(duration(decide::daly(&conditions(call)?.1)?))
}

fn plateau(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    let flat = decide::plateau(model, &conditions, call.number("within").unwrap_or(0.01))?;
    Ok(map([("from", duration(flat.from_s)), ("T", duration(flat.best_s)), ("to", duration(flat.to_s))]))
}

fn elasticities(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    let found = decide::elasticities(model, call.seconds("T"), &conditions)?;
    let (of_u, float) = (found.of_utilization, Dynamic::from_float);
    let of_u = map([
        ("T", float(of_u.interval)),
        ("c", float(of_u.cost)),
        ("R", float(of_u.restart)),
        ("lambda", float(of_u.lambda)),
    ]);
    let of_t = found.of_optimum.map_or(Dynamic::UNIT, |of_t| {
        map([("c", float(of_t.cost)), ("R", float(of_t.restart)), ("lambda", float(of_t.lambda))])
    });
    Ok(map([("T", duration(found.interval_s)), ("U", of_u), ("T_star", of_t)]))
}

fn fixed_point(call: &Call<'_>) -> Outcome {
    let costs = call.required("c", points(call, "c")?)?;
    let restarts = match points(call, "R")? {
        Some(points) if points.iter().map(|point| point.0).ne(costs.iter().map(|point| point.0)) => {
            let message = format!("{}: `R` and `c` are measured at different intervals", call.name());
            return Err(Error::script(message).hint("give both at the same intervals").into());
        }
        Some(points) => points.into_iter().map(|point| point.1).collect(),
        None => vec![call.seconds("R").unwrap_or(0.0); costs.len()],
    };
    let (model, lambda_per_s) = (super::model_of(call)?, super::lambda_per_s(call)?);
    let (intervals, costs): (Vec<f64>, Vec<f64>) = costs.into_iter().unzip();
    let found = Measured::at_intervals(&intervals)?.self_consistent(model, &costs, &restarts, lambda_per_s)?;
    let bool = Dynamic::from_bool;
    Ok(map([
        ("T", duration(found.interval_s)),
        ("c", duration(found.cost_s)),
        ("R", duration(found.restart_s)),
        ("outside_measured", bool(found.is_outside)),
        ("is_only", bool(found.is_only)),
    ]))
}

/// Pairs of an option that is a list of them, by T; None where it is not given, or is no list.
fn points(call: &Call<'_>, name: &str) -> Result<Option<Vec<(f64, f64)>>> {
    let Some(list) = call.list(name) else { return Ok(None) };
    let pair = |value: Dynamic| {
        let pair = value.try_cast::<Array>().unwrap_or_default();
        match pair.iter().map(seconds).collect::<Option<Vec<f64>>>().as_deref() {
            Some(&[interval_s, value_s]) => Ok((interval_s, value_s)),
            _ => Err(Error::script(format!("{}: `{name}` holds what is no pair of T and {name}", call.name()))
                .hint(format!("for example `{name}: [[1.s, 0.3], [10.s, 0.8]]`"))),
        }
    };
    let mut pairs = list.into_iter().map(pair).collect::<Result<Vec<_>>>()?;
    pairs.sort_by(|left, right| left.0.total_cmp(&right.0));
    Ok(Some(pairs))
}

fn pareto(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    let intervals_s = match call.list("intervals") {
        Some(list) => list.iter().filter_map(seconds).collect(),
        None => decide::intervals_worth_a_look(model, &conditions)?,
    };
    let worth = decide::pareto(model, &conditions, &intervals_s, load(call)?.as_ref())?;
    let shown = |one: decide::TradeOff| {
        map([
            ("T", duration(one.interval_s)),
            ("U", Dynamic::from_float(one.utilization)),
            ("recovery", duration(one.recovery_s)),
            ("visible_mean", duration(one.visible_mean_s)),
            ("visible_worst", duration(one.visible_worst_s)),
        ])
    };
    Ok(worth.into_iter().map(shown).collect::<Array>().into())
}

fn interval_for(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    let demands = Demands {
        recovery_within_s: call.seconds("recovery_within"),
        overhead_below: call.number("overhead_below"),
        latency_p99_below_s: call.seconds("latency_p99_below"),
        load: load(call)?,
    };
    let choice = decide::interval_for(model, &conditions, &demands)?;
    let maybe = |value: Option<f64>| value.map_or(Dynamic::UNIT, duration);
    Ok(map([
        ("T", duration(choice.interval_s)),
        ("from", duration(choice.from_s)),
        ("to", maybe(choice.to_s)),
        ("T_star", maybe(choice.optimum_s)),
        ("held_by", choice.held_by.unwrap_or_default().into()),
        ("U", Dynamic::from_float(choice.utilization)),
        ("recovery", duration(choice.recovery_s)),
        ("overhead", Dynamic::from_float(choice.overhead)),
        ("latency_p99", duration(choice.latency_p99_s)),
    ]))
}

fn load(call: &Call<'_>) -> Result<Option<Load>> {
    match (call.number("load"), call.number("capacity")) {
        (Some(load), Some(capacity)) => Ok(Some(Load { load, capacity })),
        (None, None) => Ok(None),
        _ => Err(Error::script(format!("{} wants `load` and `capacity` together", call.name()))
            .hint("for example `load: 8000.0, capacity: 12000.0`, both rows a second")),
    }
}

fn seconds(value: &Dynamic) -> Option<f64> {
    value.clone().try_cast::<Duration>().map(|duration| duration.seconds).or_else(|| number(value))
}

fn duration(seconds: f64) -> Dynamic {
    Dynamic::from(Duration::new(seconds))
}

fn map<const N: usize>(entries: [(&str, Dynamic); N]) -> Dynamic {
    Dynamic::from_map(entries.into_iter().map(|(name, value)| (name.into(), value)).collect::<Map>())
}
