"""Text -> words or characters. Knows no vocabulary and no column."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from ..files import located
from . import _parsing

# scripts written without spaces: Thai, Lao, Burmese, Khmer, Japanese kana, Chinese characters
_RANGES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
SPACELESS = "".join(f"{chr(low)}-{chr(high)}" for low, high in _RANGES)
# a character of such a script, a word with its apostrophes (isn't), dots (...), marks (!?!), any other sign
WORD = re.compile(rf"[{SPACELESS}]|[^\W{SPACELESS}]+(?:['’][^\W{SPACELESS}]+)*|\.\.+|[!?]+|[^\w\s]")
CODE_POINTS = 0x110000


def cleaned(values: pa.Array | pa.ChunkedArray, lower: bool) -> pa.Array:
    """Cells as strings, "" where missing; lists of words are joined."""
    if _parsing.is_list(values.type):
        values = pa.array([" ".join(row) for row in listed(values, False)], pa.string())
    text = _parsing.strings(values, tokens=False).fill_null("")
    return pc.utf8_lower(text) if lower else text


def listed(values: pa.Array | pa.ChunkedArray, lower: bool) -> list[list[str]]:
    """Cells that are lists, as lists of strings."""
    items, offsets, _ = _parsing.lists(values)
    items = _parsing.strings(items, tokens=False).fill_null("")
    tokens = (pc.utf8_lower(items) if lower else items).to_pylist()
    return [tokens[start:stop] for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist())]


def pretrained(path: str, where: str) -> str:
    """The tokenizer.json of a folder. Raises DataError where it is not there or cannot be read."""
    from tokenizers import Tokenizer

    folder = located(path, Path("."))
    try:
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        Tokenizer.from_str(text)
    except OSError:
        hint = f"Write it with transformers: AutoTokenizer.from_pretrained('{folder}').save_pretrained('{folder}')"
        raise DataError(f"there is no tokenizer.json in {folder}.", where=where, hint=hint) from None
    except Exception as error:  # the library raises nothing more special
        raise DataError(f"{folder}/tokenizer.json cannot be read ({error}).", where=where) from None
    return text


def code_points(text: pa.Array, longest: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The characters of all cells as one array of code points, and (N,) how many each cell has."""
    if longest is not None:
        text = pc.utf8_slice_codeunits(text, 0, longest)
    lengths = pc.utf8_length(text).to_numpy(zero_copy_only=False).astype(np.int64)
    whole = "".join(text.to_pylist())
    return np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), np.uint32), lengths


def spaceless_share(counts: dict[str, int]) -> float:
    """The share of letters that belong to scripts without spaces, from counts of characters."""
    letters = {char: count for char, count in counts.items() if char.isalpha()}
    spaceless = sum(count for char, count in letters.items() if is_spaceless(char))
    return spaceless / max(sum(letters.values()), 1)


def is_spaceless(char: str) -> bool:
    """Whether a character belongs to a script without spaces."""
    return any(low <= ord(char) <= high for low, high in _RANGES)
