//! Credential rotation: the kinds of credentials, when a rotation is due, and the next step of
//! each. Pure, except for [`owner`], which sets values at their backends.
//!
//! Each credential has one Juju secret, owned by the application. A rotation writes the new value
//! beside the old one and commits it (*prepared*), sets it at the backend and replaces the old
//! one in the secret (*published*), and a later hook verifies that it was committed (*settled*).
//! The value that the backend accepts is in a committed secret at every moment, wherever the
//! charm crashes.

pub mod backend;
mod credential;
mod ledger;
pub mod password;
mod plan;
pub mod token;

pub use self::credential::{Credential, CredentialError, Delivery, FIRST_USER};
pub use self::ledger::{Entry, Ledger, Stage};
pub use self::plan::{Plan, Target};

use jiff::{SignedDuration, Timestamp};

/// Next step of a rotation in this hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// None: not due.
    Rest,
    /// Write a new value into the secret.
    Prepare,
    /// Set the prepared value at the backend, then publish it.
    Apply,
    /// Verify that the secret has the published value.
    Settle,
    /// Retry a failed step at this time.
    Wait(Timestamp),
    /// Abandon a rotation that only the option started and no longer names.
    Abandon,
}

impl Entry {
    /// The next step at this time. `every` is the scheduled interval, none if the option does not
    /// name the credential; `requested` means that an operator requests the rotation now.
    pub fn step(&self, every: Option<SignedDuration>, requested: bool, now: Timestamp) -> Step {
        let is_requested = requested || self.asked || every.is_some();
        let is_due = self.is_due(every, now);
        match (self.stage, &self.failure) {
            (Stage::Settled, _) if !requested && !is_due => Step::Rest,
            (Stage::Prepared, _) if !is_requested => Step::Abandon,
            // A request by an operator does not wait, and a clock that was set back must not
            // delay a retry forever.
            (_, Some(failure))
                if !requested
                    && now < failure.again
                    && failure.again.duration_since(now) <= LONGEST_WAIT =>
            {
                Step::Wait(failure.again)
            }
            (Stage::Settled, _) => Step::Prepare,
            (Stage::Prepared, _) => Step::Apply,
            // A rotation that consumers prevent from settling must not block a new one.
            (Stage::Published, Some(_)) if requested || is_due => Step::Prepare,
            (Stage::Published, _) => Step::Settle,
        }
    }

    /// When the next rotation is due; `None` if there was none yet, so it is due now.
    pub fn next(&self, every: SignedDuration) -> Option<Timestamp> {
        self.rotated?.checked_add(every).ok()
    }

    fn is_due(&self, every: Option<SignedDuration>, now: Timestamp) -> bool {
        let Some(every) = every else { return false };
        match self.rotated {
            None => true,
            // The clock was set back, so the age is unknown.
            Some(rotated) if rotated > now => true,
            Some(_) => self.next(every).is_some_and(|next| next <= now),
        }
    }

    /// Records a failure and schedules the retry: in the next hook, then after a minute, doubling
    /// up to an hour, plus up to a quarter by `jitter`, which is between 0 and 1.
    pub fn failed(&mut self, why: String, now: Timestamp, jitter: f64) {
        let attempts = self.failure.as_ref().map_or(0, |f| f.attempts).saturating_add(1);
        let minutes = match attempts {
            1 => 0,
            more => 1_i64 << (more - 2).min(6),
        };
        let base = SignedDuration::from_mins(minutes.min(60));
        // In whole seconds, since the time is displayed.
        let more = SignedDuration::from_secs(base.mul_f64(jitter.clamp(0.0, 1.0) / 4.0).as_secs());
        self.failure = Some(ledger::Failure {
            attempts,
            why,
            again: now.saturating_add(base + more).unwrap_or(now),
        });
    }
}

/// Longest time between two attempts, including jitter.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(75);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    const DAY: i64 = 24 * 3600;

    #[test]
    fn rotation_due_goes_through_all_stages() {
        let every = Some(SignedDuration::from_hours(24));
        let mut entry = Entry::default();
        assert_eq!(entry.step(None, false, at(0)), Step::Rest);
        assert_eq!(entry.step(every, false, at(0)), Step::Prepare);
        entry.stage = Stage::Prepared;
        assert_eq!(entry.step(every, false, at(0)), Step::Apply);
        entry.stage = Stage::Published;
        entry.rotated = Some(at(DAY));
        assert_eq!(entry.step(every, false, at(DAY)), Step::Settle);
        entry.stage = Stage::Settled;
        assert_eq!(entry.step(every, false, at(2 * DAY - 1)), Step::Rest);
        assert_eq!(entry.step(every, false, at(2 * DAY)), Step::Prepare);
        assert_eq!(entry.step(every, true, at(DAY)), Step::Prepare);
    }

    #[test]
    fn rotation_dropped_from_the_option_is_abandoned_while_prepared() {
        for (stage, asked, step) in [
            (Stage::Prepared, false, Step::Abandon),
            (Stage::Prepared, true, Step::Apply),
            (Stage::Published, false, Step::Settle),
            (Stage::Published, true, Step::Settle),
            (Stage::Settled, false, Step::Rest),
        ] {
            let mut entry = Entry { stage, asked, rotated: Some(at(0)), ..Entry::default() };
            assert_eq!(entry.step(None, false, at(0)), step, "{stage:?}");
            // A pending retry does not change what is abandoned.
            entry.failed("no answer".into(), at(0), 0.5);
            entry.failed("no answer".into(), at(0), 0.5);
            let waits = matches!(entry.step(None, false, at(0)), Step::Wait(_));
            assert_eq!(waits, ![Step::Abandon, Step::Rest].contains(&step), "{stage:?}");
        }
    }

    #[test]
    fn rotation_that_does_not_settle_does_not_block_a_new_one() {
        let every = Some(SignedDuration::from_hours(24));
        let mut entry = Entry { stage: Stage::Published, rotated: Some(at(0)), ..Entry::default() };
        assert_eq!(entry.step(every, true, at(60)), Step::Settle, "not attempted yet");
        entry.failed("a copy differs".into(), at(60), 0.0);
        assert_eq!(entry.step(every, false, at(60)), Step::Settle);
        assert_eq!(entry.step(every, true, at(60)), Step::Prepare);
        assert_eq!(entry.step(every, false, at(DAY)), Step::Prepare);
        assert_eq!(entry.step(None, false, at(DAY)), Step::Settle);
    }

    #[test]
    fn prepare_that_fails_is_retried_later() {
        let every = Some(SignedDuration::from_hours(24));
        let mut entry = Entry::default();
        entry.failed("the user is gone".into(), at(0), 0.0);
        entry.failed("the user is gone".into(), at(0), 0.0);
        assert_eq!(entry.step(every, false, at(0)), Step::Wait(at(60)));
        assert_eq!(entry.step(every, false, at(60)), Step::Prepare);
        assert_eq!(entry.step(every, true, at(0)), Step::Prepare);
        assert_eq!(entry.step(None, false, at(60)), Step::Rest);
    }

    proptest! {
        /// After any number of failures and any change of the clock, the retry is within 75
        /// minutes of the clock's time.
        #[test]
        fn failure_is_retried_within_75_minutes(
            failures in 1_usize..40, jitter in 0.0_f64..1.0, when in 0_i64..4_000_000_000,
            later in -400_000_000_i64..400_000_000,
        ) {
            let mut entry = Entry { stage: Stage::Prepared, asked: true, ..Entry::default() };
            for _ in 0..failures {
                entry.failed("no answer".into(), at(when), jitter);
            }
            let now = at((when + later).max(0));
            match entry.step(None, false, now) {
                Step::Apply => {}
                Step::Wait(until) => {
                    prop_assert!(until > now);
                    prop_assert!(until.duration_since(now) <= LONGEST_WAIT);
                }
                other => prop_assert!(false, "{other:?}"),
            }
            prop_assert_eq!(entry.step(None, true, now), Step::Apply);
        }

        /// Never due early, always due on time, and due at once if the clock was set back.
        #[test]
        fn rotation_is_due_exactly_on_time(rotated in 0_i64..4_000_000_000, now in 0_i64..4_000_000_000, days in 1_i64..400) {
            let every = SignedDuration::from_hours(24 * days);
            let entry = Entry { rotated: Some(at(rotated)), ..Entry::default() };
            let due = entry.step(Some(every), false, at(now)) == Step::Prepare;
            prop_assert_eq!(due, now < rotated || now >= rotated + days * DAY);
        }
    }
}
