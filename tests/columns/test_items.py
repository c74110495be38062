"""Items: ids that two columns share, lists and text, and how high the true ones stand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import hypergeom

from modelwright import checks
from modelwright.columns import Ragged, _ranking
from modelwright.columns.items import Items
from modelwright.data.encoding import fit
from modelwright.errors import DataError


def fitted(cells: list, target: bool = False, **options) -> Items:
    column = Items("history", target, **options)
    column.fit(pa.array(cells))
    column.finish()
    return column


def test_it_keeps_the_contract():
    assert checks.check_column(Items)


def test_lists_text_and_numbers_are_the_same_items():
    column = fitted([[1, 2, 3], [3, 2]])
    for cells in ([[3, 2, 1]], ["3 2 1"], ["3|2|1"], ["3, 2, 1"], ["[3, 2, 1]"], [["3", "2", "1"]], [[3.0, 2.0, 1.0]]):
        assert column.encode(pa.array(cells)).values.tolist() == [3, 2, 4]  # most frequent first, then by name


def test_the_end_of_a_row_is_kept_and_no_row_is_empty():
    column = fitted([["a", "b", "c"], ["a"]], max_length=2)
    found = column.encode(pa.array([["a", "b", "c"], [], None, ["new", "a"], [None]]))
    assert found.lengths.tolist() == [2, 1, 1, 2, 1]
    assert found.values.tolist() == [3, 4, 1, 1, 1, 2, 1]
    assert column.spelled(pa.array([["a", "b", "c"]])) == [["b", "c"]]


def test_a_target_has_the_ids_of_the_column_it_shares():
    history, following = Items("history"), Items("next", True, shares="history")
    table = pa.table({"history": [["a", "b"]], "next": [["b", "c"]]})
    fit(table, {"history": history, "next": following})
    assert history.vocabulary == ["b", "a", "c"]  # both have seen all
    following.restore(history.state())
    assert following.encode(pa.array([["c", "?"], [], ["zzz"]])).values.tolist() == [4, 1]


def test_a_target_needs_two_items():
    with pytest.raises(DataError, match="has 1 items"):
        fitted([["a"], ["a"]], target=True)


def test_predictions_are_lists_of_items_in_their_type():
    column = fitted([[10, 20], [20]], target=True)
    assert column.decode({"ids": np.array([[2, 3, -1], [-1, -1, -1]])})[""].to_pylist() == [[20, 10], []]
    assert column.truth(Ragged.of([[2, 3], [], [1]])).tolist() == [3, -1, 1]


def test_scores_by_hand():
    truth = np.array([5, 6, 7, 1, -1])
    predicted = {
        "ids": np.zeros((5, 3)),
        "rank": np.array([0, 3, 12, -1, 0]),
        "others": np.array([200, 200, 200, 200, 200]),
    }
    scores = Items.scores(predicted, truth)
    assert scores["rows"] == 4
    assert scores["hr_5"] == 0.5 and scores["hr_10"] == 0.5
    assert scores["ndcg_10"] == pytest.approx((1 + 1 / np.log2(5)) / 4)
    assert scores["mrr"] == pytest.approx((1 + 1 / 4 + 1 / 13) / 4)
    assert scores["sampled_hr_10"] == 0.75  # of 200 others 12 stand above: of 100 drawn ones never ten


def test_the_sampled_rank_is_that_of_drawn_negatives():
    rank, others, random = 40, 400, np.random.default_rng(1)
    drawn = np.array([(random.choice(others, 100, replace=False) < rank).sum() for _ in range(4000)])
    ours = _ranking._among(np.full(4000, rank), np.full(4000, others))
    assert ours.mean() == pytest.approx(drawn.mean(), abs=0.2) and ours.std() == pytest.approx(drawn.std(), abs=0.15)


def test_sampled_scores_draw_from_the_whole_catalogue():
    column = fitted([["a", "b"], ["b", "c"]], True, catalogue=10)
    assert column.sizes()["unseen"] == 7
    truth, predicted = (
        np.full(2000, 5),
        {"rank": np.full(2000, 100), "others": np.full(2000, 200), "ids": np.zeros((2000, 1))},
    )
    assert Items.scores(predicted, truth)["sampled_hr_10"] == 0  # half of the others stand above
    more = Items.scores({**predicted, "unseen": 1800}, truth)["sampled_hr_10"]  # one in twenty of 2,000
    assert more == pytest.approx(hypergeom(2000, 100, 100).cdf(9), abs=0.01)


def test_without_ranks_the_list_tells_them():
    scores = Items.scores({"ids": np.array([[4, 5], [9, 9]])}, np.array([5, 6]))
    assert scores["hr_5"] == 0.5 and scores["ndcg_5"] == pytest.approx(0.5 / np.log2(3))


def test_popularity_leaves_out_what_a_user_has():
    histories, truth = np.array([[2, 4, 4], [9, 0, 0], [3, 0, 0]]), np.array([5, 2, 3])
    found = _ranking.popularity(histories, truth, 10)
    assert found["ids"][0].tolist()[:3] == [3, 5, 6] and 4 not in found["ids"][0]
    assert found["rank"].tolist() == [1, 0, -1]  # what a user has cannot be recommended again
    assert found["others"].tolist() == [7, 8, 9]
