//! Known answers, and a seeded simulation that counts how often intervals hold the truth.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{Figure, Input, Scale, mean, quantile, quantile_of_sorted, simulate};

fn normal(random: &mut ChaCha12Rng) -> f64 {
    Normal::standard().inverse_cdf(random.random_range(1e-12..1.0))
}

/// In how many of 2000 samples the interval of the mean holds `truth`.
fn coverage(size: usize, scale: Scale, truth: f64, draw: impl Fn(&mut ChaCha12Rng) -> f64) -> f64 {
    let mut random = ChaCha12Rng::seed_from_u64(7);
    let mut held = 0;
    for round in 0..2000 {
        let values: Vec<f64> = (0..size).map(|_| draw(&mut random)).collect();
        let figure = mean(&[values], scale, round).expect("there are values");
        let (Some(lo), Some(hi)) = (figure.lo, figure.hi) else { panic!("no interval for {size} values") };
        held += usize::from(lo <= truth && truth <= hi);
    }
    held as f64 / 2000.0
}

#[test]
fn the_t_interval_holds_the_mean_in_95_percent_of_samples() {
    for size in [3, 9] {
        let share = coverage(size, Scale::Linear, 5.0, |random| 5.0 + normal(random));
        assert!((share - 0.95).abs() < 0.015, "{size}: {share}");
    }
}

#[test]
fn on_logs_it_holds_the_mean_of_durations_as_often() {
    let truth = (0.3_f64.powi(2) / 2.0).exp();
    let share = coverage(5, Scale::Log, truth, |random| (0.3 * normal(random)).exp());
    assert!((share - 0.95).abs() < 0.02, "{share}");
}

#[test]
fn the_bootstrap_of_many_values_holds_the_mean_nearly_as_often() {
    let mut random = ChaCha12Rng::seed_from_u64(3);
    let held = (0..200)
        .filter(|&round| {
            let strata: Vec<Vec<f64>> = (0..3).map(|_| (0..40).map(|_| normal(&mut random)).collect()).collect();
            let figure = mean(&strata, Scale::Linear, round).expect("there are values");
            figure.lo <= Some(0.0) && Some(0.0) <= figure.hi
        })
        .count();
    assert!((180..=198).contains(&held), "{held} of 200");
}

#[test]
fn the_t_interval_of_three_values_is_the_textbook_one() {
    let figure = mean(&[vec![1.0, 2.0], vec![3.0]], Scale::Linear, 0).expect("there are values");
    // t(2, 97.5 %) = 4.302653, s = 1.
    assert!((figure.hi.expect("n = 3") - (2.0 + 4.302_653 / 3.0_f64.sqrt())).abs() < 1e-6);
    assert_eq!(figure.n, 3);
}

#[test]
fn one_value_has_no_interval_and_none_has_no_figure() {
    assert_eq!(mean(&[vec![4.0]], Scale::Log, 0), Some(Figure::bare(4.0, 1)));
    assert_eq!(mean(&[vec![], vec![]], Scale::Log, 0), None);
}

#[test]
fn a_zero_duration_falls_back_to_the_plain_scale() {
    let figure = mean(&[vec![0.0, 2.0]], Scale::Log, 0).expect("there are values");
    assert_eq!(figure.value, 1.0);
    assert!(figure.lo < Some(0.0));
}

#[test]
fn many_trials_of_one_value_each_take_the_t_interval() {
    let strata: Vec<Vec<f64>> = (0..24).map(|i| vec![f64::from(i)]).collect();
    let figure = mean(&strata, Scale::Linear, 0).expect("there are values");
    assert!(figure.hi.expect("n = 24") - figure.value > 2.0);
}

#[test]
fn quantiles_are_of_type_7() {
    let sorted = [1.0, 2.0, 3.0, 10.0];
    assert_eq!(quantile_of_sorted(&sorted, 0.5), 2.5);
    assert!((quantile_of_sorted(&sorted, 0.99) - 9.79).abs() < 1e-12);
    assert_eq!(quantile_of_sorted(&sorted, 1.0), 10.0);
}

#[test]
fn the_interval_of_a_median_holds_it_nearly_always() {
    let mut random = ChaCha12Rng::seed_from_u64(11);
    let held = (0..200)
        .filter(|&round| {
            let clusters = (0..60).map(|_| vec![normal(&mut random), normal(&mut random)]).collect();
            let figure = quantile(&[clusters], 0.5, round).expect("there are values");
            figure.lo <= Some(0.0) && Some(0.0) <= figure.hi
        })
        .count();
    assert!((180..=198).contains(&held), "{held} of 200");
}

#[test]
fn equal_values_have_a_quantile_of_no_width() {
    let figure = quantile(&[vec![vec![2.0]; 50]], 0.5, 1).expect("there are values");
    assert_eq!((figure.value, figure.lo, figure.hi), (2.0, Some(2.0), Some(2.0)));
}

#[test]
fn a_formula_that_changes_nothing_keeps_the_interval() {
    let input = Input { figure: Figure { value: 2.0, lo: Some(1.5), hi: Some(3.0), n: 4 }, seed: 5, estimates: 1 };
    let figure = simulate(&[input], |drawn| Some(drawn[0])).expect("it has a value");
    assert!((figure.lo.expect("from the input") - 1.5).abs() < 0.06);
    assert!((figure.hi.expect("from the input") - 3.0).abs() < 0.12);
    assert_eq!(figure.n, 4);
}

#[test]
fn a_formula_of_an_input_without_interval_has_none() {
    let input = Input { figure: Figure::bare(2.0, 1), seed: 5, estimates: 1 };
    let figure = simulate(&[input], |drawn| Some(drawn[0])).expect("it has a value");
    assert_eq!(figure.lo, None);
}

#[test]
fn an_input_is_drawn_alike_whatever_stands_beside_it() {
    let input = |value: f64, seed: u64| Input {
        figure: Figure { value, lo: Some(0.5 * value), hi: Some(2.0 * value), n: 4 },
        seed,
        estimates: 1,
    };
    let alone = simulate(&[input(2.0, 5)], |drawn| Some(drawn[0]));
    assert_eq!(simulate(&[input(7.0, 6), input(2.0, 5)], |drawn| Some(drawn[1])), alone);
    // Inputs of different seeds move apart: their sum is narrower than if they moved together.
    let sum = |seeds: [u64; 2]| {
        let figure = simulate(&seeds.map(|seed| input(2.0, seed)), |drawn| Some(drawn[0] + drawn[1])).expect("a value");
        figure.hi.expect("an interval") - figure.lo.expect("an interval")
    };
    assert!(sum([5, 6]) < 0.9 * sum([5, 5]));
}
