//! Circles of a graph.

use std::collections::{BTreeMap, BTreeSet};

/// Nodes by name, with those that each leads to.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// The largest sets of two nodes or more that all reach each other. A crate has few files, so
/// what each of them reaches is simply collected.
pub(crate) fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reached: Graph = graph.keys().map(|name| (name.clone(), reach(graph, name))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (name, others) in &reached {
        let returns = |other: &&String| reached[*other].contains(name);
        let circle: BTreeSet<String> = others.iter().filter(returns).cloned().collect();
        if circle.len() > 1 && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

fn reach(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        for other in graph.get(name).into_iter().flatten() {
            if reached.insert(other.clone()) {
                next.push(other);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::{Graph, circles};

    #[test]
    fn mutually_reachable_nodes_are_a_circle() {
        let edges = [("a", vec!["b"]), ("b", vec!["c", "d"]), ("c", vec!["a"]), ("d", vec![])];
        let graph: Graph = edges
            .into_iter()
            .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
            .collect();
        let found: Vec<Vec<String>> =
            circles(&graph).into_iter().map(|circle| circle.into_iter().collect()).collect();
        assert_eq!(found, [["a", "b", "c"]]);
    }
}
