//! Dated tables that assess versions, and the data file by which newer ones replace those that the
//! program has, with what Charmhub answered elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::{self, Support};
use crate::facts::advisory::{AdvisoryTable, TableError};
use crate::facts::charmhub::Charmhub;
use crate::facts::known::Known;

/// The form of the data file, which it names.
const FORM: &str = "ckf-hardening data 1";

/// Tables in place of the catalogue's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    support: Option<Arc<Support>>,
    advisories: Option<Arc<AdvisoryTable>>,
    charmhub: Option<Arc<Charmhub>>,
}

/// A data file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It is something else.
    #[error("not what `ckf-hardening bundle-data` writes: {0}")]
    Form(#[from] serde_json::Error),
    /// It is of another version.
    #[error("it is {0:?}, and this program reads {FORM:?}")]
    Version(String),
    /// It is not as it was written.
    #[error("its checksum is {written}, and its tables have {computed}: fetch it again")]
    Checksum {
        /// The one in the file.
        written: String,
        /// The one of its tables.
        computed: String,
    },
    /// Its table of advisories is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It is older than what the program has.
    #[error("its {table} of {given} are older than those of this program, of {own}")]
    Older {
        /// What is older.
        table: &'static str,
        /// Date of the file's table.
        given: jiff::civil::Date,
        /// Date of the program's.
        own: jiff::civil::Date,
    },
}

/// A data file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DataFile {
    form: String,
    tables: Content,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    support: Support,
    advisories: AdvisoryTable,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    charmhub: Option<Charmhub>,
}

impl Content {
    fn checksum(&self) -> Result<String, serde_json::Error> {
        Ok(crate::facts::sha256(serde_json::to_vec(self)?))
    }
}

impl Tables {
    /// Ends of support.
    pub fn support(&self) -> &Support {
        self.support.as_deref().unwrap_or_else(|| catalog::support())
    }

    /// Advisories.
    pub fn advisories(&self) -> &AdvisoryTable {
        self.advisories.as_deref().unwrap_or_else(|| catalog::advisories())
    }

    /// The same with another table of advisories.
    pub fn with_advisories(self, table: AdvisoryTable) -> Self {
        Self { advisories: Some(Arc::new(table)), ..self }
    }

    /// The same with these answers of Charmhub; those that are unknown are left out.
    pub fn with_charmhub(self, mut charmhub: Charmhub) -> Self {
        charmhub.heads.retain(|_, head| matches!(head, Known::Known(_)));
        Self { charmhub: Some(Arc::new(charmhub)), ..self }
    }

    /// Answers of Charmhub: those of the file, unless others are newer.
    pub fn newest_of_charmhub(&self, known: Known<Charmhub>) -> Known<Charmhub> {
        let Some(of_file) = self.charmhub.as_deref() else { return known };
        match known {
            Known::Known(known)
                if known.asked_at >= of_file.asked_at
                    && known.heads.values().any(|head| matches!(head, Known::Known(_))) =>
            {
                Known::Known(known)
            }
            _ => Known::Known(of_file.clone()),
        }
    }

    /// The text of a data file with these tables.
    pub fn write(&self) -> Result<String, DataError> {
        let tables = Content {
            support: self.support().clone(),
            advisories: self.advisories().clone(),
            charmhub: self.charmhub.as_deref().cloned(),
        };
        let sha256 = tables.checksum()?;
        let file = DataFile { form: FORM.into(), tables, sha256 };
        Ok(serde_json::to_string_pretty(&file)? + "\n")
    }

    /// The tables of a data file. Older ones than the program's own are refused: a file that was
    /// left behind must not hide what the program knows.
    pub fn read(text: &str) -> Result<Self, DataError> {
        #[derive(Deserialize)]
        struct Head {
            form: String,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.form != FORM {
            return Err(DataError::Version(head.form));
        }
        let DataFile { tables, sha256: written, .. } = serde_json::from_str(text)?;
        let computed = tables.checksum()?;
        if written != computed {
            return Err(DataError::Checksum { written, computed });
        }
        tables.advisories.check()?;
        for (table, given, own) in [
            ("ends of support", tables.support.reviewed, catalog::support().reviewed),
            ("advisories", tables.advisories.reviewed, catalog::advisories().reviewed),
        ] {
            if given < own {
                return Err(DataError::Older { table, given, own });
            }
        }
        Ok(Self {
            support: Some(Arc::new(tables.support)),
            advisories: Some(Arc::new(tables.advisories)),
            charmhub: tables.charmhub.map(Arc::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::charmhub::Head;

    #[test]
    fn data_file_is_read_as_it_was_written_and_no_other() {
        let written = Tables::default().write().unwrap();
        let read = Tables::read(&written).unwrap();
        assert_eq!(read.advisories(), catalog::advisories());
        assert_eq!(read.support(), catalog::support());
        assert_eq!(read.write().unwrap(), written);
        // One advisory less, and the rest as it was.
        let mut table = catalog::advisories().clone();
        let gone = table.advisories.remove(0);
        let fewer = Tables::default().with_advisories(table).write().unwrap();
        let sum = |text: &str| text.split("\"sha256\": ").nth(1).unwrap().to_owned();
        let forged = fewer.replace(&sum(&fewer), &sum(&written));
        for (text, expected) in [
            (forged, "checksum"),
            (written.replace("data 1", "data 2"), "data 2"),
            (written.replace(&gone.id, "GHSA-other"), "checksum"),
            ("{}".into(), "bundle-data"),
            ("PK".into(), "bundle-data"),
        ] {
            let error = Tables::read(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn newest_answers_of_charmhub_count_and_unknown_ones_do_not() {
        let head = |revision| Known::Known(Head { revision, ..Head::default() });
        let answers = |day: &str, head: Known<Head>| Charmhub {
            asked_at: format!("2026-11-{day}T00:00:00Z").parse().unwrap(),
            heads: [("dex-auth 2.41/stable 24.04".to_owned(), head)].into(),
            requests: 1,
        };
        let tables = Tables::default().with_charmhub(answers("20", head(7)));
        let tables = Tables::read(&tables.write().unwrap()).unwrap();
        let of_file = Known::Known(answers("20", head(7)));
        let newer = Known::Known(answers("21", head(8)));
        for (known, expected) in [
            (Known::default(), &of_file),
            (Known::Known(answers("19", head(6))), &of_file),
            (Known::Known(answers("21", Known::default())), &of_file),
            (newer.clone(), &newer),
        ] {
            assert_eq!(&tables.newest_of_charmhub(known), expected);
        }
        assert_eq!(Tables::default().newest_of_charmhub(newer.clone()), newer);
        let unanswered = Tables::default().with_charmhub(answers("20", Known::default()));
        assert!(!unanswered.write().unwrap().contains("dex-auth 2.41"));
    }

    #[test]
    fn data_file_older_than_the_program_is_refused() {
        let mut table = catalog::advisories().clone();
        table.reviewed = table.reviewed.yesterday().unwrap();
        let old = Tables::default().with_advisories(table).write().unwrap();
        let error = Tables::read(&old).unwrap_err().to_string();
        assert!(error.contains("advisories") && error.contains("older"), "{error}");
    }
}
