//! The models against the printed formulas, against each other's identities, and against the published study.
//!
//! Weighted towards the corners where the printed formulas lose their digits. That the models describe a real
//! Flink is not tested here; that is what a run does.

mod accuracy;
pub(in crate::analysis) mod exact;

use proptest::prelude::*;

use super::{Conditions, Model, optimal_interval, utilization};

fn u(model: Model, interval_s: f64, conditions: &Conditions) -> f64 {
    utilization(model, interval_s, conditions).expect("inputs are in the domain")
}

fn t_star(model: Model, conditions: &Conditions) -> f64 {
    optimal_interval(model, conditions).expect("an optimum exists")
}

fn close(left: f64, right: f64, relative: f64) -> bool {
    (left - right).abs() <= relative * left.abs().max(right.abs())
}

#[test]
fn the_study_cost_gives_30_816_s() {
    let study = Conditions::new(0.778, 81.85, 1.0 / 600.0);
    assert!((t_star(Model::Poisson, &study) - 30.816).abs() < 5e-4);
}

#[test]
fn the_study_utilization_at_30_s_is_82_9_percent() {
    let study = Conditions::new(0.778, 81.85, 1.0 / 600.0);
    assert!((u(Model::Poisson, 30.0, &study) - 0.829).abs() < 5e-4);
}

#[test]
fn a_free_checkpoint_wants_no_interval() {
    for model in Model::ALL {
        assert_eq!(t_star(model, &Conditions::new(0.0, 1.0, 0.01)), 0.0);
    }
}

#[test]
fn without_failures_only_the_cost_counts_and_nothing_is_optimal() {
    let calm = Conditions::new(2.0, 30.0, 0.0);
    for model in Model::ALL {
        assert_eq!(u(model, 8.0, &calm), 0.75);
        let error = optimal_interval(model, &calm).expect_err("no failures");
        assert_eq!(error.message, "no failures: no optimal interval");
    }
}

#[test]
fn an_interval_below_the_cost_leaves_nothing() {
    for model in Model::ALL {
        assert_eq!(u(model, 1.0, &Conditions::new(2.0, 1.0, 0.01)), 0.0);
    }
}

#[test]
fn where_no_interval_pays_the_error_says_so() {
    let flink = optimal_interval(Model::Flink, &Conditions::new(100.0, 0.0, 0.01)).expect_err("cλ = 1");
    let schedule = optimal_interval(Model::Schedule, &Conditions::new(60.0, 0.0, 0.01)).expect_err("2c > X");
    let restarting = optimal_interval(Model::Schedule, &Conditions::new(1.0, 100.0, 0.01)).expect_err("X = 0");
    for error in [flink, schedule, restarting] {
        assert!(error.message.starts_with("no interval pays"), "{error}");
    }
}

#[test]
fn inputs_outside_the_domain_are_named() {
    let good = Conditions::new(1.0, 1.0, 0.01);
    let bad = [
        ("c", Conditions { cost_s: -1.0, ..good }),
        ("R", Conditions { restart_s: f64::NAN, ..good }),
        ("lambda", Conditions { lambda_per_s: -0.1, ..good }),
        ("n", Conditions { depth: 0.0, ..good }),
        ("delta", Conditions { hop_delay_s: f64::INFINITY, ..good }),
    ];
    for (symbol, conditions) in bad {
        let error = utilization(Model::Poisson, 10.0, &conditions).expect_err(symbol);
        assert!(error.message.starts_with(symbol), "{error}");
        assert!(optimal_interval(Model::Poisson, &conditions).is_err());
    }
    assert!(utilization(Model::Poisson, 0.0, &good).is_err());
    assert!(utilization(Model::Poisson, f64::NAN, &good).is_err());
}

#[test]
fn huge_and_tiny_inputs_neither_overflow_nor_vanish() {
    let rare = Conditions::new(1.0, 10.0, 1e-18);
    assert!(close(t_star(Model::Poisson, &rare), (2.0_f64 / 1e-18).sqrt(), 1e-8));
    assert!(close(t_star(Model::Flink, &rare), (2.0_f64 / 1e-18).sqrt(), 1e-8));
    let underflowing = Conditions::new(1e-200, 0.0, 1e-200);
    assert!(close(t_star(Model::Poisson, &underflowing), 2.0_f64.sqrt(), 1e-12));
    let hopeless = Conditions::new(1e6, 1e9, 1e3);
    assert_eq!(u(Model::Poisson, 1e9, &hopeless), 0.0);
    assert!(close(t_star(Model::Poisson, &hopeless), 1e6 + 1e-3, 1e-15));
    let overflowing = Conditions::new(1e300, 0.0, 1e300);
    assert_eq!(t_star(Model::Poisson, &overflowing), 1e300);
}

#[test]
fn the_schedule_is_continuous_where_the_interval_meets_the_time_left() {
    let conditions = Conditions::new(1.0, 20.0, 0.01);
    let (below, above) = (u(Model::Schedule, 80.0, &conditions), u(Model::Schedule, 80.0 * (1.0 + 1e-12), &conditions));
    assert!(close(below, above, 1e-9), "{below} {above}");
}

/// cλ from 1e-14 to 0.4, λ from a failure a second to one in 30 years, R up to half the time between failures.
fn conditions() -> impl Strategy<Value = Conditions> {
    (-14.0..-0.4, -9.0..0.0, 0.0..0.5, 1.0..20.0, 0.0..0.02).prop_map(|(cost, rate, restart, depth, delay)| {
        let lambda_per_s = 10.0_f64.powf(rate);
        Conditions {
            cost_s: 10.0_f64.powf(cost) / lambda_per_s,
            restart_s: restart / lambda_per_s,
            lambda_per_s,
            depth: f64::floor(depth),
            hop_delay_s: delay / lambda_per_s,
        }
    })
}

proptest! {
    #[test]
    fn no_interval_beats_the_optimum(conditions in conditions(), factor in -3.0..3.0_f64) {
        for model in Model::ALL {
            if let Ok(best) = optimal_interval(model, &conditions) {
                let other = best * 10.0_f64.powf(factor);
                prop_assert!(u(model, best, &conditions) >= u(model, other, &conditions) * (1.0 - 1e-13));
            }
        }
    }

    #[test]
    fn utilization_at_the_optimum_is_what_survives_until_it(conditions in conditions()) {
        for model in [Model::Poisson, Model::Flink] {
            let best = t_star(model, &conditions);
            let expected = (-(conditions.relative_restart() + conditions.lambda_per_s * best)).exp();
            prop_assert!(close(u(model, best, &conditions), expected, 1e-12));
        }
    }

    #[test]
    fn the_optimum_solves_its_equation_to_the_last_digits(conditions in conditions()) {
        // y²/2 - y³/6 + … = cλ, summed to the term that no longer counts.
        let y = t_star(Model::Poisson, &conditions) * conditions.lambda_per_s;
        let (mut term, mut sum) = (y * y / 2.0, 0.0);
        for k in 3..60 {
            sum += term;
            term *= -y / f64::from(k);
        }
        prop_assert!(close(sum, conditions.relative_cost(), 4e-15), "{sum} {}", conditions.relative_cost());
    }

    #[test]
    fn the_rewritten_poisson_agrees_with_the_printed_one(
        conditions in conditions(), interval in 0.01..3.0_f64,
    ) {
        let Conditions { cost_s: c, restart_s: r, lambda_per_s: l, depth: n, hop_delay_s: d } = conditions;
        let t = interval / l;
        let printed = l * (d * l).exp() * (t - c) / ((l * (r + t + d * n)).exp() - (l * (r + d * n)).exp());
        prop_assert!((u(Model::Poisson, t, &conditions) - printed.max(0.0)).abs() < 1e-12);
    }

    #[test]
    fn a_topology_of_depth_one_has_no_delay(conditions in conditions(), delay in 0.0..100.0_f64) {
        let flat = Conditions { depth: 1.0, hop_delay_s: 0.0, ..conditions };
        let delayed = Conditions { hop_delay_s: delay, ..flat };
        for model in Model::ALL {
            let t = 1.0 / flat.lambda_per_s;
            prop_assert_eq!(u(model, t, &flat), u(model, t, &delayed));
        }
    }

    #[test]
    fn utilization_is_a_share(conditions in conditions(), interval in -6.0..4.0_f64) {
        for model in Model::ALL {
            let value = u(model, 10.0_f64.powf(interval), &conditions);
            prop_assert!((0.0..=1.0).contains(&value));
        }
    }
}
