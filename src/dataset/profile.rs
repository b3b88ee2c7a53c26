//! The shape of New York's yellow taxi trips: when, where, how far, how long, for how much.
//!
//! From `data/nyc_profile.json`, a sample of 240,000 real trips. Its tables become integer tables once, by
//! additions, multiplications and divisions only: these are exact in IEEE arithmetic, so that a seed gives the
//! same trips on every machine, which `exp` or `ln` of the platform's library would not promise.

use serde::Deserialize;

use super::embedded;
use super::period::Period;
use crate::error::Result;

const PROFILE: &str = include_str!("../../data/nyc_profile.json");

/// Trips that TLC published for January to June 2023, 3.1, 2.9, 3.4, 3.3, 3.5 and 3.3 million a month.
const HALF_YEAR_TRIPS: f64 = 19_493_620.0;

pub const HOURS_OF_WEEK: usize = 168;

/// The tables that trips are drawn from.
#[derive(Debug)]
pub struct Profile {
    /// Expected trips in each hour of the week, Monday 00h first.
    pub trips_per_hour: [f64; HOURS_OF_WEEK],
    pub zones: Alias,
    /// Magnitude of the total amount, in cents.
    pub total_cents: Percentiles,
    /// In hundredths of a mile.
    pub distance_hundredths: Percentiles,
    pub seconds: Percentiles,
    /// Share of refunds, rows whose amounts are all negative, out of 2^32.
    pub negative: u32,
}

#[derive(Deserialize)]
struct Raw {
    hour_of_week: Vec<f64>,
    pickup_zone: serde_json::Map<String, serde_json::Value>,
    total_amount_percentiles: Vec<f64>,
    trip_distance_percentiles: Vec<f64>,
    trip_seconds_percentiles: Vec<f64>,
    share_negative_total: f64,
}

impl Profile {
    /// Fails only (defect) where the embedded file is damaged.
    pub fn load() -> Result<Self> {
        let raw: Raw = serde_json::from_str(PROFILE).map_err(embedded)?;
        let shares: [f64; HOURS_OF_WEEK] =
            raw.hour_of_week.try_into().map_err(|_| embedded("hour_of_week has not 168 values"))?;
        let half_year = Period::HALF_YEAR_2023;
        let hours = half_year.from_epoch_ms / 3_600_000..half_year.to_epoch_ms / 3_600_000;
        let share: f64 = hours.map(|hour| shares[hour_of_week(hour)]).sum();
        Ok(Self {
            trips_per_hour: shares.map(|of_hour| of_hour * HALF_YEAR_TRIPS / share),
            zones: Alias::of_shares(&raw.pickup_zone)?,
            // The sample's least and largest values are errors of meters and typists (-162.80 and 429,491 dollars,
            // -24 miles, 24 hours). The lowest percent begins at the fare for getting in (2.50 + 0.50 + 0.30
            // dollars), at no miles and at one second; the highest ends at twice the 99th percentile.
            total_cents: Percentiles::new(&raw.total_amount_percentiles, 100.0, 330)?,
            distance_hundredths: Percentiles::new(&raw.trip_distance_percentiles, 100.0, 0)?,
            seconds: Percentiles::new(&raw.trip_seconds_percentiles, 1.0, 1)?,
            negative: (raw.share_negative_total * TWO_TO_32) as u32,
        })
    }
}

const TWO_TO_32: f64 = 4_294_967_296.0;

/// Hour of the week, Monday 00h = 0, of an hour since the epoch, which was a Thursday.
pub fn hour_of_week(hour: i64) -> usize {
    (hour + 3 * 24).rem_euclid(HOURS_OF_WEEK as i64) as usize
}

/// The 0th to 100th percentile of a quantity; between two of them it is even.
#[derive(Debug)]
pub struct Percentiles {
    values: [i64; 101],
}

impl Percentiles {
    /// In units of `1/scale`; the 0th percentile is replaced by `least`, the 100th by twice the 99th.
    fn new(values: &[f64], scale: f64, least: i64) -> Result<Self> {
        let mut values: [i64; 101] = match values.try_into() {
            Ok(values) => <[f64; 101]>::map(values, |value| (value * scale).round() as i64),
            Err(_) => return Err(embedded("a percentile list has not 101 values")),
        };
        values[0] = least;
        values[100] = 2 * values[99];
        if !values.is_sorted() {
            return Err(embedded("percentiles are not sorted"));
        }
        Ok(Self { values })
    }

    /// The value at rank `rank / 2^32`.
    pub fn at(&self, rank: u32) -> i64 {
        let position = u64::from(rank) * 100;
        let (percent, part) = ((position >> 32) as usize, (position & 0xffff_ffff) as i64);
        let low = self.values[percent];
        low + (((self.values[percent + 1] - low) * part) >> 32)
    }
}

/// Draws a zone by its share with one comparison (Walker's alias method).
#[derive(Debug)]
pub struct Alias {
    /// Own zone, other zone, and below which of 2^32 the own one is taken.
    cells: Vec<(u16, u16, u32)>,
}

impl Alias {
    fn of_shares(shares: &serde_json::Map<String, serde_json::Value>) -> Result<Self> {
        let mut zones = Vec::with_capacity(shares.len());
        for (zone, share) in shares {
            let zone: u16 = zone.parse().map_err(|_| embedded(format_args!("zone `{zone}`")))?;
            let share = share.as_f64().filter(|share| *share > 0.0);
            zones.push((zone, share.ok_or_else(|| embedded(format_args!("share of zone {zone}")))?));
        }
        zones.sort_unstable_by_key(|&(zone, _)| zone);
        let mean = zones.iter().map(|(_, share)| share).sum::<f64>() / zones.len() as f64;
        let mut weights: Vec<f64> = zones.iter().map(|(_, share)| share / mean).collect();
        let mut cells: Vec<_> = zones.iter().map(|&(zone, _)| (zone, zone, u32::MAX)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..zones.len()).partition(|&at| weights[at] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            cells[poor].1 = zones[rich].0;
            cells[poor].2 = (weights[poor] * TWO_TO_32) as u32;
            weights[rich] -= 1.0 - weights[poor];
            if weights[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Ok(Self { cells })
    }

    /// The zone for two random words.
    pub fn draw(&self, cell: u32, coin: u32) -> u16 {
        let (own, other, below) = self.cells[((u64::from(cell) * self.cells.len() as u64) >> 32) as usize];
        if coin < below { own } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_was_a_thursday_and_2023_began_on_a_sunday() {
        assert_eq!(hour_of_week(0), 72);
        assert_eq!(hour_of_week(Period::HALF_YEAR_2023.from_epoch_ms / 3_600_000), 144);
    }

    #[test]
    fn percentiles_are_met_and_tails_are_bounded() {
        let profile = Profile::load().unwrap();
        assert_eq!(profile.total_cents.at(0), 330);
        assert_eq!(profile.total_cents.at(1 << 31), 1330);
        assert_eq!(profile.total_cents.at(u32::MAX), 14_739);
        assert_eq!(profile.seconds.at(u32::MAX), 7_513);
    }

    #[test]
    fn the_alias_table_gives_each_zone_its_share() {
        let profile = Profile::load().unwrap();
        let mut weight = std::collections::HashMap::new();
        for &(own, other, below) in &profile.zones.cells {
            let below = f64::from(below) / TWO_TO_32 / profile.zones.cells.len() as f64;
            *weight.entry(own).or_insert(0.0) += below;
            *weight.entry(other).or_insert(0.0) += 1.0 / profile.zones.cells.len() as f64 - below;
        }
        assert!((weight[&237] - 0.041579).abs() < 1e-5, "{}", weight[&237]);
        assert!((weight[&5] - 4e-6).abs() < 1e-6, "{}", weight[&5]);
    }
}
