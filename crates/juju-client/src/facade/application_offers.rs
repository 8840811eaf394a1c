//! ApplicationOffers: what models offer to other models, and to whom.

use serde::{Deserialize, Serialize};

use super::wire::{Facade, or_default};
use crate::Error;
use crate::connection::Connection;

const FACADE: Facade = Facade { name: "ApplicationOffers", versions: &[4, 5, 6] };

/// An offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Offer {
    /// Its URL, `OWNER/MODEL.NAME`.
    pub offer_url: String,
    /// The application.
    pub application_name: String,
    /// Access by user.
    #[serde(deserialize_with = "or_default")]
    pub users: Vec<OfferUser>,
    /// Relations over it; none if nothing consumes it.
    #[serde(deserialize_with = "or_default")]
    pub connections: Vec<OfferConnection>,
}

/// A relation over an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct OfferConnection {
    /// User who consumes the offer.
    pub username: String,
    /// Tag of the model that does.
    pub source_model_tag: String,
}

/// A user's access to an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OfferUser {
    /// Name; `everyone@external` for all.
    pub user: String,
    /// `read`, `consume` or `admin`.
    pub access: String,
}

#[derive(Serialize)]
struct Filters<'a> {
    #[serde(rename = "Filters")]
    filters: [Filter<'a>; 1],
}

/// The owner has another name in version 6; the other one is not looked at.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Filter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_qualifier: Option<&'a str>,
    model_name: &'a str,
    offer_name: &'a str,
    application_name: &'a str,
    application_description: &'a str,
    application_user: &'a str,
    endpoints: [(); 0],
    connected_users: [(); 0],
    allowed_users: [(); 0],
}

impl Connection {
    /// The offers of a model, by its owner and name; needs `admin` of it.
    pub fn offers(&mut self, owner: &str, model: &str) -> Result<Vec<Offer>, Error> {
        let is_new = self.version(&FACADE)? >= 6;
        let filter = Filter {
            owner_name: (!is_new).then_some(owner),
            model_qualifier: is_new.then_some(owner),
            model_name: model,
            offer_name: "",
            application_name: "",
            application_description: "",
            application_user: "",
            endpoints: [],
            connected_users: [],
            allowed_users: [],
        };
        let params = Filters { filters: [filter] };
        #[derive(Deserialize)]
        struct Offers {
            #[serde(default, deserialize_with = "or_default")]
            results: Vec<Offer>,
        }
        let offers: Offers = self.call(&FACADE, "ListApplicationOffers", params)?;
        Ok(offers.results)
    }
}
