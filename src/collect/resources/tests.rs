//! The kernel's text as it was seen on real machines, and the counters of this very process.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::gc::{GcLog, Pauses};
use super::local::LocalResources;
use super::proc::{self, Named, Units};
use super::sockets::{Ledger, TcpSocket, Traffic, list, open_sockets};
use crate::clock::Clock;
use crate::cluster::{Role, RunningProcess};
use crate::record::Sample;

const UNITS: Units = Units { ticks_per_s: 100, page_bytes: 4096 };

fn value(values: &[Named], name: &str) -> Option<f64> {
    values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

#[test]
fn a_process_tells_its_cpu_seconds_and_its_memory() {
    let stat = include_str!("fixtures/pid_stat");
    let values = proc::process(stat, UNITS).expect("it is a stat").expect("it lives");
    assert_eq!(value(&values, "cpu_s"), Some(41.27));
    assert_eq!(value(&values, "memory_bytes"), Some(135_168.0 * 4096.0));
    let ended = stat.replace(") S ", ") Z ");
    assert_eq!(proc::process(&ended, UNITS).expect("it is a stat"), None);
    assert!(proc::process("1234", UNITS).is_err());
}

#[test]
fn bytes_that_never_reach_the_disk_stand_apart() {
    let values = proc::process_disk(include_str!("fixtures/pid_io")).expect("it is an io");
    assert_eq!(
        values,
        [("disk_read_bytes", 1_048_576.0), ("disk_written_bytes", 8_192_000.0), ("disk_cancelled_bytes", 4_096.0)]
    );
}

#[test]
fn busy_time_of_a_host_holds_neither_idle_nor_stolen_time() {
    let values = proc::host_cpu(include_str!("fixtures/stat"), UNITS).expect("it is a stat");
    let expected = [("cpu_s", 101.64), ("cpu_iowait_s", 0.35), ("cpu_steal_s", 0.07)];
    for ((name, value), (expected_name, expected)) in values.iter().zip(expected) {
        assert_eq!(*name, expected_name);
        assert!((value - expected).abs() < 1e-9, "{name} {value}");
    }
    assert_eq!(values.len(), 3);
}

#[test]
fn memory_of_a_host_is_what_nobody_else_could_have() {
    let values = proc::host_memory(include_str!("fixtures/meminfo")).expect("it is a meminfo");
    assert_eq!(values, [("memory_bytes", f64::from(24_684_000 - 22_325_000) * 1024.0)]);
}

#[test]
fn a_disk_counts_once_though_its_partitions_and_its_volumes_are_listed_too() {
    let values = proc::host_disk(include_str!("fixtures/diskstats")).expect("it is a diskstats");
    assert_eq!(
        values,
        [("disk_read_bytes", (1000 + 10) as f64 * 512.0), ("disk_written_bytes", (2000 + 20) as f64 * 512.0)]
    );
}

#[test]
fn loopback_stands_apart() {
    let values = proc::host_network(include_str!("fixtures/net_dev")).expect("it is a dev");
    let expected = [
        ("net_sent_bytes", 5_805_229.0),
        ("net_received_bytes", 1_484_467_473.0),
        ("loopback_bytes", 15_867_729_188.0),
    ];
    assert_eq!(values, expected);
}

#[test]
fn pauses_count_and_concurrent_work_does_not() {
    let log = include_str!("fixtures/gc.log");
    let mut whole = Pauses::default();
    whole.push(log);
    assert_eq!(value(&whole.values(), "gc_count"), Some(5.0));
    let seconds = value(&whole.values(), "gc_pause_s").expect("it is told");
    assert!((seconds - 0.033_551).abs() < 1e-9, "{seconds}");
    // However the log is cut, it tells the same.
    for cut in 0..log.len() {
        let mut parts = Pauses::default();
        parts.push(&log[..cut]);
        parts.push(&log[cut..]);
        assert_eq!(parts.values(), whole.values());
    }
}

#[test]
fn a_log_that_is_not_there_yet_tells_nothing_and_later_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("taskmanager-1.gc.log");
    let mut log = GcLog::new(path.clone());
    assert_eq!(log.read(), []);
    std::fs::write(&path, "[x] GC(0) Pause Full (System.gc()) 8M->1M(30M) 2.500ms\n").expect("written");
    assert_eq!(log.read(), [("gc_count", 1.0), ("gc_pause_s", 0.0025)]);
    assert_eq!(log.read(), [("gc_count", 1.0), ("gc_pause_s", 0.0025)]);
}

fn socket(inode: u32, sent: u64, received: u64) -> TcpSocket {
    TcpSocket { inode, traffic: Traffic { sent, received } }
}

#[test]
fn traffic_of_a_process_goes_on_when_its_sockets_close() {
    let owned = |pid: u32| HashMap::from([(7, HashSet::from([1, 2])), (8, HashSet::from([3]))])[&pid].clone();
    let mut ledger = Ledger::default();
    ledger.update(&[7, 8], &[socket(1, 100, 10), socket(3, 5, 5), socket(9, 1000, 1000)], owned);
    assert_eq!(ledger.traffic(7), Some(Traffic { sent: 100, received: 10 }));
    ledger.update(&[7, 8], &[socket(1, 150, 10), socket(2, 30, 1), socket(3, 6, 5)], owned);
    ledger.update(&[7, 8], &[socket(2, 30, 2)], owned);
    assert_eq!(ledger.traffic(7), Some(Traffic { sent: 180, received: 12 }));
    assert_eq!(ledger.traffic(8), Some(Traffic { sent: 6, received: 5 }));
    ledger.update(&[8], &[], owned);
    assert_eq!(ledger.traffic(7), None);
}

#[test]
fn a_socket_that_shows_up_before_its_owner_is_looked_for_again_and_then_no_more() {
    let looks = std::cell::Cell::new(0);
    let late = |_pid: u32| {
        looks.set(looks.get() + 1);
        if looks.get() > 1 { HashSet::from([1]) } else { HashSet::new() }
    };
    let mut ledger = Ledger::default();
    for sent in [10, 20, 30, 40] {
        ledger.update(&[7], &[socket(1, sent, 0), socket(9, sent, 0)], late);
    }
    assert_eq!(ledger.traffic(7), Some(Traffic { sent: 40, received: 0 }));
    assert_eq!(looks.get(), 2, "neither its owner nor the stranger is looked for again");
}

#[test]
fn bytes_over_a_real_socket_are_found_at_their_owner() {
    const BYTES: usize = 1 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let mut client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (mut server, _) = listener.accept().expect("it was called");
    let own = std::process::id();
    let mut ledger = Ledger::default();
    ledger.update(&[own], &list().expect("this kernel lists its sockets"), open_sockets);
    let before = ledger.traffic(own).expect("we live");
    let sender = std::thread::spawn(move || client.write_all(&vec![1; BYTES]).map(|()| client));
    let mut received = vec![0; BYTES];
    server.read_exact(&mut received).expect("all of it arrives");
    let client = sender.join().expect("it sends").expect("it is sent");
    ledger.update(&[own], &list().expect("this kernel lists its sockets"), open_sockets);
    drop(client);
    let after = ledger.traffic(own).expect("we live");
    // Both ends are ours. Other tests of this process may carry more; the last segment may be unacknowledged.
    assert!(after.received - before.received >= BYTES as u64, "{before:?} {after:?}");
    assert!(after.sent - before.sent >= BYTES as u64 / 2, "{before:?} {after:?}");
}

/// CPU seconds of the calling thread.
fn thread_cpu_s() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives for the call.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[test]
fn reading_five_processes_every_500_ms_takes_less_than_one_percent_of_a_core() {
    const READINGS: u32 = 10;
    let process = |number: u32| RunningProcess {
        instance: format!("taskmanager-{number}"),
        role: Role::TaskManager,
        incarnation: 1,
        pid: std::process::id(),
        started_epoch_ms: 0.0,
        gc_log: "nowhere".into(),
    };
    let mut resources = LocalResources::new("local", Clock::start(), Box::new(move || (1..=4).map(process).collect()));
    resources.read().expect("it is read");
    let mut batch = || {
        let before = thread_cpu_s();
        for _ in 0..READINGS {
            assert!(resources.read().expect("it is read").len() >= 5);
        }
        (thread_cpu_s() - before) / f64::from(READINGS)
    };
    // The least of several: other tests fight for the caches.
    let each_s = (0..5).map(|_| batch()).fold(f64::INFINITY, f64::min);
    assert!(each_s < 0.01 * 0.5, "{:.2} ms of CPU for each reading", each_s * 1e3);
}

#[test]
fn this_process_is_read_as_it_works() {
    let mut resources = LocalResources::new("local", Clock::start(), Box::new(Vec::new));
    let of = |samples: &[Sample], source: &str, name: &str| {
        let sample = samples.iter().find(|sample| sample.source == source).expect("it is sampled");
        let value = sample.values.iter().find(|value| value.0 == name);
        value.unwrap_or_else(|| panic!("{source} has no {name}")).3
    };
    let begin = std::time::Instant::now();
    let before = resources.read().expect("it is read");
    let mut spun = 0_u64;
    while of(&resources.read().expect("it is read"), "cprun", "cpu_s") - of(&before, "cprun", "cpu_s") < 0.2 {
        spun = std::hint::black_box(spun.wrapping_add(1));
        assert!(begin.elapsed().as_secs() < 60, "no CPU time is seen");
    }
    // A reader of its own, because one reads the host no more than once a second.
    let after = LocalResources::new("local", Clock::start(), Box::new(Vec::new)).read().expect("it is read");
    // Several tests may work at once, each on a core.
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let gained = |name: &str| of(&after, "cprun", name) - of(&before, "cprun", name);
    assert!(gained("cpu_s") <= begin.elapsed().as_secs_f64() * cores + 0.5);
    assert!(of(&after, "cprun", "memory_bytes") > 1e6);
    for name in ["cpu_s", "memory_bytes", "disk_written_bytes", "loopback_bytes"] {
        assert!(of(&after, "host:local", name) >= of(&before, "host:local", name) * 0.5, "{name}");
    }
    assert!(of(&after, "host:local", "cpu_s") > of(&before, "host:local", "cpu_s"));
    assert!(of(&after, "cprun", "net_sent_bytes") >= 0.0);
}
