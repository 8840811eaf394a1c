//! The socket by which hook tools reach the simulation.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::charm::Charm;
use crate::commit::Pending;
use crate::fault::{Absence, Fault, Interruption, kill};
use crate::model::{ActionResult, Call, Model};
use crate::protocol::{Answer, Request};
use crate::tools;

/// How long a slow tool takes.
const SLOW: Duration = Duration::from_millis(700);

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
    /// An interruption that is to come.
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
    fn absence(&mut self, tool: &str) -> Option<Absence> {
        let (after, what) = self.absence.filter(|_| Absence::concerns(tool))?;
        match after {
            0 => {
                self.absence = None;
                Some(what)
            }
            after => {
                self.absence = Some((after - 1, what));
                None
            }
        }
    }

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
    pub status_seen: Option<crate::model::Status>,
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

/// Listens until the process ends.
pub fn listen(socket: &Path, session: Arc<Mutex<Session>>) -> std::io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A tool that was killed while it asked is no fault.
            let _ = serve(stream, &session);
        }
    });
    Ok(())
}

/// The session; a test that panicked leaves it as it was.
pub fn lock(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: UnixStream, session: &Mutex<Session>) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    let answer = answer(&mut lock(session), &request);
    serde_json::to_writer(&mut stream, &answer)?;
    stream.write_all(b"\n")
}

fn answer(session: &mut Session, request: &Request) -> Answer {
    let running = session.hook.as_ref().map(|hook| hook.context.as_str());
    if running != Some(request.context.as_str()) {
        return Answer::End {
            code: 1,
            stdout: String::new(),
            stderr: format!("ERROR bad request: wrong context ID; got {:?}\n", request.context),
        };
    }
    // A tool that reads its input asks twice; that is one call.
    let interruption = match request.input {
        None => session.interruption(&request.tool),
        Some(_) => None,
    };
    let answer = match interruption {
        Some(Interruption::KillBefore) => {
            session.kill();
            refusal()
        }
        Some(Interruption::Refuse) => refusal(),
        Some(Interruption::Lose) => {
            tools::call(session, request);
            refusal()
        }
        Some(Interruption::KillAfter) => {
            let answer = tools::call(session, request);
            session.kill();
            answer
        }
        None => match session.absence(&request.tool) {
            Some(Absence::Slow) => {
                std::thread::sleep(SLOW);
                tools::call(session, request)
            }
            Some(absence) => {
                let (code, words) = absence.words(&request.tool, &session.model.unit);
                Answer::End { code, stdout: String::new(), stderr: format!("ERROR {words}\n") }
            }
            None => tools::call(session, request),
        },
    };
    if let (Answer::End { code, .. }, Some(hook)) = (&answer, session.hook.as_mut()) {
        hook.calls.push(Call {
            tool: request.tool.clone(),
            arguments: request.arguments.clone(),
            input: request.input.clone(),
            code: *code,
        });
    }
    answer
}

/// What a tool says whose agent has lost its controller.
fn refusal() -> Answer {
    Answer::End { code: 1, stdout: String::new(), stderr: "ERROR connection is shut down\n".into() }
}
