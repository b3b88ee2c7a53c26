//! The two formulas that everybody knows, beside the exact T*.
//!
//! J. W. Young, "A first order approximation to the optimum checkpoint interval", Communications of the ACM 17 (1974).
//! J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", Future Generation
//! Computer Systems 22 (2006), equation 37. Daly's τ is the work between two dumps; T here goes from trigger to
//! trigger and holds the dump, so T = τ + c.

use crate::analysis::model::Conditions;
use crate::error::Result;

/// Young's √(2c/λ), in seconds.
pub fn young(conditions: &Conditions) -> Result<f64> {
    conditions.check_failing()?;
    Ok((2.0 * conditions.cost_s).sqrt() / conditions.lambda_per_s.sqrt())
}

/// Daly's estimate as a T, in seconds: with M = 1/λ, √(2cM) (1 + √(c/2M)/3 + (c/2M)/9) for c < 2M, else M + c.
pub fn daly(conditions: &Conditions) -> Result<f64> {
    let first_order = young(conditions)?;
    let half_cost = conditions.cost_s * conditions.lambda_per_s / 2.0;
    if half_cost >= 1.0 {
        return Ok(1.0 / conditions.lambda_per_s + conditions.cost_s);
    }
    Ok(first_order * (1.0 + half_cost.sqrt() / 3.0 + half_cost / 9.0))
}
