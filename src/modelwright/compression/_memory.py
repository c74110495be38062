"""A program: the peak memory (MB) of loading runs and predicting a batch, each in a fresh process, as a JSON list.

python -m modelwright.compression._memory BATCH RUN...
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch

from .. import prediction, preparation  # noqa: F401 (loaded before anything is measured)
from ..checkpoint import load_tensors
from ..run import Run


def peak(folder: str, batch: dict[str, torch.Tensor]) -> float:
    """Of this process from now on, in MB."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with torch.inference_mode():
        Run.load(folder).model.predict(batch)  # type: ignore[operator]
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return more * (1 if sys.platform == "darwin" else 1024) / 1e6


def _main() -> None:
    batch, found = load_tensors(Path(sys.argv[1])), []
    for folder in sys.argv[2:]:
        reading, writing = os.pipe()
        if not os.fork():
            os.write(writing, json.dumps(peak(folder, batch)).encode())
            os._exit(0)
        os.close(writing)
        found.append(json.loads(os.read(reading, 100)))
        os.wait()
    print(json.dumps(found))


if __name__ == "__main__":
    _main()
