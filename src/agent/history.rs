//! How many controls were open in the past: by the minute for a day, by the hour for two months,
//! in a file if there is one, so that a restart does not lose it.

use std::collections::VecDeque;
use std::path::PathBuf;

use log::warn;

/// Seconds for which one entry a minute is retained.
const MINUTES: i64 = 24 * 3600;
/// Seconds for which one entry an hour is retained.
const HOURS: i64 = 60 * 24 * 3600;
/// Largest file that is read back, in bytes: several times what both make.
const LARGEST: u64 = 1 << 20;

/// How many controls were open at a time, by severity, the worst first.
pub type Past = (i64, [usize; 5]);

/// The past, oldest first.
#[derive(Debug, Default)]
pub struct History {
    points: VecDeque<Past>,
    file: Option<PathBuf>,
}

impl History {
    /// The past of a file. One that is missing or damaged starts empty.
    pub fn of_file(file: Option<PathBuf>) -> Self {
        let read = file.as_ref().filter(|path| path.exists()).map(|path| {
            let text = crate::files::read_own(path, LARGEST).map_err(|error| error.to_string())?;
            serde_json::from_str::<VecDeque<Past>>(&text).map_err(|error| error.to_string())
        });
        let mut points = match (read, &file) {
            (Some(Ok(points)), _) => points,
            (Some(Err(why)), Some(path)) => {
                warn!("history {}: {why}; it starts empty", path.display());
                VecDeque::new()
            }
            _ => VecDeque::new(),
        };
        points.make_contiguous().sort_by_key(|(at, _)| *at);
        Self { points, file }
    }

    /// Notes a result, in place of the one of the same minute, and writes the file once a minute.
    pub fn note(&mut self, now: Past) -> Vec<Past> {
        // A clock that was set back must not leave points in the future.
        while self.points.back().is_some_and(|(at, _)| *at > now.0) {
            self.points.pop_back();
        }
        match self.points.back_mut() {
            Some(last) if last.0 / 60 == now.0 / 60 => last.1 = now.1,
            _ => {
                self.points.push_back(now);
                self.thin(now.0);
                self.write();
            }
        }
        self.points.iter().copied().collect()
    }

    /// Drops what is too old, and all but the last of each hour that is over a day old.
    fn thin(&mut self, now: i64) {
        let mut kept: VecDeque<Past> = VecDeque::with_capacity(self.points.len());
        for point in self.points.drain(..).filter(|(at, _)| now - at <= HOURS) {
            let is_old = now - point.0 > MINUTES;
            match kept.back_mut() {
                Some(last) if is_old && last.0 / 3600 == point.0 / 3600 => *last = point,
                _ => kept.push_back(point),
            }
        }
        self.points = kept;
    }

    fn write(&mut self) {
        let Some(path) = &self.file else { return };
        // Numbers only, so this cannot fail.
        let text = serde_json::to_string(&self.points).unwrap_or_default();
        if let Err(error) = crate::files::write(path, text.as_bytes()) {
            warn!("history {}: {error}; it is kept in memory only", path.display());
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_bounded_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.json");
        let mut history = History::of_file(Some(file.clone()));
        // Three months, every five minutes; then a day by the minute.
        let mut now = 1_700_000_000;
        for _ in 0..90 * 24 * 12 {
            history.points.push_back((now, [1, 2, 3, 4, 5]));
            now += 300;
        }
        for _ in 0..3 {
            history.note((now, [0, 0, 0, 0, 1]));
            now += 60;
        }
        let all = history.note((now, [0; 5]));
        assert!(all.len() < 60 * 24 + 24 * 12 + 10, "{}", all.len());
        assert!(all.is_sorted_by_key(|(at, _)| *at));
        assert!(now - all[0].0 <= HOURS + 3600);
        let again = History::of_file(Some(file.clone()));
        assert_eq!(again.points, all);
        // Within a minute the last result counts.
        let mut again = again;
        assert_eq!(again.note((now + 1, [9; 5])).len(), all.len());
        std::fs::write(&file, "[[1, ").unwrap();
        assert!(History::of_file(Some(file)).points.is_empty());
    }
}
