//! What a hook tool's process and the simulation exchange: one request and one answer per
//! connection. Each text is written as its length in bytes, a newline and the bytes.
//!
//! The crate's build script compiles this file into the tool too, without any other crate.

use std::io::{self, BufRead, Read as _, Write};

/// A call of a hook tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// `JUJU_CONTEXT_ID` of the caller.
    pub context: String,
    /// Name of the tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The caller's working directory.
    pub directory: String,
    /// The caller's input, once the tool has asked for it.
    pub input: Option<String>,
}

/// What the tool does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Ends.
    End {
        /// Exit status.
        code: u8,
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
    },
    /// Reads its input and asks again.
    NeedsInput,
}

impl Request {
    /// Sends it.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let input: &[String] = self.input.as_slice();
        write_texts(to, &[&self.context, &self.tool, &self.directory])?;
        for list in [&self.arguments, input] {
            write_text(to, &list.len().to_string())?;
            list.iter().try_for_each(|text| write_text(to, text))?;
        }
        to.flush()
    }

    /// Receives one.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let [context, tool, directory] = [read_text(from)?, read_text(from)?, read_text(from)?];
        let arguments = read_list(from)?;
        let input = read_list(from)?.pop();
        Ok(Self { context, tool, arguments, directory, input })
    }
}

impl Answer {
    /// Sends it.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::End { code, stdout, stderr } => {
                write_texts(to, &[&code.to_string(), stdout, stderr])?;
            }
            Self::NeedsInput => write_text(to, "")?,
        }
        to.flush()
    }

    /// Receives one.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let code = read_text(from)?;
        if code.is_empty() {
            return Ok(Self::NeedsInput);
        }
        let code = code.parse().map_err(io::Error::other)?;
        Ok(Self::End { code, stdout: read_text(from)?, stderr: read_text(from)? })
    }
}

fn write_texts(to: &mut impl Write, texts: &[&str]) -> io::Result<()> {
    texts.iter().try_for_each(|text| write_text(to, text))
}

fn write_text(to: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(to, "{}", text.len())?;
    to.write_all(text.as_bytes())
}

fn read_list(from: &mut impl BufRead) -> io::Result<Vec<String>> {
    let count: usize = read_text(from)?.parse().map_err(io::Error::other)?;
    (0..count).map(|_| read_text(from)).collect()
}

fn read_text(from: &mut impl BufRead) -> io::Result<String> {
    let mut length = String::new();
    from.read_line(&mut length)?;
    let length: u64 = length.trim_end().parse().map_err(io::Error::other)?;
    let mut text = String::new();
    // A length is as much as is read, and no memory is set aside for it: the other end may lie.
    if from.take(length).read_to_string(&mut text)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Request};

    #[test]
    fn written_message_reads_back() {
        let request = Request {
            context: "web/0-start-1".to_owned(),
            tool: "relation-set".to_owned(),
            arguments: vec!["key=two\nlines".to_owned(), String::new(), "ä".to_owned()],
            directory: "/charm".to_owned(),
            input: Some("3\nabc".to_owned()),
        };
        let mut wire = Vec::new();
        request.write(&mut wire).unwrap();
        assert_eq!(Request::read(&mut &wire[..]).unwrap(), request);
        assert!(Request::read(&mut &wire[..wire.len() - 1]).is_err());

        let end = Answer::End { code: 2, stdout: "\n".to_owned(), stderr: String::new() };
        for answer in [end, Answer::NeedsInput] {
            let mut wire = Vec::new();
            answer.write(&mut wire).unwrap();
            assert_eq!(Answer::read(&mut &wire[..]).unwrap(), answer);
        }
    }
}
