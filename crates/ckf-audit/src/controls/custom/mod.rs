//! Assesses the controls that a policy adds. Their expressions are the operator's and the objects
//! may be a tenant's, so an evaluation ends in a bounded time, whatever either is.

mod meter;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cel::extractors::This;
use cel::{Context as Scope, ExecutionError, Value};
use serde_json::Value as Json;

use self::meter::{Meter, computed};
use crate::facts::custom_resources::UNREAD;
use crate::facts::object::ObjectRef;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::policy::custom::{CustomControl, TURN};
use crate::views::{Context, MissingFact};

/// Stack of the evaluating thread: enough for the deepest expression.
pub const STACK: usize = 32 << 20;
/// Characters of an expression that a finding shows.
const SHOWN: usize = 160;
/// Longest computing for one object, for the objects of a namespace, and for a control.
const PER_OBJECT: Duration = Duration::from_millis(100);
const PER_NAMESPACE: Duration = Duration::from_millis(250);
const PER_CONTROL: Duration = Duration::from_secs(2);
/// Longest text that `matches` searches, and largest automaton of its pattern, in bytes:
/// together they bound the time of one call.
const LONGEST_MATCHED: usize = 64 << 10;
const LARGEST_PATTERN: usize = 128 << 10;

/// Evaluates a control over the objects of its kind.
pub(super) fn check(context: &Context<'_>, custom: &CustomControl) -> Result<Outcome, MissingFact> {
    if let Some(outcomes) = context.custom_outcomes() {
        return match outcomes.get(&custom.control.id) {
            Some((of, outcome)) if of == custom => Ok(outcome.clone()),
            _ => Err(MissingFact("not evaluated yet".into())),
        };
    }
    let Some(objects) = context.others(&custom.kind)? else {
        return Ok(not_installed(custom));
    };
    let most = context.custom_time();
    let evaluated = std::thread::scope(|scope| {
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
    match evaluated {
        Ok(Ok((spent, outcome))) => {
            context.spend_custom_time(spent);
            Ok(outcome)
        }
        _ => Ok(Outcome::NotAssessed("the expression could not be evaluated".into())),
    }
}

/// The outcome where the cluster does not serve the kind.
pub fn not_installed(custom: &CustomControl) -> Outcome {
    Outcome::NotApplicable(format!("{} is not installed", custom.kind))
}

/// Evaluates a control over objects, one after the other, all on the same thread.
pub struct Evaluation<'a> {
    custom: &'a CustomControl,
    functions: Scope<'static, 'static>,
    meter: Arc<Meter>,
    seen: usize,
    findings: Vec<Finding>,
    /// Objects for which the expression has no result, and the first with the reason.
    unclear: usize,
    first_unclear: Option<(ObjectRef, String)>,
    most: Duration,
    spent: Duration,
    spent_on: BTreeMap<String, Duration>,
}

impl<'a> Evaluation<'a> {
    /// Takes no more computing than `most`.
    pub fn new(custom: &'a CustomControl, most: Duration) -> Self {
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
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Evaluates it for an object, if the control looks at it.
    pub fn take(&mut self, object: &Json) {
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

    /// Outcome over all objects seen.
    pub fn finish(self) -> Outcome {
        if self.seen == 0 {
            return Outcome::NotApplicable(format!("there is no {}", self.custom.kind.kind));
        }
        if let (true, Some((object, why))) = (self.findings.is_empty(), self.first_unclear) {
            return Outcome::NotAssessed(format!(
                "the expression has no result for {} of {}, first {object}: {why}",
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
mod tests;
