//! Files of the workload container.

use std::io::{Cursor, Read};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, accepted, result, url};
use super::error::Error;
use super::multipart::{self, Part};

/// Timeout of transferring a file.
const DEADLINE: Duration = Duration::from_secs(120);

/// Type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are Pebble's")]
pub enum FileType {
    File,
    Directory,
    Symlink,
    Socket,
    NamedPipe,
    Device,
    Unknown,
}

/// Metadata of a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileInfo {
    /// Absolute path.
    pub path: String,
    /// Last part of it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FileType,
    /// Size in bytes, of a file.
    #[serde(default)]
    pub size: Option<u64>,
    /// Mode in octal, for example `644`.
    pub permissions: String,
    /// When it was changed, RFC 3339.
    pub last_modified: String,
    /// Owner's id.
    #[serde(default)]
    pub user_id: Option<u32>,
    /// Owner.
    #[serde(default)]
    pub user: Option<String>,
    /// Group's id.
    #[serde(default)]
    pub group_id: Option<u32>,
    /// Group.
    #[serde(default)]
    pub group: Option<String>,
}

/// Owner and mode of a file or directory to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership<'a> {
    /// Mode, for example `0o600`.
    pub permissions: Option<u32>,
    /// Owner, by name.
    pub user: Option<&'a str>,
    /// Owner, by id.
    pub user_id: Option<u32>,
    /// Group, by name.
    pub group: Option<&'a str>,
    /// Group, by id.
    pub group_id: Option<u32>,
}

impl Ownership<'_> {
    fn put_into(&self, request: &mut Value) {
        let permissions = self.permissions.map(|mode| json!(format!("{mode:03o}")));
        let fields = [
            ("permissions", permissions),
            ("user", self.user.map(Value::from)),
            ("user-id", self.user_id.map(Value::from)),
            ("group", self.group.map(Value::from)),
            ("group-id", self.group_id.map(Value::from)),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                request[name] = value;
            }
        }
    }
}

/// The outcome of one path; the answer as a whole is HTTP 200.
#[derive(Deserialize)]
struct OfPath {
    path: String,
    error: Option<PathError>,
}

#[derive(Deserialize)]
struct PathError {
    #[serde(default)]
    kind: String,
    message: String,
}

fn all_well(paths: Vec<OfPath>) -> Result<(), Error> {
    for OfPath { path, error } in paths {
        if let Some(PathError { kind, message }) = error {
            return Err(Error::File { path, kind, message });
        }
    }
    Ok(())
}

impl Client {
    /// Lists a directory, or those of its files that a pattern like `*.conf` matches.
    pub fn list_files(&self, path: &str, pattern: Option<&str>) -> Result<Vec<FileInfo>, Error> {
        let mut query = vec![("action", "list"), ("path", path)];
        query.extend(pattern.map(|pattern| ("pattern", pattern)));
        self.get("/v1/files", &query)
    }

    /// Metadata of a file or directory; `None` if it does not exist.
    pub fn file_info(&self, path: &str) -> Result<Option<FileInfo>, Error> {
        let query = [("action", "list"), ("path", path), ("itself", "true")];
        match self.get::<Vec<FileInfo>>("/v1/files", &query) {
            Ok(files) => Ok(files.into_iter().next()),
            Err(Error::Refused { kind, .. }) if kind == "not-found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a file of so many bytes at most.
    pub fn pull(&self, path: &str, largest: u64) -> Result<Vec<u8>, Error> {
        let request = format!("GET /v1/files {path}");
        let query = [("action", "read"), ("path", path)];
        let mut answer = self
            .request(self.agent.get(url("/v1/files")), &query, DEADLINE)
            .header("accept", "multipart/form-data")
            .call()
            .map_err(|error| self.error(error, &request))?;
        let status = answer.status().as_u16();
        let content_type = answer.headers().get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let boundary = content_type.and_then(multipart::boundary).map(str::to_owned);
        // What is around the file is less than this.
        let limit = largest.saturating_add(64 * 1024);
        let body = answer.body_mut().with_config().limit(limit).read_to_vec();
        let body = body.map_err(|error| self.error(error, &request))?;
        let Some(boundary) = boundary else {
            let text = String::from_utf8_lossy(&body);
            all_well(result(path, accepted(status, &text)?.result)?)?;
            return Err(missing(path));
        };
        let parts = multipart::parse(&body, &boundary)?;
        let response = parts.iter().find(|p| p.name == "response");
        let response = response.ok_or_else(|| missing("the response"))?;
        let text = String::from_utf8_lossy(response.content);
        all_well(result(path, accepted(status, text.trim())?.result)?)?;
        let is_file = |part: &&Part<'_>| part.name == "files";
        let file = parts.iter().find(is_file).ok_or_else(|| missing(path))?;
        Ok(file.content.to_vec())
    }

    /// Writes a file, which is whole or not there. With `make_directories` those
    /// on its way are made.
    pub fn push(
        &self,
        path: &str,
        content: impl Read,
        make_directories: bool,
        ownership: &Ownership<'_>,
    ) -> Result<(), Error> {
        let mut file = json!({"path": path});
        if make_directories {
            file["make-dirs"] = json!(true);
        }
        ownership.put_into(&mut file);
        let request = json!({"action": "write", "files": [file]});
        let boundary = boundary(path);
        let quoted = path.replace('\\', "\\\\").replace('"', "\\\"");
        let before = format!(
            "--{boundary}\r\nContent-Type: application/json\r\n\
             Content-Disposition: form-data; name=\"request\"\r\n\r\n{request}\r\n\
             --{boundary}\r\nContent-Type: application/octet-stream\r\n\
             Content-Disposition: form-data; name=\"files\"; filename=\"{quoted}\"\r\n\r\n"
        );
        let after = format!("\r\n--{boundary}--\r\n");
        // Sent as it is read, so that a large file is never whole in memory.
        let mut body = Cursor::new(before).chain(content).chain(Cursor::new(after));
        let what = format!("POST /v1/files {path}");
        let mut answer = self
            .request(self.agent.post(url("/v1/files")), &[], DEADLINE)
            .header("accept", "application/json")
            .header("content-type", format!("multipart/form-data; boundary=\"{boundary}\""))
            .send(ureq::SendBody::from_reader(&mut body))
            .map_err(|error| self.error(error, &what))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string();
        let text = text.map_err(|error| self.error(error, &what))?;
        all_well(result(path, accepted(status, &text)?.result)?)
    }

    /// Makes a directory; with `parents` also those above it, and one that is
    /// there is no error.
    pub fn make_directory(
        &self,
        path: &str,
        parents: bool,
        ownership: &Ownership<'_>,
    ) -> Result<(), Error> {
        let mut directory = json!({"path": path});
        if parents {
            directory["make-parents"] = json!(true);
        }
        ownership.put_into(&mut directory);
        let body = json!({"action": "make-dirs", "dirs": [directory]});
        self.post("/v1/files", &body).and_then(all_well)
    }

    /// Removes a file or an empty directory; with `recursive` all that is in it,
    /// and one that is not there is no error.
    pub fn remove_path(&self, path: &str, recursive: bool) -> Result<(), Error> {
        let mut removed = json!({"path": path});
        if recursive {
            removed["recursive"] = json!(true);
        }
        let body = json!({"action": "remove", "paths": [removed]});
        self.post("/v1/files", &body).and_then(all_well)
    }
}

fn missing(what: &str) -> Error {
    Error::Answer { what: what.to_owned(), why: "it is not in the answer".into() }
}

/// What no file holds by chance, nor by intent of who wrote it: it differs each time.
fn boundary(path: &str) -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let random = |_| format!("{:016x}", RandomState::new().hash_one(path));
    (0..2).map(random).collect()
}
