//! The interval that meets demands: T* where it does, else the end of the allowed range that is nearest to it, since U
//! rises up to T* and falls behind it.

use super::plateau;
use super::recovery::{Load, recovery_s, visible_p99_s};
use super::{percent, seconds};
use crate::analysis::model::{Conditions, Model, above_zero, optimal_interval, pays_above, utilization};
use crate::error::{Error, Result};

/// What an interval must give. Each bounds T from one side; `load` may from both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demands {
    /// A fault is over within so many seconds, at worst.
    pub recovery_within_s: Option<f64>,
    /// Checkpoints take at most this share of the time, c/T.
    pub overhead_below: Option<f64>,
    /// 99 % of the results wait at most so many seconds to become visible.
    pub latency_p99_below_s: Option<f64>,
    /// U is above load/capacity.
    pub load: Option<Load>,
}

/// The interval, where it lies, and what it gives; times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub interval_s: f64,
    pub from_s: f64,
    /// None where nothing bounds T from above.
    pub to_s: Option<f64>,
    /// None without failures.
    pub optimum_s: Option<f64>,
    /// Which demand keeps the interval from T*.
    pub held_by: Option<&'static str>,
    pub utilization: f64,
    pub recovery_s: f64,
    pub overhead: f64,
    pub latency_p99_s: f64,
}

/// An end of the range, and whose it is.
#[derive(Clone, Debug)]
struct Bound {
    interval_s: f64,
    name: &'static str,
    /// "recovery_within 60 s"
    said: String,
}

pub fn interval_for(model: Model, conditions: &Conditions, demands: &Demands) -> Result<Choice> {
    conditions.check()?;
    demands.check()?;
    let optimum_s = if conditions.lambda_per_s > 0.0 { Some(optimal_interval(model, conditions)?) } else { None };
    // A load that nothing sustains comes first: no recovery from it ends.
    let sustained = demands.load.as_ref().map(|load| sustained(model, conditions, optimum_s, load)).transpose()?;
    let (mut lower, mut upper) = (lower_bounds(conditions, demands), upper_bounds(conditions, demands)?);
    if let Some((from, to)) = sustained {
        lower.push(from);
        upper.extend(to);
    }
    lower.push(Bound { interval_s: pays_above(model, conditions)?, name: "c", said: "a U above 0".into() });
    let last = lower.into_iter().max_by(|a, b| a.interval_s.total_cmp(&b.interval_s));
    let lower = last.ok_or_else(|| Error::defect("a range without a lower end"))?;
    let upper = upper.into_iter().min_by(|a, b| a.interval_s.total_cmp(&b.interval_s));
    if let Some(upper) = upper.as_ref().filter(|upper| contradict(&lower, upper)) {
        return Err(contradiction(&lower, upper));
    }
    let (interval_s, held_by) = choose(optimum_s, &lower, upper.as_ref())?;
    Ok(Choice {
        interval_s,
        from_s: lower.interval_s,
        to_s: upper.map(|upper| upper.interval_s),
        optimum_s,
        held_by,
        utilization: if interval_s > 0.0 {
            utilization(model, interval_s, conditions)?
        } else {
            free(model, conditions)
        },
        recovery_s: recovery_s(interval_s, conditions.whole_restart_s(), demands.load.as_ref()),
        overhead: if interval_s > 0.0 { conditions.cost_s / interval_s } else { 0.0 },
        latency_p99_s: visible_p99_s(interval_s, conditions.cost_s),
    })
}

/// U where checkpoints cost nothing and come all the time: only restarts are lost.
fn free(model: Model, conditions: &Conditions) -> f64 {
    match model {
        Model::Poisson | Model::Flink => (-conditions.lambda_per_s * conditions.whole_restart_s()).exp(),
        Model::Schedule => (1.0 - conditions.lambda_per_s * conditions.restart_s).max(0.0),
    }
}

impl Demands {
    fn check(&self) -> Result<()> {
        let all = [
            ("recovery_within", self.recovery_within_s),
            ("overhead_below", self.overhead_below),
            ("latency_p99_below", self.latency_p99_below_s),
        ];
        for (name, value) in all {
            value.map(|value| above_zero(name, value)).transpose()?;
        }
        if let Some(share) = self.overhead_below.filter(|share| *share >= 1.0) {
            return Err(Error::script(format!("overhead_below is {share}, but a share of the time is below 1"))
                .hint("0.05 is 5 %"));
        }
        self.load.as_ref().map(Load::check).transpose()?;
        Ok(())
    }
}

fn lower_bounds(conditions: &Conditions, demands: &Demands) -> Vec<Bound> {
    let overhead = demands.overhead_below.map(|overhead| Bound {
        interval_s: conditions.cost_s / overhead,
        name: "overhead_below",
        said: format!("overhead_below {}", percent(overhead)),
    });
    overhead.into_iter().collect()
}

fn upper_bounds(conditions: &Conditions, demands: &Demands) -> Result<Vec<Bound>> {
    let mut bounds = Vec::new();
    if let Some(within_s) = demands.recovery_within_s {
        let said = format!("recovery_within {}", seconds(within_s));
        let alone_s = recovery_s(0.0, conditions.whole_restart_s(), demands.load.as_ref());
        if alone_s >= within_s {
            let what = match &demands.load {
                None => "the restart alone takes",
                Some(_) => "the restart and the work that comes in meanwhile take",
            };
            return Err(Error::script(format!("{said} cannot be met: {what} {}", seconds(alone_s)))
                .hint("no interval shortens a restart: see its parts in the budget of a run"));
        }
        // Recovery grows by load/(capacity - load) seconds for each second of T, and by 1 without a load.
        let slope = recovery_s(1.0, 0.0, demands.load.as_ref());
        let interval_s = (within_s - alone_s) / slope;
        bounds.push(Bound { interval_s, name: "recovery_within", said });
    }
    if let Some(below_s) = demands.latency_p99_below_s {
        let said = format!("latency_p99_below {}", seconds(below_s));
        if below_s <= conditions.cost_s {
            return Err(Error::script(format!(
                "{said} cannot be met: a result waits for a whole checkpoint, c = {}",
                seconds(conditions.cost_s)
            ))
            .hint("an at-least-once sink shows results before their checkpoint"));
        }
        let interval_s = (below_s - conditions.cost_s) / visible_p99_s(1.0, 0.0);
        bounds.push(Bound { interval_s, name: "latency_p99_below", said });
    }
    bounds.retain(|bound| bound.interval_s.is_finite());
    Ok(bounds)
}

/// Between which intervals U is above load/capacity.
fn sustained(
    model: Model,
    conditions: &Conditions,
    optimum_s: Option<f64>,
    load: &Load,
) -> Result<(Bound, Option<Bound>)> {
    let wanted = load.share();
    let bound =
        |interval_s| Bound { interval_s, name: "load", said: format!("load at {} of capacity", percent(wanted)) };
    let Some(best_s) = optimum_s else {
        // Without failures U = 1 - c/T.
        if wanted >= 1.0 {
            return Err(unsustainable(load, 1.0, "even without failures and with checkpoints that cost nothing"));
        }
        return Ok((bound(conditions.cost_s / (1.0 - wanted)), None));
    };
    // c = 0 gives T* = 0, where U is its limit; an interval that short has it to all digits.
    let near_best_s = if best_s > 0.0 { best_s } else { f64::EPSILON * f64::EPSILON / conditions.lambda_per_s };
    let most = utilization(model, near_best_s, conditions)?;
    if wanted >= most {
        return Err(unsustainable(load, most, &format!("at the best interval of {}", seconds(best_s))));
    }
    if wanted == 0.0 {
        return Ok((bound(0.0), None));
    }
    let span = plateau::down_by(model, conditions, best_s, most.ln() - wanted.ln())?;
    Ok((bound(span.from_s), Some(bound(span.to_s))))
}

/// The load wants more than U leaves of the capacity; `most` is U `place`.
pub fn unsustainable(load: &Load, most: f64, place: &str) -> Error {
    Error::script(format!(
        "unsustainable: a load of {} is {} of the capacity {}, but U is {} {place}",
        load.load,
        percent(load.share()),
        load.capacity,
        percent(most)
    ))
    .hint("add capacity, or lower c or R; no interval makes up for it")
}

fn contradict(lower: &Bound, upper: &Bound) -> bool {
    // At the end of where U is above 0 it is 0.
    lower.interval_s > upper.interval_s || (lower.name == "c" && lower.interval_s == upper.interval_s)
}

fn contradiction(lower: &Bound, upper: &Bound) -> Error {
    Error::script(format!(
        "no interval meets the demands: {} wants T of at most {}, but {} wants at least {}",
        upper.said,
        seconds(upper.interval_s),
        lower.said,
        seconds(lower.interval_s)
    ))
    .hint(match lower.name {
        "c" => format!("loosen {}, or make checkpoints cheaper", upper.name),
        other => format!("loosen {other} or {}", upper.name),
    })
}

fn choose(optimum_s: Option<f64>, lower: &Bound, upper: Option<&Bound>) -> Result<(f64, Option<&'static str>)> {
    let Some(best_s) = optimum_s else {
        return upper.map(|upper| (upper.interval_s, Some(upper.name))).ok_or_else(|| {
            Error::script("no failures: no optimal interval, the longer the better")
                .hint("give lambda or mtbf, or bound the interval with recovery_within or latency_p99_below")
        });
    };
    if let Some(upper) = upper.filter(|upper| best_s > upper.interval_s) {
        return Ok((upper.interval_s, Some(upper.name)));
    }
    if best_s < lower.interval_s {
        return Ok((lower.interval_s, Some(lower.name)));
    }
    Ok((best_s, None))
}
