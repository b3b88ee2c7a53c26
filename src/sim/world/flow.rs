//! The fluid: how far the job reads between two events.
//!
//! A segment ends where its straight line does: the offered rate changes, the job has caught up, or its position
//! closes a window.

use super::super::checkpoint::Trigger;
use super::super::windows::Plan;
use super::{Phase, Run, World};

/// Fewer records than this apart, two counts are the same: what sums of floats lose.
const SAME_RECORDS: f64 = 1e-6;

/// A segment is at least so long, so that a time rounded down cannot hold up the clock.
const LEAST_MS: f64 = 1e-6;

struct Segment {
    /// Records per ms.
    rate: f64,
    until_ms: f64,
    then: Then,
    /// The job reads what comes, as it comes.
    keeps_up: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Goes,
    CaughtUp,
    Closes { position: f64 },
}

impl World {
    /// Moves on to `until_ms`, or to the end of the segment where that is earlier.
    pub(super) fn flow(&mut self, until_ms: f64) {
        let Some(segment) = self.segment() else {
            self.now_ms = until_ms;
            return;
        };
        let ends = match segment.then {
            Then::Closes { .. } => segment.until_ms.max(self.now_ms),
            Then::Goes | Then::CaughtUp => segment.until_ms.max(self.now_ms + LEAST_MS),
        };
        let reached = ends <= until_ms;
        let end_ms = ends.min(until_ms);
        let offered = self.offer.as_ref().map_or(0.0, |offer| offer.records_at(end_ms));
        let took_ms = end_ms - self.now_ms;
        self.now_ms = end_ms;
        let Some(run) = &mut self.run else { return };
        run.position = match segment.then {
            Then::Closes { position } if reached => run.position.max(position),
            Then::CaughtUp if reached => offered,
            _ if segment.keeps_up => offered,
            _ => (run.position + segment.rate * took_ms).min(offered),
        };
        self.furthest = self.furthest.max(run.position);
        if reached && matches!(segment.then, Then::Closes { .. }) {
            self.close_window();
        }
    }

    /// When the straight line ends that the job is on, if nothing comes between.
    pub(super) fn next_turn_ms(&self) -> Option<f64> {
        self.segment().map(|segment| segment.until_ms.max(self.now_ms + LEAST_MS)).filter(|at| at.is_finite())
    }

    /// None where nothing is read.
    fn segment(&self) -> Option<Segment> {
        let run = self.run.as_ref().filter(|run| run.phase == Phase::Reading)?;
        let offer = self.offer.as_ref().filter(|offer| offer.topic == run.job.topic)?;
        let speed = self.speed(run);
        if speed <= 0.0 {
            return None;
        }
        let backlog = offer.records_at(self.now_ms) - run.position;
        let (offered_rate, rate_until) = offer.rate_at(self.now_ms);
        let behind = backlog > SAME_RECORDS;
        let rate = if behind { speed } else { offered_rate.min(speed) };
        let keeps_up = !behind && offered_rate <= speed;
        let mut segment = Segment { rate, until_ms: rate_until, then: Then::Goes, keeps_up };
        if behind && speed > offered_rate {
            segment.sooner(self.now_ms + backlog / (speed - offered_rate), Then::CaughtUp);
        }
        if let Some(position) = self.next_close(run) {
            let to_go = position - run.position;
            if to_go <= SAME_RECORDS {
                segment.sooner(self.now_ms, Then::Closes { position });
            } else if rate > 0.0 {
                segment.sooner(self.now_ms + to_go / rate, Then::Closes { position });
            }
        }
        Some(segment)
    }

    /// Records per ms that the job could read now.
    fn speed(&self, run: &Run) -> f64 {
        if run.slots.iter().any(|process| !self.taskmanagers[process.place].answers(process.incarnation)) {
            return 0.0;
        }
        if run.coordinator.snapshot.is_some_and(|snapshot| snapshot.kind == Trigger::Stop) {
            return 0.0;
        }
        let share = if run.coordinator.snapshot.is_some() { 1.0 - self.conduct.snapshot_share } else { 1.0 };
        self.capacity_per_ms(run) * share * run.warmth
    }

    pub(super) fn capacity_per_ms(&self, run: &Run) -> f64 {
        self.conduct.capacity_per_subtask_per_s * f64::from(run.job.parallelism) / 1e3
    }

    /// The windows of the job's load; None where it has none.
    pub(super) fn plan_of<'a>(&'a self, run: &Run) -> Option<Plan<'a>> {
        let offer = self.offer.as_ref().filter(|offer| offer.topic == run.job.topic)?;
        Some(Plan { calendar: offer.calendar.as_ref()?, windows: run.job.window? })
    }

    /// The position at which the next window closes.
    fn next_close(&self, run: &Run) -> Option<f64> {
        let plan = self.plan_of(run)?;
        let closes = plan.closes_at(run.next_window);
        let offer = self.offer.as_ref()?;
        let closes = match offer.stopped {
            Some((_, sent)) if offer.flushed => {
                if plan.opens_at(run.next_window) + SAME_RECORDS >= sent {
                    return None;
                }
                closes.min(sent)
            }
            _ => closes,
        };
        closes.is_finite().then_some(closes)
    }

    fn close_window(&mut self) {
        let Some(run) = &self.run else { return };
        let total = self.plan_of(run).and_then(|plan| plan.total(run.next_window, run.position));
        let window = run.next_window;
        if let Some(run) = &mut self.run {
            run.next_window += 1;
        }
        if let Some(total) = total {
            self.row_due(window, total);
        }
    }
}

impl Segment {
    fn sooner(&mut self, at_ms: f64, then: Then) {
        if at_ms <= self.until_ms {
            (self.until_ms, self.then) = (at_ms, then);
        }
    }
}
