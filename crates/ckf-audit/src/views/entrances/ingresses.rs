//! Entrances by Ingresses: each controller of the cluster may serve them, beside the platform's
//! gateway and its login.

use super::entrance::{Destination, Entrance, From, Front, Opening};
use crate::facts::ingress::{Ingress, IngressBackend};
use crate::facts::object::Object as _;
use crate::views::{Context, MissingFact};

/// Controller that makes an Ingress a Gateway on the platform's gateway.
const ISTIO: &str = "istio.io/ingress-controller";

/// Whether Istio's own controller serves an Ingress, on the platform's gateway.
fn is_of_istio(context: &Context<'_>, ingress: &Ingress) -> Result<bool, MissingFact> {
    let Some(class) = &ingress.spec.ingress_class_name else {
        return Ok(false);
    };
    let mut classes = context.ingress_classes()?.iter();
    let known = classes.find(|known| *known.metadata.name == **class);
    Ok(known.map_or(&**class == "istio", |known| &*known.spec.controller == ISTIO))
}

/// Entrances by Ingresses, one for each host.
pub(super) fn entrances(context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
    let mut all = Vec::new();
    for ingress in context.ingresses()? {
        let by_gateway = is_of_istio(context, ingress)?;
        let spec = &ingress.spec;
        if let Some(backend) = &spec.default_backend {
            all.extend(entrance(
                context,
                ingress,
                "spec.defaultBackend",
                None,
                &[("/", backend)],
                by_gateway,
            )?);
        }
        for (index, rule) in spec.rules.iter().enumerate() {
            let paths: Vec<(&str, &IngressBackend)> = rule
                .http
                .paths
                .iter()
                .map(|path| (path.path.as_deref().unwrap_or("/"), &path.backend))
                .collect();
            let field = format!("spec.rules[{index}]");
            let host = rule.host.as_deref().filter(|host| !host.is_empty());
            all.extend(entrance(context, ingress, &field, host, &paths, by_gateway)?);
        }
    }
    Ok(all)
}

fn entrance(
    context: &Context<'_>,
    ingress: &Ingress,
    field: &str,
    host: Option<&str>,
    paths: &[(&str, &IngressBackend)],
    by_gateway: bool,
) -> Result<Option<Entrance>, MissingFact> {
    let namespace = &*ingress.metadata.namespace;
    let is_ours = context.is_ours(namespace)?;
    let services =
        paths.iter().filter_map(|(path, backend)| Some((path, backend.service.as_ref()?)));
    let leads_to: Vec<Destination> = services
        .map(|(path, service)| {
            let host = format!("{}.{namespace}.svc.cluster.local", service.name);
            let to = Destination::new(ingress.reference(), host, namespace);
            Destination { path: (*path).to_owned(), is_ours, ..to }
        })
        .collect();
    if leads_to.is_empty() {
        return Ok(None);
    }
    let has_tls = ingress.spec.tls.iter().any(|tls| {
        tls.hosts.is_empty() || host.is_some_and(|host| tls.hosts.iter().any(|of| **of == *host))
    });
    let of_gateway = |without: Front| match by_gateway {
        true => Front::Unknown("that of the gateway, which serves it".into()),
        false => without,
    };
    Ok(Some(Entrance {
        object: ingress.reference(),
        field: field.to_owned(),
        opening: Opening::Ingress,
        port: if has_tls { "HTTPS".into() } else { "HTTP".into() },
        from: From::Outside,
        hosts: host.iter().map(|host| (*host).to_owned()).collect(),
        leads_to,
        tls: match has_tls {
            true => Front::There("spec.tls".into()),
            false => of_gateway(Front::Missing("no spec.tls for the host".into())),
        },
        login: of_gateway(Front::Missing("an Ingress goes round the gateway's login".into())),
        policy: of_gateway(Front::Unknown("see those of the Service's pods".into())),
        network: Front::Unknown("that of its controller".into()),
    }))
}

/// Whether the platform's own gateway serves an Ingress, by its entrance.
pub fn is_by_gateway(entrance: &Entrance) -> bool {
    entrance.opening == Opening::Ingress && !entrance.login.is_missing()
}
