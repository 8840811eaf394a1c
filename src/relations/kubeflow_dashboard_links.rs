//! `kubeflow_dashboard_links`: a link in the menu of Kubeflow's dashboard. An unknown key or
//! location puts the dashboard charm into error.

use juju_charm::relation::Databag;
use serde_json::json;

/// Application databag.
pub fn application(path: &str) -> Databag {
    let links = json!([{
        "text": "Hardening", "link": path, "location": "menu", "type": "item",
        "icon": "icons:verified-user", "desc": "Compliance of this platform with its security guide",
    }]);
    Databag::from([("dashboard_links".into(), links.to_string())])
}
