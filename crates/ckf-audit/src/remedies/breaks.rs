//! Existing flows that a change would break, as far as the facts show them.

use std::collections::BTreeMap;
use std::fmt;

use super::about::Risk;
use super::edit::Target;
use super::managed::DesiredObject;
use super::remedy::Remedy;
use crate::facts::core::{Pod, Service};
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::context::{Context, MissingFact, by_namespace};

/// An existing flow that a change would break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The remedy whose change breaks it.
    pub remedy: Remedy,
    /// Subject of that change.
    pub cause: Target,
    /// The namespace of the flow.
    pub namespace: String,
    /// The object that becomes unreachable or stops running.
    pub object: ObjectRef,
    /// Description of the flow.
    pub text: String,
    /// Severity of the break.
    pub risk: Risk,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Collects the flows that one change would break.
pub(super) struct Breaks {
    remedy: Remedy,
    cause: Target,
    namespace: String,
    breaks: Vec<Break>,
}

impl Breaks {
    /// For the creation of a managed object.
    pub(super) fn of(remedy: Remedy, desired: &DesiredObject) -> Self {
        let cause = ObjectRef::new(
            desired.kind.api_version,
            desired.kind.kind,
            &desired.namespace,
            &desired.name,
        );
        Self::by(remedy, Target::Object(cause), &desired.namespace)
    }

    /// For any change.
    pub(super) fn by(remedy: Remedy, cause: Target, namespace: &str) -> Self {
        Self { remedy, cause, namespace: namespace.into(), breaks: Vec::new() }
    }

    pub(super) fn add(&mut self, object: ObjectRef, risk: Risk, text: String) {
        self.breaks.push(Break {
            remedy: self.remedy,
            cause: self.cause.clone(),
            namespace: self.namespace.clone(),
            object,
            text,
            risk,
        });
    }

    pub(super) fn finish(self) -> Vec<Break> {
        self.breaks
    }
}

/// Services, running pods and webhook backends of a cluster, by namespace.
pub(super) struct Flows<'a> {
    services: BTreeMap<&'a str, Vec<&'a Service>>,
    pods: BTreeMap<&'a str, Vec<&'a Pod>>,
    /// Services that the API server calls: namespace, name and webhook.
    called: Vec<(&'a str, &'a str, &'a str)>,
}

impl<'a> Flows<'a> {
    pub(super) fn read(context: &Context<'a>) -> Result<Self, MissingFact> {
        let mutating = context.mutating_webhooks()?.iter();
        let validating = context.validating_webhooks()?.iter();
        let webhooks = mutating
            .flat_map(|configuration| &configuration.webhooks)
            .chain(validating.flat_map(|configuration| &configuration.webhooks));
        let called = webhooks.filter_map(|webhook| {
            let service = webhook.client_config.service.as_ref()?;
            Some((&*service.namespace, &*service.name, &*webhook.name))
        });
        let running = context.pods()?.iter().filter(|pod| !pod.is_finished());
        Ok(Self {
            services: by_namespace(context.services()?),
            pods: by_namespace(running),
            called: called.collect(),
        })
    }

    /// Running pods of a namespace.
    pub(super) fn pods(&self, namespace: &str) -> &[&'a Pod] {
        self.pods.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Services of a namespace.
    pub(super) fn services(&self, namespace: &str) -> &[&'a Service] {
        self.services.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The first pod that a Service selects and the predicate accepts.
    pub(super) fn behind(
        &self,
        service: &Service,
        is_one: impl Fn(&Pod) -> bool,
    ) -> Option<&'a Pod> {
        let here = self.pods(&service.metadata.namespace).iter();
        let mut pods = here.filter(|pod| is_one(pod));
        let pod = pods.find(|pod| service.selects(&pod.metadata.namespace, &pod.metadata.labels));
        pod.copied()
    }

    /// Adds flows from outside the cluster, or from the API server, to these pods of a namespace.
    pub(super) fn outside_callers(
        &self,
        breaks: &mut Breaks,
        namespace: &str,
        is_protected: impl Fn(&Pod) -> bool,
    ) {
        for service in self.services(namespace) {
            let Some(pod) = self.behind(service, &is_protected) else {
                continue;
            };
            let (name, pod) = (service.reference(), &pod.metadata.name);
            if service.is_exposed() {
                let kind = &service.spec.kind;
                let text = format!("{name}, a {kind}, exposes {pod} outside the cluster");
                breaks.add(name.clone(), Risk::Medium, text);
            }
            let mut called = self.called.iter();
            let is_called = called
                .find(|(within, service, _)| *within == &*name.namespace && *service == name.name);
            if let Some((_, _, webhook)) = is_called {
                let text = format!("the API server calls webhook {webhook} at {pod}");
                breaks.add(name, Risk::High, text);
            }
        }
    }
}
