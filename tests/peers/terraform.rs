//! The Terraform modules of both generations of Juju's provider, and the example, by a parser of
//! their language.

use std::collections::BTreeSet;

use ckf_test_support::root;
use serde_json::{Map, Value};

use crate::formats::python;

const EXAMPLE: &str = "terraform/examples/charmed-kubeflow";

/// The blocks of a folder's files, by kind.
fn blocks(folder: &str) -> Map<String, Value> {
    let script = "
import json, pathlib, sys, hcl2
parsed = {}
for file in sorted(pathlib.Path(sys.argv[1]).glob('*.tf')):
    for kind, blocks in hcl2.loads(file.read_text()).items():
        parsed.setdefault(kind, []).extend(blocks if isinstance(blocks, list) else [blocks])
print(json.dumps(parsed).replace('\\\\\"', ''))
";
    let parsed = python(&["python-hcl2==7.3.1"], "hcl", script, &[&root().join(folder)]);
    serde_json::from_str(&parsed).unwrap_or_else(|e| panic!("{folder}: {e}: {parsed}"))
}

fn names(blocks: &Map<String, Value>, kind: &str) -> BTreeSet<String> {
    let all = blocks[kind].as_array().unwrap().iter();
    all.map(|block| block.as_object().unwrap().keys().next().unwrap().clone()).collect()
}

/// The body of a block, by its kind and the names after it.
fn body<'a>(blocks: &'a Map<String, Value>, kind: &str, labels: &[&str]) -> &'a Value {
    let mut all = blocks[kind].as_array().unwrap().iter();
    let found =
        all.find_map(|block| labels.iter().try_fold(block, |inner, label| inner.get(*label)));
    found.unwrap_or_else(|| panic!("no {kind} {labels:?}"))
}

#[test]
fn modules_of_both_providers_differ_in_how_they_name_the_model_only() {
    let (newer, older) = (blocks("terraform"), blocks("terraform/provider-0"));
    let mut variables = names(&newer, "variable");
    assert!(variables.remove("model_uuid"));
    variables.insert("model".into());
    assert_eq!(names(&older, "variable"), variables);
    for output in ["app_name", "provides", "requires"] {
        assert_eq!(
            body(&newer, "output", &[output]),
            body(&older, "output", &[output]),
            "{output}"
        );
    }
    let application = |blocks: &Map<String, Value>| {
        body(blocks, "resource", &["juju_application", "ckf_hardening"]).clone()
    };
    let (mut newer, mut older) = (application(&newer), application(&older));
    let model = newer.as_object_mut().unwrap().remove("model_uuid").unwrap();
    assert!(model.as_str().unwrap().contains("var.model_uuid"));
    let model = older.as_object_mut().unwrap().remove("model").unwrap();
    assert!(model.as_str().unwrap().contains("var.model"), "{model}");
    assert_eq!(newer, older);
}

#[test]
fn example_uses_what_the_module_and_the_charm_have() {
    let example = blocks(EXAMPLE);
    let module = blocks("terraform/provider-0");
    let used = body(&example, "module", &["ckf_hardening"]).as_object().unwrap();
    let folder = root().join(EXAMPLE).join(used["source"].as_str().unwrap());
    assert_eq!(folder.canonicalize().unwrap(), root().join("terraform/provider-0"));
    let of_language = ["source", "depends_on"];
    let arguments = used.keys().filter(|name| !of_language.contains(&name.as_str()));
    for argument in arguments.filter(|name| !name.starts_with("__")) {
        assert!(names(&module, "variable").contains(argument), "no variable {argument}");
    }
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let config: Value = serde_yaml::from_str(include_str!("../../config.yaml")).unwrap();
    assert!(keys(&used["config"]).is_subset(&keys(&config["options"])));
    let metadata: Value = serde_yaml::from_str(include_str!("../../metadata.yaml")).unwrap();
    assert!(keys(&used["resources"]).is_subset(&keys(&metadata["resources"])));
    // One root module has one provider: the example's and its module's allow the same versions.
    let version = |blocks: &Map<String, Value>| blocks["terraform"].to_string();
    assert_eq!(version(&example), version(&module));
    let integration =
        body(&example, "resource", &["juju_integration", "gateway_certificates"]).to_string();
    assert!(integration.contains("module.ckf_hardening.provides.gateway_certificates"));
    assert!(body(&module, "output", &["provides"]).to_string().contains("gateway_certificates"));
}
