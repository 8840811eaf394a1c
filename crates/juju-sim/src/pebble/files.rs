//! The container's files: `/v1/files`.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use nix::unistd::{Gid, Group, Uid, User};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Parameters, Refusal, decode, sync};
use super::multipart;
use super::programs::Owner;
use super::state::{App, Shared};

/// Why something could not be done to a path.
struct Failure {
    message: String,
    kind: &'static str,
}

impl Failure {
    /// In the words of Go: what was tried, the path, and why not.
    fn new(tried: &str, path: &str, error: &io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::AlreadyExists => "file exists".to_owned(),
            io::ErrorKind::DirectoryNotEmpty => "directory not empty".to_owned(),
            io::ErrorKind::IsADirectory => "is a directory".to_owned(),
            io::ErrorKind::NotADirectory => "not a directory".to_owned(),
            _ => error.to_string(),
        };
        let kind = match error.kind() {
            io::ErrorKind::NotFound => "not-found",
            io::ErrorKind::PermissionDenied => "permission-denied",
            _ => "generic-file-error",
        };
        Self { message: format!("{tried} {path}: {why}"), kind }
    }

    fn generic(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: "generic-file-error" }
    }
}

/// How something went for a path.
fn outcome(path: &str, outcome: Result<(), Failure>) -> Value {
    match outcome {
        Ok(()) => json!({"path": path}),
        Err(failure) => json!({
            "path": path,
            "error": {"message": failure.message, "kind": failure.kind},
        }),
    }
}

fn absolute(path: &str) -> Result<(), Failure> {
    match path.starts_with('/') {
        true => Ok(()),
        false => Err(Failure::generic(format!("paths must be absolute, got {path:?}"))),
    }
}

/// `GET`: lists or reads.
pub(super) async fn get(
    State(app): State<App>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let accepted =
        headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match parameters.one("action") {
        Some("list") => list(&app, &parameters),
        Some("read") if accepted != "multipart/form-data" => {
            Err(Refusal::bad_request("must accept multipart/form-data"))
        }
        Some("read") => {
            let (mut files, mut results) = (Vec::new(), Vec::new());
            for path in parameters.many("path") {
                let read = absolute(path).and_then(|()| read(&app, path));
                results.push(outcome(
                    path,
                    read.map(|content| files.push((path.to_owned(), content))),
                ));
            }
            if results.is_empty() {
                return Err(Refusal::bad_request("must specify one or more paths"));
            }
            Ok(multipart::write(&files, &json!(results)))
        }
        other => {
            Err(Refusal::bad_request(format!("invalid action {:?}", other.unwrap_or_default())))
        }
    }
}

fn read(app: &Shared, path: &str) -> Result<Vec<u8>, Failure> {
    let host = app.host_path(path);
    let metadata = fs::metadata(&host).map_err(|e| Failure::new("stat", path, &e))?;
    if metadata.is_dir() {
        return Err(Failure::generic(format!("can only read a regular file: {path:?}")));
    }
    fs::read(&host).map_err(|error| Failure::new("open", path, &error))
}

fn list(app: &Shared, parameters: &Parameters) -> Answer {
    let (path, pattern) = (parameters.path(), parameters.one("pattern"));
    if let Err(failure) = absolute(path) {
        return Err(Refusal::bad_request(failure.message).of_kind(failure.kind));
    }
    let refused = |error: &io::Error| {
        let failure = Failure::new("stat", path, error);
        let refusal = match failure.kind {
            "not-found" => Refusal::not_found(failure.message),
            _ => Refusal::bad_request(failure.message),
        };
        refusal.of_kind(failure.kind)
    };
    let pattern = pattern.map(glob::Pattern::new).transpose();
    let pattern =
        pattern.map_err(|_| Refusal::bad_request("invalid pattern: syntax error in pattern"))?;
    let host = app.host_path(path);
    let metadata = fs::symlink_metadata(&host).map_err(|error| refused(&error))?;
    let mut hosts = match metadata.is_dir() && parameters.one("itself") != Some("true") {
        false => vec![host],
        true => {
            let entries = fs::read_dir(&host).map_err(|error| refused(&error))?;
            entries.flatten().map(|entry| entry.path()).collect()
        }
    };
    hosts.sort();
    let mut files = Vec::new();
    for host in hosts {
        let name = host.file_name().unwrap_or_default().to_string_lossy();
        // One that has gone since is not there.
        if let Ok(metadata) = fs::symlink_metadata(&host)
            && pattern.as_ref().is_none_or(|p| p.matches(&name))
        {
            files.push(about(&app.container_path(&host), &name, &metadata));
        }
    }
    sync(files)
}

fn about(path: &str, name: &str, metadata: &Metadata) -> Value {
    let of = metadata.file_type();
    let kind = match () {
        () if of.is_dir() => "directory",
        () if of.is_file() => "file",
        () if of.is_symlink() => "symlink",
        () if of.is_socket() => "socket",
        () if of.is_fifo() => "named-pipe",
        () if of.is_block_device() || of.is_char_device() => "device",
        () => "unknown",
    };
    let user = User::from_uid(Uid::from_raw(metadata.uid())).ok().flatten();
    let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten();
    let modified = Timestamp::from_second(metadata.mtime()).unwrap_or_default();
    let mut shown = json!({
        "path": path,
        "name": name,
        "type": kind,
        "permissions": format!("{:03o}", metadata.mode() & 0o777),
        "last-modified": modified,
        "user-id": metadata.uid(),
        "group-id": metadata.gid(),
    });
    if let Some(user) = user {
        shown["user"] = user.name.into();
    }
    if let Some(group) = group {
        shown["group"] = group.name.into();
    }
    if kind == "file" {
        shown["size"] = metadata.len().into();
    }
    shown
}

/// A file or a directory that is to be.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wanted {
    path: String,
    #[serde(default, alias = "make-parents")]
    make_dirs: bool,
    #[serde(default)]
    permissions: String,
    user_id: Option<u32>,
    user: Option<String>,
    group_id: Option<u32>,
    group: Option<String>,
}

impl Wanted {
    fn permissions(&self, usual: u32) -> Result<Permissions, Failure> {
        if self.permissions.is_empty() {
            return Ok(Permissions::from_mode(usual));
        }
        let mode = u32::from_str_radix(&self.permissions, 8);
        match mode {
            Ok(mode) if self.permissions.len() == 3 => Ok(Permissions::from_mode(mode)),
            _ => Err(Failure::generic(format!(
                "permissions must be a 3-digit octal string, got {:?}",
                self.permissions
            ))),
        }
    }

    /// Gives what was made its owner. In a pretended container there is no other user, and only
    /// root can.
    fn give(&self, app: &Shared, host: &Path) -> Result<(), Failure> {
        let owner =
            Owner::new(self.user_id, self.user.as_deref(), self.group_id, self.group.as_deref());
        let owner = owner.map_err(|why| Failure {
            message: format!("cannot look up user and group: {why}"),
            kind: "generic-file-error",
        })?;
        let is_asked = owner.user.is_some() || owner.group.is_some();
        if !is_asked || app.options.root.is_some() || !Uid::current().is_root() {
            return Ok(());
        }
        chown(host, owner.user, owner.group)
            .map_err(|error| Failure::new("chown", &self.path, &error))
    }

    fn make_parents(&self, app: &Shared) -> Result<(), Failure> {
        let host = app.host_path(&self.path);
        match host.parent().filter(|_| self.make_dirs) {
            None => Ok(()),
            Some(parent) => fs::create_dir_all(parent)
                .map_err(|error| Failure::new("mkdir", &app.container_path(parent), &error)),
        }
    }

    fn write(&self, app: &Shared, content: &[u8]) -> Result<(), Failure> {
        absolute(&self.path)?;
        let permissions = self.permissions(0o644)?;
        self.make_parents(app)?;
        let host = app.host_path(&self.path);
        // A reader finds the old file or the new one.
        let part = format!("{}.{:x}~", self.path, Timestamp::now().as_nanosecond());
        let host_part = app.host_path(&part);
        fs::write(&host_part, content).map_err(|error| Failure::new("open", &part, &error))?;
        let placed = fs::set_permissions(&host_part, permissions)
            .map_err(|error| Failure::new("chmod", &part, &error))
            .and_then(|()| self.give(app, &host_part))
            .and_then(|()| {
                let renamed = fs::rename(&host_part, &host);
                renamed.map_err(|error| Failure::new("rename", &self.path, &error))
            });
        if placed.is_err() {
            // It is of no use; whether it goes changes nothing.
            let _ = fs::remove_file(&host_part);
        }
        placed
    }

    fn make_directory(&self, app: &Shared) -> Result<(), Failure> {
        absolute(&self.path)?;
        let permissions = self.permissions(0o755)?;
        let host = app.host_path(&self.path);
        if self.make_dirs && host.is_dir() {
            return Ok(());
        }
        self.make_parents(app)?;
        let failed = |error: io::Error| Failure::new("mkdir", &self.path, &error);
        fs::create_dir(&host).map_err(failed)?;
        fs::set_permissions(&host, permissions).map_err(failed)?;
        self.give(app, &host)
    }
}

/// A path that is to go.
#[derive(Deserialize)]
struct Unwanted {
    path: String,
    #[serde(default)]
    recursive: bool,
}

impl Unwanted {
    fn remove(&self, app: &Shared) -> Result<(), Failure> {
        absolute(&self.path)?;
        let host = app.host_path(&self.path);
        let failed = |error: io::Error| Failure::new("remove", &self.path, &error);
        match fs::symlink_metadata(&host) {
            Ok(found) if found.is_dir() && self.recursive => {
                fs::remove_dir_all(&host).map_err(failed)
            }
            Ok(found) if found.is_dir() => fs::remove_dir(&host).map_err(failed),
            Ok(_) => fs::remove_file(&host).map_err(failed),
            Err(error) if self.recursive && error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    action: String,
    #[serde(default)]
    files: Vec<Wanted>,
    #[serde(default)]
    dirs: Vec<Wanted>,
    #[serde(default)]
    paths: Vec<Unwanted>,
}

/// `POST`: writes files that come with the request, makes directories, removes.
pub(super) async fn post(State(app): State<App>, request: Request<Body>) -> Answer {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        let (asked, contents) = multipart::read(request).await?;
        let asked: Asked = decode(&asked)?;
        if asked.action != "write" {
            return Err(Refusal::bad_request(format!(
                "multipart action must be \"write\", got {:?}",
                asked.action
            )));
        }
        let results = asked.files.iter().map(|file| {
            let content = contents.iter().find(|(path, _)| *path == file.path);
            let written = match content {
                Some((_, content)) => file.write(&app, content),
                None => Err(Failure::generic("no file content for path")),
            };
            outcome(&file.path, written)
        });
        return sync(results.collect::<Vec<_>>());
    }
    let body = to_bytes(request.into_body(), usize::MAX).await;
    let body = body.map_err(|error| Refusal::bad_request(error.to_string()))?;
    let asked: Asked = decode(&body)?;
    let results: Vec<Value> = match asked.action.as_str() {
        "make-dirs" => {
            let made = asked.dirs.iter();
            made.map(|dir| outcome(&dir.path, dir.make_directory(&app))).collect()
        }
        "remove" => {
            let removed = asked.paths.iter();
            removed.map(|path| outcome(&path.path, path.remove(&app))).collect()
        }
        "write" => {
            return Err(Refusal::bad_request("must use multipart with \"write\" action"));
        }
        other => return Err(Refusal::bad_request(format!("invalid action {other:?}"))),
    };
    sync(results)
}
