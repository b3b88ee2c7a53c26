//! The job graph: which vertices read from outside, and how deep it is.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Flink;
use crate::error::Result;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Plan {
    pub nodes: Vec<PlanNode>,
}

/// One vertex of the graph; its id is that of the job's vertex.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PlanNode {
    pub id: String,
    pub parallelism: u32,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Input {
    id: String,
}

#[derive(Deserialize)]
struct Answer {
    plan: Plan,
}

impl Plan {
    /// The vertices without an input.
    pub fn sources(&self) -> impl Iterator<Item = &PlanNode> {
        self.nodes.iter().filter(|node| node.inputs.is_empty())
    }

    /// Number of vertices on the longest path from a source to a sink: the model's n.
    ///
    /// Relaxed a node's number of times, which is enough for any graph without cycles and ends for one with.
    #[must_use]
    pub fn longest_path(&self) -> usize {
        let mut depth: BTreeMap<&str, usize> = self.nodes.iter().map(|node| (node.id.as_str(), 1)).collect();
        for _ in 1..self.nodes.len() {
            for node in &self.nodes {
                let above = node.inputs.iter().filter_map(|input| depth.get(input.id.as_str())).max();
                let below = above.map_or(1, |above| above + 1);
                depth.insert(&node.id, below);
            }
        }
        depth.into_values().max().unwrap_or_default()
    }
}

impl Flink {
    pub async fn plan(&self, job: &str) -> Result<Plan> {
        let Answer { plan } = self.get(&format!("/jobs/{job}/plan")).await?;
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, inputs: &[&str]) -> PlanNode {
        let inputs = inputs.iter().map(|id| Input { id: (*id).to_owned() }).collect();
        PlanNode { id: id.to_owned(), parallelism: 1, description: String::new(), inputs }
    }

    #[test]
    fn a_diamond_with_a_detour_is_as_deep_as_the_detour() {
        let plan =
            Plan { nodes: vec![node("sink", &["a", "c"]), node("c", &["b"]), node("b", &["a"]), node("a", &[])] };
        assert_eq!(plan.longest_path(), 4);
        assert_eq!(plan.sources().map(|node| node.id.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_plan_without_nodes_has_no_depth() {
        assert_eq!(Plan { nodes: Vec::new() }.longest_path(), 0);
    }
}
