//! When there are repeats enough: the figures that an experiment is for are known as narrowly as was asked.
//!
//! Stopping when an interval happens to be narrow favours intervals that are narrow by chance, so the chance that such
//! an interval holds the true value lies somewhat below 95 %. What an interval must not rest on is one trial alone.

use super::results::{FIGURES, Results, Row};

/// Fewer blocks than these give no interval between trials.
pub const FEWEST_BLOCKS: u32 = 2;
/// What `U` stands for.
const U: (&str, &str) = ("U", "U_poisson");

/// How narrow the 95 % intervals of which figures must be, for every combination of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Enough {
    /// Names of `FIGURES` and half widths in their units.
    pub widths: Vec<(&'static str, f64)>,
    /// No block begins that would end later than so many seconds after the first one began.
    pub at_most_s: f64,
}

/// The name of a figure as `FIGURES` has it, for what a script calls it.
#[must_use]
pub fn figure_name(name: &str) -> Option<&'static str> {
    let name = if name == U.0 { U.1 } else { name };
    FIGURES.into_iter().find(|known| *known == name)
}

impl Enough {
    /// "U_poisson ± 0.01"
    #[must_use]
    pub fn describe(&self) -> String {
        let widths = self.widths.iter().map(|(name, width)| format!("{name} ± {width}"));
        widths.collect::<Vec<_>>().join(", ")
    }

    /// What is not known narrowly enough, a sentence each; none where it is enough. Looked at are those combinations
    /// alone.
    #[must_use]
    pub fn lacking(&self, results: &Results, combinations: &[String]) -> Vec<String> {
        let rows = results.rows.iter().filter(|row| combinations.contains(&row.combination));
        let mut lacking: Vec<String> =
            rows.flat_map(|row| self.widths.iter().filter_map(|(name, width)| too_wide(row, name, *width))).collect();
        let known = |combination: &&String| results.rows.iter().any(|row| row.combination == **combination);
        lacking.extend(combinations.iter().filter(|one| !known(one)).map(|one| format!("{one} has no figures yet")));
        lacking
    }
}

fn too_wide(row: &Row, name: &str, width: f64) -> Option<String> {
    let who = &row.combination;
    let Some(figure) = row.figures.get(name) else {
        return Some(format!("{who}: {name} is not known"));
    };
    match (figure.lo, figure.hi) {
        (Some(lo), Some(hi)) if (hi - lo) / 2.0 <= width => None,
        (Some(lo), Some(hi)) => Some(format!("{who}: {name} ± {:.3} (wanted ± {width})", (hi - lo) / 2.0)),
        _ => Some(format!("{who}: {name} has no interval yet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::history::Run;
    use crate::analysis::results::analyse;
    use crate::analysis::story::one_kill;

    fn results(repeats: u32) -> Results {
        let lines = (1..=repeats).flat_map(|repeat| one_kill(2.0, repeat).ends(45_000.0).lines());
        analyse(&Run::from_lines(lines), false)
    }

    fn asked(name: &'static str, width: f64) -> Enough {
        Enough { widths: vec![(name, width)], at_most_s: 60.0 }
    }

    #[test]
    fn a_figure_that_is_narrow_enough_for_every_combination_is_enough() {
        let all = results(3);
        let combination = all.rows[0].combination.clone();
        let figure = all.rows[0].figures.get("c_duration_s").copied().expect("known");
        let half = figure.hi.zip(figure.lo).map(|(hi, lo)| (hi - lo) / 2.0).expect("an interval");
        let lacking = |width| asked("c_duration_s", width).lacking(&all, std::slice::from_ref(&combination));
        assert_eq!(lacking(half + 1e-9), Vec::<String>::new());
        if half > 0.0 {
            assert_eq!(lacking(half / 2.0).len(), 1);
        }
    }

    #[test]
    fn what_is_not_known_is_not_enough() {
        let all = results(2);
        let combinations = [all.rows[0].combination.clone(), "interval=9s".to_owned()];
        let lacking = asked("U_measured", 1.0).lacking(&all, &combinations);
        assert_eq!(lacking, ["interval=2s: U_measured is not known", "interval=9s has no figures yet"]);
        let lacking = asked("lag_max_records", 1e9).lacking(&all, &combinations[..1]);
        assert_eq!(lacking, ["interval=2s: lag_max_records has no interval yet"]);
    }

    #[test]
    fn figures_go_by_their_names_and_u_is_that_of_the_paper() {
        assert_eq!((figure_name("U"), figure_name("R_s"), figure_name("R")), (Some("U_poisson"), Some("R_s"), None));
        assert_eq!(asked("R_s", 0.5).describe(), "R_s ± 0.5");
    }
}
