"""Environments as rows, played the same way every time, restored exactly; tic-tac-toe and its perfect player."""

from __future__ import annotations

import numpy as np
import pytest

import modelwright as mw
from modelwright.data import environments
from modelwright.data.environments import Environments
from modelwright.data.reading import read
from modelwright.errors import DataError

gymnasium = pytest.importorskip("gymnasium")
from modelwright.data.tic_tac_toe import EMPTY, TicTacToe, after, lost, moves, perfect, worth  # noqa: E402


def test_rows_are_whole_episodes_with_their_returns():
    rows = read({"environment": "CartPole-v1", "steps": 300, "discount": 0.5})
    table = rows.table.to_pandas()
    assert rows.targets == ("action",) and rows.columns["return"] == "drop" and 300 <= len(table) < 400
    last = table.groupby("episode").tail(1)
    assert (last["return"] == 1.0).all()  # one reward is left
    first = table[table.episode == 0]["return"].to_numpy()
    assert first[:-1] == pytest.approx(1 + 0.5 * first[1:])
    parts = table.assign(part=rows.part).groupby("episode").part.nunique()
    assert (parts == 1).all() and set(rows.part) == {0, 1, 2}  # no episode is in two parts
    assert rows.table.equals(read({"environment": "CartPole-v1", "steps": 300, "discount": 0.5}).table)
    assert not rows.table.equals(read({"environment": "CartPole-v1", "steps": 300, "seed": 1}).table)


@pytest.mark.parametrize("name", ["CartPole-v1", "Acrobot-v1", "Pendulum-v1", "TicTacToe-v0"])
def test_a_state_goes_on_exactly(name):
    one, other = Environments(name, 3, 7), Environments(name, 3, 99)
    player = environments.random_player(one, 0)
    for _ in range(30):
        one.step(player(one.table()))
    other.seed = 7
    other.load_state_dict(one.state_dict())
    for _ in range(40):
        actions = player(one.table())
        found, again = one.step(actions), other.step(actions)
        assert (found.rewards == again.rewards).all() and found.ended == again.ended
        assert (one.seen == other.seen).all() and (one.legal == other.legal).all()


def test_an_episode_that_is_cut_off_is_not_over():
    played = Environments("MountainCar-v0", 1, 0)
    steps = [played.step(np.array([0])) for _ in range(200)]
    assert steps[-1].cut[0] and not steps[-1].over[0] and not any(step.cut[0] for step in steps[:-1])
    assert [(one.total, one.steps) for one in steps[-1].ended] == [(-200.0, 200)]
    assert (steps[-1].last != played.seen).any()  # what was seen last, not what is seen first


def test_the_perfect_player_draws_against_itself_and_the_tree_is_the_known_one():
    assert worth(EMPTY) == 0 and len(perfect(EMPTY)) == 9
    boards, games = [EMPTY], {1: 0, 0: 0, -1: 0}
    for ply in range(9):
        boards = [after(board, cell) for board in boards for cell in moves(board)]
        games[1 if ply % 2 == 0 else -1] += sum(map(lost, boards))
        boards = [board for board in boards if not lost(board)]
    games[0] = len(boards)
    assert games == {1: 131_184, 0: 46_080, -1: 77_904}  # 255,168 games


def test_every_line_of_play_of_a_perfect_player_is_counted():
    def act(seen, legal):
        return np.array([perfect(tuple(map(int, board)))[0] for board in seen])

    found = TicTacToe.examine(act)
    assert all(counts["lost"] == 0 for counts in found.values())
    for place in ("first", "second"):
        assert found[f"{place} mover against a perfect player"]["won"] == 0
        assert found[f"{place} mover against every player"]["won"] > 0


def test_a_player_that_errs_is_caught():
    found = TicTacToe.examine(lambda seen, legal: legal.argmax(1))  # the first empty cell
    assert found["second mover against a perfect player"]["lost"] > 0
    illegal = TicTacToe.examine(lambda seen, legal: np.zeros(len(seen), int))
    assert illegal["first mover against every player"]["won"] == 0


def test_episodes_against_chance_are_won_and_lost_from_both_sides():
    played = Environments("TicTacToe-v0", 10, 0)

    def player(rows):
        return np.array(
            [perfect(tuple(int(v) for v in row.values() if isinstance(v, float)))[0] for row in rows.to_pylist()]
        )

    ended = environments.play(played, player, 60, 0)
    totals = np.array([one.total for one in ended])
    assert [one.number for one in ended] == list(range(60))
    assert (totals >= 0).all() and totals[::2].mean() > 0.5 and totals[1::2].mean() > 0.3


class Strange(gymnasium.Env):
    def __init__(self, seen=None, acted=None):
        spaces = gymnasium.spaces
        self.observation_space = seen or spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = acted or spaces.Discrete(2)


SPACES = {
    "pictures": (
        {"seen": gymnasium.spaces.Box(0, 255, (8, 8, 3), np.uint8)},
        "observations are Box.*which are not read",
    ),
    "numbers of states": ({"seen": gymnasium.spaces.Discrete(5)}, "observations are Discrete"),
    "several actions at once": ({"acted": gymnasium.spaces.MultiDiscrete([2, 3])}, "actions are MultiDiscrete"),
    "actions without bounds": ({"acted": gymnasium.spaces.Box(-np.inf, np.inf, (1,))}, "actions are Box"),
    "one action": ({"acted": gymnasium.spaces.Discrete(1)}, "actions are Discrete"),
    "options that it has not": ({"colour": "red"}, "it cannot be made"),
}


@pytest.mark.parametrize("case", SPACES, ids=str)
def test_what_cannot_be_read_is_refused(case):
    options, words = SPACES[case]
    gymnasium.register("Strange-v0", entry_point=Strange)
    with pytest.raises(DataError, match=f"environment 'Strange-v0'.*{words}"):
        environments.make("Strange-v0", options)


def test_names_and_runs_that_are_not_there():
    with pytest.raises(DataError, match=r"no such environment. Did you mean 'CartPole-v1'"):
        read({"environment": "Cartpole-v1"})
    with pytest.raises(DataError, match="it cannot be made"):
        read({"environment": "nopackage:Thing-v0"})


def test_a_run_that_plays_must_read_what_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mw.train(
        {"data": "iris", "target": "species", "train": {"epochs": 1}, "baselines": False}, out="flowers", report=False
    )
    with pytest.raises(DataError, match="it predicts no 'action'"):
        read({"environment": "CartPole-v1", "policy": "flowers"}, tmp_path)
