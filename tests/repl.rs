//! `cprun repl` as somebody at a terminal meets it, and from a pipe.

mod terminal;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use terminal::Terminal;

const TAB: &str = "\t";
const UP: &str = "\x1b[A";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A session that has asked for its first input.
fn session(folder: &Path) -> Terminal {
    let mut terminal = Terminal::start(folder, &["repl"], &[]);
    terminal.prompt("");
    terminal
}

struct Piped {
    code: i32,
    out: String,
    err: String,
}

fn piped(folder: &Path, arguments: &[&str], input: &str) -> Piped {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cprun"))
        .args(["repl"].iter().chain(arguments))
        .current_dir(folder)
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It may stop reading at the first error.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Piped { code: output.status.code().expect("a code"), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn variables_functions_and_closures_live_from_line_to_line() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.line("let pause = 30.s;");
    terminal.prompt("");
    terminal.line("fn twice(x) { x * 2 }");
    terminal.line("let add = |x| x + pause;");
    terminal.line("add.call(twice(5.s))");
    terminal.row("40 s");
    terminal.line("_ + 1.s");
    terminal.row("41 s");
    terminal.line("[#{ id: 1, what: \"a\" }, #{ id: 22, what: \"b\" }]");
    terminal.row("id  what");
    terminal.row("22  b");
    terminal.line("vars");
    terminal.row("pause  duration  30 s");
    terminal.row("twice  function  twice(x)");
    terminal.line("exit");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn an_error_points_at_what_was_typed_and_the_prompt_goes_on() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.line("fn half(x) { x / \"2\" }");
    terminal.line("let a = 1;");
    terminal.line("half(a)");
    terminal.row(" --> repl:1:16");
    terminal.row("1 | fn half(x) { x / \"2\" }");
    terminal.line("let b = nowhere;");
    terminal.row(" --> repl:4:9");
    terminal.holds("there is no variable `nowhere`");
    terminal.line("kafka::create_topik(\"x\")");
    terminal.row("hint: did you mean `kafka::create_topic`?");
    terminal.line("a + 1");
    terminal.row("2");
}

#[test]
fn an_endless_loop_ends_and_the_prompt_goes_on() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.line("loop {}");
    terminal.holds("an endless loop");
    terminal.line("6 * 7");
    terminal.row("42");
}

#[test]
fn an_imported_file_stays_known() {
    let place = folder();
    fs::write(place.path().join("more.rhai"), "fn twice(x) { 2 * x }").expect("written");
    let ran = piped(place.path(), &[], "import \"more\" as more;\nmore::twice(4)\nmore::thrice(4)\n");
    assert_eq!((ran.code, ran.out.as_str()), (65, "8\n"), "{}", ran.err);
    assert!(ran.err.contains(" --> repl:3:"), "{}", ran.err);
}

#[test]
fn an_input_goes_on_until_its_brackets_are_closed() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.line("let sum = 0; for i in 0..3 {");
    terminal.line("  sum += i;");
    terminal.line("}");
    terminal.line("sum * 100");
    terminal.row("300");
    // What a terminal sends when several lines are pasted.
    terminal.keys("\x1b[200~let a = [\n  1,\n  41,\n];\x1b[201~");
    terminal.keys("\r");
    terminal.line("a[0] + a[1]");
    terminal.row("42");
}

#[test]
fn tab_completes_from_declarations_and_from_what_is_held() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.keys(&format!("kaf{TAB}cr{TAB}(\"a\", #{{ pa{TAB}"));
    terminal.prompt("kafka::create_topic(\"a\", #{ partitions: ");
    terminal.keys(CTRL_C);
    terminal.prompt("");
    terminal.line("let pause_between = 30.s;");
    terminal.keys(&format!("pau{TAB}.se{TAB}"));
    terminal.prompt("pause_between.seconds");
    terminal.keys("\r");
    terminal.row("30.0");
    terminal.keys(&format!("30.mi{TAB}"));
    terminal.prompt("30.min");
}

#[test]
fn what_was_typed_is_there_again_the_next_day() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.line("let answer = 42;");
    terminal.prompt("");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), 0);
    let history = place.path().join("state/cprun/history");
    assert_eq!(fs::metadata(&history).expect("a history").permissions().mode() & 0o777, 0o600);
    let mut terminal = session(place.path());
    terminal.keys(UP);
    terminal.prompt("let answer = 42;");
}

#[test]
fn ctrl_c_clears_the_line_and_interrupts_an_evaluation_but_not_the_prompt() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.keys("let never = ");
    terminal.prompt("let never =");
    terminal.keys(CTRL_C);
    terminal.prompt("");
    terminal.line("let n = 0; print(\"begun\"); loop { n += 1; }");
    terminal.row("begun");
    let pressed = Instant::now();
    terminal.keys(CTRL_C);
    terminal.holds("interrupted");
    assert!(pressed.elapsed() < Duration::from_millis(200), "{:?}", pressed.elapsed());
    terminal.line("print(\"begun again\"); sleep(1.h)");
    terminal.row("begun again");
    terminal.keys(&format!("{CTRL_C}{CTRL_C}{CTRL_C}"));
    let interrupted = |rows: &[String]| rows.iter().filter(|row| row.contains("error: interrupted")).count();
    terminal.until("a second interrupt", |rows| interrupted(rows) == 2);
    terminal.prompt("");
    terminal.line("6 * 7");
    terminal.row("42");
    terminal.prompt("");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn a_termination_ends_it_and_leaves_the_terminal_as_it_was() {
    let place = folder();
    let mut terminal = Terminal::start(place.path(), &["repl"], &[]);
    let before = terminal.mode();
    terminal.prompt("");
    terminal.keys("let half_typed = ");
    terminal.prompt("let half_typed =");
    assert_ne!(terminal.mode().local_modes, before.local_modes);
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ends(), 143);
    assert_eq!(terminal.mode().local_modes, before.local_modes);
    let mut busy = session(place.path());
    busy.line("print(\"begun\"); loop {}");
    busy.row("begun");
    busy.signal(Signal::HUP);
    assert_eq!(busy.ends(), 143);
}

#[test]
fn a_terminal_that_can_do_nothing_will_do() {
    let place = folder();
    let mut terminal = Terminal::start(place.path(), &["repl"], &[("TERM", "dumb")]);
    terminal.prompt("");
    terminal.keys("let a = [1,\n");
    terminal.until("a second line", |rows| rows.last().is_some_and(|last| last == "     >"));
    terminal.keys("2];\n");
    terminal.prompt("");
    terminal.keys("a.len() * 21\n");
    terminal.row("42");
    terminal.prompt("");
    terminal.keys("print(\"begun\"); sleep(1.h)\n");
    terminal.row("begun");
    terminal.keys(CTRL_C);
    terminal.holds("interrupted");
    terminal.prompt("");
    terminal.keys("half a line");
    terminal.prompt("half a line");
    terminal.keys(CTRL_C);
    terminal.prompt("");
    terminal.keys("exit\n");
    assert_eq!(terminal.ends(), 0);
    assert!(!terminal.drawn.contains(&0x1b), "no escape codes");
}

#[test]
fn help_tells_of_commands_modules_primitives_and_types() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.line("help");
    terminal.holds("stop ID");
    terminal.holds("Topics and what they hold.");
    terminal.line("clear");
    terminal.line("help kafka::create_topic");
    terminal.holds("number of partitions, 1 or more");
    terminal.line("clear");
    terminal.line("help topic");
    terminal.row("  partitions: whole number");
    terminal.line("help kafak");
    terminal.holds("did you mean `kafka`?");
}

#[test]
fn what_succeeded_is_saved_as_a_script_that_runs() {
    let place = folder();
    let mut terminal = session(place.path());
    terminal.line("let a = 20;");
    terminal.line("let wrong = nowhere;");
    terminal.line("fn twice(x) { 2 * x }");
    terminal.line("twice(a)");
    terminal.row("40");
    terminal.line("print(_ + 2)");
    terminal.row("42");
    terminal.line("save first.rhai");
    terminal.row("saved: first.rhai");
    let text = fs::read_to_string(place.path().join("first.rhai")).expect("saved");
    insta::assert_snapshot!(text, @r#"
    //! Saved from the prompt of cprun 0.1.0.

    fn twice(x) { 2 * x }

    let a = 20;
    let value_1 = twice(a);
    print(value_1 + 2);
    "#);
    terminal.line("save first.rhai");
    terminal.holds("overwrite first.rhai? [y/N]");
    terminal.line("n");
    terminal.holds("first.rhai is there already");
    terminal.prompt("");
    terminal.line("clear");
    terminal.until("an empty screen", |rows| rows == ["cprun>"]);
    terminal.line("save first.rhai");
    terminal.holds("overwrite first.rhai? [y/N]");
    // Who ends the input has not agreed.
    terminal.keys(CTRL_D);
    terminal.holds("first.rhai is there already");
    terminal.prompt("");
    terminal.line("exit");
    assert_eq!(terminal.ends(), 0);
    let ran =
        Command::new(env!("CARGO_BIN_EXE_cprun")).arg("first.rhai").current_dir(place.path()).output().expect("ran");
    assert_eq!((ran.status.code(), String::from_utf8_lossy(&ran.stdout).as_ref()), (Some(0), "42\n"));
}

#[test]
fn a_pipe_gets_values_alone_and_ends_with_the_input() {
    let place = folder();
    let input = "let a = 30.s;\nfn f(x) {\n  x * 2\n}\n\n// a comment\nf(a)\n[#{ a: 1 }]\nprint(\"x\")\nlet jobs = 3;\n(jobs)\n()\nvars + 1";
    let ran = piped(place.path(), &[], input.trim_end_matches("\nvars + 1"));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "60 s\n[#{ a: 1 }]\nx\n3\n", ""));
    assert_eq!(fs::read_dir(place.path()).expect("read").count(), 0, "nothing is left");
}

#[test]
fn a_pipe_ends_at_the_first_error_with_its_exit_code() {
    let place = folder();
    let ran = piped(place.path(), &[], "1 + 1\nlet x = 2;\nx + nowhere\nprint(\"never\")\n");
    assert_eq!((ran.code, ran.out.as_str()), (65, "2\n"));
    assert!(ran.err.contains(" --> repl:3:5"), "{}", ran.err);
    let ran = piped(place.path(), &[], "let x = [1,\n");
    assert_eq!(ran.code, 65, "{}", ran.err);
    let ran = piped(place.path(), &[], "exit\nprint(\"never\")\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    let ran = piped(place.path(), &["--target", "nowhere"], "");
    assert_eq!(ran.code, 64, "{}", ran.err);
}

#[test]
fn an_interrupt_ends_a_piped_session() {
    let place = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cprun"))
        .args(["repl"])
        .current_dir(place.path())
        .env("XDG_STATE_HOME", place.path().join("state"))
        .env("XDG_CACHE_HOME", place.path().join("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"print(\"begun\"); sleep(1.h)\nprint(\"never\")\n").expect("written");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT).expect("sent");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("its end");
    let status = child.wait().expect("it ends");
    assert_eq!((line.as_str(), rest.as_str(), status.code()), ("begun\n", "", Some(130)));
    drop(input);
}

#[test]
fn a_pipe_overwrites_nothing() {
    let place = folder();
    fs::write(place.path().join("x.rhai"), "mine").expect("written");
    let ran = piped(place.path(), &[], "let a = 1;\nsave x.rhai\n");
    assert_eq!(ran.code, 64, "{}", ran.err);
    assert_eq!(fs::read_to_string(place.path().join("x.rhai")).expect("there"), "mine");
}

/// What a user types to have a replay and samplers on a simulated cluster.
const STARTED: &str = r#"let trips = dataset::nyc("", #{ from: "2023-01-01", to: "2023-01-02" });
let topic = kafka::create_topic("trips", #{ partitions: 4 });
let job = flink::submit("nyc-window", #{ interval: 1.s, args: #{ topic: topic } });
let feed = replay::start(trips, topic, #{ speed: 100.0 });
collect::start(job, feed);
"#;

#[test]
fn what_runs_in_the_background_is_told_listed_stopped_and_asked_about() {
    let place = folder();
    let mut terminal = Terminal::start(place.path(), &["repl", "--target", "sim"], &[]);
    terminal.prompt("");
    terminal.row("SIMULATED: no figure below was measured; the cluster is simulated");
    STARTED.lines().for_each(|line| terminal.line(line));
    terminal.row("starting sim: Flink 1.19.3, Kafka 3.9.1, 2 TaskManagers");
    terminal.holds("[2] sampler nyc-window: ");
    terminal.prompt("");
    terminal.line("fault::every(1.s, 1, |i| fault::kill(cluster::pick(\"taskmanager\", i), #{ down_for: 1.s }));");
    terminal.holds("[3] fault schedule every 1 s: 0 of 1 faults");
    terminal.prompt("");
    // It is told above the line being typed, which stays as it is.
    terminal.keys("let half = ");
    terminal.prompt("let half =");
    let drawn = terminal.drawn.len();
    terminal.holds("[3] fault schedule every 1 s: ended, all 1 faults were due");
    terminal.prompt("let half =");
    assert!(terminal.drawn.len() - drawn < 1000, "{} bytes for one line", terminal.drawn.len() - drawn);
    terminal.keys(CTRL_C);
    terminal.prompt("");
    terminal.line("topic");
    terminal.row("  partitions  4");
    terminal.line("clear");
    terminal.line("jobs");
    terminal.holds(" 1  replay ");
    terminal.line("stop 1");
    terminal.holds(": ended, stopped");
    terminal.line("let kept = sample(1.s, || 1, #{ name: \"one\" });");
    terminal.holds("[4] sample one: ");
    terminal.prompt("");
    terminal.line("stop 4");
    terminal.row("[4] sample one: ended, stopped");
    terminal.line("stop 1");
    terminal.holds("nothing in the background has the id `1`");
    terminal.line("exit");
    terminal.holds("a sampler runs; end it and leave? [y/N]");
    terminal.line("n");
    terminal.prompt("");
    terminal.keys(CTRL_D);
    terminal.until("the question again", |rows| rows.last().is_some_and(|last| last.ends_with("leave? [y/N]")));
    terminal.line("y");
    assert_eq!(terminal.ends(), 0);
    assert!(terminal.rows().iter().any(|row| row.starts_with("report: results/repl/")), "{:?}", terminal.rows());
}

#[test]
fn a_pipe_ends_what_runs_without_asking() {
    let place = folder();
    let ran = piped(place.path(), &["--target", "sim", "--out", "run"], &format!("{STARTED}topic.partition\n"));
    assert_eq!(ran.code, 65, "{}", ran.err);
    assert!(ran.err.contains("cleaning up") && ran.err.contains("did you mean `partitions`?"), "{}", ran.err);
    let ran = piped(
        place.path(),
        &["--target", "sim", "--out", "run2"],
        &format!("{STARTED}topic.partitions\nsave x.rhai\n"),
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, "SIMULATED: no figure below was measured; the cluster is simulated\n4\n");
    let journal = fs::read_to_string(place.path().join("run2/journal.jsonl")).expect("a journal");
    assert!(journal.contains("prompt#1") && journal.contains("trial_end"), "{journal}");
    // What was saved is a whole experiment.
    let checked =
        Command::new(env!("CARGO_BIN_EXE_cprun")).args(["check", "x.rhai"]).current_dir(place.path()).output();
    let checked = checked.expect("ran");
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn a_termination_ends_what_runs_and_keeps_what_was_measured() {
    let place = folder();
    let mut terminal = Terminal::start(place.path(), &["repl", "--target", "sim", "--out", "run"], &[]);
    terminal.prompt("");
    STARTED.lines().for_each(|line| terminal.line(line));
    terminal.holds("[2] sampler nyc-window: ");
    terminal.prompt("");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.ends(), 143);
    assert!(place.path().join("run/report.html").is_file());
}
