"""Chess positions, as the side to move sees them."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from . import _parsing
from ._column import Column

PIECES = {piece: code for code, piece in enumerate("PNBRQKpnbrqk", 1)}
SQUARES, RIGHTS = 64, 5
_FEN = re.compile(
    r"((?:[pnbrqkPNBRQK1-8]{1,8}/){7}[pnbrqkPNBRQK1-8]{1,8}) ([wb]) (-|[KQkqA-Ha-h]{1,4}) (-|[a-h][36])(?: .*)?"
)


class Board(Column):
    """A chess position in Forsyth-Edwards notation, with or without its counters.

    Input: uint8 (N, 69): of each square, from a8 to h1, 0 where it is empty, 1 to 6 for a pawn, knight, bishop, rook, queen, king of
    the side to move, 7 to 12 of the other; then whether that side and the other may castle, short and long, and the file (1 to 8) of
    a pawn that can be taken en passant. Where black is to move, the board is turned round and its colours are changed. Missing
    and unreadable cells are zeros.
    """

    group = None
    encoder: ClassVar[str] = "board"
    examples: ClassVar[list[str]] = [
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq -",
        "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1",
        "8/8/4k3/8/8/3K4/4P3/8 w - - 12 60",
        "r3k2r/8/8/8/8/8/8/R3K2R b Kq - 0 1",
    ]

    @classmethod
    def recognises(cls, values: pa.ChunkedArray, name: str) -> str:
        """Chess positions are like nothing else."""
        if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
            return ""
        first = [value for value in values.slice(0, 50).to_pylist() if value]
        return "chess positions" if first and all(_FEN.fullmatch(value.strip()) for value in first) else ""

    def fit(self, values: pa.Array) -> None:
        """Nothing is learned from the rows."""

    def merge(self, other: Board) -> None:
        """Nothing was learned from them."""

    def finish(self) -> None:
        self.refuse_target("a position cannot be a target.", "Predict a move, as a category.")

    def encode(self, values: pa.Array) -> np.ndarray:
        out, known = np.zeros((len(values), SQUARES + RIGHTS), np.uint8), dict[str, np.ndarray | None]()
        wrong = []
        for row, text in enumerate(_parsing.strings(_parsing.flat(values)).to_pylist()):
            if not text:
                continue
            if text not in known:
                known[text] = _codes(text)
            found = known[text]
            if found is None:
                wrong.append(row)
            else:
                out[row] = found
        if wrong:
            self.note(f"{len(wrong)} cells are no chess positions (the first in row {wrong[0]}).")
        return out

    def sizes(self) -> dict[str, Any]:
        """`squares` of a board, `codes` that each may have, `rights` that follow."""
        return {"squares": SQUARES, "codes": len(PIECES) + 1, "rights": RIGHTS}


def _codes(text: str) -> np.ndarray | None:
    """(69,) codes of a position; None for what is none."""
    match = _FEN.fullmatch(text.strip())
    if match is None:
        return None
    pieces, side, castling, passing = match.groups()
    if side == "b":
        pieces, castling = "/".join(reversed(pieces.split("/"))).swapcase(), castling.swapcase()
    rows = [re.sub(r"\d", lambda digit: " " * int(digit[0]), row) for row in pieces.split("/")]
    if any(len(row) != 8 for row in rows):
        return None
    squares = [PIECES.get(piece, 0) for row in rows for piece in row]
    rights = [right in castling for right in "KQkq"]
    return np.array([*squares, *rights, 0 if passing == "-" else ord(passing[0]) - ord("a") + 1], np.uint8)
