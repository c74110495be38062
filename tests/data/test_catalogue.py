"""Data sets by name, where their files are looked for, and that their quirks are handled."""

import gzip
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from modelwright.data import _stored, catalogue, reading
from modelwright.errors import DataError

real = [pytest.mark.real, pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")]


@pytest.mark.parametrize(
    ("name", "rows", "columns", "classes"),
    [("digits", 1797, 2, 10), ("iris", 150, 5, 3), ("wine", 178, 14, 3), ("breast_cancer", 569, 31, 2)],
)
def test_bundled_sets_equal_what_scikit_learn_loads(name, rows, columns, classes):
    datasets = pytest.importorskip("sklearn.datasets")
    found = reading.read(name)
    assert found.table.shape == (rows, columns)
    bunch = getattr(datasets, f"load_{name}")()
    target = found.table.column(found.targets[0]).to_pylist()
    assert len(set(target)) == classes
    if name == "digits":
        images = found.table.column("image").chunk(0).to_numpy_ndarray()
        assert np.array_equal(np.rint(images / 255 * 16), bunch.images)
        assert target == bunch.target.tolist()
    else:
        values = np.stack([found.table.column(feature).to_numpy() for feature in bunch.feature_names], axis=1)
        assert np.array_equal(values, bunch.data)
        assert target == [str(bunch.target_names[code]) for code in bunch.target]


def test_diabetes_is_in_its_units():
    datasets = pytest.importorskip("sklearn.datasets")
    found = reading.read("diabetes").table
    bunch = datasets.load_diabetes(scaled=False)
    assert np.array_equal(found.column("progression").to_numpy(), bunch.target)
    assert np.array_equal(found.column("bmi").to_numpy(), bunch.data[:, 2])


def test_bundled_sets_do_not_import_scikit_learn():
    code = "import sys; from modelwright.data import reading; reading.read('digits'); print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(DataError, match=r"there is no data set 'minst'\. Did you mean 'mnist'"):
        catalogue.find("minst")


def test_a_file_that_is_nowhere_says_where_to_put_it(monkeypatch, tmp_path):
    monkeypatch.setenv("MODELWRIGHT_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        reading.read("titanic")
    assert str(caught.value) == (
        "data: titanic: the file tabular/titanic/titanic.csv of 'titanic' is not on this machine, and no address is "
        "known for it. Put it there below a folder of your own and set MODELWRIGHT_DATA to that folder."
    )


def test_another_file_of_that_name_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "tabular" / "titanic" / "titanic.csv"
    path.parent.mkdir(parents=True)
    path.write_text("a,b\n1,2\n")
    monkeypatch.setenv("MODELWRIGHT_DATA", str(tmp_path))
    found, expected = hashlib.sha256(path.read_bytes()).hexdigest(), catalogue.find("titanic").files[0].sha256
    with pytest.raises(DataError) as caught:
        reading.read("titanic")
    assert str(caught.value) == (
        f"{path}: this is not the file of 'titanic': expected sha256 {expected}, found {found}. "
        "It may be damaged or another version. Name its path in `data` to read it as it is."
    )


def test_a_file_packed_otherwise_is_known_by_its_content(monkeypatch, tmp_path):
    stored = _stored.Stored("t.csv.gz", "0" * 64, 0, hashlib.sha256(b"a,b\n1,2\n").hexdigest())
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n", 1))
    monkeypatch.setenv("MODELWRIGHT_DATA", str(tmp_path))
    named = catalogue.Named("t", "", ("b",), catalogue.find("titanic").parse, (stored,))
    assert named.read().table.to_pydict() == {"a": ["1"], "b": ["2"]}


def test_a_set_has_one_name_or_several_and_no_name_two_sets():
    named = {id(catalogue.find(name)): catalogue.find(name) for name in catalogue.names()}.values()
    declared = sorted(name for one in named for name in (one.name, *one.aliases))
    assert declared == catalogue.names()
    assert catalogue.find("waimai_10k") is catalogue.find("waimai")


TARGETLESS = (
    "amazon_beauty",
    "amazon_video_games",
    "ego_facebook",
    "songci",
    "tinyshakespeare",
)  # a reader names them, or none is


def test_every_name_has_targets_and_only_checked_files():
    for name in catalogue.names():
        named = catalogue.find(name)
        assert named.about and (named.targets or name in TARGETLESS)
        assert all(len(file.sha256) == 64 and file.bytes > 0 for file in named.files)


@pytest.mark.parametrize(
    ("name", "rows", "parts"),
    [
        pytest.param(*row, marks=real)
        for row in (
            ("mnist", 70_000, (60_000, 0, 10_000)),
            ("pendigits", 10_992, (7_494, 0, 3_498)),
            ("adult", 48_842, (32_561, 0, 16_281)),
            ("sst2", 9_613, (6_920, 872, 1_821)),
            ("clinc150", 22_500, (15_000, 3_000, 4_500)),
            ("clinc150_oos", 23_700, (15_100, 3_100, 5_500)),
            ("sim_track", 4_053, None),
            ("gtsrb", 7_079, (3_921, 0, 3_158)),
            ("california_housing", 20_640, None),
            ("waimai", 11_987, None),
            ("chnsenticorp", 7_766, None),
            ("online_shopping", 62_774, None),
            ("titanic", 891, None),
            ("heart", 303, None),
            ("wine_quality_red", 1_599, None),
            ("wine_quality_white", 4_898, None),
            ("diamonds", 53_940, None),
            ("credit_default", 30_000, None),
            ("german_credit", 1_000, None),
            ("splice", 3_190, None),
            ("promoters", 106, None),
            ("ecoli", 336, None),
            ("esol", 1_128, None),
            ("kr_vs_kp", 3_196, None),
            ("tic_tac_toe", 958, None),
            ("review_polarity", 2_000, None),
        )
    ],
)
def test_real_sets_have_their_published_sizes(name, rows, parts):
    found = reading.read(name)
    assert found.table.num_rows == rows
    assert set(found.targets) <= set(found.table.column_names)
    assert found.part is None if parts is None else tuple(np.bincount(found.part, minlength=3)) == parts


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")
def test_cifar10_is_read_from_its_archives():
    found = reading.read("cifar10")
    assert np.bincount(found.part).tolist() == [50_000, 0, 10_000]
    assert len(found.table.column("label").unique()) == 10


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")
def test_steering_is_smoothed_and_each_frame_has_the_one_before():
    table = reading.read("sim_track").table
    steering = table.column("steering").to_numpy().astype(float)
    for name in ("steering_near", "steering_wide"):
        smooth = table.column(name).to_numpy()
        assert np.abs(smooth).max() <= np.abs(steering).max() and smooth.std() < steering.std()
        assert abs(smooth.mean() - steering.mean()) < 1e-3
    image, frames = table.column("image").to_pylist(), table.column("frames").to_pylist()
    assert frames == [list(pair) for pair in zip(image[:1] + image, image)]


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")
def test_quirks_of_real_sets():
    adult = reading.read("adult").table
    assert set(adult.column("income").to_pylist()) == {"<=50K", ">50K"}
    assert "?" in adult.column("workclass").to_pylist()
    splice = reading.read("splice").table
    assert "sequence" in splice.column_names and set(splice.column("Class").to_pylist()) == {"EI", "IE", "N"}
    reviews = reading.read("review_polarity").table
    assert reviews.column("label").to_pylist()[:4].count("pos") == 2
    pairs = list(zip(reviews.column("fold").to_pylist(), reviews.column("label").to_pylist()))
    assert {pair: pairs.count(pair) for pair in set(pairs)} == {(f, y): 100 for f in range(10) for y in ("pos", "neg")}
    assert reading.read("clinc150_oos").table.column("intent").to_pylist().count("oos") == 1_200
    assert set(reading.read("kr_vs_kp").table.column("class").to_pylist()) == {"won", "nowin"}
