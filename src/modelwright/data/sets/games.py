"""Positions of board games."""

from __future__ import annotations

from .._stored import Stored
from ..named import Named, arff_table

KR_VS_KP = (
    Stored(
        "games/kr_vs_kp/kr-vs-kp.arff.gz",
        "1b13e5a9a8dc9a8c291a070927e81b776d8d5588c99d2abb8751aff579b5ed19",
        15972,
    ),
)
TIC_TAC_TOE = (
    Stored(
        "games/tic_tac_toe/tic-tac-toe.arff.gz",
        "a6885d936215c9a5bdb6babe077771f7e9a367a5cffe40c1acc0176a43dea962",
        4886,
    ),
)

SETS = (
    Named("kr_vs_kp", "3,196 chess endgames", ("class",), arff_table, KR_VS_KP),
    Named("tic_tac_toe", "958 finished games", ("Class",), arff_table, TIC_TAC_TOE),
)
