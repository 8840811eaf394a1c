//! What Pebble and Juju's hook tools print.
#![no_main]

use juju_charm::goal::GoalState;
use juju_charm::pebble::{Change, Check, FileInfo, Identity, Notice, Service, SystemInfo};
use libfuzzer_sys::fuzz_target;

fn read<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) {
    if let Ok(result) = serde_json::from_str::<T>(text) {
        let _ = format!("{result:?}");
    }
}

fuzz_target!(|text: &str| {
    read::<Change>(text);
    read::<Check>(text);
    read::<FileInfo>(text);
    read::<Identity>(text);
    read::<Notice>(text);
    read::<Service>(text);
    read::<SystemInfo>(text);
    read::<GoalState>(text);
});
