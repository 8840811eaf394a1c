//! The route to the report page, by the peer that offers `ingress` or `istio-ingress-route`.

use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::tool::present;

use crate::relations::{ingress_per_app, istio_ingress, istio_ingress_route};

/// Where the gateway has the report page, if this charm chooses.
pub const PREFIX: &str = "/hardening/";

/// How users reach the report page.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Route {
    /// Neither is related.
    #[default]
    None,
    /// This application has made no route yet.
    Pending(String),
    /// istio-pilot routes the prefix.
    Prefix,
    /// The peer chose this URL.
    Url(String),
}

impl Route {
    /// The route of a relation. istio-pilot states the versions that it supports, and the others
    /// the URL once there is a route.
    pub fn of(relation: Option<&Relation>) -> anyhow::Result<Self> {
        let Some(relation) = relation else {
            return Ok(Self::None);
        };
        let (name, databag) = peer(relation)?;
        if istio_ingress::speaks(&databag) {
            return Ok(Self::Prefix);
        }
        Ok(match ingress_per_app::url(&databag) {
            Some(url) => Self::Url(url),
            None => Self::Pending(name.unwrap_or_else(|| "the peer of ingress".into())),
        })
    }

    /// The route of a relation of `istio-ingress-route`, whose peer answers with its host.
    pub fn in_ambient(relation: Option<&Relation>) -> anyhow::Result<Self> {
        let Some(relation) = relation else {
            return Ok(Self::None);
        };
        let (name, databag) = peer(relation)?;
        Ok(match istio_ingress_route::url(&databag, PREFIX) {
            Some(url) => Self::Url(url),
            None => Self::Pending(name.unwrap_or_else(|| "the peer of istio-ingress-route".into())),
        })
    }

    /// This route, or another if there is none yet.
    pub fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::None, _) | (Self::Pending(_), Self::Prefix | Self::Url(_)) => other,
            _ => self,
        }
    }

    /// The page's URL; `None` without a route or without the external hostname.
    pub fn url(&self, host: Option<&str>) -> Option<String> {
        match self {
            Self::Prefix => Some(format!("https://{}{PREFIX}", host?)),
            Self::Url(url) => Some(format!("{}/", url.trim_end_matches('/'))),
            Self::None | Self::Pending(_) => None,
        }
    }

    /// The page's path on the host of Kubeflow's dashboard; `None` if it is not there.
    pub fn path(&self, host: Option<&str>) -> Option<String> {
        match self {
            Self::Prefix => Some(PREFIX.into()),
            Self::Url(url) => {
                let (_, rest) = url.split_once("://")?;
                let (on, path) = rest.split_once('/')?;
                let name = on.split(':').next().unwrap_or_default();
                let path = path.trim_matches('/');
                (Some(name) == host && !path.is_empty()).then(|| format!("/{path}/"))
            }
            Self::None | Self::Pending(_) => None,
        }
    }
}

/// Name and databag of a relation's other application, as far as they can be read.
fn peer(relation: &Relation) -> anyhow::Result<(Option<String>, Databag)> {
    let name = present(relation.application())?.flatten();
    let databag = match &name {
        Some(name) => present(relation.get(Side::Application(name)))?.unwrap_or_default(),
        None => Databag::new(),
    };
    Ok((name, databag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_is_on_the_dashboards_host_or_there_is_none() {
        let host = Some("kubeflow.example.com");
        let of = |url: &str| Route::Url(url.into());
        let own = of("https://kubeflow.example.com/kubeflow-ckf-hardening");
        assert_eq!(own.path(host).as_deref(), Some("/kubeflow-ckf-hardening/"));
        let url = own.url(None);
        assert_eq!(url.as_deref(), Some("https://kubeflow.example.com/kubeflow-ckf-hardening/"));
        assert_eq!(own.path(None), None);
        for other in ["https://other.example.com/x", "https://kubeflow.example.com", "/x"] {
            assert_eq!(of(other).path(host), None, "{other}");
        }
        assert_eq!(Route::Prefix.path(None).as_deref(), Some("/hardening/"));
        assert_eq!(Route::Prefix.url(None), None);
        assert_eq!(Route::Pending("traefik".into()).url(host), None);
    }

    #[test]
    fn route_that_is_there_goes_before_one_that_is_to_come() {
        let pending = || Route::Pending("gateway".into());
        assert_eq!(Route::None.or(pending()), pending());
        assert_eq!(pending().or(Route::Prefix), Route::Prefix);
        assert_eq!(pending().or(Route::None), pending());
        assert_eq!(Route::Prefix.or(pending()), Route::Prefix);
    }
}
