//! What a provider does besides handing letters in and out.

/// How a [`Mailbed`](crate::Mailbed) is started; by default without DKIM, which most tests do not need.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What it does about DKIM. With it comes a name server.
    pub dkim: Dkim,
    /// Refuse what an account submits with another address in From than its own. Many real providers
    /// don't. It is OpenDKIM that looks: without [`Options::dkim`] this is an error.
    pub from_check: bool,
}

/// Which signatures the provider makes and verifies (RFC 6376).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dkim {
    /// No DKIM and no DNS.
    #[default]
    Off,
    /// What comes from outside is verified, and the result stamped. The provider signs nothing: that is
    /// for accounts to do, whose keys get into DNS by [`Mailbed::set_txt`](crate::Mailbed::set_txt).
    Verifies,
    /// It also signs what accounts submit, for the domain in From, whoever the account is. So
    /// `dkim=pass` proves little here without [`Options::from_check`].
    SignsAndVerifies,
}

impl Options {
    /// The default, but with DKIM.
    pub fn with_dkim(dkim: Dkim) -> Options {
        Options {
            dkim,
            from_check: false,
        }
    }
}
