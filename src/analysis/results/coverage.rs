//! How often the intervals of a report hold the truth, by the code that makes the reports, over drawn experiments.
//!
//! An experiment is a trial or three whose durations of checkpoints and recoveries are drawn, log-normal, from a seed
//! of its own. docs/method.md prints the shares over `ALL` of them, which takes minutes; the test of each day draws the
//! first `EACH_DAY` of one scene and holds its shares to the printed ones, within what chance leaves. After a change of an interval,
//! `cargo test --release -- --ignored --nocapture coverage` prints the table anew.

use std::thread;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::TrialResult;
use super::row::rows;
use crate::analysis::model::{Conditions, Model, optimal_interval, utilization};
use crate::analysis::story::one_kill;
use crate::record::Line;

const ALL: u64 = 4000;
const EACH_DAY: u64 = 200;

/// The truth: both matter to U about alike.
const INTERVAL_S: f64 = 10.0;
const COST_S: f64 = 1.0;
const RESTART_S: f64 = 60.0;
const LAMBDA_PER_S: f64 = 1.0 / 600.0;

const FIGURES: [&str; 6] = ["c_duration_s", "R_s", "U_poisson", "U_flink", "U_schedule", "T_star_s"];

/// What is drawn, as the first column of the table names it.
struct Scene {
    name: &'static str,
    /// Coefficients of variation of c and R.
    cost_cv: f64,
    restart_cv: f64,
    /// Of neighbouring checkpoints in trials with 3 values, and in those with 10.
    correlation: [f64; 2],
    /// Coefficient of variation between trials, of both.
    between: f64,
    /// Whether its intervals are to hold what they promise.
    promised: bool,
}

const SCENES: [Scene; 4] = [
    Scene {
        name: "c varies by 20 %, R by 10 %",
        cost_cv: 0.2,
        restart_cv: 0.1,
        correlation: [0.0, 0.5],
        between: 0.0,
        promised: true,
    },
    Scene {
        name: "c varies by 50 %, R by 40 %",
        cost_cv: 0.5,
        restart_cv: 0.4,
        correlation: [0.0, 0.5],
        between: 0.0,
        promised: true,
    },
    Scene {
        name: "neighbours correlated at any n",
        cost_cv: 0.5,
        restart_cv: 0.4,
        correlation: [0.5, 0.5],
        between: 0.0,
        promised: false,
    },
    Scene {
        name: "trials differ by 10 % themselves",
        cost_cv: 0.2,
        restart_cv: 0.1,
        correlation: [0.0, 0.5],
        between: 0.1,
        promised: false,
    },
];

/// Trials, and values of c and of R in each.
const SIZES: [(usize, usize); 3] = [(1, 3), (3, 3), (3, 10)];

fn normal(random: &mut ChaCha12Rng) -> f64 {
    Normal::standard().inverse_cdf(random.random_range(1e-12..1.0))
}

/// Values with that mean and coefficient of variation, neighbours' logarithms correlated.
fn log_normal(mean: f64, cv: f64, correlation: f64, count: usize, random: &mut ChaCha12Rng) -> Vec<f64> {
    let variance = (cv * cv).ln_1p();
    let mut state = normal(random);
    (0..count)
        .map(|_| {
            let value = mean * (variance.sqrt() * state - variance / 2.0).exp();
            state = correlation * state + (1.0 - correlation * correlation).sqrt() * normal(random);
            value
        })
        .collect()
}

impl Scene {
    /// The trials of one experiment, measured as far as c, R and U need.
    fn experiment(&self, (trials, count): (usize, usize), like: &TrialResult, seed: u64) -> Vec<TrialResult> {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let correlation = self.correlation[usize::from(count > 3)];
        (1..=trials as u32)
            .map(|repeat| {
                let [cost, restart] =
                    [COST_S, RESTART_S].map(|mean| log_normal(mean, self.between, 0.0, 1, &mut random)[0]);
                let restarts = log_normal(restart, self.restart_cv, 0.0, count, &mut random);
                let faults = restarts.into_iter().map(|restart_s| {
                    let restart_s = Some(restart_s);
                    crate::analysis::timeline::Fault { restart_s, ..like.faults[0].clone() }
                });
                TrialResult {
                    repeat,
                    interval_s: Some(INTERVAL_S),
                    lambda_per_s: Some(LAMBDA_PER_S),
                    faults: faults.collect(),
                    checkpoint_durations_s: log_normal(cost, self.cost_cv, correlation, count, &mut random),
                    trigger_gaps_s: vec![INTERVAL_S; count],
                    ..like.clone()
                }
            })
            .collect()
    }

    /// The share of the first experiments whose interval holds the truth, of each figure.
    fn shares(&self, size: (usize, usize), experiments: u64) -> [f64; 6] {
        let like = template();
        let truths = truths();
        let held_by = |seeds: std::ops::Range<u64>| {
            let mut held = [0_u32; 6];
            for seed in seeds {
                let rows = rows(&self.experiment(size, &like, seed), seed);
                for ((held, name), truth) in held.iter_mut().zip(FIGURES).zip(truths) {
                    let figure = rows[0].figures.get(name).unwrap_or_else(|| panic!("{name} of seed {seed}"));
                    let (lo, hi) = figure.lo.zip(figure.hi).unwrap_or_else(|| panic!("{name} has an interval"));
                    *held += u32::from(lo <= truth && truth <= hi);
                }
            }
            held
        };
        let held = thread::scope(|scope| {
            let upper = scope.spawn(|| held_by(experiments / 2..experiments));
            let lower = held_by(0..experiments / 2);
            let upper = upper.join().expect("it does not panic");
            std::array::from_fn::<u32, 6, _>(|place| lower[place] + upper[place])
        });
        held.map(|held| f64::from(held) / experiments as f64)
    }
}

/// A trial with a fault and without latencies, rates and samples, which take time and change no interval here.
fn template() -> TrialResult {
    let lines: Vec<Line> = one_kill(INTERVAL_S, 1).ends(45_000.0).lines();
    let analysed = super::analyse(&crate::analysis::history::Run::from_lines(lines), false);
    let mut trial = analysed.trials.into_iter().next().expect("one trial");
    trial.latencies = super::Latencies::default();
    (trial.checkpoints, trial.windows, trial.lag, trial.rates) = (vec![], vec![], vec![], vec![]);
    (trial.resources, trial.checkpoint_uses, trial.checkpoint_sizes_bytes) = (vec![], vec![], vec![]);
    trial
}

fn truths() -> [f64; 6] {
    let conditions = Conditions::new(COST_S, RESTART_S, LAMBDA_PER_S);
    let of = |model| utilization(model, INTERVAL_S, &conditions).expect("in the domain");
    let best = optimal_interval(Model::Poisson, &conditions).expect("there are failures");
    [COST_S, RESTART_S, of(Model::Poisson), of(Model::Flink), of(Model::Schedule), best]
}

/// Scene, figure, and a share for each size, as in the table.
type Shares = Vec<(String, String, [f64; 3])>;

fn computed(scene: &Scene, experiments: u64) -> Shares {
    let sizes = SIZES.map(|size| scene.shares(size, experiments));
    let of = |(place, name): (usize, &str)| (scene.name.to_owned(), name.to_owned(), sizes.map(|shares| shares[place]));
    FIGURES.into_iter().enumerate().map(of).collect()
}

fn table(shares: &Shares) -> String {
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let line = |(scene, figure, [few, some, many]): &(String, String, [f64; 3])| {
        format!("| {scene} | `{figure}` | {} | {} | {} |\n", percent(*few), percent(*some), percent(*many))
    };
    shares.iter().map(line).collect()
}

/// The table of docs/method.md.
fn printed() -> Shares {
    let method = include_str!("../../../docs/method.md");
    let section = method.split("## What the intervals cover").nth(1).expect("the section is there");
    let of = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let share = |cell: &str| cell.parse::<f64>().ok().map(|percent| percent / 100.0);
        let [_, scene, figure, few, some, many, _] = cells[..] else { return None };
        Some((scene.to_owned(), figure.trim_matches('`').to_owned(), [share(few)?, share(some)?, share(many)?]))
    };
    section.lines().take_while(|line| !line.starts_with("## ")).filter_map(of).collect()
}

#[test]
fn the_printed_intervals_hold_what_they_promise() {
    let printed = printed();
    let promised = |scene: &str| SCENES.iter().any(|known| known.name == scene && known.promised);
    for (scene, figure, shares) in printed.iter().filter(|(scene, ..)| promised(scene)) {
        assert!(shares.iter().all(|share| (0.93..=0.97).contains(share)), "{scene}, {figure}: {shares:?}");
    }
    assert!(printed.iter().filter(|(scene, ..)| promised(scene)).count() >= 2 * FIGURES.len());
}

#[test]
fn the_intervals_cover_what_is_printed() {
    // The promised scene with the widest spread; all of them take minutes.
    let scene = &SCENES[1];
    let printed = printed().into_iter().filter(|(of, ..)| of == scene.name).collect::<Shares>();
    assert_eq!(printed.len(), FIGURES.len());
    for ((_, figure, now), (_, of, printed)) in computed(scene, EACH_DAY).iter().zip(&printed) {
        assert_eq!(figure, of);
        for (now, printed) in now.iter().zip(printed) {
            // Three standard errors of the smaller sample.
            let chance = 3.0 * (printed * (1.0 - printed) / EACH_DAY as f64).sqrt();
            assert!((now - printed).abs() <= chance, "{figure}: {now} is not {printed}");
        }
    }
}

#[test]
#[ignore = "minutes; prints the table of docs/method.md and holds it to the digit"]
#[expect(clippy::print_stdout, reason = "whoever runs it by hand wants the table")]
fn coverage_as_printed() {
    let shares = SCENES.iter().flat_map(|scene| computed(scene, ALL)).collect();
    println!("{}", table(&shares));
    assert_eq!(table(&shares), table(&printed()));
}
