//! The description and the decision of each remedy.

use super::about::About;
use super::desired::Decision;
use super::remedy::Remedy;
use super::{
    configuration, cos_relations, hsts, https_redirect, metadata_egress, mutual_tls,
    platform_network_policies, pod_security_labels, profile_network_policies, profile_users,
    removals, settings, tls_floor,
};
use crate::views::{Context, MissingFact};

type Decide = fn(&Context<'_>) -> Result<Decision, MissingFact>;

macro_rules! registry {
    ($($variant:ident: $decide:path, $about:expr;)*) => {
        impl Remedy {
            /// Its description.
            pub fn about(self) -> &'static About {
                match self { $(Self::$variant => const { &$about },)* }
            }

            pub(super) fn decide(self, context: &Context<'_>) -> Result<Decision, MissingFact> {
                let decide: Decide = match self { $(Self::$variant => $decide,)* };
                decide(context)
            }
        }
    };
}

registry! {
    TlsFloor: tls_floor::decide, tls_floor::ABOUT;
    HttpsRedirect: https_redirect::decide, https_redirect::ABOUT;
    Hsts: hsts::decide, hsts::ABOUT;
    PodSecurityLabels: pod_security_labels::decide, pod_security_labels::ABOUT;
    ProfileNetworkPolicies: profile_network_policies::decide, profile_network_policies::ABOUT;
    MetadataEgress: metadata_egress::decide, metadata_egress::ABOUT;
    PlatformNetworkPolicies: platform_network_policies::decide, platform_network_policies::ABOUT;
    MutualTls: mutual_tls::decide, mutual_tls::ABOUT;
    ProfileUsers: profile_users::decide, profile_users::ABOUT;
    SecureCookies: settings::secure_cookies, settings::SECURE_COOKIES;
    ProfileSecurityPolicy: settings::profile_security_policy, settings::PROFILE_SECURITY_POLICY;
    PasswordDatabase: settings::password_database, settings::PASSWORD_DATABASE;
    DeclaredOptions: settings::declared_options, settings::DECLARED_OPTIONS;
    DefaultImages: settings::default_images, settings::DEFAULT_IMAGES;
    CosRelations: cos_relations::decide, cos_relations::ABOUT;
    ControllerAuditLog: configuration::controller_audit_log, configuration::CONTROLLER_AUDIT_LOG;
    DisabledCommands: configuration::disabled_commands, configuration::DISABLED_COMMANDS;
    ModelConfiguration: configuration::model_configuration, configuration::MODEL_CONFIGURATION;
    ServiceAccountTokens: removals::service_account_tokens, removals::SERVICE_ACCOUNT_TOKENS;
    ForeignRoleBindings: removals::foreign_role_bindings, removals::FOREIGN_ROLE_BINDINGS;
    WildcardPolicies: removals::wildcard_policies, removals::WILDCARD_POLICIES;
}

impl Remedy {
    /// Remedies that fix findings of a control.
    pub fn of_control(id: &str) -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(move |remedy| remedy.about().controls.contains(&id))
    }

    /// Remedies that delete no user-created objects.
    pub fn additive() -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(|remedy| !remedy.about().only_by_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn remedy_has_unique_name_and_fixes_known_controls() {
        for remedy in Remedy::ALL {
            assert_eq!(remedy.name().parse::<Remedy>(), Ok(*remedy));
            let about = remedy.about();
            assert!(!about.controls.is_empty(), "{remedy}");
            for text in [about.does, about.reach, about.breaks, about.works_on, about.source] {
                assert!(text.len() > 10, "{remedy}: {text:?}");
            }
            for id in about.controls {
                assert!(catalog::control(id).is_some(), "{remedy}: {id}");
            }
        }
        let unknown = "tls".parse::<Remedy>().unwrap_err();
        assert!(unknown.to_string().contains("tls-floor"), "{unknown}");
    }
}
