//! A charm's run: the model its hook tools work on, what the hook has called and written, and the
//! faults that are to come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::charm::Charm;
use crate::commit::Pending;
use crate::failure::Failure;
use crate::fault::{Absence, Fault, Interruption, kill};
use crate::model::{ActionResult, Call, Model, Status};

/// What a hook's tools work on.
pub struct Session {
    /// The charm.
    pub charm: Charm,
    /// The model.
    pub model: Model,
    /// The running hook.
    pub hook: Option<Hook>,
    /// Process of its `dispatch`.
    pub dispatch: Option<u32>,
    /// An interruption that has not happened yet.
    pub fault: Option<Fault>,
    /// One at the next call of a name.
    pub fault_at: Option<(String, Interruption)>,
    /// After so many calls that read, what one of them finds gone.
    pub absence: Option<(usize, Absence)>,
}

impl Session {
    /// What happens at this call, if its turn has come.
    pub(crate) fn interruption(&mut self, call: &str) -> Option<Interruption> {
        if let Some((_, what)) = self.fault_at.take_if(|(name, _)| name == call) {
            return Some(what);
        }
        let fault = self.fault.as_mut()?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        self.fault.take().map(|fault| fault.what)
    }

    /// What this call finds gone, if its turn has come.
    pub(crate) fn absence(&mut self, tool: &str) -> Option<Absence> {
        let (after, what) = self.absence.filter(|_| Absence::concerns(tool))?;
        match after {
            0 => {
                self.absence = None;
                // It stays lost. Juju does not take it away within seconds of granting it, so a
                // hook that has written as the leader still is.
                let hook = self.hook.as_ref();
                if what == Absence::NotLeader
                    && hook.is_none_or(|hook| hook.pending.secrets.updates.is_empty())
                {
                    self.model.leader = false;
                }
                Some(what)
            }
            after => {
                self.absence = Some((after - 1, what));
                None
            }
        }
    }

    /// Kills `dispatch`, if it runs.
    pub(crate) fn kill(&self) {
        if let Some(process) = self.dispatch {
            kill(process);
        }
    }
}

/// A hook that runs.
pub struct Hook {
    /// `JUJU_CONTEXT_ID`.
    pub context: String,
    /// The relation that it is about.
    pub relation: Option<u32>,
    /// The remote unit that it is about.
    pub remote_unit: Option<String>,
    /// What it has written.
    pub pending: Pending,
    /// Its calls.
    pub calls: Vec<Call>,
    /// The unit's status when it was first asked for; Juju shows no later one.
    pub status_seen: Option<Status>,
    /// The action that it is.
    pub action: Option<Action>,
}

/// An action that runs.
pub struct Action {
    /// Parameters with defaults.
    pub parameters: Map<String, Value>,
    /// What it has said.
    pub result: ActionResult,
}

/// The session; a test that panicked leaves it as it was.
pub fn lock(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running hook; there is one whenever a tool is called.
pub(crate) fn hook(session: &mut Session) -> Result<&mut Hook, Failure> {
    session.hook.as_mut().ok_or_else(|| Failure::run("no hook is running"))
}

/// What else is called by the running charm, so that its calls count.
#[derive(Clone)]
pub(crate) struct Link(pub(crate) Arc<Mutex<Session>>);

impl Link {
    /// What happens at this call of the charm; nothing at another client's.
    pub(crate) fn interruption(&self, name: &str) -> Option<Interruption> {
        let mut session = lock(&self.0);
        let hook = session.hook.as_mut()?;
        hook.calls.push(Call {
            tool: name.to_owned(),
            arguments: Vec::new(),
            input: None,
            code: 0,
        });
        session.interruption(name)
    }

    /// What this call of the charm finds gone; nothing at one of another client.
    pub(crate) fn absence(&self, name: &str) -> Option<Absence> {
        let mut session = lock(&self.0);
        session.hook.as_ref()?;
        session.absence(name)
    }

    /// Kills the charm.
    pub(crate) fn kill(&self) {
        lock(&self.0).kill();
    }
}
