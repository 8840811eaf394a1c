//! Custom controls: a CEL expression over objects of any kind, with catalogue data.

use std::sync::Arc;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::parser::PrattParser;
use schemars::JsonSchema;
use serde::Deserialize;

use super::error::{EntryError, MAX_DEPTH, MAX_LENGTH, RuleError};
use super::field::{entry, required};
use crate::catalog::{self, Control, FixProof, Mappings, Severity, Source, WorksOn};
pub use crate::facts::custom_resources::ObjectKind;

/// Function called in each iteration of a loop. Not a valid CEL identifier, so expressions cannot
/// call it.
pub(crate) const TURN: &str = "@turn";

/// A control defined by the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomControl {
    /// Catalogue data.
    pub control: Control,
    /// Kind of the assessed objects.
    pub kind: ObjectKind,
    /// Namespaces of the assessed objects; all if empty.
    pub namespaces: Vec<String>,
    /// Condition that each object must meet.
    pub rule: Rule,
}

/// A parsed CEL expression.
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
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(RuleError::TooLong(text.len()));
        }
        let parsed = PrattParser::new().parse(text).map_err(|errors| {
            let message = errors.to_string();
            let first = message.lines().next().unwrap_or_default();
            RuleError::Syntax(first.trim_start_matches("ERROR: <input>:").to_owned())
        })?;
        let mut expression = parsed;
        let depth = meter(&mut expression);
        if depth > MAX_DEPTH {
            return Err(RuleError::TooDeep(depth));
        }
        Ok(Self { text: text.to_owned(), expression: Arc::new(expression) })
    }

    /// The syntax tree; each iteration of its loops calls [`TURN`], which may abort evaluation.
    pub(crate) fn expression(&self) -> &cel::IdedExpr {
        &self.expression
    }
}

/// Inserts a call of [`TURN`] into each iteration of each loop, as the interpreter has no limit of
/// its own. Returns the depth of nested loops.
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
    // The range is computed once.
    let depth = depth.max(meter(&mut of.iter_range));
    // The interpreter recognises `map` and `filter` by the form of their steps, which is preserved.
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

/// Makes a condition call [`TURN`] first, and fail if that fails.
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

/// A custom control.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[schemars(extend("required" = ["id", "title", "severity", "why", "fix", "apiVersion", "kind", "expression"]))]
pub(super) struct ControlWire {
    /// Id: a prefix of your own and a number, for example ORG-01.
    #[schemars(with = "String")]
    id: Option<String>,
    /// Title, as the desired state.
    #[schemars(with = "String")]
    title: Option<String>,
    /// Section in reports; Ours by default.
    #[schemars(with = "String")]
    section: Option<String>,
    /// Severity of findings.
    #[schemars(with = "Severity")]
    severity: Option<String>,
    /// Risk that it addresses.
    #[schemars(with = "String")]
    why: Option<String>,
    /// How to fix findings.
    #[schemars(with = "String")]
    fix: Option<String>,
    /// When to waive findings.
    #[schemars(with = "String")]
    waive: Option<String>,
    /// Mappings to other catalogues.
    mappings: Mappings,
    /// Group and version of the objects, for example apps/v1.
    #[schemars(with = "String")]
    api_version: Option<String>,
    /// Kind of the objects, for example Deployment.
    #[schemars(with = "String")]
    kind: Option<String>,
    /// Namespaces of the objects; all if empty.
    namespaces: Vec<String>,
    /// Condition that each object must meet, in CEL; the object is `object`.
    #[schemars(with = "String")]
    expression: Option<String>,
}

pub(super) fn control(
    value: serde_yaml::Value,
    others: &[CustomControl],
) -> Result<CustomControl, EntryError> {
    let fields = "id, title, severity, why, fix, apiVersion, kind, expression";
    let wire: ControlWire = entry(value, fields)?;
    let id = required("id", wire.id)?;
    if !is_id(&id) {
        return Err(EntryError::MalformedId(id));
    }
    let prefix = |id: &str| id.split('-').next().unwrap_or_default().to_owned();
    if catalog::controls().iter().any(|known| prefix(&known.id) == prefix(&id)) {
        return Err(EntryError::ReservedId(id));
    }
    if others.iter().any(|other| other.control.id == id) {
        return Err(EntryError::DuplicateId(id));
    }
    let rule = Rule::parse(&required("expression", wire.expression)?)?;
    let kind = ObjectKind {
        api_version: required("apiVersion", wire.api_version)?,
        kind: required("kind", wire.kind)?,
    };
    if kind.api_version.split('/').count() > 2 || kind.api_version.contains(char::is_whitespace) {
        return Err(EntryError::ApiVersion(kind.api_version));
    }
    let severity = required("severity", wire.severity)?.parse::<Severity>()?;
    Ok(CustomControl {
        control: Control {
            finding: String::new(),
            id,
            title: required("title", wire.title)?,
            section: wire.section.unwrap_or_else(|| "Ours".to_owned()),
            severity,
            source: Source::Kubernetes,
            why: required("why", wire.why)?,
            check: format!("Each {} must meet: {rule}", kind.kind),
            fix: required("fix", wire.fix)?,
            fix_breaks: "Unknown: the fix is defined by the policy.".to_owned(),
            fix_works_on: WorksOn::default(),
            fix_proof: FixProof::None { reason: "the fix is defined by the policy".to_owned() },
            limits: Vec::new(),
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
    fn loops_are_limited_in_depth_but_not_in_sequence() {
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
            Rule::parse(&deep(4)).unwrap_err().to_string(),
            "expression nests 4 loops; at most 3 are allowed"
        );
        // At any position in the expression.
        for context in [
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
            let expression = context.replace('X', &deep(4));
            assert!(Rule::parse(&expression).is_err(), "{expression}");
        }
        assert!(Rule::parse("@turn()").is_err(), "expressions must not call it");
    }
}
