//! Edits of what Juju has: options, relations, configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::target::{Configured, Target, shown};
use crate::facts::juju::holds_no_secret;
use crate::remedies::record_key::RecordKey;

/// An edit of the model or the controller, through the Juju API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JujuEdit {
    /// Sets options of an application.
    Settings {
        /// The application.
        application: String,
        /// By option name.
        options: BTreeMap<String, Setting>,
        /// Options whose previous value may be a secret, with its keyed digest (none if it was
        /// unset). The value itself is not recorded, so it cannot be restored.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        unrecorded: BTreeMap<String, Option<String>>,
    },
    /// Integrates two endpoints.
    Relation {
        /// Each as `APPLICATION:ENDPOINT`.
        endpoints: [String; 2],
    },
    /// Configures the controller or the platform's model.
    Configuration {
        /// The configuration.
        of: Configured,
        /// By name of the option, or of the set of commands. None of these holds a secret.
        options: BTreeMap<String, Setting>,
    },
}

/// Value of an option, none for the charm's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// Value before the first edit; none until it was read.
    pub before: Option<String>,
    /// Desired value.
    pub after: Option<String>,
}

impl JujuEdit {
    /// Subject of the edit.
    pub fn target(&self) -> Target {
        match self {
            Self::Settings { application, .. } => Target::Application(application.clone()),
            Self::Relation { endpoints } => Target::Relation(endpoints.join(" ")),
            Self::Configuration { of, .. } => Target::Configuration(*of),
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Settings { options, .. } => options
                .iter()
                .map(|(name, setting)| match holds_no_secret(name) {
                    true => line(name, setting, "the charm's default"),
                    false => format!("{name}: (value hidden, may be secret)"),
                })
                .collect(),
            Self::Relation { endpoints } => vec![format!("juju integrate {}", endpoints.join(" "))],
            Self::Configuration { options, .. } => {
                options.iter().map(|(name, setting)| line(name, setting, "(unset)")).collect()
            }
        }
    }

    /// This edit with the previous values of the first edit of the same target.
    pub fn after(mut self, earlier: &Self) -> Self {
        match (&mut self, earlier) {
            (
                Self::Settings { options, unrecorded, .. },
                Self::Settings { options: first, unrecorded: first_unrecorded, .. },
            ) => {
                keep_first(options, first);
                unrecorded.extend(first_unrecorded.clone());
            }
            (Self::Configuration { options, .. }, Self::Configuration { options: first, .. }) => {
                keep_first(options, first);
            }
            _ => {}
        }
        self
    }

    /// This edit in the form that may be recorded: of an option that may be a secret, only a
    /// keyed digest of the previous value.
    pub fn without_secrets(mut self, key: &RecordKey) -> Self {
        if let Self::Settings { application, options, unrecorded } = &mut self {
            options.retain(|name, setting| {
                let is_recorded = holds_no_secret(name);
                if !is_recorded {
                    let before = setting.before.as_deref();
                    let digest = before.map(|value| key.digest(application, name, value));
                    unrecorded.insert(name.clone(), digest);
                }
                is_recorded
            });
        }
        self
    }
}

fn line(name: &str, setting: &Setting, unset: &str) -> String {
    let after = shown(setting.after.as_deref(), unset);
    match &setting.before {
        Some(before) => format!("{name}: {before} -> {after}"),
        None => format!("{name} -> {after}"),
    }
}

/// Takes the previous values of the first edit, and its options that are not edited again.
fn keep_first(options: &mut BTreeMap<String, Setting>, first: &BTreeMap<String, Setting>) {
    for (name, setting) in first {
        let edited = options.entry(name.clone());
        edited.or_insert_with(|| setting.clone()).before = setting.before.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_option_is_recorded_as_digest_only() {
        let key = RecordKey::new(&[7; 32]).unwrap();
        let setting =
            |before: &str| Setting { before: Some(before.into()), after: Some("wanted".into()) };
        let options = [
            ("static-password", setting("hunter2")),
            ("connectors", setting("clientSecret: S3CR3T")),
            ("public-url", setting("https://a.example")),
        ];
        let edit = JujuEdit::Settings {
            application: "dex-auth".into(),
            options: options.map(|(name, of)| (name.to_owned(), of)).into(),
            unrecorded: BTreeMap::new(),
        };
        let lines = edit.lines().join("\n");
        let recorded = edit.clone().without_secrets(&key);
        let text = serde_json::to_string(&recorded).unwrap();
        for secret in ["hunter2", "S3CR3T"] {
            assert!(!text.contains(secret), "{text}");
            assert!(!lines.contains(secret), "{lines}");
        }
        let JujuEdit::Settings { options, unrecorded, .. } = &recorded else {
            unreachable!("it was one of settings");
        };
        assert_eq!(options.keys().collect::<Vec<_>>(), ["public-url"]);
        let expected = key.digest("dex-auth", "static-password", "hunter2");
        assert_eq!(unrecorded["static-password"], Some(expected));
        // After a second edit the first previous value stays on record.
        let again = JujuEdit::Settings {
            application: "dex-auth".into(),
            options: BTreeMap::from([("connectors".to_owned(), setting("another"))]),
            unrecorded: BTreeMap::new(),
        };
        let again = again.without_secrets(&key).after(&recorded);
        assert_eq!(again, recorded);
    }
}
