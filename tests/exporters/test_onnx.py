"""Runs as ONNX graphs: what ONNX Runtime computes is what the run computes, for any number of rows and tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modelwright.errors import RunError, UserError
from modelwright.exporters.onnx import encoded, export, feed, start

from ..compression.test_rounding import SUPERVISED, folder, folders, untrained  # noqa: F401 (fixtures)

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

ONE_GRAPH = ["mlp on a table", "bag", "lstm", "cnn on pictures", "transformer on text", "tags"]


@pytest.mark.parametrize("family", ONE_GRAPH)
def test_the_graph_computes_what_the_run_computes(family, folder, tmp_path):  # noqa: F811
    run = untrained(folder, SUPERVISED[family])
    done = export(run, tmp_path / "net.onnx", rows=40)
    assert done.error < 1e-4 and done.bytes == done.path.stat().st_size
    session = start(done.path, 1)
    batch = encoded(run, str(folder / "rows.jsonl"))
    with torch.no_grad():
        expected = run.model.predict(batch)
    found = session.run(None, feed(batch))
    names = [f"{target}.{name}" for target, tensors in expected.items() for name in tensors]
    assert [output.name for output in session.get_outputs()] == names
    for values, tensors in zip(found, [t for named in expected.values() for t in named.values()]):
        assert np.allclose(values, tensors, atol=1e-4)


@pytest.mark.parametrize("family", ["mlp on a table", "cnn on pictures"])
@pytest.mark.parametrize("bits", ["int8", "int4"])
def test_a_graph_in_few_bits_is_near_and_smaller(family, bits, folder, tmp_path):  # noqa: F811
    recipe = SUPERVISED[family]
    if family == "mlp on a table":
        recipe = recipe | {"model": {"encoders": {"table": {"kind": "mlp", "hidden": [256, 256]}}}}
    run = untrained(folder, recipe)
    plain, small = export(run, tmp_path / "a.onnx"), export(run, tmp_path / "b.onnx", quantize=bits)
    assert 0 < small.error < 0.25
    assert small.bytes < plain.bytes / 2.5 or family == "cnn on pictures"


def test_a_run_in_few_bits_becomes_what_its_weights_stand_for(folder, tmp_path):  # noqa: F811
    run = untrained(folder, SUPERVISED["transformer on text"])
    assert export(run.quantized("none"), tmp_path / "net.onnx").error < 1e-3


def test_what_writes_step_by_step_is_refused(folder, tmp_path):  # noqa: F811
    run = untrained(folder, SUPERVISED["lstm that writes"])
    with pytest.raises(RunError, match="one graph"):
        export(run, tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_bits_that_are_not_known_are_refused(folder, tmp_path):  # noqa: F811
    with pytest.raises(UserError, match="int8 or int4"):
        export(untrained(folder, SUPERVISED["mlp on a table"]), tmp_path / "net.onnx", quantize="int2")
