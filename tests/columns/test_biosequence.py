"""Letters of alphabets: what is the same letter, what stands for several, what is said of strange cells."""

from __future__ import annotations

import pyarrow as pa
import pytest

from modelwright.columns import infer
from modelwright.columns.biosequence import Biosequence
from modelwright.errors import DataError


def fitted(cells, **options) -> Biosequence:
    column = Biosequence("sequence", **options)
    column.fit(pa.array(cells))
    column.finish()
    return column


def rows(column, cells) -> list[list[int]]:
    encoded = column.encode(pa.array(cells))
    return [encoded.row(number).tolist() for number in range(len(encoded))]


def test_case_blanks_and_the_other_alphabet_s_letter_are_the_same():
    column = fitted(["ACGT", "TTGA"], alphabet="dna")
    assert rows(column, ["ACGT-", "a c\ngt.", "ACGU-"]) == [[2, 3, 4, 5, 6]] * 3
    assert rows(fitted(["ACGU"], alphabet="rna"), ["ACGU", "ACGT"]) == [[2, 3, 4, 5]] * 2
    assert rows(fitted(["AC-T"], alphabet="dna", gaps="drop"), ["A-C.G"]) == [[2, 3, 4]]


@pytest.mark.parametrize(
    ("cells", "alphabet"),
    [
        (["ACGT", "acgn"], "dna"),
        (["ACGU", "UUGA"], "rna"),
        (["MKVLAAGW", "MTEYK"], "protein"),
        (["CC(=O)O", "c1ccccc1"], "smiles"),
    ],
)
def test_the_alphabet_is_told_from_the_letters(cells, alphabet):
    assert fitted(cells).letters == alphabet


def test_a_code_stands_for_the_set_of_its_letters():
    column = fitted(["ACGT"], alphabet="dna")
    ids = {letter: place + 2 for place, letter in enumerate(column.vocabulary)}
    sets = {one: set(members) for one, members in column.sizes()["sets"]}
    named = {code: "".join(sorted(letter for letter in "ACGT" if ids[letter] in sets[ids[code]])) for code in "NRSD"}
    assert named == {"N": "ACGT", "R": "AG", "S": "CG", "D": "AGT"}
    protein = fitted(["MKV"], alphabet="protein")
    ids = {letter: place + 2 for place, letter in enumerate(protein.vocabulary)}
    assert [ids["D"], ids["N"]] in [members for one, members in protein.sizes()["sets"] if one == ids["B"]]


def test_a_strange_letter_is_unknown_and_said():
    column = fitted(["ACGT", "ACGA"], alphabet="dna")
    assert rows(column, ["ACGT", "A?EZ", "", None]) == [[2, 3, 4, 5], [2, 1, 1, 1], [1], [1]]
    assert column.problems == [
        "column 'sequence': 3 letters are not of the dna alphabet and count as unknown (the first is '?' in row 1).",
        "column 'sequence': 2 cells hold no sequence; each is read as one unknown letter.",
    ]


def test_long_sequences_are_cut_and_said():
    column = fitted(["ACGT"], alphabet="dna", max_length=3)
    assert rows(column, ["ACGT", "AC", "GGGGG"]) == [[2, 3, 4], [2, 3], [4, 4, 4]]
    assert column.problems == ["column 'sequence': 2 sequences are longer than max_length (3) and cut."]


def test_places_that_differ_are_known_where_rows_have_one_length():
    assert fitted(["ACGT", "ACGA", "TCGA"], alphabet="dna").sizes()["sites"] == [0, 3]
    assert fitted(["ACGT", "ACG"], alphabet="dna").sizes()["sites"] == []


def test_smiles_are_cut_into_atoms_and_bonds():
    column = fitted(["CC(=O)Cl", "c1ccc[nH]1", "C%12CC%12Br"], alphabet="smiles")
    assert column.spelled(pa.array(["CCl", "c1[nH]c1", "C%12=O"])) == [
        ["C", "Cl"],
        ["c", "1", "[nH]", "c", "1"],
        ["C", "%12", "=", "O"],
    ]


def test_a_sequence_is_no_target():
    with pytest.raises(DataError, match=r"target 'sequence'.*sequences are inputs only"):
        column = Biosequence("sequence", target=True)
        column.fit(pa.array(["ACGT"]))
        column.finish()


@pytest.mark.parametrize(
    ("cells", "kind", "reason"),
    [
        (["ACGTTGCAAC", "GGGTTTACAC", "ttagacnnca"], "biosequence", "DNA or RNA: rows of bases"),
        (["MKVLAAGWCDEFMKVLAAGWCDEF", "MTEYKLVVVGAGGVGKSALTIQ"], "biosequence", "proteins: rows of amino acids"),
        (["a red fox and a dog ran", "the blue sun of the moon"], "category", "2 different values"),
        (["GATTACA", "CAT", "TAG"], "category", "3 different values"),
        (["HELLOWORLD", "INTERNATIONAL", "CATEGORICAL"], "category", "3 different values"),
    ],
)
def test_sequences_are_recognised_and_words_are_not(cells, kind, reason):
    table = pa.table({"cell": cells * 10, "y": ["p", "q", "q"][: len(cells)] * 10})
    found = infer(table, ["y"])["cell"]
    assert (found.kind, found.reason) == (kind, reason)
