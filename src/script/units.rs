//! Durations and sizes: `30.s`, `1.5.min`, `1.GiB`.
//!
//! A duration is seconds in an f64, because that is what the formulas take; it is compared to the
//! nanosecond, so that `0.1.s + 0.2.s == 0.3.s` holds as a reader expects.

use std::fmt;

use rhai::{Dynamic, Engine};

#[derive(Clone, Copy, Debug)]
pub struct Duration {
    pub seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub i64);

/// A unit is so many seconds, or so many of it are one: 9 / 1000 is 0.009, but 9 x 0.001 is not.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    Seconds(f64),
    PerSecond(f64),
}

impl Unit {
    fn seconds(self, number: f64) -> f64 {
        match self {
            Self::Seconds(seconds) => number * seconds,
            Self::PerSecond(units) => number / units,
        }
    }
}

pub const DURATION_UNITS: [(&str, Unit); 7] = [
    ("ns", Unit::PerSecond(1e9)),
    ("us", Unit::PerSecond(1e6)),
    ("ms", Unit::PerSecond(1e3)),
    ("s", Unit::Seconds(1.0)),
    ("min", Unit::Seconds(60.0)),
    ("h", Unit::Seconds(3600.0)),
    ("d", Unit::Seconds(86400.0)),
];
pub const BYTE_UNITS: [(&str, i64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Duration {
    #[must_use]
    pub fn new(seconds: f64) -> Self {
        Self { seconds }
    }

    fn nanos(self) -> f64 {
        (self.seconds * 1e9).round()
    }

    /// `10s`, `1.5 min`, `250ms`, as on the command line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text)?;
        let (_, unit) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
        Some(Self::new(unit.seconds(number)))
    }
}

impl Bytes {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text)?;
        let (_, factor) = BYTE_UNITS.iter().find(|(name, _)| *name == unit)?;
        Some(Self((number * *factor as f64).round() as i64))
    }
}

fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let at = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    Some((text[..at].trim().trim_end_matches('.').parse().ok()?, &text[at..]))
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = if self.seconds == 0.0 || self.seconds.abs() >= 1e-3 { 3 } else { 9 };
        let text = format!("{:.places$}", self.seconds);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(formatter, "{text} s")
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit =
            BYTE_UNITS.iter().rev().find(|(_, size)| self.0 != 0 && self.0 % size == 0).unwrap_or(&BYTE_UNITS[0]);
        write!(formatter, "{} {}", self.0 / unit.1, unit.0)
    }
}

impl PartialEq for Duration {
    fn eq(&self, other: &Self) -> bool {
        self.nanos() == other.nanos()
    }
}

impl PartialOrd for Duration {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.nanos().partial_cmp(&other.nanos())
    }
}

pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Duration>("duration").register_type_with_name::<Bytes>("bytes");
    for (name, unit) in DURATION_UNITS {
        engine.register_get(name, move |value: &mut i64| Duration::new(unit.seconds(*value as f64)));
        engine.register_get(name, move |value: &mut f64| Duration::new(unit.seconds(*value)));
    }
    for (unit, factor) in BYTE_UNITS {
        engine.register_get(unit, move |value: &mut i64| Bytes(value.saturating_mul(factor)));
        engine.register_get(unit, move |value: &mut f64| Bytes((*value * factor as f64).round() as i64));
    }
    engine.register_get("seconds", |value: &mut Duration| value.seconds);
    engine.register_get("bytes", |value: &mut Bytes| value.0);
    duration_arithmetic(engine);
    byte_arithmetic(engine);
}

fn duration_arithmetic(engine: &mut Engine) {
    type D = Duration;
    engine
        .register_fn("+", |a: D, b: D| D::new(a.seconds + b.seconds))
        .register_fn("-", |a: D, b: D| D::new(a.seconds - b.seconds))
        .register_fn("-", |a: D| D::new(-a.seconds))
        .register_fn("/", |a: D, b: D| a.seconds / b.seconds)
        .register_fn("*", |a: D, b: f64| D::new(a.seconds * b))
        .register_fn("*", |a: D, b: i64| D::new(a.seconds * b as f64))
        .register_fn("*", |a: f64, b: D| D::new(a * b.seconds))
        .register_fn("*", |a: i64, b: D| D::new(a as f64 * b.seconds))
        .register_fn("/", |a: D, b: f64| D::new(a.seconds / b))
        .register_fn("/", |a: D, b: i64| D::new(a.seconds / b as f64))
        .register_fn("==", |a: D, b: D| a == b)
        .register_fn("!=", |a: D, b: D| a != b)
        .register_fn("<", |a: D, b: D| a < b)
        .register_fn("<=", |a: D, b: D| a <= b)
        .register_fn(">", |a: D, b: D| a > b)
        .register_fn(">=", |a: D, b: D| a >= b)
        .register_fn("to_string", |a: &mut D| a.to_string())
        .register_fn("to_debug", |a: &mut D| a.to_string());
}

fn byte_arithmetic(engine: &mut Engine) {
    type B = Bytes;
    engine
        .register_fn("+", |a: B, b: B| Bytes(a.0.saturating_add(b.0)))
        .register_fn("-", |a: B, b: B| Bytes(a.0.saturating_sub(b.0)))
        .register_fn("/", |a: B, b: B| a.0 as f64 / b.0 as f64)
        .register_fn("*", |a: B, b: i64| Bytes(a.0.saturating_mul(b)))
        .register_fn("*", |a: i64, b: B| Bytes(b.0.saturating_mul(a)))
        .register_fn("==", |a: B, b: B| a == b)
        .register_fn("!=", |a: B, b: B| a != b)
        .register_fn("<", |a: B, b: B| a < b)
        .register_fn("<=", |a: B, b: B| a <= b)
        .register_fn(">", |a: B, b: B| a > b)
        .register_fn(">=", |a: B, b: B| a >= b)
        .register_fn("to_string", |a: &mut B| a.to_string())
        .register_fn("to_debug", |a: &mut B| a.to_string());
}

/// The kind of a value, in the words of the error messages.
#[must_use]
pub fn kind_name(value: &Dynamic) -> String {
    if value.is::<Duration>() {
        "a duration".into()
    } else if value.is::<Bytes>() {
        "a size".into()
    } else if value.is_int() {
        "a whole number".into()
    } else if value.is_float() {
        "a number".into()
    } else if value.is_string() {
        "a string".into()
    } else if value.is_array() {
        "a list".into()
    } else if value.is_bool() {
        "true or false".into()
    } else if value.is_map() {
        "a map".into()
    } else if value.is_unit() {
        "nothing".into()
    } else if value.is_fnptr() {
        "a closure".into()
    } else {
        super::declare::article(super::bind::handle_name(value).unwrap_or(value.type_name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval<T: Clone + Send + Sync + 'static>(text: &str) -> T {
        let mut engine = Engine::new();
        register(&mut engine);
        engine.eval(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn units_work_on_whole_and_broken_numbers() {
        assert_eq!(eval::<Duration>("1.5.min").seconds, 90.0);
        assert_eq!(eval::<Duration>("9.ms").seconds, 0.009);
        assert_eq!(eval::<Duration>("-5.s + 250.ms").seconds, -4.75);
        assert_eq!(eval::<Bytes>("1.GiB / 1.GiB * 1; 2 * 3.KiB"), Bytes(6144));
        assert!(eval::<bool>("0.1.s + 0.2.s == 300.ms"));
        assert_eq!(eval::<f64>("1.h / 1.min"), 60.0);
    }

    #[test]
    fn durations_print_in_seconds_with_as_many_digits_as_matter() {
        assert_eq!(Duration::new(30.8158).to_string(), "30.816 s");
        assert_eq!(Duration::new(600.0).to_string(), "600 s");
        assert_eq!(Duration::new(0.0).to_string(), "0 s");
        assert_eq!(Duration::new(2.5e-6).to_string(), "0.0000025 s");
        assert_eq!(Bytes(1728 << 20).to_string(), "1728 MiB");
    }

    #[test]
    fn the_command_line_writes_units_without_a_dot() {
        assert_eq!(Duration::parse("10s"), Some(Duration::new(10.0)));
        assert_eq!(Duration::parse("1.5 min"), Some(Duration::new(90.0)));
        assert_eq!(Duration::parse("10.s"), Some(Duration::new(10.0)));
        assert_eq!(Duration::parse("10"), None);
        assert_eq!(Bytes::parse("2GiB"), Some(Bytes(2 << 30)));
    }
}
