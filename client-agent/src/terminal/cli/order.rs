//! The command line of `tradepost order` and `tradepost reorder`.

use std::path::PathBuf;

use clap::Args;

use super::Json;

/// `tradepost order`.
#[derive(Debug, Args)]
#[command(after_long_help = crate::order_form::HELP, after_help = "Examples:
  tradepost order                           asks for what it needs, shows the letter, and asks
  tradepost order kettle.toml
  tradepost order --dry-run kettle.toml     prints the letter, sends nothing
  tradepost order - < kettle.json

`tradepost order --help` shows what such a file looks like.")]
pub(crate) struct OrderArgs {
    /// A file in TOML or JSON, or - for standard input [default: asks you]
    pub(crate) file: Option<PathBuf>,
    /// Print the letter and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Which of your addresses orders [default: the first one configured]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// `tradepost reorder`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tradepost reorder T-1001             shows the letter, and asks before it sends
  tradepost reorder T-1001 --edit      in $VISUAL or $EDITOR; other quantities, another address
  tradepost reorder T-1001 --dry-run
  tradepost reorder T-1001 --yes --json

The order form comes filled in from the old trade, and names it. It goes to the same shop, at the
prices of then: a shop whose prices have changed says so.")]
pub(crate) struct ReorderArgs {
    /// A trade's id, or shop/id
    pub(crate) trade: String,
    /// Change the order in your editor first
    #[arg(long)]
    pub(crate) edit: bool,
    /// Print the letter and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
