"""What a teacher says of a batch, as loss terms of its student beside the usual ones.

The terms are made by one function, `gradients`, that the loop calls in the place of its own. Knows no recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import parts
from ..blocks.members import average
from ..blocks.pooling import mean
from ..blocks.stream import Batch, Model, Stream
from ..columns import Ragged
from ..data.encoding import Encoded
from ..data.shards import Tokens
from ..decoding import DecodingOptions, decode
from ..errors import UserError
from ..loop import StepOptions, Terms, batch_gradients
from ..losses import Loss, cross_entropy, mse
from ..prediction import predict_encoded

LEAST = 1e-30  # of a probability whose logarithm is taken
WRITTEN = 4096  # texts that a language model writes for its student, at most
PROMPT = 4  # tokens of the training text that it goes on with
AT_ONCE = 64  # texts written together


class Lessons:
    """A teacher, and how much its word counts. `gradients` is what `fit` takes.

    terms: the student's terms on a batch, and beside them `<target> taught`, the teacher's, for each target that is not
    `written` already. The loss of a target is `(1 - alpha)` times its own term and `alpha` times the teacher's; `features`
    is the weight of a term of that name.
    """

    def __init__(
        self,
        teacher: Model,
        terms: Callable[[Lessons, Model, Batch], Terms],
        *,
        temperature: float,
        alpha: float,
        features: float,
        written: Collection[str],
    ) -> None:
        self.teacher, self.terms, self.written = teacher.eval(), terms, written
        self.temperature, self.alpha, self.features = temperature, alpha, features
        self.student: Model = None
        self.weights: dict[str, float] = {}
        self.projection: nn.Linear | None = (
            None  # of the student's features; it learns here and is no part of the student
        )

    def gradients(self, model: Model, batch: Batch, options: StepOptions) -> Terms:
        """Those of the student (`loop.Gradients`); the projection takes a step of its own."""
        self.student = model
        terms = batch_gradients(self, batch, options)
        if self.projection is not None:
            self.optimizer.step()
            self.optimizer.zero_grad()
        return terms

    def __call__(self, batch: Batch) -> Terms:
        terms, own = self.terms(self, self.student, batch), self.student.weights
        taught = [name for name in terms if f"{name} taught" in terms]
        shares = {name: own.get(name, 1.0) * (1 - self.alpha) for name in taught}
        shares |= {f"{name} taught": own.get(name, 1.0) * self.alpha for name in taught}
        self.weights = {**own, **shares, "features": self.features}
        return terms

    @torch.no_grad()
    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The terms' counts."""
        return {name: count for name, (_, count) in self(batch).items()}

    def near(self, own: Tensor, guide: Tensor) -> Loss:
        """The squared distance of the student's features (B, D), projected, from the teacher's, normed (Romero 2015)."""
        if self.projection is None:
            self.projection = nn.Linear(own.shape[1], guide.shape[1]).to(own.device)
            self.optimizer = torch.optim.Adam(self.projection.parameters(), 1e-3)
        return mse(self.projection(own), F.layer_norm(guide.float(), guide.shape[1:]))


def of_targets(lessons: Lessons, student: Model, batch: Batch) -> Terms:
    """The terms of an assembled model. Where it draws, the teacher speaks of the mean."""
    teacher = lessons.teacher
    with torch.no_grad():
        guides = teacher.streams(batch)
    streams = student.streams(batch)
    terms = {name: term for stream in streams.values() for name, term in stream.aux.items()}
    for name in student.targets:
        head, own, target = student.head(name), teacher.head(name), student.target(name, batch)
        terms[name] = head.loss(streams[name].drawn(), target)
        if name not in lessons.written:
            said, distance = _taught(parts.kind_of("heads", head))
            with torch.no_grad():
                guide = said(own, guides[name], target)
            terms[f"{name} taught"] = distance(said(head, streams[name], target), guide, lessons.temperature)
    if lessons.features:
        name = student.targets[0]
        terms["features"] = lessons.near(_feature(streams[name]), _feature(guides[name]))
    return terms


def of_tokens(lessons: Lessons, student: Model, batch: Batch) -> Terms:
    """The terms of a language model."""
    known, read = batch["labels"] >= 0, (batch["ids"], batch.get("documents"))
    states = student.states(*read)[known]
    logits, labels = student.logits_of(states), batch["labels"][known].long()
    terms = {"text": cross_entropy(logits, labels)}
    if "text" not in lessons.written or lessons.features:
        with torch.no_grad():
            guide = lessons.teacher.states(*read)[known]
    if "text" not in lessons.written:
        with torch.no_grad():
            said = lessons.teacher.logits_of(guide)
        terms["text taught"] = _divergence(logits, said, lessons.temperature)
    if lessons.features:
        terms["features"] = lessons.near(states, guide)
    return terms


def _feature(stream: Stream) -> Tensor:
    """(B, D): what a head reads, its mean where that has several positions."""
    return mean(stream.x, stream.mask)


def _divergence(own: Tensor, guide: Tensor, temperature: float) -> Loss:
    """T^2 KL(softmax(guide / T) || softmax(own / T)) of logits (N, K), whose gradient T does not shrink."""
    own, guide = ((logits.float() / temperature).log_softmax(-1) for logits in (own, guide))
    total = F.kl_div(own, guide, reduction="sum", log_target=True) * temperature**2
    return total, torch.full_like(total.detach(), len(own))


def _each_apart(own: Tensor, guide: Tensor, temperature: float) -> Loss:
    """The same of logits each of which has a sigmoid: a label's yes and no are two classes."""
    own, guide = (logits.flatten()[:, None] for logits in (own, guide))
    return _divergence(F.pad(own, (0, 1)), F.pad(guide, (0, 1)), temperature)


def _squared(own: Tensor, guide: Tensor, temperature: float) -> Loss:
    return mse(own, guide)


def _summed(own: Tensor, guide: Tensor, temperature: float) -> Loss:
    """Half the squared distance of each row: nats where the likelihood is normal."""
    total = 0.5 * mse(own, guide)[0]
    return total, torch.full_like(total.detach(), len(own))


def _log(head: Any, stream: Stream, target: Tensor) -> Tensor:
    """Logits (B, K) of the probabilities that a head predicts, its members' mean."""
    return head.predict(stream)["probabilities"].clamp(min=LEAST).log()


def _logit(head: Any, stream: Stream, target: Tensor) -> Tensor:
    (probability,) = head.predict(stream).values()
    return probability.logit(eps=1e-6)


def _value(head: Any, stream: Stream, target: Tensor) -> Tensor:
    return head.predict(stream)["value"]


def _outputs(head: Any, stream: Stream, target: Tensor) -> Tensor:
    return head.decoder(average(stream.x, stream)).float()


def _logits(head: Any, stream: Stream, target: Tensor) -> Tensor:
    return head.logits(stream, target)


_TAUGHT: dict[str, tuple[Callable[..., Tensor], Callable[..., Loss]]] = {  # head -> what it says, how far that is off
    "category": (_log, _divergence),
    "boolean": (_logit, _each_apart),
    "multilabel": (_logit, _each_apart),
    "number": (_value, _squared),
    "vector": (_value, _squared),
    "reconstruct": (_outputs, _summed),
    "sequence": (_logits, _divergence),
    "masked": (_logits, _divergence),
    "tags": (_logits, _divergence),
}


def _taught(kind: str) -> Any:
    """What a kind of head says and how far that is off; None for one that says nothing a student could follow. One that is
    not in the table and has logits is taught by these, and one that says so by its `value`."""
    head = parts.find("heads", kind)
    if kind in _TAUGHT or getattr(head, "taught", "") == "value":
        return _TAUGHT.get(kind, (_value, _squared))
    return (_logits, _divergence) if hasattr(head, "logits") else None


def to_be_written(teacher: Model, heads: dict[str, Any], sequences: bool) -> list[str]:
    """The targets of which a student with these heads learns what the teacher writes, not how likely it finds each token.

    sequences: all for which that can be done. Raises UserError where it is the only way and cannot be done.
    """
    found = []
    for name, config in heads.items():
        (kind, options), own = parts.split(config), teacher.head(name)
        other = _taught(kind) is None or kind != parts.kind_of("heads", own)
        apart = other or options.get("crf") or getattr(own, "crf", 0)
        writes = getattr(own, "reads", "pooled") == "sequence" and not hasattr(own, "target_of")
        writes = writes and not hasattr(own, "ranks")  # what it predicts is a list of which one is right
        if apart and not writes:
            message = f"a head of kind {kind} cannot learn from one of kind {parts.kind_of('heads', own)}."
            raise UserError(message, where=f"model.heads.{name}")
        if writes and (apart or sequences):
            found.append(name)
    return found


def write_targets(teacher: Model, prepared: Any, names: Collection[str]) -> None:
    """Put what the teacher writes in the place of the training rows' targets."""
    index, targets = prepared.index(0), dict(prepared.encoded.targets)
    predicted = predict_encoded(teacher, prepared.encoded, index, only=names) if names else {}
    for name, tensors in predicted.items():
        codes, end = targets[name], prepared.columns[name].sizes().get("end")
        rows = [codes.row(place) for place in range(len(codes))]
        for place, ids in zip(index, tensors["ids"]):
            rows[place] = [*ids[ids >= 0].tolist(), *([] if end is None else [end])]
        targets[name] = Ragged.of(rows, codes.values.dtype.type)
    prepared.encoded = Encoded(prepared.encoded.inputs, targets, prepared.encoded.rows)


def write_texts(teacher: Model, prepared: Any) -> None:
    """Put texts that the teacher draws in the place of the training part; the tokens it goes on with are not learned."""
    given, words = prepared.tokens["train"], prepared.vocabulary
    places = np.arange(0, len(given.ids) - PROMPT, prepared.context) if given.single else given.starts[:-1]
    places = places[np.diff(np.append(places, len(given.ids))) > PROMPT]
    places = places[np.arange(min(len(places), WRITTEN)) * len(places) // min(len(places), WRITTEN)]
    prompts = torch.from_numpy(given.ids[places[:, None] + np.arange(PROMPT)].astype(np.int64))
    ends = words.special.get("eos", [])
    ends = tuple(words.tokenizer.token_to_id(end) for end in ([ends] if isinstance(ends, str) else ends))
    options = DecodingOptions(max_tokens=prepared.context - PROMPT, temperature=1.0, ends=ends)
    rows: list[list[int]] = []
    for first in range(0, len(prompts), AT_ONCE):
        part = prompts[first : first + AT_ONCE]
        seeds = range(first, first + len(part))
        for prompt, one in zip(part.tolist(), decode(teacher, teacher.start(len(part)), part, options, seeds=seeds)):
            ended = len(one.ids) < options.max_tokens
            rows.append([*prompt, *one.ids, *(ends[:1] if ended else ())])
    lengths = np.array([len(row) for row in rows])
    starts = np.append(0, lengths.cumsum())
    learned = np.ones(starts[-1], bool)
    learned[starts[:-1, None] + np.arange(PROMPT)] = False
    texts = words.tokenizer.decode_batch(rows)
    sizes = sum(map(len, texts)), sum(len(text.encode()) for text in texts)
    prepared.tokens = {**prepared.tokens, "train": Tokens(np.concatenate(rows), starts, learned, *sizes, False)}
    vars(prepared).pop("rows", None)  # made of the tokens before
