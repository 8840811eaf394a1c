//! Everything that a charm leaves behind, to look for secrets in it.

use std::fs;
use std::path::Path;

use crate::driver::{Outcome, Simulation};

/// A text that others than the charm can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Where it is, for example `log` or `file charm/cache`.
    pub place: String,
    /// The text.
    pub text: String,
}

impl Trace {
    fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }

    /// The places in which any of these values is, as it is or in base64.
    pub fn leaks(traces: &[Self], values: &[&str]) -> Vec<String> {
        use base64::Engine as _;
        // Without the last few bytes, which are encoded along with what follows.
        let encode = |value: &&str| {
            let whole = value.len() - value.len() % 3;
            base64::prelude::BASE64_STANDARD.encode(&value.as_bytes()[..whole])
        };
        let mut forms: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
        forms.extend(values.iter().map(encode));
        let leaky = |trace: &&Self| forms.iter().any(|form| trace.text.contains(form));
        traces.iter().filter(leaky).map(|trace| trace.place.clone()).collect()
    }
}

impl Simulation {
    /// Everything that the charm has left in the model and in its directory: log,
    /// status, state, databags, version, files. Secrets of the model are not among
    /// it: there values belong.
    pub fn traces(&self) -> Vec<Trace> {
        let model = self.model();
        let mut traces = vec![Trace::new("version", model.workload_version)];
        let statuses = model.status_history.iter().chain(&model.application_status);
        traces.extend(statuses.map(|s| Trace::new("status", format!("{s:?}"))));
        traces.extend(model.log.iter().map(|l| Trace::new("log", &l.message)));
        let state = model.state.iter();
        traces.extend(state.map(|(k, v)| Trace::new("state", format!("{k}={v}"))));
        for relation in &model.relations {
            let place = format!("databag of {}", relation.name());
            let bags = relation.unit_data.iter().chain(&relation.application_data);
            traces.extend(bags.map(|(k, v)| Trace::new(&place, format!("{k}={v}"))));
        }
        for secret in &model.secrets {
            let text = format!("{} {}", secret.label, secret.description);
            traces.push(Trace::new("description of a secret", text));
        }
        files(&self.charm_directory(), &mut traces);
        traces
    }
}

impl Outcome {
    /// What an event has left that the model does not keep: output, panics among
    /// it, results of an action, arguments and input of hook tools.
    pub fn traces(&self) -> Vec<Trace> {
        let mut traces = vec![
            Trace::new("standard output", &self.stdout),
            Trace::new("standard error", &self.stderr),
        ];
        for call in &self.calls {
            let text = format!("{:?} {:?}", call.arguments, call.input);
            traces.push(Trace::new(format!("call of {}", call.tool), text));
        }
        if let Some(action) = &self.action {
            traces.push(Trace::new("action", format!("{action:?}")));
        }
        traces
    }
}

/// Files below a directory, as text; links are not followed.
fn files(directory: &Path, traces: &mut Vec<Trace>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, traces),
            Ok(kind) if kind.is_file() => {
                let text = fs::read(&path).unwrap_or_default();
                let place = format!("file {}", path.display());
                traces.push(Trace::new(place, String::from_utf8_lossy(&text)));
            }
            _ => {}
        }
    }
}
