//! Bodies of several parts, in which files come and go.

use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::answer::Refusal;

/// What parts of an answer stand between. No file of a test holds it.
const BOUNDARY: &str = "juju-sim-01b307acba4f54f55aafc33bb06bbbf6";

/// The request, and each file's path and content.
pub(super) type Parts = (Vec<u8>, Vec<(String, Vec<u8>)>);

/// Reads a request that brings files.
pub(super) async fn read(request: Request<Body>) -> Result<Parts, Refusal> {
    let wrong = |error: &dyn std::fmt::Display| {
        Refusal::bad_request(format!("cannot read multipart body: {error}"))
    };
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|error| wrong(&error))?;
    let mut asked = None;
    let mut files = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(|e| wrong(&e))? {
        let name = field.name().unwrap_or_default().to_owned();
        let path = field.file_name().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(|error| wrong(&error))?.to_vec();
        match (name.as_str(), &asked) {
            ("request", None) => asked = Some(content),
            ("files", Some(_)) => files.push((path, content)),
            (other, _) => {
                return Err(Refusal::bad_request(format!(
                    "metadata field name must be \"request\", got {other:?}"
                )));
            }
        }
    }
    let asked = asked.ok_or_else(|| Refusal::bad_request("cannot read request metadata: EOF"))?;
    Ok((asked, files))
}

/// Writes an answer that brings files, then says how each went.
pub(super) fn write(files: &[(String, Vec<u8>)], result: &Value) -> Response {
    let mut body = Vec::new();
    for (path, content) in files {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files\"; filename={path:?}\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    let response = json!({"type": "sync", "status-code": 200, "status": "OK", "result": result});
    let tail = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"response\"\r\n\
         Content-Type: application/json\r\n\r\n{response}\n\r\n--{BOUNDARY}--\r\n"
    );
    body.extend_from_slice(tail.as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}
