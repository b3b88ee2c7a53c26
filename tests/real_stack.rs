//! Real Kafka, real Flink, real SIGKILLs. The claims that only they can prove: every window is right after a
//! kill, an interrupted run keeps what it measured, and nothing outlives cprun.
//!
//! One test at a time: two cores hold one stack. The verdict of a trial may be `invalid` here where the machine
//! is too busy to send rows, acknowledge them or answer samplers in time, and for no other reason.

#[allow(dead_code, reason = "the tests of the prompt use all of it")]
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

static ONE_STACK: Mutex<()> = Mutex::new(());

struct Stack {
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Stack {
    fn new() -> Self {
        let alone = ONE_STACK.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().expect("a folder"), _alone: alone }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn cprun(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cprun"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// A study that lasts until somebody ends it.
    fn start_long(&self) -> Child {
        let arguments = ["scripts/nyc_intervals.rhai", "-P", "intervals=1s", "-P", "fault_every=10min", "--out", "run"];
        let log = fs::File::create(self.folder.path().join("log")).expect("a file");
        self.cprun(&arguments).stdout(Stdio::null()).stderr(log).spawn().expect("it starts")
    }

    /// Waits until the journal holds a step.
    fn wait_for_step(&self, child: &mut Child, step: &str) {
        assert!(self.comes_to_step(child, step), "it ended early:\n{}", self.told());
    }

    /// What the child has said on stderr.
    fn told(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Whether the child came to that step before it ended.
    fn comes_to_step(&self, child: &mut Child, step: &str) -> bool {
        let wanted = format!("\"step\":\"{step}\"");
        let begin = Instant::now();
        loop {
            let journal = fs::read_to_string(self.out().join("journal.jsonl")).unwrap_or_default();
            if journal.contains(&wanted) {
                return true;
            }
            if child.try_wait().expect("a child").is_some() {
                return false;
            }
            // The first run of all builds the job, and one with MinIO that too.
            assert!(begin.elapsed() < Duration::from_secs(900), "no `{step}` in time:\n{}", self.told());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Processes whose command line names the run directory.
    fn processes(&self) -> Vec<String> {
        let run = self.out().canonicalize().unwrap_or_else(|_| self.out()).display().to_string();
        let entries = fs::read_dir("/proc").expect("Linux").flatten();
        let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(&run)).collect()
    }

    /// User and password in the environment of the run's MinIO, which is all that knows them besides Flink.
    fn secrets_of_minio(&self) -> Vec<String> {
        let run = self.out().canonicalize().unwrap_or_else(|_| self.out()).display().to_string();
        let entries = fs::read_dir("/proc").expect("Linux").flatten().map(|entry| entry.path());
        let read = |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let is_minio = |path: &PathBuf| {
            let line = read(path.join("cmdline"));
            line.contains("minio\0server") && line.contains(&run)
        };
        let environment = entries.filter(is_minio).map(|path| read(path.join("environ"))).collect::<String>();
        let secrets = environment.split('\0').filter_map(|line| line.strip_prefix("MINIO_ROOT_")?.split_once('='));
        secrets.map(|(_, secret)| secret.to_owned()).collect()
    }

    /// Files below the test's folder with one of the texts in them.
    fn files_that_hold(&self, texts: &[String]) -> Vec<PathBuf> {
        let mut folders = vec![self.folder.path().to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            // What a running Flink removes meanwhile holds nothing any more.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() => {
                        let bytes = fs::read(entry.path()).unwrap_or_default();
                        let holds = |text: &String| memchr::memmem::find(&bytes, text.as_bytes()).is_some();
                        found.extend(texts.iter().any(holds).then(|| entry.path()));
                    }
                    _ => {}
                }
            }
        }
        found
    }

    #[track_caller]
    fn nothing_runs_within(&self, limit: Duration) {
        let begin = Instant::now();
        while !self.processes().is_empty() {
            assert!(begin.elapsed() < limit, "left behind: {:?}", self.processes());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let header = reader.headers().expect("a header").clone();
    let row =
        |record: csv::StringRecord| header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| row(record.expect("a row"))).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is `{}` in {row:?}", row[column]))
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// A machine that stands still for seconds sends and acknowledges rows late and answers no sampler; nothing else may be wrong with a trial.
#[track_caller]
fn only_too_busy(summary: &serde_json::Value, told: &str) {
    for reason in summary["reasons"].as_array().expect("a list").iter().filter_map(serde_json::Value::as_str) {
        let signs = ["acknowledged", "off its schedule", "samples are missing"];
        assert!(signs.iter().any(|sign| reason.contains(sign)), "{reason}\n{told}");
    }
}

fn signal(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id()).expect("a pid");
    // SAFETY: the child is ours and not waited for yet.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

#[test]
fn a_killed_taskmanager_costs_time_and_no_window() {
    let stack = Stack::new();
    let arguments =
        ["scripts/nyc_intervals.rhai", "-P", "intervals=1s", "-P", "faults=1", "-P", "fault_every=20s", "--out", "run"];
    let ran = stack.cprun(&arguments).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let told = format!("stdout:\n{out}\nstderr:\n{err}");
    let run = stack.out();

    let summary = json(&run.join("summary.json"));
    only_too_busy(&summary, &told);
    assert!([Some(0), Some(2)].contains(&ran.status.code()), "{told}");

    let windows = rows(&run.join("windows.csv"));
    assert!(windows.len() > 2000, "{} windows", windows.len());
    for window in &windows {
        assert!(["ok", "duplicate"].contains(&window["oracle"].as_str()), "{window:?}");
        assert!(number(window, "written_ms") <= number(window, "visible_ms") + 1.0, "{window:?}");
    }

    let faults = rows(&run.join("faults.csv"));
    assert_eq!(faults.len(), 1, "{told}");
    let fault = &faults[0];
    for phase in
        ["issued", "gone", "detected", "dead", "back", "restored", "running", "first", "all", "parity", "caught_up"]
    {
        assert!(
            number(fault, &format!("{phase}_lo_ms")) <= number(fault, &format!("{phase}_hi_ms")),
            "{phase}: {fault:?}"
        );
    }
    let order = ["issued", "gone", "back", "first", "parity", "caught_up"]
        .map(|phase| number(fault, &format!("{phase}_hi_ms")));
    assert!(order.is_sorted(), "{order:?}");
    assert!(number(fault, "R_s") > 3.0, "the TaskManager was away for 3 s: {fault:?}");
    assert!(number(fault, "rework_records") > 0.0, "{fault:?}");
    assert_eq!(fault["undo"], "undone");

    let figures = &summary["rows"][0]["figures"];
    let utilization = figures["U_poisson"]["value"].as_f64().expect("U");
    assert!(utilization > 0.0 && utilization < 1.0, "{utilization}");
    assert!(figures["T_star_s"]["value"].as_f64().expect("T*") > 0.0);
    assert!(summary["T_star"]["headlines"][0]["poisson"]["value"].as_f64().expect("T*") > 0.0);

    let trial = &rows(&run.join("trials.csv"))[0];
    assert_eq!(trial["trial"], "interval=1s#1");
    let samples = rows(&run.join("samples.csv"));
    for source in ["probe", "broker", "replay"] {
        assert!(samples.iter().filter(|sample| sample["source"] == source).count() > 100, "{source}");
    }
    resources_are_told(&samples, &fault["instance"], figures);
    let checkpoints = rows(&run.join("checkpoints.csv"));
    assert!(checkpoints.iter().any(|row| row["status"] == "completed" && !row["cpu_s"].is_empty()), "{told}");
    assert!(
        checkpoints.iter().filter(|row| row["kind"] == "periodic" && row["status"] == "completed").count() > 10,
        "{told}"
    );
    assert!(checkpoints.iter().any(|row| row["kind"] == "manual"), "{told}");

    let manifest = json(&run.join("manifest.json"));
    let flink = &manifest["configuration"]["flink"];
    assert_eq!(flink["heartbeat.timeout"], "5000");
    assert_eq!(flink["restart-strategy.fixed-delay.delay"], "1000 ms");
    assert_eq!(manifest["configuration"]["checkpointing interval=1s#1"]["interval_ms"], 1000.0);

    evidence_is_kept(&run);
    let sums = Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&run).status();
    assert!(sums.expect("sha256sum").success());
    let before = fs::read(run.join("summary.json")).expect("read");
    let again = stack.cprun(&["analyze", "run"]).output().expect("it starts");
    assert_eq!(again.status.code(), ran.status.code(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(
        fs::read(run.join("summary.json")).expect("read"),
        before,
        "the second half of a run is the same every time"
    );

    assert!(!run.join("work").exists(), "the services' own files are gone");
    assert!(stack.processes().is_empty(), "{:?}", stack.processes());
}

fn resources_are_told(samples: &[BTreeMap<String, String>], victim: &str, figures: &serde_json::Value) {
    for source in ["taskmanager-1", "taskmanager-2", "jobmanager-1", "kafka-1", "cprun", "host:local"] {
        for name in ["cpu_s", "memory_bytes", "disk_written_bytes", "net_sent_bytes"] {
            let told = samples.iter().filter(|sample| sample["source"] == source && sample["name"] == name).count();
            assert!(told > 30, "{source} {name}: {told}");
        }
    }
    let mut lives: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample["source"] == victim && sample["name"] == "gc_count") {
        lives.entry(number(sample, "attempt") as u32).or_default().push(number(sample, "value"));
    }
    assert_eq!(lives.keys().copied().collect::<Vec<_>>(), [1, 2], "{victim} was killed and started again");
    assert!(lives.values().all(|counts| counts.is_sorted() && counts.last().is_some_and(|count| *count > 0.0)));
    let cores = figures["cpu_cores"]["value"].as_f64().expect("the TaskManagers' CPU");
    let all = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    assert!(cores > 0.01 && cores <= all, "{cores}");
    assert!(figures["memory_max_bytes"]["value"].as_f64().expect("memory") > 1e8);
}

fn evidence_is_kept(run: &Path) {
    let evidence = run.join("evidence/local");
    let sums = fs::read_to_string(run.join("SHA256SUMS")).expect("read");
    for file in ["user_and_host.txt", "versions.txt", "processes.txt", "flink_overview.json", "taskmanagers.json"] {
        assert!(evidence.join(file).is_file(), "{file}");
        assert!(sums.contains(&format!("evidence/local/{file}")), "{file}");
    }
    let processes = fs::read_to_string(evidence.join("processes.txt")).expect("read");
    for role in ["cprun", "jobmanager", "taskmanager", "kafka"] {
        assert!(processes.contains(&format!("role: {role}\n")), "{processes}");
    }
    let job = evidence.join("jobs/nyc-window");
    assert_eq!(json(&job.join("job.json"))["state"], "RUNNING");
    assert!(json(&job.join("plan.json"))["plan"]["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty()));
    assert!(fs::read_to_string(job.join("build.log")).expect("read").contains("BUILD SUCCESS"));
    assert!(job.join("build.txt").is_file());
}

/// Said past the harness, which shows nothing of a test that passes.
fn skipped(why: &str) {
    writeln!(std::io::stderr(), "SKIPPED: checkpoints in MinIO: {why}").expect("stderr");
}

/// The host that is hit holds both TaskManagers, so that nothing of the job's state is left but what MinIO has.
#[test]
fn a_job_whose_taskmanagers_are_all_stopped_comes_back_from_minio_and_its_keys_are_nowhere() {
    let stack = Stack::new();
    let mut arguments = vec!["scripts/nyc_intervals.rhai", "-P", "storage=minio", "-P", "scope=host"];
    arguments.extend(["-P", "fault=stop", "-P", "intervals=1s", "-P", "faults=1", "-P", "fault_every=20s"]);
    arguments.extend(["--out", "run"]);
    let doctor = stack.cprun(&["doctor"]).output().expect("it starts");
    if String::from_utf8_lossy(&doctor.stdout).contains("missing  MinIO") {
        skipped("neither MinIO nor a Go that can build it is here");
        return;
    }
    let log = fs::File::create(stack.folder.path().join("log")).expect("a file");
    let mut child = stack.cprun(&arguments).stdout(Stdio::null()).stderr(log).spawn().expect("it starts");
    if !stack.comes_to_step(&mut child, "measured_from") {
        // Go fetches MinIO's modules from where the machine has them from; that is not ours to test.
        assert!(stack.told().contains("Go could not build MinIO"), "it ended early:\n{}", stack.told());
        skipped(&stack.told());
        return;
    }
    let secrets = stack.secrets_of_minio();
    assert_eq!(secrets.len(), 2, "{secrets:?}");
    let files = stack.files_that_hold(&secrets);
    assert!(files.is_empty(), "the keys are in files while it runs: {files:?}");
    let status = child.wait().expect("it ends");
    let told = fs::read_to_string(stack.folder.path().join("log")).expect("a log");
    assert!([Some(0), Some(2)].contains(&status.code()), "{told}");

    let run = stack.out();
    let windows = rows(&run.join("windows.csv"));
    assert!(windows.len() > 2000, "{} windows\n{told}", windows.len());
    for window in &windows {
        assert!(["ok", "duplicate"].contains(&window["oracle"].as_str()), "{window:?}");
    }
    let faults = rows(&run.join("faults.csv"));
    assert_eq!(faults.len(), 1, "{told}");
    let fault = &faults[0];
    assert_eq!((fault["kind"].as_str(), fault["instance"].as_str()), ("stop", "taskmanager-1+taskmanager-2"));
    // Flink goes back to the checkpoint before it has slots again, so `restored` may come before `back`.
    for phases in [["issued", "gone", "back", "first"], ["issued", "detected", "restored", "first"]] {
        let order = phases.map(|phase| number(fault, &format!("{phase}_hi_ms")));
        assert!(order.is_sorted(), "{phases:?}: {order:?}");
    }
    assert!(
        number(fault, "dead_hi_ms") < number(fault, "back_hi_ms"),
        "the last leaves the list while held down: {fault:?}"
    );
    // The job cannot run without a slot, so it waits for the instances and is ready a moment after them.
    assert!(number(fault, "R_ready_s") > 0.0 && number(fault, "R_ready_s") < number(fault, "R_s") - 2.5, "{fault:?}");
    assert_eq!(fault["undo"], "undone");

    let jobmanager = fs::read_to_string(run.join("logs/jobmanager-1.log")).expect("a log");
    let restored = jobmanager.lines().find(|line| line.contains("Restoring job")).unwrap_or_default();
    assert!(restored.contains("located at s3://flink-checkpoints/"), "`{restored}`");
    let manifest = json(&run.join("manifest.json"));
    assert!(
        manifest["configuration"]["flink"]["state.checkpoints.dir"]
            .as_str()
            .is_some_and(|dir| dir.starts_with("s3://"))
    );
    assert!(manifest["versions"]["minio"].is_string());
    let files = stack.files_that_hold(&secrets);
    assert!(files.is_empty(), "the keys are in files: {files:?}");
    assert!(!run.join("work").exists(), "MinIO's files are gone");
    assert!(stack.processes().is_empty(), "{:?}", stack.processes());
}

#[test]
fn a_job_that_saturates_itself_tells_its_capacity_and_what_faults_cost_of_it() {
    let stack = Stack::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/validate_model.rhai");
    let short =
        ["laws=fixed", "intervals=2s", "calm_intervals=0s,2s", "mtbf=15s", "faults=2", "calm=10s", "warm_up=8s"];
    let changes = short.iter().flat_map(|change| ["-P", change]);
    let arguments: Vec<&str> = [script, "--out", "run"].into_iter().chain(changes).collect();
    let output = stack.cprun(&arguments).output().expect("it starts");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let summary = json(&stack.out().join("summary.json"));
    for reason in summary["reasons"].as_array().expect("a list") {
        assert!(reason.as_str().is_some_and(|reason| reason.contains("samples are missing")), "{reason}\n{told}");
    }
    let figure = |row: &serde_json::Value, name: &str| row["figures"][name]["value"].as_f64();
    for row in summary["rows"].as_array().expect("rows") {
        let broken = row["axes"]["faults"] == "fixed";
        assert_eq!(figure(row, "capacity_per_s").is_some(), !broken, "{row}");
        assert!(figure(row, "useful_per_s").is_some_and(|rate| rate > 1_000.0), "{row}");
        assert_eq!(figure(row, "written_p99_ms"), None, "{row}");
        let sound = summary["reasons"].as_array().is_none_or(Vec::is_empty);
        if broken && sound {
            assert!(figure(row, "U_measured").is_some_and(|share| (0.0..=1.1).contains(&share)), "{row}\n{told}");
            assert!(figure(row, "U_realised").is_some_and(|share| (0.0..1.0).contains(&share)), "{row}\n{told}");
        }
    }
    let faults = rows(&stack.out().join("faults.csv"));
    assert_eq!(faults.len(), 2, "{told}");
    for fault in faults.iter().filter(|fault| fault["outcome"] == "restart") {
        assert!(number(fault, "R_s") > 3.0 && number(fault, "restored_checkpoint") > 0.0, "{fault:?}");
        // Back to a checkpoint, and no further: at most T and the checkpoint under way are read again.
        assert!(number(fault, "rework_records") >= 0.0, "{fault:?}");
    }
    assert!(faults.iter().any(|fault| fault["outcome"] == "restart"), "{faults:?}");
    assert_eq!(rows(&stack.out().join("windows.csv")).len(), 0);
    stack.nothing_runs_within(Duration::from_secs(1));
}

#[test]
fn an_interrupted_run_keeps_what_it_measured() {
    let stack = Stack::new();
    let mut child = stack.start_long();
    stack.wait_for_step(&mut child, "measured_from");
    signal(&child, libc::SIGINT);
    let status = child.wait().expect("it ends");
    let log = fs::read_to_string(stack.folder.path().join("log")).expect("a log");
    assert_eq!(status.code(), Some(130), "{log}");
    assert!(log.contains("interrupted by Ctrl-C"), "{log}");
    assert!(stack.processes().is_empty(), "{:?}", stack.processes());
    let run = stack.out();
    assert!(!run.join("work").exists());
    assert!(rows(&run.join("samples.csv")).len() > 20);
    assert_eq!(rows(&run.join("trials.csv")).len(), 1);
    assert!(run.join("report.html").exists() && run.join("SHA256SUMS").exists());
    assert_eq!(json(&run.join("manifest.json"))["outcome"], "interrupted by Ctrl-C; what was measured so far is kept");
}

#[test]
fn a_killed_cprun_leaves_no_process_and_the_next_one_sweeps_its_files() {
    let stack = Stack::new();
    let mut child = stack.start_long();
    stack.wait_for_step(&mut child, "submitted");
    assert!(stack.processes().len() >= 4, "broker, JobManager and two TaskManagers: {:?}", stack.processes());
    signal(&child, libc::SIGKILL);
    child.wait().expect("it ends");
    stack.nothing_runs_within(Duration::from_secs(10));
    let work = stack.out().join("work");
    assert!(work.exists(), "nobody was left to remove it");
    // The next run sweeps first; this one then asks for more memory than there is, so that nothing starts.
    let study = include_str!("../scripts/nyc_intervals.rhai");
    let script = format!("cluster::needs(#{{ taskmanager_memory: 100000.GiB }});\n{study}");
    fs::write(stack.folder.path().join("next.rhai"), script).expect("written");
    let next = stack.cprun(&["next.rhai"]).output().expect("it starts");
    let err = String::from_utf8_lossy(&next.stderr);
    assert_eq!(next.status.code(), Some(69), "{err}");
    assert!(err.contains("swept what a killed run left"), "{err}");
    assert!(!work.exists());
    assert!(stack.out().join("journal.jsonl").exists(), "what was measured stays");
}

/// Work in the background, a wait that Ctrl-C ends, a fault, and leaving with things running: as on `sim`, but real.
#[test]
fn at_a_prompt_a_real_job_is_fed_broken_waited_for_and_left() {
    let stack = Stack::new();
    let mut prompt =
        terminal::Terminal::start(stack.folder.path(), &["repl", "--out", "run"], &[terminal::CACHE_OF_THE_USER])
            .patient(Duration::from_secs(300));
    prompt.prompt("");
    prompt.line("let trips = dataset::nyc(\"\");");
    prompt.line("let topic = kafka::create_topic(\"trips\");");
    prompt.holds("starting local: Flink 1.19.3, Kafka 3.9.1, 2 TaskManagers");
    prompt
        .line("let job = flink::submit(\"nyc-window\", #{ interval: 1.s, parallelism: 2, args: #{ topic: topic } });");
    prompt.line("let feed = replay::start(trips, topic, #{ speed: 3600.0 });");
    prompt.line("collect::start(job, feed);");
    prompt.holds("[2] sampler nyc-window: ");
    prompt.prompt("");
    prompt.line(
        "let hit = fault::kill(cluster::pick(\"taskmanager\", 1), #{ down_for: 1.s }); print(`hit by ${hit.kind}`);",
    );
    prompt.row("hit by kill");
    prompt.prompt("");
    // The mark tells that the evaluation has begun, and Ctrl-C is its own and not the line's.
    prompt.line("print(6 * 6); flink::wait(job, #{ state: \"FINISHED\", timeout: 1.h });");
    prompt.row("36");
    prompt.keys("\x03");
    prompt.holds("interrupted");
    prompt.prompt("");
    prompt.line("`${6 * 7} is still right`");
    prompt.row("42 is still right");
    prompt.line("exit");
    prompt.holds("leave? [y/N]");
    prompt.line("y");
    assert_eq!(prompt.ends(), 0, "{:?}", prompt.rows());
    let journal = fs::read_to_string(stack.out().join("journal.jsonl")).expect("a journal");
    for written in ["\"phase\":\"issued\"", "\"phase\":\"gone\"", "\"source\":\"probe\"", "\"step\":\"trial_end\""] {
        assert!(journal.contains(written), "no {written} in the journal");
    }
    stack.nothing_runs_within(Duration::from_secs(10));
}

/// Two hangs of one job, which was stopped with a savepoint and submitted anew before: one that Flink never hears of,
/// and one that lasts longer than its heartbeat.
#[test]
fn a_short_hang_is_a_stall_and_a_long_one_a_restart_that_only_the_heartbeat_tells() {
    const SCRIPT: &str = r#"
        params(#{}, #{ quick: #{} });
        let trips = dataset::nyc("");
        experiment("hangs", #{ interval: [1.s] }, |v| {
            let topic = kafka::create_topic("trips");
            let first = flink::submit("nyc-window", #{ interval: v.interval, args: #{ topic: topic } });
            let path = flink::savepoint(first, #{ stop: true });
            print(`first: ${first.state}`);
            let job = flink::submit("nyc-window", #{ interval: v.interval, from: path, args: #{ topic: topic } });
            let feed = replay::start(trips, topic, #{ speed: 7200.0 });
            collect::start(job, feed);
            fault::at([6.s, 24.s], |i| {
                let last = flink::checkpoints(job, #{ last: 2 })[0];
                print(`${i}: ${last.status} ${last.kind} ${last.async_ms >= 0.0} ${kafka::lag(job) < 100_000}`);
                print(`${i}: ${flink::metric(job, "numRecordsOut") > 0.0} ${kafka::offsets(topic).len}`);
                fault::hang(cluster::pick("taskmanager", i), #{ down_for: if i == 1 { 2.s } else { 10.s } });
            });
        });"#;
    let stack = Stack::new();
    fs::write(stack.folder.path().join("hangs.rhai"), SCRIPT).expect("written");
    let ran = stack.cprun(&["hangs.rhai", "--profile", "quick", "--out", "run"]).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let told = format!("stdout:\n{out}\nstderr:\n{err}");
    for line in ["first: FINISHED", "1: completed periodic true true", "1: true 8", "2: completed periodic true true"] {
        assert!(out.contains(line), "no `{line}`: {told}");
    }
    let run = stack.out();
    let summary = json(&run.join("summary.json"));
    only_too_busy(&summary, &told);

    let faults = rows(&run.join("faults.csv"));
    assert_eq!(faults.len(), 2, "{told}");
    let [stall, restart] = [&faults[0], &faults[1]];
    assert_eq!((stall["outcome"].as_str(), stall["restarts"].as_str(), stall["R_s"].as_str()), ("stall", "0", ""));
    assert_eq!((restart["outcome"].as_str(), restart["during_recovery"].as_str()), ("restart", "false"), "{restart:?}");
    for fault in [stall, restart] {
        assert_eq!((fault["kind"].as_str(), fault["undo"].as_str()), ("hang", "undone"));
        assert_eq!(fault["gone_hi_ms"], "", "nothing died: {fault:?}");
        assert!(number(fault, "caught_up_hi_ms") > number(fault, "back_hi_ms"), "{fault:?}");
    }
    let since_issued = |phase: &str| number(restart, &format!("{phase}_hi_ms")) - number(restart, "issued_hi_ms");
    // The heartbeat of 5 s ran since the last one that came, at most a second before.
    assert!((3_900.0..9_000.0).contains(&since_issued("detected")), "{restart:?}");
    assert!((9_990.0..11_000.0).contains(&since_issued("back")), "{restart:?}");
    assert!(number(restart, "R_s") > since_issued("detected") / 1e3, "{restart:?}");
    for window in rows(&run.join("windows.csv")) {
        assert!(["ok", "duplicate"].contains(&window["oracle"].as_str()), "{window:?}");
    }
    assert!(stack.processes().is_empty(), "{:?}", stack.processes());
}

/// A real job is moved to another interval in the middle of a trial, and killed after it: nothing is lost, and the move is
/// no fault.
#[test]
fn a_job_moves_to_another_interval_in_the_middle_of_a_trial() {
    const SCRIPT: &str = r#"
        let trips = dataset::nyc("");
        let study = experiment("moves", #{ sink: ["exactly_once"] }, |v| {
            let topic = kafka::create_topic("trips");
            let job = flink::submit("nyc-window", #{ interval: 1.s, args: #{ topic: topic, sink: v.sink } });
            collect::start(job, replay::start(trips, topic, #{ speed: 3600.0 }));
            fault::at([25.s], |i| fault::kill(cluster::pick("taskmanager", i), #{ down_for: 2.s }));
            run::during(|t| {
                sleep(8.s);
                let moved = flink::restart(job, #{ interval: 3.s });
                print(`moved: ${job.interval} to ${moved.interval} ${moved.restart < 20.s} ${moved.id != job.id}`);
                sleep(5.s);
                print(`then: ${kafka::lag(job) < 100_000} ${flink::checkpoints(job).all(|one| one.duration_ms != ())}`);
            });
        });
        for one in analysis::stretches(study) { print(`T ${one.T_s} ${one.checkpoints > 1} ${one.lost_s < 20.0}`); }"#;
    let stack = Stack::new();
    fs::write(stack.folder.path().join("moves.rhai"), SCRIPT).expect("written");
    let ran = stack.cprun(&["moves.rhai", "--out", "run"]).output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let told = format!("stdout:\n{out}\nstderr:\n{err}");
    for line in ["moved: 1 s to 3 s true true", "then: true true", "T 1.0 true true", "T 3.0 true true"] {
        assert!(out.contains(line), "no `{line}`: {told}");
    }
    let run = stack.out();
    let summary = json(&run.join("summary.json"));
    only_too_busy(&summary, &told);
    let faults = rows(&run.join("faults.csv"));
    assert_eq!(faults.len(), 1, "the move is no fault: {told}");
    assert_eq!((faults[0]["outcome"].as_str(), faults[0]["during_recovery"].as_str()), ("restart", "false"));
    for window in rows(&run.join("windows.csv")) {
        assert_eq!(window["oracle"], "ok", "{window:?}");
    }
    let ids: Vec<f64> = rows(&run.join("checkpoints.csv")).iter().map(|row| number(row, "id")).collect();
    let distinct: std::collections::BTreeSet<u64> = ids.iter().map(|id| *id as u64).collect();
    assert_eq!(distinct.len(), ids.len(), "the ids go on: {ids:?}");
    assert!(stack.processes().is_empty(), "{:?}", stack.processes());
}

/// Builds tests/foreign-job with the probe in its jar.
fn foreign_jar(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, to) in [("jobs/probe", "probe"), ("tests/foreign-job", "job")] {
        let copied = Command::new("cp").arg("-r").arg(root.join(from)).arg(folder.join(to)).status();
        assert!(copied.expect("cp").success());
    }
    let together = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
        <groupId>all</groupId><artifactId>all</artifactId><version>1</version><packaging>pom</packaging>\
        <modules><module>probe</module><module>job</module></modules></project>";
    fs::write(folder.join("pom.xml"), together).expect("written");
    let maven = |offline: &[&str]| {
        Command::new("mvn").args(["-B", "-q", "package"]).args(offline).current_dir(folder).status().expect("Maven")
    };
    assert!(maven(&["-o"]).success() || maven(&[]).success(), "the foreign job does not build");
    fs::copy(folder.join("job/target/ticks.jar"), folder.join("ticks.jar")).expect("a jar");
}

/// Submits the job by hand, as its owner would, once the run has brought its cluster up anew.
fn submit_by_hand(stack: &Stack, child: &mut Child, port: u16, id: &str) {
    let rest = format!("http://127.0.0.1:{port}");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let flink = cprun::flink::Flink::new(&rest, Duration::from_secs(5)).expect("an address");
    let begin = Instant::now();
    let all_free = || runtime.block_on(flink.overview()).is_ok_and(|seen| seen.slots_available == 4);
    stack.wait_for_step(child, "measured_to");
    let trials = || fs::read_to_string(stack.out().join("journal.jsonl")).unwrap_or_default();
    while trials().matches("\"step\":\"trial_start\"").count() < 3 || !all_free() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended early:\n{}", stack.told());
        assert!(begin.elapsed() < Duration::from_secs(300), "no third trial:\n{}", stack.told());
        std::thread::sleep(Duration::from_millis(100));
    }
    let jar = runtime.block_on(flink.upload_jar(&stack.folder.path().join("ticks.jar"))).expect("uploaded");
    let body = serde_json::json!({
        "jobId": id, "parallelism": 2, "flinkConfiguration": { "execution.checkpointing.interval": "1 s" },
    });
    let sent = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        client.post(format!("{rest}/jars/{jar}/run")).json(&body).send().await
    });
    assert!(sent.expect("an answer").status().is_success());
}

#[test]
fn a_foreign_jar_is_measured_with_and_without_the_probe_and_a_job_of_somebody_else_s_is_left_alone() {
    const SCRIPT: &str = r#"
        let p = params(#{ port: 0, id: "" }, #{ quick: #{} });
        cluster::needs(#{ rest_port: p.port });
        experiment("jar", #{ probe: ["false", "true"] }, |v| {
            let job = flink::submit("ticks.jar", #{ interval: 1.s, parallelism: 2, args: #{ probe: v.probe } });
            collect::start(job);
            fault::at([8.s], |i| fault::kill(cluster::pick("taskmanager", i), #{ down_for: 2.s }));
        });
        experiment("attached", #{ attached: [true], duration: 6.s }, |v| {
            while flink::overview().jobs_running == 0 {}
            let job = flink::attach(p.id);
            print(`attached to ${job.name}, interval ${job.interval}, ${job.state}`);
            collect::start(job);
        });"#;
    const ID: &str = "0123456789abcdef0123456789abcdef";
    let stack = Stack::new();
    foreign_jar(stack.folder.path());
    fs::write(stack.folder.path().join("x.rhai"), SCRIPT).expect("written");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("free").port();
    let log = fs::File::create(stack.folder.path().join("log")).expect("a file");
    let out = fs::File::create(stack.folder.path().join("out")).expect("a file");
    let (port_is, id_is) = (format!("port={port}"), format!("id={ID}"));
    let arguments = ["x.rhai", "--profile", "quick", "-P", &port_is, "-P", &id_is, "--out", "run"];
    let mut child = stack.cprun(&arguments).stdout(out).stderr(log).spawn().expect("it starts");
    submit_by_hand(&stack, &mut child, port, ID);
    let status = child.wait().expect("it ends");
    let told = stack.told();
    assert_eq!(status.code(), Some(0), "{told}");
    let out = fs::read_to_string(stack.folder.path().join("out")).expect("read");
    assert!(out.contains("attached to ticks, interval 1 s, RUNNING"), "{out}");

    let run = stack.out();
    let faults = rows(&run.join("faults.csv"));
    assert_eq!(faults.len(), 2, "{told}");
    for fault in &faults {
        let probed = fault["trial"].starts_with("probe=true");
        assert_eq!((fault["outcome"].as_str(), fault["undo"].as_str()), ("restart", "undone"), "{fault:?}");
        let [lo, hi] = ["first_lo_ms", "first_hi_ms"].map(|bound| number(fault, bound));
        assert_eq!(lo == hi, probed, "the probe knows the millisecond: {fault:?}");
        assert!(hi - lo < 3_000.0 && lo >= number(fault, "detected_hi_ms"), "{fault:?}");
        assert!(number(fault, "R_s") > 0.5 && fault["caught_up_hi_ms"].is_empty(), "{fault:?}");
    }
    let trials = rows(&run.join("trials.csv"));
    assert!(trials.iter().all(|trial| trial["verdict"] == "pass"), "{trials:?}");
    let checkpoints = rows(&run.join("checkpoints.csv"));
    for trial in &trials {
        assert!(checkpoints.iter().any(|one| one["trial"] == trial["trial"] && one["kind"] == "periodic"), "{trial:?}");
    }
    assert_eq!(rows(&run.join("windows.csv")).len(), 0);
    let summary = json(&run.join("summary.json"));
    for row in summary["rows"].as_array().expect("rows") {
        assert!(
            row["figures"]["raw_per_s"]["value"].as_f64().is_some_and(|rate| (600.0..1100.0).contains(&rate)),
            "{row}"
        );
    }
    let jobmanager = fs::read_to_string(run.join("logs/jobmanager-1.log")).expect("a log");
    assert!(jobmanager.contains(ID));
    assert!(!jobmanager.lines().any(|line| line.contains(ID) && line.contains("CANCELLING")), "it was ended");
    assert!(run.join("evidence/local/jobs/ticks/jar.txt").is_file());
    assert!(stack.processes().is_empty(), "{:?}", stack.processes());
}
