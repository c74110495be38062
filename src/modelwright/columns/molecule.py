"""Molecules: SMILES as graphs of atoms and bonds."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from ..errors import MissingExtra
from . import _parsing, _words
from ._column import Column
from ._ragged import Ragged, offsets_of

UNKNOWN, FIRST = 1, 2
NEIGHBOURS = 6  # bonds of an atom that are kept
# what an atom is besides its element: how many different codes each has
DEGREES, CHARGES, HYDROGENS, SHAPES, AROMATIC, RINGS, HANDS = 8, 6, 6, 7, 2, 9, 4
FEATURES = (DEGREES, CHARGES, HYDROGENS, SHAPES, AROMATIC, RINGS, HANDS)
BONDS = 17  # no bond, then single, double, triple and aromatic ones, conjugated or not, in a ring or not
WIDTH = 1 + len(FEATURES) + 2 * NEIGHBOURS
SIGNS = r"^[A-Za-z0-9@+\-\[\]()=#$:/\\.%*~]+$"
STRUCTURE = r"[(=#\[]|[A-Za-z]\d"
NAMED = r"(?i)smiles|molecul|compound|structure"


class Molecule(Column):
    """A molecule as its atoms, each with its bonds, read from SMILES by RDKit.

    Input: Ragged int32 (atoms, 20). An atom is its element (1 unknown, from 2 on those of training, most frequent first), seven
    codes (bonds, charge, hydrogens, hybridisation, aromatic, size of its smallest ring, handedness), the places in the
    molecule of up to six neighbours, counted from 1 (0: none), and the kinds of the bonds to them. Hydrogens are no atoms of
    their own. A cell that is no molecule is one unknown atom without bonds, and is said.

    Options:
      max_atoms: atoms kept of a molecule
    """

    group = None
    unit = "atoms"
    encoder = "message_passing"
    keeps_places = True
    fitted = ("vocabulary", "longest")
    examples: ClassVar[list[Any]] = ["CCO", "c1ccccc1O", None, "CC(=O)[O-].[Na+]", "C", "N#CC", "F/C=C/Cl", "C1CC"]

    def __init__(self, name: str, target: bool = False, *, max_atoms: Annotated[int, Field(ge=1)] = 250) -> None:
        super().__init__(name, target)
        self.max_atoms = max_atoms
        self.vocabulary: list[str] = []  # elements
        self.longest = 1
        self._seen: Counter[str] = Counter()

    @classmethod
    def recognises(cls, values: pa.ChunkedArray, name: str) -> str:
        """Why the cells are molecules, or "": RDKit reads nearly all of those that look like SMILES with structure in them."""
        if not _parsing.is_text(values.type):
            return ""
        cells = pc.unique(pc.utf8_trim_whitespace(_parsing.strings(values.slice(0, 1000), tokens=False))).drop_null()
        likely = len(cells) >= 5 and pc.mean(pc.match_substring_regex(cells, SIGNS)).as_py() > 0.95
        if not likely:
            return ""
        named = pc.any(pc.match_substring_regex(pa.array([name]), NAMED)).as_py()
        if pc.mean(pc.match_substring_regex(cells, STRUCTURE)).as_py() < (0.3 if named else 0.6):
            return ""
        try:
            read = [_molecule(cell) is not None for cell in cells.slice(0, 100).to_pylist()]
        except MissingExtra:
            return ""
        return "molecules written as SMILES" if np.mean(read) > 0.9 else ""

    def fit(self, values: pa.Array) -> None:
        for cell in _cells(values):
            molecule = _molecule(cell)
            if molecule is not None:
                self._seen.update(atom.GetSymbol() for atom in molecule.GetAtoms())
                self.longest = max(self.longest, molecule.GetNumAtoms())

    def merge(self, other: Molecule) -> None:
        self._seen.update(other._seen)
        self.longest = max(self.longest, other.longest)

    def finish(self) -> None:
        self.refuse_target("molecules are inputs only.", "Name another target.")
        self.vocabulary = [symbol for symbol, _ in sorted(self._seen.items(), key=lambda item: (-item[1], item[0]))]
        self.longest = min(self.longest, self.max_atoms)

    def encode(self, values: pa.Array) -> Ragged:
        codes = {symbol: FIRST + place for place, symbol in enumerate(self.vocabulary)}
        rows, wrong, cut = [], [], 0
        for number, cell in enumerate(_cells(values)):
            molecule = _molecule(cell)
            if molecule is None or not molecule.GetNumAtoms():
                wrong.append((number, cell))
                rows.append(_nothing())
                continue
            rows.append(_atoms(molecule, codes)[: self.max_atoms])
            if molecule.GetNumAtoms() > self.max_atoms:
                neighbours = rows[-1][:, 1 + len(FEATURES) : -NEIGHBOURS]
                rows[-1][:, -NEIGHBOURS:][neighbours > self.max_atoms] = 0
                neighbours[neighbours > self.max_atoms] = 0
                cut += 1
        if wrong:
            number, cell = wrong[0]
            first = f"the first is {cell[:40]!r} in row {number}"
            self.note(f"{len(wrong)} cells are no molecules and count as one unknown atom ({first}).")
        if cut:
            self.note(f"{cut} molecules have more than max_atoms ({self.max_atoms}) and are cut.")
        flat = np.concatenate(rows) if rows else np.zeros((0, WIDTH), np.int32)
        return Ragged(flat, offsets_of(np.array([len(row) for row in rows], np.int64)))

    def spelled(self, values: pa.Array) -> list[list[str]]:
        """The element of each atom that `encode` gives; "" for what is no molecule."""
        found = []
        for cell in _cells(values):
            molecule = _molecule(cell)
            atoms = [] if molecule is None else [atom.GetSymbol() for atom in molecule.GetAtoms()]
            found.append(atoms[: self.max_atoms] or [""])
        return found

    def summary(self, rows: Ragged) -> np.ndarray:
        """(N, D) float32: how many atoms of each element a molecule has, atoms, hydrogens, aromatic, in rings and charged ones, and
        bonds of each kind, for what reads no graphs."""
        owner = np.repeat(np.arange(len(rows)), rows.lengths)
        first, atoms = len(FEATURES) + 1, rows.values
        bonds = atoms[:, first + NEIGHBOURS :]
        shares = [
            np.eye(FIRST + len(self.vocabulary), dtype=np.float32)[atoms[:, 0]],
            np.stack(
                [
                    np.ones(len(atoms)),
                    atoms[:, 3],
                    atoms[:, 5],
                    atoms[:, 6] > 0,
                    (atoms[:, 2] != 3) & (atoms[:, 0] != UNKNOWN),
                ],
                1,
            ),
            np.stack([(bonds == kind).sum(1) / 2 for kind in range(1, BONDS)], 1),
        ]
        found = np.zeros((len(rows), sum(part.shape[1] for part in shares)), np.float32)
        np.add.at(found, owner, np.concatenate(shares, 1).astype(np.float32))
        return found

    def sizes(self) -> dict[str, Any]:
        """`vocabulary`: codes of elements; `features`: codes of each other property of an atom; `neighbours`, `bonds`: places for
        bonds and codes of their kinds; `length`: atoms of the largest training molecule; `absent`: the values of an atom that
        is taken out, -1 where they stay."""
        return {
            "vocabulary": FIRST + len(self.vocabulary),
            "features": list(FEATURES),
            "neighbours": NEIGHBOURS,
            "bonds": BONDS,
            "length": self.longest,
            "absent": [UNKNOWN] + [0] * len(FEATURES) + [-1] * 2 * NEIGHBOURS,
        }


def _cells(values: pa.Array) -> list[str]:
    return [cell.strip() for cell in _words.cleaned(values, False).to_pylist()]


def _molecule(cell: str) -> Any:
    """RDKit's molecule, None where the cell is no valid SMILES. Raises MissingExtra."""
    try:
        from rdkit import Chem, rdBase
    except ImportError:
        raise MissingExtra("rdkit", "chemistry") from None
    with rdBase.BlockLogs():  # what is wrong is told by the column
        return Chem.MolFromSmiles(cell) if cell and "\0" not in cell else None


def _nothing() -> np.ndarray:
    row = np.zeros((1, WIDTH), np.int32)
    row[0, 0] = UNKNOWN
    return row


def _atoms(molecule: Any, codes: dict[str, int]) -> np.ndarray:
    """(atoms, WIDTH) codes of every atom and its bonds."""
    rings, found = molecule.GetRingInfo(), np.zeros((molecule.GetNumAtoms(), WIDTH), np.int32)
    for place, atom in enumerate(molecule.GetAtoms()):
        values = (
            atom.GetDegree(),
            atom.GetFormalCharge() + 3,
            atom.GetTotalNumHs(),
            int(atom.GetHybridization()),
            int(atom.GetIsAromatic()),
            rings.MinAtomRingSize(place),
            int(atom.GetChiralTag()),
        )
        found[place, 0] = codes.get(atom.GetSymbol(), UNKNOWN)
        found[place, 1 : 1 + len(FEATURES)] = [min(max(v, 0), size - 1) for v, size in zip(values, FEATURES)]
        for number, bond in enumerate(list(atom.GetBonds())[:NEIGHBOURS]):
            found[place, 1 + len(FEATURES) + number] = bond.GetOtherAtomIdx(place) + 1
            found[place, 1 + len(FEATURES) + NEIGHBOURS + number] = _bond(bond)
    return found


def _bond(bond: Any) -> int:
    order = {1.0: 0, 2.0: 1, 3.0: 2, 1.5: 3}.get(bond.GetBondTypeAsDouble(), 0)
    return 1 + 4 * order + 2 * int(bond.GetIsConjugated()) + int(bond.IsInRing())
