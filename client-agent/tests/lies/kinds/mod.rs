//! The tables of lies, by what they are about.

pub mod addresses;
pub mod author;
pub mod honest;
pub mod json;
pub mod mime;
pub mod protocol;
pub mod results;
pub mod signatures;
pub mod trades;
pub mod transit;

use crate::kind::Kind;

/// All tables.
pub fn all() -> Vec<Kind> {
    [
        author::kinds(),
        addresses::kinds(),
        signatures::kinds(),
        transit::kinds(),
        results::kinds(),
        mime::kinds(),
        json::kinds(),
        protocol::kinds(),
        trades::kinds(),
    ]
    .concat()
}
