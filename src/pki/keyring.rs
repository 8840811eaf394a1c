//! The authority that signs, the one that will, and the one that did: a change of it
//! breaks nobody who trusts them, for each is made known before it signs and after it did.

use jiff::Timestamp;

use super::{Authority, AuthorityError, Name, Terms, renewal_time};
use crate::facts::certificate::Certificate;

/// The authorities.
#[derive(Debug)]
pub struct Keyring {
    /// The one that signs.
    pub current: Authority,
    /// The one that will.
    pub next: Option<Authority>,
    /// Certificate of the one that did, PEM.
    pub previous: Option<String>,
}

/// What is asked of the authorities.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Whose they are.
    pub of: &'a str,
    /// Names that must be signed for.
    pub names: &'a [Name],
    /// What certificates may be.
    pub terms: &'a Terms,
    /// Whether a new one was asked for.
    pub is_renewal_asked: bool,
}

impl Keyring {
    /// The first.
    pub fn create(wanted: &Wanted<'_>, now: Timestamp) -> Result<Self, AuthorityError> {
        Ok(Self {
            current: Authority::create(wanted.of, wanted.names, wanted.terms, now)?,
            next: None,
            previous: None,
        })
    }

    /// What the authorities must be by now; the keyring itself, if it is that already.
    pub fn advance(
        mut self,
        wanted: &Wanted<'_>,
        now: Timestamp,
    ) -> Result<(Self, bool), AuthorityError> {
        let overlap = wanted.terms.overlap;
        let mut is_changed = false;
        let made = start(self.current.parsed());
        let is_over = |certificate: &Certificate| now.as_second() >= certificate.not_after;
        if let Some(previous) = &self.previous {
            let ends = Certificate::from_pem(previous.as_bytes());
            let is_past = ends.map_or(true, |chain| is_over(&chain[0]));
            // It was made known for one overlap before it signed, and is for one after.
            if is_past || now >= made + overlap * 2 {
                self.previous = None;
                is_changed = true;
            }
        }
        let signs_for =
            |authority: &Authority| wanted.names.iter().all(|name| authority.may_sign(name));
        let cannot_sign = !signs_for(&self.current) || is_over(self.current.parsed());
        let parsed = self.current.parsed();
        let is_old = now.as_second() >= renewal_time(parsed.not_before, parsed.not_after);
        let is_unfit = !self.current.is_of(wanted.terms.key);
        let next_is_unfit = self
            .next
            .as_ref()
            .is_some_and(|next| !signs_for(next) || !next.is_of(wanted.terms.key));
        if next_is_unfit {
            self.next = None;
            is_changed = true;
        }
        let needs_next = cannot_sign || is_old || is_unfit || wanted.is_renewal_asked;
        if self.next.is_none() && needs_next {
            let next = Authority::create(wanted.of, wanted.names, wanted.terms, now)?;
            self.next = Some(next);
            is_changed = true;
        }
        // What the present one cannot sign for cannot wait.
        let takes_over = |next: &Authority| cannot_sign || now >= start(next.parsed()) + overlap;
        if let Some(next) = self.next.take_if(|next| takes_over(next)) {
            let old = std::mem::replace(&mut self.current, next);
            self.previous = Some(old.certificate().to_owned()).filter(|_| !is_over(old.parsed()));
            is_changed = true;
        }
        Ok((self, is_changed))
    }

    /// Certificates that whoever trusts this charm must trust, PEM, the signing one first.
    pub fn trusted(&self) -> Vec<String> {
        let next = self.next.as_ref().map(|next| next.certificate().to_owned());
        let current = self.current.certificate().to_owned();
        [Some(current), next, self.previous.clone()].into_iter().flatten().collect()
    }
}

fn start(certificate: &Certificate) -> Timestamp {
    Timestamp::from_second(certificate.not_before).unwrap_or(Timestamp::UNIX_EPOCH)
}
