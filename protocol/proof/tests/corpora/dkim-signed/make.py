"""Makes the letters of this folder and keys.txt: letters signed in many ways and changed on their way. Then judge.py has
others say whether they verify. With dkimpy 1.1.8, PyNaCl and openssl: python3 make.py && python3 judge.py

Every run makes new keys; the private ones are not kept.
"""

import base64
import hashlib
import pathlib
import re
import subprocess

import dkim
import nacl.signing
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import RSASSA_PKCS1_v1_5_sign, parse_pem_private_key

HERE = pathlib.Path(__file__).parent
# When the letters are received: 2026-11-20T10:15:03Z.
RECEIVED = 1795169703
SIGNED = RECEIVED - 3
STATEMENT = base64.encodebytes(
    b'{"tradepost": 1, "id": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22", "from": "track@carrier.example", '
    b'"to": "ann@home.example", "sent": "2026-11-20T10:15:00Z", "trade": {"shop": "orders@shop.example", '
    b'"id": "T-1001"}, "body": {"kind": "delivery-status", "sequence": 3, "state": "in-transit", '
    b'"at": "2026-11-20T10:14:11Z", "delivery": {"planned": "2026-11-22T12:00:00Z"}}}'
).replace(b"\n", b"\r\n")
HEADER = b"""From: Example Carrier <track@carrier.example>
To: ann@home.example
Subject: Parcel for order  T-1001:
\tin transit
Date: Fri, 20 Nov 2026 10:15:00 +0000
Message-ID: <01932c07@carrier.example>
Tradepost: v=1; kind=delivery-status; trade=T-1001
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1"
X-Remark: not signed
""".replace(b"\n", b"\r\n")
EVERY = "from:to:subject:date:message-id:mime-version:content-type:tradepost"


def body(text=b"The parcel is on its way.\r\n", end=b"--b1--\r\n"):
    return (
        b"--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text
        + b"--b1\r\nContent-Type: application/vnd.tradepost+json\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\n" + STATEMENT + end
    )


BODIES = {
    "plain": body(),
    "blank-lines-at-the-end": body(end=b"--b1--\r\n\r\n\r\n\r\n"),
    "blanks-at-line-ends": body(b"The parcel \t\r\nis on its way.   \r\n\r\n  \r\n"),
    "blanks-within-lines": body(b"The  parcel\tis \t on its way.\r\n\tA tab.\r\n A blank.\r\n"),
    "lines-of-blanks-at-the-end": body(end=b"--b1--\r\n \r\n\t \r\n\r\n"),
    "no-line-end-at-the-end": body(end=b"--b1--"),
    "blank-at-the-very-end": body(end=b"--b1--\r\n "),
    "eight-bit": body("Das Päckchen ist unterwegs: 98,00 €.\r\n".encode()),
    "long-line": body(b"long " * 190 + b"\r\n"),
    "dots": body(b".\r\n..\r\n.The parcel\r\nFrom here\r\n"),
}


class Key:
    def __init__(self, name, record, sign):
        self.name, self.record, self.sign = name, record, sign


def rsa(name, bits, record="v=DKIM1; k=rsa; p=%s", pkcs1=False):
    pem = subprocess.run(
        ["openssl", "genrsa", "-traditional", str(bits)], check=True, capture_output=True
    ).stdout
    kind = ["-RSAPublicKey_out"] if pkcs1 else ["-pubout"]
    public = subprocess.run(
        ["openssl", "rsa", *kind, "-outform", "DER"], input=pem, check=True, capture_output=True
    ).stdout
    private = parse_pem_private_key(pem)

    def sign(data, sha1=False):
        hash = hashlib.sha1 if sha1 else hashlib.sha256
        return RSASSA_PKCS1_v1_5_sign(hash(data), private)

    return Key(name, record % base64.b64encode(public).decode(), sign)


SEED = nacl.signing.SigningKey.generate()


def ed25519(name, record="v=DKIM1; k=ed25519; p=%s"):
    public = base64.b64encode(SEED.verify_key.encode()).decode()
    record = record.replace("%s", public)
    return Key(name, record, lambda data: SEED.sign(hashlib.sha256(data).digest()).signature)


def sign(header, letter_body, key, c="relaxed/relaxed", h=EVERY, template=None, **tags):
    """The letter with a signature in front; tags that are None are left out."""
    headers, octets = dkim.rfc822_parse(header + b"\r\n" + letter_body)
    policy = CanonicalizationPolicy.from_c_value(c.encode())
    sha1 = tags.get("a") == "rsa-sha1"
    canonical = policy.canonicalize_body(octets)
    if (tags.get("l") or "").isdigit():
        canonical = canonical[: int(tags["l"])]
    hash = hashlib.sha1 if sha1 else hashlib.sha256
    values = {
        "v": "1",
        "a": "ed25519-sha256" if "ed25519" in key.record else "rsa-sha256",
        "c": c,
        "d": "carrier.example",
        "s": key.name.split("._domainkey.")[0],
        "t": str(SIGNED),
        "h": h,
        "bh": base64.b64encode(hash(canonical).digest()).decode(),
    }
    if "c_tag" in tags:
        values["c"] = tags.pop("c_tag")
    values.update(tags)
    text = (template or "; ").join(f"{k}={v}" for k, v in values.items() if v is not None)
    field = (b"DKIM-Signature", b" " + text.encode() + b";\r\n b=\r\n")
    names = [name.strip().lower().encode() for name in h.split(":")]
    signed = dkim.select_headers(policy.canonicalize_headers(headers), names)
    last = [(x, y.rstrip()) for x, y in policy.canonicalize_headers([field])]
    data = b"".join(x + b":" + y for x, y in signed + last)
    signature = base64.b64encode(key.sign(data, sha1) if sha1 else key.sign(data))
    folded = b"\r\n  ".join(signature[i : i + 60] for i in range(0, len(signature), 60))
    field = field[0] + b":" + field[1][:-2] + folded + b"\r\n"
    return field + header + b"\r\n" + letter_body


def at(selector, domain="carrier.example"):
    return f"{selector}._domainkey.{domain}"


def main():
    keys, cases = [], {}

    def key(key):
        keys.append(key)
        return key

    ed = key(ed25519(at("ed")))
    r2048 = key(rsa(at("r2048"), 2048))
    r1024 = key(rsa(at("r1024"), 1024))
    canonicalizations = [f"{a}/{b}" for a in ("relaxed", "simple") for b in ("relaxed", "simple")]

    # Letters of every shape, in every canonicalization, by every algorithm.
    for c in canonicalizations:
        for shape, octets in BODIES.items():
            for signer in (ed, r2048) if shape == "plain" else (ed,):
                name = f"shape-{shape}-{c}-{signer.name.split('.')[0]}"
                cases[name] = sign(HEADER, octets, signer, c)
    cases["shape-plain-relaxed-relaxed-r1024"] = sign(HEADER, BODIES["plain"], r1024)

    # What happens on the way.
    ways = {
        "received-on-top": lambda l: b"Received: from a by b; Fri, 20 Nov 2026 10:15:02 +0000\r\n" + l,
        "unsigned-field-changed": lambda l: l.replace(b"not signed", b"changed"),
        "field-refolded": lambda l: l.replace(b"T-1001:\r\n\tin", b"T-1001:\r\n  \tin"),
        "field-unfolded": lambda l: l.replace(b"T-1001:\r\n\tin", b"T-1001: in"),
        "blanks-in-a-field": lambda l: l.replace(b"order  T", b"order T"),
        "blanks-after-a-field": lambda l: l.replace(b"example\r\nSubject", b"example  \r\nSubject"),
        "blanks-after-a-name": lambda l: l.replace(b"To: ann", b"To:   ann"),
        "name-in-capitals": lambda l: l.replace(b"Date:", b"DATE:"),
        "fields-in-another-order": lambda l: l.replace(b"To: ann@home.example\r\n", b"").replace(
            b"MIME-Version", b"To: ann@home.example\r\nMIME-Version"
        ),
        "blank-lines-added": lambda l: l + b"\r\n\r\n",
        "line-of-blanks-added": lambda l: l + b" \t\r\n",
        "blanks-at-a-line-end": lambda l: l.replace(b"its way.\r\n", b"its way. \r\n"),
        "blank-doubled": lambda l: l.replace(b"parcel is", b"parcel  is"),
        "blank-removed": lambda l: l.replace(b"parcel is", b"parcelis"),
        "blank-at-a-line-start": lambda l: l.replace(b"The parcel", b" The parcel"),
        "text-changed": lambda l: l.replace(b"on its way", b"on my way"),
        "footer-added": lambda l: l + b"-- \r\nlist footer\r\n",
        "subject-changed": lambda l: l.replace(b"order  T-1001", b"order  T-1002"),
        "display-name-changed": lambda l: l.replace(b"Example Carrier", b"Example Courier"),
        "content-type-changed": lambda l: l.replace(b"multipart/alternative", b"multipart/mixed"),
        "hint-removed": lambda l: re.sub(rb"Tradepost: .*\r\n", b"", l, count=1),
        "line-end-at-the-end-removed": lambda l: l[:-2],
        "signature-cut": lambda l: re.sub(rb"b=(....)", rb"b=", l, count=1),
        "signature-changed": lambda l: re.sub(rb"\r\n b=(....)", lambda m: b"\r\n b=" + (b"AAAA" if m[1] != b"AAAA" else b"BBBB"), l, count=1),
        "signature-refolded": lambda l: re.sub(rb"\r\n b=(....)", rb"\r\n b=\1\r\n\t ", l, count=1),
    }
    for c in canonicalizations:
        signed = sign(HEADER, BODIES["plain"], ed, c)
        for way, change in ways.items():
            changed = change(signed)
            assert changed != signed, way
            cases[f"way-{way}-{c}"] = changed

    # What a signature says of itself.
    tag = {
        "version-2": {"v": "2"},
        "version-missing": {"v": None},
        "version-last": {"v": None, "zz": "1; v=1"},
        "unknown-tag": {"zz": "top"},
        "query": {"q": "dns/txt"},
        "other-query": {"q": "ldap"},
        "identity": {"i": "@carrier.example"},
        "identity-below": {"i": "bot@mail.carrier.example"},
        "identity-elsewhere": {"i": "@shop.example"},
        "identity-with-the-domain-as-suffix": {"i": "@evilcarrier.example"},
        "signed-in-an-hour": {"t": str(RECEIVED + 3600)},
        "signed-in-a-minute": {"t": str(RECEIVED + 60)},
        "signed-tomorrow": {"t": str(RECEIVED + 86400)},
        "signed-never": {"t": None},
        "signed-no-number": {"t": "now"},
        "expires-tomorrow": {"x": str(RECEIVED + 86400)},
        "expired-an-hour-ago": {"t": str(SIGNED - 9000), "x": str(RECEIVED - 3600)},
        "expired-a-day-ago": {"t": str(SIGNED - 99000), "x": str(RECEIVED - 86400)},
        "expires-before-it-was-signed": {"t": str(SIGNED), "x": str(SIGNED - 60)},
        "expires-no-number": {"x": "soon"},
        "length": {"l": str(len(BODIES["plain"]))},
        "length-0": {"l": "0"},
        "length-of-a-part": {"l": "20"},
        "length-no-number": {"l": "x"},
        "copied-fields": {"z": "From:track@carrier.example|To:ann@home.example"},
        "algorithm-sha1": {"a": "rsa-sha1", "key": r2048},
        "algorithm-unknown": {"a": "ed25519-sha512"},
        "algorithm-missing": {"a": None},
        "algorithm-of-another-key": {"a": "rsa-sha256"},
        "canonicalization-unknown": {"c_tag": "nofws"},
        "domain-in-capitals": {"d": "Carrier.Example"},
        "selector-in-capitals": {"s": "ED"},
        "domain-missing": {"d": None},
        "selector-missing": {"s": None},
        "selector-unknown": {"s": "nobody"},
        "body-hash-missing": {"bh": None},
        "body-hash-of-another": {"bh": base64.b64encode(bytes(32)).decode()},
        "tag-twice": {"zz": "1; d=carrier.example"},
        "empty-tag": {"zz": "1; "},
        "without-from": {"h": EVERY.replace("from:", "")},
        "without-to": {"h": EVERY.replace("to:", "", 1)},
        "without-subject": {"h": EVERY.replace("subject:", "")},
        "without-date": {"h": EVERY.replace("date:", "")},
        "without-message-id": {"h": EVERY.replace("message-id:", "")},
        "without-mime-version": {"h": EVERY.replace("mime-version:", "")},
        "without-content-type": {"h": EVERY.replace("content-type:", "")},
        "without-the-hint": {"h": EVERY.replace(":tradepost", "")},
        "with-from-twice": {"h": EVERY + ":from"},
        "with-everything-twice": {"h": EVERY + ":" + EVERY},
        "with-fields-that-are-absent": {"h": EVERY + ":cc:reply-to:x-nothing"},
        "with-blanks-between-names": {"h": EVERY.replace(":", " : ")},
        "with-folded-names": {"h": EVERY.replace(":", ":\r\n\t")},
        "with-names-in-capitals": {"h": EVERY.upper()},
    }
    for name, tags in tag.items():
        tags = dict(tags)
        signer = tags.pop("key", ed)
        cases[f"tag-{name}"] = sign(HEADER, BODIES["plain"], signer, **tags)
    cases["tag-without-blanks"] = sign(HEADER, BODIES["plain"], ed, template=";")
    cases["tag-folded"] = sign(HEADER, BODIES["plain"], ed, template=";\r\n\t")
    cases["tag-folded-simple"] = sign(HEADER, BODIES["plain"], ed, "simple/simple", template=";\r\n\t ")
    cases["tag-canonicalization-missing"] = sign(HEADER, BODIES["plain"], ed, "simple/simple", c_tag=None)
    cases["tag-canonicalization-of-the-body-missing"] = sign(HEADER, BODIES["plain"], ed, "relaxed")

    # Who signed for whom.
    for name, domain, selector in [
        ("below", "mail.carrier.example", "below"),
        ("sibling", "carrier2.example", "sibling"),
        ("public-suffix", "example", "suffix"),
    ]:
        signer = key(ed25519(at(selector, domain)))
        cases[f"domain-{name}"] = sign(HEADER, BODIES["plain"], signer, d=domain)
    below = HEADER.replace(b"track@carrier", b"track@mail.carrier")
    statement_of_below = body().replace(STATEMENT, base64.encodebytes(
        base64.b64decode(STATEMENT).replace(b"track@carrier", b"track@mail.carrier")).replace(b"\n", b"\r\n"))
    cases["domain-above"] = sign(below, statement_of_below, ed)

    # Second fields, signed once or twice.
    for name, field in [
        ("from", b"From: evil@evil.example\r\n"),
        ("subject", b"Subject: pay here\r\n"),
        ("to", b"To: bob@home.example\r\n"),
        ("content-type", b"Content-Type: text/html\r\n"),
    ]:
        for h, times in ((EVERY, "once"), (EVERY + ":" + EVERY, "twice")):
            letter = sign(HEADER, BODIES["plain"], ed, h=h)
            cases[f"second-{name}-signed-{times}"] = letter.replace(b"From: Example", field + b"From: Example")
    good = sign(HEADER, BODIES["plain"], ed)
    wrong = sign(HEADER, BODIES["plain"], r2048, bh=base64.b64encode(bytes(32)).decode())
    wrong_field = wrong[: wrong.index(b"From: ")]
    cases["two-signatures-the-first-good"] = good.replace(b"From: ", wrong_field + b"From: ", 1)
    cases["two-signatures-the-second-good"] = wrong_field + good

    # What DNS says of a key.
    for name, record in {
        "without-version": "k=ed25519; p=%s",
        "version-2": "v=DKIM2; k=ed25519; p=%s",
        "version-in-lower-case": "v=dkim1; k=ed25519; p=%s",
        "version-last": "k=ed25519; p=%s; v=DKIM1",
        "unknown-kind": "v=DKIM1; k=dsa; p=%s",
        "kind-missing": "v=DKIM1; p=%s",
        "hash-sha256": "v=DKIM1; k=ed25519; h=sha256; p=%s",
        "hash-sha1": "v=DKIM1; k=ed25519; h=sha1; p=%s",
        "hash-both": "v=DKIM1; k=ed25519; h=sha1:sha256; p=%s",
        "service-email": "v=DKIM1; k=ed25519; s=email; p=%s",
        "service-any": "v=DKIM1; k=ed25519; s=*; p=%s",
        "service-other": "v=DKIM1; k=ed25519; s=tlsrpt; p=%s",
        "testing": "v=DKIM1; k=ed25519; t=y; p=%s",
        "unknown-flag": "v=DKIM1; k=ed25519; t=z; p=%s",
        "note": "v=DKIM1; k=ed25519; n=a note; p=%s",
        "unknown-tag": "v=DKIM1; k=ed25519; zz=top; p=%s",
        "semicolon-at-the-end": "v=DKIM1; k=ed25519; p=%s;",
        "without-blanks": "v=DKIM1;k=ed25519;p=%s",
        "revoked": "v=DKIM1; k=ed25519; p=",
        "without-key": "v=DKIM1; k=ed25519",
        "key-cut": "v=DKIM1; k=ed25519; p=MCowBQYDK2Vw",
        "key-no-base64": "v=DKIM1; k=ed25519; p=!%s",
        "no-tag-list": "ed25519 %s",
        "tag-twice": "v=DKIM1; k=ed25519; p=%s; k=ed25519",
    }.items():
        signer = key(ed25519(at(f"key-{name}"), record))
        cases[f"key-{name}"] = sign(HEADER, BODIES["plain"], signer, a="ed25519-sha256")
    strict = key(ed25519(at("key-strict"), "v=DKIM1; k=ed25519; t=s; p=%s"))
    cases["key-strict-same-domain"] = sign(HEADER, BODIES["plain"], strict, i="@carrier.example")
    cases["key-strict-domain-below"] = sign(HEADER, BODIES["plain"], strict, i="@mail.carrier.example")
    for bits in (512, 768, 1023, 1024, 4096):
        cases[f"key-rsa-{bits}"] = sign(HEADER, BODIES["plain"], key(rsa(at(f"r{bits}-key"), bits)))
    for name, record in {
        "kind-missing": "v=DKIM1; p=%s",
        "only-the-key": "p=%s",
        "kind-of-another": "v=DKIM1; k=ed25519; p=%s",
        "with-blanks": None,
    }.items():
        signer = rsa(at(f"rsa-{name}"), 2048, record or "v=DKIM1; k=rsa; p=%s")
        if record is None:
            text, p = signer.record.split("p=")
            signer.record = text + "p=" + " ".join(p[i : i + 50] for i in range(0, len(p), 50))
        key(signer)
        cases[f"key-rsa-{name}"] = sign(HEADER, BODIES["plain"], signer, a="rsa-sha256")
    cases["key-rsa-pkcs1"] = sign(HEADER, BODIES["plain"], key(rsa(at("rsa-pkcs1"), 1024, pkcs1=True)))

    for old in HERE.glob("*.eml"):
        old.unlink()
    for name, letter in cases.items():
        (HERE / f"{name.replace('/', '-')}.eml").write_bytes(letter)
    (HERE / "keys.txt").write_text("".join(f"{key.name} {key.record}\n" for key in keys))


main()
