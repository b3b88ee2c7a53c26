//! Every digit: the models in doubles against the printed formulas in arithmetic of 640 bits, weighted towards where
//! the differences in them cancel.

use proptest::prelude::*;

use super::super::{Conditions, Model, ln_utilization, optimal_interval, utilization};
use super::exact::{self, Inputs, Number, number};

/// What docs/method.md promises.
const PROMISED: f64 = 1e-12;

/// Where T lies in the domain.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// λT.
    Anywhere(f64),
    /// T/c.
    OverCost(f64),
    /// So many units in the last place above c.
    BesideCost(u32),
    /// So many units in the last place off the T at which U of the model becomes 0.
    BesideNothing(i32),
    /// So many units in the last place off X = 1/λ - R.
    BesideLeft(i32),
    /// T* times this.
    OverOptimum(f64),
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (-12.0..2.845_f64).prop_map(|power| Place::Anywhere(10.0_f64.powf(power))),
        (-9.0..9.0_f64).prop_map(|power| Place::OverCost(1.0 + 10.0_f64.powf(power))),
        (1..20_u32).prop_map(Place::BesideCost),
        (-20..20_i32).prop_map(Place::BesideNothing),
        (-20..20_i32).prop_map(Place::BesideLeft),
        (-2.0..2.0_f64).prop_map(|power| Place::OverOptimum(10.0_f64.powf(power))),
    ]
}

/// λ from one in 30,000 years to a thousand a second, cλ from 1e-17 to `most`, λR up to 690.
fn conditions(most_relative_cost: f64) -> impl Strategy<Value = Conditions> {
    let relative_cost = prop_oneof![
        4 => (-17.0..most_relative_cost.log10()).prop_map(|power| 10.0_f64.powf(power)),
        1 => (-16.0..-1.0_f64).prop_map(|power| 1.0 - 10.0_f64.powf(power)),
    ];
    let relative_restart = prop_oneof![
        2 => Just(0.0),
        2 => (-8.0..0.0_f64).prop_map(|power| 10.0_f64.powf(power)),
        1 => (0.0..2.838_f64).prop_map(|power| 10.0_f64.powf(power)),
        1 => (-16.0..-1.0_f64).prop_map(|power| 1.0 - 10.0_f64.powf(power)),
    ];
    (relative_cost, relative_restart, -12.0..3.0_f64, 1..20_u32, 0.0..0.02_f64).prop_map(
        |(cost, restart, rate, depth, delay)| {
            let lambda_per_s = 10.0_f64.powf(rate);
            Conditions {
                cost_s: cost / lambda_per_s,
                restart_s: restart / lambda_per_s,
                lambda_per_s,
                depth: f64::from(depth),
                hop_delay_s: delay / lambda_per_s,
            }
        },
    )
}

/// As `conditions`, with 2cλ next to ρ = 1 - λR.
fn with_two_checkpoints_between_faults() -> impl Strategy<Value = Conditions> {
    (-6.0..-0.001_f64, -40..40_i32, -12.0..3.0_f64).prop_map(|(power, units, rate)| {
        let lambda_per_s = 10.0_f64.powf(rate);
        let restart_s = (1.0 - 10.0_f64.powf(power)) / lambda_per_s;
        let cost_s = moved((1.0 / lambda_per_s - restart_s) / 2.0, units);
        Conditions::new(cost_s, restart_s, lambda_per_s)
    })
}

fn moved(value: f64, units: i32) -> f64 {
    (0..units.abs()).fold(value, |moved, _| if units > 0 { moved.next_up() } else { moved.next_down() })
}

fn interval_s(place: Place, model: Model, conditions: &Conditions) -> Option<f64> {
    let Conditions { cost_s: c, restart_s: r, lambda_per_s: l, .. } = *conditions;
    let interval_s = match place {
        Place::Anywhere(y) => y / l,
        Place::OverCost(ratio) => c * ratio,
        Place::BesideCost(units) => moved(c, i32::try_from(units).expect("it is small")),
        Place::BesideNothing(units) => moved(nothing_left_at(model, conditions)?, units),
        Place::BesideLeft(units) => moved(1.0 / l - r, units),
        Place::OverOptimum(factor) => optimal_interval(model, conditions).ok()? * factor,
    };
    (interval_s > 0.0 && interval_s * l < 700.0).then_some(interval_s)
}

/// The T where U becomes 0, to a few units in the last place.
fn nothing_left_at(model: Model, conditions: &Conditions) -> Option<f64> {
    let Conditions { cost_s: c, restart_s: r, lambda_per_s: l, .. } = *conditions;
    let root = match model {
        Model::Poisson => c,
        Model::Flink => {
            let left = number(1.0) - number(c) * number(l);
            if left <= number(0.0) {
                return None;
            }
            (-left.ln() / number(l)).to_f64().value()
        }
        Model::Schedule => {
            // The roots of T²/2 - XT + cX: the smaller one is cX times 2 over the larger.
            let left = number(1.0) / number(l) - number(r);
            let inside = &left * &left - number(2.0) * number(c) * &left;
            if left <= number(0.0) || inside < number(0.0) {
                return None;
            }
            (number(2.0) * number(c) * &left / (&left + inside.sqrt())).to_f64().value()
        }
    };
    root.is_normal().then_some(root)
}

fn agree(what: &str, got: f64, expected: &Number, told: &str) -> Result<(), TestCaseError> {
    let nearest = expected.to_f64().value();
    if !nearest.is_normal() {
        prop_assert!(got.abs() < f64::MIN_POSITIVE * (1.0 + PROMISED), "{what}: {got:e}, not {nearest:e} {told}");
        return Ok(());
    }
    let error = ((number(got) - expected) / expected).to_f64().value().abs();
    prop_assert!(error <= PROMISED, "{what}: {got:e}, not {nearest:e}, which is off by {error:e} {told}");
    Ok(())
}

fn holds_at(model: Model, interval_s: f64, conditions: &Conditions) -> Result<(), TestCaseError> {
    let told = format!("({model}, T = {interval_s:?}, {conditions:?})");
    let expected = exact::utilization(model, &Inputs::new(interval_s, conditions));
    let got = utilization(model, interval_s, conditions).expect("inputs are in the domain");
    let ln_got = ln_utilization(model, interval_s, conditions).expect("inputs are in the domain");
    if expected <= number(0.0) {
        prop_assert_eq!((got, ln_got), (0.0, f64::NEG_INFINITY), "{}", told);
        return Ok(());
    }
    agree("U", got, &expected, &told)?;
    agree("ln U", ln_got, &expected.ln(), &told)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn utilization_and_its_logarithm_have_their_digits(conditions in conditions(50.0), place in place()) {
        for model in Model::ALL {
            if let Some(interval_s) = interval_s(place, model, &conditions) {
                holds_at(model, interval_s, &conditions)?;
            }
        }
    }

    #[test]
    fn where_two_checkpoints_just_fit_between_faults_they_have_them_too(
        conditions in with_two_checkpoints_between_faults(), place in place(),
    ) {
        if let Some(interval_s) = interval_s(place, Model::Schedule, &conditions) {
            holds_at(Model::Schedule, interval_s, &conditions)?;
        }
    }

    #[test]
    fn the_optimum_has_its_digits(conditions in conditions(50.0)) {
        for model in Model::ALL {
            if let Ok(best) = optimal_interval(model, &conditions) {
                let distance = exact::distance_from_optimum(model, &Inputs::new(best, &conditions)).to_f64().value();
                prop_assert!(distance.abs() <= 2e-15, "{model} {best:?} {conditions:?}: off by {distance:e}");
            }
        }
    }

    #[test]
    fn there_is_an_optimum_exactly_where_an_interval_pays(conditions in conditions(50.0)) {
        let Conditions { cost_s: c, restart_s: r, lambda_per_s: l, .. } = conditions;
        prop_assert!(optimal_interval(Model::Poisson, &conditions).is_ok());
        prop_assert_eq!(optimal_interval(Model::Flink, &conditions).is_ok(), number(c) * number(l) < number(1.0));
        let left = number(1.0) - number(l) * number(r);
        let pays = left > number(0.0) && number(2.0) * number(c) * number(l) <= left;
        prop_assert_eq!(optimal_interval(Model::Schedule, &conditions).is_ok(), pays);
    }
}
