//! What a rehearsal of a body learns: how long a trial takes.

/// Setup, warm-up and drain of one trial on a machine with two cores, as seen; only for the estimate.
const AROUND_MEASURED_S: f64 = 40.0;

/// What the body declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rehearsal {
    pub trials: usize,
    /// Time between faults, and their number.
    pub faults: Option<(f64, u32)>,
    /// The option `duration` of the experiment, in seconds.
    pub duration_s: Option<f64>,
    /// Seconds that the data set lasts at the chosen speed, where that is known.
    pub data_s: Option<f64>,
}

impl Rehearsal {
    /// Seconds of one measured phase: faults, duration and data, whichever ends first.
    #[must_use]
    pub fn measured_s(&self) -> Option<f64> {
        let faults = self.faults.filter(|(_, count)| *count > 0).map(|(every, count)| every * (f64::from(count) + 1.0));
        [faults, self.duration_s, self.data_s].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// Seconds of all trials, setup and drain included.
    #[must_use]
    pub fn total_s(&self) -> Option<f64> {
        self.measured_s().map(|measured| self.trials as f64 * (measured + AROUND_MEASURED_S))
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
    fn the_shortest_of_faults_duration_and_data_counts() {
        let faults = Rehearsal { trials: 3, faults: Some((25.0, 3)), ..Rehearsal::default() };
        assert_eq!(faults.measured_s(), Some(100.0));
        assert_eq!(faults.describe(), "3 trials, about 7 min");
        assert_eq!(Rehearsal { data_s: Some(78.0), ..faults.clone() }.measured_s(), Some(78.0));
        let none = Rehearsal { trials: 1, faults: Some((25.0, 0)), ..Rehearsal::default() };
        assert_eq!(none.describe(), "1 trial, as long as the script says");
        assert_eq!(span(7.0 * 3600.0 + 360.0), "7 h 6 min");
    }
}
