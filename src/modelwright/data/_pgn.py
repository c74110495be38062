"""Chess games in portable game notation as rows of positions and moves. Needs the extra `games`."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from ..errors import DataError, MissingExtra
from . import _cache, _files
from ._stored import Stored
from .download import digest
from .named import located

CARLSEN = Stored(
    "games/chess_pgn/Carlsen.pgn.gz", "3b0d292cac761805c01adbe9e1d5ec13d87254a3a2daa71f356ccf74582e6240", 638042
)

NAMES = ("board", "previous", "move", "mover", "date", "game")
FLIPPED = str.maketrans("12345678", "87654321")


def read(path: str, base: Path, encoding: str) -> tuple[pa.Table, list[str], Path | None]:
    """The rows of a file of games, or of the named one, kept in the cache because moves take long to follow; notes; its folder."""
    named = path == "carlsen" and not (base / path).exists()
    file = located(path, CARLSEN) if named else base / Path(path).expanduser()
    if not file.is_file():
        raise _files.missing(file)

    def make(folder: Path) -> None:
        table, notes = positions(_text(file, encoding))
        table = table.replace_schema_metadata({"notes": "\n".join(notes)})
        with pa.ipc.new_file(folder / "positions.arrow", table.schema) as writer:
            writer.write_table(table)

    kept = _cache.entry("tables", f"pgn1-{digest(file)}-{encoding}", make)
    if kept is None:
        return (*positions(_text(file, encoding)), None if named else file.parent)
    table = pa.ipc.open_file(pa.memory_map(str(kept / "positions.arrow"))).read_all()
    notes = [note for note in (table.schema.metadata or {}).get(b"notes", b"").decode().split("\n") if note]
    return table.replace_schema_metadata(), notes, None if named else file.parent


def _text(file: Path, encoding: str) -> TextIO:
    """The file's text, unpacked. Raises DataError where it is none in that encoding."""
    raw = file.read_bytes()
    try:
        return io.StringIO((gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode(encoding))
    except (OSError, EOFError, UnicodeDecodeError, LookupError) as error:
        raise DataError(f"it cannot be read as text ({error}).", where=str(file), hint="Name its encoding.") from None


def positions(stream: TextIO) -> tuple[pa.Table, list[str]]:
    """Every position that a move was played in, and notes on games that break off.

    Columns: `board` (FEN without counters), `previous`, the move before, empty at first, and `move` (both in UCI), as the side to
    move sees them: where that is black, the board is turned round and its colours changed, so that white is to move and e7e5 is
    e2e4; `mover`, who played it, `date`, and `game`, a number.
    """
    try:
        import chess.pgn
    except ImportError:
        raise MissingExtra("chess", "games") from None
    rows: list[tuple] = []
    broken: list[str] = []

    class Visitor(chess.pgn.BaseVisitor):
        game = -1

        def begin_game(self) -> None:
            Visitor.game += 1
            self.headers: dict[str, str] = {}
            self.previous = ""

        def visit_header(self, name: str, value: str) -> None:
            self.headers[name] = value

        def begin_variation(self) -> Any:
            return chess.pgn.SKIP

        def visit_move(self, board: Any, move: Any) -> None:
            uci, white = move.uci(), board.turn
            mover = self.headers.get("White" if white else "Black", "")
            own, before = (uci, self.previous) if white else (uci.translate(FLIPPED), self.previous.translate(FLIPPED))
            rows.append((_seen(board), before, own, mover, self.headers.get("Date", ""), Visitor.game))
            self.previous = uci

        def handle_error(self, error: Exception) -> None:
            broken.append(f"game {Visitor.game + 1} breaks off: {error}.")

        def result(self) -> bool:
            return True

    while chess.pgn.read_game(stream, Visitor=Visitor):
        pass
    columns = zip(*rows) if rows else [[]] * len(NAMES)
    notes = [*broken[:3], *([f"{len(broken) - 3} more games break off."] if len(broken) > 3 else [])]
    return pa.table(dict(zip(NAMES, map(pa.array, columns)))), notes


def _seen(board: Any) -> str:
    """The board with white to move: pieces, side, castling rights, en passant."""
    pieces, side, castling, passing = board.fen().split()[:4]
    if side == "b":
        pieces = "/".join(reversed(pieces.split("/"))).swapcase()
        castling = "".join(sorted(castling.swapcase()))
        passing = passing.translate(FLIPPED)
    return f"{pieces} w {castling} {passing}"
