//! What follows from the models for somebody who must choose an interval: approximations, how flat the optimum is,
//! what moves it, and which interval meets demands. docs/method.md has the formulas and where they come from.
//!
//! Everything is a function of T, c, R and λ; nothing here has been measured by itself.

mod approximations;
mod elasticities;
mod fixed_point;
mod interval_for;
mod pareto;
mod plateau;
mod recovery;

pub use approximations::{daly, young};
pub use elasticities::{Elasticities, OfOptimum, OfUtilization, elasticities};
pub use fixed_point::{FixedPoint, Measured};
pub use interval_for::{Choice, Demands, interval_for};
pub use pareto::{TradeOff, intervals_worth_a_look, pareto};
pub use plateau::{Plateau, plateau};
pub use recovery::{Load, recovery_s, visible_mean_s, visible_p99_s, visible_worst_s};

/// "30.816 s", for messages.
fn seconds(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 {
        return format!("{value:.3e} s");
    }
    format!("{} s", (value * 1e3).round() / 1e3)
}

/// "82.9 %", for messages.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1e3).round() / 10.0)
}

#[cfg(test)]
mod tests;
