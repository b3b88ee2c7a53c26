//! A run of a known history, published: what goes, what stays, and that every figure is the same afterwards.

use std::io::Read;

use super::*;
use crate::analysis::story::one_kill;
use crate::error::Kind;
use crate::host::Host;
use crate::record::{Line, Observation};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A run directory as a user called ada on lovelace leaves it.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        let run = place.folder.path().join("run");
        fs::create_dir_all(run.join("logs")).expect("made");
        fs::write(run.join("logs/kafka-1.log"), "a log").expect("written");
        let manifest = serde_json::json!({
            "schema": 1, "simulated": false, "cprun": "0.1.0", "user": "ada", "host_name": "lovelace",
            "command_line": ["/srv/ada/cprun", "x.rhai"], "outcome": "done",
            "hosts": [{ "name": "local", "cpu": "Armada" }],
        });
        fs::write(run.join("manifest.json"), manifest.to_string()).expect("written");
        let mut lines = one_kill(2.0, 1).ends(45_000.0).lines();
        let outside = |text: &str| Line {
            seq: 0,
            t_epoch_ns: 0,
            mono_ns: 0,
            trial: None,
            observation: Observation::Warning { text: text.into() },
        };
        lines.push(outside("/srv/ada/x is slow on lovelace, Armada"));
        let text: String =
            lines.iter().map(|line| format!("{}\n", serde_json::to_string(line).expect("JSON"))).collect();
        fs::write(run.join(journal::NAME), text).expect("written");
        super::super::rewrite(&place.run(), &quiet()).expect("analysed");
        place
    }

    fn run(&self) -> RunDirectory {
        RunDirectory::open(&self.folder.path().join("run")).expect("a run")
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("example")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.out().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn quiet() -> Progress {
    Host::real().progress.quiet()
}

#[test]
fn a_published_run_holds_no_names_and_the_same_figures() {
    let place = Place::new();
    let published = publish(&place.run(), &place.out(), &quiet()).expect("published");
    assert_eq!(published.left_out, []);
    assert!(!place.out().join("logs").exists() && !place.out().join(journal::NAME).exists());
    let manifest = place.read("manifest.json");
    assert!(manifest.contains("\"user\": \"user\"") && manifest.contains("\"host_name\": \"host\""), "{manifest}");
    assert!(manifest.contains("\"cprun\",") && !manifest.contains("/srv/"), "where the program lay: {manifest}");
    let report = place.read("report.md");
    assert!(report.contains("/srv/user/x is slow on host, Armada"), "{report}");
    let summary = place.read("summary.json");
    assert_eq!(summary, fs::read_to_string(place.run().file("summary.json")).expect("there"));
    let example = RunDirectory::open(&place.out()).expect("a run");
    super::super::rewrite(&example, &quiet()).expect("analysed in place");
    assert_eq!(place.read("summary.json"), summary);
}

#[test]
fn lines_without_a_name_are_copied_byte_for_byte_and_twice_is_the_same_file() {
    let place = Place::new();
    publish(&place.run(), &place.out(), &quiet()).expect("published");
    let packed = fs::read(place.out().join(journal::COMPRESSED_NAME)).expect("there");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("gzip");
    let original = fs::read_to_string(place.run().file(journal::NAME)).expect("there");
    let changed = text.lines().zip(original.lines()).filter(|(copied, line)| copied != line).count();
    assert_eq!((text.lines().count(), changed), (original.lines().count(), 1));
    let again = place.folder.path().join("again");
    publish(&place.run(), &again, &quiet()).expect("published");
    assert_eq!(fs::read(again.join(journal::COMPRESSED_NAME)).expect("there"), packed);
}

#[test]
fn an_example_can_be_published_again() {
    let place = Place::new();
    publish(&place.run(), &place.out(), &quiet()).expect("published");
    let twice = place.folder.path().join("twice");
    publish(&RunDirectory::open(&place.out()).expect("a run"), &twice, &quiet()).expect("published");
    for name in [journal::COMPRESSED_NAME, "summary.json", "report.html"] {
        assert_eq!(
            fs::read(twice.join(name)).expect("there"),
            fs::read(place.out().join(name)).expect("there"),
            "{name}"
        );
    }
}

#[test]
fn a_table_above_a_megabyte_is_left_out_and_named() {
    let place = Place::new();
    let path = place.run().file(journal::NAME);
    let mut text = fs::read_to_string(&path).expect("there");
    let sample = text.lines().find(|line| line.contains("\"source\":\"broker\"")).expect("a sample").to_owned();
    let far = sample.replace("\"at_epoch_ms\":0.0", "\"at_epoch_ms\":46000.0") + "\n";
    text.push_str(&far.repeat(20_000));
    fs::write(&path, text).expect("written");
    let published = publish(&place.run(), &place.out(), &quiet()).expect("published");
    let names: Vec<&str> = published.left_out.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["samples.csv"]);
    assert!(!place.out().join("samples.csv").exists());
    assert!(place.read("README.md").contains("`samples.csv` ("), "{}", place.read("README.md"));
    assert!(!place.read("SHA256SUMS").contains("samples.csv"));
    super::super::rewrite(&RunDirectory::open(&place.out()).expect("a run"), &quiet()).expect("analysed");
    assert!(place.out().join("samples.csv").exists());
}

#[test]
fn a_place_that_is_taken_or_inside_the_run_is_refused_and_left_as_it_was() {
    let place = Place::new();
    fs::create_dir(place.out()).expect("made");
    fs::write(place.out().join("thesis.tex"), "x").expect("written");
    assert_eq!(publish(&place.run(), &place.out(), &quiet()).err().map(|error| error.kind), Some(Kind::Usage));
    assert_eq!(place.read("thesis.tex"), "x");
    let inside = place.run().file("copy/deep");
    assert_eq!(publish(&place.run(), &inside, &quiet()).err().map(|error| error.kind), Some(Kind::Usage));
    assert!(!inside.exists());
}

#[test]
fn a_run_that_cannot_be_read_leaves_nothing_behind() {
    let place = Place::new();
    fs::write(place.run().file(journal::NAME), "{}\n{}\n").expect("written");
    assert_eq!(publish(&place.run(), &place.out(), &quiet()).err().map(|error| error.kind), Some(Kind::Script));
    assert!(!place.out().exists());
    fs::remove_file(place.run().file(journal::NAME)).expect("removed");
    let error = publish(&place.run(), &place.out(), &quiet()).err().expect("no journal");
    assert_eq!(error.kind, Kind::InputMissing);
    assert!(error.message.contains("holds no raw data"), "{}", error.message);
}

#[test]
fn words_are_replaced_whole_and_common_names_only_where_they_stand_alone() {
    assert_eq!(
        replace_word("ada, adam, /home/ada/x ada_1 ada-2", "ada", "user"),
        "user, adam, /home/user/x ada_1 user-2"
    );
    let names = |user: &str, host: &str| Names::of(&serde_json::json!({ "user": user, "host_name": host }));
    assert_eq!(names("root", "vm").hide("the root of a vm"), "the root of a vm");
    assert_eq!(names("root", "vm").hide("vm"), "host");
    let line = br#"{"trial":"interval=1s#1","kind":"fault","host":"lovelace","lo_epoch_ms":1795273307176.649}"#;
    assert_eq!(
        names("ada", "lovelace").hide_line(line).as_deref(),
        Some("{\"trial\":\"interval=1s#1\",\"kind\":\"fault\",\"host\":\"host\",\"lo_epoch_ms\":1795273307176.649}\n")
    );
}
