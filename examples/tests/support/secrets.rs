//! Looks for secrets where none may be: in any form in which a program could have written them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Shorter pieces could be found by chance.
const SHORTEST: usize = 8;
/// Longer pieces could be broken up: of 48 octets, which are a line of PEM, one piece stays whole.
const LONGEST: usize = 24;

/// Secrets, by the forms of their pieces: a program that writes the half of a password has told it.
pub(crate) struct Secrets {
    /// By their first octets: what the rest must be, and whose form it is.
    forms: HashMap<[u8; SHORTEST], Vec<(Vec<u8>, String)>>,
}

impl Secrets {
    pub(crate) fn none() -> Secrets {
        Secrets {
            forms: HashMap::new(),
        }
    }

    /// Adds a secret under a name for people.
    pub(crate) fn add(&mut self, name: &str, secret: &[u8]) {
        let pieces = secret.len().div_ceil(LONGEST).max(2);
        for piece in secret.chunks(secret.len().div_ceil(pieces)) {
            assert!(
                piece.len() >= SHORTEST,
                "{name} is too short to be told from chance"
            );
            for (form, how) in forms_of(piece) {
                let key = *form.first_chunk().unwrap();
                self.forms
                    .entry(key)
                    .or_default()
                    .push((form, format!("{name} ({how})")));
            }
        }
    }

    /// The names of what is found in these octets.
    pub(crate) fn found_in(&self, octets: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for at in 0..octets.len().saturating_sub(SHORTEST - 1) {
            let rest = &octets[at..];
            let Some(forms) = rest.first_chunk().and_then(|key| self.forms.get(key)) else {
                continue;
            };
            for (form, name) in forms {
                if rest.starts_with(form) && !found.contains(name) {
                    found.push(name.clone());
                }
            }
        }
        found
    }

    /// All files in a folder, at any depth, in which something is found, and what.
    pub(crate) fn files_in(&self, folder: &Path) -> Vec<(PathBuf, Vec<String>)> {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                // Links are not followed, and nothing can be read from a socket.
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let name = entry.file_name();
                    let mut found = self.found_in(&fs::read(entry.path()).unwrap());
                    found.extend(self.found_in(name.as_encoded_bytes()));
                    if !found.is_empty() {
                        files.push((entry.path(), found));
                    }
                }
            }
        }
        files.sort();
        files
    }

    /// The command lines of all processes in which something is found.
    pub(crate) fn command_lines(&self) -> Vec<Vec<String>> {
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            // A process may end meanwhile.
            .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .map(|line| self.found_in(&line))
            .filter(|found| !found.is_empty())
            .collect()
    }
}

/// How a program may write octets down.
fn forms_of(octets: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let mut hex = String::new();
    let mut upper_hex = String::new();
    for octet in octets {
        write!(hex, "{octet:02x}").unwrap();
        write!(upper_hex, "{octet:02X}").unwrap();
    }
    let numbers: Vec<String> = octets.iter().map(u8::to_string).collect();
    let mut forms = vec![
        (octets.to_vec(), "as it is"),
        (hex.into_bytes(), "in hex"),
        (upper_hex.into_bytes(), "in hex"),
        (numbers.join(", ").into_bytes(), "as numbers"),
        (numbers.join(",").into_bytes(), "as numbers"),
    ];
    // Base64 writes three octets as four characters: how the secret looks depends on where it stands among
    // others. What it has in common with its neighbours is left out.
    for before in 0..3 {
        let mut text = base64(&[&vec![0; before], octets].concat());
        text.truncate((before + octets.len()) * 8 / 6);
        let form = text.split_off((before * 8).div_ceil(6));
        let for_addresses: Vec<u8> = form
            .iter()
            .map(|c| match c {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            })
            .collect();
        forms.push((form, "in base64"));
        forms.push((for_addresses, "in base64"));
    }
    forms
}

/// RFC 4648 section 4, without padding: written here so that the check shares no code with what it checks.
pub(crate) fn base64(octets: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for three in octets.chunks(3) {
        let mut number = 0_u32;
        for index in 0..3 {
            number = number << 8 | u32::from(three.get(index).copied().unwrap_or(0));
        }
        for index in 0..=three.len() {
            text.push(ALPHABET[(number >> (18 - 6 * index) & 63) as usize]);
        }
    }
    text
}

/// The octets of a PEM file's body (RFC 7468).
pub(crate) fn pem_body(pem: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let (mut number, mut bits) = (0_u32, 0);
    let body = pem.lines().filter(|line| !line.starts_with("-----"));
    for c in body.flat_map(str::bytes) {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        number = number << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            octets.push((number >> bits & 0xff) as u8);
        }
    }
    octets
}

/// The secret numbers of an RSA key in PKCS#8 (RFC 8017, appendix A.1.2): d, p, q and what is computed of them.
pub(crate) fn rsa_numbers(pkcs8: &[u8]) -> Vec<Vec<u8>> {
    let (_, content, _) = der(pkcs8);
    // version, algorithm, then the key within an octet string
    let (_, _, rest) = der(content);
    let (_, _, rest) = der(rest);
    let (_, key, _) = der(rest);
    let (_, mut numbers, _) = der(key);
    let mut all = Vec::new();
    while !numbers.is_empty() {
        let (_, number, rest) = der(numbers);
        all.push(number.to_vec());
        numbers = rest;
    }
    // version, modulus and public exponent are no secrets
    all.split_off(3)
}

/// The secret octets of an Ed25519 key in PKCS#8 (RFC 8410 section 7): an octet string in an octet string.
pub(crate) fn ed25519_seed(pkcs8: &[u8]) -> &[u8] {
    let (_, content, _) = der(pkcs8);
    let (_, _, rest) = der(content);
    let (_, _, rest) = der(rest);
    let (_, key, _) = der(rest);
    let (_, seed, _) = der(key);
    assert_eq!(seed.len(), 32);
    seed
}

/// Tag, content, and what follows (X.690 section 8.1).
fn der(octets: &[u8]) -> (u8, &[u8], &[u8]) {
    let (tag, rest) = octets.split_first().unwrap();
    let (length, rest) = rest.split_first().unwrap();
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let (length, rest) = rest.split_at(usize::from(length & 0x7f));
        let length = length
            .iter()
            .fold(0, |n, octet| n << 8 | usize::from(*octet));
        (length, rest)
    };
    let (content, rest) = rest.split_at(length);
    (*tag, content, rest)
}
