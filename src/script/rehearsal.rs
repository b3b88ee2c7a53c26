//! What a rehearsal of a body learns: how long a trial takes.

use crate::error::{Error, Result};
use crate::run::Required;

/// Setup, warm-up and drain of one trial on a machine with two cores, as seen; only for the estimate.
const AROUND_MEASURED_S: f64 = 40.0;

/// What a body declared for one trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    pub job: bool,
    /// The job makes its load itself.
    pub saturated: bool,
    /// The topic that the job reads, where its `job.toml` tells.
    pub reads: Option<String>,
    /// The topic that is replayed into.
    pub replay: Option<String>,
    pub collect: bool,
    /// Whether something is done while it is measured.
    pub during: bool,
    /// Seconds between faults, and their number.
    pub faults: Option<(f64, u32)>,
    /// Seconds that the data set lasts at the chosen speed.
    pub data_s: Option<f64>,
    /// The longest time in seconds that a fault keeps an instance down.
    pub down_for_s: Option<f64>,
}

impl Declared {
    /// Fails where the body lacks what no trial can do without.
    pub fn check(&self) -> Result<()> {
        let parts = [
            (self.job, Required::Job),
            (self.replay.is_some() || self.reads.is_none(), Required::Replay),
            (self.collect, Required::Collection),
        ];
        if let Some((_, required)) = parts.into_iter().find(|(there, _)| !there) {
            return Err(required.lacking());
        }
        match (&self.reads, &self.replay) {
            (_, Some(_)) if self.saturated => Err(Required::no_replay()),
            (Some(reads), Some(replay)) if reads != replay => {
                Err(Error::script(format!("the job reads `{reads}`, but the replay goes to `{replay}`"))
                    .hint("give both the same topic: `args: #{ topic: topic }`"))
            }
            _ => Ok(()),
        }
    }

    /// Fails where nothing would ever end the measured phase; `measured_s` is what it lasts, as far as is known.
    pub fn check_end(&self, measured_s: Option<f64>) -> Result<()> {
        if measured_s.is_some() || self.replay.is_some() || self.during { Ok(()) } else { Err(Required::End.lacking()) }
    }

    /// Notes how long a fault keeps an instance down.
    pub fn longest_down(&mut self, seconds: f64) {
        self.down_for_s = Some(self.down_for_s.map_or(seconds, |longest| longest.max(seconds)));
    }

    /// What is allowed, but hardly meant; `measured_s` is what the measured phase lasts.
    #[must_use]
    pub fn warning(&self, measured_s: Option<f64>) -> Option<String> {
        let (every_s, count) = self.faults.filter(|(_, count)| *count > 0)?;
        let down_s = self.down_for_s?;
        if down_s >= every_s && count > 1 {
            return Some(format!(
                "a fault keeps its instance down for {down_s} s, but the next one comes {every_s} s after it: each falls into the recovery of the one before, whose R is then not known"
            ));
        }
        let in_time = (measured_s? / every_s).floor().min(f64::from(count));
        let left_s = measured_s? - in_time * every_s;
        (in_time >= 1.0 && down_s >= left_s).then(|| {
            format!("the last fault keeps its instance down for {down_s} s, but the measured phase ends {left_s:.0} s after it: its R is then not known")
        })
    }

    /// Seconds of the measured phase: faults or data, whichever ends first.
    #[must_use]
    pub fn measured_s(&self) -> Option<f64> {
        let faults = self.faults.filter(|(_, count)| *count > 0).map(|(every, count)| every * (f64::from(count) + 1.0));
        // Then the phase lasts until that is done.
        let data_s = self.data_s.filter(|_| !self.during || faults.is_some());
        [faults, data_s].into_iter().flatten().min_by(f64::total_cmp)
    }
}

/// All trials of an experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rehearsal {
    trials: u32,
    known_s: f64,
    /// Trials whose length only the script knows.
    unknown: u32,
    /// Each one once.
    pub warnings: Vec<String>,
}

impl Rehearsal {
    /// Adds the trials of one combination; setup and drain come on top of the measured phase.
    pub fn add(&mut self, measured_s: Option<f64>, repeats: u32) {
        self.trials += repeats;
        match measured_s {
            Some(seconds) => self.known_s += f64::from(repeats) * (seconds + AROUND_MEASURED_S),
            None => self.unknown += repeats,
        }
    }

    pub fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Seconds of all trials, setup and drain included.
    #[must_use]
    pub fn total_s(&self) -> Option<f64> {
        (self.unknown == 0).then_some(self.known_s)
    }

    /// "3 trials, about 7 min"
    #[must_use]
    pub fn describe(&self) -> String {
        let trials = if self.trials == 1 { "1 trial".to_owned() } else { format!("{} trials", self.trials) };
        match self.total_s() {
            Some(seconds) => format!("{trials}, about {}", span(seconds)),
            None => format!("{trials}, as long as the script says"),
        }
    }
}

/// Seconds as a person says them.
#[must_use]
pub fn span(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round().max(1.0);
    if minutes < 120.0 {
        format!("{minutes} min")
    } else {
        format!("{:.0} h {:.0} min", (minutes / 60.0).floor(), minutes % 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_of_faults_and_data_counts() {
        let faults = Declared { faults: Some((25.0, 3)), ..Declared::default() };
        assert_eq!(faults.measured_s(), Some(100.0));
        assert_eq!(Declared { data_s: Some(78.0), ..faults }.measured_s(), Some(78.0));
        assert_eq!(Declared { faults: Some((25.0, 0)), ..Declared::default() }.measured_s(), None);
    }

    #[test]
    fn an_instance_that_stays_down_too_long_is_warned_of() {
        let mut faults = Declared { faults: Some((25.0, 3)), ..Declared::default() };
        assert_eq!(faults.warning(Some(100.0)), None);
        faults.longest_down(3.0);
        assert_eq!(faults.warning(Some(100.0)), None);
        assert!(faults.warning(Some(77.0)).expect("2 s are left").contains("ends 2 s after it"));
        faults.longest_down(60.0);
        faults.longest_down(1.0);
        assert!(faults.warning(None).expect("60 s of 25 s").contains("for 60 s, but the next one comes 25 s after"));
        let one = Declared { faults: Some((25.0, 1)), ..faults };
        assert!(one.warning(Some(50.0)).expect("60 s of 25 s").contains("ends 25 s after it"));
    }

    #[test]
    fn the_length_of_all_trials_is_told_where_it_is_known() {
        let mut all = Rehearsal::default();
        all.add(Some(100.0), 1);
        all.add(Some(100.0), 2);
        assert_eq!(all.describe(), "3 trials, about 7 min");
        all.add(None, 1);
        assert_eq!(all.describe(), "4 trials, as long as the script says");
        assert_eq!(span(7.0 * 3600.0 + 360.0), "7 h 6 min");
    }
}
