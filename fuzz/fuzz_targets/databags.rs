//! Databags of every other peer: any text is read or refused.
#![no_main]

use std::collections::BTreeMap;

use ckf_hardening::relations::{
    answer, certificate_transfer, istio_gateway_info, loki_push_api,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let databag: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let _ = answer::refusal(&databag);
    let _ = istio_gateway_info::read(&databag);
    let _ = loki_push_api::endpoint(&databag);
    let _ = certificate_transfer::unit(&[], &databag);
});
