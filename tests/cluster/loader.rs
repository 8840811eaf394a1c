//! The sandbox' own loader beside another writer, as an object's controller is one.

use ckf_worlds::object;
use kube_sandbox::Sandbox;
use serde_json::json;

/// Writes of each of the two.
const WRITES: u32 = 40;

#[test]
fn object_that_another_client_writes_is_replaced() {
    let sandbox = Sandbox::start().unwrap();
    let write = |writer: &str| {
        let loader = sandbox.loader().unwrap();
        for count in 0..WRITES {
            let data = json!({"data": {"writer": writer, "count": count.to_string()}});
            loader.load(&[object("v1", "ConfigMap", "default", "shared", data)]).unwrap();
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| write("controller"));
        write("test");
        other.join().unwrap();
    });
}
