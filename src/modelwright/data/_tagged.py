"""Files with a token and its tag on each line and a blank line between sentences: CoNLL, BIO, BMES."""

from __future__ import annotations

import pyarrow as pa

from ..errors import DataError
from ._files import File

SUFFIXES = (".conll", ".bio", ".iob", ".bmes", ".bioes", ".bilou")
_HEAD = "-DOCSTART-"  # the line between the documents of CoNLL-2003


def read(file: File) -> pa.Table:
    """`text` and `tags`, lists of equal length a sentence. A line's first field is the token, its last the tag; fields
    stand between tabs or blanks. Raises DataError naming the line that has one field only."""
    texts: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    with file.open() as stream:
        try:
            lines = stream.read().decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise DataError(f"byte {error.start} is not valid utf-8.", where=str(file.path)) from None
    for number, line in enumerate(lines, 1):
        fields = line.strip("\r").split("\t") if "\t" in line else line.split()
        if not any(fields) or fields[0] == _HEAD:
            if texts[-1]:
                texts.append([])
                tags.append([])
            continue
        if len(fields) < 2:
            message = f"expected a token and its tag, found only '{fields[0][:30]}'."
            raise DataError(message, where=f"{file.path}:{number}", hint="A blank line ends a sentence.")
        texts[-1].append(fields[0])
        tags[-1].append(fields[-1])
    if not texts[-1]:
        texts.pop(), tags.pop()
    kind = pa.list_(pa.string())
    return pa.table({"text": pa.array(texts, kind), "tags": pa.array(tags, kind)})
