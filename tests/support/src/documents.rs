//! The project's documents, as tests read them.

use serde_json::Value;

/// The text of a file of the project.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(crate::root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The documents of the first YAML block of a page that has one of these.
pub fn yaml_with(page: &str, kind: &str) -> Vec<Value> {
    let text = read(page);
    let mut blocks = text.split("```yaml\n").skip(1);
    let mut blocks = blocks.by_ref().map(|rest| rest.split("```").next().unwrap_or_default());
    let block = blocks.find(|block| block.contains(kind));
    let block = block.unwrap_or_else(|| panic!("{page} has no {kind}"));
    block.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect()
}
