//! What was typed, as a script: functions first, then statements, what belongs into a body within an experiment.
//!
//! At the prompt a topic is made at once; in a script that stands in the body of an experiment. So from the first
//! such input on, all goes into the body of one, but for what has its place outside.

use super::lexis::{self, Inside, definitions};

/// An input that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    pub text: String,
    /// It left a value, which `_` then meant.
    pub gives_value: bool,
    pub place: Place,
}

/// Where the statements of an input stand in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    #[default]
    Anywhere,
    /// It calls what belongs into the body of an experiment.
    Body,
    /// It calls what has its place outside of one: `params`, `experiment`, `report::table`.
    Outside,
}

/// `title` is what the header says, `experiment` the name of the experiment where one is needed.
#[must_use]
pub fn script(inputs: &[Input], title: &str, experiment: &str) -> String {
    let named = name_last_values(inputs);
    let mut functions: Vec<(String, usize, String)> = Vec::new();
    let (mut outside, mut body, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for (input, text) in inputs.iter().zip(named) {
        let mut rest = String::new();
        let mut from = 0;
        for one in definitions(&text) {
            functions.retain(|(name, parameters, _)| (name, *parameters) != (&one.name, one.parameters));
            functions.push((one.name.clone(), one.parameters, text[one.from..one.to].to_owned()));
            rest.push_str(&text[from..one.from]);
            from = one.to;
        }
        rest.push_str(&text[from..]);
        let Some(statement) = ended(rest.trim()) else { continue };
        match input.place {
            Place::Body => body.push(statement),
            Place::Anywhere if !body.is_empty() => body.push(statement),
            Place::Outside if !body.is_empty() => after.push(statement),
            Place::Anywhere | Place::Outside => outside.push(statement),
        }
    }
    let mut parts = vec![format!("//! {title}")];
    parts.extend(functions.into_iter().map(|(_, _, text)| text));
    if !outside.is_empty() {
        parts.push(outside.join("\n"));
    }
    if !body.is_empty() {
        let lines: Vec<String> = body.iter().map(|statement| indented(statement)).collect();
        parts.push(format!("experiment(\"{experiment}\", #{{}}, |v| {{\n{}\n}});", lines.join("\n")));
    }
    if !after.is_empty() {
        parts.push(after.join("\n"));
    }
    format!("{}\n", parts.join("\n\n"))
}

/// `_` becomes a variable, and the value that it meant is given to that.
fn name_last_values(inputs: &[Input]) -> Vec<String> {
    let mut texts: Vec<String> = inputs.iter().map(|input| input.text.clone()).collect();
    let mut last: Option<(usize, Option<String>)> = None;
    let mut names = 0;
    for place in 0..inputs.len() {
        let uses = last_values(&texts[place]);
        if let (false, Some((giver, name))) = (uses.is_empty(), &mut last) {
            let name = name.get_or_insert_with(|| {
                names += 1;
                format!("value_{names}")
            });
            if !texts[*giver].contains(&format!("let {name} = ")) {
                texts[*giver] = given_to(&texts[*giver], name);
            }
            for at in uses.into_iter().rev() {
                texts[place].replace_range(at..=at, name);
            }
        }
        if inputs[place].gives_value {
            last = Some((place, None));
        }
    }
    texts
}

/// `let name = ` before the last statement.
fn given_to(text: &str, name: &str) -> String {
    let body = text.trim_end().trim_end_matches(';');
    let from = definitions(body).last().map_or(0, |one| one.to);
    let mut split = body[from..].char_indices().filter(|(_, letter)| *letter == ';').map(|(at, _)| from + at + 1);
    let split = split.rfind(|&at| is_top(&body[..at])).unwrap_or(from);
    let begin = split + (body[split..].len() - body[split..].trim_start().len());
    format!("{}let {name} = {};", &body[..begin], &body[begin..])
}

fn is_top(text: &str) -> bool {
    let scan = lexis::scan(text);
    scan.open.is_empty() && scan.inside == Inside::Code
}

/// Where `_` stands for the last value: alone, in code, and as no arm of a `switch`.
#[must_use]
pub fn last_values(text: &str) -> Vec<usize> {
    let alone = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + 1..].chars().next();
        !before.is_some_and(lexis::is_name) && !after.is_some_and(lexis::is_name)
    };
    let found = text.match_indices('_').map(|(at, _)| at).filter(|&at| alone(at) && !is_arm(&text[at + 1..]));
    found.filter(|&at| lexis::scan(&text[..at]).inside == Inside::Code).collect()
}

/// Whether what follows a `_` makes it the last arm of a `switch`.
#[must_use]
pub fn is_arm(after: &str) -> bool {
    let after = after.trim_start();
    after.starts_with("=>") || after.strip_prefix("if").is_some_and(|rest| !rest.starts_with(lexis::is_name))
}

/// The statement with its semicolon; nothing where there is none.
fn ended(statement: &str) -> Option<String> {
    let code = statement.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with("//"));
    if !code {
        return None;
    }
    let whole = lexis::scan(statement).inside == Inside::LineComment || statement.ends_with(';');
    Some(if whole { statement.to_owned() } else { format!("{statement};") })
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str, place: Place) -> Input {
        Input { text: text.into(), gives_value: !text.starts_with("let") && !text.starts_with("fn"), place }
    }

    #[test]
    fn functions_come_first_and_the_latest_counts() {
        let inputs = [
            input("let a = 1", Place::Anywhere),
            input("fn twice(x) { x }", Place::Anywhere),
            input("fn twice(x) { 2 * x } let b = twice(a);", Place::Anywhere),
            input("// only a comment", Place::Anywhere),
        ];
        assert_eq!(
            script(&inputs, "Saved.", "x"),
            "//! Saved.\n\nfn twice(x) { 2 * x }\n\nlet a = 1;\nlet b = twice(a);\n"
        );
    }

    #[test]
    fn what_belongs_into_a_body_gets_one() {
        let inputs = [
            input("let p = params(#{ speed: 1.0 });", Place::Outside),
            input("let topic = kafka::create_topic(\"a\")", Place::Body),
            input("if true {\n    print(topic.name)\n}", Place::Anywhere),
            input("report::text(\"x\", \"done\")", Place::Outside),
        ];
        insta::assert_snapshot!(script(&inputs, "Saved.", "first"), @r#"
        //! Saved.

        let p = params(#{ speed: 1.0 });

        experiment("first", #{}, |v| {
            let topic = kafka::create_topic("a");
            if true {
                print(topic.name)
            };
        });

        report::text("x", "done");
        "#);
    }

    #[test]
    fn the_last_value_gets_a_name_where_it_is_used() {
        let inputs = [
            input("let a = 2; (a + 1) * 2;", Place::Anywhere),
            input("let b = _ + _;", Place::Anywhere),
            input("let c = switch _ { 1 => \"_\", _ => 3 }", Place::Anywhere),
        ];
        assert_eq!(
            script(
                &[Input { gives_value: true, ..inputs[0].clone() }, inputs[1].clone(), inputs[2].clone()],
                "S.",
                "x"
            ),
            "//! S.\n\nlet a = 2; let value_1 = (a + 1) * 2;\nlet b = value_1 + value_1;\nlet c = switch value_1 { 1 => \"_\", _ => 3 };\n"
        );
    }
}
