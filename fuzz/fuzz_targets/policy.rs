//! A policy, with controls in CEL: it is refused in words, or it decides about an object.
#![no_main]

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let (policy, problems) = Policy::parse(text);
    for problem in &problems {
        assert!(!problem.to_string().is_empty());
    }
    let objects = [json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "kubeflow"}, "data": {"key": "value"},
    })];
    let facts = Facts::from_objects(About::default(), &objects);
    let _ = Report::audit(&facts, &policy, None, Vec::new());
});
