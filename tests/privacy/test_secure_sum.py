"""The secure sum: exact in fixed point, survives clients that vanish, and the server cannot read one client's vector."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.errors import DataError, TrainingError

pytest.importorskip("cryptography")

from modelwright.privacy import secure_sum

SIZE = 4000


def vectors(count: int, size: int = SIZE) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(0, 0.01, (count, size)))


def looks_uniform(values: np.ndarray) -> bool:
    """Whether the bytes of uint64 values pass a chi-squared test against equal frequencies (255 degrees of freedom)."""
    counts = np.bincount(values.view(np.uint8), minlength=256)
    expected = counts.sum() / 256
    return ((counts - expected) ** 2 / expected).sum() < 255 + 6 * np.sqrt(2 * 255)


@pytest.mark.parametrize("gone", [(), (0,), (2, 5), (4, 5)])
def test_the_sum_is_exact_in_fixed_point_whoever_vanishes(gone):
    given = vectors(6)
    found, _ = secure_sum.add([None if place in gone else vector for place, vector in enumerate(given)])
    here = [secure_sum.encode(vector, 6) for place, vector in enumerate(given) if place not in gone]
    assert np.array_equal(found, secure_sum.decode(sum(here, start=np.uint64(0))))
    assert np.abs(found - sum(v for place, v in enumerate(given) if place not in gone)).max() < 6 / secure_sum.SCALE


def test_the_server_never_sees_one_clients_vector():
    given = vectors(5)
    _, server = secure_sum.add([*given[:4], None])
    sent = server.told("values")
    assert sorted(sent) == [0, 1, 2, 3]
    assert not looks_uniform(secure_sum.encode(given[0], 5))  # the test can fail
    for place, masked in sent.items():
        plain = secure_sum.encode(given[place], 5)
        assert (masked == plain).mean() < 0.01
        assert looks_uniform(masked)
        assert abs(np.corrcoef(masked.astype(float), given[place])[0, 1]) < 0.1
    everything = b"".join(repr(message).encode() for what, _, message in server.received if what != "values")
    assert all(secure_sum.encode(vector, 5)[:1].tobytes() not in everything for vector in given)


def test_uncovering_what_the_protocol_gives_away_leaves_each_vector_hidden():
    """What the server can work out at the end, each survivor's own mask and the lost client's pairwise ones, is not enough."""
    given = vectors(5)
    _, server = secure_sum.add([*given[:4], None])
    uncovered = server.told("uncover")
    for place, masked in server.told("values").items():
        seed = secure_sum.joined({holder: shares[place] for holder, shares in uncovered.items()})
        less = masked - secure_sum.stream(seed.to_bytes(32, "big"), SIZE)
        assert (less == secure_sum.encode(given[place], 5)).mean() < 0.01
        assert looks_uniform(less)


def test_no_client_is_asked_for_both_secrets_of_another():
    _, server = secure_sum.add([*vectors(3, 8), None])
    client = secure_sum.Client(0, 3)
    client._held = {1: (10, 20), 2: (30, 40)}
    assert client.uncover([1]) == {1: 20, 2: 30}
    assert all(isinstance(share, int) for shares in server.told("uncover").values() for share in shares.values())


def test_too_many_lost_clients_end_the_sum_instead_of_weakening_it():
    with pytest.raises(TrainingError, match=r"3 of 6 clients answered to the end; a secure sum needs 4"):
        secure_sum.add([*vectors(3, 8), None, None, None])
    with pytest.raises(TrainingError, match="hides nothing"):
        secure_sum.add(vectors(2, 8))


def test_fewer_shares_than_the_threshold_tell_nothing():
    shares = secure_sum.split(2**255 - 19, range(7), 5)
    assert secure_sum.joined(dict(list(shares.items())[2:])) == 2**255 - 19
    assert secure_sum.joined(dict(list(shares.items())[:4])) != 2**255 - 19


def test_values_that_would_overflow_are_refused():
    with pytest.raises(DataError, match="too large for a secure sum"):
        secure_sum.encode(np.array([1e12]), 10)
    with pytest.raises(DataError, match="too large"):
        secure_sum.encode(np.array([np.inf]), 10)
