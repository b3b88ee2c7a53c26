//! Reads a trip out of the bytes of one CSV row.
//!
//! The Flink jobs read the same rows by the same rules, and the oracle compares window by window: whatever
//! these rules are, they must be the same on both sides. So they are few and written down here, and they are
//! not a date library's or a float parser's:
//!
//! - Fields are separated by commas. A field that begins with `"` ends at the closing `"`, `""` inside stands
//!   for one `"`; nothing but a comma may follow. Spaces and tabs around a key field are dropped.
//! - The time is `yyyy-MM-dd HH:mm:ss` with a blank or a `T` between, read as UTC, and a fraction of one to
//!   nine digits, which is truncated to milliseconds. No zone, no second 60, no 30th of February.
//! - The amount is `[+-]digits[.digits]`, at least one digit and at most 15 before the point, rounded to cents
//!   half away from zero from its text. A double would turn 1.005 into 1.00.
//! - The zone is 1 to 9 digits without a sign, and `.0…` after it is tolerated: pandas writes such integers
//!   when a column has gaps.
//! - The fields are looked at in the order pickup, zone, amount; within a row the first offence counts, and a
//!   missing column or field comes before an unreadable one.

use std::borrow::Cow;

use super::{Columns, Drop};

/// The part of a row that the windows are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Pickup time, the local time of the file read as UTC, in milliseconds since the epoch.
    pub event_epoch_ms: i64,
    /// Pickup zone.
    pub zone: i64,
    /// Total amount in cents, negative for a refund.
    pub cents: i64,
}

/// The trip in a row (without its newline), or why there is none: `Columns` where the row has no such field,
/// `Missing` where one of the three is empty, `Time` and `Number` where one cannot be read.
///
/// `Range` and `Encoding` are the file reader's business and never come from here.
pub fn parse_row(row: &[u8], columns: &Columns) -> Result<Trip, Drop> {
    let fields = key_fields(row, columns)?;
    let [pickup, zone, amount] = fields.each_ref().map(|field| trimmed(field));
    if pickup.is_empty() || zone.is_empty() || amount.is_empty() {
        return Err(Drop::Missing);
    }
    Ok(Trip {
        event_epoch_ms: epoch_ms(pickup).ok_or(Drop::Time)?,
        zone: zone_id(zone).ok_or(Drop::Number)?,
        cents: cents(amount).ok_or(Drop::Number)?,
    })
}

/// Event time of a row that was kept; nothing where it has none.
pub(super) fn event_epoch_ms(row: &[u8], column: usize) -> Result<i64, Drop> {
    let field = Fields::new(row).nth(column).flatten().ok_or(Drop::Columns)?;
    let field = unquoted(field);
    let text = trimmed(&field);
    if text.is_empty() {
        return Err(Drop::Missing);
    }
    epoch_ms(text).or_else(|| other_epoch_ms(text)).ok_or(Drop::Time)
}

/// What the times of other tables look like: milliseconds since the epoch, or an instant with its offset, as in
/// `2023-01-31T18:05:00Z`.
fn other_epoch_ms(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let instant = || Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond());
    text.parse().ok().or_else(instant)
}

/// The row with its fields, quotes and all, in another order: field `order[i]` becomes field i.
pub(super) fn reordered(row: &[u8], order: &[usize], to: &mut Vec<u8>) -> Option<()> {
    let fields: Vec<&[u8]> = Fields::new(row).collect::<Option<_>>()?;
    to.clear();
    for (place, &from) in order.iter().enumerate() {
        if place > 0 {
            to.push(b',');
        }
        to.extend_from_slice(fields.get(from)?);
    }
    (fields.len() == order.len()).then_some(())
}

/// Number of fields of a row; nothing where its quotes do not match.
pub(super) fn field_count(row: &[u8]) -> Option<usize> {
    if memchr::memchr(b'"', row).is_none() {
        return Some(memchr::memchr_iter(b',', row).count() + 1);
    }
    Fields::new(row).try_fold(0, |count, field| field.map(|_| count + 1))
}

fn key_fields<'row>(row: &'row [u8], columns: &Columns) -> Result<[Cow<'row, [u8]>; 3], Drop> {
    let mut found = [None, None, None];
    let wanted = [columns.pickup, columns.zone, columns.amount];
    let last = wanted[0].max(wanted[1]).max(wanted[2]);
    for (index, field) in Fields::new(row).take(last + 1).enumerate() {
        let field = field.ok_or(Drop::Columns)?;
        for (place, &column) in found.iter_mut().zip(&wanted) {
            if column == index {
                *place = Some(field);
            }
        }
    }
    match found {
        [Some(pickup), Some(zone), Some(amount)] => Ok([unquoted(pickup), unquoted(zone), unquoted(amount)]),
        _ => Err(Drop::Columns),
    }
}

/// The fields of a row with their quotes; `None` once where the quotes do not match, then the end.
struct Fields<'row> {
    rest: Option<&'row [u8]>,
}

impl<'row> Fields<'row> {
    fn new(row: &'row [u8]) -> Self {
        Self { rest: Some(row) }
    }
}

impl<'row> Iterator for Fields<'row> {
    type Item = Option<&'row [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let end = if rest.first() == Some(&b'"') {
            match closing_quote(rest) {
                Some(quote) => quote + 1,
                None => {
                    self.rest = None;
                    return Some(None);
                }
            }
        } else {
            // Fields of a trip have a few bytes, too few for memchr to pay.
            rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len())
        };
        let (field, after) = rest.split_at(end);
        self.rest = match after.split_first() {
            None => None,
            Some((b',', after)) => Some(after),
            Some(_) => {
                self.rest = None;
                return Some(None);
            }
        };
        Some(Some(field))
    }
}

/// Index of the quote that closes the one at index 0.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr(b'"', text.get(at..)?)?;
        if text.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

fn unquoted(field: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = field else { return Cow::Borrowed(field) };
    if memchr::memchr(b'"', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        text.push(byte);
        if byte == b'"' {
            bytes.next();
        }
    }
    Cow::Owned(text)
}

/// Milliseconds since the epoch of `yyyy-MM-dd HH:mm:ss[.fraction]` read as UTC.
pub(super) fn epoch_ms(text: &[u8]) -> Option<i64> {
    let (seconds, fraction) = text.split_at_checked(19)?;
    let separators = [seconds[4], seconds[7], seconds[13], seconds[16]];
    if separators != *b"--::" || !matches!(seconds[10], b' ' | b'T') {
        return None;
    }
    let two = |at: usize| Some(digit(seconds[at])? * 10 + digit(seconds[at + 1])?);
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + milliseconds(fraction)?)
}

/// Milliseconds of `.d` to `.ddddddddd`, truncated; 0 of nothing.
fn milliseconds(fraction: &[u8]) -> Option<i64> {
    let digits = match fraction {
        [] => return Some(0),
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => digits,
        _ => return None,
    };
    let mut value = 0;
    for at in 0..digits.len().max(3) {
        let next = digits.get(at).map_or(Some(0), |&byte| digit(byte))?;
        if at < 3 {
            value = value * 10 + next;
        }
    }
    Some(value)
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
///
/// Howard Hinnant's `days_from_civil` (<https://howardhinnant.github.io/date_algorithms.html>): years begin in
/// March, so that the leap day is the last one, and 400 of them (an era) have 146,097 days.
pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// 15 digits, so that cents do not overflow 64 bits. Their sum wraps, here as in the job.
const MAX_DIGITS: usize = 15;
const MAX_ZONE_DIGITS: usize = 9;

/// Cents of a decimal text, rounded half away from zero.
pub(super) fn cents(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(text);
    let point = digits.iter().position(|&byte| byte == b'.').unwrap_or(digits.len());
    let (whole, fraction) = digits.split_at(point);
    let fraction = fraction.get(1..).unwrap_or_default();
    if whole.len() > MAX_DIGITS || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut cents = number(whole)? * 100;
    for (at, &byte) in fraction.iter().enumerate() {
        let digit = digit(byte)?;
        match at {
            0 => cents += digit * 10,
            1 => cents += digit,
            2 => cents += i64::from(digit >= 5),
            _ => {}
        }
    }
    Some(if negative { -cents } else { cents })
}

/// A zone, with `.0…` tolerated after it.
fn zone_id(text: &[u8]) -> Option<i64> {
    let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let (whole, fraction) = text.split_at(point);
    let only_zeros = fraction.iter().skip(1).all(|&byte| byte == b'0');
    if !(1..=MAX_ZONE_DIGITS).contains(&whole.len()) || !only_zeros {
        return None;
    }
    number(whole)
}

fn trimmed(field: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let from = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let to = field.iter().rposition(|byte| !blank(byte)).map_or(from, |last| last + 1);
    &field[from..to]
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, &byte| Some(value * 10 + digit(byte)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: Columns = Columns { pickup: 1, zone: 2, amount: 3 };

    fn trip(row: &str) -> Result<Trip, Drop> {
        parse_row(row.as_bytes(), &COLUMNS)
    }

    #[test]
    fn a_row_gives_its_trip() {
        let expected = Trip { event_epoch_ms: 1_672_531_200_000, zone: 132, cents: 1785 };
        assert_eq!(trip("1,2023-01-01 00:00:00,132,17.85"), Ok(expected));
        assert_eq!(trip("1,2023-01-01T00:00:00.000999,132.0,17.85,x"), Ok(expected));
        assert_eq!(trip("\"a,b\",\"2023-01-01 00:00:00\",\"132\",\"+17.845\""), Ok(expected));
        assert_eq!(trip("1, 2023-01-01 00:00:00\t, 132 ,\" 17.85 \""), Ok(expected));
    }

    #[test]
    fn a_bad_row_gives_its_reason() {
        for (row, reason) in [
            ("", Drop::Columns),
            ("1,2023-01-01 00:00:00,132", Drop::Columns),
            ("1,\"2023-01-01 00:00:00,132,1", Drop::Columns),
            ("1,\"2023-01-01 00:00:00\"x,132,1", Drop::Columns),
            ("1,2023-01-01 00:00:00,132,", Drop::Missing),
            ("1,2023-01-01 00:00:00,\"\",1", Drop::Missing),
            ("1,nonsense,,1", Drop::Missing),
            ("1,2023-02-29 00:00:00,132,1", Drop::Time),
            ("1,1900-02-29 00:00:00,132,1", Drop::Time),
            ("1,2023-01-01 24:00:00,132,1", Drop::Time),
            ("1,2023-01-01 00:00:60,132,1", Drop::Time),
            ("1,2023-01-01,132,1", Drop::Time),
            ("1,2023-01-01 00:00:00Z,132,1", Drop::Time),
            ("1,2023-01-01 00:00:00.,132,1", Drop::Time),
            ("1,2023-01-01 00:00:00.1234567890,132,1", Drop::Time),
            ("1,2023-01-01 00:00:00.12x,132,1", Drop::Time),
            ("1,2023-01-01 00:00:00,1 32,1", Drop::Number),
            ("1,2023-01-01 00:00:00,-132,1", Drop::Number),
            ("1,2023-01-01 00:00:00,1234567890,1", Drop::Number),
            ("1,2023-01-01 00:00:00, \t ,1", Drop::Missing),
            ("1,2023-01-01 00:00:00,132.5,1", Drop::Number),
            ("1,2023-01-01 00:00:00,132,1e2", Drop::Number),
            ("1,2023-01-01 00:00:00,132,.", Drop::Number),
            ("1,2023-01-01 00:00:00,132,NaN", Drop::Number),
            ("1,2023-01-01 00:00:00,132,1.2.3", Drop::Number),
            ("1,2023-01-01 00:00:00,132,1234567890123456", Drop::Number),
            ("1,2023-01-01 00:00:00,132,--1", Drop::Number),
        ] {
            assert_eq!(trip(row), Err(reason), "{row}");
        }
    }

    #[test]
    fn cents_round_half_away_from_zero() {
        for (text, expected) in [
            ("1.005", 101),
            ("-1.005", -101),
            ("-0.004", 0),
            ("0.0049999999999999999999", 0),
            (".5", 50),
            ("5.", 500),
            ("999999999999999.99", 99_999_999_999_999_999),
        ] {
            assert_eq!(cents(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn quoted_fields_are_counted_as_one() {
        assert_eq!(field_count(b"a,b,,"), Some(4));
        assert_eq!(field_count(b"\"a,\"\"b\",c"), Some(2));
        assert_eq!(field_count(b"\"a,b"), None);
        assert_eq!(unquoted(b"\"a\"\"b\"").as_ref(), b"a\"b");
    }

    proptest! {
        #[test]
        fn times_agree_with_jiff(year in 0i16..=9999, month in 0i8..=13, day in 0i8..=32, hour in 0i8..=25,
                minute in 0i8..=61, second in 0i8..=61, fraction in proptest::option::of("[0-9]{1,9}")) {
            let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
            if let Some(digits) = &fraction {
                text.push('.');
                text.push_str(digits);
            }
            let nanoseconds = format!("{:0<9}", fraction.unwrap_or_default()).parse().unwrap();
            let expected = jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanoseconds)
                .ok()
                .map(|time| {
                    // Jiff rounds the nanoseconds of years before 1970 towards zero; the fraction is added here.
                    let whole = time.with().subsec_nanosecond(0).build().unwrap();
                    let seconds = whole.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
                    seconds * 1_000 + i64::from(nanoseconds / 1_000_000)
                });
            prop_assert_eq!(epoch_ms(text.as_bytes()), expected, "{}", text);
        }

        #[test]
        fn cents_agree_with_long_arithmetic(text in "[+-]?[0-9]{0,15}(\\.[0-9]{0,20})?") {
            prop_assert_eq!(cents(text.as_bytes()), reference_cents(&text), "{}", text);
        }

        #[test]
        fn arbitrary_bytes_never_panic(row in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse_row(&row, &COLUMNS);
            let _ = field_count(&row);
        }

        #[test]
        fn fields_agree_with_the_csv_crate(fields in proptest::collection::vec("[ -~]{0,12}", 4..8)) {
            let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
            writer.write_record(&fields).unwrap();
            let mut row = writer.into_inner().unwrap();
            row.pop();
            prop_assert_eq!(field_count(&row), Some(fields.len()));
            let found = key_fields(&row, &COLUMNS).unwrap();
            for (index, field) in found.iter().enumerate() {
                prop_assert_eq!(field.as_ref(), fields[index + 1].as_bytes());
            }
        }
    }

    /// The amount as an integer of 10^-20, rounded by adding half a cent and dividing.
    fn reference_cents(text: &str) -> Option<i64> {
        let digits = text.trim_start_matches(['+', '-']);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let scaled: u128 = format!("{whole}{fraction:0<20}").parse().unwrap();
        let cent = 10u128.pow(18);
        let cents = i64::try_from((scaled + cent / 2) / cent).unwrap();
        Some(if text.starts_with('-') { -cents } else { cents })
    }
}
