//! Deployments in the ambient mesh, and on their way to it.

use serde_json::{Value, json};

use super::{Extent, FORM, ambient_profile, ambient_tenant, join, objects};
use crate::{World, platform, release};

/// Applications that are migrated half-way through the guide's steps, before login is.
const MIGRATED: [&str; 5] =
    ["admission-webhook", "katib-controller", "katib-ui", "training-operator", "kserve-controller"];
/// Applications of the ambient mesh.
const MESH: [&str; 3] = ["istio-beacon-k8s", "istio-ingress-k8s", "istio-k8s"];

/// A release in its ambient form: `latest` has no other.
pub fn ambient_release(name: &str) -> Value {
    let mut all = release(name);
    with_mesh(&mut all);
    let applications = all["applications"].as_object_mut().expect("a release has applications");
    applications.retain(|app, _| !FORM.without.iter().any(|gone| gone == app));
    let is_of_istio = |image: &Value| image.as_str().is_some_and(|i| i.contains("/istio/"));
    let newest = release("latest");
    let of_istio = newest["platform-images"].as_array().into_iter().flatten();
    let of_istio = of_istio.filter(|image| is_of_istio(image));
    let images = all["platform-images"].as_array_mut().expect("a release has images");
    images.retain(|image| !is_of_istio(image));
    images.extend(of_istio.cloned());
    all["mesh"] = json!("ambient");
    all
}

/// Adds the mesh's applications.
fn with_mesh(release_: &mut Value) {
    let newest = release("latest");
    for app in MESH {
        release_["applications"][app] = newest["applications"][app].clone();
    }
}

/// A stock deployment in the ambient mesh, without TLS, with the profile `admin`.
pub(crate) fn ambient(name: &str) -> World {
    let release = ambient_release(name);
    let has = |_: &str| true;
    let mut all = platform::objects(&release);
    join(&mut all, &has);
    all.extend(objects(&release, &Extent { login: true, has: &has }));
    all.extend(ambient_profile("admin", "admin", &release));
    all.extend(ambient_tenant("admin", &release));
    World { objects: all }
}

/// A stock deployment of 1.11 half-way through its migration to the ambient mesh: both meshes
/// run, istio-k8s has taken istiod over, some applications are reached by the new ingress, and
/// login is still in front of the old gateway only.
pub(crate) fn migrating() -> World {
    let mut world = World::stock("1.11");
    let has = |app: &str| MIGRATED.contains(&app) || MESH.contains(&app);
    let ambient = ambient_release("1.11");
    let applications = ambient["applications"].as_object().into_iter().flatten();
    let of_mesh = applications.filter(|(app, _)| MESH.contains(&app.as_str()));
    let mut new: Vec<Value> =
        of_mesh.flat_map(|(app, data)| platform::application(app, data)).collect();
    new.extend(objects(&ambient, &Extent { login: false, has: &has }));
    join(&mut world.objects, &has);
    let identity = |o: &Value| {
        let metadata = &o["metadata"];
        (o["kind"].clone(), metadata["namespace"].clone(), metadata["name"].clone())
    };
    let replaced: Vec<_> = new.iter().map(identity).collect();
    world.objects.retain(|object| !replaced.contains(&identity(object)));
    world.objects.extend(new);
    world
}
