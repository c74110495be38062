"""GCN, GAT and GraphSAGE against dense formulas, and what they share: pairs, unknown nodes, parts left out, drawn neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modelwright import parts
from modelwright.blocks.stream import Source
from modelwright.checks import check_encoder
from modelwright.columns._graph import Graph
from modelwright.columns._ragged import Ragged
from modelwright.columns.node import MOST
from modelwright.errors import UserError

NODES, FEATURES = 12, 5
RANDOM = np.random.default_rng(0)
X = RANDOM.random((NODES, FEATURES)) * (RANDOM.random((NODES, FEATURES)) < 0.5)
EDGES = np.array([pair for pair in RANDOM.integers(0, NODES - 1, (20, 2)) if pair[0] != pair[1]])  # the last is alone
A = np.zeros((NODES, NODES))
A[EDGES[:, 0], EDGES[:, 1]] = A[EDGES[:, 1], EDGES[:, 0]] = 1
SPARSE = (
    Ragged.of([np.flatnonzero(row).tolist() for row in X]),
    np.concatenate([row[row != 0] for row in X]).astype(np.float32),
)
GRAPH = Graph.of([str(n) for n in range(NODES)], EDGES, SPARSE, [f"f{n}" for n in range(FEATURES)])
ALL = torch.arange(1, NODES + 1)[:, None]


def built(kind: str, size: int = 1, **options):
    torch.manual_seed(0)
    sizes = {"size": size, "places": MOST, "graph": GRAPH.packed()}
    return parts.build("encoders", {"kind": kind, **options}, Source("node", "node", sizes)).eval()


def run(encoder, nodes, **more):
    return encoder({"node": torch.as_tensor(nodes), **more}).x[:, 0].detach().numpy()


def dense(layer) -> np.ndarray:
    return getattr(layer, "table", layer).weight.detach().numpy().T


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["gcn", "gat", "sage"])
def test_contract(kind):
    check_encoder(parts.find("encoders", kind), hidden=(6, 4))


@pytest.mark.parametrize(("steps", "restart"), [(1, 0.0), (3, 0.2)])
def test_gcn_is_the_formula_of_kipf_and_welling(steps, restart):
    encoder = built("gcn", hidden=(6, 4), steps=steps, restart=restart)
    loops = A + np.eye(NODES)
    scale = 1 / np.sqrt(loops.sum(1))
    smooth = scale[:, None] * loops * scale
    h = X
    for layer in encoder.layers:
        torch.nn.init.normal_(layer.bias)
        h = np.maximum(smooth @ h @ dense(layer.project) + layer.bias.detach().numpy(), 0)
    begin = h
    for _ in range(steps):
        h = (1 - restart) * smooth @ h + restart * begin
    close(run(encoder, ALL), h)


def test_gat_is_the_formula_of_velickovic():
    encoder = built("gat", hidden=(3,), heads=2)

    def mixed(h, mix):
        heads = np.split(h, mix.heads, 1)
        out = []
        for z, hears, tells in zip(heads, mix.hears.detach().numpy(), mix.tells.detach().numpy()):
            scores = (z @ hears)[:, None] + (z @ tells)[None]
            scores = np.where(A + np.eye(NODES) > 0, np.where(scores > 0, scores, 0.2 * scores), -np.inf)
            shares = np.exp(scores - scores.max(1, keepdims=True))
            out.append(shares / shares.sum(1, keepdims=True) @ z)
        return np.concatenate(out, 1)

    layer = encoder.layers[0]
    h = mixed(X @ dense(layer.project), layer.mix) + layer.bias.detach().numpy()
    close(run(encoder, ALL), mixed(np.where(h > 0, h, np.expm1(h)), encoder.last))


def test_sage_is_the_formula_of_hamilton_where_all_are_heard():
    encoder = built("sage", hidden=(6, 4))
    h = X
    for layer in (*encoder.layers, encoder.last):
        near = A @ h / np.maximum(A.sum(1, keepdims=True), 1)
        h = h @ dense(layer.own) + near @ dense(layer.others) + layer.bias.detach().numpy()
        h = h / np.maximum(np.linalg.norm(h, axis=1, keepdims=True), 1e-12)
        h = np.maximum(h, 0) if layer is not encoder.last else h
    close(run(encoder, ALL), h)


def test_sage_hears_all_where_no_node_has_more_than_are_drawn():
    encoder = built("sage", hidden=(6, 4), neighbours=(NODES, NODES), dropout=0.0)
    expected = run(encoder, ALL)
    close(run(encoder.train(), ALL), expected)


def test_sage_draws_neighbours_from_torchs_generator():
    encoder = built("sage", hidden=(6, 4), neighbours=(1, 1), dropout=0.0).train()
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(run(encoder, ALL))
    assert (found[0] == found[1]).all() and not np.allclose(found[0], found[2])
    torch.manual_seed(0)
    drawn, there = encoder.nodes.drawn(ALL[:, 0], 2)
    for node, row, present in zip(range(NODES), drawn.numpy(), there.numpy()):
        assert set(row[present] - 1) <= set(np.flatnonzero(A[node])) and present.sum() == min(A[node].sum(), 2)


def test_sage_needs_a_count_for_each_layer():
    with pytest.raises(UserError, match="2 layers draw 1 times"):
        built("sage", neighbours=(5,))


@pytest.mark.parametrize("kind", ["gcn", "gat", "sage"])
def test_a_pair_is_the_product_whatever_its_order(kind):
    encoder, single = built(kind, size=2), run(built(kind), ALL)
    close(run(encoder, [[1, 3], [3, 1]]), [single[0] * single[2]] * 2)


@pytest.mark.parametrize("kind", ["gcn", "gat", "sage"])
def test_an_unknown_node_is_one_without_anything(kind):
    encoder = built(kind)
    for weight in encoder.parameters():
        torch.nn.init.normal_(weight)
    empty = [torch.zeros(1, 2 * MOST)]
    close(run(encoder, [[0]]), run(encoder, [[NODES]], **{"node.parts": empty[0]}))


@pytest.mark.parametrize("kind", ["gcn", "gat", "sage"])
def test_parts_that_are_left_out_change_the_node_and_all_of_them_nothing(kind):
    encoder, whole = built(kind), torch.ones(NODES, 2 * MOST)
    close(run(encoder, ALL, **{"node.parts": whole}), run(encoder, ALL))
    node = int(A.sum(1).argmax())
    for place in (0, MOST):  # its first feature, its first neighbour
        less = whole.clone()
        less[node, place] = 0
        changed = np.abs(run(encoder, ALL, **{"node.parts": less}) - run(encoder, ALL)).max(1) > 1e-6
        assert changed.tolist() == [n == node for n in range(NODES)]
