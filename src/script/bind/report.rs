//! `report::table`, `report::plot`, `report::text`

use std::sync::Arc;

use rhai::{FuncRegistration, Module, NativeCallContext};

use super::run::Study;
use crate::error::{Error, Result};
use crate::report::{Part, plots};
use crate::script::errors::{Failure, result_at};
use crate::script::session::Session;
use crate::script::value::unknown;

pub fn fill(module: &mut Module, session: &Arc<Session>) {
    let own = Arc::clone(session);
    let table = move |context: NativeCallContext, _study: Study, name: &str| -> std::result::Result<(), Failure> {
        result_at(&context, table(&own, name))
    };
    FuncRegistration::new("table").with_volatility(true).set_into_module(module, table);
    let own = Arc::clone(session);
    let plot = move |context: NativeCallContext, _study: Study, name: &str| -> std::result::Result<(), Failure> {
        result_at(&context, plot(&own, name))
    };
    FuncRegistration::new("plot").with_volatility(true).set_into_module(module, plot);
    let own = Arc::clone(session);
    let text = move |context: NativeCallContext, text: &str| -> std::result::Result<(), Failure> {
        result_at(&context, show(&own, &Part::Text(text.to_owned())))
    };
    FuncRegistration::new("text").with_volatility(true).set_into_module(module, text);
}

fn table(session: &Session, name: &str) -> Result<()> {
    let part = Part::named(name)
        .ok_or_else(|| unknown("table", &format!("there is no table `{name}`"), name, &Part::NAMES))?;
    show(session, &part)
}

fn plot(session: &Session, name: &str) -> Result<()> {
    let part =
        Part::plot(name).ok_or_else(|| unknown("plot", &format!("there is no plot `{name}`"), name, &plots::NAMES))?;
    show(session, &part)
}

/// Notes the part for the report, and prints it.
fn show(session: &Session, part: &Part) -> Result<()> {
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
