//! Kafka and Flink as folders of jars.
//!
//! `flink-dist` is not published where Maven looks; the modules it is put together from are.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::entry::entry;
use super::maven::Maven;
use crate::error::{Error, Result};

/// A set of artifacts with their dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `kafka-3.9.1`
    pub name: String,
    /// `group:artifact:version`
    artifacts: Vec<String>,
}

const LOG4J: &str = "2.17.1";
const DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

impl Part {
    #[must_use]
    pub fn kafka(version: &str) -> Self {
        Self {
            name: format!("kafka-{version}"),
            artifacts: vec![format!("org.apache.kafka:kafka_2.13:{version}"), "org.slf4j:slf4j-simple:1.7.36".into()],
        }
    }

    #[must_use]
    pub fn flink(version: &str) -> Self {
        let modules = [
            "runtime",
            "runtime-web",
            "clients",
            "streaming-java",
            "connector-base",
            "connector-datagen",
            "statebackend-rocksdb",
        ];
        let mut artifacts: Vec<String> =
            modules.iter().map(|module| format!("org.apache.flink:flink-{module}:{version}")).collect();
        artifacts.push(format!("org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J}"));
        artifacts.push(format!("org.apache.logging.log4j:log4j-core:{LOG4J}"));
        Self { name: format!("flink-{version}"), artifacts }
    }

    /// The file system that speaks S3, all of it in one jar.
    #[must_use]
    pub fn s3(flink: &str) -> Self {
        let name = format!("flink-s3-fs-hadoop-{flink}");
        Self { name, artifacts: vec![format!("org.apache.flink:flink-s3-fs-hadoop:{flink}")] }
    }

    /// The pom whose dependencies are the part.
    fn pom(&self) -> String {
        let dependencies: String = self
            .artifacts
            .iter()
            .filter_map(|artifact| {
                let mut fields = artifact.split(':');
                let (group, id, version) = (fields.next()?, fields.next()?, fields.next()?);
                Some(format!(
                    "    <dependency><groupId>{group}</groupId><artifactId>{id}</artifactId><version>{version}</version></dependency>\n"
                ))
            })
            .collect();
        format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  <groupId>cprun</groupId>\n  \
             <artifactId>{}</artifactId>\n  <version>1</version>\n  <packaging>pom</packaging>\n  <dependencies>\n{dependencies}  </dependencies>\n</project>\n",
            self.name
        )
    }

    /// Names the entry by what is in it, so that a change of the list never meets an older folder.
    fn entry_name(&self) -> String {
        let hash = Sha256::digest(self.pom().as_bytes());
        format!("{}-{}", self.name, hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

#[must_use]
pub fn is_cached(cache: &Path, part: &Part) -> bool {
    cache.join("parts").join(part.entry_name()).is_dir()
}

/// The folder of the part's jars.
pub fn ensure(maven: &Maven<'_>, cache: &Path, part: &Part) -> Result<PathBuf> {
    let progress = &maven.host.progress;
    entry(cache, "parts", &part.entry_name(), progress, |folder| {
        fs::write(folder.join("pom.xml"), part.pom()).map_err(|error| Error::io("write a pom.xml", error))?;
        let arguments =
            [DEPENDENCY_PLUGIN.to_owned(), "-DoutputDirectory=lib".to_owned(), "-DincludeScope=runtime".to_owned()];
        maven.run(&part.name, folder, &arguments, |elapsed| {
            let (jars, bytes) = jars(&folder.join("lib"));
            let detail = format!("{jars} jars, {:.0} MB, {:.0} s", bytes as f64 / 1e6, elapsed.as_secs_f64());
            progress.status(&format!("getting {} through Maven", part.name), &detail);
        })?;
        let (count, bytes) = jars(&folder.join("lib"));
        if count == 0 {
            return Err(Error::target(format!("Maven reported success for {}, but there is no jar", part.name)));
        }
        progress.line(&format!("{}: {count} jars, {:.0} MB", part.name, bytes as f64 / 1e6));
        Ok(())
    })
    .map(|folder| folder.join("lib"))
}

fn jars(folder: &Path) -> (usize, u64) {
    let Ok(entries) = fs::read_dir(folder) else { return (0, 0) };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .fold((0, 0), |(count, bytes), data| (count + 1, bytes + data.len()))
}
