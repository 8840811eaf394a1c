//! How far builds and installations are: a line on standard error each ten seconds, unless a
//! caller takes the lines and shows them itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest silence of what is under way.
const EVERY: Duration = Duration::from_secs(10);

static UNDER_WAY: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
static TAKEN: AtomicBool = AtomicBool::new(false);

/// From now on nothing is printed; [`lines`] has what is under way.
pub fn take() {
    TAKEN.store(true, Ordering::Relaxed);
}

/// What is under way, a line each.
pub fn lines() -> Vec<String> {
    let under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    under_way.values().cloned().collect()
}

/// Something that is built or installed; it is over when this is dropped.
pub struct Progress {
    name: String,
    what: String,
    begun: Instant,
    printed: Instant,
}

impl Progress {
    /// Begins it: its name, and what it is, for a person.
    pub fn begin(name: &str, what: &str) -> Self {
        let now = Instant::now();
        let begun = Self { name: name.to_owned(), what: what.to_owned(), begun: now, printed: now };
        begun.show("");
        begun
    }

    /// How far it is, as `120 of 200 packages`; printed if nothing was for ten seconds.
    pub fn at(&mut self, far: &str) {
        let is_due = self.printed.elapsed() >= EVERY;
        let line = self.line(far);
        if is_due && !TAKEN.load(Ordering::Relaxed) {
            eprintln!("{line}");
            self.printed = Instant::now();
        }
        self.store(line);
    }

    /// Seconds since it began.
    pub fn seconds(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }

    fn show(&self, far: &str) {
        let line = self.line(far);
        if !TAKEN.load(Ordering::Relaxed) {
            eprintln!("{line}");
        }
        self.store(line);
    }

    fn line(&self, far: &str) -> String {
        match far {
            "" => self.what.clone(),
            far => format!("{}: {far}, {} s", self.what, self.seconds()),
        }
    }

    fn store(&self, line: String) {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(self.name.clone(), line);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_what_is_under_way_and_how_far_it_is() {
        let mut progress = Progress::begin("box", "building a box");
        assert!(lines().contains(&"building a box".to_owned()));
        progress.at("3 of 4 boards");
        assert!(lines().iter().any(|line| line.starts_with("building a box: 3 of 4 boards, ")));
        drop(progress);
        assert!(!lines().iter().any(|line| line.contains("box")));
    }
}
