//! The program as a user meets it, as far as no cluster is needed: values, messages, hints, exit codes.
//!
//! Nothing here may start Kafka or Flink. Where a script gets past its rehearsal, the environment lacks Java,
//! and that is the message to expect: it proves that everything before it was right.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn script(&self, text: &str) -> &Self {
        fs::write(self.folder.path().join("x.rhai"), text).expect("written");
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
        command.args(arguments).current_dir(self.folder.path()).env("XDG_CACHE_HOME", self.folder.path().join("cache"));
        command
    }

    /// A PATH on which nothing is to be found.
    fn without_tools(&self, arguments: &[&str]) -> Ran {
        self.with_path(arguments, &self.folder.path().join("nowhere"))
    }

    fn with_path(&self, arguments: &[&str], path: &Path) -> Ran {
        Ran::of(self.command(arguments).env("PATH", path).env_remove("JAVA_HOME"))
    }

    fn runs(&self) -> usize {
        fs::read_dir(self.folder.path().join("results")).map_or(0, Iterator::count)
    }
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("it starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: status.code().expect("an exit code"), out: text(stdout), err: text(stderr) }
    }

    #[track_caller]
    fn fails(&self, code: i32, pieces: &[&str]) {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        for piece in pieces {
            assert!(self.err.contains(piece), "no `{piece}` in:\n{}", self.err);
        }
    }
}

/// A folder with links to the named programs of this machine.
fn tools(place: &Place, names: &[&str]) -> PathBuf {
    let folder = place.folder.path().join("tools");
    fs::create_dir_all(&folder).expect("made");
    let path = std::env::var_os("PATH").expect("a PATH");
    for name in names {
        let program = std::env::split_paths(&path).map(|part| part.join(name)).find(|program| program.is_file());
        let program = program.unwrap_or_else(|| panic!("{name} is needed for this test"));
        std::os::unix::fs::symlink(program.canonicalize().expect("there"), folder.join(name)).expect("linked");
    }
    folder
}

fn eval(arguments: &[&str]) -> Ran {
    let place = Place::new();
    place.without_tools(&[&["eval"], arguments].concat())
}

#[test]
fn the_optimal_interval_of_the_study_is_printed_with_its_unit() {
    let ran = eval(&["analysis::optimal_interval(#{ c: 0.778, lambda: 1.0/600.0 })"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "30.816 s\n"), "{}", ran.err);
    let ran = eval(&["analysis::utilization(#{ T: 30.s, c: 0.778, R: 81.85, mtbf: 10.min }) * 1000.0"]);
    let per_mille: f64 = ran.out.trim().parse().expect("a number");
    assert!((per_mille - 829.0).abs() < 0.5, "82.9 % in the study: {per_mille}");
}

#[test]
fn values_come_as_json_with_all_their_digits() {
    let json = |expression: &str| eval(&["--json", expression]).out;
    assert_eq!(json("0.1 + 0.2"), "0.30000000000000004\n");
    assert_eq!(json("90.s"), "90.0\n");
    assert_eq!(json("[1, \"a\", #{ b: true }, 1.0/0.0, -1.0/0.0]"), "[1,\"a\",{\"b\":true},\"inf\",\"-inf\"]\n");
    assert_eq!(json("2.KiB"), "2048\n");
    let digits: f64 = json("analysis::optimal_interval(#{ c: 0.778, mtbf: 600 })").trim().parse().expect("a number");
    assert!((digits - 30.816).abs() < 5e-4 && (digits - 30.816).abs() > 1e-9, "{digits}");
}

#[test]
fn a_wrong_expression_points_at_its_place_and_helps() {
    eval(&["analysis::optimal_intervall(#{ c: 1.0, mtbf: 10.min })"])
        .fails(65, &["expression:1:1", "did you mean `analysis::optimal_interval`?"]);
    eval(&["analysis::optimal_interval(#{ c: 0.778, lambda: 1/600 })"]).fails(65, &["write 1.0/600.0"]);
    eval(&["analysis::optimal_interval(#{ c: 0.778, lamda: 0.1 })"]).fails(65, &["did you mean `lambda`?"]);
    eval(&["analysis::utilization(#{ T: 30.s, c: 0.778, R: 1.0, mtbff: 10.min })"])
        .fails(65, &["no option `mtbff`", "did you mean `mtbf`?"]);
    eval(&["analysis::optimal_interval(#{ c: 0.778, lambda: 0.0 })"]).fails(65, &["no failures: no optimal interval"]);
    eval(&["1 +"]).fails(65, &["expression:1:"]);
    eval(&["fault::kill(1)"]).fails(65, &["fault::kill"]);
    eval(&["kafka::create_topic(\"x\")"]).fails(65, &["belongs into the body of an experiment"]);
}

#[test]
fn an_unknown_parameter_is_refused_before_anything_starts() {
    let place = Place::new();
    place
        .without_tools(&["scripts/nyc_intervals.rhai", "-P", "interval=1s"])
        .fails(64, &["has no parameter `interval`", "did you mean `intervals`?"]);
    place
        .without_tools(&["scripts/nyc_intervals.rhai", "-P", "down_for=3"])
        .fails(64, &["wants a duration", "-P down_for=3s"]);
    place
        .without_tools(&["scripts/nyc_intervals.rhai", "--profile", "quik"])
        .fails(64, &["did you mean `--profile quick`?"]);
    place.without_tools(&["scripts/nyc_intervals.rhai", "-P", "faults"]).fails(64, &["`-P faults` has no value"]);
    place.script("print(1);").without_tools(&["x.rhai", "-P", "a=1"]).fails(64, &["has no parameters"]);
    assert_eq!(place.runs(), 0);
}

#[test]
fn a_word_that_a_parameter_does_not_know_is_told_with_those_that_it_does() {
    let place = Place::new();
    let with = |parameter: &str, pieces: &[&str]| {
        place.without_tools(&["scripts/nyc_intervals.rhai", "-P", parameter]).fails(65, pieces);
    };
    with("fault=kil", &["`kind` cannot be `kil`; it is one of kill, stop", "did you mean `kill`?"]);
    with("scope=hosts", &["`scope` cannot be `hosts`; it is one of instance, host", "did you mean `host`?"]);
    with(
        "sink=exactlyonce",
        &["`exactlyonce`; it is one of at_least_once, exactly_once", "did you mean `exactly_once`?"],
    );
    with("state=buffred", &["one of buffered, aggregated", "did you mean `buffered`?"]);
    with("pacing=bursts", &["`pacing` cannot be `bursts`; it is one of schedule, burst", "did you mean `burst`?"]);
    with("storage=minoi", &["`storage` cannot be `minoi`; it is one of file, minio", "did you mean `minio`?"]);
    assert_eq!(place.runs(), 0);
}

#[test]
fn the_published_code_s_way_to_break_things_gets_as_far_as_the_machine_lets_it() {
    let place = Place::new();
    let ran = place.without_tools(&[
        "scripts/nyc_intervals.rhai",
        "--profile",
        "paper",
        "-P",
        "fault=stop",
        "-P",
        "scope=host",
        "-P",
        "pacing=burst",
    ]);
    ran.fails(69, &["Java is not installed"]);
    assert!(ran.out.starts_with("nyc_intervals: profile paper, 9 trials, about 5 h 32 min"), "{}", ran.out);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[test]
fn an_instance_that_stays_down_into_the_next_fault_is_warned_of() {
    let place = Place::new();
    let ran = place.without_tools(&["scripts/nyc_intervals.rhai", "-P", "down_for=60s"]);
    ran.fails(69, &["warning: a fault keeps its instance down for 60 s, but the next one comes 25 s after it"]);
    assert_eq!(ran.err.matches("warning").count(), 1, "once for all intervals: {}", ran.err);
}

#[test]
fn checkpoints_in_minio_need_minio_or_go() {
    let place = Place::new();
    let java = tools(&place, &["java", "mvn"]);
    let script = format!("cluster::needs(#{{ storage: \"minio\" }});\n{BODY}");
    place
        .script(&script)
        .with_path(&["x.rhai"], &java)
        .fails(69, &["neither `minio` nor `go` is on the PATH", "sudo apt install golang-go", "storage \"file\""]);
    assert_eq!(place.runs(), 0);
}

#[test]
fn a_second_statement_of_needs_adds_to_the_first() {
    let place = Place::new();
    let first = "cluster::needs(#{ taskmanagers: 100, taskmanager_memory: 100.GiB });";
    place.script(&format!("{first}\ncluster::needs(#{{ storage: \"file\" }});\n{BODY}"));
    Ran::of(&mut place.command(&["x.rhai"])).fails(69, &["100 TaskManagers x 102400 MiB"]);
}

#[test]
fn all_taskmanagers_of_a_host_and_lists_of_instances_can_be_hit() {
    let place = Place::new();
    let hit = |call: &str| {
        let one = "fault::kill(cluster::pick(\"taskmanager\", i), #{ down_for: 3.s })";
        assert!(BODY.contains(one));
        place.script(&BODY.replacen(one, call, 1)).without_tools(&["x.rhai"])
    };
    for call in [
        "fault::stop(cluster::instances(\"taskmanager\"))",
        "fault::kill(cluster::instances(\"taskmanager\", cluster::host(cluster::pick(\"taskmanager\", i))), #{ down_for: 3.s })",
        "fault::inject(\"kill\", cluster::pick(\"taskmanager\", i, #{ scope: \"host\" }), #{ down_for: 3.s }).instances",
    ] {
        hit(call).fails(69, &["Java is not installed"]);
    }
    hit("fault::kill([1])")
        .fails(65, &["an instance or a list of instances, not a list of whole numbers", "`cluster::pick(role"]);
    hit("fault::kill(cluster::pick(\"taskmanager\", i, #{ scop: \"host\" }))").fails(65, &["did you mean `scope`?"]);
}

#[test]
fn a_missing_script_is_named_with_the_one_that_was_meant() {
    let place = Place::new();
    place
        .without_tools(&["scripts/nyc_interval.rhai"])
        .fails(66, &["there is no script", "did you mean `scripts/nyc_intervals.rhai`"]);
    place.without_tools(&[]).fails(64, &["no script is given", "cprun scripts/nyc_intervals.rhai"]);
    place.without_tools(&["--fast"]).fails(64, &["--fast"]);
}

const BODY: &str = "let trips = dataset::nyc(\"\");
let study = experiment(\"x\", #{ interval: [1.s] }, |v| {
    let topic = kafka::create_topic(\"t\", #{ partitions: 8 });
    let job = flink::submit(\"nyc-window\", #{ interval: v.interval, args: #{ topic: topic } });
    let feed = replay::start(trips, topic, #{ speed: 7200.0 });
    collect::start(job, feed);
    fault::every(25.s, 1, |i| fault::kill(cluster::pick(\"taskmanager\", i), #{ down_for: 3.s }));
});
interval_report(study);
";

#[test]
fn a_typo_anywhere_in_a_body_is_found_by_the_rehearsal() {
    let place = Place::new();
    let typo = |right: &str, wrong: &str, line: &str, pieces: &[&str]| {
        assert!(BODY.contains(right), "{right}");
        let ran = place.script(&BODY.replacen(right, wrong, 1)).without_tools(&["x.rhai"]);
        ran.fails(65, &[pieces, &[&format!("x.rhai:{line}")]].concat());
    };
    typo("fault::kill(", "fault::kil(", "7:", &["did you mean `fault::kill`?", "fault::every(25.s"]);
    typo("partitions: 8", "partition: 8", "3:", &["did you mean `partitions`?"]);
    typo("v.interval", "v.intervall", "4:", &["intervall"]);
    typo("nyc-window", "nyc-windw", "4:", &["did you mean `nyc-window`?"]);
    typo("args: #{ topic: topic }", "args: #{ topik: topic }", "4:", &["did you mean `topic`?"]);
    typo("down_for: 3.s", "down_for: 3", "7:", &["write the unit: `3.s`"]);
    typo("speed: 7200.0", "speed: -1.0", "5:", &["must be positive"]);
    typo("trips, topic", "trip, topic", "5:", &["there is no variable `trip`"]);
    typo("\"taskmanager\"", "\"taskmanger\"", "7:", &["did you mean `taskmanager`?"]);
    typo("replay::start", "repaly::start", "5:", &["did you mean `replay::`?"]);
    typo("interval_report(study)", "interval_raport(study)", "9:", &["interval_raport"]);
    assert_eq!(place.runs(), 0);
}

#[test]
fn a_right_body_gets_as_far_as_the_machine_lets_it() {
    let place = Place::new();
    let ran = place.script(BODY).without_tools(&["x.rhai"]);
    ran.fails(69, &["Java is not installed", "sudo apt install openjdk-17-jdk-headless"]);
    assert!(ran.out.starts_with("x: profile paper, 1 trial, about "), "{}", ran.out);
    assert_eq!(place.runs(), 0, "a run that cannot begin leaves nothing");
}

#[test]
fn the_script_that_comes_with_cprun_tells_its_profile_first() {
    let place = Place::new();
    let ran = place.without_tools(&["scripts/nyc_intervals.rhai"]);
    ran.fails(69, &["Java is not installed"]);
    let first: Vec<&str> = ran.out.lines().take(2).collect();
    assert!(first[0].starts_with("nyc_intervals: profile quick, 3 trials, about 7 min"), "{}", ran.out);
    assert!(first[1].starts_with("the study's own: cprun scripts/nyc_intervals.rhai --profile paper"), "{}", ran.out);
}

#[test]
fn maven_is_asked_for_when_something_must_be_fetched() {
    let place = Place::new();
    let java = tools(&place, &["java"]);
    let ran = place.script(BODY).with_path(&["x.rhai"], &java);
    ran.fails(69, &["Maven is not installed", "sudo apt install maven"]);
    assert_eq!(place.runs(), 0);
}

#[test]
fn an_empty_cache_without_a_network_says_what_to_do() {
    let place = Place::new();
    place.script(BODY);
    let settings = place.folder.path().join("settings.xml");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    fs::write(&settings, format!("<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf><url>http://{nobody}/</url></mirror></mirrors></settings>")).expect("written");
    let repository = place.folder.path().join("repository");
    let mut command = place.command(&["x.rhai"]);
    command.env("MAVEN_ARGS", "").env(
        "MAVEN_OPTS",
        format!("-Dmaven.repo.local={} -Duser.home={}", repository.display(), place.folder.path().display()),
    );
    fs::create_dir_all(place.folder.path().join(".m2")).expect("made");
    fs::rename(&settings, place.folder.path().join(".m2/settings.xml")).expect("moved");
    Ran::of(&mut command).fails(69, &["Maven failed for kafka-3.9.1", "the network is needed once"]);
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_named() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    place.script(&format!("cluster::needs(#{{ rest_port: {port} }});\n{BODY}"));
    let ran = Ran::of(&mut place.command(&["x.rhai"]));
    ran.fails(69, &[&format!("port {port}, asked for by `rest_port`, is not free"), "leave out `rest_port`"]);
    assert_eq!(place.runs(), 0);
}

#[test]
fn more_memory_than_there_is_is_refused_with_the_arithmetic() {
    let place = Place::new();
    place.script(&format!("cluster::needs(#{{ taskmanagers: 100, taskmanager_memory: 100.GiB }});\n{BODY}"));
    Ran::of(&mut place.command(&["x.rhai"]))
        .fails(69, &["100 TaskManagers x 102400 MiB", "taskmanager_memory: 1200.MiB"]);
}

#[test]
fn files_that_are_no_trips_are_refused() {
    let place = Place::new();
    let with = |name: &str, content: &[u8]| {
        fs::write(place.folder.path().join(name), content).expect("written");
        place
            .script(&BODY.replacen("dataset::nyc(\"\")", &format!("dataset::nyc(\"{name}\")"), 1))
            .without_tools(&["x.rhai"])
    };
    with("empty.csv", b"").fails(65, &["empty.csv"]);
    with("other.csv", b"a,b\n1,2\n").fails(65, &["other.csv"]);
    with("cut.csv.gz", &[0x1f, 0x8b, 8, 0, 0]).fails(65, &["cut.csv.gz"]);
    place
        .script(&BODY.replacen("dataset::nyc(\"\")", "dataset::nyc(\"gone.csv\")", 1))
        .without_tools(&["x.rhai"])
        .fails(66, &["gone.csv"]);
}

#[test]
fn doctor_names_what_is_missing_and_how_to_get_it() {
    let place = Place::new();
    let ran = place.without_tools(&["doctor"]);
    assert_eq!(ran.code, 69);
    assert!(ran.out.contains("missing  Java") && ran.out.contains("sudo apt install maven"), "{}", ran.out);
    let ran = Ran::of(&mut place.command(&["doctor"]));
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("network  not checked"), "{}", ran.out);
    let without_minio = place.with_path(&["doctor"], &tools(&place, &["java", "mvn"]));
    assert_eq!(without_minio.code, 0, "a run can do without: {}", without_minio.out);
    assert!(without_minio.out.contains("(only for storage: \"minio\")"), "{}", without_minio.out);
}

#[test]
fn the_help_lists_every_exit_code_and_examples() {
    let ran = eval(&["--help"]);
    assert_eq!(ran.code, 0);
    let help = Ran::of(&mut Place::new().command(&["--help"]));
    for code in ["64 usage", "69 the target", "130 SIGINT", "143 SIGTERM", "Examples:"] {
        assert!(help.out.contains(code), "{}", help.out);
    }
}

#[test]
fn an_out_directory_that_holds_something_is_refused() {
    let place = Place::new();
    let out = place.folder.path().join("out");
    fs::create_dir_all(&out).expect("made");
    fs::write(out.join("thesis.tex"), "").expect("written");
    place.script(BODY);
    Ran::of(&mut place.command(&["x.rhai", "--out", "out"])).fails(64, &["thesis.tex"]);
    fs::remove_file(out.join("thesis.tex")).expect("removed");
    fs::write(out.join("manifest.json"), "{}").expect("written");
    Ran::of(&mut place.command(&["x.rhai", "--out", "out"])).fails(64, &["holds a run already"]);
}

#[test]
fn a_directory_without_a_run_cannot_be_analysed() {
    let place = Place::new();
    place.without_tools(&["analyze", "results"]).fails(66, &["holds no run"]);
    place.without_tools(&["report", "results"]).fails(66, &["holds no run"]);
    fs::create_dir(place.folder.path().join("run")).expect("made");
    fs::write(place.folder.path().join("run/manifest.json"), "{}").expect("written");
    place.without_tools(&["analyze", "run"]).fails(66, &["run holds no raw data", "copy the whole run directory"]);
    fs::write(place.folder.path().join("run/manifest.json"), "{").expect("written");
    place.without_tools(&["analyze", "run"]).fails(65, &["not the manifest of a run", "SHA256SUMS"]);
}

/// The smallest run: a journal in which no trial started.
fn empty_run(place: &Place) {
    let run = place.folder.path().join("run");
    fs::create_dir(&run).expect("made");
    fs::write(run.join("manifest.json"), "{ \"user\": \"ada\" }").expect("written");
    let start = "{\"seq\":1,\"t_epoch_ns\":1,\"mono_ns\":1,\"kind\":\"step\",\"step\":\"run_start\",\"script\":\"x\",\"profile\":\"quick\",\"seed\":1}\n";
    fs::write(run.join("journal.jsonl"), start).expect("written");
}

#[test]
fn pages_are_rendered_and_a_copy_is_made_whatever_the_verdict() {
    let place = Place::new();
    empty_run(&place);
    let folder = place.folder.path();
    let ran = place.without_tools(&["analyze", "run"]);
    assert_eq!(ran.code, 2, "no trial: unknown\n{}", ran.err);
    fs::remove_file(folder.join("run/report.html")).expect("it was there");
    let trials = fs::metadata(folder.join("run/trials.csv")).expect("there").modified().expect("a time");
    let ran = place.without_tools(&["report", "run"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "report: run/report.html\n", ""));
    assert!(folder.join("run/report.html").is_file());
    assert_eq!(fs::metadata(folder.join("run/trials.csv")).expect("there").modified().expect("a time"), trials);
    fs::write(folder.join("run/summary.json"), "{}").expect("written");
    let ran = place.without_tools(&["report", "run"]);
    assert!(ran.code == 0 && ran.err.contains("warning: summary.json says something else"), "{}", ran.err);
    let ran = place.without_tools(&["report", "run", "--example", "copy"]);
    assert!(ran.code == 0 && ran.out.starts_with("example: copy, "), "{}\n{}", ran.out, ran.err);
    assert!(folder.join("copy/journal.jsonl.gz").is_file());
    place.without_tools(&["report", "run", "--example", "copy"]).fails(64, &["holds a run already"]);
    let mut sums = Command::new("sha256sum");
    sums.args(["--check", "--quiet", "SHA256SUMS"]).current_dir(folder.join("copy"));
    assert!(sums.status().expect("sha256sum").success());
}

#[test]
fn a_script_prints_once_and_not_while_it_is_rehearsed() {
    let place = Place::new();
    let chatty = BODY.replacen("|v| {", "|v| {\n    print(`body of ${v.interval}`);", 1);
    let ran = place.script(&format!("print(\"hello\");\n{chatty}")).without_tools(&["x.rhai"]);
    ran.fails(69, &["Java is not installed"]);
    assert!(ran.out.starts_with("hello\nx: profile paper"), "{}", ran.out);
    assert!(!ran.out.contains("body of"), "{}", ran.out);
}

#[test]
fn the_same_trial_cannot_be_asked_for_twice() {
    let place = Place::new();
    place
        .without_tools(&["scripts/nyc_intervals.rhai", "-P", "intervals=1s,1000ms"])
        .fails(65, &["holds 1s twice", "raise `repeats`"]);
}

#[test]
fn a_unit_that_does_not_exist_is_told_with_those_that_do() {
    eval(&["5.sec"]).fails(65, &["expression:1:3", "did you mean `5.s`?"]);
    eval(&["5.parsec"]).fails(65, &["expression:1:3", "the units are ns us ms s min h d"]);
}

#[test]
fn every_combination_is_rehearsed() {
    let place = Place::new();
    let late = BODY.replacen("[1.s]", "[1.s, 2.s, 3.s]", 1).replacen(
        "|v| {",
        "|v| {\n    if v.interval == 3.s { kafka::create_topic(\"u\", #{ partition: 1 }); }",
        1,
    );
    place.script(&late).without_tools(&["x.rhai"]).fails(65, &["x.rhai:3:", "did you mean `partitions`?"]);
}

#[test]
fn an_experiment_needs_a_script() {
    eval(&["experiment(\"x\", #{}, |v| { })"]).fails(65, &["an expression runs no experiment"]);
    let ran = eval(&["--json", "print(\"aside\"); 1.5"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("1.5\n", "aside\n"));
}

#[test]
fn a_directory_that_flink_cannot_write_to_is_refused() {
    let place = Place::new();
    place.script(BODY);
    Ran::of(&mut place.command(&["x.rhai", "--out", "a#1"]))
        .fails(69, &["cannot write to a path with '#'", "--out DIR"]);
}

#[test]
fn an_environment_that_is_no_text_is_no_problem() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let mut command = place.command(&["eval", "1 + 1"]);
    command.env("ODD", std::ffi::OsStr::from_bytes(&[0xff, 0xfe]));
    let ran = Ran::of(&mut command);
    assert_eq!((ran.code, ran.out.as_str()), (0, "2\n"), "{}", ran.err);
}

#[test]
fn results_that_cannot_be_written_are_an_error() {
    let place = Place::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux");
    let status = place.command(&["eval", "1 + 1"]).stdout(full).status().expect("it starts");
    assert_eq!(status.code(), Some(74));
}

#[test]
fn a_body_that_lacks_a_part_is_told_which() {
    let place = Place::new();
    let without = |line: &str, pieces: &[&str]| {
        let body: String =
            BODY.lines().filter(|known| !known.contains(line)).map(|known| format!("{known}\n")).collect();
        place.script(&body.replace("job, feed", "job, ()")).without_tools(&["x.rhai"]).fails(65, pieces);
    };
    let elsewhere = BODY.replacen("args: #{ topic: topic }", "args: #{ topic: \"other\" }", 1);
    place
        .script(&elsewhere)
        .without_tools(&["x.rhai"])
        .fails(65, &["the job reads `other`, but the replay goes to `t`"]);
    without("collect::start", &["lacks a collection", "add `collect::start(job, feed);`"]);
    let no_feed = BODY.replacen(
        "    let feed = replay::start(trips, topic, #{ speed: 7200.0 });\n    collect::start(job, feed);\n",
        "",
        1,
    );
    place.script(&no_feed).without_tools(&["x.rhai"]).fails(65, &["x.rhai:2:", "lacks a replay"]);
    assert_eq!(place.runs(), 0);
}

#[test]
fn the_study_s_own_arithmetic_is_checked_without_a_cluster() {
    let place = Place::new();
    let script = fs::read_to_string("scripts/paper_check.rhai").expect("it is there");
    let started = std::time::Instant::now();
    let ran = place.script(&script).without_tools(&["x.rhai"]);
    // It takes 0.1 s alone; other tests share the machine.
    assert!(started.elapsed().as_secs_f64() < 10.0, "{:?}", started.elapsed());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    for piece in [
        "λ = 1/600 s",
        "T = 30 s: published U 82.9 %, again 82.9 % from c = 0.778 s and R = 81.85 s: agrees",
        "T = 5 s: published U 76.6 %; its c and R are not at hand",
        "published T* 28.73 s, again 30.816 s from c = 0.778 s: does not agree",
        "by the model flink: 31.086 s",
    ] {
        assert!(ran.out.contains(piece), "{piece} is not in\n{}", ran.out);
    }
    assert_eq!(place.runs(), 0, "nothing was run, so nothing is left");
    // Given an R that a half percent of U away from the published one, it says so.
    let given = ["x.rhai", "-P", "costs=[0.778, 0.778, 0.778]", "-P", "restarts=[56.0, 81.85, 95.0]"];
    let ran = place.without_tools(&given);
    assert!(ran.out.contains("T = 5 s: published U 76.6 %, again 76.6 % from c = 0.778 s and R = 56.0 s: agrees"));
    assert!(ran.out.contains("R = 95.0 s: does not agree"), "{}", ran.out);
}

const TRIPS: &str = "tpep_pickup_datetime,PULocationID,total_amount\n2023-01-02 00:00:00,7,2.50\n\
    2023-01-01 00:00:00,8,1\nnever,8,1\n2022-12-31 00:00:00,8,1\n";

#[test]
fn trips_are_prepared_generated_and_described() {
    let place = Place::new();
    let file = |name: &str| place.folder.path().join(name);
    fs::write(file("yellow_2023-01.csv"), TRIPS).expect("written");
    let run = |arguments: &[&str]| place.without_tools(&[&["dataset"], arguments].concat());
    let ran = run(&["prepare", "yellow_*.csv", "--output", "out.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(ran.out, @r"
    file      yellow_2023-01.csv: 4 rows
    bounds    2023-01-01 to before 2023-02-01 (the months of the file names)
    read      4
    kept      2
    dropped   2
      columns   0
      missing   0
      time      1
      number    0
      range     1
      encoding  0
    output    out.csv
    ");
    let sorted =
        "tpep_pickup_datetime,PULocationID,total_amount\n2023-01-01 00:00:00,8,1\n2023-01-02 00:00:00,7,2.50\n";
    assert_eq!(fs::read_to_string(file("out.csv")).expect("there"), sorted);
    assert_eq!(run(&["prepare", "yellow_2023-01.csv", "--output", "/dev/stdout"]).out, sorted);

    let account: serde_json::Value =
        serde_json::from_str(&run(&["prepare", "yellow_2023-01.csv", "--from", "2023-01-02", "--json"]).out)
            .expect("JSON");
    assert_eq!((&account["rows_kept"], &account["rows_dropped"]["range"]), (&1.into(), &2.into()));
    let cached = account["output"].as_str().expect("a path");
    assert!(fs::read_to_string(cached).expect("there").ends_with("7,2.50\n"));

    let week = ["generate", "--from", "2023-01-01", "--to", "2023-01-02", "--seed", "7", "--output", "day.csv.gz"];
    assert_eq!(run(&week).code, 0);
    let survey = run(&["describe", "day.csv.gz", "--from", "2023-01-01", "--to", "2023-01-02", "--json"]);
    let survey: serde_json::Value = serde_json::from_str(&survey.out).expect("JSON");
    assert_eq!(
        (&survey["rows_kept"], &survey["zones"].as_u64().map(|zones| zones > 100)),
        (&survey["rows_read"], &Some(true))
    );
    assert!(run(&["describe", "yellow_2023-01.csv"]).out.contains("4 read, 2 kept"));
}

#[test]
fn wrong_files_and_bounds_are_refused_with_their_codes() {
    let place = Place::new();
    fs::write(place.folder.path().join("a.csv"), TRIPS).expect("written");
    fs::write(place.folder.path().join("no.csv"), "a,b\n1,2\n").expect("written");
    let run = |arguments: &[&str]| place.without_tools(&[&["dataset"], arguments].concat());
    run(&["prepare"]).fails(64, &["FILE"]);
    run(&["prepare", "a.csv", "--output", "./a.csv"]).fails(64, &["one of the files that are read"]);
    run(&["prepare", "none.csv"]).fails(66, &["there is no file"]);
    run(&["prepare", "none-*.csv"]).fails(66, &["no file matches none-*.csv"]);
    run(&["prepare", "."]).fails(66, &["is a directory"]);
    run(&["prepare", "no.csv"]).fails(65, &["has no column `tpep_pickup_datetime`"]);
    run(&["prepare", "a.csv", "a.csv"]).fails(64, &["given twice"]);
    run(&["prepare", "a.csv", "--from", "today"]).fails(64, &["`from` is no date: `today`", "2023-01-31 06:30"]);
    run(&["prepare", "a.csv", "--from", "2024-01-01"]).fails(65, &["a.csv holds no usable row of 4", "choose others"]);
    run(&["prepare", "a.csv", "--output", "no/such/out.csv"]).fails(74, &["out.csv"]);
    run(&["generate", "--from", "2023-01-02", "--to", "2023-01-01"]).fails(64, &["no time lies"]);
}

#[test]
fn a_script_names_files_and_bounds() {
    let place = Place::new();
    fs::write(place.folder.path().join("a.csv"), TRIPS).expect("written");
    fs::write(place.folder.path().join("b.csv"), TRIPS).expect("written");
    let nyc = |text: &str| place.without_tools(&["eval", &format!("dataset::nyc({text}).to_string()")]);
    let year = "#{ from: \"2022-01-01\", to: \"2024-01-01\" }";
    for files in ["\"a.csv,b.csv\"", "\"?.csv\"", "[\"a.csv\", \"b.csv\"]"] {
        let ran = nyc(&format!("{files}, {year}"));
        assert!(ran.out.contains("a.csv and 1 more: 6 rows kept, 2 dropped (2 time)"), "{}{}", ran.out, ran.err);
    }
    nyc("\"a.csv\", #{ form: \"2023-01-01\" }").fails(65, &["has no option `form`", "did you mean `from`?"]);
    nyc("[]").fails(65, &["no trip file is given"]);
    nyc("[1]").fails(65, &["`files` wants a string or a list of strings, not a list of whole numbers"]);
    assert!(nyc("\"\", #{ to: \"2023-01-02\" }").out.contains("2023-01-01 to before 2023-01-02"));
}

/// What a body may ask of Flink is checked before anything starts; a script that is right lacks nothing but Java.
#[test]
fn what_is_asked_of_a_job_is_rehearsed() {
    let study = |body: &str, options: &str| {
        let place = Place::new();
        fs::write(place.folder.path().join("my.jar"), "no jar at all").expect("written");
        place.script(&format!("experiment(\"x\", #{{ interval: [2.s]{options} }}, |v| {{ {body} }});"));
        place.without_tools(&["x.rhai"])
    };
    let whole = r#"
        let job = flink::submit("my.jar", #{ class: "a.B", interval: v.interval, args: #{ rate: 0.5, once: true } });
        flink::wait(job);
        if job.state != "RUNNING" { throw "a rehearsal shows each state in turn"; }
        while job.state != "FAILED" {}
        let path = flink::savepoint(job, #{ stop: true });
        let job = flink::submit("my.jar", #{ from: path, args: ["--rate", "1"] });
        print(flink::checkpoints(job)[0].sync_ms + flink::metric(job, "numRecordsOut") + flink::overview().slots);
        print(`${job.interval} ${job.name}`);
        collect::start(job);"#;
    study(whole, ", duration: 9.s").fails(69, &["Java is not installed"]);
    study(whole, "").fails(65, &["nothing ends the measured phase", "duration: 60.s"]);
    study("flink::submit(\"your.jar\")", "").fails(66, &["there is no jar your.jar", "it was looked for from"]);
    study("let topic = kafka::create_topic(\"t\"); flink::submit(\"nyc-window\", #{ class: \"a.B\", args: #{ topic: topic } })", "").fails(65, &["whose job.toml tells its class"]);
    study("flink::wait(flink::attach(\"x\"))", "").fails(65, &["`x` is no id of a job"]);
    study("flink::wait(flink::submit(\"my.jar\"), #{ state: \"FINISHD\" })", "")
        .fails(65, &["did you mean `FINISHED`?"]);
}

#[test]
fn schedules_and_hangs_are_rehearsed() {
    let body = |faults: &str| {
        let place = Place::new();
        fs::write(place.folder.path().join("my.jar"), "no jar at all").expect("written");
        place.script(&format!(
            "experiment(\"x\", #{{}}, |v| {{ let job = flink::submit(\"my.jar\"); collect::start(job); {faults} }});"
        ));
        place.without_tools(&["x.rhai"])
    };
    let pick = r#"cluster::pick("taskmanager", i)"#;
    for right in [
        format!("fault::at([5.s, 20.s, 26.s], |i| fault::hang({pick}, #{{ down_for: 10.s }}))"),
        format!("fault::poisson(25.s, 3, |i| fault::inject(\"hang\", {pick}, #{{ down_for: 1.s }}))"),
    ] {
        let ran = body(&right);
        ran.fails(69, &["Java is not installed"]);
        assert!(ran.out.contains("1 trial, about"), "its length is known: {}", ran.out);
    }
    body(&format!("fault::every(9.s, 1, |i| fault::hang({pick}))")).fails(65, &["fault::hang needs `down_for`"]);
    body(&format!("fault::every(9.s, 1, |i| fault::inject(\"hang\", {pick}))"))
        .fails(65, &["a hang needs a `down_for` of more than 0"]);
    body("fault::at([5.s, 4.s], |i| ())").fails(65, &["4 s comes after 5 s, but the times must ascend"]);
    body("fault::poisson(0.s, 4, |i| ())").fails(65, &["fault::poisson: `mtbf` is 0 s, but must be positive"]);
    body("fault::at([5.s], |i| ()); fault::every(9.s, 1, |i| ())")
        .fails(65, &["this trial has a schedule of faults already"]);
}

/// A job that is stopped and submitted anew, faults of a Poisson process, hangs of two lengths, a replay that the
/// script ends: all of it on virtual time.
#[test]
fn what_a_script_asks_and_breaks_works_on_sim() {
    const SCRIPT: &str = r#"
        params(#{}, #{ quick: #{} });
        let trips = dataset::nyc("");
        experiment("x", #{ interval: [1.s] }, |v| {
            let topic = kafka::create_topic("trips");
            let first = flink::submit("nyc-window", #{ interval: v.interval, args: #{ topic: topic } });
            while flink::overview().jobs_running == 0 {}
            while first.state != "RUNNING" {}
            let path = flink::savepoint(first, #{ stop: true });
            print(`first: ${first.state}`);
            let job = flink::submit("nyc-window", #{ interval: v.interval, from: path, args: #{ topic: topic } });
            flink::wait(job, #{ timeout: 1.min });
            let feed = replay::start(trips, topic, #{ speed: 1200.0 });
            collect::start(job, feed);
            fault::poisson(3.min, 4, |i| {
                fault::hang(cluster::pick("taskmanager", i), #{ down_for: if i % 2 == 0 { 20.s } else { 2.s } });
                print(`${i}: ${kafka::offsets(topic).len} ${kafka::lag(job) >= 0} ${flink::checkpoints(job)[0].status}`);
                if i == 4 { replay::stop(feed); }
            });
        });"#;
    let place = Place::new();
    place.script(SCRIPT);
    let run = |out: &str| {
        let ran =
            place.without_tools(&["x.rhai", "--target", "sim", "--profile", "quick", "--seed", "5", "--out", out]);
        let read = |file: &str| fs::read_to_string(place.folder.path().join(out).join(file)).expect(file);
        (ran, read("journal.jsonl"), read("faults.csv"))
    };
    let (ran, journal, faults) = run("one");
    assert!(ran.out.contains("first: FINISHED"), "{}\n{}", ran.out, ran.err);
    for number in 1..=4 {
        assert!(ran.out.contains(&format!("{number}: 8 true completed")), "{}\n{}", ran.out, ran.err);
    }
    let drawn = |journal: &str| {
        let schedule = journal.lines().find(|line| line.contains("\"step\":\"fault_schedule\"")).expect("a schedule");
        let schedule: serde_json::Value = serde_json::from_str(schedule).expect("JSON");
        assert_eq!((schedule["every_s"].as_f64(), schedule["count"].as_u64()), (Some(180.0), Some(4)));
        schedule["due_s"].as_array().expect("times").iter().map(|due| due.as_f64().expect("a time")).collect::<Vec<_>>()
    };
    assert!(drawn(&journal).is_sorted() && drawn(&journal)[0] > 0.0, "{:?}", drawn(&journal));
    assert!(journal.contains("the script stopped the replay"));
    let outcomes: Vec<&str> = faults.lines().skip(1).filter_map(|line| line.rsplit(',').nth(1)).collect();
    assert_eq!(outcomes.len(), 4, "{faults}");
    assert_eq!((outcomes[0], outcomes[1], outcomes[2]), ("stall", "restart", "stall"), "{faults}");
    assert_eq!(drawn(&run("two").1), drawn(&journal), "the same seed, the same times");
}

/// A job that is moved to another interval in the measured phase, two kills after it, and then one move after the other, of
/// which the end of the phase finds one under way; all of it on virtual time.
#[test]
fn a_job_moves_to_another_interval_in_the_middle_of_a_trial_on_sim() {
    const SCRIPT: &str = r#"
        let trips = dataset::nyc("");
        let study = experiment("moves", #{ sink: ["at_least_once", "exactly_once"] }, |v| {
            let topic = kafka::create_topic("trips");
            let job = flink::submit("nyc-window", #{ interval: 2.s, args: #{ topic: topic, sink: v.sink } });
            collect::start(job, replay::start(trips, topic, #{ speed: 1200.0 }));
            fault::at([2.min, 3.min], |i| fault::kill(cluster::pick("taskmanager", i), #{ down_for: 3.s }));
            run::during(|t| {
                sleep(1.min);
                let moved = flink::restart(job, #{ interval: 6.s });
                print(`${v.sink}: ${job.interval} to ${moved.interval}, ${moved.restart > 0.s} ${moved.id != job.id}`);
                // The handle from before means the job that runs.
                flink::wait(job);
                sleep(20.s);
                print(`${v.sink}: ${kafka::lag(job) < 10_000} ${flink::checkpoints(job).all(|one| one.id > 30)}`);
                sleep(130.s);
                for i in 0..100 { flink::restart(moved, #{ interval: if i % 2 == 0 { 1.s } else { 2.s } }); }
            });
        });
        for one in analysis::stretches(study) { print(`${one.sink} T ${one.T_s} ${one.c_duration_s > 0.0} ${one.lost_s < 5.0}`); }"#;
    let place = Place::new();
    place.script(SCRIPT);
    let arguments = ["x.rhai", "--target", "sim", "--seed", "7", "--out", "run"];
    let ran = place.without_tools(&arguments);
    let told = format!("{}\n{}", ran.out, ran.err);
    for sink in ["at_least_once", "exactly_once"] {
        for line in ["2 s to 6 s, true true", "true true"] {
            assert!(ran.out.contains(&format!("{sink}: {line}")), "no `{sink}: {line}`: {told}");
        }
        for line in ["T 2.0 true true", "T 6.0 true true"] {
            assert!(ran.out.contains(&format!("{sink} {line}")), "no `{sink} {line}`: {told}");
        }
    }
    assert!(ran.out.contains("verdict: pass"), "{told}");
    let read = |file: &str| fs::read_to_string(place.folder.path().join("run").join(file)).expect(file);
    let journal = read("journal.jsonl");
    let of_one: Vec<serde_json::Value> = journal
        .lines()
        .filter(|line| line.contains("sink=exactly_once#1"))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let steps: Vec<&str> = of_one.iter().filter_map(|line| line["step"].as_str()).collect();
    let moves: Vec<&str> =
        steps.into_iter().filter(|step| step.starts_with("restart") || *step == "measured_to").collect();
    assert!(moves.len() > 8 && moves.last() == Some(&"measured_to"), "the last one was brought to its end: {moves:?}");
    assert!(moves.chunks_exact(2).all(|pair| pair == ["restart_begun", "restarted"]), "{moves:?}");
    let restarted = of_one.iter().filter(|line| line["step"] == "restarted");
    let attempts: Vec<u64> = restarted.map(|line| line["first_attempt"].as_u64().expect("a number")).collect();
    assert!(attempts[0] == 1 && attempts[1] >= 4, "each kill in between is at least one more: {attempts:?}");
    assert!(attempts.windows(2).all(|pair| pair[0] < pair[1]), "{attempts:?}");
    let windows = read("windows.csv");
    assert!(windows.lines().skip(1).all(|line| !line.ends_with("missing") && !line.ends_with("wrong")), "{windows}");
    let faults = read("faults.csv");
    assert_eq!(faults.lines().count(), 5, "two kills in each trial: {faults}");
}
