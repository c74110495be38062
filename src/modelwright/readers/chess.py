"""Chess games as rows of positions and moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..data import _pgn
from ..data.rows import Rows
from ..errors import DataError


class Chess:
    """Every position that a move was played in, of a file of games (PGN, may be packed with gzip) or of the data set `carlsen`.

    Columns, all as the side to move sees them (black's e7e5 is e2e4): `board`, and `move`, the usual target, in UCI. `previous`, the
    move before, `mover`, `date` and `game` are left out of the inputs unless the recipe gives them a kind. The last tenth of the games by
    date is the test part, the twentieth before it validation.

    path: the file, or the name of the data set.

    Options:
        player: only moves of players whose name contains this.
        encoding: of the file.
    """

    def __init__(self, path: str, *, player: str = "", encoding: str = "latin-1") -> None:
        self.path, self.player, self.encoding = path, player, encoding

    def read(self, base: Path, masks: Any = None) -> Rows:
        table, notes, root = _pgn.read(self.path, base, self.encoding)
        if self.player:
            table = table.filter(np.array([self.player in mover for mover in table.column("mover").to_pylist()], bool))
        if not table.num_rows:
            who = f" of '{self.player}'" if self.player else ""
            raise DataError(f"there is no move{who} in it.", where=str(self.path), hint="Name a file of games in PGN.")
        columns = {"board": "board", "move": "category"}
        columns |= dict.fromkeys(("previous", "mover", "date", "game"), "drop")
        return Rows(table, _parts(table), Path(self.path).name.partition(".")[0], root, notes, ("move",), columns)


def _parts(table: Any) -> np.ndarray:
    """0 train, 1 validation, 2 test a row, by game in the order of dates."""
    games, dates = table.column("game").to_numpy(), table.column("date").to_pylist()
    first = dict(zip(games.tolist()[::-1], dates[::-1]))
    place = {game: number for number, game in enumerate(sorted(first, key=lambda game: (first[game], game)))}
    count = len(place)
    ends = [count - count // 10 - count // 20, count - count // 10]
    return np.digitize([place[game] for game in games.tolist()], ends).astype(np.int8)
