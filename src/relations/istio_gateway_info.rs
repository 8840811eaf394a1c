//! `istio-gateway-info`: which Gateway is the platform's, and whether istio-pilot has it up.

use juju_charm::relation::Databag;

/// What istio-pilot tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayInfo {
    /// Name of the Gateway.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Whether it is there: istio-pilot takes it away when login cannot be put before it.
    pub is_up: bool,
}

/// Reads the application's databag; `None` until it tells.
pub fn read(remote: &Databag) -> Option<GatewayInfo> {
    Some(GatewayInfo {
        name: remote.get("gateway_name")?.clone(),
        namespace: remote.get("gateway_namespace")?.clone(),
        // Older ones do not tell.
        is_up: remote.get("gateway_up").map(String::as_str) != Some("false"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_up_unless_istio_pilot_says_that_it_is_not() {
        let bag = |up: Option<&str>| {
            let mut bag = Databag::from([
                ("gateway_name".into(), "kubeflow-gateway".into()),
                ("gateway_namespace".into(), "kubeflow".into()),
            ]);
            bag.extend(up.map(|up| ("gateway_up".to_owned(), up.to_owned())));
            bag
        };
        assert!(read(&bag(None)).unwrap().is_up);
        assert!(read(&bag(Some("true"))).unwrap().is_up);
        assert!(!read(&bag(Some("false"))).unwrap().is_up);
        assert_eq!(read(&Databag::new()), None);
    }
}
