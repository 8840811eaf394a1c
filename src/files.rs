//! Files of the command line: written for their owner only, without following symbolic links, and
//! read up to a size limit.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Largest accepted policy, lock or other hand-written file, in bytes.
pub const LARGEST_BY_HAND: u64 = 4 << 20;
/// Largest accepted report or plan, in bytes.
pub const LARGEST_REPORT: u64 = 512 << 20;

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}

/// Writes a file atomically, by renaming a temporary file. An existing file must be a regular
/// file, or a character device or pipe, which is written to directly.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(known) if known.file_type().is_symlink() => {
            return Err(invalid("symbolic links are not followed"));
        }
        Ok(known) if known.is_dir() => return Err(invalid("is a directory")),
        Ok(known) if known.file_type().is_char_device() || known.file_type().is_fifo() => {
            return OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        Ok(known) if !known.is_file() => return Err(invalid("not a regular file")),
        Ok(_) => {}
    }
    reject_symlink(directory)?;
    let (mut file, temporary) = create_beside(path, directory)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Report the first error.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Creates a file with an unpredictable name in a directory.
fn create_beside(path: &Path, directory: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().take(64).collect();
    for _ in 0..16 {
        let temporary = directory.join(format!(".{name}.{:016x}", rand::random::<u64>()));
        // O_EXCL does not follow symbolic links either.
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
        match created {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(invalid("no unused temporary name"))
}

/// Rejects a directory that is a symbolic link.
fn reject_symlink(directory: &Path) -> io::Result<()> {
    let known = fs::symlink_metadata(directory)?;
    match known.file_type().is_symlink() {
        true => Err(invalid(format!(
            "the directory {} is a symbolic link; name the directory itself",
            directory.display()
        ))),
        false => Ok(()),
    }
}

/// Creates a private directory and its parents; an existing one is left unchanged, and must not
/// be a symbolic link.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::symlink_metadata(directory) {
        Ok(known) if known.is_dir() => Ok(()),
        Ok(_) => {
            reject_symlink(directory)?;
            Err(invalid("not a directory"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)
        }
        Err(error) => Err(error),
    }
}

/// Reads a text file of at most `largest` bytes.
pub fn read(path: &Path, largest: u64) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(largest + 1).read_to_string(&mut text)?;
    if text.len() as u64 > largest {
        return Err(invalid(format!("larger than {largest} bytes")));
    }
    Ok(text)
}

/// Reads a file that this program wrote; symbolic links are rejected.
pub fn read_own(path: &Path, largest: u64) -> io::Result<String> {
    if fs::symlink_metadata(path)?.file_type().is_symlink() {
        return Err(invalid("symbolic links are not followed"));
    }
    read(path, largest)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn file_is_private_when_replacing_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        write(&path, b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let other = folder.path().join("hard-link");
        fs::hard_link(&path, &other).unwrap();
        write(&path, b"two").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"two".to_vec()));
        assert_eq!(fs::read(&other).unwrap(), b"one", "the hard link keeps its content");
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "no temporary file remains");
    }

    #[test]
    fn symlink_is_not_followed_even_if_dangling() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "as it was").unwrap();
        let link = folder.path().join("link");
        symlink(&victim, &link).unwrap();
        let dangling = folder.path().join("dangling");
        symlink(folder.path().join("new"), &dangling).unwrap();
        for path in [&link, &dangling] {
            let why = write(path, b"ours").unwrap_err().to_string();
            assert!(why.contains("symbolic links"), "{why}");
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "as it was");
        assert!(!folder.path().join("new").exists());
        assert!(read_own(&link, 100).is_err());
        let real = folder.path().join("real");
        make_directory(&real).unwrap();
        assert_eq!(mode(&real), 0o700);
        let other = folder.path().join("other");
        symlink(&real, &other).unwrap();
        assert!(make_directory(&other).is_err());
        assert!(write(&other.join("file"), b"ours").is_err());
        assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
    }

    #[test]
    fn device_is_written_to_directly() {
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn large_file_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), "12345");
        let why = read(&path, 4).unwrap_err().to_string();
        assert!(why.contains("larger than 4 bytes"), "{why}");
        assert!(read(Path::new("/dev/zero"), 100).is_err());
    }
}
