//! A platform of many tenants.

use serde_json::json;

use crate::platform::{pod, workload};
use crate::{World, profile, release};

/// Pods that [`profile`] itself makes.
const OWN_PODS: usize = 2;

/// The stock world with so many profiles more, which share so many pods.
pub fn large(name: &str, pods: usize, profiles: usize) -> World {
    let release = release(name);
    let mut world = World::stock(name);
    let notebooks = (pods / profiles).saturating_sub(OWN_PODS);
    for number in 0..profiles {
        let namespace = format!("user-{number:05}");
        world.objects.extend(profile(&namespace, &format!("{namespace}@example.com"), &release));
        let template = world.objects[world.objects.len() - 1].clone();
        for notebook in 0..notebooks {
            let name = format!("notebook-{notebook}");
            let labels = json!({"notebook-name": name, "app": name});
            let spec = &template["spec"];
            let mut made =
                pod(&namespace, &format!("{name}-0"), &labels, spec, Some(("StatefulSet", &name)));
            made["spec"]["initContainers"] = spec["initContainers"].clone();
            world.objects.push(workload("StatefulSet", &namespace, &name, &labels, spec));
            world.objects.push(made);
        }
    }
    world
}
