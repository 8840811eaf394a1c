# Charmed Kubeflow and ckf-hardening in one plan. The modules of Charmed Kubeflow need a provider
# below 1.0, and so does this.
terraform {
  required_version = ">= 1.6"
  required_providers {
    juju = {
      source  = "juju/juju"
      version = ">= 0.14.0, < 1.0.0"
    }
  }
}

variable "hardening_image" {
  description = "Image of the agent, at a registry that the nodes pull from"
  type        = string
}

module "kubeflow" {
  source            = "git::https://github.com/canonical/charmed-kubeflow-solutions//modules/kubeflow?ref=track/1.10"
  cos_configuration = true
}

module "ckf_hardening" {
  source    = "../../provider-0"
  model     = module.kubeflow.model_name
  resources = { hardening-image = var.hardening_image }
  config    = { enforce = "tls-floor,https-redirect,platform-network-policies" }
  # It audits what is deployed.
  depends_on = [module.kubeflow]
}

# The gateway's certificate, by the charm's own authority.
resource "juju_integration" "gateway_certificates" {
  model = module.kubeflow.model_name
  application {
    name     = module.ckf_hardening.app_name
    endpoint = module.ckf_hardening.provides.gateway_certificates
  }
  application {
    name     = module.kubeflow.tls_certificate_requirer.app_name
    endpoint = module.kubeflow.tls_certificate_requirer.requires
  }
}
