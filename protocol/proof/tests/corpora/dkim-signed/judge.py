"""Has dkimpy 1.1.8 and OpenDKIM 2.11.0 say whether the letters of this folder verify: dkimpy.txt and opendkim.txt.

OpenDKIM goes by the clock: what hangs on the time of receipt is left to dkimpy, and marked `-`.
"""

import pathlib
import subprocess
import tempfile
import time

import dkim

HERE = pathlib.Path(__file__).parent
# 2026-11-20T10:15:03Z
RECEIVED = 1795169703
TIMED = ("tag-signed-", "tag-expire")


def by_dkimpy(letter, records):
    """Its word on the best of the signatures."""

    def one(number):
        try:
            find = lambda name, timeout=5: records.get(name.decode().lower().rstrip("."))
            return dkim.DKIM(letter).verify(number, dnsfunc=find)
        except Exception:
            return False

    return any(one(number) for number in range(letter.count(b"DKIM-Signature:")))


def by_opendkim(path):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as configuration:
        configuration.write(f"Mode v\nTestDNSData file:{HERE / 'keys.txt'}\n")
        configuration.flush()
        command = ["opendkim", "-x", configuration.name, "-t", str(path), "-v"]
        said = subprocess.run(command, capture_output=True, text=True)
    lines = (said.stdout + said.stderr).splitlines()
    return any("verification" in line and "succeeded" in line for line in lines)


def word(is_verified):
    return "pass" if is_verified else "fail"


def main():
    time.time = lambda: RECEIVED
    rows = (HERE / "keys.txt").read_text().splitlines()
    records = dict(row.split(" ", 1) for row in rows)
    dkimpy, opendkim = [], []
    for path in sorted(HERE.glob("*.eml")):
        dkimpy.append(f"{path.stem} {word(by_dkimpy(path.read_bytes(), records))}\n")
        timed = path.stem.startswith(TIMED)
        opendkim.append(f"{path.stem} {'-' if timed else word(by_opendkim(path))}\n")
    (HERE / "dkimpy.txt").write_text("".join(dkimpy))
    (HERE / "opendkim.txt").write_text("".join(opendkim))


main()
