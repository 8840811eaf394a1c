//! Places that hold certificates and private keys: Secrets, ConfigMaps, variables and arguments of
//! containers, under whatever name.

use crate::facts::core::ConfigMap;
use crate::facts::crypto_material::CryptoMaterial;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::secret::Secret;
use crate::views::{Context, MissingFact};

/// A place.
#[derive(Clone, Debug)]
pub struct KeyPlace<'a> {
    /// The object.
    pub object: ObjectRef,
    /// The field of it.
    pub field: String,
    /// Its key material.
    pub material: &'a CryptoMaterial,
    /// Whether the object is a Secret.
    pub is_secret: bool,
}

/// All places in the cluster's Secrets and pods, and in ConfigMaps of the platform's namespace.
pub fn key_places<'a>(context: &Context<'a>) -> Result<Vec<KeyPlace<'a>>, MissingFact> {
    let mut places = Vec::new();
    for secret in context.secrets()? {
        places.extend(of_secret(secret));
    }
    for map in context.config_maps()? {
        places.extend(of_config_map(map));
    }
    for pod in context.pods()? {
        for container in pod.all_containers() {
            let lists = [
                (&container.env, "env", ""),
                (&container.args, "args[", "]"),
                (&container.command, "command[", "]"),
            ];
            for (found, what, end) in lists {
                places.extend(found.iter().flatten().map(|material| KeyPlace {
                    object: pod.reference(),
                    field: match end {
                        "" => format!("container {} {what} {}", container.name, material.field),
                        end => {
                            format!("container {} {what}{}{end}", container.name, material.field)
                        }
                    },
                    material,
                    is_secret: false,
                }));
            }
        }
    }
    Ok(places)
}

/// Those of a Secret.
pub fn of_secret(secret: &Secret) -> impl Iterator<Item = KeyPlace<'_>> {
    secret.crypto.iter().map(|material| KeyPlace {
        object: secret.reference(),
        field: format!("data[{}]", material.field),
        material,
        is_secret: true,
    })
}

fn of_config_map(map: &ConfigMap) -> impl Iterator<Item = KeyPlace<'_>> {
    map.crypto.iter().map(|material| KeyPlace {
        object: map.reference(),
        field: format!("data[{}]", material.field),
        material,
        is_secret: false,
    })
}
