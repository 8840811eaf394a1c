output "app_name" {
  description = "Name of the application"
  value       = juju_application.ckf_hardening.name
}

output "provides" {
  description = "Endpoints that others may relate to, by what they are for"
  value = {
    gateway_certificates = "gateway-certificates"
    send_ca_cert         = "send-ca-cert"
    metrics_endpoint     = "metrics-endpoint"
    grafana_dashboard    = "grafana-dashboard"
  }
}

output "requires" {
  description = "Endpoints that relate to others, by what they are for"
  value = {
    certificates    = "certificates"
    gateway_info    = "gateway-info"
    logging         = "logging"
    catalogue       = "catalogue"
    ingress         = "ingress"
    dashboard_links = "dashboard-links"
  }
}
