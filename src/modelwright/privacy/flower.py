"""Federated training on real hosts, with Flower: a recipe as a ServerApp and a ClientApp.

A Flower app names them in its pyproject.toml: `serverapp = "modelwright.privacy.flower:server"` and
`clientapp = "modelwright.privacy.flower:client"`. The server is driven as every training is; only its rounds ask hosts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import columns as columns_
from .. import training
from ..blocks.stream import Model
from ..errors import MissingExtra, TrainingError, UserError
from ..fitting import Watch, device_of
from ..preparation import prepare
from ..recipe import load
from ..speed import Speed, apply
from .federated import ELSEWHERE, Federated
from .rounds import Answer, Rounds

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
try:  # this file is only imported where Flower runs it
    from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
except ImportError:
    raise MissingExtra("flwr", "flower") from None

WAIT = 600.0  # seconds for hosts to join, and for their answers in a round
server = ServerApp()
client = ClientApp()


class Hosts:
    """The hosts of a Flower grid, in the place of simulated clients."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def join(self, options: Federated, prepared: Any) -> dict[str, np.ndarray]:
        """The hosts by name, once there are as many as the recipe has clients. Their rows are not known; the server's own
        stand for them where steps are timed.

        Raises UserError for what hosts cannot do, TrainingError when too few have come.
        """
        if options.secure or not hasattr(prepared, "columns"):
            what = "answers are not added under masks" if options.secure else "no language model is trained"
            raise UserError(f"on hosts {what}.", where="federated", hint="Simulate it: modelwright federate.")
        self.prepared, deadline = prepared, time.monotonic() + WAIT
        while len(nodes := sorted(self.grid.get_node_ids())) < options.clients:
            if time.monotonic() > deadline:
                raise TrainingError(f"{len(nodes)} of {options.clients} hosts have come in {WAIT:.0f} s.")
            time.sleep(0.5)
        self.nodes = {str(node): node for node in nodes}
        return dict.fromkeys(self.nodes, np.arange(prepared.train_rows))

    def ask(self, model: Model, start: Tensor, asked: list[str], number: int) -> Iterator[Answer]:
        """Send the weights, the complete recipe and the fitted columns; hand on what comes back in time."""
        shared = {"recipe": self.prepared.recipe.plain(), "columns": columns_.dump(self.prepared.columns)}
        told = ConfigRecord({"round": number, "shared": json.dumps(shared)})
        content = RecordDict({"told": told, "weights": ArrayRecord([start.cpu().numpy()])})
        messages = [Message(content, self.nodes[name], "train") for name in asked]
        replies = self.grid.send_and_receive(messages, timeout=WAIT)
        for reply in sorted(replies, key=lambda reply: reply.metadata.src_node_id):
            name = str(reply.metadata.src_node_id)
            if reply.has_error():
                print(f"host {name}: {reply.error.reason}", file=sys.stderr)
                continue
            said: Any = reply.content
            sums, counts = said["sums"], said["counts"]
            terms = {term: (torch.tensor(sums[term]), torch.tensor(counts[term])) for term in sums}
            yield Answer(name, _vector(said["update"]).to(start), int(said["rows"]["rows"]), terms)


@server.main()
def serve(grid: Grid, context: Context) -> None:
    """Train the recipe `recipe` of the app's configuration into the run folder `out`. Its data is the server's own: for
    the statistics of columns, validation and test, never to train on."""
    recipe = load(str(context.run_config["recipe"]))
    recipe.federated = recipe.federated or {}
    before = ELSEWHERE.set(Hosts(grid))
    try:
        training.train(recipe, Path(str(context.run_config["out"])), Watch(bar=True))
    finally:
        ELSEWHERE.reset(before)


@client.train()
def learn(message: Message, context: Context) -> Message:
    """Learn from the rows that this host's `data` (in its node configuration) names: a recipe, whose data is taken, or a
    data file. Where all hosts of a trial share one file, `client` names the host's part of the split."""
    said: Any = message.content
    told, own = said["told"], context.node_config
    shared, mine = json.loads(told["shared"]), load(str(own["data"]))
    recipe = load({**shared["recipe"], "data": mine.data})
    recipe.base = mine.base
    torch.set_num_threads(recipe.train.threads or torch.get_num_threads())
    prepared, options = prepare(recipe, columns=columns_.load(shared["columns"])), Federated(**(recipe.federated or {}))
    name, rows = str(own.get("client", context.node_id)), np.arange(prepared.train_rows)
    if "client" in own:
        rows = options.deal(recipe, prepared.index(0), prepared.rows.table)[name]
    train, model = recipe.train, prepared.build().to(device_of(recipe))
    apply(model, Speed(train.precision, bool(train.channels_last), bool(train.compile)))
    start = _vector(said["weights"]).to(device_of(recipe))
    answer = Rounds(options, prepared, {name: rows}).learn(model, start, name, int(told["round"]))
    content = RecordDict(
        {
            "update": ArrayRecord([answer.update.cpu().numpy()]),
            "rows": MetricRecord({"rows": answer.rows}),
            "sums": MetricRecord({term: float(value) for term, (value, _) in answer.terms.items()}),
            "counts": MetricRecord({term: float(count) for term, (_, count) in answer.terms.items()}),
        }
    )
    return Message(content, reply_to=message)


def _vector(record: ArrayRecord) -> Tensor:
    """The one array of a record, as a tensor of our own."""
    return torch.from_numpy(record.to_numpy_ndarrays()[0].copy())
