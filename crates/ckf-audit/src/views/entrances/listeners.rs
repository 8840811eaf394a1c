//! Listeners of Gateways of the Gateway API: their own, and those of sets that are added to them.
//!
//! Source: the Gateway API's ListenerSet and ReferenceGrant, and istiod's `ListenerSetCollection`
//! and `ReferenceGrants`.

use crate::facts::gateway_attachments::{ListenerSet, ListenerSetSpec, XListenerSet};
use crate::facts::istio::{AmbientGateway, Listener, ParentRef, RouteNamespaces};
use crate::facts::object::{Meta, Object, ObjectRef};
use crate::views::{Context, MissingFact};

/// A listener of a Gateway.
pub struct GatewayListener<'a> {
    /// The object that has it: the Gateway or a set.
    pub object: ObjectRef,
    /// The listener.
    pub listener: &'a Listener,
    meta: &'a Meta,
    kind: &'static str,
}

/// Whether a parent's `from` takes what is in a namespace; routes come from its own by default.
fn takes(
    context: &Context<'_>,
    from: &RouteNamespaces,
    parent: &str,
    namespace: &str,
    is_own_by_default: bool,
) -> Result<bool, MissingFact> {
    Ok(match &*from.from {
        "All" => true,
        "Same" => parent == namespace,
        "None" => false,
        "Selector" => {
            let mut namespaces = context.namespaces()?.iter();
            let namespace = namespaces.find(|known| known.metadata.name == *namespace);
            let selector = from.selector.as_ref();
            namespace.is_some_and(|n| selector.is_some_and(|s| s.matches(&n.metadata.labels)))
        }
        _ => is_own_by_default && parent == namespace,
    })
}

/// Whether a reference to a parent means this object.
fn is_meant(parent: &ParentRef, own: &str, kind: &str, meta: &Meta) -> bool {
    parent.kind.as_deref().unwrap_or("Gateway") == kind
        && parent.name == *meta.name
        && parent.namespace.as_deref().unwrap_or(own) == &*meta.namespace
}

impl<'a> GatewayListener<'a> {
    /// All of a Gateway.
    pub fn all(
        context: &Context<'a>,
        gateway: &'a AmbientGateway,
    ) -> Result<Vec<Self>, MissingFact> {
        let own = gateway.spec.listeners.iter().map(|listener| Self {
            object: gateway.reference(),
            listener,
            meta: &gateway.metadata,
            kind: "Gateway",
        });
        let mut all: Vec<Self> = own.collect();
        let allowed = gateway.spec.allowed_listeners.as_ref();
        let Some(from) = allowed.and_then(|allowed| allowed.namespaces.as_ref()) else {
            return Ok(all);
        };
        if *from.from == *"None" {
            return Ok(all);
        }
        let mut add = |kind, object: ObjectRef, meta: &'a Meta, spec: &'a ListenerSetSpec| {
            let is_of = is_meant(&spec.parent_ref, &meta.namespace, "Gateway", &gateway.metadata);
            let (to, namespace) = (&*gateway.metadata.namespace, &*meta.namespace);
            if is_of && takes(context, from, to, namespace, false)? {
                let added = |listener| Self { object: object.clone(), listener, meta, kind };
                all.extend(spec.listeners.iter().map(added));
            }
            Ok(())
        };
        for set in context.listener_sets()? {
            add(ListenerSet::KIND, set.reference(), &set.metadata, &set.spec)?;
        }
        for set in context.x_listener_sets()? {
            add(XListenerSet::KIND, set.reference(), &set.metadata, &set.spec)?;
        }
        Ok(all)
    }

    /// Whether a route of a namespace that refers to these parents attaches to it.
    pub fn is_attached(
        &self,
        context: &Context<'_>,
        parents: &[ParentRef],
        own: &str,
    ) -> Result<bool, MissingFact> {
        let listener = self.listener;
        let is_parent = |parent: &ParentRef| {
            is_meant(parent, own, self.kind, self.meta)
                && parent.section_name.as_ref().is_none_or(|name| *name == listener.name)
                && parent.port.is_none_or(|port| port == listener.port)
        };
        let from = &listener.allowed_routes.namespaces;
        Ok(parents.iter().any(is_parent) && takes(context, from, &self.meta.namespace, own, true)?)
    }
}

/// Whether a route may lead to a Service: one of another namespace needs a grant there.
pub fn is_granted(
    context: &Context<'_>,
    (kind, own): (&str, &str),
    (namespace, service): (&str, &str),
) -> Result<bool, MissingFact> {
    if own == namespace {
        return Ok(true);
    }
    let mut grants = context.reference_grants()?.iter();
    Ok(grants.any(|grant| {
        *grant.metadata.namespace == *namespace && grant.allows((kind, own), ("Service", service))
    }))
}
