//! `cargo xtask story`: builds the programs and tells one of the stories of `examples/` with them.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::demo::build_and_become;
use crate::wrong_usage;

const USAGE: &str = "\
Tells a story: the programs run as separate processes in a temporary folder, on this machine only, with the
configuration files of the story's folder, and are typed at.

Usage: cargo xtask story NAME [--keep | --by-hand] [--dovecot]

`examples/README.md` lists the names; so does a wrong one.

Options:
      --keep      Leave everything running at the end and print the commands to play on
      --by-hand   Start nothing but the mail server, and print what to type
      --dovecot   Let Dovecot and Postfix carry the mail; needs root, and what `cargo xtask test` installs
  -h, --help      Print this text
";

const OPTIONS: [&str; 3] = ["--keep", "--by-hand", "--dovecot"];

/// Which stories there are is for the program to know that tells them.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    if words.iter().any(|word| ["--help", "-h"].contains(word)) {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let names = words.iter().filter(|word| !word.starts_with('-'));
    if names.count() != 1 {
        return Ok(wrong_usage("story needs one name", USAGE));
    }
    if let Some(other) = words
        .iter()
        .find(|word| word.starts_with('-') && !OPTIONS.contains(word))
    {
        let what = format!("story knows no argument `{other}`");
        return Ok(wrong_usage(&what, USAGE));
    }
    build_and_become("story", &words)
}
