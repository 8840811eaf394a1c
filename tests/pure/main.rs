//! Tests that need no server and nothing that is fetched: `cargo xtask test pure`.

mod access;
mod advice;
mod bad_input;
mod diff;
mod formats;
mod policy;
mod report;

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_worlds::World;

const WAIVERS: &str = "
waivers:
  - {control: NET-01, reason: no other tenants, owner: platform, expires: 2027-01-31}
  - {control: NET-03, object: {name: nobody}, reason: none, owner: platform, expires: 2027-01-31}
  - {control: TLS-02, reason: soon, owner: platform, expires: 2026-01-31}
severities: {PSS-05: high}
";

fn report_of(world: &World, policy: &str) -> Report {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &world.objects);
    let (policy, problems) = Policy::parse(policy);
    assert!(problems.is_empty(), "{problems:?}");
    Report::audit(&facts, &policy, None, Vec::new())
}

fn control<'a>(report: &'a Report, id: &str) -> &'a ckf_hardening::report::ControlReport {
    report.controls.iter().find(|control| control.id == id).unwrap()
}
