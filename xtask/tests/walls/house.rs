//! The crates that the agents are made of.

use std::path::{Path, PathBuf};

pub(crate) struct Crate {
    pub(crate) package: &'static str,
    /// From the top of the tree.
    pub(crate) folder: &'static str,
    /// The crates of ours that its manifest may name. Those for its tests are free.
    pub(crate) may_name: &'static str,
    /// No clock, no randomness, no files, no sockets, no async: time, ids and bytes are arguments.
    pub(crate) is_pure: bool,
    /// Whether no circle may tie its rooms together.
    pub(crate) has_rooms: bool,
}

/// From the ground up.
pub(crate) const HOUSE: [Crate; 11] = [
    Crate {
        package: "tradepost-statements",
        folder: "protocol/statements",
        may_name: "",
        is_pure: true,
        has_rooms: false,
    },
    Crate {
        package: "tradepost-letters",
        folder: "protocol/letters",
        may_name: "tradepost-statements",
        is_pure: true,
        has_rooms: false,
    },
    Crate {
        package: "tradepost-trades",
        folder: "protocol/trades",
        may_name: "tradepost-statements",
        is_pure: true,
        has_rooms: false,
    },
    Crate {
        package: "tradepost-buyer",
        folder: "protocol/buyer",
        may_name: "tradepost-statements tradepost-trades",
        is_pure: true,
        has_rooms: true,
    },
    Crate {
        package: "tradepost-parties",
        folder: "protocol/parties",
        may_name: "tradepost-statements tradepost-trades",
        is_pure: true,
        has_rooms: true,
    },
    Crate {
        package: "tradepost-store",
        folder: "protocol/store",
        may_name: "tradepost-statements tradepost-trades",
        is_pure: false,
        has_rooms: false,
    },
    Crate {
        package: "tradepost-proof",
        folder: "protocol/proof",
        may_name: "tradepost-statements tradepost-letters",
        is_pure: false,
        has_rooms: false,
    },
    Crate {
        package: "tradepost-post",
        folder: "protocol/post",
        may_name: "tradepost-statements tradepost-letters",
        is_pure: false,
        has_rooms: false,
    },
    Crate {
        package: "tradepost-agent",
        folder: "protocol/agent",
        may_name: "tradepost-statements tradepost-letters tradepost-trades tradepost-store tradepost-proof \
                   tradepost-post",
        is_pure: false,
        has_rooms: true,
    },
    Crate {
        package: "tradepost-client",
        folder: "client-agent",
        may_name: "tradepost-statements tradepost-letters tradepost-trades tradepost-store tradepost-proof \
                   tradepost-post tradepost-agent tradepost-buyer",
        is_pure: false,
        has_rooms: true,
    },
    Crate {
        package: "tradepost-server",
        folder: "server-agent",
        may_name: "tradepost-statements tradepost-letters tradepost-trades tradepost-store tradepost-proof \
                   tradepost-post tradepost-agent tradepost-parties",
        is_pure: false,
        has_rooms: true,
    },
];

impl Crate {
    pub(crate) fn src(&self) -> PathBuf {
        root().join(self.folder).join("src")
    }
}

/// The top of the tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
