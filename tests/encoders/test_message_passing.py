"""Message passing: what it must not see, and that it learns what bonds tell."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

import modelwright as mw
from modelwright.blocks.pooling import Pool
from modelwright.blocks.stream import Source
from modelwright.columns.molecule import Molecule
from modelwright.data.encoding import Encoded
from modelwright.encoders.message_passing import MessagePassing

Chem = pytest.importorskip("rdkit.Chem")
ASPIRIN, CAFFEINE = "CC(=O)Oc1ccccc1C(=O)O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C"


def pooled(cells: list[str], pool: str = "mean") -> torch.Tensor:
    column = Molecule("smiles")
    column.fit(pa.array([ASPIRIN, CAFFEINE]))
    column.finish()
    torch.manual_seed(0)
    encoder = MessagePassing(Source("smiles", "molecule", column.sizes()), width=16, layers=3, pool=pool).eval()
    batch = Encoded({"smiles": column.encode(pa.array(cells))}, {}, len(cells)).batch(np.arange(len(cells)))
    torch.manual_seed(1)
    with torch.no_grad():
        return Pool(pool, 16, None)(encoder(batch)).x[:, 0]


@pytest.mark.parametrize("pool", ["mean", "max", "attention"])
def test_the_order_of_the_atoms_changes_nothing(pool):
    molecule = Chem.MolFromSmiles(CAFFEINE)
    turned = [Chem.MolToSmiles(molecule, doRandom=True, canonical=False) for _ in range(20)]
    assert len(set(turned)) > 5
    found = pooled([CAFFEINE, *turned], pool)
    assert torch.allclose(found, found[:1].expand_as(found), atol=1e-5)


def test_other_bonds_between_the_same_atoms_change_the_result():
    found = pooled(["CCCO", "CC(C)O", "COCC", "CC=O", "CCO"])
    assert (torch.cdist(found, found) + 10 * torch.eye(5) > 1e-3).all()


def test_large_molecules_are_told_from_small_ones_by_a_mean():
    found = pooled(["C1CCCCC1", "C1CCCCC1.C1CCCCC1"])  # every atom sees the same in both
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_it_learns_a_property_of_the_graph(tmp_path):
    draw = np.random.default_rng(0)
    parts = ["C", "CC", "C(C)", "C(=O)", "N", "O", "C(F)"]
    cells = ["C" + "".join(draw.choice(parts, draw.integers(1, 6))) + "C" for _ in range(240)]
    double = [cell.count("=O") - cell.count("F") + 0.5 * cell.count("N") for cell in cells]
    recipe = {
        "data": {"smiles": cells, "y": [float(value) + 0.001 * number for number, value in enumerate(double)]},
        "target": "y",
        "columns": {"y": "number"},
        "model": {"encoders": {"smiles": {"kind": "message_passing", "width": 32, "layers": 2, "dropout": 0.0}}},
        "train": {"epochs": 30, "batch": 32, "lr": 5e-3, "speed": "fixed", "threads": 1, "early_stop": 0},
        "baselines": False,
    }
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    assert run.metrics["test"]["y"]["r2"] > 0.9
    again = run.predict([{"smiles": "CC(=O)NC"}, {"smiles": "CNC(C)=O"}, {"smiles": "broken("}])
    assert again["y"][0].as_py() == pytest.approx(again["y"][1].as_py(), abs=1e-4)
    assert "no molecules" in " ".join(run.problems)
