//! The simulation against the formulas, each of which it must meet within its own interval, and against itself.
//!
//! Intervals of 95 % miss now and then. So misses are counted: over a grid their number is binomial, and both too
//! many (a wrong value, or intervals too narrow) and too few (intervals too wide) fail. All is seeded.

use proptest::prelude::*;
use statrs::distribution::{Binomial, DiscreteCDF};

use super::chance::Chance;
use super::*;
use crate::analysis::model::utilization;

fn on() -> Result<()> {
    Ok(())
}

fn run(setup: &Setup, failures: u64, seed: u64) -> Outcome {
    simulate(setup, Some(failures), seed, on).expect("a setup within the domain")
}

fn half(figure: &Figure) -> f64 {
    (figure.hi.expect("an interval") - figure.lo.expect("an interval")) / 2.0
}

/// Counts how often an interval misses what it should hold.
#[derive(Default)]
struct Hits {
    points: u64,
    misses: u64,
}

impl Hits {
    #[track_caller]
    fn add(&mut self, outcome: &Outcome, expected: f64, what: &str) {
        let figure = &outcome.utilization;
        let off = (figure.value - expected).abs();
        // 4.5 deviations, which is 2.3 halves of an interval of 95 %; once in 150,000 points.
        assert!(off <= 2.3 * half(figure) + 1e-12, "{what}: {figure:?}, but {expected} is expected");
        self.points += 1;
        self.misses += u64::from(off > half(figure) + 1e-12);
    }

    /// Within the central 99.9 % of what 95 % intervals miss.
    #[track_caller]
    fn judge(&self) {
        let misses = Binomial::new(0.05, self.points).expect("a distribution");
        let (least, most) = (misses.inverse_cdf(5e-4), misses.inverse_cdf(1.0 - 5e-4));
        assert!(
            (least..=most).contains(&self.misses),
            "{} of {} intervals miss, {least} to {most} may",
            self.misses,
            self.points
        );
    }
}

/// As many failures as make so many events, but enough for a normal law.
fn failures_for(setup: &Setup, events: f64) -> u64 {
    ((events / setup.events_a_failure()) as u64).max(400)
}

fn random_trigger(law: Law) -> Setup {
    Setup { law, ..Setup::of_model(Model::Flink, 30.0, &Conditions::new(0.8, 80.0, 1.0 / 600.0)) }
}

/// What `schedule` saves in a gap, in seconds of work: the mean over a uniform phase.
fn saved_s(gap_s: f64, restart_s: f64, cost_s: f64, interval_s: f64) -> f64 {
    let up_s = (gap_s - restart_s).max(0.0);
    if up_s <= interval_s {
        up_s / interval_s * (up_s / 2.0 - cost_s)
    } else {
        up_s * (1.0 - cost_s / interval_s) - interval_s / 2.0
    }
}

#[test]
fn the_three_models_agree_with_it() {
    let mut hits = Hits::default();
    let mut seed = 0;
    for model in Model::ALL {
        for (mtbf_s, cost_s) in [(600.0, 0.5), (600.0, 20.0), (60.0, 0.5), (60.0, 20.0)] {
            for interval_s in [cost_s, 1.1 * cost_s, 4.0 * cost_s, mtbf_s / 20.0, mtbf_s / 2.0, 3.0 * mtbf_s] {
                for restart_s in [0.0, 0.02 * mtbf_s, 0.8 * mtbf_s, 2.5 * mtbf_s] {
                    seed += 1;
                    let conditions = Conditions::new(cost_s, restart_s, 1.0 / mtbf_s);
                    let setup = Setup::of_model(model, interval_s, &conditions);
                    let outcome = run(&setup, failures_for(&setup, 30_000.0), seed);
                    let expected = utilization(model, interval_s, &conditions).expect("in the domain");
                    let what = format!("{model}, T {interval_s}, {conditions:?}");
                    if expected == 0.0 {
                        assert_eq!(outcome.utilization.lo, Some(0.0), "{what}: {outcome:?}");
                    } else {
                        hits.add(&outcome, expected, &what);
                    }
                }
            }
        }
    }
    assert!(hits.points > 190, "{}", hits.points);
    hits.judge();
}

#[test]
fn the_depth_of_the_topology_prolongs_each_restart() {
    let mut hits = Hits::default();
    for seed in 0..40 {
        let conditions = Conditions { depth: 5.0, hop_delay_s: 10.0, ..Conditions::new(0.8, 40.0, 1.0 / 600.0) };
        let setup = Setup::of_model(Model::Poisson, 30.0, &conditions);
        hits.add(&run(&setup, 1_000, seed), utilization(Model::Poisson, 30.0, &conditions).expect("in it"), "n = 5");
    }
    hits.judge();
}

#[test]
fn a_weibull_law_of_shape_1_is_the_poisson_law() {
    for seed in 0..5 {
        let weibull = random_trigger(Law::weibull(1.0, 600.0));
        assert_eq!(run(&weibull, 500, seed), run(&random_trigger(Law::Poisson { mtbf_s: 600.0 }), 500, seed));
    }
}

#[test]
fn a_weibull_law_gives_the_mean_over_its_gaps() {
    const STEPS: u32 = 50_000;
    let mut hits = Hits::default();
    for shape in [0.5, 0.8, 1.5, 4.0] {
        let law = Law::weibull(shape, 600.0);
        assert!((law.mean_s() - 600.0).abs() < 1e-9);
        // By quadrature over the quantiles in the middle of equal shares.
        let scale_s = 600.0 / statrs::function::gamma::gamma(1.0 + 1.0 / shape);
        let gap_s = |share: f64| (-(1.0 - share).ln()).powf(1.0 / shape) * scale_s;
        let shares = (0..STEPS).map(|step| (f64::from(step) + 0.5) / f64::from(STEPS));
        let mean_s = shares.map(|share| saved_s(gap_s(share), 80.0, 0.8, 30.0)).sum::<f64>() / f64::from(STEPS);
        for seed in 0..20 {
            hits.add(&run(&random_trigger(law.clone()), 2_000, seed), mean_s / 600.0, &format!("shape {shape}"));
        }
    }
    hits.judge();
}

#[test]
fn a_trace_by_the_clock_is_the_fixed_law() {
    let times_s: Vec<f64> = (0..=10).map(|number| 600.0 * f64::from(number)).collect();
    let trace = run(&random_trigger(Law::trace(&times_s, true).expect("it rises")), 1_000, 3);
    assert_eq!(trace, run(&random_trigger(Law::Fixed { every_s: 600.0 }), 1_000, 3));
}

#[test]
fn a_trace_gives_the_prediction_for_its_gaps() {
    let times_s = [0.0, 700.0, 760.0, 800.0, 1900.0, 1990.0, 2500.0];
    let law = Law::trace(&times_s, true).expect("it rises");
    let gaps: f64 = times_s.windows(2).map(|pair| saved_s(pair[1] - pair[0], 80.0, 0.8, 30.0)).sum();
    let mut hits = Hits::default();
    for seed in 0..100 {
        hits.add(&run(&random_trigger(law.clone()), 600, seed), gaps / 2500.0, "a trace");
    }
    hits.judge();
}

#[test]
fn a_trace_ends_or_begins_again() {
    let times_s = [0.0, 100.0, 300.0, 600.0];
    let failures =
        |cyclic, asked| run(&random_trigger(Law::trace(&times_s, cyclic).expect("it rises")), asked, 1).counts.failures;
    assert_eq!((failures(false, 2), failures(false, 100)), (2, 3));
    // Whole passes, but for fewer than two of them.
    assert_eq!((failures(true, 5), failures(true, 100)), (5, 102));
}

#[test]
fn spread_of_c_leaves_the_models_and_spread_of_r_has_its_own_formula() {
    let (cost_s, restart_s, lambda_per_s) = (0.8, 80.0, 1.0 / 600.0);
    let without = utilization(Model::Poisson, 30.0, &Conditions::new(cost_s, 0.0, lambda_per_s)).expect("in it");
    let fixed = Setup::of_model(Model::Poisson, 30.0, &Conditions::new(cost_s, restart_s, lambda_per_s));
    let by_restart = without * (-lambda_per_s * restart_s).exp();
    let mut hits = Hits::default();
    for seed in 0..40 {
        for cost in [
            Spread::LogNormal { mean_s: cost_s, cv: 0.6 },
            Spread::Exponential { mean_s: cost_s },
            Spread::Empirical(vec![0.2, 0.4, 1.8]),
        ] {
            hits.add(&run(&Setup { cost, ..fixed.clone() }, 1_000, seed), by_restart, "c");
        }
        // A restart comes through with the mean of e^{-λR}, which is 1/(1 + λR) of an exponential R.
        let restart = Spread::Exponential { mean_s: restart_s };
        hits.add(
            &run(&Setup { restart, ..fixed.clone() }, 1_000, seed),
            without / (1.0 + lambda_per_s * restart_s),
            "R",
        );
        let restart = Spread::Empirical(vec![0.0, 160.0]);
        let comes_through = f64::midpoint(1.0, (-lambda_per_s * 160.0).exp());
        hits.add(&run(&Setup { restart, ..fixed.clone() }, 1_000, seed), without * comes_through, "R of a list");
    }
    hits.judge();
}

/// `flink` with a checkpoint that saves at its trigger and completes d later: with y = λT,
/// U = e^{-λ(R' + d)} [(1 - e^{-y})(1 + cλ) - cλ]/y for c ≤ d ≤ T.
#[test]
fn a_checkpoint_that_lasts_loses_what_came_after_its_trigger() {
    let (restart_s, lambda_per_s, interval_s) = (80.0, 1.0 / 600.0, 30.0);
    let mut hits = Hits::default();
    for seed in 0..40 {
        for (cost_s, duration_s) in [(0.8, 0.8), (0.8, 5.0), (10.0, 10.0), (0.0, 30.0)] {
            let conditions = Conditions::new(cost_s, restart_s, lambda_per_s);
            let setup =
                Setup { duration_s: Some(duration_s), ..Setup::of_model(Model::Flink, interval_s, &conditions) };
            let (y, x) = (lambda_per_s * interval_s, lambda_per_s * cost_s);
            let survives = (-lambda_per_s * (restart_s + duration_s)).exp();
            let expected = survives * (-(-y).exp_m1() * (1.0 + x) - x) / y;
            hits.add(&run(&setup, 1_000, seed), expected, &format!("c {cost_s}, d {duration_s}"));
        }
    }
    hits.judge();
}

#[test]
fn intervals_that_change_come_to_what_they_should() {
    let conditions = Conditions::new(0.8, 80.0, 1.0 / 600.0);
    let of = |policy| Setup { policy, ..Setup::of_model(Model::Poisson, 30.0, &conditions) };
    let twice = of(Policy::Alternating(vec![30.0, 30.0]));
    assert_eq!(run(&twice, 500, 1), run(&of(Policy::Fixed(30.0)), 500, 1));

    let mut hits = Hits::default();
    for seed in 0..40 {
        // The first interval is far off, but holds for one of ten thousand failures.
        for (rule, interval_s) in [(Rule::Young, (2.0 * 0.8 * 600.0_f64).sqrt()), (Rule::Optimal, 31.2514)] {
            let setup = Setup {
                cost: Spread::LogNormal { mean_s: 0.8, cv: 0.3 },
                ..of(Policy::Adaptive { first_s: 300.0, rule })
            };
            let expected = utilization(Model::Poisson, interval_s, &conditions).expect("in the domain");
            hits.add(&run(&setup, 2_000, seed), expected, &format!("{rule:?}"));
        }
    }
    hits.judge();
}

#[test]
fn min_pause_stretches_the_interval() {
    let stretched = |interval_s, min_pause_s| {
        let conditions = Conditions::new(2.0, 80.0, 1.0 / 600.0);
        let setup = Setup { min_pause_s, ..Setup::of_model(Model::Poisson, interval_s, &conditions) };
        run(&setup, 300, 1)
    };
    assert_eq!(stretched(3.0, 4.0), stretched(6.0, 0.0));
    assert_eq!(stretched(6.0, 4.0), stretched(6.0, 0.0));
    let lasting = Setup {
        duration_s: Some(5.0),
        min_pause_s: 1.0,
        first: First::Interval,
        ..random_trigger(Law::Fixed { every_s: 180.0 })
    };
    // Up for 100 s: triggers at 5, 11, 17, …, 95, the last of which completes at the failure.
    let short = Setup { policy: Policy::Fixed(5.0), ..lasting };
    assert_eq!(run(&short, 1, 1).counts, Counts { checkpoints: 16, failures: 1, restarts: 1 });
}

#[test]
fn a_failure_in_a_restart_begins_it_anew() {
    let times_s = [0.0, 50.0, 90.0, 190.0];
    let setup = Setup { first: First::Interval, ..random_trigger(Law::trace(&times_s, false).expect("it rises")) };
    let outcome = run(&setup, 3, 1);
    // Up for the last 20 s, too short for a checkpoint.
    assert_eq!(outcome.counts, Counts { checkpoints: 0, failures: 3, restarts: 1 });
    assert_eq!(outcome.lost_to, Lost { checkpoints: 0.0, rework: 20.0 / 190.0, restart: 170.0 / 190.0 });
    assert_eq!(outcome.utilization.value, 0.0);
}

#[test]
fn unless_told_it_takes_as_many_failures_as_the_interval_wants() {
    let setup = Setup::of_model(Model::Poisson, 30.0, &Conditions::new(0.8, 80.0, 1.0 / 600.0));
    let outcome = simulate(&setup, None, 1, on).expect("in the domain");
    assert!((half(&outcome.utilization) / HALF_WIDTH - 1.0).abs() < 0.3, "{outcome:?}");
    let by_the_clock = Setup { law: Law::Fixed { every_s: 600.0 }, ..setup };
    let outcome = simulate(&by_the_clock, None, 1, on).expect("in the domain");
    assert_eq!(outcome.counts.failures, PILOT);
    assert!(half(&outcome.utilization) < 1e-12, "{outcome:?}");
}

#[test]
fn one_failure_has_no_interval() {
    let outcome = run(&random_trigger(Law::Poisson { mtbf_s: 600.0 }), 1, 1);
    assert_eq!((outcome.utilization.lo, outcome.utilization.hi, outcome.utilization.n), (None, None, 1));
}

#[test]
fn who_asks_it_to_stop_is_heard() {
    let setup = Setup::of_model(Model::Poisson, 0.001, &Conditions::new(0.0, 0.0, 1.0 / 600.0));
    let stopped = simulate(&setup, Some(1_000), 1, || Err(Error::script("enough of it")));
    assert_eq!(stopped.expect_err("a checkpoint each millisecond").message, "enough of it");
}

#[test]
fn draws_have_the_moments_that_they_claim() {
    const DRAWS: usize = 200_000;
    let moments = |spread: &Spread| {
        let mut chance = Chance::new(5);
        let source = spread.source();
        let values: Vec<f64> = (0..DRAWS).map(|_| source.draw(&mut chance)).collect();
        let mean = values.iter().sum::<f64>() / DRAWS as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / DRAWS as f64;
        (mean, variance.sqrt() / mean)
    };
    let spreads = [
        (Spread::Constant(3.0), 0.0),
        (Spread::LogNormal { mean_s: 3.0, cv: 0.5 }, 0.5),
        (Spread::Exponential { mean_s: 3.0 }, 1.0),
        (Spread::Empirical(vec![1.0, 5.0]), 2.0 / 3.0),
    ];
    for (spread, cv) in spreads {
        let (mean, seen) = moments(&spread);
        assert!((mean - spread.mean()).abs() < 0.02 && (seen - cv).abs() < 0.01, "{spread:?}: {mean}, {seen}");
    }
}

/// Pinned to the last bit: another platform, or another version of a crate below, must not change it.
#[test]
fn equal_seeds_give_equal_results_everywhere() {
    let setup = Setup {
        cost: Spread::LogNormal { mean_s: 0.8, cv: 0.3 },
        restart: Spread::Exponential { mean_s: 80.0 },
        ..random_trigger(Law::weibull(0.7, 600.0))
    };
    let outcome = run(&setup, 1_000, 42);
    assert_eq!(outcome, run(&setup, 1_000, 42));
    assert_ne!(outcome, run(&setup, 1_000, 43));
    assert_eq!((outcome.utilization.value, outcome.counts.checkpoints), (0.8572439060273326, 17858));
}

fn spreads() -> impl Strategy<Value = Spread> {
    prop_oneof![
        (0.0..40.0).prop_map(Spread::Constant),
        (0.1..40.0, 0.05..2.0).prop_map(|(mean_s, cv)| Spread::LogNormal { mean_s, cv }),
        (0.1..40.0).prop_map(|mean_s| Spread::Exponential { mean_s }),
        prop::collection::vec(0.0..40.0, 1..5).prop_map(Spread::Empirical),
    ]
}

fn laws() -> impl Strategy<Value = Law> {
    prop_oneof![
        (5.0..900.0).prop_map(|mtbf_s| Law::Poisson { mtbf_s }),
        (5.0..900.0).prop_map(|every_s| Law::Fixed { every_s }),
        (0.3..5.0, 5.0..900.0).prop_map(|(shape, mtbf_s)| Law::weibull(shape, mtbf_s)),
        (prop::collection::vec(0.1..900.0, 1..6), any::<bool>())
            .prop_map(|(gaps_s, cyclic)| Law::Trace { gaps_s, cyclic }),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        (0.5..200.0).prop_map(Policy::Fixed),
        prop::collection::vec(0.5..200.0, 1..4).prop_map(Policy::Alternating),
        (0.5..200.0, prop_oneof![Just(Rule::Young), Just(Rule::Optimal)])
            .prop_map(|(first_s, rule)| Policy::Adaptive { first_s, rule }),
    ]
}

fn setups() -> impl Strategy<Value = Setup> {
    let first = prop_oneof![Just(First::Interval), Just(First::Random)];
    let rest = (0.0..10.0, first, 0.0..20.0, prop::option::of(0.0..60.0));
    (laws(), spreads(), spreads(), policies(), rest).prop_map(
        |(law, cost, restart, policy, (depth_delay_s, first, min_pause_s, duration_s))| Setup {
            law,
            cost,
            restart,
            depth_delay_s,
            policy,
            first,
            min_pause_s,
            duration_s,
        },
    )
}

proptest! {
    #[test]
    fn time_adds_up(setup in setups(), seed in any::<u64>(), failures in 1_u64..60) {
        prop_assume!(setup.cost.mean() > 0.0 || !matches!(setup.policy, Policy::Adaptive { .. }));
        let outcome = run(&setup, failures, seed);
        let Outcome { utilization: u, lost_to, counts } = outcome;
        let lost = lost_to.checkpoints + lost_to.rework + lost_to.restart;
        prop_assert!((0.0..=1.0).contains(&u.value));
        prop_assert!(u.value == 0.0 && lost >= 1.0 - 1e-9 || (u.value + lost - 1.0).abs() < 1e-9, "{outcome:?}");
        prop_assert!(lost_to.checkpoints >= 0.0 && lost_to.rework >= -1e-12 && lost_to.restart >= 0.0);
        prop_assert!(u.lo.is_none_or(|lo| lo <= u.value) && u.hi.is_none_or(|hi| hi >= u.value));
        prop_assert!(counts.restarts <= counts.failures && u.n == counts.failures);
        // What lasts cannot take more than there is.
        prop_assert!(setup.duration_s.is_none() || lost <= 1.0 + 1e-9);
        prop_assert_eq!(run(&setup, failures, seed), outcome);
    }
}

#[test]
fn what_is_out_of_its_domain_is_named() {
    let good = random_trigger(Law::Poisson { mtbf_s: 600.0 });
    let setups = [
        Setup { law: Law::Poisson { mtbf_s: 0.0 }, ..good.clone() },
        Setup { law: Law::Fixed { every_s: f64::INFINITY }, ..good.clone() },
        Setup { law: Law::Weibull { shape: 0.1, scale_s: 600.0 }, ..good.clone() },
        Setup { law: Law::Weibull { shape: 2.0, scale_s: -1.0 }, ..good.clone() },
        Setup { law: Law::Trace { gaps_s: vec![], cyclic: true }, ..good.clone() },
        Setup { cost: Spread::Constant(-1.0), ..good.clone() },
        Setup { restart: Spread::LogNormal { mean_s: 1.0, cv: 0.0 }, ..good.clone() },
        Setup { restart: Spread::Empirical(vec![]), ..good.clone() },
        Setup { cost: Spread::Empirical(vec![1.0, f64::NAN]), ..good.clone() },
        Setup { policy: Policy::Fixed(0.0), ..good.clone() },
        Setup { policy: Policy::Alternating(vec![]), ..good.clone() },
        Setup {
            policy: Policy::Adaptive { first_s: 30.0, rule: Rule::Young },
            cost: Spread::Constant(0.0),
            ..good.clone()
        },
        Setup { min_pause_s: f64::NAN, ..good.clone() },
        Setup { law: Law::Poisson { mtbf_s: 1e9 }, ..good.clone() },
    ];
    let told = |error: Error| format!("{}\n  hint: {}\n", error.message, error.hint.unwrap_or_default());
    let mut shown: String =
        setups.iter().map(|setup| told(simulate(setup, None, 1, on).expect_err("out of its domain"))).collect();
    shown.push_str(&told(simulate(&good, Some(0), 1, on).expect_err("none")));
    shown.push_str(&told(simulate(&good, Some(u64::MAX), 1, on).expect_err("too many")));
    for times_s in [&[1.0][..], &[1.0, 3.0, 3.0], &[-1.0, 2.0]] {
        shown.push_str(&told(Law::trace(times_s, true).expect_err("no trace")));
    }
    insta::assert_snapshot!(shown);
}
