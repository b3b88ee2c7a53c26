//! Figures with their intervals, from lists that a script holds.

use rhai::{Array, Dynamic, Map};

use crate::analysis::foreign::{Field, Foreign};
use crate::analysis::statistics::{Figure, Scale, mean as mean_of, quantile as quantile_of, shift, warm_up_cut};
use crate::error::{Error, Result};
use crate::script::declare::{Call, Outcome};
use crate::script::units::Duration;
use crate::script::value::number;

/// `#{ value, lo, hi, n }`; `lo` and `hi` are `()` where there is no interval.
pub fn figure(figure: &Figure, is_duration: bool) -> Dynamic {
    let value =
        |seconds: f64| if is_duration { Dynamic::from(Duration::new(seconds)) } else { Dynamic::from_float(seconds) };
    let n = Dynamic::from_int(i64::try_from(figure.n).unwrap_or(i64::MAX));
    let ends = [figure.lo, figure.hi].map(|end| end.map_or(Dynamic::UNIT, value));
    let [lo, hi] = ends;
    let map = [("value", value(figure.value)), ("lo", lo), ("hi", hi), ("n", n)];
    Dynamic::from_map(map.into_iter().map(|(name, value)| (name.into(), value)).collect::<Map>())
}

pub fn maybe(value: Option<f64>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Dynamic::from_float)
}

/// The numbers of a list, and whether they are durations. What is `()` is left out.
fn values(call: &Call<'_>, name: &str) -> Result<(Vec<f64>, bool)> {
    let list = call.required(name, call.list(name))?;
    let given: Vec<&Dynamic> = list.iter().filter(|value| !value.is_unit()).collect();
    let durations = given.iter().filter(|value| value.is::<Duration>()).count();
    if durations != 0 && durations != given.len() {
        return Err(Error::script(format!("{}: `{name}` mixes durations and plain numbers", call.name()))
            .hint("write all of them with a unit, or `.seconds` behind the durations"));
    }
    Ok((given.iter().filter_map(|value| seconds(value)).collect(), durations > 0))
}

fn seconds(value: &Dynamic) -> Option<f64> {
    value.clone().try_cast::<Duration>().map(|duration| duration.seconds).or_else(|| number(value))
}

fn told(found: Option<Figure>, is_duration: bool) -> Dynamic {
    found.map_or(Dynamic::UNIT, |found| figure(&found, is_duration))
}

pub fn mean(call: &Call<'_>) -> Outcome {
    let (values, are_durations) = values(call, "values")?;
    let scale = if are_durations { Scale::Log } else { Scale::Linear };
    Ok(told(mean_of(&[values], scale, call.session.options.seed), are_durations))
}

pub fn median(call: &Call<'_>) -> Outcome {
    at(call, 0.5)
}

pub fn quantile(call: &Call<'_>) -> Outcome {
    let probability = call.required("q", call.number("q"))?;
    if !(0.0..=1.0).contains(&probability) {
        return Err(Error::script(format!("analysis::quantile: `q` is {probability}, but must lie between 0 and 1"))
            .hint("0.99 is the value that 99 % lie below")
            .into());
    }
    at(call, probability)
}

fn at(call: &Call<'_>, probability: f64) -> Outcome {
    let (values, are_durations) = values(call, "values")?;
    let alone: Vec<Vec<f64>> = values.into_iter().map(|value| vec![value]).collect();
    Ok(told(quantile_of(&[alone], probability, call.session.options.seed), are_durations))
}

pub fn difference(call: &Call<'_>) -> Outcome {
    let ((a, a_in_seconds), (b, b_in_seconds)) = (values(call, "a")?, values(call, "b")?);
    if !a.is_empty() && !b.is_empty() && a_in_seconds != b_in_seconds {
        return Err(Error::script(format!("{}: one list holds durations, the other plain numbers", call.name()))
            .hint("write both with a unit, or `.map(|value| value.seconds)` behind the durations")
            .into());
    }
    Ok(told(shift(&a, &b), a_in_seconds))
}

pub fn warm_up(call: &Call<'_>) -> Outcome {
    let (known, _) = values(call, "values")?;
    let Some(cut) = warm_up_cut(&known) else { return Ok(Dynamic::UNIT) };
    // A place in the list as it was given, with what is `()`.
    let list = call.required("values", call.list("values"))?;
    let mut places = list.iter().enumerate().filter(|(_, value)| !value.is_unit()).map(|(place, _)| place);
    Ok(Dynamic::from_int(i64::try_from(places.nth(cut).unwrap_or(list.len())).unwrap_or(i64::MAX)))
}

pub fn read_csv(call: &Call<'_>) -> Outcome {
    let file = call.required("file", call.text("file"))?;
    let content = call.session.source().beside(&call.session.host, &file)?;
    let table = Foreign::read(content.as_slice(), &file)?;
    let value = |field: Field| match field {
        Field::Nothing => Dynamic::UNIT,
        Field::Whole(number) => Dynamic::from_int(number),
        Field::Number(number) => Dynamic::from_float(number),
        Field::Text(text) => text.into(),
    };
    let row = |fields: Vec<Field>| {
        let named = table.header.iter().zip(fields).map(|(name, field)| (name.as_str().into(), value(field)));
        Dynamic::from_map(named.collect::<Map>())
    };
    Ok(table.rows.into_iter().map(row).collect::<Array>().into())
}
