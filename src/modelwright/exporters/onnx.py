"""ONNX, which ONNX Runtime and many other tools compute: the fast way to int8 on a processor.

A graph takes a batch's tensors under their names, rows and tokens as many as there are, and gives `<target>.<name>` for
each tensor that the model predicts; a language model takes `ids` (B, T) and gives `logits` (B, T, V). A graph that does
not compute on real rows what the run computes is not kept.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from .. import tasks
from ..blocks.decoder import join
from ..blocks.stream import Batch
from ..building import own_encoders
from ..data.encoding import encode
from ..data.reading import read
from ..errors import MissingExtra, RunError, UserError
from ..run import Run

Bits = Literal["int8", "int4"]
_ALLOWED = {None: 1e-3, "int8": 0.1, "int4": 0.25}  # largest error, relative to the size of the outputs
_OPSET = 23  # of language models: knows their attention and norms
_GROUP = 32  # weights that share a scale in int4


@dataclass(frozen=True)
class Exported:
    """A graph that was kept: its file, its size in bytes, and how far its outputs on `rows` real rows are from the run's,
    as the root of the mean square of the differences over that of the outputs (for ids: the share that differs)."""

    path: Path
    bytes: int
    error: float
    rows: int


def export(run: Run, path: str | Path, *, quantize: Bits | None = None, rows: int = 256) -> Exported:
    """Write a run as an ONNX graph, checked on training rows of the run.

    quantize: "int8" (weights by output; a net with convolutions also what flows between them, calibrated on the rows) or
    "int4" (weights of products in groups of 32). Raises RunError for a model whose prediction is no one graph, and for
    a graph that computes something else; MissingExtra without the extra `onnx`.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (what torch exports through)
    except ImportError:
        raise MissingExtra("onnx, onnxscript and onnxruntime", "onnx") from None
    if quantize not in _ALLOWED:
        raise UserError(f"'{quantize}' is not known.", where="quantize", hint="int8 or int4.")
    task, path = tasks.find(run.recipe.model.kind), Path(path)
    batches = [_inputs(batch) for batch in task.calibration(task.reopen(run), rows)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plain.onnx"
        model = copy.deepcopy(run.model)
        join(model)  # fewer and larger products, which few bits need most
        for module in model.modules():  # torch's exporter reads states, which are not to be packed
            module._state_dict_hooks.clear()
        predicting = _Predicting(model, list(batches[0]))
        _write(predicting, batches, file, run)
        graph = onnx.load(file)
        del graph.graph.value_info[:]  # shapes that ONNX Runtime's quantizers would find contradicted
        if quantize:
            graph = _quantized(graph, quantize, batches, Path(folder))
        data = graph.SerializeToString()
    session = start(data)
    expected = [predicting.arrays(batch) for batch in batches]
    error = _error(expected, [session.run(None, feed(batch)) for batch in batches])
    if not error <= _ALLOWED[quantize]:
        raise RunError(
            f"the graph's outputs are {error:.2g} from the run's, relative to their size; at most {_ALLOWED[quantize]} is kept.",
            where=str(run.path),
            hint="Export it without quantize." if quantize else "",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Exported(path, len(data), error, sum(len(next(iter(batch.values()))) for batch in batches))


def start(graph: bytes | str | Path, threads: int = 0) -> Any:
    """An ONNX Runtime session on a graph. threads: 0 takes all cores."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtra("onnxruntime", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    data = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def encoded(run: Run, rows: Any) -> Batch:
    """Rows as `Run.predict` takes them (a path, table, frame, dict of lists, list of dicts), as a batch for `feed`."""
    table = read(rows, Path(".")).table
    run.require(table)
    inputs = {name: column for name, column in run.columns.items() if not column.target}
    found = encode(table, inputs, own_encoders(run.recipe, run.columns), cache=False)
    return found.batch(np.arange(table.num_rows))


def feed(batch: Batch) -> dict[str, np.ndarray]:
    """A batch as a session takes it."""
    return {_plain(name): value.numpy() for name, value in _inputs(batch).items()}


def _inputs(batch: Batch) -> Batch:
    return {name: value for name, value in batch.items() if not name.startswith("target.") and name != "labels"}


class _Predicting(nn.Module):
    """A model's prediction as a function of tensors alone."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names, self.outputs = model, list(names), list[str]()

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        batch: Any = dict(zip(self.names, tensors))
        model: Any = self.model
        if hasattr(model, "logits"):
            found = {"logits": model.logits(batch["ids"])}
        else:
            found = {f"{t}.{n}": value for t, named in model.predict(batch).items() for n, value in named.items()}
        self.outputs = list(found)
        return tuple(found.values())

    @torch.no_grad()
    def arrays(self, batch: Batch) -> list[np.ndarray]:
        return [value.numpy() for value in self(*batch.values())]


def _write(predicting: _Predicting, batches: list[Batch], file: Path, run: Run) -> None:
    """The graph of the float model, through torch's exporter."""
    example = {name: value[:3] for name, value in batches[0].items()}
    predicting.arrays(example)  # names the outputs
    rows, shapes = torch.export.Dim("rows"), []
    for name, value in example.items():
        ragged = name == "ids" or f"{name}.mask" in example or name.endswith(".mask")
        shapes.append({0: rows, 1: torch.export.Dim.DYNAMIC} if ragged and value.ndim > 1 else {0: rows})
    try:
        with torch.no_grad(), warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                predicting.eval(), tuple(example.values()), str(file), dynamo=True, dynamic_shapes=(tuple(shapes),),
                input_names=[_plain(name) for name in example], output_names=predicting.outputs, external_data=False,
                verbose=False, opset_version=_OPSET if hasattr(predicting.model, "logits") else None,
            )  # fmt: skip
    except Exception as failure:  # whatever torch's exporter raises means that it cannot follow the model
        error: BaseException = failure
        while error.__cause__ is not None:
            error = error.__cause__
        reason = str(error).strip().splitlines()[0][:200]
        message = f"torch cannot write its prediction as one graph ({reason})."
        hint = "Texts are written step by step, and torch unrolls Elman and GRU layers; LSTM layers can be exported."
        raise RunError(message, where=str(run.path or "run"), hint=hint) from None


@contextlib.contextmanager
def _quiet() -> Any:
    """Without what the exporter says on stdout and through its log."""
    import io

    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(level)


def _quantized(graph: Any, quantize: Bits, batches: list[Batch], folder: Path) -> Any:
    """The graph with weights in few bits, by ONNX Runtime's own quantizers."""
    import onnx
    from onnxruntime import quantization

    source, result = folder / "source.onnx", folder / "result.onnx"
    onnx.save(graph, source)
    with _quiet():
        if quantize == "int4":
            from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

            quantizer = MatMulNBitsQuantizer(graph, block_size=_GROUP, is_symmetric=False, accuracy_level=4)
            quantizer.process()
            return quantizer.model.model
        if any(node.op_type == "Conv" for node in graph.graph.node):  # whole numbers need both sides to be rounded
            quantization.quantize_static(
                source, result, _Reader(batches), quant_format=quantization.QuantFormat.QDQ, per_channel=True
            )
        else:
            quantization.quantize_dynamic(
                source, result, op_types_to_quantize=["MatMul", "Gather", "LSTM"],
                weight_type=quantization.QuantType.QInt8, per_channel=True,
            )  # fmt: skip
    return onnx.load(result)


class _Reader:
    """Batches for ONNX Runtime's calibration."""

    def __init__(self, batches: list[Batch]) -> None:
        self.left = [feed(batch) for batch in batches]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self.left.pop() if self.left else None


def _error(expected: list[list[np.ndarray]], found: list[list[np.ndarray]]) -> float:
    """The largest error of an output over all batches."""
    worst = 0.0
    for ours, theirs in zip(zip(*expected), zip(*found)):
        a, b = (np.concatenate([part.reshape(-1) for part in side]) for side in (ours, theirs))
        if a.dtype.kind == "f":
            error = float(np.sqrt(np.mean(np.square(a - b)) / max(np.mean(np.square(a)), 1e-12)))
        else:
            error = float((a != b).mean())
        worst = max(worst, error)
    return worst


def _plain(name: str) -> str:
    """A batch key as a graph's input: names of columns may be anything."""
    return f"input.{name}"
