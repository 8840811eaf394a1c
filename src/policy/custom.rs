//! Controls of the policy's own: an expression in CEL over any kind of objects, with what the
//! catalogue says of ours.

use std::sync::Arc;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::parser::PrattParser;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::{self, Control, FixProof, Mappings, Severity, Source, WorksOn};

/// Controls of a policy, at most.
pub(super) const MOST: usize = 100;
/// Bytes of an expression, at most: what is longer nests deeper than a stack is sure to hold.
const LONGEST: usize = 1000;
/// Loops within loops, at most: each multiplies with the size of an object.
const DEEPEST: usize = 3;
/// The function that each turn of a loop calls. CEL has no such name, so no expression can.
pub(crate) const TURN: &str = "@turn";

/// A control that the policy adds.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomControl {
    /// What it is, as of ours.
    pub control: Control,
    /// The kind of objects that it is about.
    pub kind: ObjectKind,
    /// Namespaces that it looks in; all, if there are none.
    pub namespaces: Vec<String>,
    /// What must be true of each object.
    pub rule: Rule,
}

/// A kind of objects, as manifests name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKind {
    /// Group and version, for example `apps/v1`; `v1` for the core.
    pub api_version: String,
    /// Kind, for example `Deployment`.
    pub kind: String,
}

impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.api_version, self.kind)
    }
}

/// An expression in CEL, which can be read.
#[derive(Clone)]
pub struct Rule {
    text: String,
    expression: Arc<cel::IdedExpr>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Rule {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(format!("expression is {} bytes long; {LONGEST} are allowed", text.len()));
        }
        let parsed = PrattParser::new().parse(text).map_err(|errors| {
            let told = errors.to_string();
            let first = told.lines().next().unwrap_or_default();
            format!("expression is not CEL: {}", first.trim_start_matches("ERROR: <input>:"))
        })?;
        let mut expression = parsed;
        let depth = meter(&mut expression);
        if depth > DEEPEST {
            return Err(format!(
                "expression has {depth} loops within each other; {DEEPEST} are allowed"
            ));
        }
        Ok(Self { text: text.to_owned(), expression: Arc::new(expression) })
    }

    /// The expression; each turn of a loop in it calls [`TURN`], which may end it.
    pub(crate) fn expression(&self) -> &cel::IdedExpr {
        &self.expression
    }
}

/// Has each turn of each loop call [`TURN`]: the interpreter has no limit of its own. Returns
/// how deep loops are within each other.
fn meter(of: &mut cel::IdedExpr) -> usize {
    let deepest = |all: &mut dyn Iterator<Item = &mut cel::IdedExpr>| all.map(meter).max();
    let depth = match &mut of.expr {
        Expr::Call(call) => {
            let target = call.target.as_deref_mut();
            deepest(&mut target.into_iter().chain(&mut call.args))
        }
        Expr::Select(select) => Some(meter(&mut select.operand)),
        Expr::List(list) => deepest(&mut list.elements.iter_mut()),
        Expr::Map(map) => map.entries.iter_mut().map(|e| meter_entry(&mut e.expr)).max(),
        Expr::Struct(of) => of.entries.iter_mut().map(|e| meter_entry(&mut e.expr)).max(),
        Expr::Comprehension(comprehension) => Some(meter_loop(comprehension)),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => None,
    };
    depth.unwrap_or_default()
}

fn meter_entry(entry: &mut EntryExpr) -> usize {
    match entry {
        EntryExpr::StructField(field) => meter(&mut field.value),
        EntryExpr::MapEntry(entry) => meter(&mut entry.key).max(meter(&mut entry.value)),
    }
}

fn meter_loop(of: &mut ComprehensionExpr) -> usize {
    let inner = [&mut of.loop_cond, &mut of.loop_step, &mut of.accu_init, &mut of.result];
    let depth = inner.into_iter().map(meter).max().unwrap_or_default() + 1;
    // What is looped over is computed once.
    let depth = depth.max(meter(&mut of.iter_range));
    // The interpreter knows the steps of `map` and `filter` by their form, which stays.
    match &mut of.loop_step.expr {
        Expr::Call(step) if step.func_name == operators::CONDITIONAL => {
            if let Some(guard) = step.args.first_mut() {
                after_turn(guard);
            }
        }
        Expr::Call(step) if step.func_name == operators::ADD => {
            let accumulated = step.args.first().cloned().unwrap_or_default();
            let step = std::mem::take(&mut of.loop_step);
            of.loop_step =
                call(operators::CONDITIONAL, vec![call(TURN, Vec::new()), step, accumulated]);
        }
        _ => after_turn(&mut of.loop_cond),
    }
    depth
}

/// Has a condition count a turn first, and fail with it.
fn after_turn(condition: &mut cel::IdedExpr) {
    let old = std::mem::take(condition);
    let no = cel::IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Boolean(false.into())) };
    *condition = call(operators::CONDITIONAL, vec![call(TURN, Vec::new()), old, no]);
}

fn call(function: &str, args: Vec<cel::IdedExpr>) -> cel::IdedExpr {
    cel::IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }),
    }
}

/// A control that is the policy's own.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[schemars(extend("required" = ["id", "title", "severity", "why", "fix", "apiVersion", "kind", "expression"]))]
pub(super) struct ControlWire {
    /// Its id: a word of your own and a number, for example ORG-01.
    #[schemars(with = "String")]
    id: Option<String>,
    /// What should be so.
    #[schemars(with = "String")]
    title: Option<String>,
    /// Where reports show it; Ours, if it is absent.
    #[schemars(with = "String")]
    section: Option<String>,
    /// How bad it is when it is not so.
    #[schemars(with = "Severity")]
    severity: Option<String>,
    /// Why it matters.
    #[schemars(with = "String")]
    why: Option<String>,
    /// How to put it right.
    #[schemars(with = "String")]
    fix: Option<String>,
    /// When a finding may be waived.
    #[schemars(with = "String")]
    waive: Option<String>,
    /// Where it stands in other catalogues.
    mappings: Mappings,
    /// Group and version of the objects, for example apps/v1.
    #[schemars(with = "String")]
    api_version: Option<String>,
    /// Kind of the objects, for example Deployment.
    #[schemars(with = "String")]
    kind: Option<String>,
    /// Namespaces that are looked in; all, if there are none.
    namespaces: Vec<String>,
    /// What must be true of each object, in CEL; the object is `object`.
    #[schemars(with = "String")]
    expression: Option<String>,
}

pub(super) fn control(
    value: serde_yaml::Value,
    others: &[CustomControl],
) -> Result<CustomControl, String> {
    let wire: ControlWire = serde_yaml::from_value(value).map_err(|error| {
        format!("{error}; expected a map with id, title, severity, why, fix, apiVersion, kind, expression")
    })?;
    let said = super::wire::said;
    let id = said("id", wire.id)?;
    if !is_id(&id) {
        return Err(format!("id {id:?} is not a word of capitals, a dash and a number, as ORG-01"));
    }
    let word = |id: &str| id.split('-').next().unwrap_or_default().to_owned();
    if catalog::controls().iter().any(|known| word(&known.id) == word(&id)) {
        return Err(format!("id {id:?} begins as ours do; choose another word"));
    }
    if others.iter().any(|other| other.control.id == id) {
        return Err(format!("there is a control {id:?} already"));
    }
    let rule = Rule::parse(&said("expression", wire.expression)?)?;
    let kind = ObjectKind {
        api_version: said("apiVersion", wire.api_version)?,
        kind: said("kind", wire.kind)?,
    };
    if kind.api_version.split('/').count() > 2 || kind.api_version.contains(char::is_whitespace) {
        return Err(format!("apiVersion {:?} is not a version or group/version", kind.api_version));
    }
    let severity = said("severity", wire.severity)?.parse()?;
    Ok(CustomControl {
        control: Control {
            id,
            title: said("title", wire.title)?,
            section: wire.section.unwrap_or_else(|| "Ours".to_owned()),
            severity,
            source: Source::Kubernetes,
            why: said("why", wire.why)?,
            check: format!("Of each {} must be true: {rule}", kind.kind),
            fix: said("fix", wire.fix)?,
            fix_breaks: "It is not known here: the fix is the policy's own.".to_owned(),
            fix_works_on: WorksOn::default(),
            fix_proof: FixProof::None { reason: "the fix is the policy's own".to_owned() },
            kept: String::new(),
            waive: wire.waive.unwrap_or_default(),
            mappings: wire.mappings,
        },
        kind,
        namespaces: wire.namespaces,
        rule,
    })
}

fn is_id(id: &str) -> bool {
    let Some((word, number)) = id.split_once('-') else {
        return false;
    };
    let is_word = (2..=12).contains(&word.len()) && word.chars().all(|c| c.is_ascii_uppercase());
    is_word && (2..=4).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_within_loops_are_refused_at_a_depth_and_one_after_the_other_are_not() {
        for expression in [
            "object.a.all(a, a.b.exists(b, b.c.exists_one(c, c == 1)))",
            "object.a.filter(a, a > 1).map(a, a + 1).filter(a, a > 1).map(a, a * 2).all(a, a > 0)",
            "[object.a.all(a, a), object.b.all(b, b)].all(x, x) && object.c.all(c, c)",
        ] {
            assert!(Rule::parse(expression).is_ok(), "{expression}");
        }
        let deep = |depth: usize| {
            let open = (0..depth).map(|n| format!("object.a.all(x{n}, "));
            format!("{}true{}", open.collect::<String>(), ")".repeat(depth))
        };
        assert!(Rule::parse(&deep(3)).is_ok());
        assert_eq!(
            Rule::parse(&deep(4)).unwrap_err(),
            "expression has 4 loops within each other; 3 are allowed"
        );
        // Wherever it is hidden.
        for hidden in [
            "[X]",
            "{'a': X}",
            "{X: 1}",
            "f(X)",
            "(X).size()",
            "X ? 1 : 2",
            "[1].all(y, X)",
            "!X",
            "has((X).b)",
        ] {
            let expression = hidden.replace('X', &deep(4));
            assert!(Rule::parse(&expression).is_err(), "{expression}");
        }
        assert!(Rule::parse("@turn()").is_err(), "no expression may count for itself");
    }
}
