//! `analysis::utilization`, `analysis::optimal_interval`

use std::sync::Arc;

use rhai::{Dynamic, FuncRegistration, Map, Module, NativeCallContext};

use crate::analysis::model::{Conditions, Model, optimal_interval, utilization};
use crate::error::{Error, Result};
use crate::script::errors::{Failure, result_at};
use crate::script::session::Session;
use crate::script::units::Duration;
use crate::script::value::{OptionsMap, number, wrong};

pub fn fill(module: &mut Module, _session: &Arc<Session>) {
    let share = |context: NativeCallContext, options: Map| -> std::result::Result<f64, Failure> {
        result_at(&context, read_utilization(options))
    };
    FuncRegistration::new("utilization").set_into_module(module, share);
    let best = |context: NativeCallContext, options: Map| -> std::result::Result<Duration, Failure> {
        result_at(&context, read_optimal_interval(options).map(Duration::new))
    };
    FuncRegistration::new("optimal_interval").set_into_module(module, best);
}

fn read_utilization(options: Map) -> Result<f64> {
    let what = "analysis::utilization";
    let mut options = OptionsMap::only(what, options, &["T", "R", "c", "lambda", "mtbf", "n", "delta", "model"])?;
    let interval = required(what, "T", seconds(what, "T", options.take("T"))?)?;
    let restart = required(what, "R", seconds(what, "R", options.take("R"))?)?;
    let (model, conditions) = conditions(what, &mut options, restart)?;
    options.finish()?;
    utilization(model, interval, &conditions)
}

fn read_optimal_interval(options: Map) -> Result<f64> {
    let what = "analysis::optimal_interval";
    let mut options = OptionsMap::only(what, options, &["R", "c", "lambda", "mtbf", "n", "delta", "model"])?;
    // Only `schedule` knows an optimum that depends on R.
    let restart = seconds(what, "R", options.take("R"))?.unwrap_or(0.0);
    let (model, conditions) = conditions(what, &mut options, restart)?;
    options.finish()?;
    optimal_interval(model, &conditions)
}

fn conditions(what: &'static str, options: &mut OptionsMap, restart_s: f64) -> Result<(Model, Conditions)> {
    let cost_s = required(what, "c", seconds(what, "c", options.take("c"))?)?;
    let lambda = lambda(what, options.take("lambda"))?;
    let mtbf = seconds(what, "mtbf", options.take("mtbf"))?;
    let lambda_per_s = match (lambda, mtbf) {
        (Some(lambda), None) => lambda,
        (None, Some(mtbf)) => 1.0 / mtbf,
        _ => {
            return Err(Error::script(format!(
                "{what} wants one of `lambda` (failures a second) and `mtbf` (time between them)"
            ))
            .hint("for example `mtbf: 10.min`"));
        }
    };
    let depth = options.number("n")?.unwrap_or(1.0);
    let hop_delay_s = seconds(what, "delta", options.take("delta"))?.unwrap_or(0.0);
    let model = options.text("model")?.map_or(Ok(Model::Poisson), |name| Model::from_name(&name))?;
    Ok((model, Conditions { depth, hop_delay_s, ..Conditions::new(cost_s, restart_s, lambda_per_s) }))
}

/// Seconds from a duration or from a plain number.
fn seconds(what: &str, key: &str, value: Option<Dynamic>) -> Result<Option<f64>> {
    let read = |value: Dynamic| {
        let duration = value.clone().try_cast::<Duration>().map(|duration| duration.seconds);
        duration
            .or_else(|| number(&value))
            .ok_or_else(|| wrong(what, key, "seconds or a duration such as `30.s`", &value))
    };
    value.map(read).transpose()
}

fn lambda(what: &str, value: Option<Dynamic>) -> Result<Option<f64>> {
    let read = |value: Dynamic| match number(&value) {
        Some(0.0) if value.is_int() => Err(Error::script(format!("{what}: `lambda` is the whole number 0"))
            .hint("1/600 divides whole numbers and gives 0: write 1.0/600.0, or `mtbf: 10.min`")),
        Some(number) => Ok(number),
        None => Err(wrong(what, "lambda", "a number, failures a second", &value)),
    };
    value.map(read).transpose()
}

fn required(what: &str, key: &str, value: Option<f64>) -> Result<f64> {
    value.ok_or_else(|| {
        Error::script(format!("{what} needs `{key}`"))
            .hint("for example #{ T: 30.s, c: 0.778, R: 81.85, mtbf: 10.min }")
    })
}
