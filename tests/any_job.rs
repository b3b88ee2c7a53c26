//! What docs/any-job.md says works: the probe builds as a jar of its own, and a foreign job that uses it as the page
//! shows compiles and carries it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "target" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).expect("copied");
        }
    }
}

/// Builds both with Maven, from its own store if that holds all of it; returns the job's jar.
fn built(folder: &Path) -> PathBuf {
    copy(&Path::new(ROOT).join("jobs/probe"), &folder.join("probe"));
    copy(&Path::new(ROOT).join("tests/foreign-job"), &folder.join("job"));
    let together = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
        <groupId>all</groupId><artifactId>all</artifactId><version>1</version><packaging>pom</packaging>\
        <modules><module>probe</module><module>job</module></modules></project>";
    fs::write(folder.join("pom.xml"), together).expect("written");
    let maven = |offline: &[&str]| {
        let output = Command::new("mvn").args(["-B", "-q", "package"]).args(offline).current_dir(folder).output();
        let output = output.expect("Maven is installed");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    if !maven(&["-o"]).0 {
        let (done, told) = maven(&[]);
        assert!(done, "{told}");
    }
    folder.join("job/target/ticks.jar")
}

#[test]
fn a_foreign_job_compiles_with_the_probe_as_the_page_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let jar = fs::read(built(folder.path())).expect("a jar");
    for class in ["ticks/Ticks.class", "cprun/probe/Probe.class", "cprun/probe/ProbeFilter.class"] {
        assert!(memchr::memmem::find(&jar, class.as_bytes()).is_some(), "{class} is not in the jar");
    }
    let page = fs::read_to_string(format!("{ROOT}/docs/any-job.md")).expect("a page");
    let shown = [
        ("Ticks.java", ".filter(new ProbeFilter<>())"),
        (
            "Lines.java",
            ".setDeserializer(new Probed<>(KafkaRecordDeserializationSchema.valueOnly(new SimpleStringSchema())))",
        ),
    ];
    for (file, line) in shown {
        let source = fs::read_to_string(format!("{ROOT}/tests/foreign-job/src/main/java/ticks/{file}"));
        let compiled = source.expect("a source").contains(line);
        assert!(page.contains(line) && compiled, "the page shows what is compiled here: {line}");
    }
}
