//! Layers, read as a stream: files are handed out as they come, and nothing is kept.

use std::io::{self, BufRead, BufReader, Read};

use reqwest::blocking::Response;
use sha2::{Digest as _, Sha256};

use crate::ask::broken_off;
use crate::{Descriptor, Digest, Error};

/// How much of a layer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that come from the registry.
    pub compressed: u64,
    /// Most bytes that come out of it.
    pub unpacked: u64,
    /// Most files.
    pub files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            compressed: 2 << 30,
            unpacked: 8 << 30,
            files: 500_000,
        }
    }
}

/// A layer on its way.
pub struct Walk {
    source: Hashed<io::Take<Response>>,
    host: String,
    wanted: Digest,
    limits: Limits,
    what: String,
}

impl Walk {
    pub(crate) fn new(
        answer: Response,
        host: &str,
        layer: &Descriptor,
        limits: Limits,
        what: String,
    ) -> Self {
        Self {
            source: Hashed::new(answer.take(limits.compressed + 1)),
            host: host.to_owned(),
            wanted: layer.digest.clone(),
            limits,
            what,
        }
    }

    /// Hands out each file whose path is `wanted`, whole, if it is no larger than `largest`
    /// bytes; a larger one is an error. The path is as written, without a leading `./` or `/`.
    /// When all files are through, what came is held to the layer's digest: only then is it
    /// known to be genuine.
    pub fn files(
        mut self,
        largest: u64,
        mut wanted: impl FnMut(&str) -> bool,
        mut take: impl FnMut(&str, Vec<u8>),
    ) -> Result<(), Error> {
        let what = self.what.clone();
        let unpacked = {
            let source = BufReader::with_capacity(1 << 16, &mut self.source);
            walk(source, self.limits, &what, largest, &mut wanted, &mut take)
        };
        // What the registry sent is known better than what became of it.
        if self.source.count > self.limits.compressed {
            return Err(self.too_large(self.limits.compressed));
        }
        if let Some(error) = self.source.failed.take() {
            return Err(broken_off(&error, &self.host));
        }
        unpacked?;
        io::copy(&mut self.source, &mut io::sink())
            .map_err(|error| broken_off(&error, &self.host))?;
        if self.source.count > self.limits.compressed {
            return Err(self.too_large(self.limits.compressed));
        }
        let seen = Digest::from_hash(self.source.hash.finalize().as_slice());
        match seen == self.wanted {
            true => Ok(()),
            false => Err(Error::OtherDigest {
                what,
                seen,
                wanted: self.wanted,
            }),
        }
    }

    fn too_large(&self, limit: u64) -> Error {
        Error::TooLarge {
            what: self.what.clone(),
            limit,
        }
    }
}

fn walk(
    mut source: impl BufRead,
    limits: Limits,
    what: &str,
    largest: u64,
    wanted: &mut dyn FnMut(&str) -> bool,
    take: &mut dyn FnMut(&str, Vec<u8>),
) -> Result<(), Error> {
    let malformed = |why: String| Error::Malformed {
        what: what.to_owned(),
        why,
    };
    let start = source.fill_buf().map_err(|e| malformed(e.to_string()))?;
    let unpacked: Box<dyn Read + '_> = match start {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(
            ruzstd::decoding::StreamingDecoder::new(source)
                .map_err(|e| malformed(e.to_string()))?,
        ),
        _ => Box::new(source),
    };
    let mut archive = tar::Archive::new(unpacked.take(limits.unpacked + 1));
    let mut bytes = 0u64;
    let mut files = 0u64;
    for entry in archive.entries().map_err(|e| malformed(e.to_string()))? {
        let mut entry = entry.map_err(|e| malformed(e.to_string()))?;
        files += 1;
        bytes = bytes.saturating_add(entry.size());
        if files > limits.files {
            return Err(malformed(format!(
                "it has more than {} files",
                limits.files
            )));
        }
        if bytes > limits.unpacked {
            return Err(Error::TooLarge {
                what: format!("{what}, unpacked,"),
                limit: limits.unpacked,
            });
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        // Nothing is written to disk, so a path can lead nowhere: it is only compared.
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path.trim_start_matches("./").trim_start_matches('/');
        if !wanted(path) {
            continue;
        }
        if entry.size() > largest {
            return Err(Error::TooLarge {
                what: format!("{path} in {what}"),
                limit: largest,
            });
        }
        let mut content = Vec::new();
        let read = (&mut entry).take(largest).read_to_end(&mut content);
        read.map_err(|e| malformed(format!("{path}: {e}")))?;
        take(path, content);
    }
    Ok(())
}

/// Counts and hashes what goes through it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    count: u64,
    /// A decoder tells of it in words of its own.
    failed: Option<io::Error>,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            count: 0,
            failed: None,
        }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.hash.update(&buffer[..read]);
                self.count += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.failed = Some(error);
                Err(io::Error::other("the answer broke off"))
            }
        }
    }
}
