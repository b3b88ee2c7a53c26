//! Nanoseconds of a call of the model: U, ln U and T* of each model, over inputs spread through the domain.
//!
//! One measurement goes through all of the inputs, so that its time over their number is that of a call; criterion
//! prints calls a second as `elem/s`. Inputs where digits cancel are a part of the spread, as they are of use.

use std::hint::black_box;

use cprun::analysis::model::{Conditions, Model, ln_utilization, optimal_interval, utilization};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// cλ from 1e-10 to 0.3, T from next to c to far beyond T*, R up to half the time between failures.
fn inputs() -> Vec<(f64, Conditions)> {
    let mut inputs = Vec::new();
    for power in -10..=-1 {
        let relative_cost = 3.0 * 10.0_f64.powi(power);
        for restart in [0.0, 0.01, 0.4] {
            for factor in [0.1, 0.5, 1.0, 3.0, 30.0] {
                let lambda_per_s = 1.0 / 600.0;
                let cost_s = relative_cost / lambda_per_s;
                let young_s = (2.0 * cost_s / lambda_per_s).sqrt();
                inputs.push((factor * young_s, Conditions::new(cost_s, restart / lambda_per_s, lambda_per_s)));
            }
        }
    }
    inputs
}

fn of_models(criterion: &mut Criterion) {
    let inputs = inputs();
    for model in Model::ALL {
        let mut group = criterion.benchmark_group(model.name());
        group.throughput(Throughput::Elements(inputs.len() as u64));
        group.bench_function("utilization", |bencher| {
            bencher.iter(|| {
                for (interval_s, conditions) in &inputs {
                    black_box(utilization(black_box(model), black_box(*interval_s), black_box(conditions)).ok());
                }
            });
        });
        group.bench_function("ln_utilization", |bencher| {
            bencher.iter(|| {
                for (interval_s, conditions) in &inputs {
                    black_box(ln_utilization(black_box(model), black_box(*interval_s), black_box(conditions)).ok());
                }
            });
        });
        group.bench_function("optimal_interval", |bencher| {
            bencher.iter(|| {
                for (_, conditions) in &inputs {
                    black_box(optimal_interval(black_box(model), black_box(conditions)).ok());
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, of_models);
criterion_main!(benches);
