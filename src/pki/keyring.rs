//! The current, next and previous certificate authority. A rollover does not break clients, as
//! each authority is published before it starts to sign and after it has stopped.

use jiff::Timestamp;

use super::{Authority, AuthorityError, CertificatePolicy, Name, renewal_time};
use crate::facts::certificate::Certificate;

/// The certificate authorities of the charm.
#[derive(Debug)]
pub struct Keyring {
    /// Authority that signs.
    pub current: Authority,
    /// Authority that signs after the overlap.
    pub next: Option<Authority>,
    /// Certificate of the authority that signed before, PEM.
    pub previous: Option<String>,
}

/// Requirements on the authorities.
#[derive(Debug)]
pub struct Leaf<'a> {
    /// Name of the Juju model, for the subject.
    pub of: &'a str,
    /// Names for which they must be able to sign.
    pub names: &'a [Name],
    /// Requirements on certificates, from the policy.
    pub terms: &'a CertificatePolicy,
    /// Whether a rollover was requested.
    pub is_renewal_asked: bool,
}

impl Keyring {
    /// Creates the first authority.
    pub fn create(requirements: &Leaf<'_>, now: Timestamp) -> Result<Self, AuthorityError> {
        Ok(Self {
            current: Authority::create(
                requirements.of,
                requirements.names,
                requirements.terms,
                now,
            )?,
            next: None,
            previous: None,
        })
    }

    /// Advances the rollover to `now`; also returns whether anything changed.
    pub fn advance(
        mut self,
        requirements: &Leaf<'_>,
        now: Timestamp,
    ) -> Result<(Self, bool), AuthorityError> {
        let overlap = requirements.terms.overlap;
        let mut is_changed = false;
        let created = start(self.current.parsed());
        let is_over = |certificate: &Certificate| now.as_second() >= certificate.not_after;
        if let Some(previous) = &self.previous {
            let ends = Certificate::from_pem(previous.as_bytes());
            let is_past = ends.map_or(true, |chain| is_over(&chain[0]));
            // `current` was published one overlap before it signed; `previous` stays for one after.
            if is_past || now >= created + overlap * 2 {
                self.previous = None;
                is_changed = true;
            }
        }
        let signs_for =
            |authority: &Authority| requirements.names.iter().all(|name| authority.may_sign(name));
        let cannot_sign = !signs_for(&self.current) || is_over(self.current.parsed());
        let parsed = self.current.parsed();
        let is_old = now.as_second() >= renewal_time(parsed.not_before, parsed.not_after);
        let is_unfit = !self.current.is_of(requirements.terms.key);
        let next_is_unfit = self
            .next
            .as_ref()
            .is_some_and(|next| !signs_for(next) || !next.is_of(requirements.terms.key));
        if next_is_unfit {
            self.next = None;
            is_changed = true;
        }
        let needs_next = cannot_sign || is_old || is_unfit || requirements.is_renewal_asked;
        if self.next.is_none() && needs_next {
            let next =
                Authority::create(requirements.of, requirements.names, requirements.terms, now)?;
            self.next = Some(next);
            is_changed = true;
        }
        // If the current authority cannot sign, do not wait for the overlap.
        let takes_over = |next: &Authority| cannot_sign || now >= start(next.parsed()) + overlap;
        if let Some(next) = self.next.take_if(|next| takes_over(next)) {
            let old = std::mem::replace(&mut self.current, next);
            self.previous = Some(old.certificate().to_owned()).filter(|_| !is_over(old.parsed()));
            is_changed = true;
        }
        Ok((self, is_changed))
    }

    /// Certificates that clients must trust, PEM, the current one first.
    pub fn trusted(&self) -> Vec<String> {
        let next = self.next.as_ref().map(|next| next.certificate().to_owned());
        let current = self.current.certificate().to_owned();
        [Some(current), next, self.previous.clone()].into_iter().flatten().collect()
    }
}

fn start(certificate: &Certificate) -> Timestamp {
    Timestamp::from_second(certificate.not_before).unwrap_or(Timestamp::UNIX_EPOCH)
}
