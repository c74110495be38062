"""Downloads one file: progress, checksum, resume of a part already there, and appearing whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from ..errors import DataError, StorageError

CHUNK_BYTES = 1 << 18
TIMEOUT_SECONDS = 30


def fetch(url: str, target: Path, sha256: str, content: str = "") -> Path:
    """The file at `target`, downloaded from `url` if it is not there.

    sha256: of the file; content: of what it unpacks to (gzip), which is enough when mirrors pack differently.
    Raises DataError when there is no network, no such file, or the checksum is wrong; StorageError when it cannot be
    written. What has arrived stays as `<target>.part`; the next call goes on from there.
    """
    if target.exists():
        return target
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _transfer(url, part)
        if not matches(part, sha256, content):
            found = digest(part)
            part.unlink()
            raise DataError(
                f"the checksum is wrong: expected sha256 {sha256}, found {found}.",
                where=url,
                hint="Try again; if it stays, the file at this address has changed.",
            )
        os.replace(part, target)
    except urllib.error.HTTPError as error:
        raise DataError(f"the server answered {error.code} ({error.reason}).", where=url) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DataError(
            f"the download failed ({reason}).", where=url, hint="Check the network; the next try goes on from here."
        ) from None
    except OSError as error:
        raise StorageError(f"the download cannot be written ({error.strerror or error}).", where=str(target)) from None
    return target


def _transfer(url: str, part: Path) -> None:
    """Append to `part` what is missing of the file at `url`."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(
        url, headers={"User-Agent": "modelwright", **({"Range": f"bytes={have}-"} if have else {})}
    )
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing, or the part is of another file: the checksum decides
            return
        raise
    with answer:
        continues = answer.status == 206
        expected = int(answer.headers.get("Content-Length") or 0)
        start = have if continues else 0
        with open(part, "ab" if continues else "wb") as sink, _progress(part.stem, start, start + expected) as bar:
            while chunk := answer.read(CHUNK_BYTES):
                sink.write(chunk)
                bar.update(len(chunk))
    if expected and part.stat().st_size != start + expected:
        raise http.client.IncompleteRead(b"", start + expected - part.stat().st_size)


def _progress(name: str, done: int, total: int):
    from tqdm import tqdm

    return tqdm(desc=name, initial=done, total=total or None, unit="B", unit_scale=True, file=sys.stderr, leave=False)


def digest(path: Path, unpack: bool = False) -> str:
    """sha256 of a file, or of what it unpacks to."""
    state = hashlib.sha256()
    with gzip.open(path) if unpack else open(path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()


def matches(path: Path, sha256: str, content: str = "") -> bool:
    """Whether a file has this checksum, or its unpacked content has `content`."""
    if digest(path) == sha256:
        return True
    try:
        return bool(content) and digest(path, unpack=True) == content
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return False
