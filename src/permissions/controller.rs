//! Calls to the API of Juju's controller by use of the charm, each with the grants that it needs.
//! Tests have users with just these grants make the calls, and others be refused.

/// A grant to the login of `juju-credentials`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `juju grant NAME superuser`.
    Superuser,
    /// `juju grant NAME read MODEL`.
    ReadModel,
    /// `juju grant NAME write MODEL`.
    WriteModel,
}

impl Grant {
    /// As documents name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Superuser => "superuser",
            Self::ReadModel => "read of the model",
            Self::WriteModel => "write of the model",
        }
    }
}

/// A use of the charm.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// A credential of the option `rotate`, an option, or what is assessed.
    pub name: &'static str,
    /// Grants beside the login itself.
    pub grants: &'static [Grant],
    /// Facades and methods, beside `Admin.Login`.
    pub calls: &'static [&'static str],
}

/// Calls of every audit, as far as the login may make them.
const AUDIT: &[&str] = &[
    "ApplicationOffers.ListApplicationOffers",
    "Cloud.CloudInfo",
    "Cloud.Clouds",
    "Controller.ControllerConfig",
    "ModelManager.ListModelSummaries",
    "ModelManager.ModelInfo",
];

/// Every use.
pub const USES: &[Use] = &[
    Use { name: "any audit", grants: &[], calls: AUDIT },
    Use {
        name: "controls of the platform's applications",
        grants: &[Grant::ReadModel],
        calls: &[
            "Application.Get",
            "Block.List",
            "Charms.CharmInfo",
            "Client.FullStatus",
            "ModelConfig.GetModelSecretBackend",
            "ModelConfig.ModelGet",
            "Resources.ListResources",
        ],
    },
    Use {
        name: "controls CRED-01 to CRED-03, `users`",
        grants: &[Grant::Superuser],
        calls: &["UserManager.UserInfo"],
    },
    Use {
        name: "`rotate: own-login`",
        grants: &[],
        calls: &["UserManager.SetPassword", "UserManager.UserInfo"],
    },
    Use {
        name: "`rotate: juju-user/NAME`",
        grants: &[Grant::Superuser],
        calls: &["UserManager.SetPassword", "UserManager.UserInfo"],
    },
    Use {
        name: "`deliver: registration`",
        grants: &[Grant::Superuser],
        calls: &[
            "Controller.ControllerConfig",
            "UserManager.ResetPassword",
            "UserManager.UserInfo",
        ],
    },
    Use {
        name: "`disable-idle`",
        grants: &[Grant::Superuser],
        calls: &["UserManager.DisableUser", "UserManager.UserInfo"],
    },
    Use {
        name: "`rotate: dex`, `rotate: minio`",
        grants: &[Grant::WriteModel],
        calls: &["Application.Get", "Application.SetConfigs", "Client.FullStatus"],
    },
    Use {
        name: "`rotate: mysql/APPLICATION/USER`",
        grants: &[Grant::WriteModel],
        calls: &["Action.Actions", "Action.EnqueueOperation", "Client.FullStatus"],
    },
    Use {
        name: "`tls-secret`",
        grants: &[Grant::WriteModel],
        calls: &[
            "Application.Get",
            "Application.SetConfigs",
            "Client.FullStatus",
            "Secrets.CreateSecrets",
            "Secrets.GrantSecret",
            "Secrets.ListSecrets",
            "Secrets.UpdateSecrets",
        ],
    },
    Use {
        name: "`ca-bundle` of oidc-gatekeeper, remedies that set options",
        grants: &[Grant::WriteModel],
        calls: &[
            "Application.Get",
            "Application.SetConfigs",
            "Application.UnsetApplicationsConfig",
            "Client.FullStatus",
        ],
    },
    Use {
        name: "remedy `cos-relations`",
        grants: &[Grant::WriteModel],
        calls: &["Application.AddRelation", "Application.DestroyRelation", "Client.FullStatus"],
    },
    Use {
        name: "remedies `disabled-commands` and `model-configuration`",
        grants: &[Grant::WriteModel],
        calls: &[
            "Block.List",
            "Block.SwitchBlockOff",
            "Block.SwitchBlockOn",
            "ModelConfig.ModelGet",
            "ModelConfig.ModelSet",
        ],
    },
    Use {
        name: "remedy `controller-audit-log`",
        grants: &[Grant::Superuser],
        calls: &["Controller.ConfigSet", "Controller.ControllerConfig"],
    },
    Use {
        name: "`refresh`",
        grants: &[Grant::WriteModel],
        calls: &[
            "Application.GetCharmURLOrigin",
            "Application.SetCharm",
            "Charms.AddCharm",
            "Charms.ResolveCharms",
            "Client.FullStatus",
            "Resources.AddPendingResources",
            "Resources.ListResources",
        ],
    },
];

/// The use of a name.
pub fn use_of(name: &str) -> Option<&'static Use> {
    USES.iter().find(|one| one.name == name)
}
