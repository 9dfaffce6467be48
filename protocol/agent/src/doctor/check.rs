//! What one check came to.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// What was looked at, and what was found.
///
/// As JSON it has the members `name`, `ok` (false only for what failed), `state` (`ok`, `doubtful` or
/// `failed`), `found` and `remedy` (null where nothing is to be done).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at; several checks may have one name.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub state: CheckState,
    /// What was found. Untrusted: a mail server's words are among them.
    pub found: String,
    /// What to do, where `found` does not say it already.
    pub remedy: Option<String>,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It is: nothing is to be done.
    Ok,
    /// It works, but not as well as it could: something is to be done only if the person minds.
    Doubtful,
    /// It is not: something is to be done.
    Failed,
}

impl Check {
    /// All is well, and there is no remedy to name.
    #[must_use]
    pub fn ok(name: &'static str, found: impl Into<String>) -> Check {
        Check {
            name,
            state: CheckState::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    /// It works, but not as well as it could.
    #[must_use]
    pub fn doubtful(
        name: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Check {
        Check {
            name,
            state: CheckState::Doubtful,
            found: found.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// It does not work, and `remedy` says what to do about it.
    #[must_use]
    pub fn failed(
        name: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Check {
        Check {
            state: CheckState::Failed,
            ..Check::doubtful(name, found, remedy)
        }
    }

    /// It does not work, and the words of the error say what to do.
    #[must_use]
    pub fn error(name: &'static str, found: impl Into<String>) -> Check {
        Check {
            state: CheckState::Failed,
            ..Check::ok(name, found)
        }
    }

    /// Whether nothing has to be done.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        match self.state {
            CheckState::Ok | CheckState::Doubtful => true,
            CheckState::Failed => false,
        }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut check = serializer.serialize_struct("Check", 5)?;
        check.serialize_field("name", self.name)?;
        check.serialize_field("ok", &self.is_ok())?;
        check.serialize_field("state", &self.state)?;
        check.serialize_field("found", &self.found)?;
        check.serialize_field("remedy", &self.remedy)?;
        check.end()
    }
}
