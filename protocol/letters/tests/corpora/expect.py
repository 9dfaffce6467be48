"""Writes what Python's email package reads in the letters of the MIME corpora: mime.expected and from.expected.

mime.expected: into each letter, at the start of each line and at its end, a few lines are put that could make a
Tradepost part, and each Content-Type field is replaced by one that names it. Listed are the changes after which there
is such a part, with the start of the SHA-256 of what is in it. from.expected: the addresses of the From fields.
tests/mime_corpora.rs makes the same changes and compares.

Written by Python 3.13.0: python3.13 protocol/letters/tests/corpora/expect.py
"""

import email
import email.utils
import hashlib
import pathlib

HERE = pathlib.Path(__file__).parent
FIELD = b"Content-Type: application/vnd.tradepost+json"
FOLDERS = [
    "dovecot/malformed",
    "dovecot/thirdparty",
    "python-email",
    "rspamd/messages",
    "rspamd/messages/dmarc",
    "rspamd/messages/from",
]


def changes(raw):
    """(kind, line, changed letter), in the order of the lines."""
    lines = split(raw)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    delimiters = []
    for line in lines:
        line = line.rstrip(b" \t\r\n")
        if line.startswith(b"--") and len(line) > 2 and line not in delimiters:
            delimiters.append(line)
    for at in range(len(lines) + 1):
        before, after = b"".join(lines[:at]), b"".join(lines[at:])
        yield "field", at, before + FIELD + end + after
        yield "part", at, before + FIELD + end + end + b"{}" + end + after
        for number, delimiter in enumerate(delimiters):
            part = delimiter + end + FIELD + end + end + b"{}" + end
            yield f"delimited{number}", at, before + part + after
        if lines[at:] and lines[at].lower().startswith(b"content-type:"):
            after = at + 1
            while after < len(lines) and lines[after][:1] in (b" ", b"\t"):
                after += 1
            yield "instead", at, before + FIELD + end + b"".join(lines[after:])


def split(raw):
    lines = raw.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def parts(message):
    """The Tradepost parts that are this letter's own, not those of a letter within it."""
    if message.get_content_type() == "application/vnd.tradepost+json":
        yield message
    elif message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            yield from parts(part)


def content(part):
    octets = part.get_payload(decode=True)
    if octets is None:
        return "multipart"
    return hashlib.sha256(octets.replace(b"\r", b"").strip(b" \t\n")).hexdigest()[:8]


def addresses(raw):
    fields = email.message_from_bytes(raw).get_all("from", [])
    found = [address for _, address in email.utils.getaddresses([str(field) for field in fields])]
    return found if "" not in found else []


def main():
    parts_found, authors = [], []
    for folder in FOLDERS:
        for path in sorted((HERE / folder).iterdir()):
            if path.suffix not in (".eml", ".txt"):
                continue
            name, raw = f"{folder}/{path.name}", path.read_bytes()
            authors.append(" ".join([name] + addresses(raw)))
            for kind, line, changed in changes(raw):
                found = [content(part) for part in parts(email.message_from_bytes(changed))]
                if found:
                    parts_found.append(f"{name} {line} {kind} {' '.join(found)}")
    (HERE / "mime.expected").write_text("\n".join(parts_found) + "\n")
    (HERE / "from.expected").write_text("\n".join(authors) + "\n")


main()
