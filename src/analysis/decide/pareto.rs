//! What an interval trades: a short one recovers quickly and shows results early, one near T* does most work. Longer
//! ones than T* lose on all three counts.

use super::plateau;
use super::recovery::{Load, recovery_s, visible_mean_s, visible_worst_s};
use crate::analysis::model::{Conditions, Model, optimal_interval, utilization};
use crate::error::{Error, Result};

/// An interval and what it gives; times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TradeOff {
    pub interval_s: f64,
    pub utilization: f64,
    pub recovery_s: f64,
    pub visible_mean_s: f64,
    pub visible_worst_s: f64,
}

impl TradeOff {
    /// At least as good in everything, and better in something.
    fn dominates(&self, other: &Self) -> bool {
        let gains = [
            self.utilization - other.utilization,
            other.recovery_s - self.recovery_s,
            other.visible_worst_s - self.visible_worst_s,
        ];
        gains.iter().all(|gain| *gain >= 0.0) && gains.iter().any(|gain| *gain > 0.0)
    }
}

/// Intervals evenly in ln T from where U is half of the best up to T*, for want of others.
pub fn intervals_worth_a_look(model: Model, conditions: &Conditions) -> Result<Vec<f64>> {
    const INTERVALS: u32 = 20;
    let best_s = optimal_interval(model, conditions)?;
    if best_s == 0.0 {
        return Err(Error::script(
            "c = 0 gives T* = 0 s: nothing is traded, the shortest interval is best in everything",
        ));
    }
    let from = plateau::down_by(model, conditions, best_s, std::f64::consts::LN_2)?.from_s;
    let step = (best_s / from).ln() / f64::from(INTERVALS - 1);
    let inner = (0..INTERVALS - 1).map(|number| from * (step * f64::from(number)).exp());
    Ok(inner.chain([best_s]).collect())
}

/// Those of the intervals that no other of them beats in everything, by T. What does no work at all, or less than the
/// load wants, is left out.
pub fn pareto(
    model: Model,
    conditions: &Conditions,
    intervals_s: &[f64],
    load: Option<&Load>,
) -> Result<Vec<TradeOff>> {
    load.map(Load::check).transpose()?;
    if intervals_s.is_empty() {
        return Err(Error::script("`intervals` is empty: there is nothing to choose between")
            .hint("leave it out, and 20 are looked at"));
    }
    let at = |interval_s: f64| -> Result<TradeOff> {
        Ok(TradeOff {
            interval_s,
            utilization: utilization(model, interval_s, conditions)?,
            recovery_s: recovery_s(interval_s, conditions.whole_restart_s(), load),
            visible_mean_s: visible_mean_s(interval_s, conditions.cost_s),
            visible_worst_s: visible_worst_s(interval_s, conditions.cost_s),
        })
    };
    let mut all = intervals_s.iter().map(|interval_s| at(*interval_s)).collect::<Result<Vec<_>>>()?;
    all.sort_by(|left, right| left.interval_s.total_cmp(&right.interval_s));
    all.dedup();
    let wanted = load.map_or(0.0, Load::share);
    let most = all.iter().map(|one| one.utilization).fold(0.0, f64::max);
    all.retain(|one| one.utilization > wanted);
    if all.is_empty() {
        let error = match load {
            Some(load) => super::interval_for::unsustainable(load, most, "at the best of the intervals looked at"),
            None => Error::script("no interval pays: U is 0 at all of those looked at"),
        };
        return Err(match optimal_interval(model, conditions) {
            Ok(best_s) if best_s > 0.0 && utilization(model, best_s, conditions)? > wanted => {
                error.hint(format!("look at others: T* is {}", super::seconds(best_s)))
            }
            _ => error,
        });
    }
    Ok(all.iter().filter(|one| !all.iter().any(|other| other.dominates(one))).copied().collect())
}
