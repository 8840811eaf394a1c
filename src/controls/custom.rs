//! Judges the controls that a policy adds. Their expressions are the operator's and the objects
//! may be a tenant's, so an evaluation ends in a bounded time, whatever either is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cel::extractors::This;
use cel::{Context as Scope, ExecutionError, Value};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value as Json;

use super::context::{Context, Missing};
use super::{Finding, Outcome, count, finding, outcome};
use crate::facts::object::ObjectRef;
use crate::facts::others::UNREAD;
use crate::policy::custom::{CustomControl, TURN};

/// Holds what the deepest expression needs, whatever thread asks.
pub(crate) const STACK: usize = 32 << 20;
/// Characters of an expression that a finding shows.
const SHOWN: usize = 160;
/// Longest computing for one object, for the objects of a namespace, and for a control.
const PER_OBJECT: Duration = Duration::from_millis(100);
const PER_NAMESPACE: Duration = Duration::from_millis(250);
const PER_CONTROL: Duration = Duration::from_secs(2);
/// Turns of loops between two looks at the clock.
const TURNS: u32 = 8;
/// Longest text that `matches` is asked about, and largest automaton of its pattern, in bytes:
/// together they bound the time of one call.
const LONGEST_MATCHED: usize = 64 << 10;
const LARGEST_PATTERN: usize = 128 << 10;

/// Outcomes of the controls of a policy that were found elsewhere, by id.
pub type Outcomes = BTreeMap<String, (CustomControl, Outcome)>;

/// Judges one.
pub(super) fn check(context: &Context<'_>, custom: &CustomControl) -> Result<Outcome, Missing> {
    if let Some(outcomes) = context.custom_outcomes() {
        return match outcomes.get(&custom.control.id) {
            Some((of, outcome)) if of == custom => Ok(outcome.clone()),
            _ => Err(Missing("it was not evaluated yet".into())),
        };
    }
    let Some(objects) = context.others(&custom.kind)? else {
        return Ok(not_installed(custom));
    };
    let most = context.custom_time();
    let judged = std::thread::scope(|scope| {
        let evaluate = || {
            let mut evaluation = Evaluation::new(custom, most);
            objects.iter().for_each(|object| evaluation.take(object));
            (evaluation.spent, evaluation.finish())
        };
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, evaluate)
            .map(std::thread::ScopedJoinHandle::join)
    });
    match judged {
        Ok(Ok((spent, outcome))) => {
            context.spend_custom_time(spent);
            Ok(outcome)
        }
        _ => Ok(Outcome::NotAssessed("the expression could not be evaluated".into())),
    }
}

/// The outcome where the cluster does not serve the kind.
pub(crate) fn not_installed(custom: &CustomControl) -> Outcome {
    Outcome::NotApplicable(format!("{} is not installed", custom.kind))
}

/// Evaluates a control over objects, one after the other, all on the same thread.
pub(crate) struct Evaluation<'a> {
    custom: &'a CustomControl,
    functions: Scope<'static, 'static>,
    meter: Arc<Meter>,
    seen: usize,
    findings: Vec<Finding>,
    /// Objects of which the expression gives no answer, and the first with the reason.
    unclear: usize,
    first_unclear: Option<(ObjectRef, String)>,
    most: Duration,
    spent: Duration,
    spent_on: BTreeMap<String, Duration>,
}

impl<'a> Evaluation<'a> {
    /// Takes no more computing than `most`.
    pub(crate) fn new(custom: &'a CustomControl, most: Duration) -> Self {
        let meter = Arc::new(Meter::default());
        let mut functions = Scope::default();
        let turns = Arc::clone(&meter);
        // The names are new in a scope that is.
        let _ = functions.add_function("matches", matches);
        let _ = functions.add_function(TURN, move || turns.turn());
        Self {
            custom,
            functions,
            meter,
            seen: 0,
            findings: Vec::new(),
            unclear: 0,
            first_unclear: None,
            most: most.min(PER_CONTROL),
            spent: Duration::ZERO,
            spent_on: BTreeMap::new(),
        }
    }

    /// What it computed so far.
    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    /// Evaluates it for an object, if the control looks at it.
    pub(crate) fn take(&mut self, object: &Json) {
        let custom = self.custom;
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        if !custom.namespaces.is_empty() && !custom.namespaces.iter().any(|n| n == namespace) {
            return;
        }
        self.seen += 1;
        if object.get(UNREAD).is_some() {
            return self.note(object, "it nests deeper than is read".to_owned());
        }
        let spent_on = self.spent_on.get(namespace).copied().unwrap_or_default();
        let left_of_namespace = PER_NAMESPACE.saturating_sub(spent_on);
        let left = self.most.saturating_sub(self.spent);
        let allowed = PER_OBJECT.min(left_of_namespace).min(left);
        if allowed.is_zero() {
            let of = match left.is_zero() {
                true => "the objects of this control",
                false => "the objects of this namespace",
            };
            return self.note(object, format!("evaluating {of} takes too long"));
        }
        let before = computed();
        self.meter.start(before + allowed);
        let answer = evaluate(&self.functions, custom, object);
        let is_over = self.meter.is_over();
        let took = computed().saturating_sub(before);
        self.spent += took;
        *self.spent_on.entry(namespace.to_owned()).or_default() += took;
        match answer {
            _ if is_over => {
                let most = allowed.as_millis();
                self.note(object, format!("evaluating it takes more than {most} ms"));
            }
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) => {
                let text = custom.rule.to_string();
                let shown = match text.char_indices().nth(SHOWN) {
                    Some((end, _)) => format!("{} ...", &text[..end]),
                    None => text,
                };
                self.findings.push(finding(reference(custom, object), &shown, "false", "true"));
            }
            Ok(_) => self.note(object, "it is neither true nor false".to_owned()),
            Err(error) => self.note(object, error.to_string()),
        }
    }

    fn note(&mut self, object: &Json, why: String) {
        self.unclear += 1;
        let custom = self.custom;
        self.first_unclear.get_or_insert_with(|| (reference(custom, object), why));
    }

    /// What came of it.
    pub(crate) fn finish(self) -> Outcome {
        if self.seen == 0 {
            return Outcome::NotApplicable(format!("there is no {}", self.custom.kind.kind));
        }
        if let (true, Some((object, why))) = (self.findings.is_empty(), self.first_unclear) {
            return Outcome::NotAssessed(format!(
                "of {} of {} the expression gives no answer, first of {object}: {why}",
                self.unclear, self.seen,
            ));
        }
        let evidence = format!("true of {}", count(self.seen, "object"));
        outcome(self.findings, evidence)
    }
}

fn evaluate(
    functions: &Scope<'static, 'static>,
    custom: &CustomControl,
    object: &Json,
) -> Result<Value, ExecutionError> {
    let mut scope = functions.new_inner_scope();
    scope.add_variable_from_value("object", value(object));
    scope.resolve(custom.rule.expression())
}

/// The time that this thread has computed: other than a clock's, it does not depend on what
/// else the machine does.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Ends an evaluation when its time is over.
#[derive(Default)]
struct Meter {
    /// In nanoseconds that the thread has computed.
    until: AtomicU64,
    turns: AtomicU32,
    is_over: AtomicBool,
}

impl Meter {
    fn start(&self, until: Duration) {
        let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.until.store(until, Ordering::Relaxed);
        self.turns.store(0, Ordering::Relaxed);
        self.is_over.store(false, Ordering::Relaxed);
    }

    /// Whether the time is over: noted, so that every loop outside ends as well.
    fn is_over(&self) -> bool {
        if self.is_over.load(Ordering::Relaxed) {
            return true;
        }
        let is_over = computed().as_nanos() > u128::from(self.until.load(Ordering::Relaxed));
        self.is_over.store(is_over, Ordering::Relaxed);
        is_over
    }

    /// A turn of a loop: true, or an error that ends the loop.
    fn turn(&self) -> Result<bool, ExecutionError> {
        let turns = self.turns.fetch_add(1, Ordering::Relaxed);
        match turns.is_multiple_of(TURNS) && self.is_over() || self.is_over.load(Ordering::Relaxed)
        {
            true => Err(ExecutionError::function_error(TURN, "it takes too long")),
            false => Ok(true),
        }
    }
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
    if text.len() > LONGEST_MATCHED {
        let why = format!("text of {} bytes; {LONGEST_MATCHED} are allowed", text.len());
        return Err(ExecutionError::function_error("matches", why));
    }
    let regex = regex_lite::RegexBuilder::new(&pattern).size_limit(LARGEST_PATTERN).build();
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
            (Verdict::NotApplicable, "apps/v1 Deployment is not installed")
        );
        let (verdict, _) = judged("true", Known::Known(Some(Vec::new())));
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
    fn an_expression_ends_in_its_time_whatever_the_object() {
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
            let (verdict, reason) = judged(expression, Known::Known(Some(vec![hostile.clone()])));
            assert_eq!(verdict, Verdict::NotAssessed, "{expression}: {reason}");
            assert!(
                reason.contains("kubeflow/hostile: evaluating it takes more than 100 ms"),
                "{expression}: {reason}"
            );
            assert!(started.elapsed() < Duration::from_secs(5), "{expression}");
        }
        let (verdict, reason) = judged(
            "object.text.matches('(a*)*b')",
            Known::Known(Some(vec![wide("kubeflow", "long", 4_000)])),
        );
        assert_eq!(verdict, Verdict::NotAssessed);
        assert!(reason.contains("65536 are allowed"), "{reason}");
        // What takes no loop in a loop is answered, however large the object.
        let (verdict, reason) = judged(
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
        objects
            .push(json!({"metadata": {"namespace": "victim", "name": "bad"}, "spec": ["x", "x"]}));
        let mut facts = Facts::default();
        facts.others.insert("apps/v1 Deployment".into(), Known::Known(Some(objects)));
        let assessment = assess_named("ORG-01", &Context::new(&facts, &policy, None));
        assert_eq!(assessment.verdict, Verdict::Fail, "{}", assessment.reason);
        let names: Vec<&str> = assessment.findings.iter().map(|f| f.object.name.as_str()).collect();
        assert_eq!(names, ["bad"]);
    }

    #[test]
    fn what_could_not_be_read_whole_is_never_a_pass() {
        let object = json!({"metadata": {"namespace": "kubeflow", "name": "deep"}, UNREAD: true});
        let (verdict, reason) = judged("!has(object.spec)", Known::Known(Some(vec![object])));
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
            let (verdict, reason) = judged(expression, Known::Known(Some(vec![object.clone()])));
            let wanted = if wanted { Verdict::Pass } else { Verdict::Fail };
            assert_eq!(verdict, wanted, "{expression}: {reason}");
        }
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
