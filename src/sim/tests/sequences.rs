//! Single recoveries, event by event, against timelines that were worked out by hand.
//!
//! All constants have their defaults without noise: the job's RUNNING at 260, its tasks INITIALIZING at 450 and
//! RUNNING at 570, the first record at 670. Only the phases of triggers and heartbeats are left to chance.

use super::*;

/// As `Stage::quick`, with a Flink that waits for TaskManagers instead of refusing at once, and that loses a killed
/// one after 1.8 to 2 s: after the first restart, and before the second.
fn patient() -> Stage {
    let mut stage = Stage::quick();
    stage.conduct.heartbeat_failures = 10;
    stage.job.settings.heartbeat_interval_ms = Some(200.0);
    stage.conduct.startup_period_ms = f64::INFINITY;
    stage.conduct.restore_bytes_per_s = None;
    stage
}

/// Windows of a second over a data set replayed at its own speed: ten a millisecond, sixty seconds of it.
fn windowed(exactly_once: bool) -> Stage {
    let mut stage = patient();
    let start = NOW.ceil() as i64;
    stage.job.window = Some(Windows { length_ms: 1_000, out_of_orderness_ms: 100 });
    stage.job.exactly_once = exactly_once;
    stage.load = Load::Rows(Rows {
        bucket_ms: 1_000,
        first_bucket_epoch_ms: 1_000_000,
        counts: vec![10_000; 60],
        cents: vec![500; 60],
        event_0_epoch_ms: 1_000_000,
        last_event_epoch_ms: 1_059_999,
        speed: 1.0,
        start_epoch_ms: start as f64,
    });
    stage
}

#[test]
fn a_job_begins_in_flinks_order() {
    let mut play = patient().begin().watched();
    play.until(1_000.0);
    assert_eq!(
        play.story(0.0, 1_000.0),
        [
            "0 INITIALIZING",
            "0 taskmanager-1+taskmanager-2",
            "130 CREATED",
            "260 RUNNING",
            "450 task 0.0 INITIALIZING",
            "570 task 0.0 RUNNING",
        ]
    );
    play.until(5_000.0);
    // What was offered before the first record is read at capacity, the rest as it comes.
    assert!((play.world.position_records() - 50_000.0).abs() < 10.0, "{}", play.world.position_records());
}

#[test]
fn a_kill_without_a_spare_slot_waits_for_the_instance() {
    let mut play = patient().begin().watched();
    play.until(10_000.0).signal("taskmanager-1", Signal::Kill);
    play.until(13_000.0).start("taskmanager-1");
    let first = play.until_first(play.attempt());
    let mut story = play.story(10_000.0, 18_000.0);
    // Failed heartbeats take it off the list; until then the job is sent to it.
    let off =
        story.iter().position(|line| line.split(' ').nth(1) == Some("taskmanager-2")).expect("it leaves the list");
    let off_ms: f64 = story[off].split(' ').next().expect("a time").parse().expect("a number");
    assert!((11_800.0..=12_000.0).contains(&off_ms), "{off_ms}");
    story.remove(off);
    let restored = format!("restored {}", play.completed().last().expect("ten seconds of them").0);
    let attempt = |at: u32| [format!("{at} RUNNING"), format!("{at} {restored}")];
    let expected = [
        vec!["10240 RemoteTransportException taskmanager-2".to_owned(), "10240 RESTARTING".into()],
        attempt(11_240).to_vec(),
        vec!["11256 RecipientUnreachableException taskmanager-1".into(), "11256 RESTARTING".into()],
        attempt(12_256).to_vec(),
        vec![
            "17300 taskmanager-1.2+taskmanager-2".into(),
            "17640 task 0.2 INITIALIZING".into(),
            "17760 task 0.2 RUNNING".into(),
        ],
    ];
    assert_eq!(story, expected.concat());
    assert!((first - 17_860.0).abs() < 0.01, "R is hold, JVM, slots, deployment, start: {first}");
}

#[test]
fn a_stop_deregisters_and_is_never_deployed_to() {
    let mut play = patient().begin().watched();
    let gone = play.until(10_000.0).world.signal("taskmanager-2", Signal::Stop).expect("it runs");
    assert!((gone.expect("it ends") - NOW - 10_500.0).abs() < 0.01);
    play.until(12_000.0);
    let restored = play.completed().last().expect("ten seconds of them").0;
    let expected = [
        "10100 taskmanager-1".to_owned(),
        "10100 FlinkException taskmanager-2".into(),
        "10100 RESTARTING".into(),
        "11100 RUNNING".into(),
        format!("11100 restored {restored}"),
    ];
    assert_eq!(play.story(10_000.0, 12_000.0), expected);
    assert_eq!(play.world.overview().slots_available, 2);
}

#[test]
fn a_short_hang_is_a_stall_and_no_failure() {
    let mut play = patient().begin().watched();
    play.until(10_000.0).signal("taskmanager-1", Signal::Hang);
    let position = play.world.position_records();
    play.until(13_000.0);
    assert_eq!(play.world.position_records(), position);
    play.signal("taskmanager-1", Signal::Continue).until(20_000.0);
    assert_eq!(play.attempt(), 0);
    assert!((play.world.position_records() - 200_000.0).abs() < 10.0);
    assert_eq!(play.story(1_000.0, 20_000.0), Vec::<String>::new());
    let longest = play.completed().iter().map(|&(.., duration)| duration).fold(0.0, f64::max);
    assert!(longest > 2_000.0, "a checkpoint stood still with it: {longest}");
}

#[test]
fn a_long_hang_is_found_by_heartbeats_alone() {
    let mut play = patient().begin().watched();
    play.until(10_000.0).signal("taskmanager-1", Signal::Hang);
    play.until(20_000.0).signal("taskmanager-1", Signal::Continue);
    play.until(25_000.0);
    let story = play.story(10_000.0, 25_000.0);
    let lost: f64 = story[0].split(' ').next().expect("a time").parse().expect("a number");
    assert!((14_800.0..=15_000.0).contains(&lost), "timeout less the age of the last heartbeat: {lost}");
    assert!(story[0].ends_with(" taskmanager-2") && story[1].ends_with("TimeoutException taskmanager-1"), "{story:?}");
    // The process is the same one, and comes back under its name.
    assert!(story.contains(&"20500 taskmanager-1+taskmanager-2".to_owned()), "{story:?}");
    assert_eq!(play.attempt(), 1);
    assert!(play.story(20_000.0, 25_000.0).contains(&"20960 task 0.1 RUNNING".to_owned()), "{story:?}");
}

#[test]
fn a_kill_during_recovery_begins_it_again() {
    let mut play = patient().begin();
    play.until(10_000.0).signal("taskmanager-1", Signal::Kill);
    play.until(13_000.0).start("taskmanager-1");
    // Its tasks are being deployed when the other one dies.
    play.until(17_500.0);
    let restored = play.world.restored_records();
    play.signal("taskmanager-2", Signal::Kill).until(20_500.0).start("taskmanager-2");
    let attempt = play.attempt();
    assert!((play.until_first(attempt) - 25_360.0).abs() < 0.01);
    assert_eq!(play.world.job(play.id).expect("it runs").restarts, 4);
    assert!(play.world.restored_records() == restored, "nothing was completed in between");
}

#[test]
fn with_spare_slots_nobody_waits_for_the_instance() {
    let mut stage = patient();
    stage.taskmanagers = 3;
    let mut play = stage.begin().watched();
    play.until(10_000.0).signal("taskmanager-1", Signal::Kill);
    let first = play.until_first(2);
    // One attempt onto the dead one, one after it has left the list: two delays, and the start.
    assert!((first - (10_240.0 + 1_016.0 + 1_000.0 + 410.0)).abs() < 0.01, "{first}");
    let hit = play.world.subtasks(play.id).expect("it runs");
    assert!(hit.iter().all(|subtask| subtask.taskmanager.as_deref() != Some("taskmanager-1")));
}

#[test]
fn a_flink_that_runs_long_enough_refuses_and_the_job_restarts_again_and_again() {
    let mut stage = patient();
    stage.conduct.startup_period_ms = 5_000.0;
    let mut play = stage.begin().watched();
    play.until(10_000.0).signal("taskmanager-1", Signal::Kill);
    play.until(13_000.0).start("taskmanager-1").until(20_000.0);
    let story = play.story(10_000.0, 20_000.0);
    let refused = story.iter().filter(|line| line.ends_with("CompletionException -")).count();
    assert_eq!((refused, play.attempt()), (5, 7), "{story:?}");
    // Back on the list at 17.3 s, the job still sits out its delay.
    assert!(story.contains(&"17656 RUNNING".to_owned()), "{story:?}");
}

#[test]
fn without_a_checkpoint_the_job_begins_from_the_start() {
    let mut stage = patient();
    stage.job.interval_ms = None;
    let mut play = stage.begin().watched();
    play.until(10_000.0).signal("taskmanager-1", Signal::Stop).until(11_000.0).start("taskmanager-1");
    assert_eq!((play.world.restored_records(), play.world.position_records() > 90_000.0), (0.0, true));
    play.until_first(1);
    assert!(play.world.position_records() < 1_000.0);
    assert!(!play.story(0.0, 20_000.0).iter().any(|line| line.contains("restored")));
}

#[test]
fn triggers_keep_their_grid_and_min_pause_moves_it() {
    let distances = |duration_ms: f64, min_pause_ms: f64| {
        let mut stage = patient();
        stage.conduct.snapshot_base_ms = duration_ms;
        stage.conduct.snapshot_bytes_per_s = f64::INFINITY;
        stage.job.settings.min_pause_ms = Some(min_pause_ms);
        let mut play = stage.begin().watched();
        play.until(60_000.0);
        let triggers: Vec<f64> = play.completed().iter().map(|&(_, trigger, _)| trigger).collect();
        assert!((570.0..=1_570.0).contains(&triggers[0]), "the first at random within T: {}", triggers[0]);
        triggers.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<f64>>()
    };
    let all = |distances: Vec<f64>, expected: f64| distances.iter().all(|one| (one - expected).abs() < 1e-3);
    assert!(all(distances(200.0, 0.0), 1_000.0));
    assert!(all(distances(1_500.0, 0.0), 1_500.0), "back to back");
    assert!(all(distances(1_500.0, 500.0), 2_000.0), "duration and pause");
    assert!(all(distances(800.0, 500.0), 1_300.0), "duration and pause");
}

#[test]
fn a_checkpoint_that_expires_fails_the_job() {
    let mut stage = patient();
    stage.conduct.snapshot_base_ms = 5_000.0;
    stage.job.settings.checkpoint_timeout_ms = Some(2_000.0);
    let mut play = stage.begin().watched();
    play.until(5_000.0);
    let summary = play.world.checkpoints(play.id).expect("it runs");
    assert_eq!((summary.completed, summary.failed, summary.restored), (0, 1, None));
    assert!(play.story(0.0, 5_000.0).iter().any(|line| line.contains("FlinkRuntimeException")));
}

#[test]
fn at_least_once_writes_again_what_the_rewind_closes_again() {
    let mut play = windowed(false).begin().watched();
    play.until(9_900.0);
    let fired = play.rows().len();
    // Windows of the eighth and ninth second closed after the checkpoint that is restored.
    play.signal("taskmanager-1", Signal::Stop).until(12_000.0).start("taskmanager-1").until(70_000.0);
    let end = play.world.stop_offering(true).expect("a replay runs");
    play.until(75_000.0);
    assert_eq!((end.sent, end.last_event_epoch_ms, play.world.progress().finished), (600_000, 1_059_999, true));
    let mut by_window: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (start, count, written, visible) in play.rows() {
        by_window.entry(start).or_default().push(count);
        assert!((visible - written - 4.0).abs() < 1e-3);
    }
    assert!(fired >= 8 && by_window.len() == 60, "{fired}, {}", by_window.len());
    assert!(by_window.values().flatten().all(|&count| count == 10_000), "{by_window:?}");
    assert!(by_window.values().all(|counts| counts.len() <= 2));
    assert_eq!(play.world.missing_results(), 0);
    assert_eq!(play.world.truth().expect("a job").len(), 60);
}

#[test]
fn a_window_is_written_when_its_watermark_has_passed() {
    let mut play = windowed(false).begin().watched();
    play.until(20_000.0);
    let start = NOW.ceil() - NOW;
    for (place, (window, _, written, _)) in play.rows().into_iter().enumerate() {
        assert_eq!(window, 1_000_000 + 1_000 * place as i64);
        // Its end, the bound on disorder, the way through the job; the first came before the job read.
        let due = start + 1_000.0 * (place as f64 + 1.0) + 100.0;
        assert!((written - due - 120.0).abs() < 0.01, "{place}: {written} {due}");
    }
}

#[test]
fn exactly_once_shows_rows_when_the_next_checkpoint_is_complete_and_never_twice() {
    let mut play = windowed(true).begin().watched();
    play.until(9_900.0).signal("taskmanager-1", Signal::Stop).until(12_000.0).start("taskmanager-1");
    play.until(70_000.0).world.stop_offering(true).expect("a replay runs");
    play.until(75_000.0);
    let completions: Vec<f64> = play.completed().iter().map(|&(_, trigger, duration)| trigger + duration).collect();
    let rows = play.rows();
    for &(window, _, written, visible) in &rows {
        let next = completions.iter().find(|&&at| at >= written - 1e-3).expect("one completes");
        // A window that closes during a checkpoint belongs to the one after it.
        let waited = visible - 14.0;
        assert!(completions.iter().any(|at| (at - waited).abs() < 1e-2), "{window}: {visible}");
        assert!(waited >= next - 1e-2, "{window}: written {written}, visible {visible}, complete {next}");
    }
    let mut windows: Vec<i64> = rows.iter().map(|row| row.0).collect();
    windows.dedup();
    assert_eq!((windows.len(), rows.len()), (60, 60));
}

#[test]
fn requests_are_answered_and_a_savepoint_begins_another_job() {
    let mut play = windowed(false).begin().watched();
    let early = play.world.trigger_checkpoint(play.id, Trigger::Manual).expect("the job is known");
    assert!(matches!(play.world.request(early), Ok(RequestStatus::Failed { .. })));
    play.until(5_000.0);
    let manual = play.world.trigger_checkpoint(play.id, Trigger::Manual).expect("the job is known");
    let savepoint = play.world.trigger_checkpoint(play.id, Trigger::Savepoint).expect("the job is known");
    assert_eq!(play.world.request(manual).expect("known"), RequestStatus::Pending);
    play.until(7_000.0);
    assert!(matches!(play.world.request(manual), Ok(RequestStatus::Completed { savepoint: None, .. })));
    let Ok(RequestStatus::Completed { savepoint: Some(from), checkpoint }) = play.world.request(savepoint) else {
        panic!("two seconds are enough: {:?}", play.world.request(savepoint));
    };
    assert_eq!(from.to_string().parse::<SavepointId>().expect("its own name"), from);
    play.world.cancel(play.id).expect("it runs");
    play.until(8_000.0);
    assert_eq!(play.world.job(play.id).expect("known").state, JobState::Canceled);
    let mut next = patient().job;
    next.from = Some(from);
    play.id = play.world.submit(next).expect("the other one has ended");
    assert_eq!(play.id.to_string().parse::<JobId>().expect("its own name"), play.id);
    play.until(8_500.0);
    assert!((45_000.0..65_000.0).contains(&play.world.position_records()), "{}", play.world.position_records());
    assert_eq!(play.world.checkpoints(play.id).expect("known").restored, Some(checkpoint));
}

#[test]
fn a_job_that_is_stopped_and_goes_on_loses_no_window_and_writes_none_twice() {
    for exactly_once in [false, true] {
        let mut play = windowed(exactly_once).begin().watched();
        play.until(10_250.0);
        let stop = play.world.trigger_checkpoint(play.id, Trigger::Stop).expect("the job is known");
        let mut last_attempt = 0;
        play.until(11_250.0);
        let mut position = play.world.position_records();
        let Ok(RequestStatus::Completed { savepoint: Some(from), checkpoint }) = play.world.request(stop) else {
            panic!("a second is enough: {:?}", play.world.request(stop));
        };
        assert_eq!(play.world.job(play.id).expect("known").state, JobState::Finished);
        let mut next = windowed(exactly_once).job;
        (next.from, next.interval_ms) = (Some(from), Some(3_000.0));
        play.id = play.world.submit(next).expect("the other one has ended");
        let begins = play.world.position_records();
        assert!((begins - position).abs() < 1e-6, "nothing was read after the barrier: {begins}, {position}");
        for at in 0..400 {
            play.until(11_250.0 + 100.0 * f64::from(at));
            assert!(play.world.position_records() >= position - 1e-6, "the position went back");
            position = play.world.position_records();
            last_attempt = play.attempt();
        }
        play.world.stop_offering(true).expect("it is offered");
        play.until(70_000.0);
        assert_eq!((last_attempt, play.world.missing_results()), (1, 0), "attempts are numbered on");
        assert_eq!(play.world.checkpoints(play.id).expect("known").restored, Some(checkpoint));
        let mut windows: Vec<i64> = play.rows().iter().map(|row| row.0).collect();
        let rows = windows.len();
        windows.sort_unstable();
        windows.dedup();
        assert_eq!(windows.len(), rows, "a window was written twice");
        let triggers: Vec<f64> = play.completed().iter().map(|one| one.1).filter(|at| *at > 12_000.0).collect();
        let even = triggers.windows(2).all(|pair| (pair[1] - pair[0] - 3_000.0).abs() < 1.0);
        assert!(triggers.len() > 8 && even, "the old job's triggers have ended with it: {triggers:?}");
        let ids: Vec<u64> = play.completed().iter().map(|one| one.0).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "checkpoints are numbered on: {ids:?}");
        let story = play.story(10_250.0, 13_000.0);
        let steps: Vec<&str> = story.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        let restored = format!("restored {checkpoint}");
        assert!(story.iter().any(|line| line.ends_with(&restored)), "{story:?}");
        let order = ["FINISHED", "INITIALIZING", "CREATED", "RUNNING"];
        let told: Vec<&str> = steps.into_iter().filter(|step| order.contains(step)).collect();
        assert_eq!(told, order, "{story:?}");
    }
}

#[test]
fn full_checkpoints_write_all_of_the_state() {
    let bytes = |full_checkpoints: bool| {
        let mut stage = windowed(false);
        stage.job.window = Some(Windows { length_ms: 600_000, out_of_orderness_ms: 100 });
        stage.job.settings.full_checkpoints = full_checkpoints;
        let mut play = stage.begin().watched();
        play.until(30_000.0);
        let last = play.completed().last().copied().expect("one a second");
        last.2
    };
    // 30 s of ten rows a millisecond, 100 bytes each, at 8 MB/s, against those of the last second.
    assert!(bytes(true) > 3_000.0 && bytes(false) < 500.0, "{} {}", bytes(true), bytes(false));
}

#[test]
fn fresh_taskmanagers_have_new_names_and_slots_once_they_are_registered() {
    let mut play = patient().begin();
    play.until(5_000.0);
    assert!(play.world.fresh_taskmanagers().is_err(), "a job runs");
    play.world.cancel(play.id).expect("it runs");
    play.until(6_000.0);
    let ready = play.world.fresh_taskmanagers().expect("no job runs");
    assert_eq!(play.world.overview().slots_total, 0);
    play.until(ready - NOW);
    assert_eq!(play.world.taskmanagers(), ["taskmanager-1.2", "taskmanager-2.2"]);
}

#[test]
fn a_cold_jvm_reads_slowly_for_a_while() {
    let mut stage = patient();
    stage.conduct.cold = Some(Cold { lasts_ms: 2_000.0, capacity_share: 0.5 });
    stage.job.interval_ms = None;
    stage.load = Load::Saturating { rows_per_event_ms: None };
    let mut play = stage.begin();
    play.until(670.0).until(2_670.0);
    assert!((play.world.position_records() - 60_000.0).abs() < 1.0, "half of 60 a ms");
    play.until(3_670.0);
    assert!((play.world.position_records() - 120_000.0).abs() < 1.0);
}

#[test]
fn state_that_stays_need_not_be_fetched() {
    let first = |local_recovery: bool| {
        let mut stage = patient();
        stage.taskmanagers = 1;
        stage.slots = 4;
        stage.conduct.restore_bytes_per_s = Some(25e3);
        stage.conduct.snapshot_base_ms = 3_000.0;
        stage.job.settings = JobSettings { local_recovery, checkpoint_timeout_ms: Some(4_000.0), ..stage.job.settings };
        let mut play = stage.begin();
        // A hang that outlasts the timeout of a checkpoint, but not of the heartbeats: only the job fails.
        play.until(10_000.0).signal("taskmanager-1", Signal::Hang).until(14_000.0);
        play.signal("taskmanager-1", Signal::Continue);
        play.until_first(1)
    };
    // 0.1 MB over four subtasks at 25 kB/s.
    assert!((first(false) - first(true) - 1_000.0).abs() < 1.0, "{} {}", first(false), first(true));
}

#[test]
fn what_cannot_be_is_refused() {
    let mut play = patient().begin();
    assert!(play.world.signal("kafka-1", Signal::Kill).is_err());
    assert!(play.world.signal("taskmanager-9", Signal::Kill).is_err());
    assert!(play.world.start("taskmanager-1").is_err());
    assert!(play.world.submit(patient().job).is_err(), "one runs");
    assert!(play.world.offer(TOPIC, Load::Rate { per_s: 1.0 }).is_err(), "one is offered");
    assert!(play.world.create_topic(TOPIC, 1).is_err());
    assert!(play.world.delete_topic("none").is_err());
    assert!(play.world.collect(0.0).is_err());
    assert!("0001".parse::<JobId>().is_err() && "savepoint".parse::<SavepointId>().is_err());
    play.world.advance_to(NOW - 1.0);
    assert_eq!(play.world.now_ms(), NOW);
}
