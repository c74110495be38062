"""Opens a file whatever it is packed in (gzip, bzip2, xz, a zip with one member); knows nothing of what it holds."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..columns import Masker
from ..errors import DataError, did_you_mean

PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DAMAGED = (gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile, EOFError)
USUAL_RATIO = 6  # text under gzip takes about a sixth of its bytes


@dataclass(frozen=True)
class File:
    """A file of rows: `path` on disk, `member` inside it when it is a zip; `masks`: the columns that are masked before
    anything of them is written elsewhere."""

    path: Path
    member: str = ""
    masks: Mapping[str, Masker] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The name without the packing: `a.csv` for `a.csv.gz`."""
        if self.member:
            return Path(self.member).name
        return self.path.stem if self.path.suffix.lower() in PACKED else self.path.name

    @property
    def suffix(self) -> str:
        """The ending that tells the format, in lower case."""
        return Path(self.name).suffix.lower()

    @property
    def plain(self) -> bool:
        """Whether the bytes on disk are the bytes of the content."""
        return not self.member and self.path.suffix.lower() not in PACKED

    def size(self) -> int:
        """Bytes of the content; an estimate when it is packed."""
        return self.path.stat().st_size * (1 if self.plain else USUAL_RATIO)

    def stamp(self) -> str:
        """Changes when the file does; reading a large file to hash it would take as long as parsing it."""
        status = self.path.stat()
        identity = f"{self.path.resolve()}\0{self.member}\0{status.st_size}\0{status.st_mtime_ns}"
        return hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The content as a binary stream. Raises DataError when it cannot be read or unpacked."""
        with readable(self.path), contextlib.ExitStack() as stack:
            if self.member:
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                yield stack.enter_context(unpacked(archive, self.member))
            else:
                opener = PACKED.get(self.path.suffix.lower(), open)
                yield stack.enter_context(opener(self.path, "rb"))  # type: ignore[operator]


def unpacked(archive: zipfile.ZipFile, member: str) -> BinaryIO:
    """The stream of a member of a zip. Raises DataError for encryption and packings that Python lacks."""
    try:
        return archive.open(member)  # type: ignore[return-value]
    except RuntimeError as error:  # also NotImplementedError
        raise DataError(f"'{member}' cannot be unpacked ({error}).", where=str(archive.filename)) from None


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what the operating system and the unpackers raise into a DataError that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise missing(path) from None
    except PermissionError:
        raise DataError("the file may not be read.", where=str(path), hint="Check its permissions.") from None
    except IsADirectoryError:
        raise DataError("this is a folder, a file was expected.", where=str(path)) from None
    except DAMAGED as error:
        raise DataError(f"the file is damaged or cut short ({error}).", where=str(path)) from None
    except NotImplementedError as error:
        raise DataError(f"the file is written in a way that is not read ({error}).", where=str(path)) from None
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror or error}).", where=str(path)) from None


def missing(path: Path) -> DataError:
    """The error for a path that is not there, with the nearest names beside it."""
    parent = path.parent
    if not parent.is_dir():
        return DataError("the file does not exist; nor does its folder.", where=str(path))
    hint = did_you_mean(path.name, sorted(child.name for child in parent.iterdir())[:2000])
    return DataError("the file does not exist.", where=str(path), hint=hint if hint.startswith("Did") else "")


def find(path: Path, masks: Mapping[str, Masker] | None = None) -> File:
    """The file at a path, looking into a zip with one member. Raises DataError when there is none."""
    if not path.exists():
        raise missing(path)
    if path.suffix.lower() != ".zip":
        return File(path, masks=masks or {})
    names = members(path)
    if len(names) != 1:
        given = f"it holds {len(names)} files" + (f" ({', '.join(names[:5])}, ...)" if names else "")
        raise DataError(f"a zip must hold one table or a set of images; {given}.", where=str(path))
    return File(path, names[0], masks or {})


def members(path: Path) -> list[str]:
    """The files inside a zip, without folders and the litter some systems add."""
    with readable(path), zipfile.ZipFile(path) as archive:
        return [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
