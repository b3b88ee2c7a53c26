//! Events a second of the Monte-Carlo, on one core, for each law of failures and each spread of the costs.
//!
//! Throughput is counted in the events that the simulation itself reports: a checkpoint completed, a failure, a
//! restart that came to its end. `cargo bench --bench monte_carlo`.

use std::hint::black_box;

use cprun::analysis::model::{Conditions, Model};
use cprun::sim::monte_carlo::{Law, Outcome, Policy, Rule, Setup, Spread, simulate};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// So that one simulation takes some milliseconds.
const EVENTS: f64 = 1e6;

/// The published study's: T 30 s, c 0.778 s, R 81.85 s, a failure every ten minutes.
fn study(law: Law) -> Setup {
    Setup { law, ..Setup::of_model(Model::Flink, 30.0, &Conditions::new(0.778, 81.85, 1.0 / 600.0)) }
}

fn laws() -> Vec<(&'static str, Setup)> {
    let mtbf_s = 600.0;
    let poisson = || study(Law::Poisson { mtbf_s });
    let times_s: Vec<f64> = (0..1_000_u32).map(|number| f64::from(number * number % 97 + 600 * number)).collect();
    vec![
        ("poisson", poisson()),
        ("fixed", study(Law::Fixed { every_s: mtbf_s })),
        ("weibull", study(Law::weibull(0.7, mtbf_s))),
        ("trace", study(Law::trace(&times_s, true).expect("the times rise"))),
        // Two events in three are failures and restarts: the worst there is for what is drawn at each.
        ("poisson, a failure each interval", Setup { policy: Policy::Fixed(600.0), ..poisson() }),
        ("poisson, c lognormal", Setup { cost: Spread::LogNormal { mean_s: 0.778, cv: 0.3 }, ..poisson() }),
        ("poisson, c exponential", Setup { cost: Spread::Exponential { mean_s: 0.778 }, ..poisson() }),
        ("poisson, c of a list", Setup { cost: Spread::Empirical(vec![0.5, 0.7, 1.1]), ..poisson() }),
        ("poisson, T adaptive", Setup { policy: Policy::Adaptive { first_s: 30.0, rule: Rule::Optimal }, ..poisson() }),
        ("poisson, checkpoints that last", Setup { duration_s: Some(3.0), ..poisson() }),
    ]
}

fn run(setup: &Setup, failures: u64) -> Outcome {
    simulate(setup, Some(failures), 1, || Ok(())).expect("a setup within the domain")
}

fn events_a_second(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("monte_carlo");
    for (name, setup) in laws() {
        let pilot = run(&setup, 1_000).counts;
        let failures = (EVENTS * pilot.failures as f64 / pilot.events() as f64) as u64;
        group.throughput(Throughput::Elements(run(&setup, failures).counts.events()));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| run(black_box(&setup), black_box(failures)));
        });
    }
    group.finish();
}

criterion_group!(benches, events_a_second);
criterion_main!(benches);
