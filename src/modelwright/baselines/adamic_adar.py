"""Links from common neighbours that few others have."""

from ._links import Counted


class AdamicAdar(Counted):
    """The neighbours that two nodes have in common, each counted as one over the logarithm of how many it has itself (Adamic &
    Adar 2003)."""

    place = 1
