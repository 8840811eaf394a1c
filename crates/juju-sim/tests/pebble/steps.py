"""Asks a Pebble, with the client of ops, what the recordings were made by asking.

Arguments: the socket, a folder to write in, and an address of HTTP that is there. Prints a line
for each step: its name, and what came of it.
"""

import datetime
import json
import sys

import ops.pebble as pebble

socket, scratch, there = sys.argv[1:]
client = pebble.Client(socket_path=socket, timeout=30)
host, port = there.rsplit(":", 1)

LAYER = """
summary: test layer
description: made by feasibility run
services:
  web:
    override: replace
    summary: a web thing
    command: /bin/sh -c "while true; do echo hello-from-web; sleep 1; done"
    startup: enabled
    environment: {PORT: "8080"}
    on-check-failure: {bad: ignore}
    backoff-delay: 500ms
  oneshot:
    override: replace
    command: /bin/sh -c "echo once; sleep 30"
  crash:
    override: replace
    command: /bin/false
checks:
  good:
    override: replace
    level: alive
    period: 1s
    timeout: 800ms
    threshold: 2
    exec: {command: /bin/true}
  bad:
    override: replace
    level: ready
    period: 1s
    threshold: 2
    http: {url: "http://127.0.0.1:1/"}
  off:
    override: replace
    startup: disabled
    tcp: {port: PORT, host: HOST}
log-targets:
  loki:
    override: replace
    type: loki
    location: http://127.0.0.1:13100/loki/api/v1/push
    services: [all]
    labels: {juju_model: m1, juju_unit: app/0, port: $PORT}
""".replace("port: PORT", f"port: {port}").replace("HOST", host)

WITHOUT_WEB = """
log-targets:
  loki:
    override: merge
    services: [-web]
"""


def equal(came, wanted):
    if came != wanted:
        raise AssertionError(f"{came!r} instead of {wanted!r}")


def execute(wanted, *args, stdin=None, **options):
    process = client.exec(*args, stdin=stdin, **options)
    equal(process.wait_output(), wanted)


def interrupted():
    process = client.exec(["sleep", "20"])
    process.send_signal("SIGTERM")
    process.wait_output()


def pulled(path, wanted, **options):
    with client.pull(path, **options) as file:
        equal(file.read(), wanted)


def identities():
    bob = pebble.Identity(
        access="metrics", basic=pebble.BasicIdentity(password="$6$salt$notarealhash")
    )
    user = pebble.Identity(access="read", local=pebble.LocalIdentity(user_id=1000))
    client.replace_identities({"bob": bob, "u": user})
    equal(client.get_identities()["u"].local.user_id, 1000)


def forward_less():
    client.add_layer("app2", WITHOUT_WEB, combine=True)
    client.replan_services()


def notify():
    return client.notify(
        pebble.NoticeType.CUSTOM,
        "example.com/path/x",
        data={"k": "v", "n": "1"},
        repeat_after=datetime.timedelta(hours=1),
    )


STEPS = {
    "01-system-info": client.get_system_info,
    "02-plan-empty": client.get_plan,
    "03-add-layer-combine": lambda: client.add_layer("app", LAYER, combine=True),
    "04-add-layer-duplicate-error": lambda: client.add_layer("app", LAYER),
    "05-add-layer-bad-yaml-error": lambda: client.add_layer(
        "bad", "services:\n  x:\n    command: foo\n", combine=True
    ),
    "06-plan": lambda: equal(client.get_plan().checks["off"].startup.value, "disabled"),
    "07-replan": client.replan_services,
    "08-services-all": client.get_services,
    "09-services-one": lambda: client.get_services(["web"]),
    "10-start-oneshot": lambda: client.start_services(["oneshot"]),
    "11-start-crash-error-change": lambda: client.start_services(["crash"]),
    "12-restart-web": lambda: client.restart_services(["web"]),
    "13-stop-oneshot": lambda: client.stop_services(["oneshot"]),
    "14-start-unknown-error": lambda: client.start_services(["nope"]),
    "15-send-signal": lambda: client.send_signal("SIGHUP", ["web"]),
    "16-checks-all": client.get_checks,
    "17-checks-level-names": lambda: client.get_checks(
        level=pebble.CheckLevel.READY, names=["bad"]
    ),
    "18-checks-stop-start": lambda: (
        client.stop_checks(["good"]),
        client.start_checks(["good", "off"]),
    ),
    "19-checks-unknown-error": lambda: client.stop_checks(["nope"]),
    "20-files-push-text": lambda: client.push(
        f"{scratch}/a/b/conf.txt", "hello é\n", make_dirs=True, permissions=0o640
    ),
    "21-files-push-binary-owner": lambda: client.push(
        f"{scratch}/bin.dat", bytes(range(256)), permissions=0o600, user="root", group="root"
    ),
    "22-files-push-nodir-error": lambda: client.push(f"{scratch}/no/x", "x"),
    "23-files-pull-text": lambda: pulled(f"{scratch}/a/b/conf.txt", "hello é\n"),
    "24-files-pull-binary": lambda: pulled(
        f"{scratch}/bin.dat", bytes(range(256)), encoding=None
    ),
    "25-files-pull-missing-error": lambda: client.pull(f"{scratch}/nope"),
    "26-files-list": lambda: client.list_files(scratch),
    "27-files-list-pattern": lambda: client.list_files(scratch, pattern="*.dat"),
    "28-files-list-itself": lambda: client.list_files(scratch, itself=True),
    "29-files-list-missing-error": lambda: client.list_files(f"{scratch}/nope"),
    "30-files-mkdir": lambda: client.make_dir(
        f"{scratch}/d/e", make_parents=True, permissions=0o700
    ),
    "31-files-mkdir-exists-error": lambda: client.make_dir(f"{scratch}/d/e"),
    "32-files-remove": lambda: client.remove_path(f"{scratch}/bin.dat"),
    "33-files-remove-dir-nonrecursive-error": lambda: client.remove_path(f"{scratch}/d"),
    "34-files-remove-recursive": lambda: client.remove_path(f"{scratch}/d", recursive=True),
    "40-exec-output": lambda: execute(
        ("out\n/tmp\nbar\n", "err\n"),
        ["/bin/sh", "-c", "echo out; echo err >&2; pwd; echo $FOO"],
        environment={"FOO": "bar"},
        working_dir="/tmp",
    ),
    "41-exec-stdin": lambda: execute(
        ("line1\nline2\n", ""), ["cat"], stdin="line1\nline2\n"
    ),
    "42-exec-exit-3-error": lambda: execute(
        None, ["/bin/sh", "-c", "echo partial; exit 3"]
    ),
    "43-exec-combined": lambda: execute(
        ("out\nerr\n", None),
        ["/bin/sh", "-c", "echo out; echo err >&2"],
        combine_stderr=True,
    ),
    "44-exec-timeout-error": lambda: execute(None, ["sleep", "5"], timeout=0.5),
    "45-exec-notfound-error": lambda: execute(None, ["/no/such/bin"]),
    "46-exec-signal": interrupted,
    "47-exec-service-context": lambda: execute(
        ("8080\n", ""), ["/bin/sh", "-c", "echo $PORT"], service_context="web"
    ),
    "48-exec-workdir-missing-error": lambda: execute(
        None, ["pwd"], working_dir="/no/such"
    ),
    "50-notify": notify,
    "51-notice-get": lambda: client.get_notice(notice),
    "52-notices-all": lambda: client.get_notices(users=pebble.NoticesUsers.ALL),
    "53-notices-filter": lambda: client.get_notices(
        types=[pebble.NoticeType.CUSTOM, "change-update"], keys=["example.com/path/x"]
    ),
    "54-notice-missing-error": lambda: client.get_notice("99999"),
    "55-notify-badkey-error": lambda: client.notify(pebble.NoticeType.CUSTOM, "badkey"),
    "56-notify-again-within-repeat-after": notify,
    "60-changes-all": lambda: client.get_changes(pebble.ChangeState.ALL),
    "61-change-missing-error": lambda: client.get_change(pebble.ChangeID("99999")),
    "62-warnings": client.get_warnings,
    "63-identities": identities,
    "64-identities-remove": lambda: client.remove_identities(["u", "bob"]),
    "70-log-target-remove-web": forward_less,
    "71-checks-after-failures": client.get_checks,
    "72-notices-after-failures": lambda: client.get_notices(
        users=pebble.NoticesUsers.ALL
    ),
}

for name, step in STEPS.items():
    try:
        came = step()
        summary = "ok"
    except Exception as error:
        summary = f"{type(error).__name__}: {error}"
    if name == "50-notify":
        notice = came
    print(json.dumps({"name": name, "summary": summary}), flush=True)
