"""Lines of a user and the items that it took, in time order. Knows no column and no split."""

from __future__ import annotations

import pyarrow as pa

from ._files import File


def read(file: File) -> pa.Table:
    """ "user item" or "user item item ..." lines -> a row an action, `user` and `item`, in the order of the lines."""
    users, items = list[str](), list[str]()
    with file.open() as stream:
        for line in stream.read().decode("utf-8", "replace").splitlines():
            user, *taken = line.split() or [""]
            users += [user] * len(taken)
            items += taken
    return pa.table({"user": pa.array(users, pa.string()), "item": pa.array(items, pa.string())})


def are_in(file: File) -> bool:
    """Whether a text file holds such lines: its first one has no comma, semicolon or tab."""
    with file.open() as stream:
        first = stream.readline(100_000)
    return file.suffix == ".txt" and bool(first.split()) and not any(mark in first for mark in (b",", b";", b"\t"))
