//! `kubeflow_dashboard_links`: a link in the menu of Kubeflow's dashboard. An unknown key or
//! location puts the dashboard charm into error.

use juju_charm::relation::Databag;
use serde_json::json;

/// Application databag; without a route to the page there is no link.
pub fn application(path: Option<&str>) -> Databag {
    let links = path.map(|path| json!({
        "text": "Hardening", "link": path, "location": "menu", "type": "item",
        "icon": "icons:verified-user", "desc": "Compliance of this platform with its security guide",
    }));
    let links: Vec<_> = links.into_iter().collect();
    Databag::from([("dashboard_links".into(), json!(links).to_string())])
}
