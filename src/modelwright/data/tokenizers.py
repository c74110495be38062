"""Tokenizers: characters, byte-level BPE, or one that a folder holds. Each is a `tokenizers.Tokenizer`.

`train` makes one from texts. What it makes decodes every text to itself, Chinese included, and any tool that reads
tokenizer.json opens it. Knows nothing of corpora, shards or models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from .. import parts
from ..errors import DataError, UserError, did_you_mean
from ..parts import Count

END = "<|endoftext|>"  # ends a document, and begins one where a tokenizer has nothing for that
SPLITS = {  # where words may be joined, as published with each model
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+",
}
KINDS = ("characters", "bpe")


def train(config: str | Mapping[str, Any], texts: Iterable[str]) -> Tokenizer:
    """The tokenizer of a recipe, `characters`, `bpe` or `{kind: bpe, size: 8192, split: qwen2}`, made from texts.

    Raises UserError for another kind or option, DataError when there is no text.
    """
    kind, options = parts.split(config)
    if kind not in KINDS:
        hint = f"{did_you_mean(kind, KINDS)} Or the path of a tokenizer.json or of a folder that has one."
        raise UserError(f"'{kind}' is not a kind of tokenizer.", where="model.tokenizer", hint=hint)
    make: Any = {"characters": characters, "bpe": bpe}[kind]
    values, problems = parts.validate(make, options)
    if problems:
        raise UserError(f"{problems[0].message} {problems[0].hint}".strip(), where="model.tokenizer")
    return make(texts, **values)


def is_path(config: str | Mapping[str, Any] | None) -> bool:
    """Whether a recipe's tokenizer names a file or folder."""
    return isinstance(config, str) and config not in KINDS and (Path(config).exists() or "/" in config)


def characters(texts: Iterable[str], *, min_frequency: Count = 1) -> Tokenizer:
    """Every character a token; others, and rarer ones, are written as the bytes of their UTF-8.

    Options:
        min_frequency: how often a character must occur to be a token.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    if not counts:
        raise DataError("there is no text to make a tokenizer from.", where="data")
    names = [END, *(f"<0x{byte:02X}>" for byte in range(256))]
    names += sorted(character for character, count in counts.items() if count >= min_frequency)
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))  # BPE without merges: nothing is joined
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(END, normalized=False)])
    return tokenizer


def bpe(texts: Iterable[str], *, size: Count = 8192, split: Literal["gpt2", "llama3", "qwen2"] = "qwen2") -> Tokenizer:
    """Byte-level byte pair encoding (Sennrich 2016; Radford 2019): the bytes, and `size` - 257 frequent joins of them.

    Options:
        size: number of tokens; fewer where the text has no more that are worth a token.
        split: where no join may cross: at gpt2's, llama3's or qwen2's words.
    """
    if size < 257:
        raise UserError(f"256 bytes and an end need 257 tokens, given {size}.", where="model.tokenizer.size")
    tokenizer = Tokenizer(models.BPE())
    if split == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(SPLITS[split]), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def begin_with_end(tokenizer: Tokenizer) -> None:
    """Let every text begin with the token that ends one, as the documents of a corpus do."""
    number = tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, number)])
