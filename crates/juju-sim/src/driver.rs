//! Runs a charm as Juju's agent does.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use crate::charm::Charm;
use crate::commit::Pending;
use crate::consistency;
use crate::controller::Controller;
use crate::event::Event;
use crate::fault::{Absence, Fault, Interruption};
use crate::model::{ActionResult, Call, Juju, Model};
use crate::pebble::Pebble;
use crate::server;
use crate::session::{Action, Hook, Link, Session, lock};
use crate::tools::TOOLS;

/// The outcome of an event.
#[derive(Debug)]
pub struct Outcome {
    /// How `dispatch` ended; `None` if Juju refused to run it.
    pub exit: Option<ExitStatus>,
    /// What it printed.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
    /// The hook tools that it called.
    pub calls: Vec<Call>,
    /// Why Juju would not commit what it wrote.
    pub commit_error: Option<String>,
    /// What became of an action.
    pub action: Option<ActionResult>,
}

impl Outcome {
    /// Whether `dispatch` ended well and its writes were committed.
    pub fn committed(&self) -> bool {
        self.exit.is_some_and(|e| e.success()) && self.commit_error.is_none()
    }

    /// The result of an action that did not fail.
    pub fn results(&self) -> &Map<String, Value> {
        let action = self.action.as_ref().expect("the event is an action");
        assert_eq!(action.failed, None, "the action failed");
        &action.results
    }
}

/// A unit of a charm in a simulated model.
pub struct Simulation {
    // Before the directory, which holds their files.
    pub(crate) pebbles: BTreeMap<String, Pebble>,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) session: Arc<Mutex<Session>>,
    /// Variables that the container has and Juju passes on.
    pub environment: BTreeMap<String, OsString>,
    pub(crate) controller: Option<Controller>,
    in_error: Option<Event>,
    fired: u64,
}

impl Simulation {
    /// A unit of the charm whose files are in a directory, with this executable
    /// as its `dispatch`.
    pub fn new(charm: &Path, dispatch: &Path) -> anyhow::Result<Self> {
        let read = Charm::read(charm)?;
        let directory = tempfile::Builder::new().prefix("juju-sim-").tempdir()?;
        let own = directory.path().join("charm");
        let tools = directory.path().join("tools");
        fs::create_dir(&own)?;
        fs::create_dir(&tools)?;
        for name in ["metadata.yaml", "config.yaml", "actions.yaml"] {
            if charm.join(name).exists() {
                fs::copy(charm.join(name), own.join(name))?;
            }
        }
        let dispatch =
            dispatch.canonicalize().with_context(|| format!("dispatch {}", dispatch.display()))?;
        symlink(dispatch, own.join("dispatch"))?;
        let hook_tool = hook_tool()?;
        for (tool, _) in TOOLS {
            symlink(hook_tool, tools.join(tool))?;
        }
        let session = Arc::new(Mutex::new(Session {
            model: Model::new(&read.name),
            charm: read,
            hook: None,
            dispatch: None,
            fault: None,
            fault_at: None,
            absence: None,
        }));
        server::listen(&directory.path().join("agent.socket"), session.clone())?;
        Ok(Self {
            pebbles: BTreeMap::new(),
            directory,
            session,
            environment: BTreeMap::new(),
            controller: None,
            in_error: None,
            fired: 0,
        })
    }

    /// The charm's own files, as Juju reads them.
    pub fn charm(&self) -> Charm {
        lock(&self.session).charm.clone()
    }

    /// The model as it is.
    pub fn model(&self) -> Model {
        lock(&self.session).model.clone()
    }

    /// Changes the model.
    pub fn change(&mut self, change: impl FnOnce(&mut Model)) {
        change(&mut lock(&self.session).model);
    }

    /// Sets an option, as `juju config` would; Juju refuses one of another type.
    pub fn set_option(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let mut session = lock(&self.session);
        if let Err(error) = session.charm.check_option(name, &value) {
            panic!("juju config: {error}");
        }
        session.model.options.insert(name.into(), value);
    }

    /// Lets the calls of a controller's API count as the charm's calls of tools do.
    pub fn attach(&mut self, controller: Controller) {
        controller.link(Link(self.session.clone()));
        self.controller = Some(controller);
    }

    /// The controller that is attached.
    ///
    /// # Panics
    /// If none is.
    pub fn controller(&self) -> &Controller {
        self.controller.as_ref().expect("a controller is attached")
    }

    /// Interrupts the charm at a call to come; counted from now on.
    pub fn interrupt(&mut self, fault: Option<Fault>) {
        lock(&self.session).fault = fault;
    }

    /// Interrupts the charm at its next call of a hook tool or of the controller, by
    /// its name: `secret-set`, `UserManager.SetPassword`, `pebble POST /v1/layers`.
    pub fn interrupt_at(&mut self, call: &str, what: Interruption) {
        lock(&self.session).fault_at = Some((call.to_owned(), what));
    }

    /// Has a tool that reads find gone what it is asked about, after so many calls of such tools;
    /// how many are left of one that has not come.
    pub fn miss(&mut self, absence: Option<(usize, Absence)>) -> Option<(usize, Absence)> {
        std::mem::replace(&mut lock(&self.session).absence, absence)
    }

    /// Takes the unit out of error without another try, as `juju resolve
    /// --no-retry` does.
    pub fn resolve(&mut self) {
        self.in_error = None;
    }

    /// What the controller does in its own time: secrets that were removed go.
    pub fn settle(&mut self) {
        self.change(|model| model.secrets.retain(|secret| !secret.removed));
    }

    /// The charm's directory.
    pub fn charm_directory(&self) -> PathBuf {
        self.directory.path().join("charm")
    }

    /// Runs `dispatch` for an event.
    ///
    /// # Panics
    /// If Juju would not fire the event, or would not have the model: an unknown container,
    /// a relation that is not there, an option of another type, and so on; or another hook than
    /// the one that left the unit in error.
    pub fn run(&mut self, event: &Event) -> Outcome {
        self.run_program(event, &self.charm_directory().join("dispatch"), &[])
    }

    /// Runs a program in place of `dispatch`, as the recordings were made.
    pub fn run_program(&mut self, event: &Event, program: &Path, arguments: &[&str]) -> Outcome {
        if let (Some(failed), Event::Hook { .. }) = (&self.in_error, event) {
            assert_eq!(failed, event, "the unit is in error; Juju retries the same hook only");
        }
        let action = match self.begin(event) {
            Ok(action) => action,
            Err(refused) => return *refused,
        };
        let mut variables = self.variables(event);
        self.fired += 1;
        let context = format!("{}-{}", variables["JUJU_CONTEXT_ID"], self.fired);
        variables.insert("JUJU_CONTEXT_ID".into(), context.clone());
        lock(&self.session).hook = Some(Hook {
            context,
            relation: relation_id(&variables),
            remote_unit: variables.get("JUJU_REMOTE_UNIT").filter(|unit| !unit.is_empty()).cloned(),
            pending: Pending::default(),
            calls: Vec::new(),
            status_seen: None,
            action,
        });
        // Until the process is known, so that its first call finds it to be killed.
        let mut session = lock(&self.session);
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&variables)
            .envs(&self.environment)
            .current_dir(self.charm_directory())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.expect("dispatch starts");
        session.dispatch = Some(child.id());
        drop(session);
        let output = child.wait_with_output().expect("dispatch ends");
        self.end(event, output)
    }

    /// Parameters of an action, or the outcome of one that Juju does not run.
    fn begin(&self, event: &Event) -> Result<Option<Action>, Box<Outcome>> {
        let session = lock(&self.session);
        let consistent = consistency::check(&session.model, &session.charm, event, &self.pebbles);
        if let Err(why) = consistent {
            drop(session);
            panic!("this cannot be: {why}");
        }
        match event {
            Event::Hook { .. } => Ok(None),
            Event::Action { name, parameters } => {
                let juju = session.model.juju;
                match session.charm.action_parameters(name, parameters, juju) {
                    Ok(parameters) => {
                        Ok(Some(Action { parameters, result: ActionResult::default() }))
                    }
                    Err(error) => Err(Box::new(Outcome {
                        exit: None,
                        stdout: String::new(),
                        stderr: String::new(),
                        calls: Vec::new(),
                        commit_error: None,
                        action: Some(ActionResult {
                            failed: Some(error.to_string()),
                            ..ActionResult::default()
                        }),
                    })),
                }
            }
        }
    }

    fn end(&mut self, event: &Event, output: std::process::Output) -> Outcome {
        let mut session = lock(&self.session);
        let hook = session.hook.take().expect("a hook was running");
        session.dispatch = None;
        let mut commit_error = None;
        if output.status.success() {
            let Session { model, charm, .. } = &mut *session;
            let committed = hook.pending.commit(model, charm);
            commit_error = committed.err().map(|error| error.to_string());
        }
        // A dispatch that was killed is fired again without an error.
        let failed = !output.status.success() && output.status.signal().is_none();
        if matches!(event, Event::Hook { .. }) {
            self.in_error = (failed || commit_error.is_some()).then(|| event.clone());
        }
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let action = hook.action.map(|action| {
            let mut result = action.result;
            let code = output.status.code().unwrap_or(-1);
            result.results.insert("return-code".into(), json!(code));
            for (key, text) in [("stdout", &stdout), ("stderr", &stderr)] {
                if !text.is_empty() {
                    result.results.insert(key.into(), json!(text));
                }
            }
            if failed && result.failed.is_none() {
                result.failed = Some(format!("exit status {code}"));
            }
            result
        });
        Outcome {
            exit: Some(output.status),
            stdout,
            stderr,
            calls: hook.calls,
            commit_error,
            action,
        }
    }

    /// The environment, from scratch as Juju makes it.
    fn variables(&self, event: &Event) -> BTreeMap<String, String> {
        let session = lock(&self.session);
        let model = &session.model;
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let (hook, dispatch) = match event {
            Event::Hook { name, .. } => (name.as_str(), format!("hooks/{name}")),
            Event::Action { name, .. } => ("", format!("actions/{name}")),
        };
        let mut all: BTreeMap<String, String> = [
            ("APT_LISTCHANGES_FRONTEND", "none"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("LANG", "C.UTF-8"),
            ("TERM", "tmux-256color"),
            ("CLOUD_API_VERSION", "1.31.0"),
            ("JUJU_AGENT_SOCKET_NETWORK", "unix"),
            ("JUJU_API_ADDRESSES", self.controller.as_ref().map_or("", Controller::address)),
            ("JUJU_AVAILABILITY_ZONE", ""),
            ("JUJU_CHARM_FTP_PROXY", ""),
            ("JUJU_CHARM_HTTP_PROXY", ""),
            ("JUJU_CHARM_HTTPS_PROXY", ""),
            ("JUJU_CHARM_NO_PROXY", "127.0.0.1,localhost,::1"),
            ("JUJU_MACHINE_ID", ""),
            ("JUJU_PRINCIPAL_UNIT", ""),
            ("JUJU_HOOK_NAME", hook),
            ("JUJU_DISPATCH_PATH", &dispatch),
            ("JUJU_MODEL_NAME", &model.name),
            ("JUJU_MODEL_UUID", &model.uuid),
            ("JUJU_UNIT_NAME", &model.unit),
            ("JUJU_VERSION", model.juju.version()),
            ("CHARM_DIR", &path("charm")),
            ("JUJU_CHARM_DIR", &path("charm")),
            ("JUJU_AGENT_SOCKET_ADDRESS", &path("agent.socket")),
            ("PATH", &format!("{}:/usr/sbin:/usr/bin:/sbin:/bin:/charm/bin", path("tools"))),
            // Juju has them in a place of its own.
            ("JUJU_SIM_CONTAINERS", &path("containers")),
            ("JUJU_CONTEXT_ID", &format!("{}-{hook}", model.unit)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if model.juju == Juju::V3_6 {
            for name in ["JUJU_SLA", "JUJU_METER_STATUS", "JUJU_METER_INFO"] {
                all.insert(name.into(), String::new());
            }
        }
        if model.juju == Juju::V4_0 {
            for part in ["HTTP", "GRPC", "CA_CERT"] {
                all.insert(format!("JUJU_CHARM_TRACE_CONFIG_{part}"), String::new());
            }
        }
        match event {
            Event::Hook { environment, .. } => all.extend(environment.clone()),
            Event::Action { name, .. } => {
                let id = (self.fired + 1).to_string();
                all.insert("JUJU_ACTION_NAME".into(), name.clone());
                all.insert("JUJU_ACTION_TAG".into(), format!("action-{id}"));
                all.insert("JUJU_ACTION_UUID".into(), id);
            }
        }
        all
    }
}

fn relation_id(variables: &BTreeMap<String, String>) -> Option<u32> {
    variables.get("JUJU_RELATION_ID")?.rsplit(':').next()?.parse().ok()
}

/// The executable that every hook tool is a link to: the crate's build script has made it.
fn hook_tool() -> anyhow::Result<&'static Path> {
    let path = Path::new(concat!(env!("OUT_DIR"), "/hooksim"));
    if !path.exists() {
        bail!("juju-sim's hook tool {} is gone; run `cargo clean -p juju-sim`", path.display());
    }
    Ok(path)
}
