//! From the text of Linux's /proc to values in SI units. Pure, whatever host the text is of.

use procfs_core::net::InterfaceDeviceStatus;
use procfs_core::process::{Io, Stat};
use procfs_core::{DiskStats, ExplicitSystemInfo, FromRead, FromReadSI, KernelStats, Meminfo, ProcError};

use crate::error::{Error, Result};

/// A value and the name under which it is recorded.
pub type Named = (&'static str, f64);

/// What the kernel's text counts in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    pub ticks_per_s: u64,
    pub page_bytes: u64,
}

/// The kernel counts sectors of 512 bytes, whatever the disk's own are.
const SECTOR_BYTES: f64 = 512.0;

/// CPU seconds and resident memory from `/proc/PID/stat`; None of a process that has ended and is not reaped.
pub fn process(stat: &str, units: Units) -> Result<Option<Vec<Named>>> {
    let stat = Stat::from_read(stat.as_bytes()).map_err(|error| unreadable("/proc/PID/stat", &error))?;
    if matches!(stat.state, 'Z' | 'X' | 'x') {
        return Ok(None);
    }
    let ticks = (stat.utime + stat.stime) as f64;
    let memory = (stat.rss * units.page_bytes) as f64;
    Ok(Some(vec![("cpu_s", ticks / units.ticks_per_s as f64), ("memory_bytes", memory)]))
}

/// Bytes from `/proc/PID/io`. A page counts as written when it becomes dirty; one whose file is removed before
/// the kernel wrote it counts as cancelled, too, at the process that removed it. They stand apart because their
/// difference would not only grow.
pub fn process_disk(io: &str) -> Result<Vec<Named>> {
    let io = Io::from_read(io.as_bytes()).map_err(|error| unreadable("/proc/PID/io", &error))?;
    Ok(vec![
        ("disk_read_bytes", io.read_bytes as f64),
        ("disk_written_bytes", io.write_bytes as f64),
        ("disk_cancelled_bytes", io.cancelled_write_bytes as f64),
    ])
}

/// CPU seconds of all cores from `/proc/stat`.
pub fn host_cpu(stat: &str, units: Units) -> Result<Vec<Named>> {
    let info = ExplicitSystemInfo {
        boot_time_secs: 0,
        ticks_per_second: units.ticks_per_s,
        page_size: units.page_bytes,
        is_little_endian: cfg!(target_endian = "little"),
    };
    let stats = KernelStats::from_read(stat.as_bytes(), &info).map_err(|error| unreadable("/proc/stat", &error))?.total;
    let seconds = |ticks: u64| ticks as f64 / units.ticks_per_s as f64;
    // Guest time is part of user time already.
    let busy =
        stats.user + stats.nice + stats.system + stats.irq.unwrap_or_default() + stats.softirq.unwrap_or_default();
    let mut values = vec![("cpu_s", seconds(busy))];
    values.extend(stats.iowait.map(|ticks| ("cpu_iowait_s", seconds(ticks))));
    values.extend(stats.steal.map(|ticks| ("cpu_steal_s", seconds(ticks))));
    Ok(values)
}

/// Memory that is not available from `/proc/meminfo`.
pub fn host_memory(meminfo: &str) -> Result<Vec<Named>> {
    let memory = Meminfo::from_read(meminfo.as_bytes()).map_err(|error| unreadable("/proc/meminfo", &error))?;
    let used = memory.mem_available.map(|available| memory.mem_total.saturating_sub(available));
    Ok(used.map(|used| ("memory_bytes", used as f64)).into_iter().collect())
}

/// Bytes of whole disks from `/proc/diskstats`.
pub fn host_disk(diskstats: &str) -> Result<Vec<Named>> {
    let DiskStats(devices) =
        DiskStats::from_read(diskstats.as_bytes()).map_err(|error| unreadable("/proc/diskstats", &error))?;
    let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
    let (mut read, mut written) = (0, 0);
    for device in devices.iter().filter(|device| is_whole_disk(&device.name, &names)) {
        read += device.sectors_read;
        written += device.sectors_written;
    }
    let bytes = |sectors: u64| sectors as f64 * SECTOR_BYTES;
    Ok(vec![("disk_read_bytes", bytes(read)), ("disk_written_bytes", bytes(written))])
}

/// Neither a partition of a listed disk, which counts what the disk counts, nor made of other disks or memory.
fn is_whole_disk(name: &str, all: &[&str]) -> bool {
    let made_of_others = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];
    let is_partition_of = |disk: &&str| {
        let number = name.strip_prefix(disk).map(|rest| rest.strip_prefix('p').unwrap_or(rest));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    !made_of_others.iter().any(|kind| name.starts_with(kind)) && !all.iter().any(is_partition_of)
}

/// Bytes of all interfaces but loopback, and of loopback, from `/proc/net/dev`.
pub fn host_network(dev: &str) -> Result<Vec<Named>> {
    let InterfaceDeviceStatus(interfaces) =
        InterfaceDeviceStatus::from_read(dev.as_bytes()).map_err(|error| unreadable("/proc/net/dev", &error))?;
    let others = || interfaces.iter().filter(|(name, _)| name.as_str() != "lo").map(|(_, status)| status);
    let sent: u64 = others().map(|status| status.sent_bytes).sum();
    let received: u64 = others().map(|status| status.recv_bytes).sum();
    let mut values = vec![("net_sent_bytes", sent as f64), ("net_received_bytes", received as f64)];
    values.extend(interfaces.get("lo").map(|status| ("loopback_bytes", status.sent_bytes as f64)));
    Ok(values)
}

fn unreadable(file: &str, error: &ProcError) -> Error {
    Error::target(format!("{file} cannot be understood: {error}"))
}
