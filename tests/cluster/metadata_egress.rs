//! `metadata-egress` by its name on a real API server: made, taken as it is, and undone.

use ckf_test_support::{audit, cluster, run, verdict};
use ckf_worlds::World;

#[test]
fn metadata_egress_named_passes_net_11_until_undone() {
    let sandbox = cluster(&World::stock("1.11"));
    let admin = sandbox.kubeconfig("admin");
    let command = |arguments: &[&str], code: i32| {
        let kubeconfig = ["--kubeconfig", admin.to_str().unwrap()];
        let output = run(&[arguments, &kubeconfig].concat());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    };
    let net_11 = || {
        let report = audit(&["--kubeconfig".as_ref(), admin.as_ref()]);
        verdict(&report, "NET-11").to_owned()
    };
    assert_eq!(net_11(), "fail");
    // Not asked for by its name, it is no part of what `apply` does.
    assert!(!command(&["plan"], 0).contains("ckf-hardening-metadata"));

    command(&["apply", "metadata-egress", "--yes"], 0);
    assert_eq!(net_11(), "pass");
    // The API server's defaults of what was made are no change.
    assert_eq!(command(&["plan", "metadata-egress"], 0), "no changes\n");

    command(&["undo", "metadata-egress", "--yes"], 0);
    assert_eq!(net_11(), "fail");
}
