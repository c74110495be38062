"""A pretrained text encoder from a folder on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from ..blocks.masks import never_empty, read_tokens
from ..blocks.stream import Batch, Source, Stream
from ..errors import DataError, MissingExtra, UserError
from ..files import located
from ..parts import Positive


class Pretrained(nn.Module):
    """BERT (Devlin 2019) and its like - RoBERTa, DistilBERT, MiniLM - by Hugging Face's transformers.

    The text is cut by the folder's own tokenizer. Its weights are read when training begins; a run holds them, the
    configuration and the tokenizer, and needs the folder no more.

    Options:
        path: folder with config.json, model.safetensors and tokenizer.json, or package:name/folder in a Python package.
        config: the folder's config.json; filled in.
        frozen: leave the pretrained weights as they are, and train what follows only.
        lr_factor: the pretrained weights' learning rate as a multiple of train.lr.
        pool: how tokens become one vector; first reads the class token.
    """

    reads = ("text",)

    def __init__(
        self,
        source: Source,
        *,
        path: str = "",
        config: dict[str, Any] | None = None,
        frozen: bool = False,
        lr_factor: Positive = 0.05,
        pool: Literal["mean", "first"] = "mean",
    ) -> None:
        super().__init__()
        try:
            from transformers import AutoConfig, AutoModel
        except ImportError:
            raise MissingExtra("transformers", "pretrained") from None
        self.name, self.path, self.frozen, self.lr_factor, self.pool = source.name, path, frozen, lr_factor, pool
        self.where = f"model.encoders.{source.name}"
        if "pieces" not in source.sizes:
            hint = f"Leave columns.{source.name}.tokenizer out: the encoder brings its own."
            raise UserError("it reads text cut by its own tokenizer.", where=self.where, hint=hint)
        settings = dict(config or _settings(path, Path(".")))
        try:
            shape = AutoConfig.for_model(settings.pop("model_type", ""), **settings)
            self.network = AutoModel.from_config(shape)
        except (KeyError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise UserError(f"the encoder cannot be built: {reason}.", where=self.where) from None
        if shape.is_encoder_decoder or getattr(shape, "is_decoder", False):
            raise UserError(f"{shape.model_type} is not a text encoder.", where=self.where)
        if hasattr(self.network, "pooler"):
            self.network.pooler = None  # trained for another task
        self.network.requires_grad_(not frozen)
        self.pieces, self.padding = source.sizes["pieces"], shape.pad_token_id or 0
        longest = getattr(shape, "max_position_embeddings", source.sizes["length"])
        if source.sizes["length"] > longest:
            where, hint = f"columns.{source.name}.max_length", f"Set it to {longest - 2}."
            raise UserError(f"the encoder reads {longest} tokens at most.", where=where, hint=hint)
        self.width, self.length = int(shape.hidden_size), None

    @staticmethod
    def settle(options: dict[str, Any], base: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """The options with what the folder decides, and those of the column that the encoder reads."""
        path = options.get("path", "")
        folder = _folder(path, base)
        path = path if path.startswith("package:") else str(folder.resolve())
        found = {**options, "path": path, "config": options.get("config") or _settings(path, base)}
        return found, {"kind": "text", "tokenizer": "pretrained", "path": path}

    def load_pretrained(self) -> None:
        """Read the folder's weights. Raises DataError where they are not there, are pickles or do not fit."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = _folder(self.path, Path("."))
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise _no_weights(folder)
        prefix, own = f"{self.network.base_model_prefix}.", self.network.state_dict()
        try:
            given = {name.removeprefix(prefix): value for file in files for name, value in load_file(file).items()}
            fitting = {name: given[name] for name in own if name in given}
            if missing := set(own) - set(fitting) - {"embeddings.position_ids"}:
                raise DataError(f"its weights lack {sorted(missing)[0]}.", where=str(folder))
            self.network.load_state_dict(fitting, strict=False)
        except (SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip().rstrip(".")
            raise DataError(f"its weights cannot be read ({reason}).", where=str(folder)) from None

    def train(self, mode: bool = True) -> Pretrained:
        super().train(mode)
        if self.frozen:
            self.network.eval()
        return self

    def forward(self, batch: Batch) -> Stream:
        ids, mask = read_tokens(batch, self.name)
        pieces = (ids % self.pieces).long().masked_fill(~mask, self.padding)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not (self.frozen and self.training)):
            x = self.network(input_ids=pieces, attention_mask=never_empty(mask).long()).last_hidden_state
        return Stream(x, mask, words=mask & (ids < self.pieces))


def _folder(path: str, base: Path) -> Path:
    folder = located(path, base)
    if path and folder.is_dir():
        return folder
    hint = "Give the path of a folder with config.json, model.safetensors and tokenizer.json."
    raise DataError("there is no such folder.", where=str(folder) if path else "path", hint=hint)


def _settings(path: str, base: Path) -> dict[str, Any]:
    file = _folder(path, base) / "config.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("expected an object")
    except (OSError, ValueError) as error:
        raise DataError(f"config.json cannot be read ({error}).", where=str(file.parent)) from None
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _no_weights(folder: Path) -> DataError:
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".ckpt"))
    if not pickles:
        return DataError("has no model.safetensors.", where=str(folder))
    convert = f"AutoModel.from_pretrained('{folder}').save_pretrained('{folder}-safe')"
    return DataError(
        f"its weights are pickles ({', '.join(pickles)}), which can run any code when they are read.",
        where=str(folder),
        hint=f'If you trust their source, convert them: python -c "from transformers import AutoModel; {convert}"',
    )
