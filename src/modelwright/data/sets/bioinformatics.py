"""Sequences, proteins and molecules."""

from __future__ import annotations

from functools import partial

from .._stored import Stored
from ..named import Named, arff_table, delimited

SPLICE = (
    Stored(
        "bioinformatics/splice/splice.arff.gz",
        "b4a594596fc9cbf239419923d16f1d5e53fc4b4c23e8e9b81a3c182ddbd201e3",
        100016,
    ),
)
PROMOTERS = (
    Stored(
        "bioinformatics/promoters/promotergene.csv.gz",
        "f9063d5673416cae34f7a8c303bfb5468eeb4077c6c0af421a126469000bf20e",
        2380,
    ),
)
ECOLI = (
    Stored(
        "bioinformatics/ecoli/ecoli.arff",
        "1628f2d06962f257949eb04cd0101a1ce8718d35da52122242f1778ffbaecc5f",
        16142,
        url="https://raw.githubusercontent.com/renatopp/arff-datasets/c59f172882592bb58982cc54d2d3c8a2b57e9b73/classification/ecoli.arff",
    ),
)
ESOL = (
    Stored(
        "bioinformatics/esol/delaney-processed.csv.gz",
        "e20e4fdefd71d21f7d58761d54963129674f8b4fddc647c63c18e15af080e112",
        31397,
    ),
)
SOLUBILITY = "measured log solubility in mols per litre"

_splice = partial(arff_table, drop=("Instance_name",))
_esol = partial(delimited, drop=("ESOL predicted log solubility in mols per litre",))

SETS = (
    Named("splice", "3,190 DNA sequences of 60 bases", ("Class",), _splice, SPLICE),
    Named("promoters", "106 DNA sequences of 57 bases", ("Class",), delimited, PROMOTERS),
    Named("ecoli", "336 proteins and their place", ("class",), arff_table, ECOLI),
    Named("esol", "1,128 molecules, solubility", (SOLUBILITY,), _esol, ESOL),
)
