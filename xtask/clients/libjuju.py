"""Calls a controller by PyPI's juju: users, access, models, status, options.

Arguments: address, file of the authority, uuid of a model. Fails where an answer is
not the one of a controller.
"""

import asyncio
import sys

from juju.client import client
from juju.client.connection import Connection
from juju.errors import JujuAPIError


async def main(address, authority, model):
    with open(authority) as file:
        cacert = file.read()
    login = {"endpoint": address, "username": "admin", "password": "admin-pw", "cacert": cacert, "retries": 0}

    controller = await Connection.connect(**login)
    users = client.UserManagerFacade.from_connection(controller)
    added = await users.AddUser(users=[client.AddUser(username="carol", display_name="Carol", password="one")])
    assert added.results[0].tag == "user-carol", added
    await users.SetPassword(changes=[client.EntityPassword(password="two", tag="user-carol")])
    shown = await users.UserInfo(entities=[client.Entity("user-carol")], include_disabled=True)
    assert shown.results[0].result.access == "login", shown
    assert shown.results[0].result.last_connection is None, shown
    access = client.ControllerFacade.from_connection(controller)
    await access.ModifyControllerAccess(
        changes=[client.ModifyControllerAccess(access="superuser", action="grant", user_tag="user-carol")]
    )
    models = client.ModelManagerFacade.from_connection(controller)
    summaries = await models.ListModelSummaries(all_=True, user_tag="user-admin")
    names = sorted(item.result.name for item in summaries.results)
    assert names == ["controller", "kubeflow"], names
    info = await models.ModelInfo(entities=[client.Entity("model-" + model)])
    assert info.results[0].result.users[0].access == "admin", info
    await users.DisableUser(entities=[client.Entity("user-carol")])
    await controller.close()

    try:
        refused = await Connection.connect(**{**login, "username": "carol", "password": "two"})
    except JujuAPIError as error:
        assert "invalid entity name or password" in str(error), error
    else:
        await refused.close()
        raise AssertionError("a disabled user was let in")

    platform = await Connection.connect(**login, uuid=model)
    status = await client.ClientFacade.from_connection(platform).FullStatus(patterns=[])
    assert status.applications["dex-auth"].charm == "ch:amd64/dex-auth-612", status
    options = client.ApplicationFacade.from_connection(platform)
    await options.SetConfigs(
        args=[client.ConfigSet(application="dex-auth", config={"static-password": "new"}, config_yaml="", generation="")]
    )
    shown = await options.Get(application="dex-auth", branch="")
    assert shown.config["static-password"]["value"] == "new", shown
    await platform.close()


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
