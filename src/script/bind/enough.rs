//! `enough(#{ U: 0.01, at_most: 2.h })` as value of `repeats`, and the trials that it hands out block by block.

use std::collections::VecDeque;
use std::sync::Arc;

use rhai::Dynamic;

use super::run::{Experiment, TrialHandle};
use crate::analysis::enough::{Enough, FEWEST_BLOCKS, figure_name};
use crate::analysis::results::FIGURES;
use crate::error::{Error, Result};
use crate::record::Observation;
use crate::run;
use crate::script::declare::{Belongs, Call, Effect, Handle, Kind, Opt, Options, Outcome, Primitive};
use crate::script::errors::{self, Failure};
use crate::script::rehearsal::span;
use crate::script::session::Session;
use crate::script::units::{Bytes, Duration};
use crate::script::value::{number, text, unknown};

pub const PRIMITIVES: &[Primitive] = &[Primitive {
    module: "",
    name: "enough",
    doc: "As value of `repeats`: until figures are known well enough, or time is over.\n\n\
        Blocks of one trial of each combination follow each other until the 95 % interval of each figure named is no \
        wider than value ± half width. Two blocks are run at least, unless time is over after one, and none begins that would probably end after \
        `at_most`. Because narrow intervals end the experiment, they hold the true value a little less often than 95 % \
        of the time.",
    arguments: &[],
    options: Some(Options {
        known: &[Opt::required("at_most", Kind::Duration, "how long all blocks may take together")],
        others: "a figure by its name in summary.csv, or `U` for `U_poisson`: the half width wanted, in the figure's unit",
    }),
    returns: Kind::Handle("enough"),
    effect: Effect::Pure,
    belongs: Belongs::Anywhere,
    example: "let repeats = enough(#{ U: 0.01, at_most: 2.h });",
    run: enough,
}];

fn enough(call: &Call<'_>) -> Outcome {
    let at_most_s = call.required("at_most", call.duration_s("at_most")?)?;
    let widths: Vec<(&'static str, f64)> =
        call.others.iter().map(|(name, value)| width(name, value)).collect::<Result<_>>()?;
    if widths.is_empty() {
        return Err(Error::script("enough: no figure is named")
            .hint("for example `enough(#{ U: 0.01, at_most: 2.h })`")
            .into());
    }
    Ok(Dynamic::from(Enough { widths, at_most_s }))
}

fn width(name: &str, value: &Dynamic) -> Result<(&'static str, f64)> {
    let figure = figure_name(name).ok_or_else(|| {
        let known: Vec<&str> = std::iter::once("U").chain(FIGURES).collect();
        unknown("figure", &format!("enough: there is no figure `{name}`"), name, &known)
    })?;
    let scale = if figure.ends_with("_ms") { 1e3 } else { 1.0 };
    let duration = value.clone().try_cast::<Duration>().map(|duration| duration.seconds * scale);
    let bytes = || value.clone().try_cast::<Bytes>().map(|bytes| bytes.0 as f64);
    let width = duration.or_else(bytes).or_else(|| number(value)).filter(|width| width.is_finite() && *width > 0.0);
    let width = width.ok_or_else(|| {
        Error::script(format!("enough: `{name}` wants a half width above 0, not {}", text(value)))
            .hint("`U: 0.01` asks for U ± 0.01, `R_s: 500.ms` for R ± 0.5 s")
    })?;
    Ok((figure, width))
}

/// The trials of an experiment whose number is not known before.
#[derive(Clone)]
pub struct Trials {
    pub session: Arc<Session>,
    pub name: String,
    pub experiment: Arc<Experiment>,
    pub enough: Enough,
}

impl IntoIterator for Trials {
    type Item = std::result::Result<TrialHandle, Failure>;
    type IntoIter = Blocks;

    fn into_iter(self) -> Blocks {
        let begin = self.session.now();
        Blocks {
            trials: self,
            due: VecDeque::new(),
            combinations: Vec::new(),
            blocks: 0,
            begin,
            last: begin,
            longest_s: 0.0,
            over: false,
        }
    }
}

/// Hands out block after block.
pub struct Blocks {
    trials: Trials,
    /// What is left of the block that runs.
    due: VecDeque<TrialHandle>,
    combinations: Vec<String>,
    /// How many began.
    blocks: u32,
    /// When the first block began, and the last one.
    begin: tokio::time::Instant,
    last: tokio::time::Instant,
    longest_s: f64,
    over: bool,
}

impl Iterator for Blocks {
    type Item = std::result::Result<TrialHandle, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.due.is_empty() && !self.over {
            match self.next_block() {
                Ok(more) => self.over = !more,
                Err(error) => {
                    self.over = true;
                    return Some(Err(errors::plain(error)));
                }
            }
        }
        self.due.pop_front().map(Ok)
    }
}

impl Blocks {
    /// Begins one more block, or says why there is none.
    fn next_block(&mut self) -> Result<bool> {
        let Trials { session, name, experiment, enough } = &self.trials;
        let run = session.state().run.clone().ok_or_else(|| Error::defect("trials without a run"))?;
        let now = session.now();
        if self.blocks > 0 {
            self.longest_s = self.longest_s.max(now.duration_since(self.last).as_secs_f64());
        }
        if self.blocks >= FEWEST_BLOCKS {
            let lacking = enough.lacking(&run.results()?.results, &self.combinations);
            if lacking.is_empty() {
                let told = format!("{name}: {} repeats are enough for {}", self.blocks, enough.describe());
                session.host.progress.line(&told);
                session.observe(Observation::Note { text: told })?;
                return Ok(false);
            }
            let told = format!("{name}: {} repeats are not enough: {}", self.blocks, lacking.join("; "));
            if self.is_late(now) {
                let told = format!("{told}; another one would end after {}", span(enough.at_most_s));
                session.host.progress.warning(&told);
                session.observe(Observation::Warning { text: told })?;
                return Ok(false);
            }
            session.host.progress.line(&told);
        } else if self.blocks > 0 && self.is_late(now) {
            let told = format!(
                "{name}: one repeat has no interval, but another one would end after {}",
                span(enough.at_most_s)
            );
            session.host.progress.warning(&told);
            session.observe(Observation::Warning { text: told })?;
            return Ok(false);
        }
        self.last = now;
        self.blocks += 1;
        let mut specs = run::block(&experiment.plans(), self.blocks, experiment.order, session.options.seed)?;
        run.claim(name, &mut specs)?;
        self.combinations = specs
            .iter()
            .map(|spec| spec.id.rsplit_once('#').map_or("", |(combination, _)| combination).to_owned())
            .collect();
        self.due = specs.into_iter().map(|spec| experiment.handle(spec)).collect();
        Ok(true)
    }

    fn is_late(&self, now: tokio::time::Instant) -> bool {
        now.duration_since(self.begin).as_secs_f64() + self.longest_s > self.trials.enough.at_most_s
    }
}

pub fn handles() -> Vec<Handle> {
    vec![
        Handle::of::<Enough>("enough", "How well figures must be known.", &[], Enough::describe),
        Handle::of::<Trials>(
            "trials",
            "Trials handed out block by block; `for` takes them one by one.",
            &[],
            |trials| format!("{} until {}", trials.name, trials.enough.describe()),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::script::testing::run;

    #[test]
    fn wrong_ones_say_what_to_write() {
        let error = |text: &str| {
            let error = run(text).error.expect("wrong");
            (error.message, error.hint.unwrap_or_default())
        };
        let (message, hint) = error("enough(#{ U: 0.01 });");
        assert!(message.contains("needs `at_most`") || message.contains("at_most"), "{message} {hint}");
        assert_eq!(error("enough(#{ at_most: 2.h });").0, "enough: no figure is named");
        let (message, hint) = error("enough(#{ U_poison: 0.01, at_most: 2.h });");
        assert_eq!(
            (message.as_str(), hint.as_str()),
            ("enough: there is no figure `U_poison`", "did you mean `U_poisson`?")
        );
        assert_eq!(error("enough(#{ U: 0, at_most: 2.h });").0, "enough: `U` wants a half width above 0, not 0");
        assert_eq!(
            run("print(enough(#{ R_s: 500.ms, written_p50_ms: 5.ms, at_most: 2.h }));").printed(),
            "R_s ± 0.5, written_p50_ms ± 5\n"
        );
    }
}
