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
        doc: "The share of time, 0 to 1, that goes into useful work at a checkpoint interval.\n\n\
            Times are durations or plain numbers of seconds. Where checkpoints and restarts take more than all the \
            time there is, it is 0; where `lambda` is 0, it is `1 - c/T`.\n\n\
            The models: `poisson`, the paper's, lets failures come at any time and starts the checkpoint clock anew \
            after each; `flink` does too, but puts the first trigger after a restart where Flink puts it, anywhere in \
            an interval; `schedule` has a fault exactly every `mtbf`.",
        arguments: &[],
        options: Some(Options {
            known: &[T, C, Opt::required("R", Kind::Seconds, R_DOC), LAMBDA, MTBF, N, DELTA, MODEL],
            others: "",
        }),
        returns: Kind::Number,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::utilization(#{ T: 30.s, c: 0.778, R: 81.85, mtbf: 10.min })",
        run: utilization,
    },
    Primitive {
        module: "analysis",
        name: "optimal_interval",
        doc: "The checkpoint interval T* at which utilization is highest.\n\n\
            Times are durations or plain numbers of seconds. It does not depend on `R`, but under the model \
            `schedule`. Where no interval is best it is an error: without failures the longest one is, and with \
            `flink` from `c * lambda = 1` on, or `schedule` where `2c` is more than what `R` leaves of `mtbf`, none pays.",
        arguments: &[],
        options: Some(Options {
            known: &[C, Opt::new("R", Kind::Seconds, "0", R_DOC), LAMBDA, MTBF, N, DELTA, MODEL],
            others: "",
        }),
        returns: Kind::Duration,
        effect: Effect::Pure,
        belongs: Belongs::Anywhere,
        example: "analysis::optimal_interval(#{ c: 0.778, lambda: 1.0/600.0 })",
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
