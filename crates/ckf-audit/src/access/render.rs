//! Answers as CSV and as graphs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Answer, Can};
use crate::report::csv::record;

impl Can {
    /// The answer in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "not known",
        }
    }
}

/// One line each: who, can, what, to, chain, change.
pub fn csv(answers: &[Answer]) -> String {
    let mut out = "who,can,what,to,chain,change\r\n".to_owned();
    for of in answers {
        out.push_str(&record([
            of.who.clone(),
            of.can.word().to_owned(),
            of.what.clone(),
            of.to.clone(),
            of.chain.join("; "),
            of.change.join("; "),
        ]));
    }
    out
}

/// Ends of the ways that exist or may, numbered, and the ways between them.
fn graph(answers: &[Answer]) -> (Vec<&str>, Vec<(usize, usize, &Answer)>) {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    for answer in answers.iter().filter(|answer| answer.can != Can::No) {
        let mut ends = [0; 2];
        for (end, text) in ends.iter_mut().zip([answer.who.as_str(), answer.to.as_str()]) {
            *end = *known.entry(text).or_insert_with(|| {
                nodes.push(text);
                nodes.len() - 1
            });
        }
        edges.push((ends[0], ends[1], answer));
    }
    (nodes, edges)
}

fn quoted(text: &str) -> String {
    let plain = |sign: char| match sign {
        '"' => "'".to_owned(),
        '\\' => "/".to_owned(),
        sign if sign.is_control() => " ".to_owned(),
        sign => sign.to_string(),
    };
    format!("\"{}\"", text.chars().map(plain).collect::<String>())
}

/// As a graph for Graphviz.
pub fn dot(answers: &[Answer]) -> String {
    let (nodes, edges) = graph(answers);
    let mut out = "digraph access {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for (index, node) in nodes.iter().enumerate() {
        let _ = writeln!(out, "  n{index} [label={}];", quoted(node));
    }
    for (from, to, answer) in edges {
        let style = if answer.can == Can::Unknown { ", style=dashed" } else { "" };
        let (label, tip) = (quoted(&answer.what), quoted(&answer.change.join(", ")));
        let _ = writeln!(out, "  n{from} -> n{to} [label={label}, tooltip={tip}{style}];");
    }
    out.push_str("}\n");
    out
}

/// As a graph for Mermaid.
pub fn mermaid(answers: &[Answer]) -> String {
    let (nodes, edges) = graph(answers);
    let escaped = |text: &str| quoted(text).replace(['<', '>', '&', '#', ';'], " ");
    let mut out = "flowchart LR\n".to_owned();
    for (index, node) in nodes.iter().enumerate() {
        let _ = writeln!(out, "  n{index}[{}]", escaped(node));
    }
    for (from, to, answer) in edges {
        let arrow = if answer.can == Can::Unknown { "-.->" } else { "-->" };
        let _ = writeln!(out, "  n{from} {arrow}|{}| n{to}", escaped(&answer.what));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_break_no_format() {
        let hostile = Answer {
            who: "=cmd|'/c x'!\"a\"\n]; n9 -> n1".into(),
            what: "reach".into(),
            to: "profile x\"><script>".into(),
            can: Can::Yes,
            ..Answer::default()
        };
        let all = [hostile];
        assert!(csv(&all).contains("\"'=cmd"));
        assert_eq!(dot(&all).lines().count(), 7, "{}", dot(&all));
        let mermaid = mermaid(&all);
        assert!(!mermaid.contains("<script>") && mermaid.lines().count() == 4, "{mermaid}");
    }
}
