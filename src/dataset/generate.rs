//! Generates trips with New York's rhythm, hour by hour, without ever holding more than an hour's times.
//!
//! Each hour has two ChaCha streams of its own: one for its times, one with a fixed number of words for each
//! row. So an hour is the same whichever period it is asked in, and a row whether or not those before it were
//! built. Only raw words are taken from the generator: `rand`'s distributions may change between versions,
//! the words of ChaCha8 may not.
//!
//! What is not modelled: zones do not depend on the hour, nor the drop-off on the pickup; no holidays, weather
//! or trend. No row is bad, so that a test that needs bad rows must add its own.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::account::Account;
use super::period::{Period, show};
use super::profile::{Profile, hour_of_week};
use super::{Columns, RowStream, grouped};
use crate::error::{Error, Result};

/// TLC's columns for yellow taxis in 2023.
pub const HEADER: &str = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,\
store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,\
improvement_surcharge,total_amount,congestion_surcharge,airport_fee";

pub const COLUMNS: Columns = Columns { pickup: 1, zone: 7, amount: 16 };

const HOUR_MS: i64 = 3_600_000;

/// 2200-01-01; later years would still print, but nobody means them.
const LATEST_EPOCH_MS: i64 = 7_258_118_400_000;

/// The trips of a seed within a period.
#[derive(Debug)]
pub struct Generator {
    seed: u64,
    period: Period,
    profile: Profile,
}

impl Generator {
    pub fn new(seed: u64, period: Period) -> Result<Self> {
        if period.from_epoch_ms < 0 || period.to_epoch_ms > LATEST_EPOCH_MS {
            return Err(Error::script(format!("cannot generate trips for {period}"))
                .hint("choose dates from 1970-01-01 to 2200-01-01"));
        }
        if period.from_epoch_ms >= period.to_epoch_ms {
            return Err(Error::script(format!("cannot generate trips for {period}: no time lies in it"))
                .hint("give the earlier date as `from` and the day after the last one as `to`"));
        }
        Ok(Self { seed, period, profile: Profile::load()? })
    }

    pub fn event_span_ms(&self) -> i64 {
        self.period.to_epoch_ms - self.period.from_epoch_ms
    }

    pub fn describe(&self) -> String {
        let expected: f64 = self.hours().map(|hour| self.profile.trips_per_hour[hour_of_week(hour)]).sum();
        format!(
            "generated trips: about {} rows with seed {}, none dropped, {} to before {}",
            grouped(expected as u64),
            self.seed,
            show(self.period.from_epoch_ms),
            show(self.period.to_epoch_ms),
        )
    }

    pub fn account(&self) -> Account {
        let mut account = Account::new("generated trips".to_owned(), self.period, "as generated".to_owned());
        account.generated = true;
        account.seed = Some(self.seed);
        account
    }

    /// Start and number of rows of each hour that the period touches, without drawing the rows. Of an hour at its
    /// edge the share that lies in the period.
    pub fn rows_by_hour(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.hours().map(|hour| {
            let (from, to) = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
            let within = to.min(self.period.to_epoch_ms) - from.max(self.period.from_epoch_ms);
            let rows = self.rows_of(hour, &mut self.stream(hour, 0));
            (from, (rows as f64 * within as f64 / HOUR_MS as f64).round() as u64)
        })
    }

    /// The first draw of an hour's stream.
    fn rows_of(&self, hour: i64, times: &mut ChaCha8Rng) -> usize {
        poisson(self.profile.trips_per_hour[hour_of_week(hour)], times)
    }

    /// Hours since the epoch that the period touches.
    fn hours(&self) -> std::ops::Range<i64> {
        let after = self.period.to_epoch_ms.div_euclid(HOUR_MS) + i64::from(self.period.to_epoch_ms % HOUR_MS != 0);
        self.period.from_epoch_ms.div_euclid(HOUR_MS)..after
    }

    fn stream(&self, hour: i64, purpose: u8) -> ChaCha8Rng {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..13].copy_from_slice(b"trips");
        seed[13] = purpose;
        let mut stream = ChaCha8Rng::from_seed(seed);
        stream.set_stream(hour as u64);
        stream
    }
}

/// The rows of a generator.
pub struct GeneratedStream {
    generator: Arc<Generator>,
    hours: std::ops::Range<i64>,
    /// Seconds within the hour of the pickups, sorted, and the next of them.
    seconds: Vec<u32>,
    at: usize,
    rows: ChaCha8Rng,
    /// Index of the row that `rows` stands at.
    rows_at: usize,
    hour_start_epoch_ms: i64,
    /// `yyyy-MM-dd HH:` of this hour and the next ones, which drop-offs may fall into.
    stamps: [[u8; 14]; 4],
}

impl GeneratedStream {
    pub fn new(generator: Arc<Generator>) -> Self {
        Self {
            hours: generator.hours(),
            rows: generator.stream(0, 1),
            generator,
            seconds: Vec::new(),
            at: 0,
            rows_at: 0,
            hour_start_epoch_ms: 0,
            stamps: [[0; 14]; 4],
        }
    }

    /// Draws the times of the next hour; false after the last one.
    fn next_hour(&mut self) -> bool {
        let Some(hour) = self.hours.next() else { return false };
        self.hour_start_epoch_ms = hour * HOUR_MS;
        let mut times = self.generator.stream(hour, 0);
        let trips = self.generator.rows_of(hour, &mut times);
        self.seconds.clear();
        self.seconds.extend((0..trips).map(|_| scaled(times.next_u32(), 3_600)));
        self.seconds.sort_unstable();
        self.at = 0;
        self.rows = self.generator.stream(hour, 1);
        self.rows_at = 0;
        for (offset, stamp) in self.stamps.iter_mut().enumerate() {
            *stamp = hour_stamp(self.hour_start_epoch_ms + offset as i64 * HOUR_MS);
        }
        true
    }

    /// Index within the hour, second within it and event time of the next row. An hour at the period's edge may
    /// lie in it only in part: its rows keep their index, and so their words.
    fn advance(&mut self) -> Option<(usize, u32, i64)> {
        loop {
            while let Some(&second) = self.seconds.get(self.at) {
                let index = self.at;
                self.at += 1;
                let event_epoch_ms = self.hour_start_epoch_ms + i64::from(second) * 1_000;
                if self.generator.period.contains(event_epoch_ms) {
                    return Some((index, second, event_epoch_ms));
                }
            }
            if !self.next_hour() {
                return None;
            }
        }
    }
}

impl RowStream for GeneratedStream {
    fn next(&mut self, row: &mut Vec<u8>) -> Result<Option<i64>> {
        row.clear();
        let Some((index, second, event_epoch_ms)) = self.advance() else { return Ok(None) };
        if self.rows_at != index {
            self.rows.set_word_pos(index as u128 * Words::COUNT as u128);
        }
        self.rows_at = index + 1;
        let hour_of_day = event_epoch_ms.div_euclid(HOUR_MS).rem_euclid(24);
        let weekend = hour_of_week(event_epoch_ms.div_euclid(HOUR_MS)) >= 5 * 24;
        let trip = Amounts::draw(&self.generator.profile, &Words::take(&mut self.rows), hour_of_day, weekend);
        trip.write(second, &self.stamps, row);
        Ok(Some(event_epoch_ms))
    }

    fn skip(&mut self) -> Result<Option<i64>> {
        Ok(self.advance().map(|(_, _, event_epoch_ms)| event_epoch_ms))
    }
}

/// The random words of one row.
struct Words([u32; Words::COUNT]);

impl Words {
    /// More than are used, so that a field may be added without moving the others; a multiple of the 16 words
    /// that ChaCha makes at a time costs no more than the words in use.
    const COUNT: usize = 16;

    fn take(stream: &mut ChaCha8Rng) -> Self {
        Self(std::array::from_fn(|_| stream.next_u32()))
    }
}

/// One trip before it is written; money in cents.
struct Amounts {
    vendor: u8,
    passengers: u8,
    distance_hundredths: i64,
    seconds: i64,
    rate_code: u8,
    stored: bool,
    pickup: u16,
    dropoff: u16,
    payment: u8,
    fare: i64,
    extra: i64,
    tax: i64,
    tip: i64,
    tolls: i64,
    improvement: i64,
    congestion: i64,
    airport: i64,
    /// -1 in a refund, which takes every amount back.
    sign: i64,
}

impl Amounts {
    fn draw(profile: &Profile, words: &Words, hour_of_day: i64, weekend: bool) -> Self {
        let word = &words.0;
        let pickup = profile.zones.draw(word[0], word[1]);
        let dropoff = profile.zones.draw(word[2], word[3]);
        // One rank for all three, a little apart, so that long trips take long and cost much.
        let rank = word[4];
        let total = profile.total_cents.at(rank);
        let distance_hundredths = profile.distance_hundredths.at(near(rank, word[5]));
        let seconds = profile.seconds.at(near(rank, word[6]));

        // The total is drawn, for windows add up totals; its parts are what a meter would have added in 2023,
        // as far as the total leaves room for them above a fare of 2.50.
        let tax = 50;
        let mut rest = total - tax;
        let mut part = |cents: i64, from_total: i64| {
            let cents = if total >= from_total { cents } else { 0 };
            rest -= cents;
            cents
        };
        let improvement = if total >= 400 { part(100, 0) } else { part(30, 0) };
        let congestion = part(250, 800);
        let at_airport = pickup == 132 || pickup == 138;
        let airport = part(if at_airport { 125 } else { 0 }, 2_000);
        let tolls = part(if share(word[7], 30) { 655 } else { 0 }, 5_000);
        let extra = part(
            match hour_of_day {
                16..20 if !weekend => 250,
                20.. | 0..6 => 100,
                _ => 0,
            },
            1_200,
        );
        let payment = match scaled(word[8], 100) {
            0..78 => 1,
            78..97 => 2,
            97..98 => 3,
            _ => 4,
        };
        // Meters run in dimes; what a card adds as a tip takes the rest.
        let fare = if payment == 1 && rest >= 400 { rest * 5 / 6 / 10 * 10 } else { rest };
        Self {
            vendor: if share(word[9], 73) { 2 } else { 1 },
            passengers: [1, 1, 1, 1, 1, 1, 1, 2, 2, 3][scaled(word[10], 10) as usize],
            distance_hundredths,
            seconds,
            rate_code: if total >= 6_000 && (pickup == 132 || dropoff == 132) { 2 } else { 1 },
            stored: scaled(word[11], 1_000) < 6,
            pickup,
            dropoff,
            payment,
            fare,
            extra,
            tax,
            tip: rest - fare,
            tolls,
            improvement,
            congestion,
            airport,
            sign: if word[12] < profile.negative { -1 } else { 1 },
        }
    }

    fn total(&self) -> i64 {
        let surcharges = self.extra + self.tax + self.improvement + self.congestion + self.airport;
        self.fare + surcharges + self.tip + self.tolls
    }

    fn write(&self, second: u32, stamps: &[[u8; 14]; 4], row: &mut Vec<u8>) {
        integer(row, u64::from(self.vendor));
        stamp(row, stamps, i64::from(second));
        stamp(row, stamps, i64::from(second) + self.seconds);
        row.push(b',');
        integer(row, u64::from(self.passengers));
        hundredths(row, self.distance_hundredths);
        row.extend_from_slice(if self.rate_code == 2 { b",2," } else { b",1," });
        row.push(if self.stored { b'Y' } else { b'N' });
        for number in [self.pickup, self.dropoff, u16::from(self.payment)] {
            row.push(b',');
            integer(row, u64::from(number));
        }
        for cents in [self.fare, self.extra, self.tax, self.tip, self.tolls, self.improvement] {
            hundredths(row, self.sign * cents);
        }
        hundredths(row, self.sign * self.total());
        hundredths(row, self.sign * self.congestion);
        hundredths(row, self.sign * self.airport);
    }
}

/// `,yyyy-MM-dd HH:mm:ss` of a second after the start of the hour of `stamps[0]`.
fn stamp(row: &mut Vec<u8>, stamps: &[[u8; 14]; 4], second: i64) {
    row.push(b',');
    // At most 3,599 + 7,514 s, three full hours: the profile's bound. A longer trip would end at their end.
    let second = second.min(4 * 3_600 - 1) as usize;
    row.extend_from_slice(&stamps[second / 3_600]);
    two_digits(row, second / 60 % 60);
    row.push(b':');
    two_digits(row, second % 60);
}

/// `yyyy-MM-dd HH:`
fn hour_stamp(epoch_ms: i64) -> [u8; 14] {
    let mut stamp = *b"0000-00-00 00:";
    // Within 1970 to 2200, so jiff has a date for it; `Generator::new` sees to that.
    if let Ok(time) = jiff::Timestamp::from_millisecond(epoch_ms) {
        let time = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let text = format!("{:04}-{:02}-{:02} {:02}:", time.year(), time.month(), time.day(), time.hour());
        stamp.copy_from_slice(&text.as_bytes()[..14]);
    }
    stamp
}

fn two_digits(row: &mut Vec<u8>, number: usize) {
    row.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

fn integer(row: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    row.extend_from_slice(&digits[at..]);
}

/// `,-12.05`
fn hundredths(row: &mut Vec<u8>, number: i64) {
    row.push(b',');
    if number < 0 {
        row.push(b'-');
    }
    let number = number.unsigned_abs();
    integer(row, number / 100);
    row.push(b'.');
    two_digits(row, (number % 100) as usize);
}

/// 0 to `below - 1`, evenly.
fn scaled(word: u32, below: u32) -> u32 {
    ((u64::from(word) * u64::from(below)) >> 32) as u32
}

fn share(word: u32, percent: u32) -> bool {
    scaled(word, 100) < percent
}

/// A rank at most a tenth away, thrown back at the ends, so that an even rank stays even.
fn near(rank: u32, word: u32) -> u32 {
    let away = (i64::from(word) - (1 << 31)) / 5;
    let moved = i64::from(rank) + away;
    let last = i64::from(u32::MAX);
    let inside = if moved < 0 {
        -moved
    } else if moved > last {
        2 * last - moved
    } else {
        moved
    };
    inside as u32
}

/// A Poisson number of trips by its normal limit, the normal as a sum of 12 even numbers: at 300 trips an hour
/// and more the difference does not show, and it needs no `exp`.
fn poisson(mean: f64, words: &mut ChaCha8Rng) -> usize {
    let sum: f64 = (0..12).map(|_| f64::from(words.next_u32()) / 4_294_967_296.0).sum();
    (mean + mean.sqrt() * (sum - 6.0)).round().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Dataset;
    use super::*;

    fn week() -> Period {
        Period::parse("2023-01-02", "2023-01-09").unwrap()
    }

    fn rows(dataset: &Dataset, count: usize) -> Vec<(i64, Vec<u8>)> {
        let mut stream = dataset.stream().unwrap();
        let mut row = Vec::new();
        let mut rows = Vec::new();
        while rows.len() < count {
            let Some(event) = stream.next(&mut row).unwrap() else { break };
            rows.push((event, row.clone()));
        }
        rows
    }

    #[test]
    fn a_seed_gives_the_same_rows_on_every_machine() {
        let first = rows(&Dataset::generate(7, None).unwrap(), 3);
        let text: Vec<_> = first.iter().map(|(_, row)| String::from_utf8(row.clone()).unwrap()).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        2,2023-01-01 00:00:00,2023-01-01 00:19:37,1,3.57,1,N,211,164,1,11.50,1.00,0.50,2.30,0.00,1.00,18.80,2.50,0.00
        2,2023-01-01 00:00:00,2023-01-01 00:12:47,1,2.02,1,N,141,163,2,11.61,1.00,0.50,0.00,0.00,1.00,16.61,2.50,0.00
        1,2023-01-01 00:00:03,2023-01-01 00:08:14,1,1.47,1,N,230,229,1,5.90,1.00,0.50,1.22,0.00,1.00,12.12,2.50,0.00
        ");
        assert_ne!(first, rows(&Dataset::generate(8, None).unwrap(), 3));
    }

    #[test]
    fn a_shorter_period_is_a_part_of_a_longer_one() {
        let long = rows(&Dataset::generate(1, Some(week())).unwrap(), 40_000);
        let period = Period { from_epoch_ms: week().from_epoch_ms + 1_234_567, ..week() };
        let short = rows(&Dataset::generate(1, Some(period)).unwrap(), 30_000);
        let from = long.iter().position(|(event, _)| period.contains(*event)).unwrap();
        assert!(from > 0);
        assert_eq!(short[..], long[from..from + short.len()]);
    }

    #[test]
    fn skipping_a_row_changes_no_other() {
        let dataset = Dataset::generate(3, Some(week())).unwrap();
        let all = rows(&dataset, 9_000);
        let mut stream = dataset.stream().unwrap();
        let mut row = Vec::new();
        for (number, (event, expected)) in all.iter().enumerate() {
            if number % 3 == 0 {
                assert_eq!(stream.skip().unwrap(), Some(*event));
            } else {
                assert_eq!(stream.next(&mut row).unwrap(), Some(*event));
                assert_eq!(&row, expected);
            }
        }
    }

    #[test]
    fn rows_are_sorted_readable_and_add_up() {
        let dataset = Dataset::generate(42, Some(week())).unwrap();
        let rows = rows(&dataset, 100_000);
        assert!(rows.is_sorted_by_key(|(event, _)| *event));
        let (mut negative, mut bytes) = (0, 0);
        for (event, row) in &rows {
            let trip = dataset.trip(row).unwrap();
            assert_eq!(trip.event_epoch_ms, *event);
            let text = std::str::from_utf8(row).unwrap();
            let fields: Vec<&str> = text.split(',').collect();
            assert_eq!(fields.len(), 19);
            let cents = |at: usize| super::super::parse::cents(fields[at].as_bytes()).unwrap();
            let parts: i64 = [10, 11, 12, 13, 14, 15, 17, 18].into_iter().map(cents).sum();
            assert_eq!(parts, trip.cents, "{text}");
            assert!((330..=14_740).contains(&trip.cents.abs()) && cents(10).abs() >= 250, "{text}");
            let dropoff = super::super::parse::epoch_ms(fields[2].as_bytes()).unwrap();
            assert!((1..=7_514_000).contains(&(dropoff - event)), "{text}");
            negative += usize::from(trip.cents < 0);
            bytes += row.len();
        }
        assert!((80..=180).contains(&negative), "{negative} of 100,000 negative, 128 expected");
        assert!((95..=115).contains(&(bytes / rows.len())), "{} bytes a row", bytes / rows.len());
    }

    #[test]
    fn the_totals_keep_their_median_and_the_zones_their_share() {
        let dataset = Dataset::generate(5, Some(week())).unwrap();
        let trips: Vec<_> = rows(&dataset, 100_000).iter().map(|(_, row)| dataset.trip(row).unwrap()).collect();
        let mut cents: Vec<_> = trips.iter().map(|trip| trip.cents.abs()).collect();
        cents.sort_unstable();
        assert!((1_310..=1_350).contains(&cents[50_000]), "median {}", cents[50_000]);
        assert!((3_000..=3_160).contains(&cents[89_000]), "89th percentile {}", cents[89_000]);
        let mut zones = HashMap::new();
        for trip in &trips {
            *zones.entry(trip.zone).or_insert(0) += 1;
        }
        assert!((3_900..=4_400).contains(&zones[&237]), "{} of 100,000 in zone 237", zones[&237]);
    }

    /// Expects about 168 for a right rhythm; 1,000 would be an hour off by far more than Poisson allows.
    #[test]
    fn the_rhythm_of_the_week_is_kept() {
        let generator = Arc::new(Generator::new(9, week()).unwrap());
        let mut stream = GeneratedStream::new(generator.clone());
        let mut counts = [0_u32; 168];
        while let Some(event) = stream.skip().unwrap() {
            counts[hour_of_week(event / HOUR_MS)] += 1;
        }
        let expected = generator.profile.trips_per_hour;
        let chi_square: f64 =
            counts.iter().zip(expected).map(|(&count, mean)| (f64::from(count) - mean).powi(2) / mean).sum();
        assert!((100.0..260.0).contains(&chi_square), "{chi_square}");
    }

    #[test]
    fn half_a_year_has_19_49_million_rows_and_9000_a_second_at_7200_times() {
        let generator = Arc::new(Generator::new(2, Period::HALF_YEAR_2023).unwrap());
        let mut stream = GeneratedStream::new(generator.clone());
        // The hours' counts alone, for a debug build would take a minute for the rows.
        let mut total = 0;
        while stream.next_hour() {
            total += stream.seconds.len();
        }
        assert!((total as f64 / 19.49e6 - 1.0).abs() < 0.005, "{total}");
        let seconds = (Period::HALF_YEAR_2023.to_epoch_ms - Period::HALF_YEAR_2023.from_epoch_ms) as f64 / 7.2e6;
        assert!((8_800.0..9_200.0).contains(&(total as f64 / seconds)));
        assert!(generator.describe().contains("about 19,493,6"), "{}", generator.describe());
    }

    #[test]
    fn a_period_out_of_bounds_is_refused() {
        let period = Period { from_epoch_ms: -1, to_epoch_ms: 1 };
        assert!(Generator::new(0, period).unwrap_err().hint.is_some());
    }
}
