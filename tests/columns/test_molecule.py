"""SMILES as graphs: the same molecule in any writing, and what is said of cells that are none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.columns import infer
from modelwright.columns.molecule import FEATURES, NEIGHBOURS, Molecule

pytest.importorskip("rdkit")
SMILES = ["CCO", "c1ccccc1O", "CC(=O)[O-].[Na+]", "N#CC", "F/C=C/Cl", "CC(C)C", "C1CCC1", "CN"]


def fitted(cells, **options) -> Molecule:
    column = Molecule("smiles", **options)
    column.fit(pa.array(cells))
    column.finish()
    return column


def test_atoms_and_bonds_are_those_of_the_molecule():
    column = fitted(SMILES)
    atoms = column.encode(pa.array(["CC=O"])).row(0)
    elements = [column.vocabulary[code - 2] for code in atoms[:, 0]]
    assert elements == ["C", "C", "O"]
    places = atoms[:, 1 + len(FEATURES) : -NEIGHBOURS]
    assert [sorted(row[row > 0].tolist()) for row in places] == [[2], [1, 3], [2]]
    kinds = {
        (row, int(place)): int(kind)
        for row, line in enumerate(atoms)
        for place, kind in zip(line[8:14], line[14:])
        if place
    }
    assert (
        kinds[0, 2] == kinds[1, 1] != kinds[1, 3] == kinds[2, 2]
    )  # a single bond, a double one, the same from both ends


def test_what_is_no_molecule_is_one_unknown_atom_and_said():
    column = fitted(SMILES)
    encoded = column.encode(pa.array(["CCO", "C1CC", "", None, "not smiles", "[Xe]"]))
    assert encoded.lengths.tolist() == [3, 1, 1, 1, 1, 1]
    assert (encoded.values[3:, 0] == 1).all() and not encoded.values[3:7, 1:].any()
    (problem,) = column.problems
    assert (
        problem
        == "column 'smiles': 4 cells are no molecules and count as one unknown atom (the first is 'C1CC' in row 1)."
    )


def test_a_large_molecule_is_cut_with_the_bonds_that_lead_out():
    column = fitted(SMILES, max_atoms=4)
    atoms = column.encode(pa.array(["CCCCCC"])).row(0)
    places = atoms[:, 1 + len(FEATURES) : -NEIGHBOURS]
    assert len(atoms) == 4 and places.max() == 4
    assert ((places > 0) == (atoms[:, -NEIGHBOURS:] > 0)).all()
    assert "1 molecules have more than max_atoms (4) and are cut." in column.problems[0]


def test_parts_that_are_not_bonded_stay_apart():
    atoms = fitted(SMILES).encode(pa.array(["[Na+].[Cl-]"])).row(0)
    assert len(atoms) == 2 and not atoms[:, 1 + len(FEATURES) :].any()


def test_smiles_are_recognised_and_codes_are_not():
    draw = np.random.default_rng(0)
    y = pa.array(draw.normal(size=40))
    assert infer(pa.table({"drug": SMILES * 5, "y": y}), ["y"])["drug"].kind == "molecule"
    codes = [f"C{number}" for number in range(40)]
    assert infer(pa.table({"drug": codes, "y": y}), ["y"])["drug"].kind == "drop"
    assert (
        infer(pa.table({"f": ["f(x)=1", "g(y)=2", "h(z)=3", "u(v)=4", "w(x)=5"] * 8, "y": y}), ["y"])["f"].kind
        == "category"
    )
