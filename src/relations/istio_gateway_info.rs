//! `istio-gateway-info`: the platform's Gateway, and whether it is up.

use juju_charm::relation::Databag;

/// The Gateway that istio-pilot manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayInfo {
    /// Name of the Gateway.
    pub name: String,
    /// Namespace of the Gateway.
    pub namespace: String,
    /// Whether it exists: istio-pilot removes it if it cannot put login in front of it.
    pub is_up: bool,
}

/// Parses the application databag; `None` until istio-pilot has written it.
pub fn read(remote: &Databag) -> Option<GatewayInfo> {
    Some(GatewayInfo {
        name: remote.get("gateway_name")?.clone(),
        namespace: remote.get("gateway_namespace")?.clone(),
        // Older versions do not write this key.
        is_up: remote.get("gateway_up").map(String::as_str) != Some("false"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_is_up_unless_reported_down() {
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
