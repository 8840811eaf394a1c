//! What a command does: itself, or what a test says that it does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};
use tokio::process::Command;

use super::errors::{SpawnError, UnknownOwner};

/// Where commands are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a command of a pretended container does: it prints, then ends or goes on until it is
/// stopped.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) command: Vec<String>,
    output: String,
    errors: String,
    code: Option<u8>,
    instead: Vec<String>,
}

impl Program {
    /// The program whose command begins with these words. It runs until it is stopped.
    pub fn new(command: &[&str]) -> Self {
        Self {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            output: String::new(),
            errors: String::new(),
            code: None,
            instead: Vec::new(),
        }
    }

    /// It ends with an exit status.
    pub fn ends(self, code: u8) -> Self {
        Self { code: Some(code), ..self }
    }

    /// It prints this to standard output.
    pub fn prints(self, text: &str) -> Self {
        Self { output: text.to_owned(), ..self }
    }

    /// It prints this to standard error.
    pub fn complains(self, text: &str) -> Self {
        Self { errors: text.to_owned(), ..self }
    }

    /// A real program runs in its place: an executable of this machine, and its arguments.
    pub fn becomes(self, command: &[&str]) -> Self {
        Self { instead: command.iter().map(|word| (*word).to_owned()).collect(), ..self }
    }

    pub(super) fn command(&self) -> Command {
        if let Some((name, arguments)) = self.instead.split_first() {
            let mut command = Command::new(name);
            command.args(arguments);
            return command;
        }
        let end = match self.code {
            Some(code) => format!("exit {code}"),
            None => "exec sleep infinity".to_owned(),
        };
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("printf %s \"$1\"; printf %s \"$2\" >&2; {end}")).args([
            "sh",
            &self.output,
            &self.errors,
        ]);
        command
    }
}

/// Who a command runs as.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner {
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

impl Owner {
    /// Of ids and names, of which the ids count.
    pub(super) fn new(
        user_id: Option<u32>,
        user: Option<&str>,
        group_id: Option<u32>,
        group: Option<&str>,
    ) -> Result<Self, UnknownOwner> {
        let mut owner = Self { user: user_id, group: group_id };
        if let (None, Some(name)) = (user_id, user.filter(|name| !name.is_empty())) {
            let found = User::from_name(name).ok().flatten();
            let found =
                found.ok_or_else(|| UnknownOwner { kind: "user", name: name.to_owned() })?;
            owner.user = Some(found.uid.as_raw());
            owner.group = owner.group.or(Some(found.gid.as_raw()));
        }
        if let (None, Some(name)) = (group_id, group.filter(|name| !name.is_empty())) {
            let found = Group::from_name(name).ok().flatten();
            let found =
                found.ok_or_else(|| UnknownOwner { kind: "group", name: name.to_owned() })?;
            owner.group = Some(found.gid.as_raw());
        }
        Ok(owner)
    }

    /// Has a command run as it, where that is another than who runs this.
    pub(super) fn apply(&self, command: &mut Command) {
        if let Some(group) = self.group.filter(|group| *group != Gid::current().as_raw()) {
            command.gid(group);
        }
        if let Some(user) = self.user.filter(|user| *user != Uid::current().as_raw()) {
            command.uid(user);
        }
    }

    /// Its account.
    pub(super) fn account(&self) -> Option<User> {
        let user = self.user.map_or_else(Uid::current, Uid::from_raw);
        User::from_uid(user).ok().flatten()
    }
}

/// What Pebble gives to everything that it starts.
pub(super) fn environment(owner: &Owner) -> BTreeMap<String, String> {
    let account = owner.account();
    let of_account = |text: Option<String>| text.unwrap_or_default();
    let home = account.as_ref().map(|a| a.dir.display().to_string());
    [
        ("HOME", of_account(home)),
        ("LANG", "C.UTF-8".to_owned()),
        ("PATH", std::env::var("PATH").unwrap_or_else(|_| PATH.to_owned())),
        ("PEBBLE", "/var/lib/pebble/default".to_owned()),
        ("USER", of_account(account.map(|a| a.name))),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// There is no such executable.
pub(super) fn not_found(words: &[String]) -> SpawnError {
    SpawnError::NotFound(words.first().cloned().unwrap_or_default())
}

/// The file that a command's first word stands for.
pub(super) fn executable(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).is_file().then(|| name.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
