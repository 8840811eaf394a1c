//! Archives that are the same to the bit whenever and wherever they are made: entries in order, no
//! times, no names of owners.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// Something at a path of an archive.
enum Entry {
    File { content: Vec<u8>, mode: u32 },
    Directory { owner: u64 },
    Link { to: String },
}

/// What will be in an archive, by path.
#[derive(Default)]
pub struct Archive(BTreeMap<String, Entry>);

impl Archive {
    /// Puts a file in.
    pub fn file(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>, mode: u32) {
        self.0.insert(path.into(), Entry::File { content: content.into(), mode });
    }

    /// Puts a directory in, with an owner and group by number.
    pub fn directory(&mut self, path: &str, owner: u64) {
        self.0.insert(path.to_owned(), Entry::Directory { owner });
    }

    /// Puts a symbolic link in.
    pub fn link(&mut self, path: &str, to: &str) {
        self.0.insert(path.to_owned(), Entry::Link { to: to.to_owned() });
    }

    /// The archive as tar.
    pub fn tar(&self) -> io::Result<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        for (path, entry) in &self.0 {
            let mut header = Header::new_ustar();
            header.set_mtime(0);
            header.set_uid(0);
            header.set_gid(0);
            match entry {
                Entry::File { content, mode } => {
                    header.set_mode(*mode);
                    header.set_size(content.len() as u64);
                    tar.append_data(&mut header, path, content.as_slice())?;
                }
                Entry::Directory { owner } => {
                    header.set_entry_type(EntryType::Directory);
                    header.set_mode(0o755);
                    header.set_uid(*owner);
                    header.set_gid(*owner);
                    header.set_size(0);
                    tar.append_data(&mut header, path, io::empty())?;
                }
                Entry::Link { to } => {
                    header.set_entry_type(EntryType::Symlink);
                    header.set_mode(0o777);
                    header.set_size(0);
                    tar.append_link(&mut header, path, to)?;
                }
            }
        }
        tar.into_inner()
    }
}

/// Compresses; neither a time nor a name is in the result.
pub fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(content)?;
    gzip.finish()
}

/// The SHA-256 digest, in hexadecimal digits.
pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
