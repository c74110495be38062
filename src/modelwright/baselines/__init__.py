"""Classical methods fitted beside every model, in the same table of results."""

from ._budget import Budget, run
from ._features import Features

DEFAULTS = ("majority", "linear", "tree", "svm", "boosting")

__all__ = ["DEFAULTS", "Budget", "Features", "run"]
