//! `report::…`: what the report shows.

use rhai::Dynamic;

use crate::error::{Error, Result};
use crate::report::{Part, plots};
use crate::script::declare::{Argument, Belongs, Call, Effect, Kind, Outcome, Primitive};
use crate::script::session::Session;

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

/// Notes the part for the report, and prints it.
fn show(session: &Session, part: &Part) -> Outcome {
    Ok(noted(session, part).map(|()| Dynamic::UNIT)?)
}

fn noted(session: &Session, part: &Part) -> Result<()> {
    let run = session.state().run.clone();
    let run = run.ok_or_else(|| Error::script("there is nothing to report yet").hint("run an experiment first"))?;
    let text = run.report_part(part)?;
    if !session.options.json {
        session.host.progress.clear();
        // Plots are a line each and stand together.
        let gap = if matches!(part, Part::Plot(_)) { "" } else { "\n" };
        session.host.stdout.write(&format!("{gap}{text}"));
    }
    Ok(())
}
