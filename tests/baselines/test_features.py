"""The two views of the rows, against plain computations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from modelwright.baselines import Features
from modelwright.columns import Ragged


def test_numbers_stay_as_encoded_and_groups_lie_side_by_side():
    numbers, flags = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([[1], [-1], [0]], np.float32)
    features = Features({"number": numbers, "boolean": flags}).fit(np.arange(3))
    assert np.array_equal(features.linear(), np.concatenate([numbers, flags], 1))
    assert np.array_equal(features.trees(), features.linear()) and not features.categorical().any()
    assert np.array_equal(features.take([2, 0]).take([1]).linear(), features.linear()[:1])
    assert len(features.take(np.array([True, False, True]))) == 2


def test_categories_are_one_hot_and_ranked_by_frequency():
    codes = np.array([[2], [3], [3], [7], [9]], np.int32)
    features = Features({"category": codes, "number": np.zeros((5, 1), np.float32)}).fit(np.arange(4))
    assert features.trees()[:, 0].tolist() == [2, 1, 1, 3, 0]  # 9 was not in training
    assert features.categorical().tolist() == [True, False]
    hot = features.linear()
    assert hot.shape == (5, 5) and hot[:, :4].argmax(1).tolist() == [2, 1, 1, 3, 0] and (hot.sum(1) == 1).all()


def test_many_categories_stay_sparse_and_within_the_codes_of_trees():
    codes = np.arange(2_000, dtype=np.int32)[:, None]
    features = Features({"category": codes}).fit(np.arange(1_500))
    assert hasattr(features.linear(), "tocsr") and features.linear().shape == (2_000, 1_501)
    assert features.trees().max() == 254 and (features.trees()[1_500:] == 0).all()


def test_pixels_are_standardised_and_shrunk():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    features = Features({"image": pixels}).fit(np.arange(20))
    assert features.linear().shape == (20, 16 * 16 * 3) and features.trees().shape == (20, 8 * 8 * 3)
    assert abs(features.linear().mean()) < 1e-3 and features.linear().std() == pytest.approx(1, abs=1e-3)
    assert features.trees()[3, 0] == pytest.approx(pixels[3, :4, :4, 0].mean() / 255)
    small = Features({"image": pixels[:, :8, :8, :1]}).fit(np.arange(20))
    assert np.allclose(small.trees(), pixels[:, :8, :8, 0].reshape(20, -1) / 255)


def test_text_equals_scikit_learns_tf_idf_fitted_on_training_rows():
    words = [f"w{i}" for i in range(60)]
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(words, 12)) for _ in range(80)]
    features = Features({}, {"note": texts}).fit(np.arange(60))
    options = {"ngram_range": (1, 2), "min_df": 2, "token_pattern": r"(?u)\b\w+\b", "sublinear_tf": True}
    expected = TfidfVectorizer(**options).fit(texts[:60]).transform(texts)
    found = features.linear()
    found = found.toarray() if hasattr(found, "toarray") else found
    assert np.allclose(found, expected.toarray(), atol=1e-6)
    assert features.trees().shape[1] == min(256, expected.shape[1])


def test_chinese_is_read_by_characters():
    texts = ["味道很好", "很好吃", "味道很差", "太差了"] * 3
    features = Features({}, {"note": texts}).fit(np.arange(12))
    assert features.linear().shape[1] > 12  # 10 characters and their pairs and triples


def test_token_ids_without_strings_are_counted():
    rows = Ragged(np.array([1, 1, 2, 5], np.int32), np.array([0, 3, 3, 4]))
    found = Features({"note": rows}).fit(np.arange(3)).linear()
    assert found.shape == (3, 6) and found[1].sum() == 0 and found[0, 1] > found[0, 2] > 0
    assert np.linalg.norm(found[0]) == pytest.approx(1)
