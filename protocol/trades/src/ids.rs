//! Fresh ids. They are made at the edge; a decision only counts on from the one it was given, so
//! that it gives the same change when it is made twice.

use tradepost_statements::StatementId;
use uuid::Uuid;

/// Ids that nobody has used: the one that was given, and those after it.
#[derive(Debug, Clone)]
pub struct FreshIds {
    next: u128,
}

/// The 62 random bits at the end of a UUID of version 7 (RFC 9562 section 5.7): counting stays
/// within them, so that version and variant stay as they are.
const COUNTED: u128 = (1 << 62) - 1;

impl FreshIds {
    /// Starts with a new, random id of version 7.
    #[must_use]
    pub fn starting_with(id: StatementId) -> FreshIds {
        FreshIds {
            next: id.uuid().as_u128(),
        }
    }

    /// The next statement id, higher than the ones before but for one chance in 2^55.
    pub fn statement(&mut self) -> StatementId {
        let id = self.next;
        self.next = (id & !COUNTED) | (id.wrapping_add(1) & COUNTED);
        StatementId::new(Uuid::from_u128(id)).expect("version and variant stay as they were")
    }

    /// Ten characters that are easy to tell apart (Crockford's base 32), from 50 random bits.
    pub fn short(&mut self) -> String {
        const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let id = self.statement().uuid().as_u128();
        (0..10)
            .rev()
            .filter_map(|i| {
                let at = usize::try_from((id >> (i * 5)) & 31).ok()?;
                LETTERS.get(at).map(|b| char::from(*b))
            })
            .collect()
    }
}
