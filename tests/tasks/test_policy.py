"""Policies: PPO through the one loop, cloned ones, and what is said of them."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright.data.environments import Environments, Step
from modelwright.errors import DataError, RecipeError, TrainingError
from modelwright.tasks import _rollouts, policy

gymnasium = pytest.importorskip("gymnasium")

NET = {"kind": "mlp", "hidden": [32], "activation": "tanh", "dropout": 0.0, "numbers": "none"}
MODEL = {"kind": "policy", "environments": 4, "rollout": 32, "passes": 2, "episodes": 5, "encoders": {"table": NET}}
TRAIN = {"epochs": 3, "batch": 64, "speed": "fixed", "threads": 1, "checkpoint_seconds": 0}
RECIPE = {"data": {"environment": "CartPole-v1", "steps": 200}, "model": MODEL, "train": TRAIN}


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def answered(rewards, over=(), cut=()):
    """A step of one environment at each time."""
    none = np.zeros((1, 1))
    return [
        Step(np.array([r]), np.array([t in over]), np.array([t in cut]), none, none, []) for t, r in enumerate(rewards)
    ]


def test_the_advantage_is_the_sum_of_its_definition():
    rewards, values, g, trace = [1.0, 0.0, 2.0], np.array([[0.5], [1.0], [-1.0], [3.0]]), 0.9, 0.8
    deltas = [rewards[t] + g * values[t + 1, 0] - values[t, 0] for t in range(3)]
    wanted = [sum((g * trace) ** (k - t) * deltas[k] for k in range(t, 3)) for t in range(3)]
    found = _rollouts.advantage(values, answered(rewards), [np.zeros(1)] * 3, g, trace)
    assert found[:, 0] == pytest.approx(wanted)


def test_nothing_follows_an_end_and_the_critic_speaks_for_what_was_cut_off():
    values, after = np.array([[0.5], [1.0], [7.0]]), [np.array([4.0]), np.zeros(1)]
    ended = _rollouts.advantage(values, answered([1.0, 1.0], over=(0,)), [np.zeros(1)] * 2, 0.9, 0.8)
    assert ended[0, 0] == pytest.approx(1.0 - 0.5)
    cut = _rollouts.advantage(values, answered([1.0, 1.0], cut=(0,)), after, 0.9, 0.8)
    assert cut[0, 0] == pytest.approx(1.0 + 0.9 * 4.0 - 0.5)


def test_with_trace_1_a_game_of_two_sides_gives_each_mover_what_it_got_in_the_end():
    values = np.zeros((4, 1))
    found = _rollouts.advantage(values, answered([0.0, 0.0, 1.0], over=(2,)), [np.zeros(1)] * 3, -1.0, 1.0)
    assert found[:, 0].tolist() == [1.0, -1.0, 1.0]


def model_and_batch(**options):
    run = mw.train({**RECIPE, "model": {**MODEL, **options}, "train": {**TRAIN, "epochs": 1}}, report=False)
    prepared = policy.prepare(mw.recipe.load({**RECIPE, "model": {**MODEL, **options}}))
    prepared.build()
    prepared.batches(64)
    return run, prepared.model, prepared.first_batch()


def test_the_loss_is_that_of_the_paper():
    _, model, batch = model_and_batch(clip=0.1)
    with torch.no_grad():
        for parameter in model.heads.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    with torch.no_grad():
        terms, probabilities = model(batch), model.predict(batch)["action"]["probabilities"]
    taken = probabilities[torch.arange(64), batch["taken"]]
    ratio = taken / batch["log_chance"].exp()
    assert (ratio - 1).abs().max() > 0.1  # so that the clip matters
    gained = torch.min(ratio * batch["advantage"], ratio.clamp(0.9, 1.1) * batch["advantage"])
    assert float(terms["action"][0]) == pytest.approx(float(-gained.sum()), rel=1e-4)
    entropy = -(probabilities * probabilities.log()).sum()
    assert float(terms["entropy"][0]) == pytest.approx(float(-entropy), rel=1e-4)
    assert {name: float(count) for name, count in model.counts(batch).items()} == dict.fromkeys(terms, 64.0)
    assert model.weights == {"return": 0.5, "entropy": 0.01}


def test_a_run_is_what_its_seed_says_and_resumes_byte_for_byte(tmp_path):
    whole = mw.train(RECIPE, out="whole", report=False)
    for number, (step, ended) in enumerate(
        [(2, None), (5, None), (4, True)]
    ):  # within a rollout's steps, and between two
        out = tmp_path / f"killed{number}"
        child = os.fork()
        if child == 0:
            try:

                def die(event, step=step, ended=ended):
                    if event.step == step and bool(event.record) == bool(ended):
                        os.kill(os.getpid(), signal.SIGKILL)

                mw.train(RECIPE, out=str(out), on_step=die, report=False)
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        mw.train(resume=str(out), report=False)
        for name in ("model.safetensors", "columns.json"):
            assert (out / name).read_bytes() == (whole.path / name).read_bytes()
        assert history(out) == history(whole.path)


def history(folder):
    """The history but for the seconds."""
    return [{**json.loads(line), "seconds": 0} for line in (folder / "history.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_cart_pole_is_learned_and_cloned():
    net = {**NET, "hidden": [64, 64]}
    model = {"kind": "policy", "solved": 300, "episodes": 20, "encoders": {"table": net}}
    recipe = {
        "data": {"environment": "CartPole-v1", "steps": 1000},
        "model": model,
        "train": {"epochs": 100, "speed": "fixed"},
    }
    teacher = mw.train(recipe, out="teacher", report=False)
    scores = teacher.metrics["test"]["action"]
    assert scores["return"] > 450 > 50 > teacher.metrics["baselines"]["random"]["action"]["return"]
    assert scores["return_interval"][0] <= scores["return"] <= scores["return_interval"][1]
    assert "solved" in teacher.metrics["stopped"] and scores["episodes"] == 20
    cloned = {"environment": "CartPole-v1", "policy": "teacher", "steps": 5000}
    student = mw.train({"data": cloned, "model": {"kind": "policy", "episodes": 20}}, out="student", report=False)
    assert student.metrics["baselines"]["teacher"]["action"]["return"] == pytest.approx(scores["return"], rel=0.05)
    assert student.metrics["test"]["action"]["return"] > 0.95 * scores["return"]
    plain = mw.train(
        {"data": cloned, "baselines": False}, out="plain", report=False
    )  # any model may learn what it does
    assert plain.metrics["test"]["action"]["accuracy"] > 0.9 and list(plain.kinds) == ["action"]


def test_illegal_moves_have_no_chance():
    data = {"environment": "TicTacToe-v0", "options": {"openings": 6}, "measured": {"openings": 0}, "steps": 300}
    run = mw.train({**RECIPE, "data": data}, report=False)
    played = Environments("TicTacToe-v0", 8, 3, {"openings": 6})
    found = run.predict(played.table(), probabilities=True)
    chances = np.stack([found.column(f"action_{k}").to_numpy() for k in range(9)], 1)
    assert (chances[~played.legal] == 0).all() and chances.sum(1) == pytest.approx(1.0)
    assert played.legal[np.arange(8), found.column("action").to_numpy()].all()
    games = run.metrics["games"]
    assert set(games) == {
        f"{a} mover against {b}" for a in ("first", "second") for b in ("a perfect player", "every player")
    }
    assert mw.evaluate(str(run.path)).data["games"] == games


def test_continuous_actions_stay_within_their_bounds():
    data = {"environment": "Pendulum-v1", "steps": 400}
    run = mw.train({**RECIPE, "data": data}, report=False)
    assert run.kinds == {"action": "vector", "return": "number"}
    assert run.model.log_deviation.shape == (1,) and float(run.model.log_deviation.abs().max()) > 0
    assert -2000 < run.metrics["test"]["action"]["return"] < 0


def test_evaluate_on_rows_says_whether_the_run_would_have_done_the_same():
    run = mw.train(RECIPE, report=False)
    from modelwright.data.reading import read

    rows = read({"environment": "CartPole-v1", "policy": str(run.path), "steps": 100}).table
    found = mw.evaluate(str(run.path), rows).data["test"]
    assert found["action"]["accuracy"] == 1.0 and found["return"]["rmse"] > 0


class Broken(gymnasium.Env):
    """Well until its 40th step in all, then it raises or gives what is no number."""

    steps = 0

    def __init__(self, how="raise"):
        self.how = how
        self.observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=2).astype(np.float32), {}

    def step(self, action):
        Broken.steps += 1
        seen, ended = self.np_random.normal(size=2).astype(np.float32), bool(self.np_random.random() < 0.1)
        if Broken.steps > Broken.last:
            if self.how == "raise":
                raise ZeroDivisionError("no ground")
            seen[1] = np.nan
        return seen, float(action), ended, False, {}


@pytest.mark.parametrize(
    ("how", "words"),
    [("raise", r"it raised ZeroDivisionError \(no ground\)"), ("nan", "number 1 of what is seen is nan")],
)
def test_what_was_learned_before_an_environment_breaks_is_kept(how, words):
    gymnasium.register("Broken-v0", entry_point=Broken)
    Broken.steps, Broken.last = 0, 10**9
    data = {"environment": "Broken-v0", "options": {"how": how}, "steps": 100}

    def breaks(event):
        if event.step == 6:
            Broken.last = Broken.steps + 50

    with pytest.raises(TrainingError, match=f"environment 'Broken-v0', episode .*{words}"):
        mw.train({**RECIPE, "data": data}, out="run", on_step=breaks, report=False)
    kept = mw.Run.load("run")
    assert len(kept.predict({"observation_0": 0.1, "observation_1": 0.0})) == 1


def test_a_broken_environment_gives_no_rows():
    gymnasium.register("Broken-v1", entry_point=Broken)
    Broken.steps, Broken.last = 0, 40
    with pytest.raises(DataError, match=r"Broken-v1.*ZeroDivisionError"):
        mw.train({**RECIPE, "data": {"environment": "Broken-v1"}}, report=False)


def test_every_action_must_have_been_seen_once():
    with pytest.raises(DataError, match=r"only . of its 9 actions are in the . rows. Raise data.steps"):
        mw.train({**RECIPE, "data": {"environment": "TicTacToe-v0", "steps": 4}}, report=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": {"lr": "auto"}}, "train.lr: a rate is found on rows that stay the same"),
        ({"target": "reward"}, "a policy has the targets action and return"),
        ({"privacy": {"epsilon": 3}}, "this needs a model that learns from given rows"),
        ({"federated": {"clients": 2}}, "this needs a model that learns from given rows"),
        ({"data": "iris"}, "a policy acts in an environment"),
        ({"model": {"kind": "policy", "rolout": 3}}, "model.rolout: no such option. Did you mean 'rollout'"),
    ],
)
def test_recipes_that_cannot_be(change, words):
    with pytest.raises(RecipeError, match=words):
        mw.train({**RECIPE, **change}, report=False)
