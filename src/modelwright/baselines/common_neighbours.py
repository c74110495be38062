"""Links from the number of common neighbours."""

from ._links import Counted


class CommonNeighbours(Counted):
    """How many neighbours two nodes have in common."""

    place = 0
