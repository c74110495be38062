"""The loop and the session: accumulation equals the big batch, resume is bit-exact, early stopping keeps the best."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from modelwright import checkpoint
from modelwright.errors import RunError, StorageError, TrainingError
from modelwright.loop import Average, StepOptions, train_steps
from modelwright.session import Plan, Session


class Toy(nn.Module):
    """Two loss terms with different counts, and dropout, so that resume must restore the random state."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
        self.weights = {"b": 0.5}

    def forward(self, batch):
        out = self.net(batch["x"])
        known = batch["known"]
        return {
            "a": ((out[:, 0] - batch["y"]).square().sum(), torch.tensor(float(len(out)))),
            "b": (((out[:, 1] + batch["y"]).square() * known).sum(), known.sum()),
        }

    def counts(self, batch):
        return {"a": torch.tensor(float(len(batch["x"]))), "b": batch["known"].sum()}


class Rows:
    def __init__(self, rows=60, size=8, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(rows, 4, generator=generator)
        self.y = self.x.sum(1)
        self.known = (torch.rand(rows, generator=generator) > 0.4).float()
        self.size, self.steps = size, -(-rows // size)

    def order(self, number):
        return torch.randperm(len(self.x), generator=torch.Generator().manual_seed(number)).split(self.size)

    def rows_of(self, number, step):
        return self.order(number)[step].tolist()

    def epoch(self, number, start=0):
        for index in self.order(number)[start:]:
            yield {"x": self.x[index], "y": self.y[index], "known": self.known[index]}


def make(steps=40, patience=0, validate=lambda model: {}, average=True, precision="fp32", rate=1e-2):
    torch.manual_seed(0)
    model = Toy()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, fused=True)
    optimizer.param_groups[0]["initial_lr"] = rate
    return Session(
        model,
        optimizer,
        lambda step, total: 1 - step / total,
        Rows(),
        validate,
        plan=Plan(steps, patience=patience),
        options=StepOptions(seed=3, precision=precision),
        average=Average(model, 0.9) if average else None,
    )


def weights(session):
    session.finish()
    return session.model.state_dict()


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("stop", [1, 5, 7, 8, 9, 16, 23, 39, 40])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resume_is_bit_exact_wherever_it_stops(tmp_path, stop, precision):
    whole = make(precision=precision)
    list(whole.run())
    first = make(precision=precision)
    for _ in itertools.islice(first.run(), stop):
        pass
    checkpoint.save(tmp_path, first.state())
    second = make(precision=precision)
    second.restore(checkpoint.load(tmp_path)[0])
    list(second.run())
    assert same(weights(whole), weights(second))
    drop = lambda history: [{k: v for k, v in record.items() if k != "seconds"} for record in history]  # noqa: E731
    assert drop(whole.progress.history) == drop(second.progress.history)


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_accumulated_gradients_equal_the_big_batch(parts):
    def run(accumulate):
        torch.manual_seed(1)
        model = Toy().eval()  # dropout draws per micro-batch
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        optimizer.param_groups[0]["initial_lr"] = 0.05
        terms = list(
            train_steps(
                model,
                Rows(size=60).epoch(0),
                optimizer,
                factor=lambda step: 1.0,
                options=StepOptions(accumulate=accumulate),
            )
        )
        return model.state_dict(), terms

    (one, terms_one), (many, terms_many) = run(1), run(parts)
    for name in one:
        torch.testing.assert_close(one[name], many[name], rtol=1e-5, atol=1e-6)
    for name in ("a", "b"):
        torch.testing.assert_close(terms_one[0][name][0], terms_many[0][name][0])


def test_early_stopping_keeps_the_best_weights():
    losses = iter([3.0, 1.0, 2.0, 2.5, 0.1])
    seen = []

    def validate(model):
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"validation_loss": next(losses), "validation_metric": 0.0}

    session = make(steps=400, patience=2, validate=validate)
    list(session.run())
    assert session.progress.stopped == "no better score for 2 epochs" and session.progress.best_epoch == 2
    assert same(weights(session), seen[1])


def test_a_loss_that_is_not_finite_stops_with_advice():
    with pytest.raises(TrainingError, match=r"is not finite .*Lower train.lr"):
        list(make(rate=1e30, average=False).run())


def test_a_row_that_breaks_the_loss_is_named_and_the_weights_before_it_are_kept():
    session = make(average=False)
    session.batches.x[17] = float("nan")
    before = {}
    with pytest.raises(TrainingError) as caught:
        for _ in session.run():
            before = {name: value.clone() for name, value in session.model.state_dict().items()}
    broken = next(step for step in range(8) if 17 in session.batches.rows_of(0, step))
    assert f"step {broken + 1} (epoch 1)" in caught.value.message
    assert str(session.batches.rows_of(0, broken))[1:-1] in caught.value.message
    assert session.progress.step == broken and same(session.model.state_dict(), before)


def test_a_step_too_large_for_the_memory_is_cut_into_parts_and_stays_the_same():
    class Large(Toy):
        def forward(self, batch):
            if self.training and len(batch["x"]) > 2:
                raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes.")
            return super().forward(batch)

    plain, small = make(steps=12, average=False), make(steps=12, average=False)
    plain.options = StepOptions(accumulate=4)
    small.model.__class__ = Large
    list(plain.run())
    notes = [event.note for event in small.run() if event.note]
    assert notes == [f"memory ran out: a step is now made of {parts} parts" for parts in (2, 4)]
    assert same(plain.model.state_dict(), small.model.state_dict())


def test_memory_that_is_never_enough_ends_the_training():
    session = make()
    session.model.forward = lambda batch: (_ for _ in ()).throw(MemoryError("not enough memory"))
    with pytest.raises(MemoryError):
        list(session.run())


def test_the_average_follows_its_formula():
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    average, expected = Average(model, 0.5), model.weight.detach().clone()
    for step in range(1, 5):
        with torch.no_grad():
            model.weight.add_(1.0)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    torch.testing.assert_close(average.values["weight"], expected)


def test_checkpoint_survives_a_truncated_file(tmp_path):
    checkpoint.save(tmp_path, {"step": 1, "w": torch.ones(3)})
    checkpoint.save(tmp_path, {"step": 2, "w": torch.ones(3) * 2})
    last = tmp_path / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-7])
    state, note = checkpoint.load(tmp_path)
    assert state["step"] == 1 and "damaged" in note
    (tmp_path / "previous.safetensors").write_bytes(b"x")
    with pytest.raises(RunError, match="no checkpoint can be read"):
        checkpoint.load(tmp_path)


def test_checkpoint_keeps_every_kind_of_value(tmp_path):
    state = {
        "none": None,
        3: [1, 2.5, True],
        "tensors": {"half": torch.ones(2, dtype=torch.bfloat16), "empty": torch.empty(0), "step": torch.tensor(7.0)},
    }
    checkpoint.save(tmp_path, state)
    loaded = checkpoint.load(tmp_path)[0]
    assert loaded["none"] is None and loaded[3] == [1, 2.5, True] and loaded["tensors"]["half"].dtype == torch.bfloat16
    assert torch.equal(loaded["tensors"]["step"], torch.tensor(7.0)) and loaded["tensors"]["empty"].shape == (0,)


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        checkpoint.save(tmp_path / "checkpoints", {"step": 1})
