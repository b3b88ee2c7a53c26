//! `analysis::…`: the formulas.

use rhai::Dynamic;

use crate::analysis::model::{self, Conditions, Model};
use crate::error::{Error, Result};
use crate::script::declare::{Belongs, Call, Effect, Kind, Opt, Options, Outcome, Primitive};
use crate::script::units::Duration;

const MODELS: Kind = Kind::Word(|| Model::ALL.map(Model::name).to_vec());

const T: Opt = Opt::required("T", Kind::Seconds, "checkpoint interval");
const C: Opt = Opt::required("c", Kind::Seconds, "cost of one checkpoint");
const R_DOC: &str = "cost of one restart, from the fault to the first record after it";
const LAMBDA: Opt = Opt::new(
    "lambda",
    Kind::Number,
    "",
    "failures a second; `1.0/600.0` is one in ten minutes. Either this or `mtbf` must be given",
);
const MTBF: Opt = Opt::new("mtbf", Kind::Seconds, "", "mean time between failures, 1/lambda");
const N: Opt = Opt::new("n", Kind::Number, "1", "depth of the topology: operators on the longest path");
const DELTA: Opt = Opt::new("delta", Kind::Seconds, "0", "delay of a checkpoint's barrier in each hop");
const MODEL: Opt = Opt::new("model", MODELS, "\"poisson\"", "what is assumed of failures and triggers");

pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        module: "analysis",
        name: "utilization",
        doc: "Returns the share of time, 0 to 1, that is useful at an interval.\n\nTimes are durations or plain \
            numbers of seconds. Where checkpoints and restarts take all the time there is, it is 0; where \
            `lambda` is 0, it is `1 - c/T`. A negative time is an error, and so is `T` = 0.\n\nOf the models, \
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
        name: "optimal_interval",
        doc: "Returns the checkpoint interval T* with the highest utilization.\n\nTimes are durations or plain \
            numbers of seconds. `R`, `n` and `delta` move it only under the model `schedule`. Where `c` is 0, so \
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
];

fn utilization(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    let interval_s = call.required("T", call.seconds("T"))?;
    Ok(Dynamic::from_float(model::utilization(model, interval_s, &conditions)?))
}

fn optimal_interval(call: &Call<'_>) -> Outcome {
    let (model, conditions) = conditions(call)?;
    Ok(Dynamic::from(Duration::new(model::optimal_interval(model, &conditions)?)))
}

fn conditions(call: &Call<'_>) -> Result<(Model, Conditions)> {
    let cost_s = call.required("c", call.seconds("c"))?;
    // Only `schedule` knows an optimum that depends on R.
    let restart_s = call.seconds("R").unwrap_or(0.0);
    let model = call.text("model").map_or(Ok(Model::Poisson), |name| Model::from_name(&name))?;
    let depth = call.number("n").unwrap_or(1.0);
    let hop_delay_s = call.seconds("delta").unwrap_or(0.0);
    Ok((model, Conditions { depth, hop_delay_s, ..Conditions::new(cost_s, restart_s, lambda_per_s(call)?) }))
}

fn lambda_per_s(call: &Call<'_>) -> Result<f64> {
    let name = call.name();
    if call.int("lambda") == Some(0) {
        return Err(Error::script(format!("{name}: `lambda` is the whole number 0"))
            .hint("1/600 divides whole numbers and gives 0: write 1.0/600.0, or `mtbf: 10.min`"));
    }
    match (call.number("lambda"), call.seconds("mtbf")) {
        (Some(lambda), None) => Ok(lambda),
        (None, Some(mtbf_s)) => Ok(1.0 / mtbf_s),
        _ => Err(Error::script(format!(
            "{name} wants one of `lambda` (failures a second) and `mtbf` (time between them)"
        ))
        .hint("for example `mtbf: 10.min`")),
    }
}
