//! The trials of an experiment and their order.
//!
//! Trials run in blocks of one of each combination, each block shuffled by the seed: a machine that slows
//! down over the hours then hits all combinations alike. A script that wants them as listed gets them so.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::record::{Axis, AxisValue};

/// What a script says of the phases of its trials; what it leaves open is as docs/method.md has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Phases {
    /// The longest that the measured phase lasts.
    pub duration_s: Option<f64>,
    /// Warm-up takes just this long, however much lag there is then.
    pub warm_up_s: Option<f64>,
    /// The longest that windows are waited for after the replay.
    pub drain_s: Option<f64>,
}

/// How the trials of one block follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Shuffled,
    /// As the axes list their values; the last axis varies fastest.
    Listed,
}

impl Order {
    pub const ALL: [Self; 2] = [Self::Shuffled, Self::Listed];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shuffled => "shuffled",
            Self::Listed => "listed",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }
}

/// Columns of trials.csv that no axis may be called.
const RESERVED: [&str; 5] = ["trial", "order", "repeat", "verdict", "reasons"];

/// An axis with all its values.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisPlan {
    pub name: String,
    pub values: Vec<AxisValue>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TrialSpec {
    /// `interval=1s#1`
    pub id: String,
    /// From 1, in the order in which trials run.
    pub order: u32,
    /// From 1.
    pub repeat: u32,
    pub axes: Vec<Axis>,
    /// For each axis the index of its value.
    pub indices: Vec<usize>,
}

/// Every trial, in the order in which they run.
pub fn trials(axes: &[AxisPlan], repeats: u32, order: Order, seed: u64) -> Result<Vec<TrialSpec>> {
    for axis in axes {
        if RESERVED.contains(&axis.name.as_str()) {
            return Err(Error::script(format!("an axis cannot be called `{}`", axis.name))
                .hint(format!("{} are columns of trials.csv; choose another name", RESERVED.join(", "))));
        }
        if axis.values.is_empty() {
            return Err(Error::script(format!("the axis `{}` has no values", axis.name)));
        }
        let shown: Vec<String> = axis.values.iter().map(short).collect();
        if let Some(twice) = shown.iter().enumerate().find(|(place, value)| shown[..*place].contains(value)) {
            return Err(Error::script(format!("the axis `{}` holds {} twice", axis.name, twice.1))
                .hint("to run it again, raise `repeats`"));
        }
    }
    if repeats == 0 {
        return Err(Error::script("`repeats` is 0").hint("run each combination at least once"));
    }
    let mut combinations = combinations(axes);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Vec::new();
    for repeat in 1..=repeats {
        if order == Order::Shuffled {
            combinations.shuffle(&mut rng);
        }
        for indices in &combinations {
            let values: Vec<Axis> = axes
                .iter()
                .zip(indices)
                .map(|(axis, index)| Axis { name: axis.name.clone(), value: axis.values[*index].clone() })
                .collect();
            let order = u32::try_from(all.len()).map_or(u32::MAX, |length| length + 1);
            all.push(TrialSpec { id: id(&values, repeat), order, repeat, axes: values, indices: indices.clone() });
        }
    }
    Ok(all)
}

/// The trials of the block with that number, from 1: what `trials` has in that place, their order counted from 1.
pub fn block(axes: &[AxisPlan], number: u32, order: Order, seed: u64) -> Result<Vec<TrialSpec>> {
    let mut specs = trials(axes, number, order, seed)?;
    specs.retain(|spec| spec.repeat == number);
    for (spec, order) in specs.iter_mut().zip(1..) {
        spec.order = order;
    }
    Ok(specs)
}

fn combinations(axes: &[AxisPlan]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![Vec::new()], |so_far, axis| {
        so_far
            .iter()
            .flat_map(|head| (0..axis.values.len()).map(|index| [head.as_slice(), &[index]].concat()))
            .collect()
    })
}

fn id(axes: &[Axis], repeat: u32) -> String {
    let parts: Vec<String> = axes.iter().map(|axis| format!("{}={}", axis.name, short(&axis.value))).collect();
    format!("{}#{repeat}", parts.join(","))
}

/// A value as trial ids and tables show it; a duration as its shortest exact decimal of seconds.
#[must_use]
pub fn short(value: &AxisValue) -> String {
    match value {
        AxisValue::Seconds(seconds) => format!("{seconds}s"),
        AxisValue::Bytes(bytes) => format!("{bytes}B"),
        AxisValue::Int(number) => number.to_string(),
        AxisValue::Float(number) => number.to_string(),
        AxisValue::Bool(value) => value.to_string(),
        AxisValue::Text(text) => text.clone(),
        AxisValue::Index(index) => index.to_string(),
    }
}

/// The generator of one trial's random draws, which depend on nothing but the seed and the trial's id.
#[must_use]
pub fn generator(seed: u64, trial: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(trial.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals() -> AxisPlan {
        AxisPlan { name: "interval".into(), values: [300.0, 0.5, 5.0].map(AxisValue::Seconds).to_vec() }
    }

    #[test]
    fn each_block_holds_each_combination_once_and_the_seed_fixes_the_order() {
        let mode =
            AxisPlan { name: "mode".into(), values: vec![AxisValue::Text("hybrid".into()), AxisValue::Index(0)] };
        let all = trials(&[intervals(), mode], 2, Order::Shuffled, 7).expect("right");
        assert_eq!(all.len(), 12);
        for (number, block) in all.chunks(6).enumerate() {
            let mut ids: Vec<&str> = block.iter().map(|trial| trial.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 6);
            assert!(block.iter().all(|trial| trial.repeat as usize == number + 1));
        }
        assert!(all.iter().any(|trial| trial.id == "interval=0.5s,mode=hybrid#2"));
        assert_eq!(
            all,
            trials(
                &[
                    intervals(),
                    AxisPlan {
                        name: "mode".into(),
                        values: vec![AxisValue::Text("hybrid".into()), AxisValue::Index(0)]
                    }
                ],
                2,
                Order::Shuffled,
                7
            )
            .expect("right")
        );
        let shuffled = |seed| trials(&[intervals()], 5, Order::Shuffled, seed).expect("right");
        assert_ne!(shuffled(1), shuffled(2));
        let listed = |seed| trials(&[intervals()], 2, Order::Listed, seed).expect("right");
        assert_eq!(listed(1), listed(2));
        let mut as_written: Vec<usize> = listed(1).iter().flat_map(|trial| trial.indices.clone()).collect();
        let second = as_written.split_off(as_written.len() / 2);
        assert!(as_written.is_sorted() && as_written == second);
    }

    #[test]
    fn a_block_is_a_piece_of_all_trials() {
        let all = trials(&[intervals()], 3, Order::default(), 7).expect("right");
        for number in 1..=3 {
            let block = block(&[intervals()], number, Order::default(), 7).expect("right");
            let ids = |specs: &[TrialSpec]| specs.iter().map(|spec| spec.id.clone()).collect::<Vec<_>>();
            let from = 3 * (number as usize - 1);
            assert_eq!(ids(&block), ids(&all[from..from + 3]));
            assert_eq!(block.iter().map(|spec| spec.order).collect::<Vec<_>>(), [1, 2, 3]);
        }
    }

    #[test]
    fn reserved_and_empty_axes_are_refused() {
        trials(&[AxisPlan { name: "order".into(), values: vec![AxisValue::Int(1)] }], 1, Order::Shuffled, 0)
            .expect_err("reserved");
        trials(&[AxisPlan { name: "interval".into(), values: vec![] }], 1, Order::Shuffled, 0).expect_err("empty");
        let twice = [1.0, 2.0, 1.0].map(AxisValue::Seconds).to_vec();
        trials(&[AxisPlan { name: "interval".into(), values: twice }], 1, Order::Shuffled, 0)
            .expect_err("the same trial twice");
        trials(&[intervals()], 0, Order::Shuffled, 0).expect_err("no repeats");
    }

    #[test]
    fn no_axes_make_one_trial_a_repeat() {
        let ids: Vec<String> =
            trials(&[], 2, Order::Shuffled, 0).expect("right").into_iter().map(|trial| trial.id).collect();
        assert_eq!(ids, ["#1", "#2"]);
    }
}
