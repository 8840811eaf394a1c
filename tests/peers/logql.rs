//! Alert rules on logs, parsed by Grafana's own grammar of LogQL. Loki's parser is under the AGPL,
//! and cos-tool, which contains it, is in no registry.

use std::process::Command;

use juju_sim::{Event, Relation};
use serde_json::Value;

use crate::libraries::unit;

/// Prints which of the expressions are LogQL.
const SCRIPT: &str = "
const {parser} = require('@grafana/lezer-logql');
const parses = expression => {
    let good = true;
    parser.parse(expression).iterate({enter(node) { good = good && !node.type.isError }});
    return good;
};
console.log(JSON.stringify(process.argv.slice(2).map(parses)));
";

/// Which expressions the grammar accepts.
fn parse(expressions: &[&str]) -> Vec<bool> {
    let folder = test_programs::npm::packages("logql", &["@grafana/lezer-logql@0.4.2"]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("parse.cjs");
    std::fs::write(&script, SCRIPT).unwrap();
    let output = Command::new("node")
        .arg(script)
        .args(expressions)
        .env("NODE_PATH", folder.join("node_modules"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn rule_on_logs_is_logql() {
    let mut unit = unit();
    unit.set_option("offline", true);
    let relation = Relation::new(13, "logging", "loki", 1);
    unit.change(|model| model.relations.push(relation.clone()));
    let outcome = unit.run(&Event::relation(&relation, "created", None));
    assert!(outcome.committed(), "{outcome:?}");
    let model = unit.model();
    let rules = &model.relation(13).unwrap().application_data["alert_rules"];
    let rules: Value = serde_json::from_str(rules).unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules: Vec<Value> =
        groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
    let expressions: Vec<&str> = rules.iter().map(|rule| rule["expr"].as_str().unwrap()).collect();
    assert_eq!(expressions.len(), 2);
    assert_eq!(parse(&expressions), [true, true], "{expressions:?}");
    // Without a matcher that is there, cos-tool can add none.
    let others =
        ["{}", "up{a=\"b\"}", "count_over_time({a=\"b\"} | json [10m]", "{a=\"b\"} |= \"x\""];
    assert_eq!(parse(&others), [false, false, false, true]);
}
