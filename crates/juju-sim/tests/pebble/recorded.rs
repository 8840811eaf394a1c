//! Recorded conversations with Pebble, without what differs from run to run.

use std::collections::BTreeMap;

use juju_sim::pebble::Exchange;
use serde::Deserialize;
use serde_json::{Value, json};

/// What one call of the client was recorded to do.
#[derive(Deserialize)]
pub struct Recorded {
    pub name: String,
    /// `ok`, or the client's exception.
    pub summary: String,
    pub exchanges: Vec<RecordedExchange>,
}

#[derive(Deserialize)]
pub struct RecordedExchange {
    method: String,
    target: String,
    body: Option<Value>,
    parts: Option<Value>,
    status: u16,
    answer: Option<Value>,
    response: Option<Value>,
}

pub fn recordings() -> Vec<Recorded> {
    serde_json::from_str(include_str!("../recordings/pebble.json")).unwrap()
}

/// What is compared of an exchange.
#[derive(Debug, PartialEq)]
pub struct Compared {
    asked: String,
    sent: Value,
    status: u16,
    answer: Value,
}

impl RecordedExchange {
    pub fn compared(&self, of: &Normal<'_>) -> Compared {
        let sent = self.body.as_ref().or(self.parts.as_ref());
        let answer = self.answer.as_ref().or(self.response.as_ref());
        of.compared(&self.method, &self.target, sent, self.status, answer)
    }
}

/// Removes what differs.
pub struct Normal<'a> {
    /// The folder that is written in.
    pub scratch: &'a str,
    /// The address that is there.
    pub there: &'a str,
}

impl Normal<'_> {
    pub fn exchange(&self, exchange: &Exchange) -> Compared {
        self.compared(
            &exchange.method,
            &exchange.target,
            exchange.body.as_ref(),
            exchange.status,
            exchange.answer.as_ref(),
        )
    }

    fn compared(
        &self,
        method: &str,
        target: &str,
        sent: Option<&Value>,
        status: u16,
        answer: Option<&Value>,
    ) -> Compared {
        let value = |value: Option<&Value>| value.map_or(Value::Null, |v| self.value("", v));
        let path = target.split('?').next().unwrap_or_default();
        let numbered: Vec<&str> = path
            .split('/')
            .map(|part| match part.parse::<u64>() {
                Ok(1..99_999) => "#",
                _ => part,
            })
            .collect();
        let mut answer = value(answer);
        if matches!(path, "/v1/changes" | "/v1/notices") {
            // How many there are of a kind, and in which order, is a matter of time.
            if let Some(list) = answer["result"].as_array_mut() {
                list.sort_by_key(Value::to_string);
                list.dedup();
            }
        }
        if path == "/v1/plan" {
            let yaml = answer["result"].as_str().unwrap();
            let plan: Value = serde_yaml::from_str(yaml).unwrap();
            answer["result"] = self.value("", &plan);
        }
        Compared {
            asked: format!("{method} {}", numbered.join("/")),
            sent: match path {
                // The layers are compared by the plan that they make.
                "/v1/layers" => Value::Null,
                _ => value(sent),
            },
            status,
            answer,
        }
    }

    fn value(&self, key: &str, value: &Value) -> Value {
        match (key, value) {
            ("http-address" | "boot-id" | "HOME" | "PATH" | "PEBBLE" | "USER", _)
            | ("id" | "change" | "change-id" | "prev-change-id" | "task-id", _)
            | (
                "successes" | "failures" | "occurrences" | "port" | "size" | "name",
                Value::Number(_),
            ) => {
                json!("#")
            }
            (_, Value::String(text)) if key.ends_with("-time") || key.ends_with("-since") => {
                assert!(text.starts_with("20") && text.ends_with('Z'), "{text}");
                json!("time")
            }
            ("first-occurred" | "last-occurred" | "last-repeated" | "last-modified", _) => {
                json!("time")
            }
            // The id of a change.
            ("key", Value::String(text)) if text.parse::<u64>().is_ok() => json!("#"),
            // Who runs this, and where they live.
            ("user" | "group" | "user-id" | "group-id", _) => json!("#"),
            ("working-dir", Value::String(text)) if text != "/tmp" => json!("#"),
            ("log", Value::Array(lines)) => {
                // What is tried again fails again in the same words.
                let mut lines: Vec<String> = lines.iter().map(|l| self.line(l)).collect();
                lines.dedup();
                json!(lines)
            }
            (_, Value::String(text)) => json!(self.text(text)),
            (_, Value::Array(list)) => list.iter().map(|v| self.value(key, v)).collect(),
            (_, Value::Object(map)) => {
                let all = map.iter().map(|(k, v)| (k.clone(), self.value(k, v)));
                json!(all.collect::<BTreeMap<String, Value>>())
            }
            (_, other) => other.clone(),
        }
    }

    /// A line of a log without its time.
    fn line(&self, line: &Value) -> String {
        let line = line.as_str().unwrap();
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z'), "{line}");
        self.text(rest)
    }

    /// Text with every path of the folder cut short, as the recordings have them.
    pub fn text(&self, text: &str) -> String {
        let mut short = String::new();
        let text = text.replace(self.there, "127.0.0.1:14000");
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(self.scratch) {
            short.push_str(before);
            short.push_str("/scratch");
            let is_path = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            rest = after.trim_start_matches(is_path);
        }
        short.push_str(rest);
        short
    }
}
