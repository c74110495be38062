"""Language models: what a recipe leaves open, training on tokens, and what the trained model is worth.

The run folder is a Hugging Face folder with our files beside. Thin over `data.corpus`, `data.packing`, `perplexity`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import evaluation, huggingface, lora, parts, perplexity
from ..blocks.stream import Batch
from ..choices import Choice
from ..data import chat, corpus, shards, tokenizers
from ..data.packing import Packed, TokenBatches, rows
from ..data.shards import Tokens, Vocabulary
from ..errors import DataError, UserError
from ..files import write_json
from ..fitting import Trained, Watch
from ..loop import StepOptions
from ..models.language import Language, derive
from ..privacy import federated
from ..publication import publish
from ..recipe import Recipe
from ..report import Report
from ..run import Run
from . import _language_report, _ngram

PARTS = ("train", "validation", "test")
INTERVALS = 20  # validations in a training
CHARACTERS = 100  # of a row, where a dry run asks for so many rows
PASSES = 20  # over the corpus, at most, where nobody says how long to train
COUNTED = 20_000_000  # tokens that the n-gram models count at most


@dataclass
class Prepared:
    """A complete recipe with its tokens; see `fitting.Prepared`."""

    recipe: Recipe
    corpus: corpus.Corpus
    vocabulary: Vocabulary
    context: int
    tokens: dict[str, Tokens]  # part -> tokens
    given: tuple[Language, dict[str, Any]] | None = None  # the model to start from, and its options
    choices: list[Choice] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @cached_property
    def rows(self) -> Any:
        """The training part in windows or packed."""
        return rows(self.tokens["train"], self.context)

    @property
    def train_rows(self) -> int:
        return self.rows.count

    total = sampled = train_rows

    def build(self) -> Language:
        """A new model, or the one to start from, with LoRA where the recipe asks for it."""
        options = self.recipe.model.options
        torch.manual_seed(self.recipe.train.seed)
        if self.given is None:
            return Language(self.vocabulary.tokenizer.get_vocab_size(), **options)
        given, shape = self.given
        with torch.device("meta"):
            model = Language(given.vocabulary, **{**shape, "dropout": options.get("dropout", 0.0)})
        model.load_state_dict(given.state_dict(), assign=True)
        if self.recipe.model.lora is not None:
            with self.recipe.places():
                lora.adapt(model, **parts.validate(lora.adapt, self.recipe.model.lora)[0])
        return model

    def batches(self, size: int) -> TokenBatches:
        """Endless batches, validated twenty times in a training."""
        steps = -(-(self.recipe.train.steps or 1) // INTERVALS)
        return TokenBatches(self.rows, size, self.recipe.train.seed, steps)

    def first_batch(self) -> Batch:
        size = self.recipe.train.batch
        return next(self.batches(size if isinstance(size, int) else 8).epoch(0))

    @cached_property
    def held(self) -> TokenBatches:
        """The validation part."""
        return perplexity.in_order(self.tokens["validation"], self.context)

    def validate(self, model: nn.Module, options: StepOptions) -> dict[str, Any]:
        """The loss on the validation part, or on as much of it as costs a thirtieth of the training."""
        if "validation" not in self.tokens:
            return {}
        interval = self.batches(1).steps * int(self.recipe.train.batch or 1) * self.recipe.train.accumulate
        losses = perplexity.nats(model, self.held.in_order(max(interval // 10, 16)), options)
        scores = perplexity.scores(*losses, self.tokens["validation"])
        shown = {"perplexity": scores["perplexity"]}
        return {"validation_loss": scores["loss"], "validation_metric": -scores["loss"], "metrics": shown}


def prepare(recipe: Recipe, sample: int | None = None) -> Prepared:
    """Find the texts and the tokenizer, fill in what the recipe leaves open, tokenise."""
    began = time.perf_counter()
    found = corpus.read(recipe.data, recipe.base)
    given = None
    choices: list[Choice] = []
    with recipe.places():
        _check(recipe)
        if recipe.model.start:
            given, vocabulary = _open(recipe, found)
        else:
            vocabulary = _vocabulary(recipe, found, choices)
            _shape(recipe, choices)
        context = _context(recipe, given, choices)
    limit = sample * CHARACTERS if sample else None
    tokens = {part: shards.tokens(found, part, vocabulary, limit) for part in found.parts}
    prepared = Prepared(recipe, found, vocabulary, context, tokens, given, choices)
    _training(prepared)
    prepared.seconds["prepare"] = round(time.perf_counter() - began, 3)
    return prepared


def reopen(run: Run, recipe: Recipe | None = None) -> Prepared:
    """The texts of a run again, in tokens of its own vocabulary; or those of a student's recipe."""
    if recipe is not None:
        return prepare(recipe)
    if str(run.recipe.data).startswith(("-", "<")):
        raise DataError("the folder knows no data of its own.", where=str(run.path), hint="Name a text.")
    found, vocabulary = corpus.read(run.recipe.data, run.recipe.base), run.vocabulary
    tokens = {part: shards.tokens(found, part, vocabulary) for part in found.parts}
    return Prepared(run.recipe, found, vocabulary, int(run.recipe.model.options["context"]), tokens)


def calibration(prepared: Prepared, count: int, size: int | None = None, part: int = 0) -> list[Batch]:
    """Rows of a part, evenly spread and in order, in batches of `size`."""
    name = PARTS[part]
    if name not in prepared.tokens:
        return []
    chosen = prepared.rows if part == 0 else Packed(prepared.tokens[name], prepared.context)
    return list(TokenBatches(chosen, size or 8, 0, 1).in_order(count))


def scores(model: nn.Module, prepared: Prepared) -> dict[str, dict[str, dict[str, Any]]]:
    """Every score with its interval on the validation and the test part, as far as there are any."""
    held = {name: tokens for name, tokens in prepared.tokens.items() if name != "train"}
    return {name: {"text": perplexity.measure(model, tokens, prepared.context)} for name, tokens in held.items()}


def _check(recipe: Recipe) -> None:
    """Raise UserError for keys that a language model cannot have."""
    model = recipe.model
    if recipe.target_names():
        raise UserError("a language model has no target: it learns every token.", where="target", hint="Leave it out.")
    if model.lora is not None and not model.start:
        hint = "Name one: model.from: a folder or a run."
        raise UserError("LoRA changes a model that there is already.", where="model.lora", hint=hint)
    problems = parts.validate(lora.adapt, model.lora or {})[1]
    if problems:
        where = ".".join(["model.lora", *map(str, problems[0].path)])
        raise UserError(problems[0].message, where=where, hint=problems[0].hint)
    fixed = [*model.options, *(key for key in ("size", "tokenizer") if getattr(model, key) is not None)]
    for name in fixed if model.start else ():
        if name not in ("context", "dropout"):
            hint = "Leave it out, or leave out model.from."
            raise UserError("the model to start from fixes it.", where=f"model.{name}", hint=hint)


def _open(recipe: Recipe, found: corpus.Corpus) -> tuple[tuple[Language, dict[str, Any]], Vocabulary]:
    """The model and vocabulary of a run or a Hugging Face folder."""
    model, tokenizer, kept = huggingface.open_folder(recipe.base / str(recipe.model.start))
    template = kept["chat_template"] or (chat.TEMPLATE if found.chat else None)
    return (model, kept["options"]), Vocabulary(tokenizer, kept["special"], template)


def _vocabulary(recipe: Recipe, found: corpus.Corpus, choices: list[Choice]) -> Vocabulary:
    config = recipe.model.tokenizer
    if config is None:
        config = recipe.model.tokenizer = {"kind": "bpe", "size": 4096}
        choices.append(Choice("model.tokenizer", "bpe, 4,096 tokens", "joins of bytes: no text is unknown"))
    if isinstance(config, str) and config not in tokenizers.KINDS:
        path = (recipe.base / config).resolve()
        if not path.exists():
            tokenizers.train(config, [])  # says which kinds there are
        recipe.model.tokenizer = str(path)
        tokenizer, special, template = huggingface.read_tokenizer(path if path.is_dir() else path.parent)
        if "eos" not in special and tokenizer.token_to_id(tokenizers.END) is not None:
            special = {**special, "eos": tokenizers.END}
        return Vocabulary(tokenizer, special, template or (chat.TEMPLATE if found.chat else None))
    tokenizer, special = tokenizers.train(config, found.texts()), {"eos": tokenizers.END}
    if found.chat:
        tokenizer.add_special_tokens(["<|im_start|>"])
    elif not found.single:
        special["bos"] = tokenizers.END
        tokenizers.begin_with_end(tokenizer)
    return Vocabulary(tokenizer, special, chat.TEMPLATE if found.chat else None)


def _shape(recipe: Recipe, choices: list[Choice]) -> None:
    """Fill in the model's options from its size."""
    given = recipe.model.options
    if recipe.model.size is None and not {"width", "layers"} & set(given):
        recipe.model.size = "d4"
        choices.append(Choice("model.size", "d4", "4 layers of width 256, which two cores train"))
    if recipe.model.size is not None:
        for name, value in derive(recipe.model.size)["model"].items():
            if name not in given:
                setattr(recipe.model, name, value)
                choices.append(Choice(f"model.{name}", value, f"of size {recipe.model.size}"))
    for name, option in parts.options(Language).items():
        if name not in recipe.model.options and option.default is not None:
            setattr(recipe.model, name, option.default)


def _context(recipe: Recipe, given: tuple[Language, dict[str, Any]] | None, choices: list[Choice]) -> int:
    """Tokens in a row."""
    if given is None:
        return int(recipe.model.options["context"])
    longest = given[1]["context"]
    context = recipe.model.options.get("context", min(longest, 1024))
    if context > longest:
        raise UserError(f"the model reads at most {longest:,} tokens, given {context:,}.", where="model.context")
    if "context" not in recipe.model.options:
        recipe.model.context = context  # type: ignore[attr-defined]
        choices.append(Choice("model.context", context, f"the model could read {longest:,}"))
    return int(context)


def _training(prepared: Prepared) -> None:
    """Fill in how it is trained."""
    train, model = prepared.recipe.train, prepared.recipe.model
    tuned, layers = prepared.given is not None, int(model.options.get("layers", 6))
    dial = derive(f"d{min(layers, 99)}")["train"]
    if tuned:
        dial |= {"optimizer": "adamw", "schedule": {"kind": "cosine", "warmup": 0.03}, "tokens": 8192}
        dial["lr"] = 2e-5 if model.lora is None else 2e-4

    def fill(key: str, value: Any, reason: str) -> None:
        if getattr(train, key) is None:
            setattr(train, key, value)
            prepared.choices.append(Choice(f"train.{key}", value, reason))

    fill("optimizer", dial["optimizer"], "usual for tuning" if tuned else "Muon for the hidden matrices, AdamW beside")
    name, options = parts.split(train.optimizer)
    if train.lr is None and "lr" in options:
        train.lr = options["lr"]
    fill("lr", dial["lr"] if name in ("muon", "adamw") and (tuned or name == "muon") else 1e-3, f"usual for {name}")
    fill("weight_decay", 0.01, "mild shrinkage")
    fill("schedule", dial["schedule"], "ends with small steps, which settles the weights")
    rows = prepared.rows.count
    fill("batch", min(max(dial["tokens"] // prepared.context, 1), rows), f"about {dial['tokens']:,} tokens a step")
    if isinstance(train.batch, int) and train.batch * train.accumulate > rows:
        raise DataError(
            f"the corpus has {rows:,} rows of {prepared.context:,} tokens, a batch {train.batch * train.accumulate:,}.",
            where="train.batch",
            hint="Lower train.batch or model.context, or give more text.",
        )
    size = (train.batch if isinstance(train.batch, int) else 64) * train.accumulate
    if train.epochs is not None:
        fill("steps", train.epochs * -(-rows // size), f"{train.epochs} passes over the corpus")
        train.epochs = None
    if train.steps is None:
        passes = 3 if tuned else PASSES
        fill("steps", max(passes * rows // size, INTERVALS), f"{passes} passes over the corpus")
    fill("early_stop", 0, "the schedule runs to its end")
    fill("monitor", "loss", "what is learned")


def measure(recipe: Recipe, folder: Path, watch: Watch, resolved: dict | None) -> Run:
    """Train and measure a recipe in its run folder."""
    _, learn = federated.ways(recipe)
    prepared = prepare(recipe)
    if watch.bar:
        for choice in prepared.choices:
            print(f"{choice.key}: {choice.value} ({choice.reason})", file=sys.stderr)

    def keep(model: nn.Module) -> None:  # before anything else can go wrong
        assert isinstance(model, Language)
        if recipe.model.lora is not None:
            lora.write_adapter(folder / "adapter", model, base=str(recipe.model.start))
            lora.merge(model)
        words = prepared.vocabulary
        huggingface.write(folder, model, words.tokenizer, words.special, words.template)
        huggingface.write_weights(folder, model)

    trained = learn(recipe, prepared, folder, watch, resolved, keep)
    run = Run(recipe, {}, path=folder, model=trained.model)
    return _publish(run, trained, folder, watch)


def _publish(run: Run, trained: Trained, folder: Path, watch: Watch) -> Run:
    prepared, model = trained.prepared, trained.model
    options = StepOptions(device=next(model.parameters()).device.type)
    began = time.perf_counter()
    measured = {
        part: perplexity.measure(model, tokens, prepared.context, options)
        for part, tokens in prepared.tokens.items()
        if part != "train"
    }
    last = measured.get("test", measured.get("validation", {}))
    trained.seconds["test"] = round(time.perf_counter() - began, 3)
    session, train = trained.session, run.recipe.train
    seen = session.progress.step * int(train.batch or 1) * train.accumulate * prepared.context  # type: ignore[call-overload]
    baselines = _baselines(run.recipe, prepared)
    values = {
        "test": {"text": last} if last else {},
        "validation": {"text": measured["validation"]} if "validation" in measured else {},
        "baselines": {name: entry["scores"] for name, entry in baselines.items()},
        "seconds": trained.seconds,
        "baseline_seconds": {
            name: {"fit": e["fit_seconds"], "predict": e["predict_seconds"]} for name, e in baselines.items()
        },
        "tokens_per_second": round(seen / max(trained.seconds["train"], 1e-9), 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "flops": evaluation.flops(model, prepared.first_batch()),
        "bytes": (folder / "model.safetensors").stat().st_size,
        "rows": {part: len(tokens.starts) - 1 for part, tokens in prepared.tokens.items()},
        "tokens": {part: len(tokens.ids) for part, tokens in prepared.tokens.items()},
        "best_epoch": session.progress.best_epoch,
        "stopped": session.progress.stopped,
    }
    write_json(folder / "metrics.json", values)
    run.metrics = values
    report = _language_report.build(run, trained, baselines)
    report.blocks.append(_language_report.samples(run, prepared))
    publish(report, folder, page=watch.report)
    return run


def _baselines(recipe: Recipe, prepared: Prepared) -> dict[str, dict[str, Any]]:
    """Kneser-Ney models of three and five tokens on the same tokens: name -> scores, times."""
    held = prepared.tokens.get("test", prepared.tokens.get("validation"))
    if not recipe.baselines or held is None:
        return {}
    counted, found = prepared.tokens["train"].ids[:COUNTED], dict[str, dict[str, Any]]()
    learned = held.learned if held.learned is not None else ~_language_report.marks(held)
    for order in (3, 5):
        began = time.perf_counter()
        model = _ngram.KneserNey(counted, prepared.vocabulary.tokenizer.get_vocab_size(), order)
        fitted = time.perf_counter()
        losses = model.losses(held.ids)[learned]
        found[f"{order}-gram"] = {
            "scores": {"text": perplexity.scores(float(losses.sum()), len(losses), held)},
            "fit_seconds": fitted - began,
            "predict_seconds": time.perf_counter() - fitted,
        }
    return found


def evaluate(run: Run, data: Any = None) -> Report:
    """Score a run, or a Hugging Face folder, on its own test part, on other texts, or on questions with choices."""
    vocabulary, where = run.vocabulary, str(data) if isinstance(data, (str, Path)) else "rows"
    model: Any = run.model
    context = min(model.context, int(run.recipe.model.options.get("context", 1024)))
    began = time.perf_counter()
    if data is not None and (questions := _language_report.questions(data)):
        scores = perplexity.choose(model, vocabulary, questions, context)
        return _language_report.scored(f"{run.path} on {where}", {"choices": scores}, began)
    if data is None:
        held = {name: tokens for name, tokens in reopen(run).tokens.items() if name != "train"}
        if not held:
            raise DataError("no text was held back.", where=str(run.path), hint="Name a text.")
        part = "test" if "test" in held else "validation"
        where, tokens = f"its {part} part", held[part]
    else:
        found = corpus.read(data, ".", split=False, masks=corpus.masks_of(run.recipe.data))
        tokens = shards.tokens(found, "train", vocabulary)
    scores = perplexity.measure(model, tokens, context)
    return _language_report.scored(f"{run.path} on {where}", {"text": scores}, began)


def entry(run: Run) -> dict[str, Any]:
    """The run's line of a leaderboard."""
    return _language_report.entry(run.metrics)


def look(prepared: Prepared) -> list[Any]:
    """What a dry run says of the texts: parts, choices, and the first row token by token."""
    return [*_language_report.account(prepared), _language_report.first_row(prepared)]
