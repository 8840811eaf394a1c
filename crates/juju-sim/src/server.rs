//! The socket by which hook tools reach the simulation.

use std::io::{BufReader, BufWriter};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::fault::{Absence, Interruption};
use crate::model::Call;
use crate::protocol::{Answer, Request};
use crate::session::{Session, lock};
use crate::tools;

/// How long a slow tool takes.
const SLOW: Duration = Duration::from_millis(700);

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

fn serve(stream: UnixStream, session: &Mutex<Session>) -> std::io::Result<()> {
    let request = Request::read(&mut BufReader::new(&stream))?;
    let answer = answer(&mut lock(session), &request);
    answer.write(&mut BufWriter::new(&stream))
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
