"""A folder as one encrypted file, and back: AES-256-GCM with a key that scrypt derives from a passphrase.

The file: a header (magic, version, cost of scrypt, size of chunks, salt), then a tar archive of the folder in chunks. Chunk
i is sealed with the nonce (i, last) and the header as associated data: the STREAM construction (Hoang, Reyhanitabar,
Rogaway & Vizar 2015). So a chunk that is changed, moved, left out or added, and a file that is cut short, are found. Each file
has a salt of its own, hence a key of its own, and no nonce is used twice. Memory stays constant.
"""

from __future__ import annotations

import getpass
import io
import os
import shutil
import struct
import sys
import tarfile
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from ..errors import MissingExtra, RunError, StorageError, UserError
from ..files import atomic

ENDING = ".mwe"
MAGIC, VERSION = b"MWRUN", 1
HEADER = struct.Struct(">5sBBI16s")  # magic, version, log2 of scrypt's cost, bytes of a chunk, salt
COST = 17  # 128 MiB and a third of a second to try one passphrase
HIGHEST_COST = 20
CHUNK, LARGEST_CHUNK = 1 << 22, 1 << 26
TAG = 16
SHORTEST = 8  # characters of a passphrase
VARIABLE = "MODELWRIGHT_PASSPHRASE"


def encrypt(folder: Path, file: Path, secret: str) -> None:
    """Write a folder into an encrypted file that only its owner may read. Raises RunError for what is no plain file."""
    header = HEADER.pack(MAGIC, VERSION, COST, CHUNK, os.urandom(16))
    with atomic(file) as temporary:
        temporary.touch(mode=0o600)
        with open(temporary, "wb") as sink:
            sink.write(header)
            sealed: Any = _Sealing(sink, _cipher(secret, header), header)
            with tarfile.open(fileobj=sealed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 16) as archive:
                for path in sorted(folder.rglob("*")):
                    if not path.is_dir() and (path.is_symlink() or not path.is_file()):
                        raise RunError("a run holds plain files only, this is none.", where=str(path))
                    archive.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)
            sealed.finish()


def decrypt(file: Path, folder: Path, secret: str) -> None:
    """Write the folder that a file holds, whole or not at all. Raises RunError for a wrong passphrase and for any change."""
    try:
        with open(file, "rb") as source, _aside(folder) as temporary:
            header = _header(source.read(HEADER.size), file)
            opened = _Opening(source, _cipher(secret, header), header, file)
            with tarfile.open(fileobj=io.BufferedReader(opened, 1 << 16), mode="r|", bufsize=1 << 16) as archive:
                for member in archive:
                    _extract(archive, member, temporary, file)
            while opened.read(1 << 20):  # to the end: only the last chunk says that nothing is missing
                pass
    except tarfile.TarError as error:
        raise RunError(f"what it holds is no folder ({error}).", where=str(file)) from None
    except OSError as error:
        raise StorageError(f"cannot be decrypted ({error.strerror or error}).", where=str(file)) from None


def passphrase(file: str | None, new: bool) -> str:
    """The passphrase: from a file, $MODELWRIGHT_PASSPHRASE, or asked on the terminal without echo; a `new` one twice."""
    if file:
        try:
            found, where = Path(file).read_text("utf-8").rstrip("\r\n"), file
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"the passphrase cannot be read ({getattr(error, 'strerror', error)}).", where=file
            ) from None
    elif VARIABLE in os.environ:
        found, where = os.environ[VARIABLE], f"${VARIABLE}"
    elif sys.stdin is None or not sys.stdin.isatty():
        hint = f"Give --passphrase-file, or set ${VARIABLE}."
        raise UserError("a passphrase is needed, and there is no terminal to ask for it.", hint=hint)
    else:
        found, where = getpass.getpass("Passphrase: "), "passphrase"
        if new and getpass.getpass("Once more: ") != found:
            raise UserError("the two are not the same.", where=where)
    if not found or (new and len(found) < SHORTEST):
        raise UserError(f"it has {len(found)} characters, {SHORTEST} are the least.", where=where)
    return found


def _cipher(secret: str, header: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ImportError:
        raise MissingExtra("cryptography", "privacy") from None
    _, _, cost, _, salt = HEADER.unpack(header)
    key = Scrypt(salt=salt, length=32, n=1 << cost, r=8, p=1).derive(unicodedata.normalize("NFC", secret).encode())
    return AESGCM(key)


def _header(header: bytes, file: Path) -> bytes:
    if len(header) < HEADER.size or header[:5] != MAGIC:
        raise RunError("is no encrypted run.", where=str(file), hint="One is made with: modelwright encrypt RUN")
    _, version, cost, chunk, _ = HEADER.unpack(header)
    if version != VERSION or not 1 <= cost <= HIGHEST_COST or not 1 <= chunk <= LARGEST_CHUNK:
        raise RunError("its header is damaged, or a newer modelwright has written it.", where=str(file))
    return header


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class _Sealing:
    """A file for tar to write into: whole chunks are encrypted and go on; `finish` writes the last one."""

    def __init__(self, sink: BinaryIO, cipher: Any, header: bytes) -> None:
        self._sink, self._cipher, self._header = sink, cipher, header
        self._size = HEADER.unpack(header)[3]
        self._rest, self._number = bytearray(), 0

    def write(self, data: bytes) -> int:
        self._rest += data
        while len(self._rest) > self._size:  # what may be the last chunk waits
            self._seal(bytes(self._rest[: self._size]), False)
            del self._rest[: self._size]
        return len(data)

    def finish(self) -> None:
        self._seal(bytes(self._rest), True)

    def _seal(self, chunk: bytes, last: bool) -> None:
        self._sink.write(self._cipher.encrypt(_nonce(self._number, last), chunk, self._header))
        self._number += 1


class _Opening(io.RawIOBase):
    """A file for tar to read from: only what has been verified comes out."""

    def __init__(self, source: BinaryIO, cipher: Any, header: bytes, file: Path) -> None:
        self._source, self._cipher, self._header, self._file = source, cipher, header, file
        self._size = HEADER.unpack(header)[3] + TAG
        self._next, self._number = source.read(self._size), 0
        self._chunk = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if not self._chunk and not self._ended:
            self._chunk = memoryview(self._open())
        count = min(len(target), len(self._chunk))
        target[:count], self._chunk = self._chunk[:count], self._chunk[count:]
        return count

    def _open(self) -> bytes:
        from cryptography.exceptions import InvalidTag

        sealed, self._next = self._next, self._source.read(self._size)
        self._ended = not self._next
        try:
            chunk = self._cipher.decrypt(_nonce(self._number, self._ended), sealed, self._header)
        except InvalidTag:
            wrong = "the passphrase is wrong, or the file is damaged" if not self._number else "the file is damaged"
            raise RunError(f"{wrong}; nothing was written.", where=str(self._file)) from None
        self._number += 1
        return chunk


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, file: Path) -> None:
    """Write a file or folder of the archive; anything else, and any way out of the folder, is refused."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or not (member.isreg() or member.isdir()):
        raise RunError(f"'{member.name}' does not belong into a run; nothing was written.", where=str(file))
    target = folder / path
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None
    with open(target, "xb") as sink:
        shutil.copyfileobj(content, sink, 1 << 20)
    os.utime(target, (member.mtime, member.mtime))


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder beside that takes the place of `folder` when all went well, and is removed otherwise."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # for its owner only
    try:
        yield temporary
        temporary.rename(folder)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)
