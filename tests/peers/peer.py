"""A peer's charm with its own library, under ops.testing.

Reads one JSON object a line: the databags that our charm wrote, and answers with what the
library made of them and with what it wrote itself. State is kept from line to line.
"""

import dataclasses
import datetime
import json
import os
import sys

import ops
from charmlibs.interfaces import (
    certificate_transfer,
    istio_ingress_route,
    service_mesh,
    tls_certificates,
    tracing,
)
from ops import testing

HOST = "kubeflow.example.com"


class Requirer(ops.CharmBase):
    """A gateway, with the library of version 4, as istio-ingress-k8s has it."""

    META = {"name": "gateway", "requires": {"peer": {"interface": "tls-certificates"}}}
    MODE = tls_certificates.Mode.UNIT
    IS_CA = False

    def __init__(self, framework):
        super().__init__(framework)
        attributes = tls_certificates.CertificateRequestAttributes(
            common_name=HOST, sans_dns=frozenset([HOST]), is_ca=self.IS_CA
        )
        self.library = tls_certificates.TLSCertificatesRequiresV4(
            self, "peer", [attributes], mode=self.MODE
        )

    def told(self):
        certificates, key = self.library.get_assigned_certificates()
        capabilities = self.library.get_provider_capabilities()
        return {
            "certificates": [str(found.certificate) for found in certificates],
            "chains": [[str(one) for one in found.chain] for found in certificates],
            "has_key": key is not None,
            "errors": [error.error.model_dump() for error in self.library.get_request_errors()],
            "capabilities": capabilities and capabilities.model_dump(exclude_none=True),
        }


class ApplicationRequirer(Requirer):
    """The same, with one certificate for all units."""

    MODE = tls_certificates.Mode.APP


class AuthorityRequirer(Requirer):
    """One that wants to be an authority, which no gateway is."""

    IS_CA = True


class Provider(ops.CharmBase):
    """An authority, with the library of version 4, as self-signed-certificates has it."""

    META = {"name": "authority", "provides": {"peer": {"interface": "tls-certificates"}}}
    KEY = tls_certificates.PrivateKey.generate()
    CA = tls_certificates.Certificate.generate_self_signed_ca(
        attributes=tls_certificates.CertificateRequestAttributes(
            common_name="upstream", is_ca=True
        ),
        private_key=KEY,
        validity=datetime.timedelta(days=365),
    )

    def __init__(self, framework):
        super().__init__(framework)
        self.library = tls_certificates.TLSCertificatesProvidesV4(self, "peer")
        framework.observe(self.on["peer"].relation_changed, self._sign)

    def _sign(self, _):
        for request in self.library.get_outstanding_certificate_requests():
            certificate = request.certificate_signing_request.sign(
                ca=self.CA, ca_private_key=self.KEY, validity=datetime.timedelta(days=30)
            )
            self.library.set_relation_certificate(
                tls_certificates.ProviderCertificate(
                    relation_id=request.relation_id,
                    certificate=certificate,
                    certificate_signing_request=request.certificate_signing_request,
                    ca=self.CA,
                    chain=[certificate, self.CA],
                )
            )

    def told(self):
        requests = self.library.get_certificate_requests()
        return {
            "requests": [str(one.certificate_signing_request) for one in requests],
            "ca": str(self.CA),
        }


class Denier(Provider):
    """An authority that signs nothing, as lego does for names that ACME does not sign."""

    def _sign(self, _):
        for request in self.library.get_outstanding_certificate_requests():
            self.library.set_relation_error(
                tls_certificates.ProviderCertificateError(
                    relation_id=request.relation_id,
                    certificate_signing_request=request.certificate_signing_request,
                    error=tls_certificates.CertificateError(
                        code=tls_certificates.CertificateRequestErrorCode.DOMAIN_NOT_ALLOWED,
                        name="DOMAIN_NOT_ALLOWED",
                        message="ACME does not sign this",
                    ),
                )
            )


class Truster(ops.CharmBase):
    """Who trusts, as Prometheus does."""

    META = {"name": "truster", "requires": {"peer": {"interface": "certificate_transfer"}}}

    def __init__(self, framework):
        super().__init__(framework)
        self.library = certificate_transfer.CertificateTransferRequires(self, "peer")

    def told(self):
        return {"certificates": sorted(self.library.get_all_certificates())}


class Sender(ops.CharmBase):
    """Whose authority must be trusted, as Tempo's is."""

    META = {"name": "sender", "provides": {"peer": {"interface": "certificate_transfer"}}}

    def __init__(self, framework):
        super().__init__(framework)
        self.library = certificate_transfer.CertificateTransferProvides(self, "peer")
        framework.observe(self.on["peer"].relation_changed, self._send)

    def _send(self, event):
        self.library.add_certificates({str(Provider.CA)}, event.relation.id)

    def told(self):
        return {"ca": str(Provider.CA)}


class Tempo(ops.CharmBase):
    """A backend of traces."""

    META = {"name": "tempo", "provides": {"peer": {"interface": "tracing"}}}

    def __init__(self, framework):
        super().__init__(framework)
        self.library = tracing.TracingEndpointProvider(self, relation_name="peer")
        framework.observe(self.on["peer"].relation_changed, self._publish)

    def _publish(self, _):
        receivers = [(name, os.environ["RECEIVER"]) for name in self.library.requested_protocols()]
        self.library.publish_receivers(receivers)

    def told(self):
        return {"requested": sorted(self.library.requested_protocols())}


class Ingress(ops.CharmBase):
    """A gateway of the ambient mesh, as istio-ingress-k8s is."""

    META = {"name": "ingress", "provides": {"peer": {"interface": "istio_ingress_route"}}}

    def __init__(self, framework):
        super().__init__(framework)
        self.library = istio_ingress_route.IstioIngressRouteProvider(
            self, "peer", external_host=HOST, tls_enabled=True
        )

    def told(self):
        config = self.library.get_config(self.model.relations["peer"][0])
        return {"config": config and config.model_dump(mode="json", exclude_none=True)}


class TakenIngress(Ingress):
    """The same, where another application has the route."""

    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.library.on.ready, self._wipe)

    def _wipe(self, event):
        self.library.wipe_ingress_data(event.relation)


class Beacon(ops.CharmBase):
    """The ambient mesh, as istio-beacon-k8s has it."""

    META = {"name": "beacon", "provides": {"peer": {"interface": "service_mesh"}}}
    LABELS = {"istio.io/dataplane-mode": "ambient"}

    def __init__(self, framework):
        super().__init__(framework)
        self.library = service_mesh.ServiceMeshProvider(
            self, self.LABELS, service_mesh.MeshType.istio, mesh_relation_name="peer"
        )

    def told(self):
        return {"policies": [one.model_dump(mode="json") for one in self.library.mesh_info()]}


def main():
    kinds = (
        Requirer, ApplicationRequirer, AuthorityRequirer, Provider, Denier, Truster, Sender, Tempo,
        Ingress, TakenIngress, Beacon,
    )
    charm = {kind.__name__: kind for kind in kinds}
    charm = charm[sys.argv[1]]
    context = testing.Context(charm, meta=charm.META)
    relation = testing.Relation("peer", remote_app_name="ckf-hardening")
    state = context.run(
        context.on.relation_created(relation),
        testing.State(leader=True, relations={relation}),
    )
    for line in sys.stdin:
        wrote = json.loads(line)
        relation = dataclasses.replace(
            state.get_relation(relation.id),
            remote_app_data=wrote["application"],
            remote_units_data={0: wrote["unit"]},
        )
        before = len(context.emitted_events)
        state = dataclasses.replace(state, relations={relation})
        with context(context.on.relation_changed(relation, remote_unit=0), state) as manager:
            state = manager.run()
            told = manager.charm.told()
        relation = state.get_relation(relation.id)
        told["events"] = [type(event).__name__ for event in context.emitted_events[before:]]
        told["application"] = dict(relation.local_app_data)
        told["unit"] = dict(relation.local_unit_data)
        print(json.dumps(told), flush=True)


main()
