//! `analysis::…`: the formulas, what a study measured, and figures of lists.

mod decide;
pub(super) mod figures;
mod study;

use rhai::Dynamic;

use crate::analysis::model::{self, Conditions, Model};
use crate::error::{Error, Result};
use crate::script::declare::{Argument, Belongs, Call, Effect, Kind, Opt, Options, Outcome, Primitive};
use crate::script::units::Duration;

pub use decide::PRIMITIVES as DECISIONS;

const MODELS: Kind = Kind::Word(|| Model::ALL.map(Model::name).to_vec());

const T: Opt = Opt::required("T", Kind::Seconds, "checkpoint interval");
const C: Opt = Opt::required("c", Kind::Seconds, "cost of one checkpoint");
pub(super) const R_DOC: &str = "cost of one restart, from the fault to the first record after it";
pub(super) const LAMBDA: Opt = Opt::new(
    "lambda",
    Kind::Number,
    "",
    "failures a second; `1.0/600.0` is one in ten minutes. Either this or `mtbf` must be given",
);
pub(super) const MTBF: Opt = Opt::new("mtbf", Kind::Seconds, "", "mean time between failures, 1/lambda");
pub(super) const N: Opt = Opt::new("n", Kind::Number, "1", "depth of the topology: operators on the longest path");
pub(super) const DELTA: Opt = Opt::new("delta", Kind::Seconds, "0", "delay of a checkpoint's barrier in each hop");
pub(super) const MODEL: Opt = Opt::new("model", MODELS, "\"poisson\"", "what is assumed of failures and triggers");

const STUDY: Argument = Argument::required("study", Kind::Handle("study"), "what `experiment` returned");
const LIST: Kind = Kind::List(&Kind::Either(&[Kind::Number, Kind::Duration, Kind::Nothing]));
const VALUES: Argument = Argument::required("values", LIST, "numbers, or durations; what is `()` is left out");

pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        module: "analysis",
        name: "utilization",
        doc: "Returns the share of time, 0 to 1, that is useful at an interval.\n\nTimes are durations or plain \
            numbers of seconds. Where checkpoints and restarts take all the time there is, it is 0, so too where `T` is \
            at most `c`: checkpoints back to back. Where `lambda` is 0, it is `1 - c/T`. A negative time is an error, \
            and so is `T` = 0.\n\nOf the models, \
            `poisson` is the paper's: failures at any time, the checkpoint clock started anew by each. `flink` \
            is that with the first trigger after a restart anywhere in an interval, where Flink puts it. \
            `schedule` has a fault exactly every `mtbf`.",
        arguments: &[],
        options: Some(Options {
            known: &[T, C, Opt::required("R", Kind::Seconds, R_DOC), LAMBDA, MTBF, N, DELTA, MODEL],
            others: "",
        }),
        returns: Kind::Number,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::utilization(#{ T: 30.s, c: 0.778, R: 81.85, mtbf: 10.min })  // 0.829",
        run: utilization,
    },
    Primitive {
        module: "analysis",
        name: "ln_utilization",
        doc: "Returns the natural logarithm of the utilization at an interval.\n\nIt has all digits where the utilization \
            is too small for a number, and where it is next to 1. Where the utilization is 0 it is minus infinity. \
            Options and errors are those of `analysis::utilization`.",
        arguments: &[],
        options: Some(Options {
            known: &[T, C, Opt::required("R", Kind::Seconds, R_DOC), LAMBDA, MTBF, N, DELTA, MODEL],
            others: "",
        }),
        returns: Kind::Number,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::ln_utilization(#{ T: 1.h, c: 1.s, R: 1.h, mtbf: 1.s }).round()  // -7192.0",
        run: ln_utilization,
    },
    Primitive {
        module: "analysis",
        name: "optimal_interval",
        doc: "Returns the checkpoint interval T* with the highest utilization.\n\nTimes are durations or plain \
            numbers of seconds. `R` moves it only under the model `schedule`; `n` and `delta` never do. Where `c` is 0, so \
            is T*.\n\nWhere no interval is best it is an error: without failures, under `flink` where `c * \
            lambda` is 1 or more, and under `schedule` where `2 * c` is more than the time between faults less \
            `R`.",
        arguments: &[],
        options: Some(Options {
            known: &[C, Opt::new("R", Kind::Seconds, "0", R_DOC), LAMBDA, MTBF, N, DELTA, MODEL],
            others: "",
        }),
        returns: Kind::Duration,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::optimal_interval(#{ c: 0.778, lambda: 1.0/600.0 })  // 30.816 s",
        run: optimal_interval,
    },
    Primitive {
        module: "analysis",
        name: "rows",
        doc: "Returns what an experiment measured, a map for each combination of its axes.\n\nA map holds the axes by \
            their names and the figures of summary.csv by theirs (`R_s`, `c_duration_s`, `useful_per_s`, …), each \
            as `#{ value, lo, hi, n }`: the 95 % interval is `()` where there is none, and the figure is `()` where \
            it is not known. Beside them are `offered_per_s`, what the replay offered; `lag_end_s`, how far the \
            source stood behind at the end of the measured phase, in seconds of the offered rate; `verdict`; and \
            `trials`, their number.\n\nIntervals are over trials only where there are several: see `repeats`.",
        arguments: &[STUDY],
        options: None,
        returns: Kind::List(&Kind::Map),
        effect: Effect::Reads,
        belongs: Belongs::Anywhere,
        example: r#"
            for row in analysis::rows(study) {
                print(`${row.interval}: ${row.useful_per_s} rows a second, ${row.verdict}`);
            }
        "#,
        run: study::rows,
    },
    Primitive {
        module: "analysis",
        name: "faults",
        doc: "Returns the faults of an experiment, a map for each.\n\nThey come in the order of time. A map holds \
            the axes by their names, `trial`, `number`, `kind`, `instance` and `restarts`, and in seconds, `()` \
            where it was not seen: `R_s`, from the fault to the first record after it; `R_ready_s`, only from when \
            the instance was back; `detected_s`, from the fault until Flink noticed; then what R is made of after \
            that: `hold_s` (the wait for the instance, 0 where the job did not need it), `redeployment_s` (restart delay, scheduling), `restore_s`, `start_s`; and \
            `caught_up_s`.",
        arguments: &[STUDY],
        options: None,
        returns: Kind::List(&Kind::Map),
        effect: Effect::Reads,
        belongs: Belongs::Anywhere,
        example: r#"
            let faults = analysis::faults(study);
            print(analysis::mean(faults.map(|fault| fault.R_s)));
        "#,
        run: study::faults,
    },
    Primitive {
        module: "analysis",
        name: "stretches",
        doc: "Returns the stretches of an experiment's trials, a map for each.\n\nA trial has one, and one more for each \
            `flink::restart` that changed its checkpoint interval. They come in the order of time. A map holds the axes by \
            their names, `trial`, and in seconds, `()` where it is not known: `from_s` and `lasts_s`, since the measured phase \
            began; `lost_s`, without a record before it, for the restart that it began with; `T_s`, the interval as \
            configured; `T_real_s`; `c_duration_s`, the mean of its checkpoints. Beside them are `checkpoints`, how many, and \
            `checkpoint_bytes`, their mean size.",
        arguments: &[STUDY],
        options: None,
        returns: Kind::List(&Kind::Map),
        effect: Effect::Reads,
        belongs: Belongs::Anywhere,
        example: r#"
            for stretch in analysis::stretches(study) {
                print(`${stretch.trial} from ${stretch.from_s} s on: T = ${stretch.T_s} s, c = ${stretch.c_duration_s} s`);
            }
        "#,
        run: study::stretches,
    },
    Primitive {
        module: "analysis",
        name: "mean",
        doc: "Returns the mean of a list with its interval, as `#{ value, lo, hi, n }`.\n\nBelow 20 values the \
            interval is Student's t, of durations on logarithms; from 20 on a block bootstrap, widened by how much \
            values in the order of time resemble their neighbours. One value has none: `lo` and `hi` are `()`. Of \
            an empty list it is `()`.",
        arguments: &[VALUES],
        options: None,
        returns: Kind::Any,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::mean([4.0, 5.0, 9.0]).value  // 6.0",
        run: figures::mean,
    },
    Primitive {
        module: "analysis",
        name: "median",
        doc: "Returns the median of a list with its interval, as `#{ value, lo, hi, n }`.\n\nThere is an interval \
            from 20 values on. Of an empty list it is `()`.",
        arguments: &[VALUES],
        options: None,
        returns: Kind::Any,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::median([4.s, 5.s, 9.s]).value.seconds  // 5.0",
        run: figures::median,
    },
    Primitive {
        module: "analysis",
        name: "quantile",
        doc: "Returns a quantile of a list with its interval, as `#{ value, lo, hi, n }`.\n\nBetween two values it \
            is interpolated. There is an interval from 20 values on, Woodruff's. Of an empty list it is `()`.",
        arguments: &[VALUES, Argument::required("q", Kind::Number, "0 to 1; 0.99 is the value that 99 % lie below")],
        options: None,
        returns: Kind::Any,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::quantile([0.0, 10.0, 20.0, 30.0], 0.9).value  // 27.0",
        run: figures::quantile,
    },
    Primitive {
        module: "analysis",
        name: "difference",
        doc: "Returns how far one list lies above another, with its interval.\n\nIt is `#{ value, lo, hi, n }`, in the \
            lists' unit: the median of all differences between a value of `b` and a value of `a` (Hodges and Lehmann), \
            which an outlier moves little. The interval needs no distribution and holds the true shift at least 95 % \
            of the time, where values are independent, as one figure a trial is; checkpoints of one trial are not. \
            Where it holds no 0 they differ.\n\nWith few values no interval can hold so often, and `lo` and `hi` are \
            `()`: it takes 4 against 4, 3 against 5 or 2 against 8. Of an empty list it is `()`.",
        arguments: &[
            Argument::required("a", LIST, "numbers, or durations; what is `()` is left out"),
            Argument::required("b", LIST, "the same, of what is compared with it"),
        ],
        options: None,
        returns: Kind::Any,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::difference([1.0, 2.0, 3.0, 4.0], [11.0, 12.0, 13.0, 114.0]).value  // 10.0",
        run: figures::difference,
    },
    Primitive {
        module: "analysis",
        name: "warm_up",
        doc: "Returns how many values at the start of a list are warm-up.\n\nThe list is in the order of time. They \
            are to be left out of its mean: without them the mean of the rest is known best (MSER-5, by fives). Of a \
            list of fewer than 50 values, or one that has not settled by its middle, it is `()`.",
        arguments: &[VALUES],
        options: None,
        returns: Kind::Any,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: r#"
            let rates = [];
            for second in 0..100 { rates.push(if second < 20 { 40.0 } else { 100.0 }); }
            rates.extract(analysis::warm_up(rates)).len  // 80
        "#,
        run: figures::warm_up,
    },
    Primitive {
        module: "analysis",
        name: "read_csv",
        doc: "Reads a CSV file with a header, a map for each row.\n\nWhat looks like a number is one; an empty field \
            and `NaN` are `()`; all else is a string. Columns whose names are no names of Rhai are read as \
            `row[\"Latency (ms)\"]`. The path is relative to the script, or else to the current directory.\n\nA file \
            that is missing ends the script with exit code 66. One of more than a million rows, or with two columns \
            of one name, is an error.",
        arguments: &[Argument::required("file", Kind::Text, "the file, as in `\"data/monitor.csv\"`")],
        options: None,
        returns: Kind::List(&Kind::Map),
        effect: Effect::Reads,
        belongs: Belongs::Anywhere,
        example: r#"
            let rows = analysis::read_csv("scripts/data/monitor.csv");
            analysis::median(rows.map(|row| row.throughput)).value > 0.0  // true
        "#,
        run: figures::read_csv,
    },
];

fn utilization(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    let interval_s = call.required("T", call.seconds("T"))?;
    Ok(Dynamic::from_float(model::utilization(model, interval_s, &conditions)?))
}

fn ln_utilization(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    let interval_s = call.required("T", call.seconds("T"))?;
    Ok(Dynamic::from_float(model::ln_utilization(model, interval_s, &conditions)?))
}

fn optimal_interval(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    Ok(Dynamic::from(Duration::new(model::optimal_interval(model, &conditions)?)))
}

fn conditions(call: &Call<'_>) -> Result<(Model, Conditions)> {
    let cost_s = call.required("c", call.seconds("c"))?;
    // Only `schedule` knows an optimum that depends on R.
    let restart_s = call.seconds("R").unwrap_or(0.0);
    let model = model_of(call)?;
    let depth = call.number("n").unwrap_or(1.0);
    let hop_delay_s = call.seconds("delta").unwrap_or(0.0);
    Ok((model, Conditions { depth, hop_delay_s, ..Conditions::new(cost_s, restart_s, lambda_per_s(call)?) }))
}

pub(super) fn model_of(call: &Call<'_>) -> Result<Model> {
    call.text("model").map_or(Ok(Model::Poisson), |name| Model::from_name(&name))
}

pub(super) fn lambda_per_s(call: &Call<'_>) -> Result<f64> {
    let name = call.name();
    if call.int("lambda") == Some(0) {
        return Err(Error::script(format!("{name}: `lambda` is the whole number 0")).hint(
            "1/600 divides whole numbers and gives 0: write 1.0/600.0, or `mtbf: 10.min`; for no failures write 0.0",
        ));
    }
    match (call.number("lambda"), call.seconds("mtbf")) {
        (Some(lambda), None) => Ok(lambda),
        (None, Some(mtbf_s)) => model::rate_of_mtbf(mtbf_s),
        _ => Err(Error::script(format!(
            "{name} wants one of `lambda` (failures a second) and `mtbf` (time between them)"
        ))
        .hint("for example `mtbf: 10.min`")),
    }
}
