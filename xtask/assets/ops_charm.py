"""The yardstick of a hook: options, leadership and a status, by ops."""

import ops


class Charm(ops.CharmBase):
    """Does what ckf-hardening does in a hook without a cluster."""

    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.start, self._reconcile)

    def _reconcile(self, _):
        leader = self.unit.is_leader()
        profile = self.config["profile"]
        self.unit.status = ops.ActiveStatus("leads" if leader else f"stands by, {profile}")


ops.main(Charm)
