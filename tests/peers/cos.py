"""What the peers' own libraries make of our databags: one document in, one out."""

import ipaddress
import json
import sys

from cosl import JujuTopology, LZMABase64
from jsonschema import validate
import yaml

wrote = json.load(sys.stdin)
topology = JujuTopology.from_dict(wrote["metadata"])
assert JujuTopology.from_dict(wrote["logs"]["metadata"]).identifier == topology.identifier
for group in wrote["logs"]["rules"]["groups"]:
    for rule in group["rules"]:
        assert rule["labels"]["juju_model_uuid"] == topology.model_uuid, rule
        assert "%%juju_topology%%" not in rule["expr"], rule

dashboards = []
for template in wrote["dashboards"]["templates"].values():
    assert template["charm"]
    dashboard = json.loads(LZMABase64.decompress(template["content"]))
    assert len(dashboard["uid"]) == 40 and isinstance(dashboard["version"], int), dashboard
    dashboards.append(dashboard["title"])

# The schema of version 2 as istio-pilot states it, validated as serialized-data-interface does.
import serialized_data_interface  # noqa: E402, F401

assert yaml.safe_load(wrote["ingress"]["_supported_versions"]) == ["v2"]
ingress = yaml.safe_load(wrote["ingress"]["data"])
validate(
    ingress,
    {
        "type": "object",
        "properties": {
            "service": {"type": "string"},
            "port": {"type": "integer"},
            "namespace": {"type": "string"},
            "prefix": {"type": "string"},
            "rewrite": {"type": "string"},
        },
        "required": ["service", "port", "namespace", "prefix"],
        "additionalProperties": False,
    },
)
# The same databag by the rules of istio-ingress-k8s and traefik: `IngressRequirerAppData` and
# `IngressRequirerUnitData` of lib/charms/traefik_k8s/v2/ingress.py, patch 19, at a9ef964 of
# canonical/istio-ingress-k8s-operator, which load the keys that they know as JSON.
route = {key: json.loads(wrote["ingress"][key]) for key in ("name", "model", "port", "strip-prefix")}
assert isinstance(route["name"], str) and isinstance(route["model"], str), route
assert type(route["port"]) is int and route["strip-prefix"] is True, route
pod = {key: json.loads(wrote["ingress_unit"][key]) for key in ("host", "ip")}
assert pod["host"].endswith(".svc.cluster.local"), pod
ipaddress.ip_address(pod["ip"])

for link in wrote["links"]:
    assert set(link) <= {"text", "link", "location", "icon", "type", "desc"}, link
    assert link["location"] in ("menu", "external", "quick", "documentation"), link

json.dump(
    {"identifier": topology.identifier, "dashboards": dashboards, "ingress": ingress},
    sys.stdout,
)
