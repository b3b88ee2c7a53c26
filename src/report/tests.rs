//! The pages of a known history: what stands first, that nothing breaks out of its cell, and that both say the same.

use super::document::Figure;
use super::plots::Gallery;
use super::{Part, content, html, markdown, terminal, whole};
use crate::analysis::history::Run;
use crate::analysis::provenance::Provenance;
use crate::analysis::results::{Results, analyse};
use crate::analysis::story::one_kill;
use crate::record::{Line, Observation, Step};

/// Two trials of known histories; the second was acknowledged late.
fn results() -> Results {
    let mut lines: Vec<Line> =
        [one_kill(2.0, 1), one_kill(10.0, 1)].into_iter().flat_map(|mut story| story.ends(45_000.0).lines()).collect();
    let late = lines.iter_mut().rev().find_map(|line| match &mut line.observation {
        Observation::Step(Step::ReplayStop(end)) => Some(end),
        _ => None,
    });
    late.expect("the replay ended").acked_p99_ms = 441.0;
    let begin = Step::RunStart { script: "x".into(), profile: "quick".into(), seed: 1 };
    let said = Step::Report { part: "text".into(), text: Some("a <b> & *c*".into()) };
    let outside =
        |step: Step| Line { seq: 0, t_epoch_ns: 0, mono_ns: 0, trial: None, observation: Observation::Step(step) };
    lines.insert(0, outside(begin));
    lines.push(outside(said));
    analyse(&Run::from_lines(lines), false)
}

fn provenance() -> Provenance {
    Provenance::of(&serde_json::json!({
        "cprun": "0.1.0", "script": { "name": "x.rhai", "sha256": "ab12" }, "started": "2026-11-21T15:00:42Z",
        "command_line": ["/opt/cprun", "x.rhai", "--out", "run", "-P", "trips=a b.csv"],
        "parameters": [{ "name": "down_for", "value": 3.0, "default": 60.0, "origin": "profile" }],
        "datasets": ["2 rows, 1 dropped"], "versions": { "flink": "1.19.3" },
        "hosts": [{ "name": "local", "os": "Debian", "cpu": "EPYC", "cpus": 2, "memory_bytes": 2147483648_u64 }],
        "configuration": { "flink": { "heartbeat.timeout": "5000" } },
    }))
}

fn pages() -> (String, String) {
    let plot = Figure {
        name: "lag".into(),
        title: "Lag".into(),
        caption: "Records <behind>".into(),
        svg: "<?xml version=\"1.0\"?>\n<svg viewBox=\"0 0 1 1\"></svg>\n".into(),
    };
    let document = content::document(&results(), &provenance(), &Gallery { figures: vec![plot], left_out: Vec::new() });
    (markdown::page(&document), html::page(&document))
}

#[test]
fn the_answer_stands_first_and_its_conditions_next() {
    let (markdown, _) = pages();
    let headings: Vec<&str> = markdown.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(
        headings,
        [
            "Answer",
            "Conditions",
            "From the script",
            "Optimal checkpoint interval T\\*",
            "As measured",
            "The study's conclusions",
            "The budget of 1 - U",
            "Throughput",
            "Latency",
            "Resources",
            "By the study's method",
            "Faults",
            "Trials",
            "Verdicts",
            "Plots",
            "How to read this",
            "Files beside this one",
            "How to run it again",
        ]
    );
    let place = |piece: &str| markdown.find(piece).unwrap_or_else(|| panic!("no `{piece}` in:\n{markdown}"));
    assert!(place("**Verdict of 2 trials: invalid.**") < place("441 ms late"));
    assert!(place("441 ms late") < place("**Optimal interval T\\*: "));
    for piece in
        ["2 CPUs EPYC", "2.0 GiB memory", "2 rows, 1 dropped", "| flink | 1.19.3 |", "| heartbeat.timeout | 5000 |"]
    {
        assert!(place(piece) > place("## Conditions") && place(piece) < place("## From the script"), "{piece}");
    }
    assert!(markdown.contains("$ cprun x.rhai -P 'trips=a b.csv'\n"), "{markdown}");
}

#[test]
fn every_row_of_a_markdown_table_has_as_many_cells_as_its_header() {
    let (markdown, _) = pages();
    let cells = |row: &str| row.replace("\\|", "").matches('|').count();
    let mut width = None;
    let mut tables = 0;
    for line in markdown.lines() {
        match (line.starts_with('|'), width) {
            (false, _) => width = None,
            (true, None) => {
                width = Some(cells(line));
                tables += 1;
            }
            (true, Some(width)) => assert_eq!(cells(line), width, "{line}"),
        }
    }
    // That of resources has no rows here.
    assert_eq!(tables, 14);
}

#[test]
fn the_html_page_is_whole_and_asks_nothing_of_a_network() {
    let (_, html) = pages();
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("<title>x, profile quick</title>"));
    assert!(html.contains("<p class=\"text\">a &lt;b&gt; &amp; *c*</p>"), "texts are shown and not interpreted");
    assert!(html.contains(
        "<figure>\n<svg viewBox=\"0 0 1 1\"></svg>\n<figcaption><b>Lag.</b> Records &lt;behind&gt;</figcaption>"
    ));
    for address in ["http:", "https:", "<script", "<link", "src=", "url("] {
        assert!(!html.contains(address), "{address}");
    }
    for tag in ["table", "tr", "section", "ul", "dl", "figure", "div", "nav", "main", "p", "th", "td"] {
        let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    // Every entry of the table of contents leads somewhere.
    for anchor in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(html.contains(&format!("<section id=\"{anchor}\">")), "{anchor}");
    }
}

#[test]
fn a_verdict_shows_each_observed_value_beside_its_limit() {
    insta::assert_snapshot!(terminal(&results(), &Part::Verdicts), @r"
    Verdicts
    What was observed, and the largest value with which a trial is still valid.
      check                                  at most  interval=2s#1              interval=10s#1
      -------------------------------------  -------  -------------------------  -------------------------
      offered rate off its schedule            0.1 %                    0 %, ok                    0 %, ok
      acked lateness, p99                     250 ms                   0 ms, ok             441 ms, NOT OK
      samples missing outside recoveries         2 %                    0 %, ok                    0 %, ok
      checkpoints failed outside recoveries        0                      0, ok                      0, ok
      restarts without a fault                     0                      0, ok                      0, ok
      faults not confirmed                         0                      0, ok                      0, ok
      input topic unlike the data set              0                      0, ok                      0, ok
      windows wrong                                0                      0, ok                      0, ok
      windows missing                              0                      0, ok                      0, ok
      windows duplicate                            0  – (an at-least-once sink)  – (an at-least-once sink)
      verdict                                         pass                       invalid
    ");
}

#[test]
fn the_terminal_shows_the_limits_only_where_one_was_broken() {
    assert!(whole(&results()).contains("NOT OK"));
    let good = analyse(&Run::from_lines(one_kill(2.0, 1).ends(45_000.0).lines()), false);
    assert!(!whole(&good).contains("Verdicts"));
    assert!(terminal(&good, &Part::Verdicts).contains(", ok"));
}

#[test]
fn what_is_not_known_of_a_run_leaves_no_empty_rows() {
    let document = content::document(&results(), &Provenance::default(), &Gallery::default());
    let markdown = markdown::page(&document);
    assert!(!markdown.contains("## Plots") && !markdown.contains("| started |"), "{markdown}");
}

#[test]
fn a_trial_that_was_not_compared_shows_no_zeros() {
    let mut lines = one_kill(2.0, 1).lines();
    lines.retain(|line| !matches!(line.observation, Observation::Step(Step::MeasuredTo { .. })));
    let table = terminal(&analyse(&Run::from_lines(lines), false), &Part::Trials);
    let row = table.lines().find(|line| line.trim_start().starts_with("interval=2s#1  ")).expect("its row");
    assert!(row.matches('–').count() >= 8 && !row.contains(" 0 "), "{row}");
}
