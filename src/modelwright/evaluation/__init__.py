"""What there is to say about a model: blocks for its predictions, its training, its rank, and advice."""

from ._advice import advice
from ._comparison import flops, leaderboard
from ._decisions import outside_block
from ._mistakes import Examples, brightened, picture, raw_rows
from ._numbers import slices
from ._reconstructions import reconstruction_blocks
from ._targets import NAMES, blocks, cost_scores
from ._training import learning_curves

__all__ = [
    "NAMES",
    "Examples",
    "advice",
    "blocks",
    "brightened",
    "cost_scores",
    "flops",
    "leaderboard",
    "learning_curves",
    "outside_block",
    "picture",
    "raw_rows",
    "reconstruction_blocks",
    "slices",
]
