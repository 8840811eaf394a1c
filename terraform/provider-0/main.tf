resource "juju_application" "ckf_hardening" {
  name       = var.app_name
  model      = var.model
  # The charm reads the whole cluster, and writes what it enforces.
  trust = true
  units = var.units

  charm {
    name     = "ckf-hardening"
    base     = var.base
    channel  = var.channel
    revision = var.revision
  }

  config      = var.config
  constraints = var.constraints
  resources   = var.resources
}
