//! Names of topics: `NAME-RUNID-tORDER`, so that runs on one broker do not meet and leftovers tell their run.

/// Kafka's own limit.
const LONGEST: usize = 249;

/// The name of a topic of one trial: what Kafka does not allow becomes `_`, and a long `name` is cut so that
/// run and trial stay readable.
#[must_use]
pub fn topic_name(name: &str, run_id: &str, order: u32) -> String {
    let legal = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
    };
    let suffix = format!("-{}-t{order}", legal(run_id));
    let mut topic = legal(name);
    topic.truncate(LONGEST.saturating_sub(suffix.len()));
    topic + &suffix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_named_after_its_run_and_trial() {
        assert_eq!(topic_name("nyc-taxi-raw", "0123abcd", 3), "nyc-taxi-raw-0123abcd-t3");
        assert_eq!(topic_name("a b/ü", "0123abcd", 3), "a_b__-0123abcd-t3");
        let long = topic_name(&"é".repeat(300), "0123abcd", 17);
        assert_eq!(long.len(), 249);
        assert!(long.ends_with("_-0123abcd-t17"));
    }
}
