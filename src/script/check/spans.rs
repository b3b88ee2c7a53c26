//! Where a token ends.
//!
//! Rhai's positions are points, and a mark under a whole name is easier to see. What begins at a point is read
//! again, as far as its own line goes.

use rhai::Position;

use super::Place;

/// The place of the token at a position.
pub fn token(text: &str, position: Position) -> Place {
    place(text, position, |line, at| at + token_length(&line[at..]))
}

/// The place of a name with its modules, `fault::every`.
pub fn path(text: &str, position: Position) -> Place {
    place(text, position, |line, at| {
        let mut end = at + token_length(&line[at..]);
        while line[end..].starts_with(&[':', ':']) && line.get(end + 2).is_some_and(|letter| is_name(*letter)) {
            end += 2 + token_length(&line[end + 2..]);
        }
        end
    })
}

/// Rhai puts the call of a module's function at the function's own name; this is where its path begins.
pub fn path_begin(line: &str, column: usize) -> usize {
    let letters: Vec<char> = line.chars().collect();
    let mut at = column.saturating_sub(1);
    while at >= 3 && letters.get(at - 2..at) == Some(&[':', ':']) && is_name(letters[at - 3]) {
        at = letters[..at - 2].iter().rposition(|letter| !is_name(*letter)).map_or(0, |before| before + 1);
    }
    at + 1
}

/// The place of a value with its properties, `7200.s` or `v.interval`.
pub fn value(text: &str, position: Position) -> Place {
    place(text, position, |line, at| {
        let mut end = at + token_length(&line[at..]);
        while line.get(end) == Some(&'.') && line.get(end + 1).is_some_and(|letter| letter.is_alphabetic()) {
            end += 1 + token_length(&line[end + 1..]);
        }
        end
    })
}

/// From the first position to the end of the token at the last one, where they share a line.
pub fn between(text: &str, first: Position, last: Position) -> Place {
    let begin = token(text, first);
    let end = token(text, last);
    if begin.line == end.line && end.end_column > begin.end_column {
        Place { end_column: end.end_column, ..begin }
    } else {
        begin
    }
}

fn place(text: &str, position: Position, end: impl Fn(&[char], usize) -> usize) -> Place {
    let number = position.line().unwrap_or(1);
    let column = position.position().unwrap_or(1).max(1);
    let line: Vec<char> = text.lines().nth(number - 1).unwrap_or_default().chars().collect();
    let at = (column - 1).min(line.len());
    Place { line: number, column, end_column: (end(&line, at) + 1).max(column + 1) }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Letters of the token that `rest` begins with; 0 at the end of a line.
pub fn token_length(rest: &[char]) -> usize {
    let Some(first) = rest.first() else { return 0 };
    match first {
        '"' | '`' | '\'' => quoted_length(rest, *first),
        '0'..='9' => number_length(rest),
        '-' if rest.get(1).is_some_and(char::is_ascii_digit) => 1 + number_length(&rest[1..]),
        letter if is_name(*letter) => rest.iter().take_while(|letter| is_name(**letter)).count(),
        _ => {
            const LONG: [&str; 27] = [
                "===", "!==", "++", "--", "->", "..=", "**=", "<<=", ">>=", "::", "=>", "==", "!=", "<=", ">=", "&&",
                "||", "??", "?.", "?[", "..", "#{", "+=", "-=", "*=", "/=", "**",
            ];
            let starts = |symbol: &&&str| symbol.chars().zip(rest).filter(|(a, b)| a == *b).count() == symbol.len();
            LONG.iter().find(starts).map_or(1, |symbol| symbol.len())
        }
    }
}

fn quoted_length(rest: &[char], quote: char) -> usize {
    let mut escaped = false;
    for (index, letter) in rest.iter().enumerate().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if *letter == quote => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `30`, `1.5`, `1_000`, `0xff`, `1e-3`; the dot of `30.s` belongs to what follows.
fn number_length(rest: &[char]) -> usize {
    let digits = |from: usize| {
        rest[from.min(rest.len())..].iter().take_while(|letter| letter.is_ascii_digit() || **letter == '_').count()
    };
    if rest.len() > 2 && rest[0] == '0' && matches!(rest[1], 'x' | 'o' | 'b' | 'X' | 'O' | 'B') {
        return rest.iter().take_while(|letter| is_name(**letter)).count();
    }
    let mut end = digits(0);
    if rest.get(end) == Some(&'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(rest.get(end), Some('e' | 'E')) {
        let sign = usize::from(matches!(rest.get(end + 1), Some('+' | '-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_where_the_next_one_begins() {
        let length = |text: &str| token_length(&text.chars().collect::<Vec<_>>());
        for (text, token) in [
            ("parallelism: 4", "parallelism"),
            ("30.s", "30"),
            ("1.5.min", "1.5"),
            ("1_000.ms", "1_000"),
            ("1e-3*x", "1e-3"),
            ("0xff)", "0xff"),
            ("\"a \\\" b\" + c", "\"a \\\" b\""),
            ("::lag", "::"),
            ("-1, 2", "-1"),
            ("/600", "/"),
            ("größe = 1", "größe"),
            ("", ""),
        ] {
            assert_eq!(length(text), token.chars().count(), "{text}");
        }
    }

    #[test]
    fn a_path_begins_before_its_colons() {
        assert_eq!(path_begin("x; fault::kil(1)", 11), 4);
        assert_eq!(path_begin("a::b::c(1)", 7), 1);
        assert_eq!(path_begin("kill(1)", 1), 1);
        assert_eq!(path_begin("::x", 3), 3);
        assert_eq!(path_begin("", 7), 7);
    }

    #[test]
    fn a_path_is_marked_as_a_whole() {
        let place = path("x; fault::kil(1)", Position::new(1, 4));
        assert_eq!((place.column, place.end_column), (4, 14));
    }
}
