//! One Kafka broker in KRaft mode: its configuration and its two commands.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// What the broker is told; `port` serves clients, `controller` only itself.
#[must_use]
pub fn configuration(data: &Path, port: u16, controller: u16) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("process.roles", "broker,controller".into()),
        ("node.id", "1".into()),
        ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
        ("listeners", format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}")),
        ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{port}")),
        ("controller.listener.names", "CONTROLLER".into()),
        ("log.dirs", data.join("log").display().to_string()),
        ("auto.create.topics.enable", "false".into()),
        // One broker can hold one replica of each.
        ("offsets.topic.replication.factor", "1".into()),
        ("offsets.topic.num.partitions", "4".into()),
        ("transaction.state.log.replication.factor", "1".into()),
        ("transaction.state.log.min.isr", "1".into()),
        ("transaction.state.log.num.partitions", "4".into()),
        ("group.initial.rebalance.delay.ms", "0".into()),
        // Nothing of a run expires; topics are deleted when their trial ends, and then at once.
        ("log.retention.hours", "-1".into()),
        ("log.segment.delete.delay.ms", "0".into()),
    ])
}

pub fn write_configuration(folder: &Path, configuration: &BTreeMap<&'static str, String>) -> Result<()> {
    let text: String = configuration.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    let path = folder.join("server.properties");
    fs::write(&path, text).map_err(|error| Error::io(format!("write {}", path.display()), error))
}

#[must_use]
pub fn format_arguments(lib: &Path, folder: &Path, run: &str) -> Vec<String> {
    let mut arguments = jvm(lib, folder, 256 << 20);
    arguments.extend(["kafka.tools.StorageTool", "format", "-t"].map(str::to_owned));
    arguments.push(cluster_id(run));
    arguments.push("-c".into());
    arguments.push(folder.join("server.properties").display().to_string());
    arguments
}

#[must_use]
pub fn server_arguments(lib: &Path, folder: &Path, heap: u64) -> Vec<String> {
    let mut arguments = jvm(lib, folder, heap);
    arguments.extend(["kafka.Kafka".to_owned(), folder.join("server.properties").display().to_string()]);
    arguments
}

fn jvm(lib: &Path, folder: &Path, heap: u64) -> Vec<String> {
    vec![
        format!("-Xmx{heap}"),
        "-XX:-UsePerfData".into(),
        format!("-Djava.io.tmpdir={}", folder.display()),
        "-Dorg.slf4j.simpleLogger.showDateTime=true".into(),
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS".into(),
        "-cp".into(),
        format!("{}/*", lib.display()),
    ]
}

/// 16 bytes in URL-safe base64 without padding, as Kafka wants its cluster id. The first sign is never a dash, which its
/// tools would take for an option.
fn cluster_id(run: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut hash = Sha256::digest(run.as_bytes());
    hash[0] &= 0x7f;
    let sextets = hash[..16].chunks(3).flat_map(|bytes| {
        let bits = bytes.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - bytes.len()));
        (0..=bytes.len()).map(move |place| (bits >> (18 - 6 * place) & 63) as usize)
    });
    sextets.map(|sextet| char::from(ALPHABET[sextet])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cluster_id_is_sixteen_bytes_in_base64() {
        let id = super::cluster_id("0a1b2c3d");
        assert_eq!(id.len(), 22);
        assert_eq!(id, super::cluster_id("0a1b2c3d"));
        assert_ne!(id, super::cluster_id("0a1b2c3e"));
        assert!(
            (0..1000).all(|run| super::cluster_id(&run.to_string()).starts_with(|sign: char| sign.is_alphabetic()))
        );
    }
}
