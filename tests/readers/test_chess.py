"""Games of chess as rows, each position as the side to move sees it."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.columns import infer
from modelwright.columns.board import Board
from modelwright.data.reading import read

chess = pytest.importorskip("chess")

GAME = '[White "{0}"]\n[Black "{1}"]\n[Date "20{2:02d}.01.01"]\n\n1. e4 e5 2. Nf3 (2. f4 exf4) Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O *\n\n'


@pytest.fixture
def games(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    text = "".join(GAME.format("Ada", "Bo", 40 - number) for number in range(40))
    (tmp_path / "games.pgn.gz").write_bytes(gzip.compress(text.encode()))
    return tmp_path


def test_positions_and_moves_are_those_of_the_game_turned_to_the_mover(games):
    rows = read({"chess": "games.pgn.gz"}, games)
    table = rows.table.slice(0, 9).to_pydict()
    assert rows.targets == ("move",) and rows.table.num_rows == 40 * 9 and rows.notes == []
    assert table["move"] == ["e2e4", "e2e4", "g1f3", "b1c3", "f1b5", "a2a3", "b5a4", "g1f3", "e1g1"]
    assert table["previous"] == [
        "",
        "e7e5",
        "e7e5",
        "g8f6",
        "b8c6",
        "f8b4",
        "a7a6",
        "b4a5",
        "g8f6",
    ]  # as the mover sees them
    assert table["mover"][:2] == ["Ada", "Bo"]
    board = chess.Board()
    for fen, move in zip(table["board"], table["move"]):
        seen = board if board.turn else board.mirror()
        assert fen == " ".join(seen.fen().split()[:4])
        played = chess.Move.from_uci(move)
        assert played in seen.legal_moves
        mirrored = chess.Move(chess.square_mirror(played.from_square), chess.square_mirror(played.to_square))
        board.push(played if board.turn else mirrored)


def test_the_latest_games_are_the_test_part(games):
    rows = read({"chess": "games.pgn.gz"}, games)
    dates = np.array(rows.table.column("date").to_pylist())
    assert (
        max(dates[rows.part == 0])
        < min(dates[rows.part == 1])
        <= max(dates[rows.part == 1])
        < min(dates[rows.part == 2])
    )
    assert [len(set(dates[rows.part == part])) for part in range(3)] == [34, 2, 4]


def test_only_one_player_is_followed(games):
    rows = read({"chess": "games.pgn.gz", "player": "Bo"}, games)
    assert set(rows.table.column("mover").to_pylist()) == {"Bo"} and rows.table.num_rows == 40 * 4


def test_a_game_that_breaks_off_is_read_up_to_there(games):
    (games / "broken.pgn").write_text(GAME.format("A", "B", 1) + '[White "C"]\n[Black "D"]\n\n1. e4 e5 2. Ke5 d6 *\n')
    rows = read({"chess": "broken.pgn"}, games)
    assert rows.table.num_rows == 9 + 2 and len(rows.notes) == 1 and "game 2 breaks off" in rows.notes[0]
    again = read({"chess": "broken.pgn"}, games)  # from the cache
    assert again.table.equals(rows.table) and again.notes == rows.notes


def test_a_position_is_the_same_to_both_sides():
    column = Board("board")
    column.finish()
    board = chess.Board("r3k2r/pp3ppp/8/3pP3/8/8/PPP2PPP/R3K2R w KQq d6 0 9")
    codes = column.encode(pa.array([board.fen(), board.mirror().fen(), None, "no position", "9/8/8/8/8/8/8/8 w - -"]))
    assert (codes[0] == codes[1]).all() and codes[0, 64:].tolist() == [1, 1, 0, 1, 4] and not codes[2:].any()
    for square, piece in board.piece_map().items():
        place = (7 - chess.square_rank(square)) * 8 + chess.square_file(square)
        assert codes[0, place] == piece.piece_type + (0 if piece.color else 6)
    assert (codes[0, :64] > 0).sum() == len(board.piece_map())
    assert "2 cells are no chess positions (the first in row 3)" in column.problems[0]


def test_a_column_of_positions_is_recognised():
    table = pa.table({"position": Board.examples * 5, "word": ["a/b w", "c", "d", "e"] * 5, "y": ["1", "2"] * 10})
    found = infer(table, {"y"})
    assert found["position"].kind == "board" and found["word"].kind != "board"


def test_what_is_played_in_a_position_is_learned(games, monkeypatch):
    monkeypatch.chdir(games)
    net = {"board": {"kind": "board", "channels": 8, "layers": 1, "dropout": 0.0}}
    train = {"epochs": 15, "lr": 0.01, "speed": "fixed", "threads": 1}
    recipe = {"data": {"chess": "games.pgn.gz"}, "model": {"encoders": net}, "train": train, "baselines": False}
    run = mw.train(recipe, report=False)
    assert run.metrics["test"]["move"]["accuracy"] == 1.0  # all games are alike
    assert run.predict({"board": "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq -"})["move"][0].as_py() == "e2e4"
