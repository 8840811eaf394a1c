//! Reports of worlds, for the tests that read them.

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_worlds::World;

/// A policy with one waiver in force, one that matches nothing and one that has expired.
pub const WAIVERS: &str = "
waivers:
  - {control: NET-01, reason: no other tenants, owner: platform, expires: 2027-01-31}
  - {control: NET-03, object: {name: absent}, reason: none, owner: platform, expires: 2027-01-31}
  - {control: TLS-02, reason: soon, owner: platform, expires: 2026-01-31}
severities: {PSS-05: high}
";

/// The report of a world's audit under a policy.
pub fn report_of(world: &World, policy: &str) -> Report {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &world.objects);
    let (policy, problems) = Policy::parse(policy);
    assert!(problems.is_empty(), "{problems:?}");
    Report::audit(&facts, &policy, None, Vec::new())
}
