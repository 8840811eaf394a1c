//! Judges the controls that a policy adds.

use std::sync::Arc;

use cel::extractors::This;
use cel::{Context as Scope, ExecutionError, Value};
use serde_json::Value as Json;

use super::context::{Context, Missing};
use super::{Finding, Outcome, count, finding, outcome};
use crate::facts::object::ObjectRef;
use crate::policy::custom::CustomControl;

/// Holds what the deepest expression needs, whatever thread asks.
const STACK: usize = 32 << 20;
/// Characters of an expression that a finding shows.
const SHOWN: usize = 160;

/// Judges one.
pub(super) fn check(context: &Context<'_>, custom: &CustomControl) -> Result<Outcome, Missing> {
    let Some(objects) = context.others(&custom.kind)? else {
        return Ok(Outcome::NotApplicable(format!(
            "{} is not installed",
            custom.kind
        )));
    };
    let is_looked_at = |object: &&Json| {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        custom.namespaces.is_empty() || custom.namespaces.iter().any(|n| n == namespace)
    };
    let objects: Vec<&Json> = objects.iter().filter(is_looked_at).collect();
    if objects.is_empty() {
        return Ok(Outcome::NotApplicable(format!(
            "there is no {}",
            custom.kind.kind
        )));
    }
    let judged = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || judge(custom, &objects))
            .map(std::thread::ScopedJoinHandle::join)
    });
    let Ok(Ok((findings, unclear))) = judged else {
        return Ok(Outcome::NotAssessed(
            "the expression could not be evaluated".into(),
        ));
    };
    if let (true, Some((object, why))) = (findings.is_empty(), unclear.first()) {
        return Ok(Outcome::NotAssessed(format!(
            "of {} of {} the expression gives no answer, first of {object}: {why}",
            unclear.len(),
            objects.len(),
        )));
    }
    let evidence = format!("true of {}", count(objects.len(), "object"));
    Ok(outcome(findings, evidence))
}

type Unclear = Vec<(ObjectRef, String)>;

fn judge(custom: &CustomControl, objects: &[&Json]) -> (Vec<Finding>, Unclear) {
    let mut findings = Vec::new();
    let mut unclear = Vec::new();
    let mut functions = Scope::default();
    // The name is new in a scope that is.
    let _ = functions.add_function("matches", matches);
    for object in objects {
        let mut scope = functions.new_inner_scope();
        scope.add_variable_from_value("object", value(object));
        match scope.resolve(custom.rule.expression()) {
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) => {
                let text = custom.rule.to_string();
                let shown = match text.char_indices().nth(SHOWN) {
                    Some((end, _)) => format!("{} ...", &text[..end]),
                    None => text,
                };
                findings.push(finding(reference(custom, object), &shown, "false", "true"));
            }
            Ok(_) => unclear.push((
                reference(custom, object),
                "it is neither true nor false".to_owned(),
            )),
            Err(error) => unclear.push((reference(custom, object), error.to_string())),
        }
    }
    (findings, unclear)
}

fn reference(custom: &CustomControl, object: &Json) -> ObjectRef {
    let text = |name: &str| {
        let text = object["metadata"][name].as_str();
        text.unwrap_or_default().to_owned()
    };
    ObjectRef {
        api_version: custom.kind.api_version.clone(),
        kind: custom.kind.kind.clone(),
        namespace: text("namespace"),
        name: text("name"),
    }
}

/// An object as CEL has it; whole numbers are `int`, as in Kubernetes' own expressions.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(is) => Value::Bool(*is),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(list) => Value::List(Arc::new(list.iter().map(value).collect())),
        Json::Object(map) => {
            let map = map.iter().map(|(name, json)| (name.clone(), value(json)));
            Value::Map(map.collect::<std::collections::HashMap<_, _>>().into())
        }
    }
}

/// CEL's `matches`, without the tables of Unicode.
fn matches(This(text): This<Arc<String>>, pattern: Arc<String>) -> Result<bool, ExecutionError> {
    let regex = regex_lite::Regex::new(&pattern);
    let regex = regex.map_err(|error| ExecutionError::function_error("matches", error))?;
    Ok(regex.is_match(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::controls::{Verdict, assess_named};
    use crate::facts::Facts;
    use crate::facts::known::{Known, Unknown};
    use crate::policy::Policy;

    fn policy(expression: &str) -> Policy {
        let control = json!({"id": "ORG-01", "title": "t", "severity": "low", "why": "w", "fix": "f",
            "apiVersion": "apps/v1", "kind": "Deployment", "namespaces": ["kubeflow"],
            "expression": expression});
        // JSON is YAML.
        let (policy, problems) = Policy::parse(&json!({"controls": [control]}).to_string());
        assert!(problems.is_empty(), "{expression}: {problems:?}");
        policy
    }

    fn judged(expression: &str, objects: Known<Option<Vec<Json>>>) -> (Verdict, String) {
        let mut facts = Facts::default();
        facts.others.insert("apps/v1 Deployment".into(), objects);
        let policy = policy(expression);
        let assessment = assess_named("ORG-01", &Context::new(&facts, &policy, None));
        (assessment.verdict, assessment.reason)
    }

    fn two() -> Known<Option<Vec<Json>>> {
        let deployment = |namespace: &str, name: &str, spec: Json| {
            json!({"metadata": {"namespace": namespace, "name": name,
                "labels": {"a.b/c": "1"}}, "spec": spec})
        };
        let container = |image: &str| json!({"name": "c", "image": image});
        Known::Known(Some(vec![
            deployment(
                "kubeflow",
                "one",
                json!({"replicas": 1, "paused": null, "containers": [container("x:1"), container("y:latest")]}),
            ),
            deployment(
                "kubeflow",
                "two",
                json!({"replicas": 2, "share": 0.5, "containers": [container("z:2")]}),
            ),
            deployment("elsewhere", "three", json!({"replicas": 0})),
        ]))
    }

    #[test]
    fn an_expression_is_true_of_all_or_names_those_of_which_it_is_not() {
        for (expression, wanted) in [
            ("object.spec.replicas >= 1", Ok("true of 2 objects")),
            (
                "object.spec.replicas + 1 > 2",
                Err("Deployment kubeflow/one: object.spec.replicas + 1 > 2 is false"),
            ),
            (
                "object.spec.containers.all(c, !c.image.endsWith(':latest'))",
                Err("Deployment kubeflow/one"),
            ),
            (
                "object.metadata.labels['a.b/c'] == '1' && object.metadata.name.matches('^(one|two)$')",
                Ok("true of 2 objects"),
            ),
            (
                "!has(object.spec.share) || object.spec.share < 0.6",
                Ok("true of 2 objects"),
            ),
            (
                // One has two containers and one replica, the other the reverse.
                "object.spec.containers.filter(c, c.name == 'c').size() + object.spec.replicas == 3",
                Ok("true of 2 objects"),
            ),
            (
                "object.metadata.name.contains('o') && double(object.spec.replicas) < 2.5",
                Ok("true of 2 objects"),
            ),
            (
                "object.metadata.name == 'one' ? object.spec.paused == null : true",
                Ok("true of 2 objects"),
            ),
        ] {
            let (verdict, reason) = judged(expression, two());
            match wanted {
                Ok(evidence) => {
                    assert_eq!(
                        (verdict, reason.as_str()),
                        (Verdict::Pass, evidence),
                        "{expression}"
                    );
                }
                Err(evidence) => {
                    assert_eq!(verdict, Verdict::Fail, "{expression}: {reason}");
                    assert!(reason.contains(evidence), "{reason}");
                }
            }
        }
    }

    #[test]
    fn what_gives_no_answer_is_never_a_pass() {
        for (expression, told) in [
            (
                "object.spec.nope == 1",
                "of 2 of 2 the expression gives no answer, first of Deployment kubeflow/one: No such key: nope",
            ),
            ("object.spec.replicas", "neither true nor false"),
            ("other.spec.replicas == 1", "other"),
            ("object.metadata.name.matches('(')", "matches"),
            ("object.spec.share == 0.5", "of 1 of 2"),
        ] {
            let (verdict, reason) = judged(expression, two());
            assert_eq!(verdict, Verdict::NotAssessed, "{expression}: {reason}");
            assert!(reason.contains(told), "{expression}: {reason}");
        }
        let refused = Known::Unknown(Unknown::Forbidden("may not".into()));
        let (verdict, reason) = judged("true", refused);
        assert_eq!(verdict, Verdict::NotAssessed);
        assert!(reason.starts_with("apps/v1 Deployment: "), "{reason}");
        let (verdict, reason) = judged("true", Known::Known(None));
        assert_eq!(
            (verdict, reason.as_str()),
            (
                Verdict::NotApplicable,
                "apps/v1 Deployment is not installed"
            )
        );
        let (verdict, _) = judged("true", Known::Known(Some(Vec::new())));
        assert_eq!(verdict, Verdict::NotApplicable);
    }

    #[test]
    fn the_longest_expression_there_may_be_is_no_danger() {
        let long = format!("{}true", "true&&".repeat(165));
        assert_eq!(judged(&long, two()).0, Verdict::Pass);
        let deep = format!("{}1{} == 1", "(".repeat(80), ")".repeat(80));
        assert_eq!(judged(&deep, two()).0, Verdict::Pass);
        let sum = format!("{}1 > 1", "1+".repeat(490));
        assert_eq!(judged(&sum, two()).0, Verdict::Pass);
    }
}
