// Calls a controller by npm's @canonical/jujulib: users, access, models, status.
//
// Arguments: folder of the packages, address, uuid of a model. NODE_EXTRA_CA_CERTS
// names the authority. Fails where an answer is not the one of a controller.

import assert from "node:assert";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [folder, address, model] = process.argv.slice(2);
const require = createRequire(path.join(folder, "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const library = "@canonical/jujulib/dist/api/";
const { connectAndLogin } = await load(library + "client.js");
const facade = async (name, version) =>
  (await load(`${library}facades/${name}/${version}.js`)).default;
const WebSocket = require("ws");

const login = async (url, facades) => {
  const options = { wsclass: WebSocket, facades: await Promise.all(facades) };
  const credentials = { username: "admin", password: "admin-pw" };
  return await connectAndLogin(url, options, credentials);
};

const controller = await login(`wss://${address}/api`, [
  facade("user-manager", "UserManagerV3"),
  facade("model-manager", "ModelManagerV9"),
  facade("controller", "ControllerV12"),
]);
const { userManager, modelManager } = controller.conn.facades;
const user = { "display-name": "Dora", username: "dora", password: "one" };
const added = await userManager.addUser({ users: [user] });
assert.equal(added.results[0].tag, "user-dora");
const again = await userManager.addUser({ users: [user] });
assert.match(again.results[0].error.message, /already exists/);
await userManager.setPassword({ changes: [{ tag: "user-dora", password: "two" }] });
const told = await userManager.userInfo({ entities: [{ tag: "user-dora" }], "include-disabled": true });
assert.equal(told.results[0].result.access, "login");
const grant = { "user-tag": "user-dora", action: "grant", access: "read", "model-tag": `model-${model}` };
const granted = await modelManager.modifyModelAccess({ changes: [grant] });
assert.deepEqual(granted.results, [{}]);
const models = await modelManager.listModels({ tag: "user-admin" });
assert.deepEqual(models["user-models"].map((m) => m.model.name).sort(), ["controller", "kubeflow"]);
controller.logout();

const platform = await login(`wss://${address}/model/${model}/api`, [facade("client", "ClientV8")]);
const status = await platform.conn.facades.client.fullStatus({ patterns: [] });
assert.equal(status.applications["dex-auth"].charm, "ch:amd64/dex-auth-612");
platform.logout();
