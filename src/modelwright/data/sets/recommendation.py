"""What people took and how they liked it: films, cosmetics, games."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc

from .. import _actions, _csv
from .._files import File
from .._stored import Stored
from ..named import Named, Parsed

_FOLDER = "recommenders/"
MOVIELENS = (
    Stored(
        f"{_FOLDER}ml-latest-small/ratings.csv.gz",
        "fe2a96b038f18d014def319a542ef58a938049eba8050c0b2c59df0f187a9dd3",
        684198,
    ),
    Stored(
        f"{_FOLDER}ml-latest-small/movies.csv.gz",
        "53002de2bfa2a3dbca4196c357dfcc1b3e1bc4b37c1b2df3771618af0f8946bf",
        166561,
    ),
)
BEAUTY = (
    Stored(
        f"{_FOLDER}amazon_beauty/Beauty.txt.gz",
        "d90327e98288647f5bae59c0dba82e153af2d940eafb7540f4b05185e108d0fe",
        455497,
    ),
)
GAMES = (
    Stored(
        f"{_FOLDER}amazon_video_games/Video.txt.gz",
        "d1d700c3a1d5cf3f5c3b0a108c61179c5f24114f15d665e49b8ed6a53e463712",
        1012200,
    ),
)


def _in_order(paths: list[Path]) -> Parsed:
    return _actions.read(File(paths[0])), None


def _movielens(paths: list[Path]) -> Parsed:
    """Each rating with its film's title and genres. An address that was pasted into a time stamp is cut out again."""
    ratings, films = (_csv.read(File(path), {})[0] for path in paths)
    place = pc.index_in(ratings.column("movieId"), films.column("movieId"))
    for name in ("title", "genres"):
        ratings = ratings.append_column(name, films.column(name).take(place))
    times = pc.replace_substring_regex(ratings.column("timestamp"), r" https://\S*ml-latest-small", "")
    return ratings.set_column(3, "timestamp", times), None


_PASTED = ("One time stamp of the file (user 5, film 39) has an address pasted into it, which is cut out.",)
_RATINGS = {
    "userId": {"kind": "category"},
    "movieId": {"kind": "category"},
    "rating": {"kind": "number"},
    "timestamp": {"kind": "drop"},
    "title": {"kind": "drop"},
    "genres": {"kind": "drop"},
}
SETS = (
    Named("movielens", "100,836 ratings of 9,724 films", ("rating",), _movielens, MOVIELENS, _PASTED, _RATINGS),
    Named("amazon_beauty", "198,502 purchases of cosmetics, in time order", (), _in_order, BEAUTY),
    Named("amazon_video_games", "287,107 purchases of video games, in time order", (), _in_order, GAMES),
)
