//! Counters of known histories: what an instance used, and what a checkpoint took of it.

use super::{CheckpointUse, InstanceResources, checkpoint_uses, resources};
use crate::analysis::checkpoints;
use crate::analysis::curve::Bounds;
use crate::analysis::history::Trial;
use crate::analysis::story::Story;

const STEP_MS: f64 = 250.0;

/// Counters of `instance` from `from` to `until`, by a function of the time since `from`.
fn counted(story: &mut Story, instance: &str, incarnation: u32, from: f64, until: f64, cpu: impl Fn(f64) -> f64) {
    for step in 0..=((until - from) / STEP_MS) as u32 {
        let at = from + STEP_MS * f64::from(step);
        let values = [
            ("cpu_s", cpu(at - from)),
            ("memory_bytes", 1_000.0 + (at - from)),
            ("disk_written_bytes", 10.0 * (at - from)),
            ("gc_count", f64::from(step)),
            ("gc_pause_s", 0.001 * f64::from(step)),
        ];
        story.counters(instance, incarnation, at, &values);
    }
}

fn of<'a>(instances: &'a [InstanceResources], name: &str) -> &'a InstanceResources {
    instances.iter().find(|instance| instance.instance == name).expect("it was sampled")
}

fn close(left: Option<f64>, right: f64) {
    let left = left.expect("it is known");
    assert!((left - right).abs() < 1e-9, "{left} is not {right}");
}

#[test]
fn a_process_that_was_killed_and_its_successor_are_told_apart_and_counted_together() {
    let mut story = Story::of(2.0, 1);
    story.load(10_000.0);
    // Half a core until 4 s; from 6 s on a core of a new process that counts from zero.
    counted(&mut story, "taskmanager-1", 1, 0.0, 4_000.0, |ms| 5.0 + 0.5 * ms / 1e3);
    counted(&mut story, "taskmanager-1", 2, 6_250.0, 10_000.0, |ms| 0.25 + ms / 1e3);
    let instances = resources(&story.trial().samples, Some((2_000.0, 10_000.0)));
    assert_eq!(instances.len(), 1, "neither the broker nor the probe is an instance");
    let usage = of(&instances, "taskmanager-1").usage;
    close(usage.cpu_cores, (0.5 * 2.0 + 0.25 + 3.75) / 8.0);
    close(usage.memory_max_bytes, 1_000.0 + 4_000.0);
    close(usage.disk_written_bytes_per_s, (10.0 * 2_000.0 + 10.0 * 3_750.0) / 8.0);
    close(usage.gc_count, 8.0 + 15.0);
    close(usage.gc_share, 0.023 / 8.0);
    assert_eq!(usage.net_sent_bytes_per_s, None, "what was not sampled is not zero");
}

#[test]
fn a_process_that_runs_before_it_is_looked_at_does_not_count_its_past() {
    let mut story = Story::of(2.0, 1);
    counted(&mut story, "kafka-1", 1, 3_000.0, 10_000.0, |ms| 1_000.0 + 0.2 * ms / 1e3);
    let instances = resources(&story.trial().samples, Some((2_000.0, 10_000.0)));
    close(of(&instances, "kafka-1").usage.cpu_cores, 0.2 * 7.0 / 8.0);
}

#[test]
fn without_a_measured_phase_there_are_series_and_no_means() {
    let mut story = Story::of(2.0, 1);
    counted(&mut story, "kafka-1", 1, 0.0, 1_000.0, |ms| ms);
    let instances = resources(&story.trial().samples, None);
    assert_eq!(of(&instances, "kafka-1").usage.cpu_cores, None);
    assert_eq!(of(&instances, "kafka-1").incarnations[0].curves["cpu_s"].points().len(), 5);
}

/// 0.4 cores always, and 0.1 s more in the 100 ms after each trigger at 60 ms behind a whole `every`.
fn busy_at_checkpoints(every: f64) -> impl Fn(f64) -> f64 {
    move |ms| {
        let done = ((ms - 60.0) / every).floor().max(0.0);
        let under_way = (((ms - 60.0) - done * every) / 100.0).clamp(0.0, 1.0);
        // The first trigger comes after one `every`.
        let extra = if ms < every {
            0.0
        } else {
            0.1 * (done - 1.0).max(0.0) + if done >= 1.0 { 0.1 * under_way } else { 0.0 }
        };
        0.4 * ms / 1e3 + extra
    }
}

fn with_checkpoints(every: f64) -> Trial {
    let mut story = Story::of(every / 1e3, 1);
    for instance in ["taskmanager-1", "taskmanager-2", "kafka-1"] {
        counted(&mut story, instance, 1, 0.0, 20_000.0, busy_at_checkpoints(every));
    }
    for number in 1..=(19_000.0 / every) as u64 {
        story.checkpoint(number, "completed", every * number as f64 + 60.0, 100.0);
    }
    story.measured(1_000.0, 19_000.0);
    story.trial()
}

fn uses(trial: &Trial, disturbances: &[Bounds]) -> Vec<CheckpointUse> {
    let instances = resources(&trial.samples, trial.measured());
    let rows = checkpoints::rows(trial, disturbances);
    checkpoint_uses(&instances, &rows, trial.measured(), disturbances)
}

#[test]
fn a_checkpoint_shorter_than_a_step_keeps_what_is_its_own() {
    let uses = uses(&with_checkpoints(2_000.0), &[]);
    assert_eq!(uses.len(), 9);
    for spent in uses {
        // The two TaskManagers, not the broker. A straight line over the step of 250 ms leaves 100 ms of it.
        close(spent.used.cpu_s, 2.0 * (0.4 * 0.25 + 0.1) * (100.0 / 250.0));
        close(spent.extra.cpu_s, 2.0 * 0.1);
        close(spent.used.disk_written_bytes, 2.0 * 10.0 * 100.0);
        close(spent.extra.disk_written_bytes, 0.0);
        assert_eq!(spent.used.net_sent_bytes, None);
    }
}

#[test]
fn checkpoints_that_share_a_step_cannot_be_told_apart() {
    let uses = uses(&with_checkpoints(150.0), &[]);
    assert!(uses.len() > 80);
    assert!(uses.iter().all(|spent| *spent == CheckpointUse::default()));
}

#[test]
fn in_a_fault_there_is_no_usual_rate_to_compare_with() {
    let fault = Bounds { lo: 7_900.0, hi: 9_000.0 };
    let uses = uses(&with_checkpoints(2_000.0), &[fault]);
    assert!(uses[3].used.cpu_s.is_some());
    assert_eq!(uses[3].extra.cpu_s, None);
    assert!(uses[4].extra.cpu_s.is_some());
}

#[test]
fn a_checkpoint_in_which_a_process_began_or_ended_is_not_known() {
    let mut story = Story::of(2.0, 1);
    counted(&mut story, "taskmanager-1", 1, 0.0, 20_000.0, |ms| ms / 1e3);
    counted(&mut story, "taskmanager-2", 1, 0.0, 4_000.0, |ms| ms / 1e3);
    counted(&mut story, "taskmanager-2", 2, 8_000.0, 20_000.0, |ms| ms / 1e3);
    for (number, trigger) in [(1, 3_900.0), (2, 6_000.0), (3, 10_000.0)] {
        story.checkpoint(number, "completed", trigger, 500.0);
    }
    story.checkpoint(4, "failed", 12_000.0, 500.0);
    story.measured(1_000.0, 19_000.0);
    let uses = uses(&story.trial(), &[]);
    assert_eq!(uses[0].used.cpu_s, None);
    close(uses[1].used.cpu_s, 0.5);
    close(uses[2].used.cpu_s, 1.0);
    assert_eq!(uses[3], CheckpointUse::default(), "it did not complete");
}
