//! Durations as Go writes them.

use std::time::Duration;

/// Reads `1h2m3.5s`, `500ms` and the like.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let span: jiff::SignedDuration = text.parse().ok()?;
    span.try_into().ok()
}

/// `168h0m0s`, `1.5s`, `500ms`.
pub(super) fn format(duration: Duration) -> String {
    if duration < Duration::from_secs(1) && !duration.is_zero() {
        return format!("{}ms", duration.as_secs_f64() * 1e3);
    }
    let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
    let seconds = duration.as_secs_f64() - (duration.as_secs() / 60 * 60) as f64;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{format, parse};

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("1.5s", 1_500),
            ("2m0s", 120_000),
            ("1h0m0s", 3_600_000),
            ("168h0m0s", 604_800_000),
            ("0s", 0),
        ] {
            let duration = Duration::from_millis(milliseconds);
            assert_eq!(parse(text), Some(duration), "{text}");
            assert_eq!(format(duration), text);
        }
        assert_eq!(parse("3600.000s"), Some(Duration::from_secs(3600)));
        assert_eq!(parse("soon"), None);
    }
}
