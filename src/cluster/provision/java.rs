//! The Java that runs Kafka, Flink and Maven: the one of `JAVA_HOME`, else the first on the `PATH`.

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::host::Host;

/// Kafka 3.9 and Flink 1.18 to 2.2 all run on 11 and later; the jobs are compiled for 11.
const OLDEST: u32 = 11;

#[derive(Clone, Debug)]
pub struct Java {
    pub program: PathBuf,
    pub major: u32,
    /// The first line of `java -version`.
    pub version: String,
    /// A compiler stands beside it, as the jobs need to be built.
    pub compiles: bool,
}

impl Java {
    pub fn find(host: &Host) -> Result<Self> {
        let program = match host.variable("JAVA_HOME") {
            Some(home) => {
                let program = PathBuf::from(home).join("bin/java");
                if !program.is_file() {
                    return Err(Error::target(format!("JAVA_HOME is {home}, but there is no bin/java in it"))
                        .hint("unset JAVA_HOME, or set it to a JDK 17"));
                }
                program
            }
            None => super::maven::on_path(host, "java").ok_or_else(|| {
                Error::target("Java is not installed: no `java` on the PATH and no JAVA_HOME").hint(install_hint())
            })?,
        };
        let output = Command::new(&program).arg("-version").output().map_err(|error| {
            Error::target(format!("cannot run {}: {error}", program.display())).hint(install_hint())
        })?;
        let text = String::from_utf8_lossy(&output.stderr);
        let version = text.lines().find(|line| line.contains("version")).unwrap_or_default().trim().to_owned();
        let major = major(&version).ok_or_else(|| {
            Error::target(format!("{} does not tell its version: {}", program.display(), text.trim()))
                .hint(install_hint())
        })?;
        if major < OLDEST {
            return Err(Error::target(format!(
                "{} is Java {major}; Kafka and Flink need {OLDEST} or later",
                program.display()
            ))
            .hint(install_hint()));
        }
        let compiles = program.canonicalize().is_ok_and(|real| real.with_file_name("javac").is_file());
        Ok(Self { program, major, version, compiles })
    }
}

fn install_hint() -> &'static str {
    "install a JDK 17: `sudo apt install openjdk-17-jdk-headless` (Debian, Ubuntu), `sudo dnf install java-17-openjdk-devel` (Fedora, RHEL)"
}

/// `openjdk version "17.0.15" 2025-04-15` is 17; `java version "1.8.0_402"` is 8.
fn major(version: &str) -> Option<u32> {
    let quoted = version.split('"').nth(1)?;
    let mut numbers = quoted.split(['.', '-', '+', '_']).map(str::parse::<u32>);
    match numbers.next()?.ok()? {
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_every_naming() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major("java version \"1.8.0_402\""), Some(8));
        assert_eq!(major("openjdk version \"25-ea\""), Some(25));
        assert_eq!(major("nonsense"), None);
    }
}
