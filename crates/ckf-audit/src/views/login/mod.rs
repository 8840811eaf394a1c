//! Login in front of a gateway, by the content of the filters on the way: which patches ask the
//! authoriser, what undoes them, and who the authoriser is.

mod authoriser;
mod content;
mod identity;
mod mesh;
mod of_pods;
mod undoing;

pub use self::authoriser::{Deviation, GATEKEEPER, GATEKEEPER_PORT, gatekeeper_host};
pub use self::content::{NoLogin, asks_for_login, content, is_hardening, unlike_istio_pilot};
pub use self::identity::{IdentitySetter, is_identity, modifiers, sets_identity, setters};
pub use self::mesh::{MeshAuthoriser, MeshLogin, authorisers, mesh_login};
pub use self::of_pods::{Login, LoginPatch, OWN_FILTER, Undone};
pub use self::undoing::undoing;
