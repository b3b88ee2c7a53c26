//! Every plot on hand-made histories: it reads as SVG, says its units, has the marks that it must, and bears
//! whatever a journal may hold.

use std::collections::BTreeMap;

use proptest::prelude::*;
use resvg::usvg;

use super::axis::Axis;
use super::render::text_width;
use super::scene::{Anchor, Scene, Shape};
use super::style::{FAULT, Mark, SMALL_PX, Stroke};
use super::{NAMES, SATURATED, all, over_time, png, recovery, told};
use crate::analysis::budget::Budget;
use crate::analysis::history::Run;
use crate::analysis::provenance::Provenance;
use crate::analysis::results::{Results, analyse};
use crate::analysis::story::{Reading, Story, one_kill};
use crate::record::Line;
use crate::report::document::Figure;
use crate::report::saturated_story;
use crate::report::{content, html, markdown};

/// Those of every run.
const ORDINARY: [&str; 10] = [
    "metrics_over_time",
    "throughput_compared",
    "latency_over_time",
    "restart_by_interval",
    "checkpoint_duration",
    "restart_phases",
    "utilization_over_interval",
    "catch_up",
    "latency_by_checkpoint_phase",
    "budget",
];

/// One kill at 20 s, and the results of a window for two zones each second, late while the job was down.
fn trial(interval: f64, repeat: u32) -> Story {
    let mut story = one_kill(interval, repeat);
    for window in 9..44_i32 {
        let due = 1_000.0 * f64::from(window + 1) + 100.0;
        let late = if (20_000.0..27_000.0).contains(&due) { 27_000.0 - due } else { 30.0 };
        for zone in [7, 9] {
            story.result(zone, i64::from(window) * 100_000, 1, due + late + zone as f64);
        }
    }
    story
}

fn results(stories: Vec<Story>) -> Results {
    let lines: Vec<Line> = stories.into_iter().flat_map(|mut story| story.ends(45_000.0).lines()).collect();
    let mut results = analyse(&Run::from_lines(lines), false);
    for row in &mut results.rows {
        // One fault makes no cycle: two of 25 s are put in its place.
        row.budget = Some(Budget {
            span_s: 50.0,
            cycles: 2,
            checkpoints_s: 5.0,
            rework_s: 2.0,
            detection_s: 1.0,
            hold_s: 6.0,
            redeployment_s: 2.0,
            restore_s: 1.0,
            start_s: 0.5,
            remainder_s: 32.5,
        });
    }
    results
}

/// Two intervals, two repeats.
fn study() -> Results {
    results(vec![trial(10.0, 1), trial(2.0, 2), trial(10.0, 2), trial(2.0, 1)])
}

fn drawn(results: &Results) -> BTreeMap<String, Figure> {
    all(results).expect("no defect").figures.into_iter().map(|plot| (plot.name.clone(), plot)).collect()
}

/// The texts of an SVG that reads as one, and holds no number that is none.
fn texts(svg: &str) -> Vec<String> {
    let document = usvg::roxmltree::Document::parse(svg).expect("well-formed XML");
    assert!(!svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains(" id="), "{svg}");
    usvg::Tree::from_str(svg, &usvg::Options::default()).expect("an SVG");
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| Some(node.text()?.trim().to_owned())).collect()
}

fn fault_lines(scene: &Scene) -> usize {
    let is_line = |shape: &&Shape| matches!(shape, Shape::Line { stroke, .. } if stroke.colour == FAULT);
    scene.shapes.iter().filter(is_line).count()
}

#[test]
fn every_plot_is_drawn_and_names_its_axes_with_their_units() {
    let plots = drawn(&study());
    assert_eq!(plots.len(), NAMES.len() - SATURATED.len());
    let wanted: [(&str, &[&str]); 10] = [
        ("metrics_over_time", &["time since the measured phase began (s)", "latency (ms)", "checkpoint (ms)", "lag"]),
        ("throughput_compared", &["throughput (records/s)", "checkpoint interval T", "offered"]),
        ("latency_over_time", &["latency (ms)", "visible, largest", "fault issued", "2 s", "10 s"]),
        ("restart_by_interval", &["restart time (s)", "2 s", "10 s"]),
        ("checkpoint_duration", &["checkpoint duration (s)", "time since the measured phase began (s)"]),
        ("restart_phases", &["time since the fault was issued (s)", "detection", "catch-up", "n 2"]),
        ("utilization_over_interval", &["utilization U (%)", "checkpoint interval T (s)", "U_study"]),
        ("catch_up", &["lag (thousand records)", "time since the fault was issued (s)"]),
        ("latency_by_checkpoint_phase", &["latency (ms)", "time since the trigger (s)"]),
        ("budget", &["share of the time (%)", "rework", "left: U by time", "65.0 %"]),
    ];
    for (name, labels) in wanted {
        let plot = &plots[name];
        let texts = texts(&plot.svg);
        for label in labels {
            assert!(texts.iter().any(|text| text == label), "{name} has no `{label}`: {texts:?}");
        }
        assert!(plot.caption.contains("n ") && plot.caption.contains("4 trials"), "{}", plot.caption);
    }
    let optimum = texts(&plots["utilization_over_interval"].svg);
    assert!(optimum.iter().any(|text| text.starts_with("T* = ")), "{optimum:?}");
}

#[test]
fn each_fault_is_a_line_in_each_panel() {
    let results = study();
    let scene = |sketch: super::Sketched| sketch.unwrap_or_else(|reason| panic!("{reason}")).scene;
    // Both trials that are shown have their fault at 10 s of the measured phase.
    assert_eq!(fault_lines(&scene(over_time::metrics(&results))), 4);
    assert_eq!(fault_lines(&scene(over_time::latency(&results))), 2);
    assert_eq!(fault_lines(&scene(recovery::catch_up(&results))), 1);
}

#[test]
fn the_same_results_give_the_same_bytes() {
    let (first, second) = (drawn(&study()), drawn(&study()));
    assert_eq!(first, second);
    let svg = &first["budget"].svg;
    let image = png(svg).expect("a bitmap");
    assert!(image.starts_with(b"\x89PNG") && image == png(svg).expect("a bitmap"));
    let width = u32::from_be_bytes([image[16], image[17], image[18], image[19]]);
    assert_eq!(width, 1_440);
}

#[test]
fn one_trial_of_each_and_a_simulation_say_so_in_the_figure() {
    let mut results = results(vec![trial(2.0, 1), trial(10.0, 1)]);
    results.simulated = true;
    for plot in drawn(&results).values() {
        let texts = texts(&plot.svg);
        assert!(texts.iter().any(|text| text == "SIMULATED"), "{}", plot.name);
        assert!(texts.iter().any(|text| text.contains("within one trial")), "{}", plot.name);
        assert!(plot.caption.contains("SIMULATED"));
    }
    results.simulated = false;
    assert!(!drawn(&results).values().any(|plot| plot.svg.contains("SIMULATED")));
}

#[test]
fn a_plot_without_data_is_left_out_with_its_reason() {
    let gallery = all(&analyse(&Run::default(), true)).expect("no defect");
    assert!(gallery.figures.is_empty() && gallery.left_out.len() == NAMES.len() - SATURATED.len());
    assert!(gallery.left_out.iter().any(|out| out.name == "catch_up" && out.reason.starts_with("no recovery")));

    let mut calm = Story::of(2.0, 1);
    calm.load(46_000.0).source(Reading::steady(46_000.0)).checkpoints(1, 2_000.0, 44_000.0, 2_000.0);
    calm.measured(10_000.0, 45_000.0);
    let results = analyse(&Run::from_lines(calm.ends(45_000.0).lines()), false);
    let gallery = all(&results).expect("no defect");
    let names: Vec<&str> = gallery.figures.iter().map(|plot| plot.name.as_str()).collect();
    assert_eq!(names, ["metrics_over_time", "throughput_compared", "checkpoint_duration"]);
    let document = content::document(&results, &Provenance::default(), &gallery);
    let (html, markdown) = (html::page(&document), markdown::page(&document));
    assert_eq!(html.matches("<svg").count(), 3);
    for page in [html, markdown] {
        assert!(page.contains("restart_by_interval is left out: no fault gave a restart time"), "{page}");
    }
}

#[test]
fn a_journal_cut_anywhere_is_drawn_as_far_as_it_goes() {
    let mut story = trial(2.0, 1);
    let lines = story.ends(45_000.0).lines();
    for length in (0..lines.len()).step_by(lines.len() / 12) {
        for plot in drawn(&analyse(&Run::from_lines(lines[..length].to_vec()), false)).values() {
            texts(&plot.svg);
        }
    }
}

#[test]
fn values_that_are_none_or_beyond_all_measure_do_no_harm() {
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 0.0, 1e-300] {
        let mut results = study();
        for trial in &mut results.trials {
            for place in [0, 7, 20] {
                trial.lag[place].lag = odd;
                trial.rates[place].raw_per_s = odd;
                trial.windows[place].visible_epoch_ms = Some(odd);
            }
            trial.checkpoints[5].checkpoint.duration_ms = Some(odd);
            trial.raw_per_s = Some(odd);
            trial.latencies.visible_ms[0][0] = odd;
            let fault = &mut trial.faults[0];
            (fault.restart_s, fault.peak_lag, fault.caught_up_s) = (Some(odd), Some(odd), Some(odd));
            fault.phases.back = fault.phases.back.map(|bounds| crate::analysis::curve::Bounds { hi: odd, ..bounds });
        }
        for row in &mut results.rows {
            row.budget = row.budget.map(|budget| Budget { rework_s: odd, ..budget });
        }
        for plot in drawn(&results).values() {
            texts(&plot.svg);
            assert!(plot.svg.len() < 300_000, "{} {odd}", plot.name);
        }
    }
}

/// What a text covers, without the empty part above its small letters.
fn covered(shape: &Shape) -> Option<(f64, f64, f64, f64, &str)> {
    let Shape::Text { at, text, px, anchor, turned, .. } = shape else { return None };
    let (length, half) = (text_width(text, *px), px * 0.4);
    let before = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => length / 2.0,
        Anchor::End => length,
    };
    Some(if *turned {
        (at.0 - half, at.1 - length / 2.0, at.0 + half, at.1 + length / 2.0, text)
    } else {
        (at.0 - before, at.1 - half, at.0 - before + length, at.1 + half, text)
    })
}

fn assert_laid_out(name: &str, scene: &Scene) {
    let texts: Vec<_> = scene.shapes.iter().filter_map(covered).collect();
    for (place, text) in texts.iter().enumerate() {
        let inside = text.0 >= 0.0 && text.1 >= 0.0 && text.2 <= scene.width && text.3 <= scene.height;
        assert!(inside, "{name}: `{}` is clipped: {text:?}", text.4);
        for other in &texts[place + 1..] {
            let apart = text.2 <= other.0 || other.2 <= text.0 || text.3 <= other.1 || other.3 <= text.1;
            assert!(apart, "{name}: `{}` lies over `{}`", text.4, other.4);
        }
    }
    let smallest = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Text { px, .. } => Some(*px),
        _ => None,
    });
    assert!(smallest.fold(f64::INFINITY, f64::min) >= SMALL_PX);
}

#[test]
fn no_text_is_clipped_or_lies_over_another_however_many_combinations() {
    for count in [1, 2, 3, 8, 12] {
        let stories = (1..=count).map(|place| trial(f64::from(place) * 2.5, 1)).collect();
        let results = results(stories);
        for name in ORDINARY {
            let sketch = super::sketch(&results, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
            assert_laid_out(&format!("{name} of {count}"), &sketch.scene);
            let is_cut = sketch.caption.contains("irst 8 of 12");
            assert_eq!(is_cut, count == 12 && name != "utilization_over_interval", "{name}: {}", sketch.caption);
        }
    }
}

#[test]
fn a_long_run_is_small_and_keeps_its_peaks() {
    let until = 2_700_000.0;
    let mut story = Story::of(1.0, 1);
    story.load(until).source(Reading::steady(until)).checkpoints(1, 2_000.0, until, 1_000.0).measured(10_000.0, until);
    story.checkpoint(9_999, "completed", 1_000_000.0, 31_000.0);
    for window in 9..2_690_i32 {
        let due = 1_000.0 * f64::from(window + 1) + 100.0;
        let late = if window == 1_234 { 50_000.0 } else { 30.0 };
        story.result(7, i64::from(window) * 100_000, 1, due + late);
    }
    let results = analyse(&Run::from_lines(story.ends(until).lines()), false);
    assert!(results.trials[0].rates.len() > 10_000 && results.trials[0].checkpoints.len() > 2_000);
    for plot in drawn(&results).values() {
        assert!(plot.svg.len() < 300_000, "{}: {} bytes", plot.name, plot.svg.len());
    }
    let plots = drawn(&results);
    assert!(plots["checkpoint_duration"].caption.contains("the longest of each of up to 240 bins"));
    assert!(texts(&plots["metrics_over_time"].svg).iter().any(|text| text.ends_with("(min)")));
    // The one late window and the one long checkpoint still set the axes.
    assert!(texts(&plots["latency_over_time"].svg).contains(&"10,000".to_owned()));
    let sketch = super::sketch(&results, "checkpoint_duration").unwrap_or_else(|reason| panic!("{reason}"));
    let highest = sketch.scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Mark { at, radius, .. } if *radius < 3.0 => Some(at.1),
        _ => None,
    });
    let (least, largest) = highest.fold((f64::INFINITY, 0.0_f64), |(lo, hi), y| (lo.min(y), hi.max(y)));
    assert!(largest - least > 100.0, "{least} to {largest}");
}

const SATURATED_STUDY_AXES: [(&str, &[&str]); 2] = [
    ("capacity_by_frequency", &["throughput (records/s)", "checkpoints a second, 1/T_real (1/s)"]),
    (
        "utilization_measured",
        &[
            "utilization U (%)",
            "checkpoint interval T_real (s)",
            "U_measured",
            "model flink",
            "fixed: a fault every 25 s",
            "poisson: a fault every 25 s in the mean",
        ],
    ),
];

#[test]
fn a_saturated_run_has_the_plots_that_need_saturation() {
    let results = saturated_story::study();
    let plots = drawn(&results);
    for (name, labels) in SATURATED_STUDY_AXES {
        let (plot, texts) = (&plots[name], texts(&plots[name].svg));
        for label in labels {
            assert!(texts.iter().any(|text| text == label), "{name} has no `{label}`: {texts:?}");
        }
        assert!(plot.caption.contains("n ") && plot.caption.contains("14 trials"), "{}", plot.caption);
    }
    let captions = SATURATED.map(|name| format!("{name}: {}\n", plots[name].caption)).concat();
    insta::assert_snapshot!(captions);
    assert_eq!(plots, drawn(&saturated_story::study()));
}

/// A curve is drawn only where its model breaks the job as the schedule does.
#[test]
fn a_schedule_has_the_curves_of_its_own_models() {
    let results = saturated_story::study();
    let sketch = super::sketch(&results, "utilization_measured").unwrap_or_else(|reason| panic!("{reason}"));
    let curves =
        sketch.scene.shapes.iter().filter(|shape| matches!(shape, Shape::Line { points, .. } if points.len() > 10));
    // `schedule` in one panel, `poisson` and `flink` in the other, each with R and with R_eff.
    assert_eq!(curves.count(), 6);
}

#[test]
fn what_needs_saturation_says_so_and_is_not_missed_below_it() {
    let below = study();
    let missed = all(&below).expect("no defect").left_out;
    for name in SATURATED {
        assert!(missed.iter().all(|out| out.name != name));
        assert_eq!(told(&below, name), format!("plot: no {name}: below capacity: no job had saturating load\n"));
    }
    let reasons = |results: &Results| {
        let left_out = all(results).expect("no defect").left_out;
        let reason = |name: &str| left_out.iter().find(|out| out.name == name).map(|out| out.reason.clone());
        SATURATED.map(reason).map(Option::unwrap_or_default)
    };
    let [capacity, measured] = reasons(&saturated_story::study_without_calm());
    assert_eq!(capacity, "no sound trials without faults at two intervals, or one and none");
    assert_eq!(measured, "no sound trial without faults tells the capacity");
    let [capacity, measured] = reasons(&saturated_story::study_of_one_interval());
    assert_eq!(capacity, "no sound trials without faults at two intervals, or one and none");
    assert_eq!(measured, "no faults are scheduled");
}

#[test]
fn plots_of_saturated_runs_are_laid_out_however_many_intervals() {
    for results in [saturated_story::study(), saturated_story::study_of(8), saturated_story::noisy_study()] {
        for name in SATURATED {
            let sketch = super::sketch(&results, name).unwrap_or_else(|reason| panic!("{name}: {reason}"));
            assert_laid_out(name, &sketch.scene);
        }
    }
}

#[test]
fn the_stdlib_asks_for_every_plot_in_the_order_of_the_report() {
    let source = include_str!("../../../stdlib/interval_report.rhai");
    // A table may have the name of a plot.
    let (_, asked) = source.split_once("for name in").expect("one list");
    let places: Vec<usize> =
        ORDINARY.iter().map(|name| asked.find(&format!("\"{name}\"")).expect("asked for")).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn ticks_are_round_and_told_in_a_fitting_unit() {
    let told = |axis: &Axis| axis.ticks.iter().map(|tick| tick.text.clone()).collect::<Vec<_>>().join(" ");
    let rate = Axis::linear("rate", "records/s", [0.0, 234_567.0], 5);
    assert_eq!((rate.label.as_str(), told(&rate).as_str()), ("rate (thousand records/s)", "0 50 100 150 200 250"));
    let share = Axis::linear("U", "%", [-12.0, 61.0], 5);
    assert_eq!(told(&share), "−20 0 20 40 60 80");
    assert_eq!(told(&Axis::linear("c", "s", [0.031], 5)), "0.00 0.01 0.02 0.03 0.04");
    let long = Axis::time("time", 0.0, 2_700.0, 8);
    assert_eq!((long.label.as_str(), told(&long).as_str()), ("time (min)", "0 10 20 30 40"));
    assert_eq!(told(&Axis::log("latency", "ms", [40.0, 30_000.0], 4)), "100 1000 10,000");
    assert_eq!(told(&Axis::log("latency", "ms", [40.0, 300.0], 6)), "20 50 100 200 500");
    assert_eq!(told(&Axis::log("latency", "ms", [f64::NAN, -1.0], 6)), "1 2 5 10");
}

#[test]
fn a_dashed_line_keeps_its_course_and_whole_lines_break_at_gaps() {
    let mut scene = Scene { width: 10.0, height: 10.0, shapes: Vec::new() };
    scene.line(&[(0.0, 0.0), (1.0, 1.0), (f64::NAN, 2.0), (3.0, 3.0), (4.0, 4.0)], Stroke::of(FAULT, 1.0));
    scene.mark((f64::INFINITY, 0.0), Mark::Circle, 1.0, FAULT, false);
    scene.text((1.0, 1.0), "a\u{0}<b>", 11.0, FAULT, Anchor::Start);
    assert_eq!(fault_lines(&scene), 2);
    assert_eq!(scene.shapes.len(), 3);
    let svg = super::render::svg(&scene, "a \"quoted\" <label>").expect("drawn");
    assert_eq!(texts(&svg), ["a<b>"]);
}

proptest! {
    #[test]
    fn any_range_gives_few_ticks_inside_the_axis(a in prop::num::f64::ANY, b in prop::num::f64::ANY, small in -1e4..1e4_f64) {
        let axes = [
            Axis::linear("x", "records", [a, b], 6),
            Axis::zoomed("x", "s", [a, b, small], 6),
            Axis::time("x", a, b, 6),
            Axis::log("x", "ms", [a, b, small], 6),
        ];
        for axis in axes {
            prop_assert!(axis.lo < axis.hi && axis.ticks.len() <= 41, "{:?}", axis);
            for tick in &axis.ticks {
                prop_assert!((-1e-6..=1.0 + 1e-6).contains(&axis.place(tick.at)), "{:?}", axis);
            }
            for value in [a, b, small] {
                let place = axis.place(value);
                prop_assert!(value.is_nan() || (0.0..=1.0).contains(&place), "{} in {:?}", value, axis);
            }
        }
    }

    #[test]
    fn ordinary_ranges_have_three_to_twelve_ticks_that_differ(lo in -1e6..1e6_f64, span in 1e-3..1e6_f64) {
        let axis = Axis::linear("x", "s", [lo, lo + span], 6);
        prop_assert!((3..=12).contains(&axis.ticks.len()), "{:?}", axis);
        prop_assert!(axis.ticks.windows(2).all(|pair| pair[0].text != pair[1].text), "{:?}", axis);
        prop_assert!(axis.lo <= lo && lo + span <= axis.hi + 1e-6 * span, "{:?}", axis);
    }
}
