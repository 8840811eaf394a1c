//! Spans of a hook and of its steps, as OTLP. They are sent only where `charm-tracing` is related,
//! and hold names and times: no finding, no value.

mod send;

use jiff::Timestamp;
use juju_charm::Unit;
use rand::TryRng as _;
use serde_json::{Value, json};

pub use self::send::send;
use crate::relations::topology::CHARM;

/// A span: a step of a hook with its times.
#[derive(Debug)]
pub struct Trace {
    started: Timestamp,
    spans: Vec<Span>,
    /// Result of the audit in a line, if the hook audited.
    pub audit: Option<String>,
}

/// A step.
#[derive(Debug)]
struct Span {
    name: String,
    started: Timestamp,
    ended: Timestamp,
    has_failed: bool,
}

impl Trace {
    /// Begins with the hook.
    pub fn start(now: Timestamp) -> Self {
        Self { started: now, spans: Vec::new(), audit: None }
    }

    /// Notes a step that has ended.
    pub fn add(&mut self, name: &str, started: Timestamp, ended: Timestamp, has_failed: bool) {
        self.spans.push(Span { name: name.into(), started, ended, has_failed });
    }

    /// The trace as OTLP's JSON, when the hook ends; `None` without random identifiers.
    pub fn otlp(&self, unit: &Unit, event: &str, now: Timestamp) -> Option<Value> {
        let trace: [u8; 16] = random()?;
        let root: [u8; 8] = random()?;
        let hook = Span {
            name: event.to_owned(),
            started: self.started,
            ended: now,
            has_failed: self.spans.iter().any(|span| span.has_failed),
        };
        let mut first = hook.otlp(&trace, &root, None);
        if let Some(audit) = &self.audit {
            first["attributes"] = json!([attribute("audit.summary", audit)]);
        }
        let mut spans = vec![first];
        for span in &self.spans {
            spans.push(span.otlp(&trace, &random::<8>()?, Some(&root)));
        }
        let (application, number) = unit.name.split_once('/').unwrap_or((&unit.name, ""));
        let attributes = [
            ("service.name", application),
            ("service.namespace", &unit.model_uuid),
            ("service.instance.id", number),
            ("service.version", crate::VERSION),
            ("charm", CHARM),
            ("juju_charm", CHARM),
            ("juju_model", &unit.model),
            ("juju_model_uuid", &unit.model_uuid),
            ("juju_application", application),
            ("juju_unit", &unit.name),
        ];
        let attributes = attributes.map(|(name, value)| attribute(name, value));
        Some(json!({"resourceSpans": [{
            "resource": {"attributes": attributes},
            "scopeSpans": [{"scope": {"name": CHARM, "version": crate::VERSION}, "spans": spans}],
        }]}))
    }
}

impl Span {
    fn otlp(&self, trace: &[u8; 16], id: &[u8; 8], parent: Option<&[u8; 8]>) -> Value {
        let mut span = json!({
            "traceId": hex(trace), "spanId": hex(id), "name": self.name,
            // Internal.
            "kind": 1,
            "startTimeUnixNano": self.started.as_nanosecond().to_string(),
            "endTimeUnixNano": self.ended.as_nanosecond().to_string(),
            // Ok, or an error.
            "status": {"code": if self.has_failed { 2 } else { 1 }},
        });
        if let Some(parent) = parent {
            span["parentSpanId"] = hex(parent).into();
        }
        span
    }
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).ok()?;
    Some(bytes)
}
