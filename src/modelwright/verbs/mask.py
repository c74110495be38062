"""The verb `mask`."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any, TextIO

from ..errors import DataError
from ..report import Report, Table, Text

KEY = "MODELWRIGHT_MASK_KEY"
SHORTEST = 16  # bytes of a key


def mask(
    file: str,
    *,
    out: str | None = None,
    kinds: str = "all",
    pattern: str | None = None,
    columns: str | None = None,
    pseudonyms: bool = False,
    key_file: str | None = None,
    stream: TextIO | None = None,
) -> Report:
    """Write a file again with its personal data masked.

    Without --out the masked file goes to stdout; with --json and without --out nothing is written, only counted.

    Args:
        file: a .csv, .tsv, .jsonl or .parquet file, or plain text; - for stdin
        out: the file to write, in the same format
        kinds: what to mask, with commas: email, phone, card, iban, ip, cn_id, us_ssn, or all
        pattern: a form of your own to mask too, as name=regular expression
        columns: only these columns, with commas; numbers in them are looked at too
        pseudonyms: give each value a name of its own, <EMAIL_3f9a1c20b7>, the same wherever the key is the same
        key_file: the file with the key of the pseudonyms (default: $MODELWRIGHT_MASK_KEY, else a new key)
    """
    from ..columns import Masker
    from ..data._files import PACKED, File, find
    from ..data.masking import PARQUET, mask
    from ..files import atomic

    key = _key(key_file) if pseudonyms or key_file else None
    masker = Masker([*_listed(kinds), *([pattern] if pattern else [])], key)
    source: Any = sys.stdin.buffer if file == "-" else Path(file)
    chosen = _listed(columns or "")
    ending = "" if file == "-" else find(Path(file)).suffix
    if out:
        if file != "-" and File(Path(out)).suffix != ending:
            raise DataError("the masked file has the same format.", where=out, hint=f"Name it {ending}.")
        opened = PACKED.get(Path(out).suffix.lower(), open)
        with atomic(Path(out)) as temporary, opened(temporary, "wb") as sink:  # type: ignore[operator]
            found = mask(source, sink, masker, chosen)
    elif stream is None:
        with open(os.devnull, "wb") as sink:
            found = mask(source, sink, masker, chosen)
    elif ending in PARQUET:
        raise DataError("a Parquet file is not written to the terminal.", where=file, hint="Name a file with --out.")
    else:
        stream.flush()
        found = mask(source, stream.buffer, masker, chosen)  # type: ignore[attr-defined]
    report = _report(out or file, found)
    report.data["out"] = out
    if stream is not None and not out:  # stdout is taken by the file
        print(f"masked: {report.data['total']:,} in {found.rows:,} rows", file=sys.stderr)
        report.write = lambda: None
    return report


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _key(file: str | None) -> bytes:
    """The key of pseudonyms: from a file, the environment, or a new one that nobody keeps."""
    where = file or f"${KEY}"
    try:
        key = Path(file).read_bytes().strip() if file else os.environ.get(KEY, "").encode()
    except OSError as error:
        raise DataError(f"the key cannot be read ({error.strerror}).", where=where) from None
    if not key and not file:
        return secrets.token_bytes(32)
    if len(key) < SHORTEST:
        hint = "Make one with: openssl rand -hex 32"
        raise DataError(f"the key has {len(key)} bytes, {SHORTEST} are the least.", where=where, hint=hint)
    return key


def _report(name: str, found: Any) -> Report:
    counts = {column: dict(kinds.most_common()) for column, kinds in found.counts.items()}
    total = sum(number for kinds in counts.values() for number in kinds.values())
    rows = [
        [column, kind, number, "; ".join(found.examples[column, kind])]
        for column, kinds in counts.items()
        for kind, number in kinds.items()
    ]
    report = Report(f"{name}: {total:,} pieces of personal data masked in {found.rows:,} rows")
    report.blocks += [Table("Found", ["column", "kind", "found", "reads now"], rows)] if rows else []
    note = "Names of people and postal addresses are not found: leave such columns out."
    report.blocks.append(Text("Note", note, "warning"))
    report.data = {"rows": found.rows, "total": total, "counts": counts}
    return report
