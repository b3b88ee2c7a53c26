//! Decisions against what the models say in arithmetic of many digits, against published figures, and their messages.

use proptest::prelude::*;

use super::*;
use crate::analysis::model::tests::exact::{self, Inputs, Number, number};
use crate::analysis::model::{Conditions, Model, optimal_interval, pays_above, utilization};

const MINUTE: f64 = 60.0;

fn study() -> Conditions {
    Conditions::new(0.778, 81.85, 1.0 / 600.0)
}

fn close(left: f64, right: f64, relative: f64) -> bool {
    (left - right).abs() <= relative * left.abs().max(right.abs())
}

/// cλ from 1e-12 to 0.3, R up to half the time between failures, where every model has an optimum.
fn conditions() -> impl Strategy<Value = Conditions> {
    (-12.0..-0.61, -9.0..0.0, 0.0..0.5, 1..5_u32, 0.0..0.02).prop_map(|(cost, rate, restart, depth, delay)| {
        let lambda_per_s = 10.0_f64.powf(rate);
        Conditions {
            cost_s: 10.0_f64.powf(cost) / lambda_per_s,
            restart_s: restart / lambda_per_s,
            lambda_per_s,
            depth: f64::from(depth),
            hop_delay_s: delay / lambda_per_s,
        }
    })
}

fn model() -> impl Strategy<Value = Model> {
    prop::sample::select(Model::ALL.to_vec())
}

/// Daly 2006: a dump of 5 min, a restart of 10 min; minutes of work between two dumps. His estimate is 0.3 % off at an
/// MTBF of 15 min.
#[test]
fn the_published_optima_of_daly_come_out() {
    for (mtbf_min, between_dumps_min, places) in [(24.0 * 60.0, 117.0, 0), (6.0 * 60.0, 57.0, 0), (15.0, 9.1, 1)] {
        let conditions = Conditions::new(5.0 * MINUTE, 10.0 * MINUTE, 1.0 / (mtbf_min * MINUTE));
        let estimate_min = daly(&conditions).expect("in the domain") / MINUTE - 5.0;
        let scale = 10.0_f64.powi(places);
        assert_eq!((estimate_min * scale).round() / scale, between_dumps_min);
        let exact_min = optimal_interval(Model::Poisson, &conditions).expect("there is one") / MINUTE - 5.0;
        assert!(close(exact_min, between_dumps_min, 1e-2), "{exact_min}");
    }
}

#[test]
fn daly_beyond_its_series_works_for_a_whole_mtbf() {
    let hopeless = Conditions::new(30.0, 0.0, 0.1);
    assert_eq!(daly(&hopeless), Ok(10.0 + 30.0));
    let error = young(&Conditions::new(1.0, 0.0, 0.0)).expect_err("no failures");
    assert_eq!(error.message, "no failures: no optimal interval");
}

/// A central difference of ln `of` to ln of an input. Its step is so small, and its digits so many, that it is exact.
fn measured_elasticity(inputs: &Inputs, input: fn(&mut Inputs) -> &mut Number, of: impl Fn(&Inputs) -> Number) -> f64 {
    let step = number(2.0_f64.powi(-100));
    let at = |factor: Number| {
        let mut moved = inputs.clone();
        let value = input(&mut moved);
        *value = value.clone() * factor;
        of(&moved).ln()
    };
    let (up, down) = (number(1.0) + &step, number(1.0) - &step);
    let width = up.ln() - down.ln();
    ((at(up) - at(down)) / width).to_f64().value()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn young_and_daly_are_the_first_terms_of_the_exact_one(conditions in conditions()) {
        let s = (2.0 * conditions.cost_s * conditions.lambda_per_s).sqrt();
        let exact = optimal_interval(Model::Poisson, &conditions).expect("there is one");
        let off = |approximation: f64| (approximation / exact - 1.0).abs();
        prop_assert!(off(young(&conditions).expect("in the domain")) <= s / 6.0 + 1e-15);
        prop_assert!(off(daly(&conditions).expect("in the domain")) <= s * s * s / 200.0 + 1e-15);
    }

    #[test]
    fn the_ends_of_the_plateau_have_that_share_of_the_best(
        conditions in conditions(), model in model(), within in 0.001..0.9_f64,
    ) {
        let flat = plateau(model, &conditions, within).expect("there is an optimum");
        prop_assert!(flat.from_s <= flat.best_s && flat.best_s <= flat.to_s);
        let at = |interval_s| utilization(model, interval_s, &conditions).expect("in the domain");
        for end in [flat.from_s, flat.to_s] {
            prop_assert!(close(at(end), (1.0 - within) * at(flat.best_s), 1e-12), "{flat:?}");
        }
    }

    #[test]
    fn elasticities_are_the_slopes(conditions in conditions(), model in model(), factor in 0.4..30.0_f64) {
        let best = optimal_interval(model, &conditions).expect("there is one");
        let interval_s = best * factor;
        prop_assume!(utilization(model, interval_s, &conditions).expect("in the domain") > 1e-9);
        let found = elasticities(model, Some(interval_s), &conditions).expect("U is above 0");
        let (of_u, of_t) = (found.of_utilization, found.of_optimum.expect("there is an optimum"));
        let inputs = Inputs::new(interval_s, &conditions);
        let of_u_at = |inputs: &Inputs| exact::utilization(model, inputs);
        let at_best = Inputs::new(best, &conditions);
        let of_t_at = |inputs: &Inputs| exact::optimum(model, inputs);
        let pairs = [
            (of_u.interval, measured_elasticity(&inputs, |inputs| &mut inputs.interval, of_u_at)),
            (of_u.cost, measured_elasticity(&inputs, |inputs| &mut inputs.cost, of_u_at)),
            (of_u.restart, measured_elasticity(&inputs, |inputs| &mut inputs.restart, of_u_at)),
            (of_u.lambda, measured_elasticity(&inputs, |inputs| &mut inputs.lambda, of_u_at)),
            (of_t.cost, measured_elasticity(&at_best, |inputs| &mut inputs.cost, of_t_at)),
            (of_t.restart, measured_elasticity(&at_best, |inputs| &mut inputs.restart, of_t_at)),
            (of_t.lambda, measured_elasticity(&at_best, |inputs| &mut inputs.lambda, of_t_at)),
        ];
        for (number, (analytic, measured)) in pairs.into_iter().enumerate() {
            // That of U to T vanishes at T*: there only its absolute error is small.
            let scale = if number == 0 { of_u.cost.abs() } else { measured.abs() };
            prop_assert!((analytic - measured).abs() <= 1e-12 * scale.max(1e-300), "{number}: {analytic:e} {measured:e} {found:?}");
        }
    }

    #[test]
    fn where_it_pays_begins_where_u_begins(conditions in conditions(), model in model()) {
        let from = pays_above(model, &conditions).expect("an interval pays");
        let at = |interval_s: f64| utilization(model, interval_s, &conditions).expect("in the domain");
        prop_assert_eq!(at(from * (1.0 - 1e-12)), 0.0);
        prop_assert!(at(from * (1.0 + 1e-12)) > 0.0);
    }

    #[test]
    fn of_all_intervals_that_meet_the_demands_none_is_better(
        conditions in conditions(), model in model(),
        recovery in prop::option::of(0.1..1e4_f64), overhead in prop::option::of(0.01..3.0_f64),
        latency in prop::option::of(0.1..1e4_f64), load in prop::option::of(0.0..1.0_f64), other in -3.0..3.0_f64,
    ) {
        let best = optimal_interval(model, &conditions).expect("there is one");
        let demands = Demands {
            recovery_within_s: recovery.map(|times| conditions.whole_restart_s() + times * best),
            overhead_below: overhead.map(|times| times * conditions.cost_s / best),
            latency_p99_below_s: latency.map(|times| times * best),
            load: load.map(|load| Load { load, capacity: 1.0 }),
        };
        let meets = |interval_s: f64, slack: f64| {
            let u = utilization(model, interval_s, &conditions).expect("in the domain");
            let restart = conditions.whole_restart_s();
            u > 0.0
                && demands.recovery_within_s.is_none_or(|most| {
                    recovery_s(interval_s, restart, demands.load.as_ref()) <= most * (1.0 + slack)
                })
                && demands.overhead_below.is_none_or(|most| conditions.cost_s / interval_s <= most * (1.0 + slack))
                && demands.latency_p99_below_s.is_none_or(|most| {
                    visible_p99_s(interval_s, conditions.cost_s) <= most * (1.0 + slack)
                })
                && demands.load.is_none_or(|load| u * (1.0 + slack) > load.share())
        };
        let other_s = best * 10.0_f64.powf(other);
        match interval_for(model, &conditions, &demands) {
            Ok(choice) => {
                prop_assert!(meets(choice.interval_s, 1e-9), "{choice:?} {demands:?}");
                prop_assert_eq!(choice.held_by.is_none(), choice.interval_s == best);
                let theirs = utilization(model, other_s, &conditions).expect("in the domain");
                prop_assert!(!meets(other_s, -1e-9) || theirs <= choice.utilization * (1.0 + 1e-12), "{choice:?} {other_s}");
            }
            Err(error) => prop_assert!(!meets(other_s, -1e-9), "{other_s} meets them: {error}"),
        }
    }

    #[test]
    fn what_is_worth_choosing_between_trades(conditions in conditions(), model in model()) {
        let intervals = intervals_worth_a_look(model, &conditions).expect("there is an optimum");
        let best = optimal_interval(model, &conditions).expect("there is one");
        let with_longer: Vec<f64> = intervals.iter().copied().chain([best * 2.0, best * 5.0]).collect();
        let worth = pareto(model, &conditions, &with_longer, None).expect("something is worth it");
        prop_assert_eq!(worth.len(), intervals.len());
        for pair in worth.windows(2) {
            prop_assert!(pair[0].utilization < pair[1].utilization && pair[0].recovery_s < pair[1].recovery_s);
        }
    }

    #[test]
    fn the_fixed_point_is_one(
        costs in prop::collection::vec(0.01..2.0_f64, 1..6), mean_s in 100.0..1e5_f64, model in model(),
    ) {
        let intervals: Vec<f64> = (1..=costs.len()).map(|place| 3.0 * 4.0_f64.powf(place as f64)).collect();
        let measured = Measured::at_intervals(&intervals).expect("they are positive");
        let restarts = vec![10.0; costs.len()];
        let found = measured.self_consistent(model, &costs, &restarts, 1.0 / mean_s).expect("an interval pays");
        let there = Conditions::new(found.cost_s, found.restart_s, 1.0 / mean_s);
        let again = optimal_interval(model, &there).expect("there is one");
        prop_assert!(close(found.interval_s, again, 1e-9), "{found:?} {again}");
        prop_assert_eq!(found.is_outside, found.interval_s < intervals[0] || found.interval_s > intervals[costs.len() - 1]);
    }
}

#[test]
fn a_cost_that_does_not_change_has_the_optimum_as_its_fixed_point() {
    let measured = Measured::at_intervals(&[5.0, 300.0]).expect("they are positive");
    let found = measured.self_consistent(Model::Poisson, &[0.778, 0.778], &[0.0, 0.0], 1.0 / 600.0).expect("it pays");
    assert!(close(found.interval_s, 30.816, 2e-5), "{found:?}");
    assert!(found.is_only && !found.is_outside);
}

#[test]
fn a_cost_that_grows_fast_may_have_several_fixed_points() {
    let measured = Measured::at_intervals(&[10.0, 12.0, 200.0, 210.0]).expect("they are positive");
    let costs = [0.05, 0.05, 60.0, 60.0];
    let found = measured.self_consistent(Model::Poisson, &costs, &[0.0; 4], 1.0 / 600.0).expect("it pays");
    assert!(!found.is_only, "{found:?}");
}

#[test]
fn a_free_checkpoint_has_a_plateau_from_zero() {
    let free = Conditions::new(0.0, 10.0, 0.01);
    for model in Model::ALL {
        let flat = plateau(model, &free, 0.01).expect("it has an optimum");
        assert_eq!((flat.from_s, flat.best_s), (0.0, 0.0));
        let limit = match model {
            Model::Schedule => 1.0 - 0.1,
            Model::Poisson | Model::Flink => (-0.1_f64).exp(),
        };
        let there = utilization(model, flat.to_s, &free).expect("in the domain");
        assert!(close(there, 0.99 * limit, 1e-12), "{model} {there}");
    }
}

#[test]
fn the_study_is_told_what_its_demands_cost() {
    let recovery = Demands { recovery_within_s: Some(100.0), ..Demands::default() };
    let choice = interval_for(Model::Poisson, &study(), &recovery).expect("it can be met");
    assert_eq!((choice.held_by, choice.to_s), (Some("recovery_within"), Some(100.0 - 81.85)));
    // At 8 of 10 thousand rows a second the job catches up four seconds for each that it was behind.
    let load = Load { load: 8e3, capacity: 10e3 };
    let busy = Demands { recovery_within_s: Some(500.0), load: Some(load), ..Demands::default() };
    let choice = interval_for(Model::Poisson, &study(), &busy).expect("it can be met");
    assert!(close(choice.recovery_s, 500.0, 1e-12), "{choice:?}");
    assert!(close(choice.interval_s, (500.0 - 81.85) / 4.0 - 81.85, 1e-12), "{choice:?}");
}

#[test]
fn checkpoints_that_cost_nothing_leave_restarts_alone_to_lose() {
    let free = Conditions { cost_s: 0.0, ..study() };
    for (model, expected) in [
        (Model::Poisson, (-81.85_f64 / 600.0).exp()),
        (Model::Flink, (-81.85_f64 / 600.0).exp()),
        (Model::Schedule, 1.0 - 81.85 / 600.0),
    ] {
        let choice = interval_for(model, &free, &Demands::default()).expect("nothing contradicts");
        assert_eq!((choice.interval_s, choice.overhead), (0.0, 0.0));
        assert!(close(choice.utilization, expected, 1e-15), "{model}: {}", choice.utilization);
    }
}

#[test]
fn intervals_that_do_not_carry_the_load_are_told_of_one_that_does() {
    let load = Load { load: 35.0, capacity: 50.0 };
    let error = pareto(Model::Poisson, &study(), &[1.0], Some(&load)).expect_err("1 s does not carry it");
    assert_eq!(error.hint.as_deref(), Some("look at others: T* is 30.816 s"));
    let error = pareto(Model::Poisson, &study(), &[], None).expect_err("nothing to choose");
    assert!(error.message.contains("is empty"), "{}", error.message);
}

#[test]
fn without_failures_the_longest_interval_that_is_allowed_is_best() {
    let calm = Conditions::new(1.0, 10.0, 0.0);
    let within = Demands { recovery_within_s: Some(60.0), ..Demands::default() };
    let choice = interval_for(Model::Poisson, &calm, &within).expect("it is bounded");
    assert_eq!((choice.interval_s, choice.optimum_s), (50.0, None));
}

#[test]
fn what_cannot_be_met_says_why() {
    let load = |load| Some(Load { load, capacity: 1e4 });
    let none = Demands::default();
    let calm = Conditions::new(1.0, 10.0, 0.0);
    let cases = [
        (study(), Demands { recovery_within_s: Some(60.0), ..none }),
        (study(), Demands { recovery_within_s: Some(300.0), load: load(7.9e3), ..none }),
        (study(), Demands { latency_p99_below_s: Some(0.5), ..none }),
        (study(), Demands { recovery_within_s: Some(90.0), overhead_below: Some(0.01), ..none }),
        (study(), Demands { latency_p99_below_s: Some(1.2), ..none }),
        (study(), Demands { load: load(9e3), ..none }),
        (study(), Demands { load: load(1.2e4), ..none }),
        (study(), Demands { load: load(8e3), latency_p99_below_s: Some(5.0), ..none }),
        (study(), Demands { load: Some(Load { load: 1.0, capacity: 0.0 }), ..none }),
        (study(), Demands { overhead_below: Some(f64::NAN), ..none }),
        (study(), Demands { recovery_within_s: Some(-1.0), ..none }),
        (calm, none),
        (calm, Demands { load: load(1.2e4), ..none }),
        (Conditions { lambda_per_s: -0.1, ..study() }, none),
    ];
    let mut shown = String::new();
    for (conditions, demands) in cases {
        let error = interval_for(Model::Poisson, &conditions, &demands).expect_err("it cannot be met");
        shown.push_str(&format!("{}\nhint: {}\n\n", error.message, error.hint.unwrap_or_default()));
    }
    let others = [
        plateau(Model::Poisson, &study(), 0.0).map(drop),
        plateau(Model::Schedule, &Conditions::new(32.0, 64.0, 1.0 / 128.0), 0.01).map(drop),
        elasticities(Model::Poisson, Some(0.5), &study()).map(drop),
        elasticities(Model::Poisson, None, &Conditions::new(0.0, 1.0, 0.01)).map(drop),
        pareto(Model::Poisson, &study(), &[0.5], None).map(drop),
        pareto(Model::Poisson, &study(), &[5.0, 30.0], load(9e3).as_ref()).map(drop),
        intervals_worth_a_look(Model::Poisson, &Conditions::new(0.0, 1.0, 0.01)).map(drop),
        Measured::at_intervals(&[]).map(drop),
        Measured::at_intervals(&[1.0, 1.0]).map(drop),
        Measured::at_intervals(&[0.0, 1.0]).map(drop),
    ];
    for error in others.into_iter().filter_map(Result::err) {
        shown.push_str(&format!("{}\nhint: {}\n\n", error.message, error.hint.unwrap_or_default()));
    }
    insta::assert_snapshot!(shown);
}
