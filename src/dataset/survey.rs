//! What a data set holds: when, where, how many an hour, and what a replay of it would take.

use std::collections::BTreeMap;

use serde::Serialize;

use super::profile::{HOURS_OF_WEEK, hour_of_week};
use super::watch::{Watch, tick};
use super::{Account, Dataset, Drop, grouped};
use crate::dataset::period::show;
use crate::error::{Error, Result};

const HOUR_MS: i64 = 3_600_000;

/// The speed of the published study: two hours in a second.
const SPEED: f64 = 7_200.0;

#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    pub schema: u32,
    #[serde(flatten)]
    pub account: Account,
    pub columns: Vec<String>,
    /// 1st, 50th and 99th percentile of the pickup times of the rows kept.
    pub pickup_epoch_ms: BTreeMap<&'static str, i64>,
    pub zones: usize,
    pub busiest_zone: i64,
    pub busiest_zone_rows: u64,
    /// Sum of the total amounts.
    pub cents: i64,
    pub negative_amounts: u64,
    pub bytes_per_row: f64,
    pub rows_per_hour_mean: f64,
    pub rows_per_hour_max: u64,
    pub rows_per_hour_max_epoch_ms: i64,
    /// Mean rows in each hour of the week, Monday 00h first.
    pub rows_per_hour_of_week: Vec<f64>,
    pub replay_speed: f64,
    pub replay_s: f64,
    pub replay_rows_per_s_mean: f64,
    pub replay_rows_per_s_max: f64,
}

/// What was counted on the way through.
#[derive(Default)]
struct Counted {
    rows: u64,
    bytes: u64,
    cents: i64,
    negative: u64,
    zones: BTreeMap<i64, u64>,
    hours: BTreeMap<i64, u64>,
    first: Option<i64>,
    last: Option<i64>,
}

impl Survey {
    /// Reads all rows once.
    pub fn of(dataset: &Dataset, watch: &mut Watch<'_>) -> Result<Self> {
        let account = dataset.account();
        let counted = count(dataset, watch)?;
        let (Some(first), Some(last)) = (counted.first, counted.last) else {
            return Err(Error::script(format!("{} holds no row", dataset.name())).hint("choose a longer period"));
        };
        let hours = last.div_euclid(HOUR_MS) - first.div_euclid(HOUR_MS) + 1;
        let busiest = |counts: &BTreeMap<i64, u64>| {
            counts.iter().max_by_key(|(_, count)| **count).map(|(&at, &count)| (at, count))
        };
        let (busiest_zone, busiest_zone_rows) = busiest(&counted.zones).unwrap_or_default();
        let (busiest_hour, rows_per_hour_max) = busiest(&counted.hours).unwrap_or_default();
        let replay_s = (last - first) as f64 / 1e3 / SPEED;
        let mut account = Account { rows_kept: Some(counted.rows), ..account };
        account.first_epoch_ms = Some(first);
        account.last_epoch_ms = Some(last);
        Ok(Self {
            schema: 1,
            account,
            columns: columns(dataset.header()),
            pickup_epoch_ms: percentiles(dataset, counted.rows)?,
            zones: counted.zones.len(),
            busiest_zone,
            busiest_zone_rows,
            cents: counted.cents,
            negative_amounts: counted.negative,
            bytes_per_row: counted.bytes as f64 / counted.rows as f64,
            rows_per_hour_mean: counted.rows as f64 / hours as f64,
            rows_per_hour_max,
            rows_per_hour_max_epoch_ms: busiest_hour * HOUR_MS,
            rows_per_hour_of_week: of_week(&counted.hours, first.div_euclid(HOUR_MS)..last.div_euclid(HOUR_MS) + 1),
            replay_speed: SPEED,
            replay_s,
            replay_rows_per_s_mean: if replay_s > 0.0 { counted.rows as f64 / replay_s } else { 0.0 },
            replay_rows_per_s_max: rows_per_hour_max as f64 * SPEED / 3_600.0,
        })
    }

    /// For a person.
    #[must_use]
    pub fn text(&self) -> String {
        let account = &self.account;
        let mut text = format!("{}\n", account.name);
        let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<10}{value}\n"));
        if account.generated {
            line("rows", grouped(account.rows_kept.unwrap_or(0)));
        } else {
            line("rows", format!("{} read, {} kept", read(account), grouped(account.rows_kept.unwrap_or(0))));
            line("dropped", reasons(account));
            for file in &account.files {
                line(
                    "file",
                    format!(
                        "{}: {} rows, {} bytes, sha256 {}",
                        file.name,
                        grouped(file.rows),
                        grouped(file.bytes),
                        file.sha256
                    ),
                );
            }
        }
        line("columns", format!("{}: {}", self.columns.len(), self.columns.join(", ")));
        line("bounds", format!("{} to before {} ({})", account.from, account.to, account.bounds));
        let at = |name: &str| show(self.pickup_epoch_ms[name]);
        line(
            "pickups",
            format!(
                "first {}, 1 % {}, median {}, 99 % {}, last {}",
                account.first_epoch_ms.map(show).unwrap_or_default(),
                at("p1"),
                at("p50"),
                at("p99"),
                account.last_epoch_ms.map(show).unwrap_or_default(),
            ),
        );
        line(
            "zones",
            format!(
                "{}, the busiest {} with {} pickups",
                self.zones,
                self.busiest_zone,
                grouped(self.busiest_zone_rows)
            ),
        );
        line("amounts", format!("{} in all, {} rows below 0", money(self.cents), grouped(self.negative_amounts)));
        let (peak, mean) = self.peak_of_week();
        line(
            "hours",
            format!(
                "{:.0} rows in the mean hour, {} in the fullest ({})",
                self.rows_per_hour_mean,
                grouped(self.rows_per_hour_max),
                show(self.rows_per_hour_max_epoch_ms),
            ),
        );
        line("week", format!("fullest hour of the week: {peak}, {mean:.0} rows in the mean"));
        line(
            "replay",
            format!(
                "{} at {} times: {:.0} rows/s in the mean, {:.0} in the fullest hour, {:.0} bytes a row",
                duration(self.replay_s),
                self.replay_speed,
                self.replay_rows_per_s_mean,
                self.replay_rows_per_s_max,
                self.bytes_per_row,
            ),
        );
        text
    }

    fn peak_of_week(&self) -> (String, f64) {
        const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let peak = self.rows_per_hour_of_week.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let (hour, mean) = peak.map_or((0, 0.0), |(hour, &mean)| (hour, mean));
        (format!("{} {:02}h", DAYS[hour / 24], hour % 24), mean)
    }
}

/// All reasons with their counts, for a person.
#[must_use]
pub fn reasons(account: &Account) -> String {
    let one = |reason: Drop| {
        let count = account.rows_dropped.get(&reason).copied().unwrap_or(0);
        match reason {
            Drop::Range => format!("{} {reason} ({})", grouped(count), account.bounds_in_words()),
            _ => format!("{} {reason}", grouped(count)),
        }
    };
    let reasons: Vec<String> = Drop::ALL.into_iter().map(one).collect();
    format!("{}: {}", grouped(account.dropped()), reasons.join(", "))
}

fn read(account: &Account) -> String {
    grouped(account.rows_read.unwrap_or(0))
}

fn count(dataset: &Dataset, watch: &mut Watch<'_>) -> Result<Counted> {
    let mut counted = Counted::default();
    let mut stream = dataset.stream()?;
    let mut row = Vec::new();
    while stream.next(&mut row)?.is_some() {
        let trip = dataset
            .trip(&row)
            .map_err(|reason| Error::defect(format!("a kept row of {} has a bad {reason}", dataset.name())))?;
        counted.rows += 1;
        counted.bytes += row.len() as u64;
        counted.cents = counted.cents.wrapping_add(trip.cents);
        counted.negative += u64::from(trip.cents < 0);
        *counted.zones.entry(trip.zone).or_default() += 1;
        *counted.hours.entry(trip.event_epoch_ms.div_euclid(HOUR_MS)).or_default() += 1;
        counted.first.get_or_insert(trip.event_epoch_ms);
        counted.last = Some(trip.event_epoch_ms);
        tick(watch, "looking through the rows", counted.rows)?;
    }
    Ok(counted)
}

/// The rows are sorted, so a percentile is the row of its rank.
fn percentiles(dataset: &Dataset, rows: u64) -> Result<BTreeMap<&'static str, i64>> {
    let ranks =
        [("p1", 1), ("p50", 50), ("p99", 99)].map(|(name, percent)| (name, (rows * percent).div_ceil(100).max(1)));
    let mut stream = dataset.stream()?;
    let mut found = BTreeMap::new();
    let mut at = 0;
    while let Some(event_epoch_ms) = stream.skip()? {
        at += 1;
        found.extend(ranks.iter().filter(|(_, rank)| *rank == at).map(|(name, _)| (*name, event_epoch_ms)));
    }
    Ok(found)
}

/// Mean rows of each hour of the week over the hours that the data set spans.
fn of_week(hours: &BTreeMap<i64, u64>, span: std::ops::Range<i64>) -> Vec<f64> {
    let (mut rows, mut times) = ([0_u64; HOURS_OF_WEEK], [0_u64; HOURS_OF_WEEK]);
    for hour in span {
        times[hour_of_week(hour)] += 1;
        rows[hour_of_week(hour)] += hours.get(&hour).copied().unwrap_or(0);
    }
    rows.iter().zip(times).map(|(&rows, times)| if times == 0 { 0.0 } else { rows as f64 / times as f64 }).collect()
}

fn columns(header: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(header.as_bytes());
    let record = reader.records().next().and_then(std::result::Result::ok).unwrap_or_default();
    record.iter().map(|name| name.trim().to_owned()).collect()
}

/// `-1,234.05`
fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped(cents.unsigned_abs() / 100), cents.unsigned_abs() % 100)
}

/// `36 min 12 s`
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3_600, whole / 60 % 60),
    }
}
