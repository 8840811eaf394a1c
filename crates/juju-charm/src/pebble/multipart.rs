//! `multipart/form-data`, as Pebble sends and takes files.

use super::error::Error;

/// A part of a body.
#[derive(Debug, PartialEq)]
pub(super) struct Part<'a> {
    /// Name of the field.
    pub name: String,
    /// Name of the file, if it is one.
    pub file: Option<String>,
    /// Its bytes.
    pub content: &'a [u8],
}

/// The boundary that a content type names.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    let value = rest.trim().strip_prefix("boundary=")?.trim_matches('"');
    (kind.trim() == "multipart/form-data" && !value.is_empty()).then_some(value)
}

/// Reads a whole body.
pub(super) fn parse<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, Error> {
    let wrong = |why: &str| Error::Answer { what: "a multipart body".into(), why: why.into() };
    let marker = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body
        .strip_prefix(marker.as_bytes())
        .ok_or_else(|| wrong("it does not begin with its boundary"))?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let start =
            rest.strip_prefix(b"\r\n").ok_or_else(|| wrong("a boundary does not end its line"))?;
        let end = find(start, b"\r\n\r\n").ok_or_else(|| wrong("a part has no end of headers"))?;
        let (headers, content) = (&start[..end], &start[end + 4..]);
        let length = find(content, between.as_bytes())
            .ok_or_else(|| wrong("the last boundary is missing"))?;
        let headers = String::from_utf8_lossy(headers);
        parts.push(Part {
            name: parameter(&headers, "name").ok_or_else(|| wrong("a part has no name"))?,
            file: parameter(&headers, "filename"),
            content: &content[..length],
        });
        rest = &content[length + between.len()..];
    }
    Ok(parts)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// A parameter of the part's `Content-Disposition`.
fn parameter(headers: &str, name: &str) -> Option<String> {
    let line = headers
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let mut parameters = line.split(';').map(str::trim);
    let value = parameters.find_map(|p| p.strip_prefix(name)?.strip_prefix("=\""))?;
    Some(value.strip_suffix('"')?.replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_containing_their_boundary_are_parsed() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"/a\"\r\n\r\n\
            x\r\n--c--b\r\n--b\r\ncontent-disposition: form-data; name=\"response\"\r\n\r\n{}\r\n--b--\r\n";
        let parts = parse(body, "b").unwrap();
        assert_eq!(parts[0].content, b"x\r\n--c--b");
        assert_eq!(parts[0].file.as_deref(), Some("/a"));
        assert_eq!((parts[1].name.as_str(), parts[1].content), ("response", &b"{}"[..]));
        for end in 0..body.len() - 6 {
            assert!(parse(&body[..end], "b").is_err(), "{end} bytes");
        }
    }

    #[test]
    fn boundaries_are_read_with_and_without_quotes() {
        assert_eq!(boundary("multipart/form-data; boundary=\"x\""), Some("x"));
        assert_eq!(boundary("multipart/form-data; boundary=x"), Some("x"));
        assert_eq!(boundary("application/json"), None);
    }
}
