//! Login in front of the pods of a gateway: its filters, and what they leave open.

use super::content::{asks_for_login, content};
use super::undoing::undoing;
use crate::facts::istio::{AmbientGateway, ConfigPatch, EnvoyFilter, ExtAuthz};
use crate::facts::labels::Labels;
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::authorization::Mesh;
use crate::views::ingress::patches_port;
use crate::views::{Context, MissingFact};

/// Name of the filter that istio-pilot writes.
pub const OWN_FILTER: &str = "istio-pilot-authn-filter";

/// A patch that asks for login.
pub type LoginPatch<'a> = (&'a EnvoyFilter, &'a ConfigPatch, &'a ExtAuthz);

/// Configuration that bypasses login, or part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undone {
    /// The object that does it.
    pub object: ObjectRef,
    /// The field.
    pub field: String,
    /// What it does.
    pub how: String,
}

/// Login in front of the pods of a gateway.
pub struct Login<'a> {
    /// EnvoyFilters that work on all or some of these pods.
    pub filters: Vec<&'a EnvoyFilter>,
    /// Patches that ask for login at all of these pods.
    pub patches: Vec<LoginPatch<'a>>,
    /// Patches that look like login and hold for a part of the requests only, or of the pods.
    pub partial: Vec<(LoginPatch<'a>, String)>,
    /// Configuration that bypasses it.
    pub undone: Vec<Undone>,
}

/// Whether a patch works on gateways.
fn is_for_gateways(patch: &ConfigPatch) -> bool {
    matches!(&*patch.context, "GATEWAY" | "ANY" | "")
}

impl<'a> Login<'a> {
    /// That of the pods of a namespace with these labels.
    pub fn of(
        context: &Context<'a>,
        namespace: &str,
        pods: &[&Labels],
    ) -> Result<Self, MissingFact> {
        let root = Mesh::of(context)?.root_namespace;
        let mut login = Self {
            filters: Vec::new(),
            patches: Vec::new(),
            partial: Vec::new(),
            undone: Vec::new(),
        };
        for filter in context.envoy_filters()? {
            let is_near =
                *filter.metadata.namespace == *namespace || *filter.metadata.namespace == *root;
            if !is_near || filter.has_targets {
                continue;
            }
            let of_pods = |labels: &&&Labels| labels.include(&filter.selector);
            let selected = pods.iter().filter(of_pods).count();
            if selected == 0 {
                continue;
            }
            login.filters.push(filter);
            login.take(filter, selected == pods.len())?;
        }
        Ok(login)
    }

    /// That of a Gateway of the Gateway API, whose pods istiod makes.
    pub fn of_gateway(
        context: &Context<'a>,
        gateway: &AmbientGateway,
    ) -> Result<Self, MissingFact> {
        let namespace = &*gateway.metadata.namespace;
        let mut login = Self::of(context, namespace, &[&Self::labels_of(gateway)])?;
        for filter in context.envoy_filters()?.iter().filter(|f| f.metadata.namespace == *namespace)
        {
            let mut targets = filter.targets.iter();
            if targets.any(|target| target.name == *gateway.metadata.name) {
                login.filters.push(filter);
                login.take(filter, true)?;
            }
        }
        Ok(login)
    }

    /// Labels of the pods that istiod makes for a Gateway of the Gateway API.
    pub fn labels_of(gateway: &AmbientGateway) -> Labels {
        const NAME: &str = "gateway.networking.k8s.io/gateway-name";
        Labels::from_iter([(NAME.into(), gateway.metadata.name.as_str().into())])
    }

    fn take(&mut self, filter: &'a EnvoyFilter, is_for_all: bool) -> Result<(), MissingFact> {
        for (index, patch) in filter.patches.iter().enumerate() {
            if !is_for_gateways(patch) {
                continue;
            }
            let what = content(filter, patch)?;
            let inserts = patch.apply_to == "HTTP_FILTER"
                && (patch.operation.starts_with("INSERT") || patch.operation == "ADD");
            match &patch.ext_authz {
                Some(login) if inserts => match asks_for_login(patch, what) {
                    Ok(()) if is_for_all => self.patches.push((filter, patch, login)),
                    Ok(()) => self.partial.push((
                        (filter, patch, login),
                        "its workloadSelector leaves out pods of the gateway".into(),
                    )),
                    Err(why) => self.partial.push(((filter, patch, login), why.to_string())),
                },
                _ => {
                    let how = undoing(patch, what);
                    self.undone.extend(how.map(|how| Undone {
                        object: filter.reference(),
                        field: format!("spec.configPatches[{index}]"),
                        how,
                    }));
                }
            }
        }
        Ok(())
    }

    /// Whether a login filter covers a port.
    pub fn covers(&self, port: u16) -> bool {
        self.patches.iter().any(|(_, patch, _)| patches_port(patch, port))
    }

    /// Every patch that asks an authoriser, also those that hold for a part only.
    pub fn asking(&self) -> impl Iterator<Item = LoginPatch<'a>> {
        let partial = self.partial.iter().map(|(patch, _)| *patch);
        self.patches.iter().copied().chain(partial)
    }
}
