"""Milliseconds a row of each method at 500 evaluations, for a table model: `explanations.py [ROWS]`.

The model is the perceptron of the default recipe on scikit-learn's breast cancer table (30 numbers), or on Adult (14 columns,
8 of them categories) where MODELWRIGHT_DATA has it. Beside it stands the shap package's KernelExplainer, where installed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import task
import torch


def trained(data: str, target: str | None, folder: Path) -> Any:
    """A run of the default recipe."""
    import modelwright as mw

    recipe: dict[str, Any] = {"data": data, "train": {"epochs": 2, "speed": "fixed"}, "baselines": False}
    return mw.train(recipe | ({"target": target} if target else {}), out=str(folder))


def milliseconds(method: Any, subject: Any) -> float:
    """The least of five, a row."""
    method.explain(subject)
    found = []
    for _ in range(5):
        watch = task.Stopwatch()
        watch.start()
        method.explain(subject)
        watch.stop()
        found.append(1000 * watch.seconds / len(subject))
    return min(found)


def package(subject: Any) -> float | None:
    """The same number of evaluations by shap.KernelExplainer, of numbers only."""
    try:
        import shap
    except ImportError:
        return None
    key = "number"
    if set(subject.place) != {key}:
        return None

    @torch.inference_mode()
    def answer(rows: np.ndarray) -> np.ndarray:
        given = {key: torch.tensor(rows, dtype=torch.float32)}
        return subject.answer(given, subject.goal[:1].expand(len(rows))).numpy()

    explainer = shap.KernelExplainer(answer, subject.background[key][:1].numpy())
    watch = task.Stopwatch()
    watch.start()
    explainer.shap_values(subject.batch[key].numpy(), nsamples=500, silent=True)
    watch.stop()
    return 1000 * watch.seconds / len(subject)


def main(rows: int = 20) -> None:
    """Both tables, every method that explains rows."""
    from modelwright.explainers._opening import Opened
    from modelwright.explainers.gradients import Gradients
    from modelwright.explainers.lime import Lime
    from modelwright.explainers.occlusion import Occlusion
    from modelwright.explainers.shap import Shap

    torch.set_num_threads(task.THREADS)
    tables = {"breast cancer": ("breast_cancer", None)}
    adult = Path(os.environ.get("MODELWRIGHT_DATA", "/nowhere")) / "fintech" / "adult"
    if adult.exists():
        tables["Adult"] = ("adult", None)
    found = {}
    for name, (data, target) in tables.items():
        with tempfile.TemporaryDirectory() as folder:
            opened = Opened(trained(data, target, Path(folder) / "run"))
            subject = opened.subject(opened.spread(rows))
            for method in (Shap(), Lime(), Gradients(), Occlusion()):
                found[f"{name}, {type(method).__name__.lower()}"] = round(milliseconds(method, subject), 2)
            if theirs := package(subject):
                found[f"{name}, shap package"] = round(theirs, 2)
    task.answer(**{key.replace(" ", "_").replace(",", ""): value for key, value in found.items()})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
