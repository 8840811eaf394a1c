//! What a controller answers: any text is read or refused as each of the results.
#![no_main]

use juju_client::{
    ApplicationConfig, CharmInfo, CloudInfo, FullStatus, ModelInfo, Offer, Resource,
    Secret, User,
};
use libfuzzer_sys::fuzz_target;

fn read<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) {
    if let Ok(result) = serde_json::from_str::<T>(text) {
        let _ = format!("{result:?}");
    }
}

fuzz_target!(|text: &str| {
    read::<ApplicationConfig>(text);
    read::<CharmInfo>(text);
    read::<CloudInfo>(text);
    read::<FullStatus>(text);
    read::<ModelInfo>(text);
    read::<Offer>(text);
    read::<Resource>(text);
    read::<Secret>(text);
    read::<User>(text);
});
