//! Which command words stand for in a container.

use tokio::process::Command;

use super::programs::{Program, executable};
use super::state::Shared;

impl Shared {
    /// The command that words stand for; `None` if there is no such executable.
    pub(super) fn command(&self, words: &[String]) -> Option<Command> {
        let of = |program: &&Program| words.starts_with(&program.command);
        let programs = self.options.programs.iter().filter(of);
        if let Some(program) = programs.max_by_key(|program| program.command.len()) {
            return Some(program.command());
        }
        let (name, arguments) = words.split_first()?;
        if self.options.root.is_some() {
            return None;
        }
        let mut command = Command::new(executable(name)?);
        command.args(arguments);
        Some(command)
    }

    /// As [`Self::command`], of a service: in a pretended container every one can be started.
    pub(super) fn service_command(&self, words: &[String]) -> Option<Command> {
        let pretended = || self.options.root.as_ref().map(|_| Program::new(&[]).command());
        self.command(words).or_else(pretended)
    }
}
