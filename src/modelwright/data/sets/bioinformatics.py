"""Sequences and molecules: splice junctions, promoters, proteins and their fitness, secondary structure, solubility."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from .. import _fasta
from .._files import File
from .._stored import Stored
from ..named import Named, Parsed, arff_table, delimited
from ..sequences import joined

FOLDER = "bioinformatics/"
SPLICE = Stored(
    FOLDER + "splice/splice.arff.gz", "b4a594596fc9cbf239419923d16f1d5e53fc4b4c23e8e9b81a3c182ddbd201e3", 100016
)
PROMOTERS = Stored(
    FOLDER + "promoters/promotergene.csv.gz", "f9063d5673416cae34f7a8c303bfb5468eeb4077c6c0af421a126469000bf20e", 2380
)
ECOLI = Stored(
    FOLDER + "ecoli/ecoli.arff",
    "1628f2d06962f257949eb04cd0101a1ce8718d35da52122242f1778ffbaecc5f",
    16142,
    url="https://raw.githubusercontent.com/renatopp/arff-datasets/c59f172882592bb58982cc54d2d3c8a2b57e9b73/classification/ecoli.arff",
)
ESOL = Stored(
    FOLDER + "esol/delaney-processed.csv.gz", "e20e4fdefd71d21f7d58761d54963129674f8b4fddc647c63c18e15af080e112", 31397
)
GB1 = Stored(
    FOLDER + "flip_gb1/splits.zip", "00a3c3d5be56ce35adfbec838db8ff549be369525e151a6978133da34b9fd86f", 1241473
)
STRUCTURE = Stored(
    FOLDER + "flip_secondary_structure/splits.zip",
    "2e9bbbfd18a055bcac7edd4e059a6bf4bb35ca3ad8f8fa4fc3106422652a4726",
    2321037,
)
DNA = {"kind": "biosequence", "alphabet": "dna"}
PROTEIN = {"kind": "biosequence", "alphabet": "protein"}
SOLUBILITY = "measured log solubility in mols per litre"
GB1_SPLITS = {"one": 28, "two": 424, "three": 2_990}  # mutations that are learned from -> rows


def _splice(paths: list[Path]) -> Parsed:
    """Without `Instance_name`, which says the class."""
    table = arff_table(paths, drop=("Instance_name",))[0]
    return joined(table, "attribute_*", "sequence"), None


def _promoters(paths: list[Path]) -> Parsed:
    return joined(delimited(paths)[0], "V*", "sequence"), None


def _gb1(paths: list[Path], *, split: str) -> Parsed:
    """The official split; its validation rows are those of training that are marked so."""
    with File(paths[0], f"splits/{split}.csv").open() as stream:
        table = pa.csv.read_csv(pa.BufferReader(stream.read()))
    part = np.where(np.array(table.column("set").to_pylist()) == "test", 2, 0)
    part[np.array([cell is True for cell in table.column("validation").to_pylist()])] = 1
    found = pa.table({"sequence": table.column("sequence"), "fitness": table.column("target")})
    return found, part.astype(np.int8)


def _structure(paths: list[Path]) -> Parsed:
    """A tag for each residue, none where the mask says that it was not seen."""
    files = [File(paths[0], f"splits/{name}.fasta") for name in ("sequences", "sampled", "mask")]
    table, part = _fasta.tagged(*files)
    return table, part, {"name": {"kind": "drop"}}


def _fitness(number: str, rows: int) -> Named:
    about = f"8,733 variants of a protein, {rows:,} of at most {number} changes to learn from"
    parse = partial(_gb1, split=f"{number}_vs_rest")
    return Named(f"gb1_{number}_vs_rest", about, ("fitness",), parse, (GB1,), columns={"sequence": PROTEIN})


SETS = (
    Named("splice", "3,190 DNA sequences of 60 bases", ("Class",), _splice, (SPLICE,), columns={"sequence": DNA}),
    Named(
        "promoters", "106 DNA sequences of 57 bases", ("Class",), _promoters, (PROMOTERS,), columns={"sequence": DNA}
    ),
    Named("ecoli", "336 proteins and their place", ("class",), arff_table, (ECOLI,)),
    Named(
        "esol",
        "1,128 molecules, solubility",
        (SOLUBILITY,),
        partial(delimited, drop=("ESOL predicted log solubility in mols per litre",)),
        (ESOL,),
        columns={"smiles": {"kind": "molecule"}},
    ),
    *(_fitness(number, rows) for number, rows in GB1_SPLITS.items()),
    Named(
        "secondary_structure",
        "11,156 proteins, helix, strand or coil of each residue",
        ("tags",),
        _structure,
        (STRUCTURE,),
        columns={"sequence": PROTEIN},
    ),
)
