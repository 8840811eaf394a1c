//! The password of Dex's static user, an option of `dex-auth`. Dex restarts; who is
//! logged in stays so for up to a day.

use std::collections::BTreeMap;

use super::{Applied, Change, Juju, Refusal, prepared};

const CHARM: &str = "dex-auth";
const USERNAME: &str = "static-username";
const PASSWORD: &str = "static-password";
/// The user if no option names one.
const DEFAULT_USERNAME: &str = "admin";

pub(super) fn apply(change: &Change<'_>, juju: &mut dyn Juju) -> Result<Applied, Refusal> {
    let new = prepared(change)?;
    let model = juju.model()?;
    let status = model.status()?;
    let application = status
        .applications
        .iter()
        .find(|(_, application)| charm_name(&application.charm) == CHARM);
    let Some((application, _)) = application else {
        return Err(Refusal(format!(
            "no application of the model is of the charm {CHARM}; take dex out of the option rotate"
        )));
    };
    let config = model.application_config(application)?;
    let username = config.text(USERNAME);
    // Setting what holds would restart Dex for nothing.
    if config.text(PASSWORD).as_ref() != Some(new) {
        model.set_application_config(application, &BTreeMap::from([(PASSWORD, new)]))?;
    }
    Ok(Applied {
        username: username.map_or(DEFAULT_USERNAME.into(), |name| name.expose().to_owned()),
        ..Applied::default()
    })
}

/// The name in a charm's URL: `ch:amd64/dex-auth-612` is of `dex-auth`.
fn charm_name(url: &str) -> &str {
    let path = url.split_once(':').map_or(url, |(_, path)| path);
    let last = path.rsplit('/').next().unwrap_or(path);
    match last.rsplit_once('-') {
        Some((name, revision)) if revision.chars().all(|c| c.is_ascii_digit()) => name,
        _ => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_charm_is_in_its_url() {
        for (url, name) in [
            ("ch:amd64/dex-auth-612", "dex-auth"),
            ("ch:amd64/jammy/dex-auth-612", "dex-auth"),
            ("local:focal/dex-auth-0", "dex-auth"),
            ("local:dex-auth-0", "dex-auth"),
            ("dex-auth", "dex-auth"),
        ] {
            assert_eq!(charm_name(url), name, "{url}");
        }
    }
}
