//! Layers, read as a stream: files are handed out as they come, and nothing is kept.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::blocking::Response;
use sha2::{Digest as _, Sha256};

use crate::transport::broken_off;
use crate::{Descriptor, Digest, Error};

/// Limits of reading a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that come from the registry.
    pub compressed: u64,
    /// Most bytes that come out of it.
    pub unpacked: u64,
    /// Most files.
    pub files: u64,
    /// Longest name of a file, in bytes, with what else is written in its place.
    pub name: u64,
    /// Highest compression ratio, beyond [`UNPACKED_AT_LEAST`].
    pub ratio: u64,
}

/// So many bytes a layer may unpack to, however small it is.
pub const UNPACKED_AT_LEAST: u64 = 128 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self { compressed: 2 << 30, unpacked: 8 << 30, files: 500_000, name: 64 << 10, ratio: 200 }
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
            let read = Arc::clone(&self.source.count);
            let source = BufReader::with_capacity(1 << 16, &mut self.source);
            let mut taken = Taken {
                limits: self.limits,
                what: &what,
                largest,
                wanted: &mut wanted,
                take: &mut take,
            };
            walk(source, &read, &mut taken)
        };
        // What the registry sent is known better than what became of it.
        if self.source.count() > self.limits.compressed {
            return Err(self.too_large(self.limits.compressed));
        }
        if let Some(error) = self.source.failed.take() {
            return Err(broken_off(&error, &self.host));
        }
        unpacked?;
        io::copy(&mut self.source, &mut io::sink())
            .map_err(|error| broken_off(&error, &self.host))?;
        if self.source.count() > self.limits.compressed {
            return Err(self.too_large(self.limits.compressed));
        }
        let seen = Digest::from_hash(self.source.hash.finalize().as_slice());
        match seen == self.wanted {
            true => Ok(()),
            false => Err(Error::OtherDigest { what, seen, wanted: self.wanted }),
        }
    }

    fn too_large(&self, limit: u64) -> Error {
        Error::TooLarge { what: self.what.clone(), limit }
    }
}

/// Hands out the files of a layer that is at hand, as [`Walk::files`] does; nothing is held to a
/// digest.
pub fn layer_files(
    what: &str,
    content: &[u8],
    limits: Limits,
    largest: u64,
    mut wanted: impl FnMut(&str) -> bool,
    mut take: impl FnMut(&str, Vec<u8>),
) -> Result<(), Error> {
    let mut taken = Taken { limits, what, largest, wanted: &mut wanted, take: &mut take };
    walk(content, &AtomicU64::new(content.len() as u64), &mut taken)
}

/// Files to read from a layer.
struct Taken<'a> {
    limits: Limits,
    what: &'a str,
    largest: u64,
    wanted: &'a mut dyn FnMut(&str) -> bool,
    take: &'a mut dyn FnMut(&str, Vec<u8>),
}

impl Taken<'_> {
    fn malformed(&self, why: impl ToString) -> Error {
        Error::Malformed { what: self.what.to_owned(), why: why.to_string() }
    }
}

/// A layer without its compression, which its first bytes name.
fn unpacked<'a>(
    mut source: impl BufRead + 'a,
) -> Result<Box<dyn Read + 'a>, Box<dyn std::error::Error>> {
    Ok(match source.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(source).map_err(|e| e.to_string())?)
        }
        _ => Box::new(source),
    })
}

fn walk(source: impl BufRead, read: &AtomicU64, taken: &mut Taken<'_>) -> Result<(), Error> {
    let limits = taken.limits;
    let unpacked = unpacked(source).map_err(|e| taken.malformed(e))?;
    let unpacked = Unpacked { inner: unpacked, count: 0, read, ratio: limits.ratio };
    let mut archive = tar::Archive::new(unpacked.take(limits.unpacked + 1));
    let (mut bytes, mut files) = (0u64, 0u64);
    // A name that stands before its file.
    let mut long = None;
    // By itself the library reads such a name whole, however long it is.
    for entry in archive.entries().map_err(|e| taken.malformed(e))?.raw(true) {
        let mut entry = entry.map_err(|e| taken.malformed(e))?;
        files += 1;
        bytes = bytes.saturating_add(entry.size());
        if files > limits.files {
            return Err(taken.malformed(format!("it has more than {} files", limits.files)));
        }
        limit(bytes, limits.unpacked, || format!("{}, unpacked,", taken.what))?;
        let kind = entry.header().entry_type();
        if is_about_next(kind) {
            limit(entry.size(), limits.name, || format!("a name of a file in {}", taken.what))?;
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(|e| taken.malformed(e))?;
            long = name(kind, content).or(long);
            continue;
        }
        let named = long.take();
        if !kind.is_file() {
            continue;
        }
        // Nothing is written to disk, so a path can lead nowhere: it is only compared.
        let path = named.unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = String::from_utf8_lossy(&path).into_owned();
        let path = path.trim_start_matches("./").trim_start_matches('/');
        if !(taken.wanted)(path) {
            continue;
        }
        limit(entry.size(), taken.largest, || format!("{path} in {}", taken.what))?;
        let mut content = Vec::new();
        let read = (&mut entry).take(taken.largest).read_to_end(&mut content);
        read.map_err(|e| taken.malformed(format!("{path}: {e}")))?;
        (taken.take)(path, content);
    }
    Ok(())
}

fn limit(size: u64, limit: u64, what: impl FnOnce() -> String) -> Result<(), Error> {
    match size > limit {
        true => Err(Error::TooLarge { what: what(), limit }),
        false => Ok(()),
    }
}

/// Whether an entry is no file, but describes the one behind it.
fn is_about_next(kind: tar::EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

/// The name that such an entry gives, if it does.
fn name(kind: tar::EntryType, mut content: Vec<u8>) -> Option<Vec<u8>> {
    if kind.is_gnu_longname() {
        let end = content.iter().position(|byte| *byte == 0);
        content.truncate(end.unwrap_or(content.len()));
        return Some(content);
    }
    if !kind.is_pax_local_extensions() {
        return None;
    }
    let mut records = tar::PaxExtensions::new(&content).flatten();
    let path = records.find(|record| record.key_bytes() == b"path")?;
    Some(path.value_bytes().to_owned())
}

/// Counts what comes out of a decoder, and ends where that is too much for what went in.
struct Unpacked<'a, R> {
    inner: R,
    count: u64,
    read: &'a AtomicU64,
    ratio: u64,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        let most =
            self.read.load(Ordering::Relaxed).saturating_mul(self.ratio).max(UNPACKED_AT_LEAST);
        match self.count > most {
            true => Err(io::Error::other(format!(
                "it unpacks to more than {} times its size",
                self.ratio
            ))),
            false => Ok(read),
        }
    }
}

/// Counts and hashes what goes through it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    count: Arc<AtomicU64>,
    /// A decoder reports it in words of its own.
    failed: Option<io::Error>,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), count: Arc::default(), failed: None }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.hash.update(&buffer[..read]);
                self.count.fetch_add(read as u64, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in an archive of these entries: type, size that is claimed, content.
    fn walked(entries: &[(u8, &str, u64, &[u8])]) -> Result<Vec<String>, Error> {
        let mut archive = Vec::new();
        for (kind, path, size, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_path(path).unwrap();
            header.set_entry_type(tar::EntryType::new(*kind));
            header.set_size(*size);
            header.set_cksum();
            archive.extend_from_slice(header.as_bytes());
            archive.extend_from_slice(content);
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        archive.resize(archive.len() + 1024, 0);
        let mut found = Vec::new();
        let take = |path: &str, content: Vec<u8>| found.push(format!("{path} {}", content.len()));
        let limits = Limits::default();
        layer_files("a layer", &archive, limits, 1 << 20, |_| true, take)?;
        Ok(found)
    }

    #[test]
    fn names_before_a_file_belong_to_it_and_are_bounded() {
        let long = "a/".repeat(100) + "file";
        let pax = format!("214 path={long}\n");
        assert_eq!(pax.len(), 214, "the record says its own length");
        let pax_size = pax.len() as u64;
        let gnu = format!("{long}\0");
        let found = walked(&[
            (b'L', "././@LongLink", gnu.len() as u64, gnu.as_bytes()),
            (b'0', "short", 3, b"abc"),
            (b'x', "PaxHeaders/0", pax_size, pax.as_bytes()),
            (b'0', "short", 2, b"ab"),
            (b'0', "./plain", 1, b"a"),
        ]);
        let expected = [format!("{long} 3"), format!("{long} 2"), "plain 1".into()];
        assert_eq!(found.unwrap(), expected);
        for kind in [b'L', b'K', b'x', b'g'] {
            let refused = walked(&[(kind, "././@LongLink", 2 << 30, &[0; 512])]);
            assert!(
                matches!(&refused, Err(Error::TooLarge { limit: 65536, .. })),
                "{}: {refused:?}",
                char::from(kind)
            );
        }
    }

    #[test]
    fn layer_unpacking_far_beyond_its_size_is_a_bomb() {
        let read = AtomicU64::new(100_000);
        let mut bomb =
            Unpacked { inner: io::repeat(0).take(u64::MAX), count: 0, read: &read, ratio: 200 };
        let refused = io::copy(&mut bomb, &mut io::sink()).unwrap_err();
        assert!(refused.to_string().contains("200 times"), "{refused}");
        assert!(bomb.count < UNPACKED_AT_LEAST + (1 << 20));
    }
}
