//! What Juju's hook tools print.
#![no_main]

use std::collections::BTreeMap;

use juju_charm::credential::Cloud;
use juju_charm::goal::GoalState;
use juju_charm::network::Network;
use juju_charm::printable;
use juju_charm::relation::Databag;
use juju_charm::secret::{Content, Info};
use juju_charm::tool;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|printed: &[u8]| {
    if let Ok(goal) = tool::parse::<GoalState>("goal-state", printed) {
        let _ = goal.planned_units();
    }
    if let Ok(network) = tool::parse::<Network>("network-get", printed) {
        let _ = network.bind_address();
    }
    let _ = tool::parse::<Databag>("relation-get", printed);
    let _ = tool::parse::<Vec<String>>("relation-ids", printed);
    let _ = tool::parse::<Content>("secret-get", printed);
    let _ = tool::parse::<BTreeMap<String, Info>>("secret-info-get", printed);
    let _ = tool::parse::<Cloud>("credential-get", printed);
    let text = String::from_utf8_lossy(printed);
    let shown = printable::text(&text);
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
});
