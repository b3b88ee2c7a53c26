//! The models as printed, in arithmetic of so many bits that nothing of them cancels: inputs are doubles and count as
//! exact. What the models compute in doubles is held against this.

use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;

use super::super::{Conditions, Model};

pub type Number = FBig<HalfEven>;

/// The smallest differences here, of λT = 1e-12 and below, take 200 bits away.
const BITS: usize = 640;

pub fn number(value: f64) -> Number {
    Number::try_from(value).expect("inputs are finite").with_precision(BITS).value()
}

#[derive(Clone)]
pub struct Inputs {
    pub interval: Number,
    pub cost: Number,
    pub restart: Number,
    pub lambda: Number,
    pub depth: Number,
    pub delay: Number,
}

impl Inputs {
    pub fn new(interval_s: f64, conditions: &Conditions) -> Self {
        Self {
            interval: number(interval_s),
            cost: number(conditions.cost_s),
            restart: number(conditions.restart_s),
            lambda: number(conditions.lambda_per_s),
            depth: number(conditions.depth),
            delay: number(conditions.hop_delay_s),
        }
    }
}

/// U as printed; below zero where the formula is.
pub fn utilization(model: Model, inputs: &Inputs) -> Number {
    let Inputs { interval: t, cost: c, restart: r, lambda: l, depth: n, delay: d } = inputs.clone();
    let one = number(1.0);
    match model {
        Model::Poisson => {
            let cycle = (&l * (&r + &t + &d * &n)).exp() - (&l * (&r + &d * &n)).exp();
            &l * (&d * &l).exp() * (t - c) / cycle
        }
        Model::Flink => {
            let y = &l * &t;
            (-&l * (r + (n - &one) * d)).exp() * (one - c * l - (-&y).exp()) / y
        }
        Model::Schedule => {
            let between = one.clone() / &l;
            let left = &between - r;
            if left <= number(0.0) {
                return number(0.0);
            }
            let half = number(0.5);
            if t <= left {
                (left * (one - c / &t) - t * half) / between
            } else {
                &left / t * (&left * half - c) / between
            }
        }
    }
}

/// How far T is from T*, relatively, to first order: the equation that T* solves over its slope, with y = λT.
pub fn distance_from_optimum(model: Model, inputs: &Inputs) -> Number {
    let Inputs { interval: t, cost: c, restart: r, lambda: l, .. } = inputs.clone();
    let (one, x, y) = (number(1.0), &c * &l, &l * &t);
    let survives = (-&y).exp();
    match model {
        Model::Poisson => (&y - &one + &survives - x) / (&y * (one - survives)),
        Model::Flink => (&one - (&one + &y) * &survives - x) / (&y * &y * survives),
        Model::Schedule => (&t * &t / (number(2.0) * c * (one / l - r)) - number(1.0)) * number(0.5),
    }
}

/// T* by Newton's method from an interval that has it to the digits of a double; each step doubles them.
pub fn optimum(model: Model, inputs: &Inputs) -> Number {
    let mut inputs = inputs.clone();
    for _ in 0..4 {
        inputs.interval = &inputs.interval * (number(1.0) - distance_from_optimum(model, &inputs));
    }
    inputs.interval
}
