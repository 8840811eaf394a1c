//! Expressions of a policy: answers, errors and bounds.

use serde_json::json;

use super::*;
use crate::controls::assess::assess_named;
use crate::facts::Facts;
use crate::facts::known::{Known, Unknown};
use crate::finding::Verdict;
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

fn evaluate(expression: &str, objects: Known<Option<Vec<Json>>>) -> (Verdict, String) {
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
fn false_expression_names_the_objects() {
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
        ("!has(object.spec.share) || object.spec.share < 0.6", Ok("true of 2 objects")),
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
        let (verdict, reason) = evaluate(expression, two());
        match wanted {
            Ok(evidence) => {
                assert_eq!((verdict, reason.as_str()), (Verdict::Pass, evidence), "{expression}");
            }
            Err(evidence) => {
                assert_eq!(verdict, Verdict::Fail, "{expression}: {reason}");
                assert!(reason.contains(evidence), "{reason}");
            }
        }
    }
}

#[test]
fn expression_without_result_is_not_assessed() {
    for (expression, expected) in [
        (
            "object.spec.nope == 1",
            "the expression has no result for 2 of 2, first Deployment kubeflow/one: No such key: nope",
        ),
        ("object.spec.replicas", "neither true nor false"),
        ("other.spec.replicas == 1", "other"),
        ("object.metadata.name.matches('(')", "matches"),
        ("object.spec.share == 0.5", "for 1 of 2"),
    ] {
        let (verdict, reason) = evaluate(expression, two());
        assert_eq!(verdict, Verdict::NotAssessed, "{expression}: {reason}");
        assert!(reason.contains(expected), "{expression}: {reason}");
    }
    let refused = Known::Unknown(Unknown::Forbidden("may not".into()));
    let (verdict, reason) = evaluate("true", refused);
    assert_eq!(verdict, Verdict::NotAssessed);
    assert!(reason.starts_with("apps/v1 Deployment: "), "{reason}");
    let (verdict, reason) = evaluate("true", Known::Known(None));
    assert_eq!(
        (verdict, reason.as_str()),
        (Verdict::NotApplicable, "apps/v1 Deployment is not installed")
    );
    let (verdict, _) = evaluate("true", Known::Known(Some(Vec::new())));
    assert_eq!(verdict, Verdict::NotApplicable);
}

/// An object that any tenant may make: many short keys.
fn wide(namespace: &str, name: &str, keys: usize) -> Json {
    let data: serde_json::Map<String, Json> =
        (0..keys).map(|n| (format!("k{n}"), json!(""))).collect();
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": data,
        "list": (0..keys).collect::<Vec<_>>(), "text": "a".repeat(keys * 20)})
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time it takes is what is tested")]
fn expression_ends_within_its_time_limit() {
    let hostile = wide("kubeflow", "hostile", 5_000);
    for expression in [
        "object.spec.all(k, object.spec.exists_one(j, j == k))",
        "object.list.exists(a, object.list.exists(b, a + b == -1))",
        "object.list.all(a, object.list.filter(b, b == a).size() == 1)",
        "object.list.map(a, object.list.map(b, a + b)).size() == 1",
        "object.list.map(a, a > 1, object.list.filter(b, b == a)).size() == 1",
        "object.list.all(a, object.list.all(b, object.list.all(c, a + b + c >= 0)))",
        // Errors of an inner loop are no way out of the outer one.
        "object.list.all(a, object.list.all(b, b / 0 == a) || true)",
        "object.list.exists(a, object.list.all(b, b >= 0) && false)",
        // A function over much within a loop.
        "object.list.all(a, object.list == object.list)",
        "object.spec.all(k, object.text.contains(k) || true)",
    ] {
        let started = std::time::Instant::now();
        let (verdict, reason) = evaluate(expression, Known::Known(Some(vec![hostile.clone()])));
        assert_eq!(verdict, Verdict::NotAssessed, "{expression}: {reason}");
        assert!(
            reason.contains("kubeflow/hostile: evaluating it takes more than 100 ms"),
            "{expression}: {reason}"
        );
        assert!(started.elapsed() < Duration::from_secs(5), "{expression}");
    }
    let (verdict, reason) = evaluate(
        "object.text.matches('(a*)*b')",
        Known::Known(Some(vec![wide("kubeflow", "long", 4_000)])),
    );
    assert_eq!(verdict, Verdict::NotAssessed);
    assert!(reason.contains("65536 are allowed"), "{reason}");
    // What takes no loop in a loop is answered, however large the object.
    let (verdict, reason) = evaluate(
        "object.list.filter(a, a > 5).map(a, a + 1).all(a, a > 1)",
        Known::Known(Some(vec![wide("kubeflow", "large", 1_000)])),
    );
    assert_eq!(verdict, Verdict::Pass, "{reason}");
}

#[test]
fn objects_of_one_namespace_do_not_take_the_time_of_others() {
    let expression = "object.spec.all(k, object.spec.exists_one(j, j == k))";
    let mut policy = policy(expression);
    policy.controls[0].namespaces.clear();
    let mut objects: Vec<Json> =
        (0..30).map(|n| wide("attacker", &format!("hostile-{n}"), 3_000)).collect();
    objects.push(wide("victim", "small", 3));
    objects.push(json!({"metadata": {"namespace": "victim", "name": "bad"}, "spec": ["x", "x"]}));
    let mut facts = Facts::default();
    facts.others.insert("apps/v1 Deployment".into(), Known::Known(Some(objects)));
    let assessment = assess_named("ORG-01", &Context::new(&facts, &policy, None));
    assert_eq!(assessment.verdict, Verdict::Fail, "{}", assessment.reason);
    let names: Vec<&str> = assessment.findings.iter().map(|f| f.object.name.as_str()).collect();
    assert_eq!(names, ["bad"]);
}

#[test]
fn objects_read_in_part_are_never_a_pass() {
    let object = json!({"metadata": {"namespace": "kubeflow", "name": "deep"}, UNREAD: true});
    let (verdict, reason) = evaluate("!has(object.spec)", Known::Known(Some(vec![object])));
    assert_eq!(verdict, Verdict::NotAssessed, "{reason}");
}

#[test]
fn loops_give_the_same_answers_with_a_limit_as_without() {
    let object = json!({"metadata": {"namespace": "kubeflow", "name": "one"},
        "l": [1, 2, 3], "e": [], "m": {"a": 1, "b": 2}});
    for (expression, wanted) in [
        ("object.l.all(x, x > 0)", true),
        ("object.l.all(x, x > 1)", false),
        ("object.l.exists(x, x == 3)", true),
        ("object.l.exists(x, x == 4)", false),
        ("object.l.exists_one(x, x == 2)", true),
        ("object.l.exists_one(x, x > 1)", false),
        ("object.l.map(x, x * 2) == [2, 4, 6]", true),
        ("object.l.map(x, x > 1, x * 2) == [4, 6]", true),
        ("object.l.filter(x, x != 2) == [1, 3]", true),
        ("object.e.all(x, false) && !object.e.exists(x, true)", true),
        ("object.e.map(x, x) == [] && object.e.filter(x, true) == []", true),
        ("object.m.all(k, object.m[k] > 0)", true),
        ("object.l.all(x, 6 / (2 - x) == 6)", false),
        ("object.l.exists(x, 6 / (x - 1) == 3)", true),
    ] {
        let (verdict, reason) = evaluate(expression, Known::Known(Some(vec![object.clone()])));
        let wanted = if wanted { Verdict::Pass } else { Verdict::Fail };
        assert_eq!(verdict, wanted, "{expression}: {reason}");
    }
}

#[test]
fn longest_expression_is_evaluated() {
    let long = format!("{}true", "true&&".repeat(165));
    assert_eq!(evaluate(&long, two()).0, Verdict::Pass);
    let deep = format!("{}1{} == 1", "(".repeat(80), ")".repeat(80));
    assert_eq!(evaluate(&deep, two()).0, Verdict::Pass);
    let sum = format!("{}1 > 1", "1+".repeat(490));
    assert_eq!(evaluate(&sum, two()).0, Verdict::Pass);
}
