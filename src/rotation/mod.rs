//! Credentials: which there are, when a new value is due, and what the next step
//! of each is. Pure, but for [`owner`], which sets a value where it holds.
//!
//! A credential has one secret of the application. A rotation goes through it:
//! the new value is written beside the old one and committed (*prepared*), then set
//! at its owner and written in the place of the old one (*published*), and found
//! there by a later hook (*settled*). The value that the owner accepts is in a
//! committed secret at every moment, wherever the charm dies.

mod credential;
mod ledger;
pub mod owner;
pub mod password;
mod plan;
pub mod token;

pub use self::credential::{Credential, Delivery, FIRST_USER};
pub use self::ledger::{Entry, Ledger, Stage};
pub use self::plan::{Plan, Target};

use jiff::{SignedDuration, Timestamp};

/// What is to be done for a credential in this hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is not due.
    Rest,
    /// A new value is to be written into its secret.
    Prepare,
    /// The prepared value is to be set at its owner, then published.
    Apply,
    /// What was published is to be found in the secret.
    Settle,
    /// It failed and is to be tried again at this time.
    Wait(Timestamp),
    /// The plan alone began it, and no longer names it: it is to be given up.
    Abandon,
}

impl Entry {
    /// The next step, at this time, for a credential that is to be rotated this
    /// often, or that is `asked` for now.
    pub fn step(&self, every: Option<SignedDuration>, asked: bool, now: Timestamp) -> Step {
        let is_wanted = asked || self.asked || every.is_some();
        let is_due = self.is_due(every, now);
        match (self.stage, &self.failure) {
            (Stage::Settled, _) if !asked && !is_due => Step::Rest,
            (Stage::Prepared, _) if !is_wanted => Step::Abandon,
            // Whoever asks does not want to wait; nor must a clock that was put back keep
            // it waiting for ever.
            (_, Some(failure))
                if !asked
                    && now < failure.again
                    && failure.again.duration_since(now) <= LONGEST_WAIT =>
            {
                Step::Wait(failure.again)
            }
            (Stage::Settled, _) => Step::Prepare,
            (Stage::Prepared, _) => Step::Apply,
            // What somebody else keeps from its end must not keep a new value away.
            (Stage::Published, Some(_)) if asked || is_due => Step::Prepare,
            (Stage::Published, _) => Step::Settle,
        }
    }

    /// When the next rotation is due; `None` if none ever was, and it is due now.
    pub fn next(&self, every: SignedDuration) -> Option<Timestamp> {
        self.rotated?.checked_add(every).ok()
    }

    fn is_due(&self, every: Option<SignedDuration>, now: Timestamp) -> bool {
        let Some(every) = every else { return false };
        match self.rotated {
            None => true,
            // A clock that was put back: its age is not known.
            Some(rotated) if rotated > now => true,
            Some(_) => self.next(every).is_some_and(|next| next <= now),
        }
    }

    /// Notes that applying failed, and when it is to be tried again: by the next hook,
    /// then after a minute, then twice as long each time up to an hour, and up to a
    /// quarter more by `jitter`, which is between 0 and 1.
    pub fn failed(&mut self, why: String, now: Timestamp, jitter: f64) {
        let attempts = self.failure.as_ref().map_or(0, |f| f.attempts).saturating_add(1);
        let minutes = match attempts {
            1 => 0,
            more => 1_i64 << (more - 2).min(6),
        };
        let base = SignedDuration::from_mins(minutes.min(60));
        // In whole seconds, for the time is shown.
        let more = SignedDuration::from_secs(base.mul_f64(jitter.clamp(0.0, 1.0) / 4.0).as_secs());
        self.failure = Some(ledger::Failure {
            attempts,
            why,
            again: now.saturating_add(base + more).unwrap_or(now),
        });
    }
}

/// Longest time between two tries, jitter included.
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
    fn a_rotation_goes_from_one_stage_to_the_next() {
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
    fn what_the_plan_alone_began_is_given_up_when_it_no_longer_names_it() {
        for (stage, asked, step) in [
            (Stage::Prepared, false, Step::Abandon),
            (Stage::Prepared, true, Step::Apply),
            (Stage::Published, false, Step::Settle),
            (Stage::Published, true, Step::Settle),
            (Stage::Settled, false, Step::Rest),
        ] {
            let mut entry = Entry { stage, asked, rotated: Some(at(0)), ..Entry::default() };
            assert_eq!(entry.step(None, false, at(0)), step, "{stage:?}");
            // That it has to be waited for makes no difference to what is given up.
            entry.failed("no answer".into(), at(0), 0.5);
            entry.failed("no answer".into(), at(0), 0.5);
            let waits = matches!(entry.step(None, false, at(0)), Step::Wait(_));
            assert_eq!(waits, ![Step::Abandon, Step::Rest].contains(&step), "{stage:?}");
        }
    }

    #[test]
    fn a_rotation_that_does_not_settle_keeps_no_new_one_away() {
        let every = Some(SignedDuration::from_hours(24));
        let mut entry = Entry { stage: Stage::Published, rotated: Some(at(0)), ..Entry::default() };
        assert_eq!(entry.step(every, true, at(60)), Step::Settle, "it has not been tried");
        entry.failed("a copy differs".into(), at(60), 0.0);
        assert_eq!(entry.step(every, false, at(60)), Step::Settle);
        assert_eq!(entry.step(every, true, at(60)), Step::Prepare);
        assert_eq!(entry.step(every, false, at(DAY)), Step::Prepare);
        assert_eq!(entry.step(None, false, at(DAY)), Step::Settle);
    }

    #[test]
    fn a_value_that_cannot_be_prepared_is_tried_again_later() {
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
        /// However often it fails and whatever the clock does, it is tried again
        /// within 75 minutes of the time that the clock shows.
        #[test]
        fn a_failure_is_tried_again(
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

        /// It is never due before its time, always at it, and at once if the clock
        /// was put back.
        #[test]
        fn it_is_due_at_its_time(rotated in 0_i64..4_000_000_000, now in 0_i64..4_000_000_000, days in 1_i64..400) {
            let every = SignedDuration::from_hours(24 * days);
            let entry = Entry { rotated: Some(at(rotated)), ..Entry::default() };
            let due = entry.step(Some(every), false, at(now)) == Step::Prepare;
            prop_assert_eq!(due, now < rotated || now >= rotated + days * DAY);
        }
    }
}
