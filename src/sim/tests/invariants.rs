//! What holds whatever is done to the world, and how fast it goes.

use std::collections::BTreeSet;
use std::time::Instant;

use proptest::prelude::*;

use super::*;

/// What is read within the last digit of an epoch's milliseconds.
const SAME_RECORDS: f64 = 0.1;

#[derive(Clone, Debug)]
struct Act {
    after_ms: f64,
    taskmanager: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Signal(Signal),
    Start,
    Checkpoint(Trigger),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let what = prop_oneof![
        Just(What::Signal(Signal::Kill)),
        Just(What::Signal(Signal::Stop)),
        Just(What::Signal(Signal::Hang)),
        Just(What::Signal(Signal::Continue)),
        Just(What::Start),
        Just(What::Checkpoint(Trigger::Manual)),
        Just(What::Checkpoint(Trigger::Savepoint)),
    ];
    let act = (0.0..6_000.0, 0_usize..3, what);
    prop::collection::vec(act.prop_map(|(after_ms, taskmanager, what)| Act { after_ms, taskmanager, what }), 0..12)
}

fn stage(seed: u64, exactly_once: bool, interval_ms: f64, counts: Vec<u64>) -> Stage {
    let mut stage = Stage::quick();
    stage.seed = seed;
    (stage.taskmanagers, stage.slots) = (3, 2);
    stage.conduct = Conduct { startup_period_ms: 20_000.0, ..Conduct::default() };
    stage.job.interval_ms = Some(interval_ms);
    stage.job.exactly_once = exactly_once;
    stage.job.window = Some(Windows { length_ms: 2_000, out_of_orderness_ms: 300 });
    let buckets = counts.len() as i64;
    stage.load = Load::Rows(Rows {
        bucket_ms: 1_000,
        first_bucket_epoch_ms: 7_000,
        counts,
        cents: Vec::new(),
        event_0_epoch_ms: 7_400,
        last_event_epoch_ms: 7_000 + 1_000 * buckets - 1,
        speed: 1.0,
        start_epoch_ms: NOW + 1_500.0,
    });
    stage
}

/// Watches the world event by event.
struct Watch {
    play: Play,
    /// Where the job stood when a checkpoint was triggered, by the trigger's time.
    stood: BTreeMap<u64, f64>,
    held: BTreeMap<u64, f64>,
    read: usize,
}

impl Watch {
    fn until(&mut self, at_ms: f64) {
        while self.play.world.now_ms() < NOW + at_ms {
            let next = self.play.world.next_event_ms().expect("samples are always to come") - NOW;
            assert!(next >= self.play.now());
            let busy = self.play.world.checkpoints(self.play.id).expect("known").in_progress;
            self.play.until(next.min(at_ms));
            if !busy || self.play.world.checkpoints(self.play.id).expect("known").in_progress {
                self.stood.insert(self.play.world.now_ms().to_bits(), self.play.world.position_records());
            }
            self.check();
        }
    }

    fn check(&mut self) {
        let world = &self.play.world;
        let sent: u64 = world.end_offsets(TOPIC).expect("it is there").iter().sum();
        assert!(world.position_records() < sent as f64 + 1.0, "{} of {sent}", world.position_records());
        for (at, told) in &self.play.told[self.read..] {
            match told {
                Observation::Checkpoint(one) if one.status == "completed" => {
                    let (at, stood) = self.stood.range(one.trigger_epoch_ms.to_bits()..).next().expect("it was seen");
                    assert!(f64::from_bits(*at) - one.trigger_epoch_ms < 1e-3, "checkpoint {}", one.id);
                    self.held.insert(one.id, *stood);
                    if one.trigger != "savepoint" {
                        assert!((world.restored_records() - stood).abs() < SAME_RECORDS, "checkpoint {}", one.id);
                    }
                    assert!(one.trigger_epoch_ms <= world.now_ms() && one.duration_ms >= Some(0.0));
                }
                Observation::State(State::Restored { checkpoint, at_epoch_ms }) => {
                    assert!((at_epoch_ms - NOW - at).abs() < 1e-3);
                    assert!(self.held[checkpoint] <= world.position_records() + SAME_RECORDS);
                }
                _ => {}
            }
        }
        self.read = self.play.told.len();
    }

    fn act(&mut self, act: &Act) {
        self.until(self.play.now() + act.after_ms);
        let name = format!("taskmanager-{}", act.taskmanager + 1);
        // What is refused changes nothing, and that is part of the test.
        match act.what {
            What::Signal(signal) => drop(self.play.world.signal(&name, signal)),
            What::Start => drop(self.play.world.start(&name)),
            What::Checkpoint(kind) => drop(self.play.world.trigger_checkpoint(self.play.id, kind)),
        }
        self.stood.insert(self.play.world.now_ms().to_bits(), self.play.world.position_records());
    }

    fn heal(&mut self) {
        for name in ["taskmanager-1", "taskmanager-2", "taskmanager-3"] {
            drop(self.play.world.signal(name, Signal::Continue));
            self.until(self.play.now() + 1_000.0);
            drop(self.play.world.start(name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_breaks_no_row_is_lost_and_no_time_runs_backwards(
        seed in 0_u64..1_000,
        exactly_once: bool,
        interval_ms in 200.0..5_000.0,
        counts in prop::collection::vec(prop_oneof![Just(0_u64), 1_u64..40_000], 5..25),
        acts in acts(),
    ) {
        prop_assume!(counts.iter().sum::<u64>() > 0);
        let play = stage(seed, exactly_once, interval_ms, counts.clone()).begin().watched();
        let mut watch = Watch { play, stood: BTreeMap::new(), held: BTreeMap::new(), read: 0 };
        for act in &acts {
            watch.act(act);
        }
        watch.heal();
        let end = watch.play.now().max(2_000.0 + 1_000.0 * counts.len() as f64);
        watch.until(end);
        let account = watch.play.world.stop_offering(true).expect("a replay runs");
        prop_assert_eq!(account.sent, counts.iter().sum::<u64>());
        watch.until(end + 60_000.0);
        prop_assert_eq!(watch.play.world.missing_results(), 0, "{:?}", watch.play.story(0.0, 1e9));
        prop_assert_eq!(watch.play.world.position_records(), account.sent as f64);

        let mut last: BTreeMap<i64, i64> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (window, count, written, visible) in watch.play.rows() {
            prop_assert!(written <= visible);
            prop_assert!(seen.insert(window) || !exactly_once, "window {} twice under exactly-once", window);
            last.insert(window, count);
        }
        let truth = watch.play.world.truth().expect("a job");
        let truth: BTreeMap<i64, i64> = truth.iter().map(|total| (total.window_start_epoch_ms, total.count)).collect();
        prop_assert_eq!(truth.values().sum::<i64>(), account.sent as i64);
        prop_assert_eq!(last, truth);
        prop_assert!(watch.play.told.is_sorted_by(|one, next| one.0 <= next.0));
    }

    #[test]
    fn the_same_calls_give_the_same_world(seed in 0_u64..1_000, acts in acts()) {
        let told = || {
            let mut watch = Watch {
                play: stage(seed, false, 700.0, vec![9_000; 10]).begin().watched(),
                stood: BTreeMap::new(),
                held: BTreeMap::new(),
                read: 0,
            };
            for act in &acts {
                watch.act(act);
            }
            watch.play.told
        };
        prop_assert_eq!(told(), told());
    }
}

#[test]
fn samples_count_each_record_once_from_the_restored_checkpoint_on() {
    let mut stage = Stage::quick();
    stage.conduct.startup_period_ms = f64::INFINITY;
    let mut play = stage.begin().watched();
    play.until(21_000.0).signal("taskmanager-1", Signal::Kill).until(22_000.0).start("taskmanager-1");
    let restored = play.world.restored_records().floor();
    play.until(46_000.0);
    let probes = |attempt: u32| {
        let samples = play.told.iter().filter_map(|(_, told)| match told {
            Observation::Sample(sample) if sample.source == "probe" => Some(sample),
            _ => None,
        });
        samples.filter(move |sample| sample.values[0].2 == Some(attempt))
    };
    let last = play.attempt();
    for tick in probes(last).collect::<Vec<_>>().chunks(4) {
        let sum = |wanted: &dyn Fn(&str) -> bool| -> f64 {
            tick.iter().flat_map(|sample| &sample.values).filter(|value| wanted(&value.0)).map(|value| value.3).sum()
        };
        let positions = sum(&|name| name.starts_with("position."));
        assert_eq!(positions - sum(&|name| name == "records"), restored);
        let at = tick[0].at_epoch_ms - NOW;
        assert!((positions - at * 10.0).abs() < 20.0, "it has caught up by {at}: {positions}");
    }
    assert_eq!(probes(0).count(), 4 * 4, "at 5, 10, 15 and 20 s: before, there was no record, after, no job");
    assert!(play.told.iter().all(|(_, told)| !matches!(told, Observation::Sample(sample) if sample.values.is_empty())));
}

/// Debug builds are some tenfold slower, and machines that test are busy: the best of several is what it takes.
#[test]
fn an_hour_is_soon_over() {
    let took = || {
        let mut stage = Stage::quick();
        stage.conduct = Conduct::default();
        stage.job.interval_ms = Some(5_000.0);
        stage.job.window = Some(Windows { length_ms: 7_200_000, out_of_orderness_ms: 60_000 });
        stage.load = Load::Rows(Rows {
            bucket_ms: 7_200_000,
            first_bucket_epoch_ms: 0,
            counts: vec![9_000; 3_600],
            cents: Vec::new(),
            event_0_epoch_ms: 0,
            last_event_epoch_ms: 7_200_000 * 3_600 - 1,
            speed: 7_200.0,
            start_epoch_ms: NOW,
        });
        let mut play = stage.begin().watched();
        let begin = Instant::now();
        for fault in 1..6 {
            play.until(f64::from(fault) * 600e3).signal("taskmanager-1", Signal::Kill);
            play.until(f64::from(fault) * 600e3 + 60e3).start("taskmanager-1");
        }
        play.until(3_600e3);
        assert!(play.rows().len() > 3_590, "{}", play.rows().len());
        begin.elapsed().as_secs_f64() * 1e3
    };
    let best = (0..5).map(|_| took()).fold(f64::INFINITY, f64::min);
    let limit = if cfg!(debug_assertions) { 1_000.0 } else { 50.0 };
    assert!(best < limit, "{best} ms");
}
