//! Ports that Sidecars open to pods, in place of those of Services.

use super::entrance::{Destination, Entrance, From, Front, Opening};
use crate::facts::object::Object as _;
use crate::views::sidecars::own_sidecars;
use crate::views::{Context, MissingFact};

/// Entrances by listeners of Sidecars.
pub(super) fn entrances(context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
    let mut all = Vec::new();
    for own in own_sidecars(context)? {
        let sidecar = own.sidecar;
        let namespace = &*sidecar.metadata.namespace;
        for (index, listener) in sidecar.spec.ingress.iter().enumerate() {
            let endpoint = match &*listener.default_endpoint {
                "" => "the same port",
                endpoint => endpoint,
            };
            all.push(Entrance {
                object: sidecar.reference(),
                field: format!("spec.ingress[{index}]"),
                opening: Opening::Sidecar,
                port: format!("{} {}", listener.port.protocol, listener.port.number),
                from: From::Pods,
                hosts: Vec::new(),
                leads_to: vec![Destination {
                    is_ours: true,
                    is_platform: context.platform_namespaces().contains(&namespace),
                    ..Destination::new(
                        sidecar.reference(),
                        format!("{endpoint} of {}", own.pods()),
                        namespace,
                    )
                }],
                tls: match &listener.tls {
                    Some(tls) => Front::There(tls.mode.to_string()),
                    None => Front::Unknown("that of the mesh, by PeerAuthentications".into()),
                },
                login: Front::Missing("pods reach it without".into()),
                policy: Front::Unknown("see those of its pods".into()),
                network: Front::Unknown("see those of its pods".into()),
            });
        }
    }
    Ok(all)
}
