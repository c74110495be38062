"""Scores of written texts against the true ones, by sacrebleu, with the signature that says how they were counted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .errors import MissingExtra

Tokenizer = Literal["auto", "13a", "intl", "zh", "char", "none"]
RESAMPLES = 1000
CHINESE = 0.3  # from this share of letters on, BLEU counts Chinese characters


def score_texts(
    written: Sequence[str | None], truth: Sequence[str | None], tokenizer: Tokenizer = "auto", intervals: bool = True
) -> dict[str, Any]:
    """BLEU (Papineni 2002) and chrF (Popovic 2015) of the corpus, the share of exact matches, and `rows`, those with a
    true text; `signature` is what to quote beside BLEU (Post 2018).

    tokenizer: sacrebleu's; auto is zh for Chinese and 13a otherwise. The 95 % interval of BLEU is a seeded bootstrap
    over rows (Koehn 2004). Raises MissingExtra without sacrebleu.
    """
    pairs = [(wrote or "", text) for wrote, text in zip(written, truth) if text]
    if not pairs:
        return {"rows": 0, **dict.fromkeys(("bleu", "chrf", "exact_match"))}
    try:
        os.environ.setdefault("SACREBLEU_SEED", "12345")
        from sacrebleu.metrics import BLEU, CHRF
    except ImportError:
        raise MissingExtra("sacrebleu", "translation") from None
    hypotheses, references = map(list, zip(*pairs))
    bleu = BLEU(tokenize=_tokenizer(references) if tokenizer == "auto" else tokenizer)
    found = bleu.corpus_score(hypotheses, [references], n_bootstrap=RESAMPLES if intervals and len(pairs) > 1 else 1)
    result: dict[str, Any] = {"rows": len(pairs), "bleu": found.score}
    if intervals and len(pairs) > 1:
        result["bleu_interval"] = [found._mean - found._ci, min(100.0, found._mean + found._ci)]
    result["chrf"] = CHRF().corpus_score(hypotheses, [references]).score
    result["exact_match"] = float(np.mean([wrote == text for wrote, text in pairs]))
    return {**result, "signature": str(bleu.get_signature())}


def _tokenizer(texts: Sequence[str]) -> str:
    letters = [char for text in texts for char in text if char.isalpha()]
    chinese = sum("\u3400" <= char <= "\u9fff" or char >= "\U00020000" for char in letters)
    return "zh" if chinese >= CHINESE * max(len(letters), 1) else "13a"
