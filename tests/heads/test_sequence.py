"""The head that writes sequences: its invariants, and that it learns to write what it reads."""

from __future__ import annotations

import pytest
import torch

from modelwright.blocks.stream import Stream
from modelwright.decoding import DecodingOptions, decode
from modelwright.heads.sequence import Sequence

SIZES = {"vocabulary": 12, "length": 8, "end": 0, "unknown": 1}
CELLS = [
    {"cell": "lstm", "layers": 2},
    {"cell": "lstm", "attention": False},
    {"cell": "gru"},
    {"cell": "rnn", "layers": 2},
    {"cell": "transformer", "layers": 2},
]
each_cell = pytest.mark.parametrize("options", CELLS, ids=lambda options: "-".join(map(str, options.values())))


def head(**options) -> Sequence:
    torch.manual_seed(0)
    return Sequence(6, SIZES, hidden=16, **options).eval()


def stream(rows: int = 5, steps: int = 7) -> Stream:
    random = torch.Generator().manual_seed(1)
    lengths = torch.tensor([7, 3, 1, 5, 6])[:rows]
    return Stream(torch.randn(rows, steps, 6, generator=random), torch.arange(steps) < lengths[:, None])


TARGET = torch.tensor(
    [[2, 3, 4, 5, 0], [6, 0, -1, -1, -1], [7, 8, 9, 0, -1], [-1, -1, -1, -1, -1], [10, 11, 10, 11, 10]]
)


@each_cell
def test_all_steps_at_once_equal_one_after_the_other(options):
    module, ids = head(**options), torch.tensor([[0, 3, 4, 5], [0, 6, 6, 2]])
    memory = stream(2)
    whole, _ = module._advance(ids, module.start(memory))
    state = module.start(memory)
    for place in range(4):
        step, state = module._advance(ids[:, place : place + 1], state)
        assert torch.allclose(step[:, 0], whole[:, place], atol=1e-5)
    two, state = module._advance(ids[:, :2], module.start(memory))
    rest, _ = module._advance(ids[:, 2:], state)
    assert torch.allclose(torch.cat([two, rest], 1), whole, atol=1e-5)


@each_cell
@pytest.mark.parametrize("beams", [1, 4])
def test_a_row_is_written_alike_alone_and_among_others(options, beams):
    module, memory = head(**options, beams=beams, length_penalty=0.8), stream()
    together = module.predict(memory)["ids"]
    for row, length in enumerate(memory.mask.sum(1).tolist()):
        alone = module.predict(Stream(memory.x[row : row + 1, :length], memory.mask[row : row + 1, :length]))["ids"][0]
        assert alone[alone >= 0].tolist() == together[row][together[row] >= 0].tolist()
    assert together.max() < 12 and not (together == 1).any() and not (together == 0).any()


@each_cell
def test_loss_is_the_mean_over_known_tokens(options):
    module, memory = head(**options), stream()
    total, count = module.loss(memory, TARGET)
    assert count == (TARGET >= 0).sum() == module.count(TARGET)
    state, expected = module.start(memory), 0.0
    ids = torch.zeros(5, 1, dtype=torch.long)
    for place in range(TARGET.shape[1]):
        y, state = module._advance(ids, state)
        gains = module._logits(y[:, 0]).log_softmax(-1)
        known = TARGET[:, place] >= 0
        ids = TARGET[:, place : place + 1].clamp(min=0)
        expected -= gains.gather(1, ids)[known].sum()
    assert torch.allclose(total, expected, rtol=1e-4)
    wider = torch.nn.functional.pad(TARGET, (0, 3), value=-1)
    assert torch.allclose(module.loss(memory, wider)[0], total, rtol=1e-5)
    halves = [module.loss(Stream(memory.x[rows], memory.mask[rows]), TARGET[rows]) for rows in (slice(2), slice(2, 5))]
    assert torch.allclose(halves[0][0] + halves[1][0], total, rtol=1e-5)


@each_cell
def test_teacher_forcing_chooses_what_a_step_reads(options):
    torch.manual_seed(0)
    module = Sequence(6, SIZES, hidden=16, dropout=0.0, teacher_forcing=0.0, **options).train()
    memory, inputs = stream(), torch.nn.functional.pad(TARGET[:, :-1].clamp(min=0), (1, 0))
    free = module._partly_forced(inputs, module.start(memory))
    guesses = free.argmax(-1)
    read, _ = module._advance(torch.cat([inputs[:, :1], guesses[:, :-1]], 1), module.start(memory))
    assert torch.allclose(module._logits(read), free, atol=1e-5), "at 0 every step reads the prediction before it"
    module.teacher_forcing = 1.0
    forced = module.loss(memory, TARGET)[0]
    module.teacher_forcing = 1 - 1e-9
    assert torch.allclose(module.loss(memory, TARGET)[0], forced, rtol=1e-5), "at 1 every step reads the truth"


@each_cell
def test_learns_to_write_what_it_reads(options):
    torch.manual_seed(0)
    module = Sequence(12, SIZES, hidden=32, heads=2, dropout=0.0, beams=2, **options).train()
    table, length = torch.randn(12, 12), 3 if options.get("attention", True) else 2  # without, two ends are seen
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-2)
    random = torch.Generator().manual_seed(2)

    def batch(rows: int) -> tuple[Stream, torch.Tensor]:
        words = torch.randint(2, 12, (rows, length), generator=random)
        places = torch.eye(12)[:length] * 2
        return Stream(table[words] + places), torch.nn.functional.pad(words, (0, 1))

    for _ in range(250):
        total, count = module.loss(*batch(64))
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
    memory, target = batch(50)
    ids = module.eval().predict(memory)["ids"]
    ids = torch.nn.functional.pad(ids, (0, 8 - ids.shape[1]), value=-1)
    right = (ids[:, :length] == target[:, :length]).all(1) & (ids[:, length] == -1)
    assert right.float().mean() > 0.9


def test_prediction_is_the_beam_search_of_its_options():
    module, memory = head(beams=3, length_penalty=0.5, max_length=5), stream()
    options = DecodingOptions(max_tokens=5, beams=3, length_penalty=0.5, ends=(0,))
    found = decode(module, module.start(memory), torch.zeros(5, 1, dtype=torch.long), options)
    assert [row[row >= 0].tolist() for row in module.predict(memory)["ids"]] == [one.ids for one in found]
