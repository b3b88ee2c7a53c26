//! Under which conditions a run was made, as far as its manifest tells.
//!
//! No figure follows from it; a reader of the figures needs it. A manifest of an older or newer cprun, or one that
//! was edited before it was published, may lack any of it: what is not there is empty, never a guess.

use serde_json::Value as Json;

/// What a report says about where its figures come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    pub simulated: bool,
    pub cprun: String,
    pub script: String,
    pub script_sha256: String,
    pub command_line: Vec<String>,
    pub target: String,
    pub started: String,
    /// Empty where the run was killed.
    pub ended: String,
    pub parameters: Vec<Parameter>,
    /// What each data set holds, and what of it was dropped.
    pub datasets: Vec<String>,
    /// Name and version.
    pub versions: Vec<(String, String)>,
    /// Key and value, as Flink told them.
    pub settings: Vec<(String, String)>,
    pub machines: Vec<Machine>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameter {
    pub name: String,
    pub value: String,
    pub default: String,
    /// `default`, `profile` or `given`.
    pub origin: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    pub name: String,
    pub os: String,
    pub kernel: String,
    pub cpu: String,
    pub cpus: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub disk_kind: String,
    pub link_mbit_per_s: Option<u64>,
}

/// The settings of Flink that decide how long a recovery takes and what a checkpoint costs.
const SETTINGS: [&str; 14] = [
    "restart-strategy.type",
    "restart-strategy.fixed-delay.delay",
    "heartbeat.interval",
    "heartbeat.timeout",
    "heartbeat.rpc-failure-threshold",
    "execution.checkpointing.mode",
    "execution.checkpointing.min-pause",
    "execution.checkpointing.timeout",
    "state.backend.type",
    "state.backend.incremental",
    "taskmanager.numberOfTaskSlots",
    "taskmanager.memory.process.size",
    "cluster.evenly-spread-out-slots",
    "pipeline.auto-watermark-interval",
];

impl Provenance {
    #[must_use]
    pub fn of(manifest: &Json) -> Self {
        let list = |name: &str| manifest[name].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            simulated: manifest["simulated"].as_bool().unwrap_or(false),
            cprun: text(&manifest["cprun"]),
            script: text(&manifest["script"]["name"]),
            script_sha256: text(&manifest["script"]["sha256"]),
            command_line: list("command_line").iter().map(text).collect(),
            target: text(&manifest["target"]),
            started: text(&manifest["started"]),
            ended: text(&manifest["ended"]),
            parameters: list("parameters").iter().map(parameter).collect(),
            datasets: list("datasets").iter().map(|dataset| text(dataset.get("text").unwrap_or(dataset))).collect(),
            versions: pairs(&manifest["versions"]),
            settings: settings(&manifest["configuration"]),
            machines: list("hosts").iter().map(machine).collect(),
        }
    }
}

/// Strings bare, everything else as JSON; what is null or absent is empty.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn pairs(map: &Json) -> Vec<(String, String)> {
    map.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

fn parameter(value: &Json) -> Parameter {
    Parameter {
        name: text(&value["name"]),
        value: text(&value["value"]),
        default: text(&value["default"]),
        origin: text(&value["origin"]),
    }
}

fn machine(value: &Json) -> Machine {
    Machine {
        name: text(&value["name"]),
        os: text(&value["os"]),
        kernel: text(&value["kernel"]),
        cpu: text(&value["cpu"]),
        cpus: value["cpus"].as_u64(),
        memory_bytes: value["memory_bytes"].as_u64(),
        disk_kind: text(&value["disk_kind"]),
        link_mbit_per_s: value["link_mbit_per_s"].as_u64(),
    }
}

/// Of the cluster those of `SETTINGS`, then those of each trial's job.
fn settings(configuration: &Json) -> Vec<(String, String)> {
    let flink = &configuration["flink"];
    let known = SETTINGS.iter().filter(|key| !flink[**key].is_null());
    let mut settings: Vec<(String, String)> = known.map(|&key| (key.to_owned(), text(&flink[key]))).collect();
    for (name, entries) in configuration.as_object().into_iter().flatten().filter(|(name, _)| *name != "flink") {
        let entries: Vec<String> = pairs(entries).into_iter().map(|(key, value)| format!("{key} {value}")).collect();
        settings.push((name.clone(), entries.join(", ")));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_and_one_that_lacks_everything_is_empty() {
        let manifest = serde_json::json!({
            "simulated": true, "cprun": "0.1.0", "script": { "name": "x.rhai", "sha256": "ab" },
            "command_line": ["cprun", "x.rhai"], "started": "2026-11-21T15:00:42Z", "ended": null,
            "parameters": [{ "name": "speed", "value": 7200.0, "default": 1.0, "origin": "given" }],
            "hosts": [{ "name": "local", "cpus": 2, "memory_bytes": 4096 }],
            "configuration": {
                "flink": { "heartbeat.timeout": "5000", "rest.port": "1" },
                "checkpointing interval=1s#1": { "interval_ms": 1000.0 },
            },
        });
        let provenance = Provenance::of(&manifest);
        assert!(provenance.simulated);
        assert_eq!((provenance.script.as_str(), provenance.ended.as_str()), ("x.rhai", ""));
        assert_eq!(provenance.parameters[0].value, "7200.0");
        assert_eq!(provenance.machines[0].cpus, Some(2));
        let settings: Vec<String> = provenance.settings.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        assert_eq!(settings, ["heartbeat.timeout: 5000", "checkpointing interval=1s#1: interval_ms 1000.0"]);
        for odd in [serde_json::json!({}), serde_json::json!([1]), serde_json::json!({ "hosts": 1, "script": [] })] {
            assert_eq!(Provenance::of(&odd), Provenance::default());
        }
    }
}
