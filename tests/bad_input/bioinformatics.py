"""Sequences and molecules that are none, do not fit their tags, or lie in broken files."""

from __future__ import annotations

import json

from ._case import QUICK, Case

OUT = f"{QUICK} --out r"
BASES = ["ACGTACGTAC", "TTGACAGGCA", "GGGTTTACAC", "CATCATCATG"]
TABLE = "sequence,y\n" + "".join(f"{BASES[i % 4]}{'ACGT'[i // 4 % 4]},{'pq'[i % 2]}\n" for i in range(40))
STRANGE = TABLE.replace("CATCATCATGA", "CAT?ATCATG5", 1).replace("GGGTTTACACC,p", ",p", 1)
MOLECULES = "smiles,y\n" + "".join(
    f"{['CCO', 'C(=O)N', 'c1ccccc1', 'CC(C)C'][i % 4]},{i % 7 + i / 9}\n" for i in range(40)
)
DNA = "columns: {sequence: {kind: biosequence}}\n"
PAIRS = [("MKVLA", ["H", "H", "C", "C", "C"]), ("MKV", ["C", "C", "H"])] * 10
LINES = [{"sequence": s, "tags": t} for s, t in [*PAIRS[:7], ("MKVL", ["H", "C"]), *PAIRS]]
FASTA = "".join(f">p{i}\n{BASES[i % 4]}\n" for i in range(30))

CASES = [
    Case(
        "letters outside the alphabet and an empty sequence",
        "check recipe.yaml",
        "2 letters are not of the dna alphabet and count as unknown (the",
        0,
        recipe="data: data.csv\ntarget: y\ncolumns: {sequence: {kind: biosequence, alphabet: dna}}\n",
        files={"data.csv": STRANGE},
    ),
    Case(
        "an empty sequence",
        "check recipe.yaml",
        "1 cells hold no sequence; each is read as one unknown letter.",
        0,
        recipe="data: data.csv\ntarget: y\n" + DNA,
        files={"data.csv": STRANGE},
    ),
    Case(
        "an alphabet that is not known",
        f"train recipe.yaml {OUT}",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:41: columns.sequence.alphabet: expected 'auto', 'dna', 'rna', 'protein' "
        "or 'smiles', given 'klingon'.",
        recipe="data: data.csv\ntarget: y\ncolumns: {sequence: {kind: biosequence, alphabet: klingon}}\n",
        files={"data.csv": TABLE},
    ),
    Case(
        "a sequence as the target",
        f"train recipe.yaml {OUT}",
        "error: data: target 'sequence': sequences are inputs only. Give it another kind, or name another target.",
        recipe="data: data.csv\ntarget: sequence\n" + DNA,
        files={"data.csv": TABLE},
    ),
    Case(
        "fewer tags than letters",
        f"train data.jsonl --target tags columns.sequence=biosequence {OUT}",
        "error: data, row 7: 'sequence' has 4 tokens and 'tags' 2 items. Give the text as a list of its tokens, or set its tokenizer.",
        files={"data.jsonl": "".join(json.dumps(line) + "\n" for line in LINES)},
    ),
    Case(
        "a perceptron on sequences of different lengths",
        f"train recipe.yaml {OUT}",
        "error: 1 mistake in the recipe:\n  recipe.yaml:4:20: model.encoders.sequence: a flat encoder cannot read text. Choose bag, cnn, rnn or transformer for text.",
        recipe="data: data.csv\ntarget: y\n" + DNA + "model: {encoders: {sequence: mlp}}\n",
        files={"data.csv": TABLE.replace("CATCATCATGA", "CATCAT")},
    ),
    Case(
        "SMILES that are no molecules",
        "check recipe.yaml",
        "cells are no molecules and count as one unknown atom (the first is 'C1CC(' in",
        0,
        recipe="data: data.csv\ntarget: y\ncolumns: {smiles: molecule}\n",
        files={"data.csv": MOLECULES.replace("CCO", "C1CC(", 1)},
    ),
    Case(
        "a molecule read by another encoder",
        f"train recipe.yaml {OUT}",
        "error: 1 mistake in the recipe:\n  recipe.yaml:4:20: model.encoders.smiles: rnn does not read molecule, only text, image, vector, series.",
        recipe="data: data.csv\ntarget: y\ncolumns: {smiles: molecule}\nmodel: {encoders: {smiles: rnn}}\n",
        files={"data.csv": MOLECULES},
    ),
    Case(
        "letters above the first header",
        f"train data.fasta --target name {OUT}",
        "error: data.fasta:1: expected a header that begins with >, found 'ACGT'. Write >NAME above each sequence.",
        files={"data.fasta": "ACGT\n" + FASTA},
    ),
    Case(
        "a header without a name",
        f"train data.fasta --target name {OUT}",
        "error: data.fasta:3: a header without a name. Write >NAME above each sequence.",
        files={"data.fasta": ">a\nACGT\n>\nACGT\n"},
    ),
    Case(
        "an empty FASTA file",
        f"train data.fasta --target name {OUT}",
        "error: data.fasta: there is no sequence in the file.",
        files={"data.fasta": ""},
    ),
    Case(
        "tags of another length in a file beside",
        f"train recipe.yaml {OUT}",
        "error: t.fasta: 'p0' has 10 letters and 3 signs here. There must be one for each letter.",
        recipe="data: {sequences: data.fasta, tags: t.fasta}\n",
        files={"data.fasta": FASTA, "t.fasta": FASTA.replace(BASES[0], "HHC")},
    ),
    Case(
        "columns to join that are not there",
        f"train recipe.yaml {OUT}",
        "error: column 'base*': no column has such a name. There are sequence, y.",
        recipe='data: {sequences: data.csv, join: "base*"}\ntarget: y\n',
        files={"data.csv": TABLE},
    ),
]
