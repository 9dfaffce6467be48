//! A configuration file: its text, and faults that name the line.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;

use super::words;

/// A configuration file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    text: String,
}

/// What is wrong with a configuration file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read at all.
    #[error("cannot read the configuration {path}: {error}", path = path.display())]
    Unreadable {
        /// As [`Source::read`] was given it.
        path: PathBuf,
        /// What the system says, or that the file is larger than 16 MiB.
        error: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{path}:{line}: {text}", path = path.display())]
    At {
        /// As [`Source::path`] has it.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong, and the remedy.
        text: String,
    },
}

/// A configuration is written by hand: far below this.
const MOST_OCTETS: u64 = 16 * 1024 * 1024;

impl Source {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`].
    pub fn read(path: &Path) -> Result<Source, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        };
        let mut text = String::new();
        // Not by the file's size: a device or a pipe has none, and may never end.
        let mut file = std::fs::File::open(path)
            .map_err(unreadable)?
            .take(MOST_OCTETS + 1);
        file.read_to_string(&mut text).map_err(unreadable)?;
        if file.limit() == 0 {
            let too_large = std::io::Error::other("it is larger than 16 MiB");
            return Err(unreadable(too_large));
        }
        Ok(Source::from_text(path, text))
    }

    /// A text as if it had been read from `path`.
    #[must_use]
    pub fn from_text(path: impl Into<PathBuf>, text: impl Into<String>) -> Source {
        Source {
            path: path.into(),
            text: text.into(),
        }
    }

    /// Where the text was read from, or as if it had been; as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path that stands in the file: a relative one is relative to the file's folder.
    #[must_use]
    pub fn beside(&self, path: &Path) -> PathBuf {
        match self.path.parent() {
            Some(folder) if path.is_relative() => folder.join(path),
            _ => path.to_owned(),
        }
    }

    /// Reads the whole file as `T`, which should deny unknown fields.
    ///
    /// # Errors
    /// [`ConfigError::At`] with line and, for an unknown key, a suggestion.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|e| {
            let at = e.span().map_or(0, |span| span.start);
            self.at(at, words::in_own_words(e.message(), self.key_at(at)))
        })
    }

    /// The key of the line with this octet, where it gives a value to one.
    fn key_at(&self, offset: usize) -> Option<&str> {
        let start = self.text.get(..offset)?.rfind('\n').map_or(0, |n| n + 1);
        let (key, _) = self.text.get(start..)?.lines().next()?.split_once('=')?;
        let key = key.trim();
        let is_key = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        (!key.is_empty() && key.chars().all(is_key)).then_some(key)
    }

    /// A fault at a value of the file.
    #[must_use]
    pub fn wrong<T>(&self, value: &Spanned<T>, what: impl Display) -> ConfigError {
        self.at(value.span().start, what.to_string())
    }

    /// A fault of the file as a whole, such as something missing; named at its first line.
    #[must_use]
    pub fn lacks(&self, what: impl Display) -> ConfigError {
        self.at(0, what.to_string())
    }

    fn at(&self, offset: usize, text: String) -> ConfigError {
        let before = self.text.as_bytes().iter().take(offset);
        ConfigError::At {
            path: self.path.clone(),
            line: 1 + before.filter(|b| **b == b'\n').count(),
            text,
        }
    }
}
