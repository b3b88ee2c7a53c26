//! Values of a Parquet file as the text that a CSV file of the same rows would hold.
//!
//! Money is rounded to cents from its decimal text, so a double is written as the shortest text that reads back as
//! the same double, never with an exponent; a whole one as `12.0`, as TLC's CSV files and pandas have it.

use std::io::Write;

use crate::dataset::parse::days_from_civil;

/// Appends a double.
pub fn double(row: &mut Vec<u8>, value: f64) {
    /// Below this, hundredths are exact integers of a double.
    const LARGEST: f64 = 1e12;
    let hundredths = (value * 100.0).round();
    // Two texts of at most 15 digits never mean the same double, so one with two decimals that reads back as
    // `value` is the shortest one, save for a last zero.
    if value.abs() < LARGEST && hundredths / 100.0 == value && !(value == 0.0 && value.is_sign_negative()) {
        if hundredths < 0.0 {
            row.push(b'-');
        }
        let hundredths = hundredths.abs() as u64;
        integer(row, hundredths / 100);
        row.push(b'.');
        row.push(b'0' + (hundredths / 10 % 10) as u8);
        if !hundredths.is_multiple_of(10) {
            row.push(b'0' + (hundredths % 10) as u8);
        }
        return;
    }
    displayed(row, value, value.fract() == 0.0);
}

/// Appends a single: the shortest text that reads back as the same single, not as its value as a double.
pub fn single(row: &mut Vec<u8>, value: f32) {
    displayed(row, value, value.fract() == 0.0);
}

fn displayed(row: &mut Vec<u8>, value: impl std::fmt::Display, whole: bool) {
    let _ = write!(row, "{value}"); // a vector takes every write
    if whole {
        row.extend_from_slice(b".0");
    }
}

pub fn signed(row: &mut Vec<u8>, value: i64) {
    if value < 0 {
        row.push(b'-');
    }
    integer(row, value.unsigned_abs());
}

pub fn integer(row: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
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

/// Appends an integer with `scale` of its digits behind the point.
pub fn decimal(row: &mut Vec<u8>, value: i64, scale: u32) {
    if value < 0 {
        row.push(b'-');
    }
    let Some(unit) = 10_u64.checked_pow(scale) else { return integer(row, value.unsigned_abs()) };
    integer(row, value.unsigned_abs() / unit);
    if scale > 0 {
        let _ = write!(row, ".{:0width$}", value.unsigned_abs() % unit, width = scale as usize);
    }
}

/// Writes times; remembers the day, for trips come by the day.
#[derive(Debug, Default)]
pub struct Times {
    day: Option<i64>,
    text: [u8; 10],
}

impl Times {
    /// Appends `YYYY-MM-DD HH:MM:SS`, and a fraction of `digits` digits if it is not zero, of a time in units of
    /// 10^-digits seconds. A time outside the years 0 to 9999 is no such text, and appears as the number it is.
    pub fn timestamp(&mut self, row: &mut Vec<u8>, value: i64, digits: u32) {
        let unit = 10_i64.pow(digits);
        let (seconds, fraction) = (value.div_euclid(unit), value.rem_euclid(unit));
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let start = row.len();
        self.date(row, day);
        if row.len() - start != 10 {
            row.truncate(start);
            return signed(row, value);
        }
        let two = |number: i64| [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        for (separator, number) in [(b' ', second / 3_600), (b':', second / 60 % 60), (b':', second % 60)] {
            row.push(separator);
            row.extend_from_slice(&two(number));
        }
        if fraction != 0 {
            let text = format!(".{fraction:0width$}", width = digits as usize);
            row.extend_from_slice(text.trim_end_matches('0').as_bytes());
        }
    }

    /// Appends `YYYY-MM-DD` of a day since 1970; the number itself outside the years 0 to 9999.
    pub fn date(&mut self, row: &mut Vec<u8>, day: i64) {
        if self.day != Some(day) {
            let Some((year, month, date)) = civil(day) else { return signed(row, day) };
            let text = format!("{year:04}-{month:02}-{date:02}");
            self.text.copy_from_slice(&text.as_bytes()[..10]);
            self.day = Some(day);
        }
        row.extend_from_slice(&self.text);
    }
}

/// Year, month and day, within the years 0 to 9999.
fn civil(day: i64) -> Option<(i16, i8, i8)> {
    let days = days_from_civil(0, 1, 1)..days_from_civil(10_000, 1, 1);
    if !days.contains(&day) {
        return None;
    }
    let epoch = jiff::civil::date(1970, 1, 1);
    let date = epoch.checked_add(jiff::Span::new().try_days(day).ok()?).ok()?;
    Some((date.year(), date.month(), date.day()))
}

/// Appends text, quoted where a CSV file must quote it.
pub fn field(row: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        return row.extend_from_slice(text);
    }
    row.push(b'"');
    for &byte in text {
        if byte == b'"' {
            row.push(b'"');
        }
        row.push(byte);
    }
    row.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::parse::{cents, epoch_ms};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut row = Vec::new();
        write(&mut row);
        String::from_utf8(row).unwrap()
    }

    #[test]
    fn doubles_are_the_shortest_text_without_an_exponent() {
        for (value, expected) in [
            (17.85, "17.85"),
            (12.0, "12.0"),
            (-0.3, "-0.3"),
            (0.0, "0.0"),
            (-0.005, "-0.005"),
            (1e-7, "0.0000001"),
            (1e17, "100000000000000000.0"),
            (429_496.72, "429496.72"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(text(|row| double(row, value)), expected);
        }
        assert_eq!(text(|row| single(row, 17.85)), "17.85");
        assert_eq!(text(|row| decimal(row, -1_785, 2)), "-17.85");
        assert_eq!(text(|row| decimal(row, 5, 3)), "0.005");
    }

    #[test]
    fn times_have_a_fraction_only_where_there_is_one() {
        let show = |value: i64, digits: u32| text(|row| Times::default().timestamp(row, value, digits));
        assert_eq!(show(1_579_280_239_000_000, 6), "2020-01-17 16:57:19");
        assert_eq!(show(1_579_280_239_120_000, 6), "2020-01-17 16:57:19.12");
        assert_eq!(show(-1, 3), "1969-12-31 23:59:59.999");
        assert_eq!(show(i64::MAX, 6), i64::MAX.to_string());
        assert_eq!(text(|row| Times::default().date(row, 19_358)), "2023-01-01");
    }

    proptest! {
        #[test]
        fn doubles_read_back(value in prop_oneof![any::<f64>(), (-1e7..1e7_f64), (-10_000_000_i64..10_000_000).prop_map(|c| c as f64 / 100.0)]) {
            let text = text(|row| double(row, value));
            let back: f64 = text.parse().unwrap();
            prop_assert!(back == value || value.is_nan());
            prop_assert!(!text.contains(['e', 'E']));
            let shortest = format!("{value}");
            prop_assert_eq!(text.strip_suffix(".0").unwrap_or(&text), shortest.as_str());
        }

        #[test]
        fn cents_survive(value in -100_000_000_i64..100_000_000) {
            prop_assert_eq!(cents(text(|row| double(row, value as f64 / 100.0)).as_bytes()), Some(value));
        }

        #[test]
        fn times_read_back(millis in -62_167_219_200_000_i64..253_402_300_800_000) {
            prop_assert_eq!(epoch_ms(text(|row| Times::default().timestamp(row, millis, 3)).as_bytes()), Some(millis));
        }
    }
}
