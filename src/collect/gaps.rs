//! Writes down when an endpoint stopped answering and when it came back: once each, not once a poll.

use std::time::Instant;

use super::outlet::Outlet;
use crate::error::{Error, Result};
use crate::record::Observation;

#[derive(Debug)]
pub(super) struct Gaps {
    what: &'static str,
    outlet: Outlet,
    open: Option<Gap>,
}

#[derive(Debug)]
struct Gap {
    since: Instant,
    polls: u32,
}

impl Gaps {
    pub(super) fn new(what: &'static str, outlet: &Outlet) -> Self {
        Self { what, outlet: outlet.clone(), open: None }
    }

    /// The answer, or nothing where there is none. An error is only that of the journal.
    pub(super) fn bridge<T>(&mut self, answer: Result<T>) -> Result<Option<T>> {
        match answer {
            Ok(answer) => self.close().map(|()| Some(answer)),
            Err(error) => self.widen(&error).map(|()| None),
        }
    }

    fn widen(&mut self, error: &Error) -> Result<()> {
        if let Some(gap) = &mut self.open {
            gap.polls += 1;
            return Ok(());
        }
        self.open = Some(Gap { since: Instant::now(), polls: 1 });
        self.outlet.warn(format!("{}: no answer, asked on: {error}", self.what))
    }

    fn close(&mut self) -> Result<()> {
        let Some(Gap { since, polls }) = self.open.take() else { return Ok(()) };
        let seconds = since.elapsed().as_secs_f64();
        let text = format!("{}: answers again, after {polls} lost polls in {seconds:.1} s", self.what);
        self.outlet.record(Observation::Note { text })
    }
}
