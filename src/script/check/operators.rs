//! What `+`, `/` and the like make of evident types.

use rhai::{FnCallExpr, Position};

use super::types::Type;
use super::walk::{Walker, start};
use super::{Severity, spans};
use crate::error::Error;

impl<'a> Walker<'a> {
    pub fn operator(&mut self, call: &'a FnCallExpr, at: Position) -> Type {
        let types: Vec<Type> = call.args.iter().map(|argument| self.expression(argument)).collect();
        match types.as_slice() {
            [one] => match (call.name.as_str(), one) {
                ("-", Type::Int(number)) => Type::Int(number.and_then(i64::checked_neg)),
                ("-", Type::Float(number)) => Type::Float(number.map(|number| -number)),
                ("-", Type::Duration) => Type::Duration,
                ("!", _) => Type::Bool,
                _ => Type::Unknown,
            },
            [left, right] => {
                self.mixed_units(call, at, left, right);
                if call.name == "/" {
                    self.whole_division(call, left, right);
                }
                if call.name == "+=" {
                    self.stored(right);
                }
                result(&call.name, left, right)
            }
            _ => Type::Unknown,
        }
    }

    /// `1/600` is 0.
    fn whole_division(&mut self, call: &'a FnCallExpr, left: &Type, right: &Type) {
        let (Type::Int(left), Type::Int(right)) = (left, right) else { return };
        let result = match (left, right) {
            (Some(_), Some(0)) => return,
            (Some(left), Some(right)) if left.checked_rem(*right).is_some_and(|rest| rest != 0) => left / right,
            (Some(1 | -1), None) => 0,
            _ => return,
        };
        let place = spans::between(&self.source.text, start(&call.args[0]), start(&call.args[1]));
        let (message, hint) = match (left, right) {
            (Some(left), Some(right)) => (
                format!("{left}/{right} divides whole numbers and gives {result}"),
                format!("write `{left}.0/{right}.0`"),
            ),
            _ => ("1 divided by a whole number gives 0".to_owned(), "write `1.0` in place of `1`".to_owned()),
        };
        self.tell(Severity::Warning, "integer-division", place, Error::script(message).hint(hint));
    }

    /// `30.s + 5`, `p.down_for > 30`.
    fn mixed_units(&mut self, call: &'a FnCallExpr, at: Position, left: &Type, right: &Type) {
        const SAME: [&str; 8] = ["+", "-", "<", "<=", ">", ">=", "==", "!="];
        if !SAME.contains(&call.name.as_str()) {
            return;
        }
        let (unit, number) = match (left, right) {
            (Type::Duration, number) | (number, Type::Duration) if number.is_number() => ("s", number),
            (Type::Bytes, number) | (number, Type::Bytes) if number.is_number() => ("MiB", number),
            _ => return,
        };
        let what = if unit == "s" { "a duration" } else { "a size" };
        let message = format!("`{}` cannot take {what} and {}", call.name, number.described());
        let hint = match number {
            Type::Int(Some(number)) => format!("write the unit: `{number}.{unit}`"),
            Type::Float(Some(number)) => format!("write the unit: `{number:?}.{unit}`"),
            _ => format!("give the number a unit: `x.{unit}`"),
        };
        self.error("missing-unit", at, Error::script(message).hint(hint));
    }
}

fn result(operator: &str, left: &Type, right: &Type) -> Type {
    match (operator, left, right) {
        ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "!in", ..) => Type::Bool,
        ("..", Type::Int(_) | Type::Unknown, _) | ("..=", Type::Int(_) | Type::Unknown, _) => Type::Range,
        ("+" | "-" | "*" | "/" | "%", Type::Int(a), Type::Int(b)) => Type::Int(whole(operator, *a, *b)),
        ("+" | "-" | "*" | "/" | "**", Type::Float(_) | Type::Int(_), Type::Float(_))
        | ("+" | "-" | "*" | "/" | "**", Type::Float(_), Type::Int(_)) => Type::Float(None),
        ("+" | "-", Type::Duration, Type::Duration) => Type::Duration,
        ("*" | "/", Type::Duration, number) | ("*", number, Type::Duration) if number.is_number() => Type::Duration,
        ("/", Type::Duration, Type::Duration) | ("/", Type::Bytes, Type::Bytes) => Type::Float(None),
        ("+" | "-", Type::Bytes, Type::Bytes) => Type::Bytes,
        ("+", Type::Text(_), _) => Type::Text(None),
        _ => Type::Unknown,
    }
}

fn whole(operator: &str, left: Option<i64>, right: Option<i64>) -> Option<i64> {
    let (left, right) = (left?, right?);
    match operator {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        _ => left.checked_rem(right),
    }
}
