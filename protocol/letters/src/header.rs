//! Every header field that is read or written here.

/// A header field by its name; names that nothing here reads have no variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// RFC 5322 section 3.6.2: whose letter it is.
    From,
    /// RFC 5322 section 3.6.3.
    To,
    /// RFC 5322 section 3.6.1.
    Date,
    /// RFC 5322 section 3.6.4.
    MessageId,
    /// RFC 5322 section 3.6.5: for people.
    Subject,
    /// RFC 2045 section 4.
    MimeVersion,
    /// RFC 2045 section 5.
    ContentType,
    /// RFC 2045 section 6.
    ContentTransferEncoding,
    /// Any other field whose name starts with `Content-`.
    OtherContent,
    /// RFC 5322 section 3.6.4.
    InReplyTo,
    /// RFC 5322 section 3.6.4.
    References,
    /// RFC 3834 section 5.
    AutoSubmitted,
    /// Protocol 6: a hint for selecting letters, never more.
    Tradepost,
    /// RFC 5321 section 4.4.
    Received,
    /// RFC 8601.
    AuthenticationResults,
    /// RFC 5321 section 4.4: written by whoever put the letter into the mailbox.
    ReturnPath,
    /// Exim's list of whom a letter did not reach.
    FailedRecipients,
}

impl Field {
    /// The fields that a letter has exactly once (protocol 5).
    pub const SINGLE: [Field; 7] = [
        Field::From,
        Field::To,
        Field::Date,
        Field::MessageId,
        Field::Subject,
        Field::MimeVersion,
        Field::ContentType,
    ];

    const NAMED: [Field; 16] = [
        Field::From,
        Field::To,
        Field::Date,
        Field::MessageId,
        Field::Subject,
        Field::MimeVersion,
        Field::ContentType,
        Field::ContentTransferEncoding,
        Field::InReplyTo,
        Field::References,
        Field::AutoSubmitted,
        Field::Tradepost,
        Field::Received,
        Field::AuthenticationResults,
        Field::ReturnPath,
        Field::FailedRecipients,
    ];

    /// The name as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::From => "From",
            Field::To => "To",
            Field::Date => "Date",
            Field::MessageId => "Message-ID",
            Field::Subject => "Subject",
            Field::MimeVersion => "MIME-Version",
            Field::ContentType => "Content-Type",
            Field::ContentTransferEncoding => "Content-Transfer-Encoding",
            Field::OtherContent => "Content-*",
            Field::InReplyTo => "In-Reply-To",
            Field::References => "References",
            Field::AutoSubmitted => "Auto-Submitted",
            Field::Tradepost => "Tradepost",
            Field::Received => "Received",
            Field::AuthenticationResults => "Authentication-Results",
            Field::ReturnPath => "Return-Path",
            Field::FailedRecipients => "X-Failed-Recipients",
        }
    }

    /// Names are compared without case (RFC 5322 section 1.2.2).
    pub(crate) fn from_name(name: &[u8]) -> Option<Field> {
        let known = Field::NAMED
            .into_iter()
            .find(|f| f.name().as_bytes().eq_ignore_ascii_case(name));
        known.or_else(|| {
            let prefix = name.get(..8)?;
            prefix
                .eq_ignore_ascii_case(b"content-")
                .then_some(Field::OtherContent)
        })
    }

    /// Whether the author's own fields start with it at the latest: what relays add stands above
    /// (protocol 5, `relay` and the digest).
    pub(crate) fn starts_what_the_author_wrote(self) -> bool {
        match self {
            Field::From
            | Field::To
            | Field::Date
            | Field::MessageId
            | Field::Subject
            | Field::MimeVersion
            | Field::ContentType
            | Field::ContentTransferEncoding
            | Field::OtherContent => true,
            Field::InReplyTo
            | Field::References
            | Field::AutoSubmitted
            | Field::Tradepost
            | Field::Received
            | Field::AuthenticationResults
            | Field::ReturnPath
            | Field::FailedRecipients => false,
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
