"""Federated training on MNIST: `federated.py iid|dirichlet|attack [key=value ...]` prints what it reached as JSON.

    MODELWRIGHT_DATA=... python benchmarks/federated.py iid                 # 100 clients, C=.1, B=10, E=5 (McMahan 2017)
    MODELWRIGHT_DATA=... python benchmarks/federated.py dirichlet           # the same, each class dealt by Dir(.3)
    MODELWRIGHT_DATA=... python benchmarks/federated.py attack federated.rule=median

`attack`: 20 % of 100 clients send ten times their update turned round; one epoch a round, which is enough to see it.
Figures are in docs/how-to/federated.md.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import modelwright as mw

RECIPE = Path(__file__).parents[1] / "recipes" / "articles" / "cnn_32_64_64.yaml"
CLIENTS = ["train.optimizer=sgd", "train.lr=0.1", "train.schedule=constant", "baselines=false", "train.threads=1"]
SUBJECTS = {
    "iid": [],
    "dirichlet": ["federated.split=dirichlet", "federated.alpha=0.3"],
    "attack": ["federated.malicious=0.2", "federated.epochs=1", "federated.rounds=10"],
}


def main(subject: str, *overrides: str) -> None:
    """Train and say how each round went, also when the attackers win."""
    path, answer = Path(tempfile.mkdtemp()) / "run", {"subject": subject, "options": overrides}
    try:
        run = mw.federate(RECIPE, *CLIENTS, *SUBJECTS[subject], *overrides, out=str(path))
        answer["test accuracy"] = run.metrics["test"]["label"]["accuracy"]
        answer["MiB down and up"] = [round(value / 2**20, 1) for value in run.metrics["federated"]["bytes"].values()]
    except mw.TrainingError as error:
        answer["ended"] = str(error)
    history = [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]
    answer["validation accuracy"] = [round(record["metrics"]["accuracy"], 4) for record in history]
    print(json.dumps(answer | {"seconds": round(history[-1]["seconds"], 1)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
