//! `report::…`: what the report shows.

use rhai::{Dynamic, Map};

use crate::analysis::statistics::Figure;
use crate::error::{Error, Result};
use crate::report::{Part, Table, number, plots};
use crate::script::declare::{Argument, Belongs, Call, Effect, Kind, Outcome, Primitive};
use crate::script::session::{Purpose, Session};
use crate::script::units::Duration;
use crate::script::{source, value};

const TABLE: Kind = Kind::Word(|| Part::NAMES.to_vec());
const PLOT: Kind = Kind::Word(|| plots::NAMES.to_vec());
const STUDY: Argument = Argument::required("study", Kind::Handle("study"), "what `experiment` returned");

pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        module: "report",
        name: "table",
        doc: "Prints a table and puts it into the report.\n\nIt is computed from the run's files alone, so that \
            `cprun analyze` gives it again. It comes after an experiment.",
        arguments: &[STUDY, Argument::required("name", TABLE, "which table")],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Anywhere,
        example: r#"report::table(study, "as_measured");"#,
        run: table,
    },
    Primitive {
        module: "report",
        name: "plot",
        doc: "Draws a plot into the report, as SVG and PNG.\n\nIt prints one line with the file, or with the \
            reason why there is nothing to draw. It comes after an experiment.",
        arguments: &[STUDY, Argument::required("name", PLOT, "which plot")],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Anywhere,
        example: r#"report::plot(study, "restart_by_interval");"#,
        run: plot,
    },
    Primitive {
        module: "report",
        name: "text",
        doc: "Prints a paragraph and puts it into the report.\n\nIt comes after an experiment.",
        arguments: &[Argument::required("text", Kind::Text, "the paragraph")],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Anywhere,
        example: r#"
            report::table(study, "faults");
            report::text("The disk was shared with another job.");
        "#,
        run: text,
    },
    Primitive {
        module: "report",
        name: "rows",
        doc: "Prints a table of the script's own and puts it into the report.\n\nEach map is a row and each of its keys a \
            column, in the order in which the script writes them; what a row lacks stays empty. A figure, \
            `#{ value, lo, hi, n }`, shows its interval and `n`; numbers show four digits, durations and sizes their \
            units.\n\nBefore the first experiment it is printed alone. A table of a simulated run says so.",
        arguments: &[
            Argument::required("title", Kind::Text, "what stands above the table"),
            Argument::required("rows", Kind::List(&Kind::Map), "the rows, such as `analysis::rows` gives them"),
        ],
        options: None,
        returns: Kind::Nothing,
        effect: Effect::Acts,
        belongs: Belongs::Anywhere,
        example: r#"
            let faults = analysis::faults(study);
            report::rows("Restarts", faults.map(|fault| #{ kind: fault.kind, R_s: fault.R_s }));
        "#,
        run: rows,
    },
];

fn table(call: &Call<'_>) -> Outcome {
    let part = call.text("name").and_then(|name| Part::named(&name));
    show(call.session, &call.required("name", part)?)
}

fn plot(call: &Call<'_>) -> Outcome {
    let part = call.text("name").and_then(|name| Part::plot(&name));
    show(call.session, &call.required("name", part)?)
}

fn text(call: &Call<'_>) -> Outcome {
    show(call.session, &Part::Text(call.required("text", call.text("text"))?))
}

fn rows(call: &Call<'_>) -> Outcome {
    let session = call.session;
    let rows: Vec<Map> = call.required("rows", call.list("rows"))?.into_iter().filter_map(Dynamic::try_cast).collect();
    let mut columns: Vec<String> = Vec::new();
    for name in rows.iter().flat_map(Map::keys) {
        if !columns.iter().any(|known| known == name.as_str()) {
            columns.push(name.to_string());
        }
    }
    let columns = source::in_written_order(&session.source().text, columns);
    let line = |row: &Map| columns.iter().map(|name| row.get(name.as_str()).map_or("–".into(), cell)).collect();
    let table = Table {
        title: call.required("title", call.text("title"))?,
        rows: rows.iter().map(line).collect(),
        header: columns.clone(),
        ..Table::default()
    };
    if session.state().run.is_some() {
        return show(session, &Part::Rows(table));
    }
    tell(session, &format!("\n{}", table.text()));
    Ok(Dynamic::UNIT)
}

/// A value as a cell shows it.
fn cell(value: &Dynamic) -> String {
    if value.is_unit() {
        return "–".into();
    }
    if let Some(figure) = value.read_lock::<Map>().as_deref().and_then(figure) {
        return figure;
    }
    value.as_float().map_or_else(|_| value::text(value), number::short)
}

/// A map of `value`, `lo`, `hi` and `n`, as tables show figures.
fn figure(map: &Map) -> Option<String> {
    let seconds = |name: &str| {
        let value = map.get(name)?;
        value.clone().try_cast::<Duration>().map(|duration| duration.seconds).or_else(|| value::number(value))
    };
    let n = u64::try_from(map.get("n")?.as_int().ok()?).ok()?;
    let value = seconds("value")?;
    let shown = number::figure(&Figure { value, lo: seconds("lo"), hi: seconds("hi"), n });
    let unit = if map.get("value")?.is::<Duration>() { " s" } else { "" };
    let digits = number::short(value).len();
    Some(format!("{}{unit}{}", &shown[..digits], &shown[digits..]))
}

/// Notes the part for the report, and prints it.
fn show(session: &Session, part: &Part) -> Outcome {
    Ok(noted(session, part).map(|()| Dynamic::UNIT)?)
}

fn noted(session: &Session, part: &Part) -> Result<()> {
    let run = session.state().run.clone();
    let run = run.ok_or_else(|| Error::script("there is nothing to report yet").hint("run an experiment first"))?;
    let text = run.report_part(part)?;
    // Plots are a line each and stand together.
    let gap = if matches!(part, Part::Plot(_)) { "" } else { "\n" };
    tell(session, &format!("{gap}{text}"));
    Ok(())
}

fn tell(session: &Session, text: &str) {
    // An estimate runs the script once more, silently; under `--json` stdout is summary.json alone.
    if !session.options.json && session.purpose == Purpose::Run {
        session.host.progress.clear();
        session.host.stdout.write(text);
    }
}
