"""Tic-tac-toe as an environment of gymnasium, a player that never errs, and every line of play against one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, ClassVar

import gymnasium
import numpy as np

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
Board = tuple[int, ...]  # nine cells from left above: 1 of the side to move, -1 of the other, 0 empty
EMPTY: Board = (0,) * 9


def moves(board: Board) -> list[int]:
    """The empty cells."""
    return [cell for cell, who in enumerate(board) if not who]


def after(board: Board, cell: int) -> Board:
    """The board that the other side is given when the side to move takes `cell`."""
    return tuple(-1 if place == cell else -who for place, who in enumerate(board))


def lost(board: Board) -> bool:
    """Whether the other side, which moved last, has three in a row."""
    return any(board[a] == board[b] == board[c] == -1 for a, b, c in LINES)


@cache
def worth(board: Board) -> int:
    """What the side to move gets when both play perfectly: 1, 0 or -1 (minimax)."""
    if lost(board):
        return -1
    return max((-worth(after(board, cell)) for cell in moves(board)), default=0)


def perfect(board: Board) -> list[int]:
    """Every move of a perfect player."""
    return [cell for cell in moves(board) if -worth(after(board, cell)) == worth(board)]


class TicTacToe(gymnasium.Env):
    """Both sides are played by whoever acts, each sees the board from its own side: 1 its own, -1 the other's, 0 empty.

    A move that makes three in a row is rewarded with 1. `legal` in the information marks the empty cells; any other move
    loses the game at once. openings: an episode begins after 0 to so many random moves, so that play is learned also where good play
    does not lead; 0 begins with the empty board.
    """

    two_sided = True
    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}  # type: ignore[misc]

    def __init__(self, openings: int = 0) -> None:
        self.openings = openings
        self.observation_space = gymnasium.spaces.Box(-1, 1, (9,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(9)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.board = EMPTY
        for _ in range(int(self.np_random.integers(self.openings + 1))):
            board = after(self.board, int(self.np_random.choice(moves(self.board))))
            if lost(board) or not moves(board):
                break
            self.board = board
        return self._seen()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if self.board[action]:
            return *self._seen()[:1], -1.0, True, False, self._seen()[1]
        self.board = after(self.board, int(action))
        won = lost(self.board)
        seen, info = self._seen()
        return seen, float(won), won or not moves(self.board), False, info

    def _seen(self) -> tuple[np.ndarray, dict[str, Any]]:
        board = np.array(self.board, np.float32)
        return board, {"legal": board == 0}

    @staticmethod
    def examine(act: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> dict[str, dict[str, int]]:
        """Every line of play of a player that always does the same, as first and as second mover, against a perfect
        opponent with all its best moves and against one with all moves there are: lines won, drawn and lost.

        act: observations (N, 9), legal moves (N, 9) -> actions (N,). A move that is not legal is a loss.
        """
        choices = {"a perfect player": perfect, "every player": moves}
        return {
            f"{place} mover against {name}": dict(zip(("won", "drawn", "lost"), _lines(act, turn, choose)))
            for name, choose in choices.items()
            for turn, place in enumerate(("first", "second"))
        }


def _lines(act: Callable, turn: int, choose: Callable[[Board], list[int]]) -> list[int]:
    """Lines won, drawn and lost by the player whose turn is at each even (0) or odd (1) ply."""
    boards, found = [EMPTY], [0, 0, 0]
    for ply in range(9):
        ours = ply % 2 == turn
        grown = list(_grown(boards, [[m] for m in _moves_of(act, boards)] if ours else [choose(b) for b in boards]))
        found[2] += sum(board is None for board in grown)
        boards = [board for board in grown if board is not None]
        ended = [board for board in boards if lost(board)]
        found[0 if ours else 2] += len(ended)
        boards = [board for board in boards if not lost(board)]
    found[1] += len(boards)
    return found


def _moves_of(act: Callable, boards: list[Board]) -> list[int]:
    seen = np.array(boards, np.float32).reshape(-1, 9)
    return act(seen, seen == 0).tolist() if len(seen) else []


def _grown(boards: list[Board], chosen: list[list[int]]) -> Iterator[Board | None]:
    """The boards after the chosen moves; None after one that is not legal."""
    for board, cells in zip(boards, chosen):
        for cell in cells:
            yield None if board[cell] else after(board, cell)
