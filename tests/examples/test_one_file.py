"""The files of `examples/one_file` are what they say: short, alone, and the same networks as the library's parts.

They are written from the formulas and share no code with the library. Here both get the same weights and the same data: then
their outputs, losses and gradients must be the same, and so must the losses of the next steps of the same optimiser.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modelwright.blocks.stream import Source
from modelwright.columns import Ragged
from modelwright.columns._graph import Graph
from modelwright.columns._ragged import offsets_of
from modelwright.data.environments import Step
from modelwright.models.assembled import Assembled
from modelwright.models.language import Language
from modelwright.models.policy import Policy
from modelwright.optimizers import momentum
from modelwright.tasks._rollouts import advantage

FOLDER = Path(__file__).parents[2] / "examples" / "one_file"
FILES = sorted(FOLDER.glob("*.py"))


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"one_file_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_short_and_stands_alone(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 200
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    rooms = {name.partition(".")[0] for name in imported}
    assert rooms <= {"torch", "sklearn", "numpy", *sys.stdlib_module_names}
    assert f"python examples/one_file/{path.name}" in ast.get_docstring(ast.parse(text))


SMALL = {  # options that make it short, and what it must reach even so
    "mlp": ({"epochs": 5}, lambda accuracy: accuracy > 0.9),
    "cnn": ({"epochs": 4, "channels": (8, 16), "lr": 0.01}, lambda accuracy: accuracy > 0.85),
    "lstm": ({"steps": 100, "rows": 1000}, lambda found: min(found.values()) > 0.95),
    "transformer": ({"steps": 60, "width": 32, "layers": 1, "lr": 0.01, "written": 5}, lambda nats: nats < 3.0),
    "seq2seq": ({"steps": 30, "hidden": 32, "rows": 500}, lambda right: 0 <= right <= 1),
    "vae": ({"epochs": 10, "hidden": 64}, lambda found: -25.35 < found[0] < found[1] < -15),
    "gcn": ({"seeds": 1, "epochs": 60, "data": ""}, lambda found: found["with the graph"] > found["without it"] + 0.2),
    "ppo": ({"rounds": 5, "episodes": 20}, lambda steps: steps > 40),
}


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_a_file_learns(name, capsys):
    options, reached = SMALL[name]
    found = example(name).main(**options)
    assert reached(found), found
    assert capsys.readouterr().out


def same_gradients(own: dict[str, Tensor], model: nn.Module, names: dict[str, str]) -> None:
    """Every weight of the library's model has the gradient of the example's weight of that name."""
    found = dict(model.named_parameters())
    assert set(names) == set(found)
    for name, other in names.items():
        assert torch.allclose(found[name].grad, own[other], atol=1e-4, rtol=1e-3), name


def copied(example_model: nn.Module, model: nn.Module, names: dict[str, str]) -> None:
    own = dict(example_model.named_parameters())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(own[names[name]])


def both(own: nn.Module, model: nn.Module) -> Callable[[Tensor, Tensor], None]:
    """What takes both losses back through their networks and then makes a step of Adam with each; the gradients stay."""
    optimizers = [torch.optim.Adam([w for w in m.parameters() if w.requires_grad], lr=1e-3) for m in (own, model)]

    def step(loss: Tensor, found: Tensor) -> None:
        for optimizer, value in zip(optimizers, (loss, found), strict=True):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()

    return step


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


def mean_loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return sum(total / count for total, count in model(batch).values())


def pictures(rows: int, side: int = 8) -> Tensor:
    return torch.randint(0, 256, (rows, side, side, 1), dtype=torch.uint8)


def picture_source(side: int = 8) -> Source:
    return Source("image", "image", {"height": side, "width": side, "channels": 1, "mean": [0.0], "deviation": [1.0]})


TEN = {"y": ("category", {"classes": [str(digit) for digit in range(10)]})}


def test_mlp_and_its_gradients_by_hand():
    one = example("mlp")
    own = one.MLP((64, 20, 12, 10), torch.Generator().manual_seed(1))
    config = {"kind": "mlp", "hidden": (20, 12), "dropout": 0.0}
    model = Assembled([picture_source()], TEN, encoders={"image": config})
    layers = [*model.encoders["of_image"].layers, model.head("y").output]
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, weight, bias in zip(linear, own.weights, own.biases, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    mine = one.Momentum(own.parameters, lr=0.1, momentum=0.9)
    theirs = momentum(model, lr=0.1, momentum=0.9, nesterov=False)
    for _ in range(5):
        image, labels = pictures(30), torch.randint(0, 10, (30,))
        logits = own.forward(image.flatten(1) / 255)
        loss, slope = one.cross_entropy(logits, labels)
        steps = own.backward(slope)
        found = mean_loss(model, {"image": image, "target.y": labels})
        theirs.zero_grad()
        found.backward()
        assert torch.allclose(model.head("y").output(model.streams({"image": image})["y"].x)[:, 0], logits, atol=1e-5)
        assert torch.allclose(found, loss, atol=1e-5)
        for layer, weight, bias in zip(linear, steps[:3], steps[3:], strict=True):
            assert torch.allclose(layer.weight.grad, weight, atol=1e-6)
            assert torch.allclose(layer.bias.grad, bias, atol=1e-6)
        mine.step(steps)
        theirs.step()


def test_cnn():
    one = example("cnn")
    own = one.CNN(channels=(4, 6))
    config = {"kind": "cnn", "channels": (4, 6), "kernel": 3, "shrink": 2, "pool": "flatten"}
    model = Assembled([picture_source()], TEN, encoders={"image": config})
    names = {"heads.of_y.output.weight": "output.weight", "heads.of_y.output.bias": "output.bias"}
    for layer in range(2):
        prefix = f"encoders.of_image.layers.{layer}"
        names[f"{prefix}.filter.weight"] = f"convolutions.{layer}.weight"
        names[f"{prefix}.norm.norm.weight"] = f"norms.{layer}.scale"
        names[f"{prefix}.norm.norm.bias"] = f"norms.{layer}.shift"
    copied(own, model, names)
    after_steps(own, model, names, lambda image: own(image.permute(0, 3, 1, 2) / 255))
    own.eval()
    model.eval()  # the running means and variances too
    image = pictures(7)
    expected = own(image.permute(0, 3, 1, 2) / 255).softmax(-1)
    assert torch.allclose(model.predict({"image": image})["y"]["probabilities"], expected, atol=1e-5)


def after_steps(own, model, names, logits_of, steps: int = 4) -> None:
    """The same losses and gradients, step by step of Adam, on pictures of ten classes."""
    step = both(own, model)
    for _ in range(steps):
        image, labels = pictures(40), torch.randint(0, 10, (40,))
        loss = F.cross_entropy(logits_of(image), labels)
        found = mean_loss(model, {"image": image, "target.y": labels})
        assert torch.allclose(found, loss, atol=1e-4)
        step(loss, found)
        same_gradients(gradients(own), model, names)


def words(rows: int, steps: int, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Ids (B, T) padded with 0, and their mask; the first row has all its tokens, the second only one."""
    lengths = torch.randint(1, steps + 1, (rows,))
    lengths[0], lengths[1] = steps, 1
    mask = torch.arange(steps) < lengths[:, None]
    return torch.randint(2, vocabulary, (rows, steps)) * mask, mask


def test_lstm():
    one = example("lstm")
    own = one.Reader(letters=9, width=5, hidden=7, classes=3)
    source = Source("text", "text", {"vocabulary": 9, "length": 12})
    config = {"kind": "rnn", "cell": "lstm", "embedding": 5, "hidden": 7, "pool": "last"}
    model = Assembled([source], {"y": ("category", {"classes": ["a", "b", "c"]})}, encoders={"text": config})
    encoder = model.encoders["of_text"]
    cell = encoder.layers.rightward[0]
    with torch.no_grad():
        own.lstm.b.copy_(torch.randn(28) * 0.3)
        encoder.inputs.table.weight.copy_(own.table.weight)
        cell.weight_ih_l0.copy_(own.lstm.W)
        cell.weight_hh_l0.copy_(own.lstm.U)
        cell.bias_ih_l0.copy_(own.lstm.b)  # torch has two biases that it adds up
        cell.bias_hh_l0.zero_()
        model.head("y").output.load_state_dict(own.output.state_dict())
        cell.bias_hh_l0.requires_grad_(False)
    step = both(own, model)
    for _ in range(3):
        ids, mask = words(20, 12, 9)
        labels = torch.randint(0, 3, (20,))
        loss = F.cross_entropy(own(ids), labels)
        found = mean_loss(model, {"text": ids, "text.mask": mask, "target.y": labels})
        assert torch.allclose(found, loss, atol=1e-5)
        step(loss, found)
    pairs = [
        (encoder.inputs.table.weight, own.table.weight), (cell.weight_ih_l0, own.lstm.W), (cell.weight_hh_l0, own.lstm.U),
        (cell.bias_ih_l0, own.lstm.b), (model.head("y").output.weight, own.output.weight),
    ]  # fmt: skip
    for theirs, mine in pairs:
        assert torch.allclose(theirs.grad, mine.grad, atol=1e-6)


def test_transformer():
    """All of the library's language model, layer by layer."""
    one = example("transformer")
    own = one.Transformer(23, width=16, layers=2, heads=2, hidden=24)
    model = Language(23, preset="qwen3", width=16, layers=2, heads=2, hidden=24, context=12)
    names = {
        "model.embed_tokens.weight": "table.weight",
        "model.norm.weight": "norm.scale",
        "lm_head.weight": "output.weight",
    }
    inside = {
        "input_layernorm.weight": "before_attention.scale", "post_attention_layernorm.weight": "before_dense.scale",
        "self_attn.q_proj.weight": "attention.query.weight", "self_attn.k_proj.weight": "attention.key.weight",
        "self_attn.v_proj.weight": "attention.value.weight", "self_attn.o_proj.weight": "attention.mix.weight",
        "self_attn.q_norm.weight": "attention.query_norm.scale", "self_attn.k_norm.weight": "attention.key_norm.scale",
        "mlp.gate_proj.weight": "dense.gate.weight", "mlp.up_proj.weight": "dense.up.weight",
        "mlp.down_proj.weight": "dense.down.weight",
    }  # fmt: skip
    for layer in range(2):
        names |= {f"model.layers.{layer}.{theirs}": f"blocks.{layer}.{mine}" for theirs, mine in inside.items()}
    with torch.no_grad():
        for weight in own.parameters():  # from scratch its blocks are nothing, which would hide their mistakes
            weight.add_(torch.randn_like(weight) * 0.2)
    copied(own, model, names)
    step = both(own, model)
    for _ in range(3):
        ids = torch.randint(0, 23, (5, 13))
        logits = own(ids[:, :-1])
        assert torch.allclose(model.logits(ids[:, :-1]), logits, atol=1e-4)
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        found = mean_loss(model, {"ids": ids[:, :-1], "labels": ids[:, 1:]})
        assert torch.allclose(found, loss, atol=1e-5)
        step(loss, found)
        same_gradients(gradients(own), model, names)


def seq2seq_pair() -> tuple[nn.Module, Assembled]:
    own = example("seq2seq").Seq2Seq(letters=11, characters=8, hidden=6)
    source = Source("text", "text", {"vocabulary": 11, "length": 9})
    sizes = {"vocabulary": 8, "length": 7, "end": 0, "unknown": 7}
    encoder = {"kind": "rnn", "cell": "lstm", "embedding": 6, "hidden": 6, "bidirectional": True}
    head = {"kind": "sequence", "cell": "lstm", "hidden": 6, "attention": True, "dropout": 0.0}
    model = Assembled([source], {"y": ("text", sizes)}, encoders={"text": encoder}, heads={"y": head})
    read, write = model.encoders["of_text"], model.head("y")
    with torch.no_grad():
        read.inputs.table.weight.copy_(own.encoder.table.weight)
        for layer, ending in ((read.layers.rightward[0], ""), (read.layers.leftward[0], "_reverse")):
            for name, weight in layer.named_parameters():
                weight.copy_(getattr(own.encoder.lstm, name + ending))
        write.table.weight.copy_(own.decoder.table.weight)
        write.bias.copy_(own.decoder.bias.normal_())
        write.decoder.cells.rightward[0].load_state_dict(own.decoder.lstm.state_dict())
        for name in ("begin", "key", "join"):
            getattr(write.decoder, name).load_state_dict(getattr(own.decoder, name).state_dict())
    return own, model


def test_seq2seq():
    own, model = seq2seq_pair()
    step = both(own, model)
    for _ in range(3):
        ids, mask = words(10, 9, 11)
        target = torch.randint(1, 7, (10, 7))
        target[:, -1] = 0
        batch = {"text": ids, "text.mask": mask, "target.y": target}
        logits = own(ids, target)
        loss, found = F.cross_entropy(logits.flatten(0, 1), target.flatten()), mean_loss(model, batch)
        assert torch.allclose(
            model.head("y").logits(model.streams(batch)["y"], target), logits.flatten(0, 1), atol=1e-5
        )
        assert torch.allclose(found, loss, atol=1e-5)
        step(loss, found)
    read, write = model.encoders["of_text"], model.head("y")
    pairs = [
        (read.inputs.table.weight, own.encoder.table.weight),
        (read.layers.leftward[0].weight_hh_l0, own.encoder.lstm.weight_hh_l0_reverse),
        (write.decoder.key.weight, own.decoder.key.weight), (write.decoder.begin.weight, own.decoder.begin.weight),
        (write.decoder.join.weight, own.decoder.join.weight), (write.table.weight, own.decoder.table.weight),
        (write.decoder.cells.rightward[0].weight_hh_l0, own.decoder.lstm.weight_hh_l0),
    ]  # fmt: skip
    for theirs, mine in pairs:
        assert mine.grad.abs().max() > 0
        assert torch.allclose(theirs.grad, mine.grad, atol=1e-6)


def test_seq2seq_writes_the_same():
    own, model = seq2seq_pair()
    with torch.no_grad():
        own.decoder.bias[7] = model.head("y").bias[7] = -1e9  # the library never writes the unknown character
    ids, mask = words(10, 9, 11)
    written, _ = own.write(ids, 7)
    ended = (written == 0).cumsum(1) > 0
    found = model.eval().predict({"text": ids, "text.mask": mask})["y"]["ids"]
    expected = written.masked_fill(ended, -1)[:, : found.shape[1]]
    assert (expected >= 0).any() and torch.equal(found, expected)


def test_vae():
    """Its two losses are the library's terms: `kl` of the gaussian fuse, and the reconstruct head's."""
    own = example("vae").VAE(pixels=64, hidden=12, latents=3)
    source = picture_source()
    model = Assembled(
        [source],
        {"image": ("reconstruct", {"source": source})},
        encoders={"image": {"kind": "mlp", "hidden": (12,), "dropout": 0.0}},
        fuse={"kind": "gaussian", "size": 3},
        heads={"image": {"kind": "reconstruct", "hidden": (12,)}},
    )
    names = {}
    for end in ("weight", "bias"):
        names |= {
            f"encoders.of_image.layers.0.{end}": f"encoder.0.{end}", f"fuse.mean.{end}": f"mean.{end}",
            f"fuse.log_variance.{end}": f"log_variance.{end}", f"heads.of_image.decoder.0.{end}": f"decoder.0.{end}",
            f"heads.of_image.decoder.2.{end}": f"decoder.2.{end}",
        }  # fmt: skip
    copied(own, model, names)
    step = both(own, model.eval())
    for _ in range(3):
        image = (torch.rand(9, 8, 8, 1) < 0.4).byte() * 255
        noise = torch.randn(9, 1, 3, generator=torch.Generator().manual_seed(0))  # what the library draws to evaluate
        rebuilding, kl = own(image.flatten(1) / 255, noise[:, 0])
        terms = model({"image": image})
        assert torch.allclose(terms["image"][0], rebuilding.sum(), rtol=1e-5)
        assert torch.allclose(terms["kl"][0], kl.sum(), rtol=1e-5)
        step((rebuilding + kl).mean(), sum(total / count for total, count in terms.values()))
        same_gradients(gradients(own), model, names)


def test_gcn():
    """The convolutions and the head together are the paper's two layers."""
    one = example("gcn")
    x, labels, edges, learn, _ = one.made(seed=0)
    own = one.GCN(x.shape[1], 16, 4, dropout=0.0)
    adjacency = one.normalised(edges, len(x))
    known = Ragged(x.nonzero()[:, 1].int().numpy(), offsets_of(x.count_nonzero(1).numpy()))
    names = [f"word {number}" for number in range(x.shape[1])]
    ids = [str(node) for node in range(len(x))]
    graph = Graph.of(ids, edges.numpy(), (known, np.ones(len(known.values), np.float32)), names)
    source = Source("node", "node", {"size": 1, "places": 20, "graph": graph.packed()})
    model = Assembled(
        [source],
        {"y": ("category", {"classes": list("abcd")})},
        encoders={"node": {"kind": "gcn", "hidden": (16,), "dropout": 0.0}},
    )
    projection = next(name for name, _ in model.named_parameters() if ".project." in name)  # few features are not 0
    names = {
        projection: "first.weight", "encoders.of_node.layers.0.bias": "biases.0",
        "heads.of_y.output.weight": "second.weight", "heads.of_y.output.bias": "biases.1",
    }  # fmt: skip
    copied(own, model, names)
    step = both(own, model)
    for _ in range(5):
        logits = own(adjacency, x.to_sparse())
        batch = {"node": learn[:, None] + 1, "target.y": labels[learn]}  # node 0 is any that the graph does not have
        loss, found = F.cross_entropy(logits[learn], labels[learn]), mean_loss(model, batch)
        assert torch.allclose(found, loss, atol=1e-5)
        step(loss, found)
        same_gradients(gradients(own), model, names)


def test_ppo():
    """The three terms of the loss, and their gradients."""
    one = example("ppo")
    own = one.Policy(sees=4, actions=2, hidden=8)
    config = {"kind": "mlp", "hidden": (8, 8), "activation": "tanh", "dropout": 0.0, "numbers": "none"}
    targets = {"action": ("category", {"classes": ["0", "1"]}), "return": ("number", {"width": 1})}
    model = Policy([Source("table", "table", {"number": 4})], targets, encoders={"table": config}, clip=0.2)
    names = {}
    for end in ("weight", "bias"):
        for side, net in (("", "actor"), ("critic.", "critic")):
            for layer in (0, 2):
                names[f"{side}encoders.of_table.layers.{layer}.{end}"] = f"{net}.{layer}.{end}"
        names |= {
            f"heads.of_action.output.{end}": f"logits.{end}",
            f"critic.heads.of_return.output.{end}": f"value.{end}",
        }
    with torch.no_grad():
        own.logits.weight.mul_(100)  # begins nearly indifferent, which would hide mistakes
    copied(own, model, names)
    step = both(own, model)
    for _ in range(3):
        seen, actions, advantage, returns = (
            torch.randn(50, 4),
            torch.randint(0, 2, (50,)),
            torch.randn(50),
            torch.randn(50),
        )
        old = -torch.rand(50) - 0.3
        terms = one.losses(*own(seen), actions, old, advantage, returns)
        batch = {"number": seen, "taken": actions, "log_chance": old, "advantage": advantage, "target.return": returns}
        found = {name: total / count for name, (total, count) in model(batch).items()}
        for name, expected in zip(("action", "return", "entropy"), (terms[0], terms[1], -terms[2]), strict=True):
            assert torch.allclose(found[name], expected, atol=1e-5), name
        loss = terms[0] + 0.5 * terms[1] - 0.01 * terms[2]
        step(loss, found["action"] + 0.5 * found["return"] + 0.01 * found["entropy"])
        same_gradients(gradients(own), model, names)


def test_the_advantages_of_ppo():
    one, (steps, carts) = example("ppo"), (30, 5)
    values, rewards, after = torch.randn(steps + 1, carts), torch.randn(steps, carts), torch.randn(steps, carts)
    fell, over = torch.rand(steps, carts) < 0.1, torch.rand(steps, carts) < 0.1
    over &= ~fell
    ended = fell | over
    led_to = torch.where(ended, after, values[1:])
    expected = one.advantages(rewards, values[:-1], led_to, fell, over, discount=0.9, smooth=0.8)
    none = np.zeros(0)
    answers = [Step(r.numpy(), f.numpy(), o.numpy(), none, none, []) for r, f, o in zip(rewards, fell, over)]
    cut = [(a * o).numpy() for a, o in zip(after, over)]
    found = advantage(values.numpy(), answers, cut, 0.9, 0.8)
    assert torch.allclose(torch.from_numpy(found).float(), expected, atol=1e-5)


def test_the_carts_of_ppo_are_those_of_gymnasium():
    gymnasium = pytest.importorskip("gymnasium")
    world, carts = gymnasium.make("CartPole-v1").unwrapped, example("ppo").CartPoles(1)
    world.reset(seed=0)
    fallen = 0
    for step in range(300):
        world.state = carts.state[0].tolist()
        action = torch.randint(0, 2, (1,)) if step % 3 else torch.ones(1, dtype=torch.long)
        expected, _, fell, *_ = world.step(int(action))
        found, _ = carts.step(action)
        assert torch.allclose(carts.last[0].float(), torch.from_numpy(expected), atol=1e-6)
        assert bool(found) == fell
        if fell:
            world.reset()
        fallen += fell
    assert fallen > 5
