output "app_name" {
  description = "Name of the application"
  value       = juju_application.ckf_hardening.name
}

output "provides" {
  description = "Endpoints that the charm provides, by purpose"
  value = {
    gateway_certificates = "gateway-certificates"
    send_ca_cert         = "send-ca-cert"
    metrics_endpoint     = "metrics-endpoint"
    grafana_dashboard    = "grafana-dashboard"
  }
}

output "requires" {
  description = "Endpoints that the charm requires, by purpose"
  value = {
    certificates        = "certificates"
    gateway_info        = "gateway-info"
    logging             = "logging"
    catalogue           = "catalogue"
    ingress             = "ingress"
    istio_ingress_route = "istio-ingress-route"
    service_mesh        = "service-mesh"
    dashboard_links     = "dashboard-links"
    charm_tracing       = "charm-tracing"
    receive_ca_cert     = "receive-ca-cert"
  }
}
