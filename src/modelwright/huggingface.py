"""Language models as Hugging Face folders, written and read: config.json, generation_config.json, the tokenizer's files.

A run's `model.safetensors` has Hugging Face's weight names as it stands. Reads data only, never code or pickle; needs
neither transformers nor a network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from . import transforms
from .checkpoint import load_tensors, save_tensors
from .errors import RunError
from .files import write_json, write_text
from .models.language import Language

_CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
_NAMES = {  # ours -> Hugging Face's
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "groups": "num_key_value_heads",
    "hidden": "intermediate_size",
    "head_width": "head_dim",
    "context": "max_position_embeddings",
    "tied": "tie_word_embeddings",
    "epsilon": "rms_norm_eps",
}
_DEFAULTS = {"tied": False, "epsilon": 1e-6, "context": 2048}
_SUPPORTED = {  # what the layers can be; another value would silently give other numbers
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "use_sliding_window": False,
    "partial_rotary_factor": 1.0,
    "quantization_config": None,
}
_CHANGED = "original_config.json"  # stands in the place of config.json where the model is no longer what that says
Special = Mapping[str, str | list[str]]
"""Tokens by what they do: `eos` (one, or all that end a text, the document's end first), `bos`, `pad`, `unk`."""


def write(
    folder: Path, model: Language, tokenizer: Tokenizer, special: Special, chat_template: str | None = None
) -> None:
    """Write everything of a Hugging Face folder but the weights. Raises RunError when a special token is unknown."""
    ids = {f"{n}_token_id": _token_ids(folder, tokenizer, n, given) for n, given in special.items() if n != "unk"}
    write_json(folder / "config.json", {**_config(model), **ids})
    write_json(folder / "generation_config.json", ids)
    write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True))
    about: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.context,
        "clean_up_tokenization_spaces": False,
        **{f"{name}_token": tokens if isinstance(tokens, str) else tokens[0] for name, tokens in special.items()},
    }
    if chat_template:
        about["chat_template"] = chat_template
    write_json(folder / "tokenizer_config.json", about)


def write_weights(folder: Path, model: Language) -> None:
    """Write model.safetensors."""
    save_tensors(folder / "model.safetensors", model.state_dict())


def write_changed(
    folder: Path, model: Language, tokenizer: Tokenizer, special: Special, chat_template: str | None = None
) -> None:
    """The same for a model whose structure transforms have changed: other tools cannot read it, and what would be
    config.json is original_config.json."""
    write(folder, model, tokenizer, special, chat_template)
    (folder / "config.json").rename(folder / _CHANGED)


def _config_file(path: Path) -> Path:
    return path / (_CHANGED if (path / _CHANGED).exists() else "config.json")


def open_folder(path: Path, changes: Sequence[dict[str, Any]] = ()) -> tuple[Language, Tokenizer, dict[str, Any]]:
    """The model (float32) and the tokenizer of a Llama, Qwen2 or Qwen3 folder, and what else is to be kept of it.

    changes: the transforms of a folder that `write_changed` has written. To be kept are `options` (of Language),
    `special` and `chat_template`, which `write` takes. Raises RunError, saying what to do, for a folder that holds something else, lacks a file, or whose model has a feature that is not computed here.
    """
    config = _json(
        _config_file(path), "A language model's folder has config.json, model.safetensors and tokenizer.json."
    )
    if (path / _CHANGED).exists() and not changes:
        hint = "Begin with the run that it was made from."
        raise RunError("the model was compressed: it cannot be trained further.", where=str(path), hint=hint)
    options = _options(path, config)
    tokenizer, special, template = read_tokenizer(path)
    vocabulary = config.get("vocab_size", 0)
    if tokenizer.get_vocab_size() > vocabulary:
        raise RunError(
            f"its tokenizer knows {tokenizer.get_vocab_size():,} tokens, the model's embedding only {vocabulary:,}.",
            where=str(path),
            hint="This is another model's tokenizer: copy the tokenizer.json that the model was trained with.",
        )
    with torch.device("meta"):
        model = Language(vocabulary, **options)
        transforms.replay(model, changes)
    _fill(path, model, _weights(path))
    return model.eval(), tokenizer, {"options": options, "special": special, "chat_template": template}


def read_tokenizer(path: Path) -> tuple[Tokenizer, dict[str, str | list[str]], str | None]:
    """A folder's tokenizer, its special tokens, and its chat template where it has one."""
    if not (path / "tokenizer.json").exists():
        hint = "Where it has tokenizer.model or vocab.json, transformers' AutoTokenizer can load and save it as tokenizer.json."
        raise RunError("has no tokenizer.json.", where=str(path), hint=hint)
    try:
        tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    except Exception as error:  # the library raises plain Exception
        raise RunError(f"the file is damaged ({error}).", where=str(path / "tokenizer.json")) from None
    about = _json(path / "tokenizer_config.json", default={})
    special: dict[str, str | list[str]] = {}
    for name in ("eos", "bos", "pad", "unk"):
        token = about.get(f"{name}_token")
        token = token["content"] if isinstance(token, dict) else token
        if token is not None and tokenizer.token_to_id(token) is not None:
            special[name] = token
    config = _json(_config_file(path), default={}) | _json(path / "generation_config.json", default={})
    ends = config.get("eos_token_id")
    numbers = ends if isinstance(ends, list) else [] if ends is None else [ends]
    tokens = dict.fromkeys([special.get("eos"), *map(tokenizer.id_to_token, numbers)])
    if known := [token for token in tokens if isinstance(token, str)]:
        special["eos"] = known if len(known) > 1 else known[0]
    jinja = path / "chat_template.jinja"
    template = jinja.read_text("utf-8") if jinja.exists() else about.get("chat_template")
    return tokenizer, special, template if isinstance(template, str) else None


def _token_ids(folder: Path, tokenizer: Tokenizer, name: str, tokens: str | list[str]) -> int | list[int]:
    found = [tokenizer.token_to_id(token) for token in ([tokens] if isinstance(tokens, str) else tokens)]
    known = [number for number in found if number is not None]
    if len(known) < len(found):
        raise RunError(f"the tokenizer does not know the {name} token {tokens!r}.", where=str(folder))
    return known[0] if len(known) == 1 else known


def _config(model: Language) -> dict[str, Any]:
    """config.json, in the words of transformers 4, which version 5 and the other tools read too."""
    shape = model.shape
    ours = {**vars(shape), "layers": len(model.model.layers), "context": model.context, "tied": model.tied}
    return {
        "architectures": [_CLASSES[model.preset]],
        "model_type": model.preset,
        "vocab_size": model.vocabulary,
        **{theirs: ours[name] for name, theirs in _NAMES.items()},
        "hidden_act": "silu",
        "attention_bias": False,
        "rope_theta": model.theta,
        "rope_scaling": {"rope_type": "llama3", **model.scaling} if model.scaling else None,
        "use_cache": True,
        "dtype": "float32",
        "torch_dtype": "float32",
    }


def _options(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """config.json as options of Language."""
    kind = config.get("model_type")
    if kind not in _CLASSES:
        raise RunError(f"its model_type is {kind!r}.", where=str(path), hint=f"Known: {', '.join(_CLASSES)}.")
    sliding = "sliding_attention" in (config.get("layer_types") or [])
    for name, value in {**_SUPPORTED, "layer_types": config.get("layer_types")}.items():
        if config.get(name, value) != value or (name == "layer_types" and sliding):
            raise RunError(f"{name}: {config[name]} is not computed here.", where=str(path / "config.json"))
    rope = config.get("rope_parameters") or {
        "rope_theta": config.get("rope_theta", 10_000.0),
        **(config.get("rope_scaling") or {}),
    }
    turn = rope.get("rope_type", rope.get("type", "default"))
    if turn not in ("default", "llama3"):
        raise RunError(
            f"rotary positions of type {turn!r} are not computed here.",
            where=str(path / "config.json"),
            hint="Known: default, llama3.",
        )
    scaling = {k: v for k, v in rope.items() if k.endswith(("factor", "embeddings"))} if turn == "llama3" else None
    defaults = {
        **_DEFAULTS,
        "groups": config.get("num_attention_heads"),
        "head_width": 128 if kind == "qwen3" else None,
    }
    options = {name: config.get(theirs, defaults.get(name)) for name, theirs in _NAMES.items()}
    missing = [_NAMES[name] for name, value in options.items() if value is None and name != "head_width"]
    if missing:
        raise RunError(f"lacks {', '.join(missing)}.", where=str(path / "config.json"))
    return {"preset": kind, **options, "theta": rope.get("rope_theta", 10_000.0), "scaling": scaling}


def _weights(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of one file or of the shards that the index names."""
    index = path / "model.safetensors.index.json"
    if (path / "model.safetensors").exists():
        return load_tensors(path / "model.safetensors")
    if index.exists():
        files = sorted(set(_json(index)["weight_map"].values()))
        return {name: value for file in files for name, value in load_tensors(path / Path(file).name).items()}
    pickles = sorted(file.name for file in path.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".ckpt"))
    if not pickles:
        raise RunError("has no model.safetensors.", where=str(path))
    convert = f"python -c \"from transformers import AutoModelForCausalLM as M; M.from_pretrained('{path}').save_pretrained('{path}-safe')\""
    raise RunError(
        f"its weights are pickles ({', '.join(pickles)}), which can run any code when they are read.",
        where=str(path),
        hint=f"If you trust their source, convert them with transformers: {convert}",
    )


def _fill(path: Path, model: Language, tensors: dict[str, torch.Tensor]) -> None:
    """Load the tensors, floats in the model's own type."""
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    tensors = {
        name: value.to(own[name].dtype) if value.is_floating_point() and name in own else value
        for name, value in tensors.items()
        if not name.endswith("rotary_emb.inv_freq")
    }
    if model.tied:
        tensors.pop("lm_head.weight", None)
    try:
        model.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise RunError(f"its weights do not fit its config.json: {reason}", where=str(path)) from None


def _json(path: Path, hint: str = "", default: Any = None) -> Any:
    if default is not None and not path.exists():
        return default
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunError("the file is missing.", where=str(path), hint=hint) from None
    except ValueError as error:
        raise RunError(f"the file is damaged ({error}).", where=str(path)) from None
