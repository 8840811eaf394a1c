//! Files that the command line writes and reads: only their owner may read what is written, no
//! link is followed, and what is read is bounded.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Largest policy, lock or other file that a person writes, in bytes.
pub const LARGEST_BY_HAND: u64 = 4 << 20;
/// Largest report or plan, in bytes.
pub const LARGEST_REPORT: u64 = 512 << 20;

fn refused(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}

/// Writes a file whole or not at all: a new one beside it takes its name. What has the name must
/// be a regular file, or a device or pipe, which is written to as it is.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(known) if known.file_type().is_symlink() => {
            return Err(refused("it is a symbolic link, and none is followed"));
        }
        Ok(known) if known.is_dir() => return Err(refused("it is a directory")),
        Ok(known) if known.file_type().is_char_device() || known.file_type().is_fifo() => {
            return OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        Ok(known) if !known.is_file() => return Err(refused("it is no regular file")),
        Ok(_) => {}
    }
    own_directory(directory)?;
    let (mut file, temporary) = create_beside(path, directory)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one that tells.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file in a directory, with a name that nobody can foresee.
fn create_beside(path: &Path, directory: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().take(64).collect();
    for _ in 0..16 {
        let temporary = directory.join(format!(".{name}.{:016x}", rand::random::<u64>()));
        // With O_EXCL no link is followed either.
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
        match created {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(refused("no name is free beside it"))
}

/// Refuses a directory that is a link to another one.
fn own_directory(directory: &Path) -> io::Result<()> {
    let known = fs::symlink_metadata(directory)?;
    match known.file_type().is_symlink() {
        true => Err(refused(format!(
            "the directory {} is a symbolic link; name the directory itself",
            directory.display()
        ))),
        false => Ok(()),
    }
}

/// Makes a directory that only its owner may look into, with those above it; one that is there
/// stays as it is, and must be no link.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::symlink_metadata(directory) {
        Ok(known) if known.is_dir() => Ok(()),
        Ok(_) => {
            own_directory(directory)?;
            Err(refused("it is no directory"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)
        }
        Err(error) => Err(error),
    }
}

/// Reads a text of so many bytes at most.
pub fn read(path: &Path, largest: u64) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(largest + 1).read_to_string(&mut text)?;
    if text.len() as u64 > largest {
        return Err(refused(format!("it is larger than {largest} bytes")));
    }
    Ok(text)
}

/// Reads a file that this program wrote, which is no link.
pub fn read_own(path: &Path, largest: u64) -> io::Result<String> {
    if fs::symlink_metadata(path)?.file_type().is_symlink() {
        return Err(refused("it is a symbolic link, and none is followed"));
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
    fn a_file_is_its_owner_s_alone_also_where_another_one_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        write(&path, b"one").unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let other = folder.path().join("hard-link");
        fs::hard_link(&path, &other).unwrap();
        write(&path, b"two").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"two".to_vec()));
        assert_eq!(fs::read(&other).unwrap(), b"one", "the other name keeps its content");
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "nothing else is left behind");
    }

    #[test]
    fn no_link_is_followed_whether_it_leads_somewhere_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "as it was").unwrap();
        let link = folder.path().join("link");
        symlink(&victim, &link).unwrap();
        let dangling = folder.path().join("dangling");
        symlink(folder.path().join("new"), &dangling).unwrap();
        for path in [&link, &dangling] {
            let why = write(path, b"ours").unwrap_err().to_string();
            assert!(why.contains("symbolic link"), "{why}");
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
    fn a_device_is_written_to_and_stays_one() {
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), "12345");
        let why = read(&path, 4).unwrap_err().to_string();
        assert!(why.contains("larger than 4 bytes"), "{why}");
        assert!(read(Path::new("/dev/zero"), 100).is_err());
    }
}
