//! What a trial did over time, from the start of its measured phase: metrics by interval, latency with faults.
//!
//! Faults are due by the clock, so the trials of a study have theirs at the same times and share one axis.
//! Everything is brought together in bins; what could hide a peak is drawn at the largest value of its bin.

use super::axis::Axis;
use super::panel::{Key, Look, Panel};
use super::scene::{Anchor, Point, Scene};
use super::series::{Cast, Series};
use super::style::{BLACK, BLUE, DASHED, DOTTED, GREEN, LEFT, Mark, RIGHT, SOLID, Stroke, VERMILION};
use super::{Sketch, Sketched, figure};
use crate::analysis::binned::{Bin, binned};
use crate::analysis::oracle::WindowOutcome;
use crate::analysis::results::{Results, TrialResult};
use crate::analysis::timeline::Fault;
use crate::record::EpochMs;

/// More bins than this nobody tells apart on 600 pixels.
const BINS: usize = 240;

/// Marks in a panel, before the marks of a series are brought together too.
const MARKS: usize = 120;

/// Marks of faults closer than this share of the axis are one.
const SAME_FAULT: f64 = 0.004;

/// Something about a trial over the seconds since its measured phase began.
struct Track {
    points: Vec<(f64, f64)>,
    bins: Vec<Bin>,
}

impl Track {
    fn of(points: Vec<(f64, f64)>, seconds: f64, most: usize) -> Self {
        let bins = binned(points.iter().copied(), (0.0, seconds), most);
        Self { points, bins }
    }
}

fn measured_s(trial: &TrialResult) -> Option<f64> {
    let (from, to) = trial.measured()?;
    Some((to - from) / 1e3).filter(|seconds| seconds.is_finite() && *seconds > 0.0)
}

fn since(trial: &TrialResult, at: EpochMs) -> f64 {
    (at - trial.measured_from_epoch_ms.unwrap_or(f64::NAN)) / 1e3
}

fn due_latency(trial: &TrialResult, arrival: impl Fn(&WindowOutcome) -> Option<EpochMs>) -> Vec<(f64, f64)> {
    let point = |window: &WindowOutcome| {
        let due = window.due_epoch_ms?;
        Some((since(trial, due), arrival(window)? - due))
    };
    trial.windows.iter().filter_map(point).collect()
}

/// When the faults of these trials were issued, those at nearly the same time once.
fn fault_times<'a>(trials: impl Iterator<Item = &'a TrialResult>, seconds: f64) -> Vec<f64> {
    let issued = trials
        .flat_map(|trial| trial.faults.iter().filter_map(move |fault| Some(since(trial, fault.phases.issued?.hi))));
    let mut times: Vec<f64> = issued.filter(|at| at.is_finite()).collect();
    times.sort_by(f64::total_cmp);
    times.dedup_by(|next, kept| *next - *kept < SAME_FAULT * seconds);
    times
}

/// Bins wide enough for the sampling step, so that none between two samples is empty.
fn bins_for(points: usize) -> usize {
    (points / 2).clamp(1, BINS)
}

/// Draws bins as a line. Where bins without a value lie between two, the line is broken; a bin alone is a dot, or a
/// peak between two breaks would be lost.
fn bin_line(scene: &mut Scene, panel: &Panel, bins: &[Bin], value: impl Fn(&Bin) -> f64, stroke: Stroke) {
    const FAR: f64 = 3.5;
    let width = bins.windows(2).map(|pair| pair[1].at - pair[0].at).fold(f64::INFINITY, f64::min);
    for part in bins.chunk_by(|left, right| right.at - left.at <= FAR * width) {
        let points: Vec<Point> = part.iter().map(|bin| panel.at(bin.at, value(bin))).collect();
        match points.as_slice() {
            [alone] => scene.mark(*alone, Mark::Circle, 1.5, stroke.colour, false),
            _ => scene.line(&points, stroke),
        }
    }
}

/// One metric of `metrics`.
struct Metric {
    axis: fn(Vec<f64>) -> Axis,
    points: fn(&TrialResult) -> Vec<(f64, f64)>,
    value: fn(&Bin) -> f64,
    marks: bool,
}

const METRICS: [Metric; 4] = [
    Metric {
        axis: |values| Axis::linear("raw rate", "records/s", values, 3),
        points: |trial| trial.rates.iter().map(|point| (since(trial, point.at_epoch_ms), point.raw_per_s)).collect(),
        value: |bin| bin.mean,
        marks: false,
    },
    Metric {
        axis: |values| Axis::linear("lag", "records", values, 3),
        points: |trial| {
            let met = trial.lag.iter().map(|point| (since(trial, point.at_epoch_ms), point.lag));
            // The meter sees no lag until every partition is read again; the backlog at the first record is known.
            let peak = |fault: &Fault| Some((since(trial, fault.phases.first?.hi), fault.peak_lag?));
            met.chain(trial.faults.iter().filter_map(peak)).collect()
        },
        value: |bin| bin.largest,
        marks: false,
    },
    Metric {
        axis: |values| Axis::log("latency", "ms", values, 4),
        points: |trial| due_latency(trial, |window| window.visible_epoch_ms),
        value: |bin| bin.largest,
        marks: false,
    },
    Metric {
        axis: |values| Axis::log("checkpoint", "ms", values, 5),
        points: |trial| {
            let completed = trial.checkpoints.iter().filter(|row| row.checkpoint.status == "completed");
            let point = |at: EpochMs, duration: Option<f64>| Some((since(trial, at), duration?));
            completed.filter_map(|row| point(row.checkpoint.trigger_epoch_ms, row.checkpoint.duration_ms)).collect()
        },
        value: |bin| bin.largest,
        marks: true,
    },
];

pub fn metrics(results: &Results) -> Sketched {
    let cast = Cast::of(results).where_known(|series| series.shown().and_then(measured_s).is_some());
    let seconds = cast.series.iter().filter_map(|series| measured_s(series.shown()?)).reduce(f64::max);
    let seconds = seconds.ok_or("no trial has a measured phase")?;
    let mut legend: Vec<Key> = cast
        .series
        .iter()
        .map(|series| {
            Key::new(&series.name, Look::LineAndMark { stroke: Stroke::of(series.colour, 1.6), mark: series.mark })
        })
        .collect();
    let faults = fault_times(cast.series.iter().filter_map(Series::shown), seconds);
    if !faults.is_empty() {
        legend.push(Key::new("fault issued", Look::Fault));
    }
    let title = "Metrics over time by checkpoint interval";
    let (mut scene, frame) = figure(results, title, &legend, 540.0);
    let frames = frame.inset(LEFT, 8.0, RIGHT, 46.0).rows(METRICS.len(), 14.0);
    for (place, (metric, frame)) in METRICS.iter().zip(&frames).enumerate() {
        let most = |count: usize| if metric.marks { MARKS } else { bins_for(count) };
        let tracks: Vec<(&Series<'_>, Track)> = cast
            .series
            .iter()
            .filter_map(|series| {
                let points = (metric.points)(series.shown()?);
                let count = points.len();
                Some((series, Track::of(points, seconds, most(count))))
            })
            .collect();
        let values = tracks.iter().flat_map(|(_, track)| track.bins.iter().map(metric.value)).collect();
        let x = Axis::time("time since the measured phase began", 0.0, seconds, 8);
        let panel = Panel { frame: *frame, x, y: (metric.axis)(values) };
        if place + 1 == METRICS.len() {
            panel.draw(&mut scene)
        } else {
            panel.draw_upper(&mut scene)
        }
        faults.iter().for_each(|at| panel.fault_line(&mut scene, *at));
        for (series, track) in &tracks {
            draw_track(&mut scene, &panel, series, track, metric);
        }
    }
    let caption = format!(
        "One trial of each combination. From above: raw rate, re-processed rows included, mean of each of up to {BINS} bins; \
         lag behind the broker, largest of each bin, unknown while the sources are down; latency from due to visible, \
         largest of each bin of windows by the time they were due; end-to-end duration of completed checkpoints, {}. \
         Vertical lines: faults issued.{}",
        if METRICS.iter().filter(|metric| metric.marks).any(|metric| {
            cast.series.iter().filter_map(Series::shown).any(|trial| (metric.points)(trial).len() > MARKS)
        }) {
            "the longest of each of up to 120 bins"
        } else {
            "one mark each"
        },
        cast.cut()
    );
    Ok(Sketch { title: "Metrics over time by checkpoint interval", caption, scene })
}

fn draw_track(scene: &mut Scene, panel: &Panel, series: &Series<'_>, track: &Track, metric: &Metric) {
    if !metric.marks {
        return bin_line(scene, panel, &track.bins, metric.value, Stroke::of(series.colour, 1.4).faded(0.9));
    }
    let single: Vec<(f64, f64)> = if track.points.len() > MARKS {
        track.bins.iter().map(|bin| (bin.at, (metric.value)(bin))).collect()
    } else {
        track.points.iter().copied().filter(|(at, _)| panel.x.holds(*at)).collect()
    };
    for (at, value) in single {
        scene.mark(panel.at(at, value), series.mark, 2.8, series.colour, false);
    }
}

pub fn latency(results: &Results) -> Sketched {
    let seen = |trial: &TrialResult| trial.windows.iter().any(|window| window.visible_epoch_ms.is_some());
    let cast = Cast::of(results)
        .where_known(|series| series.shown().is_some_and(|trial| measured_s(trial).is_some() && seen(trial)));
    let seconds = cast.series.iter().filter_map(|series| measured_s(series.shown()?)).reduce(f64::max);
    let seconds = seconds.ok_or("no window of results came in a measured phase")?;
    let tracks: Vec<Latency<'_>> = cast.series.iter().filter_map(|series| Latency::of(series, seconds)).collect();
    let has_faults = cast.series.iter().filter_map(Series::shown).any(|trial| !trial.faults.is_empty());
    let mut legend = vec![
        Key::new("visible, largest", Look::Line(LARGEST)),
        Key::new("visible, median", Look::Line(MEDIAN)),
        Key::new("written, median", Look::Line(WRITTEN)),
        Key::new("visible, average", Look::Line(AVERAGE)),
    ];
    if has_faults {
        legend.push(Key::new("fault issued", Look::Fault));
    }
    let title = "Latency of windows over time";
    let height = 64.0 + 128.0 * tracks.len() as f64;
    let (mut scene, frame) = figure(results, title, &legend, height);
    let frames = frame.inset(LEFT, 22.0, 92.0, 46.0).rows(tracks.len(), 26.0);
    let y = Axis::log("latency", "ms", tracks.iter().flat_map(Latency::drawn), 5);
    for (place, (latency, frame)) in tracks.iter().zip(frames).enumerate() {
        let x = Axis::time("time since the measured phase began, at which the window was due", 0.0, seconds, 8);
        let panel = Panel { frame, x, y: y.clone() };
        if place + 1 == tracks.len() {
            panel.draw(&mut scene)
        } else {
            panel.draw_upper(&mut scene)
        }
        latency.draw(&mut scene, &panel, seconds);
    }
    let caption = format!(
        "Latency in ms from the instant a window was due by the replay's clock until its result was written to Kafka \
         and until a read_committed consumer saw it; largest and median of the windows and keys due in each of up to \
         {BINS} bins, average over the measured phase; one trial of each combination, {} windows and keys. Vertical lines: \
         faults issued.{}",
        super::counts(tracks.iter().map(|latency| latency.count)),
        cast.cut()
    );
    Ok(Sketch { title, caption, scene })
}

const LARGEST: Stroke = Stroke { colour: VERMILION, width: 1.2, opacity: 1.0, dash: SOLID };
const MEDIAN: Stroke = Stroke { colour: BLUE, width: 1.8, opacity: 1.0, dash: SOLID };
const WRITTEN: Stroke = Stroke { colour: GREEN, width: 1.6, opacity: 1.0, dash: DOTTED };
const AVERAGE: Stroke = Stroke { colour: BLACK, width: 1.2, opacity: 1.0, dash: DASHED };

struct Latency<'a> {
    series: &'a Series<'a>,
    trial: &'a TrialResult,
    visible: Vec<Bin>,
    written: Vec<Bin>,
    average: Option<f64>,
    count: usize,
}

impl<'a> Latency<'a> {
    fn of(series: &'a Series<'a>, seconds: f64) -> Option<Self> {
        let trial = series.shown()?;
        let visible = due_latency(trial, |window| window.visible_epoch_ms);
        // All keys of a window are due together: more bins than windows would be empty ones.
        let mut dues: Vec<f64> = visible.iter().map(|(at, _)| *at).collect();
        dues.sort_by(f64::total_cmp);
        dues.dedup();
        let own = measured_s(trial)?;
        let bins = dues.iter().filter(|at| (0.0..=own).contains(*at)).count().clamp(1, BINS);
        let written = due_latency(trial, |window| window.written_epoch_ms);
        let all = trial.latencies.visible_ms.concat();
        Some(Self {
            series,
            trial,
            visible: binned(visible, (0.0, seconds), bins),
            written: binned(written, (0.0, seconds), bins),
            average: Some(all.iter().sum::<f64>() / all.len() as f64).filter(|average| average.is_finite()),
            count: all.len(),
        })
    }

    fn drawn(&self) -> impl Iterator<Item = f64> {
        let medians = self.visible.iter().chain(&self.written).map(|bin| bin.median);
        medians.chain(self.visible.iter().map(|bin| bin.largest))
    }

    fn draw(&self, scene: &mut Scene, panel: &Panel, seconds: f64) {
        panel.name(scene, &self.series.name);
        for at in fault_times([self.trial].into_iter(), seconds) {
            panel.fault_line(scene, at);
        }
        bin_line(scene, panel, &self.visible, |bin| bin.largest, LARGEST);
        bin_line(scene, panel, &self.written, |bin| bin.median, WRITTEN);
        bin_line(scene, panel, &self.visible, |bin| bin.median, MEDIAN);
        if let Some(average) = self.average {
            let (y, right) = (panel.y(average), panel.frame.right);
            scene.line(&[(panel.frame.left, y), (right, y)], AVERAGE);
            let text = format!("{} ms", crate::report::number::short(average.round()));
            panel.note(scene, (right + 6.0, y), &text, Anchor::Start);
        }
    }
}
