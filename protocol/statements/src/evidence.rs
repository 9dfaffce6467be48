//! How well the sender of a letter is proven (protocol 5).

use crate::words::words;

words! {
    /// How well the sender of a letter is proven, weakest first: `Evidence` is ordered.
    pub enum Evidence as "a level of evidence" {
        /// Nothing proves the sender: From is anybody's claim.
        None = "none",
        /// The reader's own provider says so in Authentication-Results (RFC 8601).
        Relay = "relay",
        /// A DKIM signature that the reader verified itself (RFC 6376).
        Dkim = "dkim",
        /// PGP/MIME by the key that is pinned for the address (RFC 3156).
        Signed = "signed",
    }
}
