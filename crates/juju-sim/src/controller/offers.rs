//! ApplicationOffers: what models offer to others.

use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::reply::{Reply, denied, parse};
use super::state::{HostedModel, Offer, State};

pub(super) fn offers(
    state: &State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Filter {
        #[serde(default)]
        model_qualifier: String,
        #[serde(default)]
        owner_name: String,
        #[serde(default)]
        model_name: String,
    }
    impl Filter {
        fn is_of(&self, model: &HostedModel) -> bool {
            let owner = [&self.model_qualifier, &self.owner_name];
            let mut named = owner.into_iter().filter(|name| !name.is_empty());
            self.model_name == model.name && named.all(|name| *name == model.owner)
        }
    }
    #[derive(Deserialize)]
    struct Filters {
        #[serde(rename = "Filters")]
        filters: Vec<Filter>,
    }
    if method != "ListApplicationOffers" {
        return None;
    }
    let is_admin = |model: &HostedModel| {
        caller.is_superuser || model.users.get(&caller.user).is_some_and(|a| a == "admin")
    };
    Some(parse::<Filters>(params).and_then(|params| {
        let is_wanted = |model: &HostedModel| params.filters.iter().any(|f| f.is_of(model));
        if state.models.values().any(|model| is_wanted(model) && !is_admin(model)) {
            return denied();
        }
        let of = |offer: &&Offer| state.models.get(&offer.model).is_some_and(is_wanted);
        let all = state.offers.iter().filter(of).map(|offer| {
            let model = &state.models[&offer.model];
            let mut users = offer.users.clone();
            if caller.is_superuser {
                // A superuser without access of its own is listed as an administrator.
                users.entry(caller.user.clone()).or_insert_with(|| "admin".to_owned());
            }
            // All other users may read a new offer, and are not listed.
            let users = users
                .iter()
                .map(|(user, access)| json!({"user": user, "display-name": "", "access": access}));
            let mut result = json!({
                "offer-url": format!("{}/{}.{}", model.owner, model.name, offer.name),
                "offer-name": offer.name, "application-name": offer.application,
                "source-model-tag": format!("model-{}", offer.model),
                "users": users.collect::<Vec<_>>(),
            });
            // Left out if there are none.
            if let Some(consumers) = state.consumers.get(&offer.name) {
                let connections = consumers.iter().enumerate().map(|(id, user)| {
                    json!({
                        "source-model-tag": format!("model-{}", state.uuid), "relation-id": id,
                        "username": user, "endpoint": offer.name, "ingress-subnets": null,
                        "status": {"status": "joined", "info": "", "since": null},
                    })
                });
                result["connections"] = connections.collect();
            }
            result
        });
        Ok(json!({"results": all.collect::<Vec<_>>()}))
    }))
}
