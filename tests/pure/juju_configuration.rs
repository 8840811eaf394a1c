//! What remedies may configure in Juju: their own options, to their own values, whatever a record says.

use std::collections::BTreeMap;

use ckf_hardening::remedies::{Configured, Edit, JujuEdit, Remedy, Setting};

fn edit(of: Configured, name: &str, after: Option<&str>) -> Edit {
    let setting = Setting { before: Some("before".into()), after: after.map(str::to_owned) };
    JujuEdit::Configuration { of, options: BTreeMap::from([(name.to_owned(), setting)]) }.into()
}

#[test]
fn remedy_configures_its_own_options_to_its_own_values_only() {
    let makers = |edit: &Edit| -> Vec<&str> {
        let all = Remedy::ALL.iter().filter(|remedy| remedy.may_edit(edit, "kubeflow"));
        all.map(|remedy| remedy.name()).collect()
    };
    for (of, name, value, by) in [
        (Configured::Controller, "auditing-enabled", "true", "controller-audit-log"),
        (Configured::Controller, "audit-log-max-backups", "10", "controller-audit-log"),
        (Configured::Model, "test-mode", "false", "model-configuration"),
        (Configured::Model, "agent-stream", "released", "model-configuration"),
    ] {
        assert_eq!(makers(&edit(of, name, Some(value))), [by], "{name}");
        for other in [None, Some("another")] {
            assert_eq!(makers(&edit(of, name, other)), [""; 0], "{name} {other:?}");
        }
    }
    for (of, name, value) in [
        // The option of another place, and what would turn a protection off.
        (Configured::Model, "auditing-enabled", "true"),
        (Configured::Controller, "auditing-enabled", "false"),
        (Configured::Controller, "identity-url", "https://idp.example.com"),
        (Configured::Controller, "allow-model-access", "true"),
        (Configured::Model, "charmhub-url", "https://charms.example.com"),
        (Configured::Commands, "BlockChange", "the platform's data goes with its model"),
        (Configured::Commands, "BlockDestroy", "another"),
    ] {
        assert_eq!(makers(&edit(of, name, Some(value))), [""; 0], "{name}");
    }
}
