//! The program `tradepost`. What it does is in the library beside it, where tests reach it without a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    tradepost_client::run()
}
