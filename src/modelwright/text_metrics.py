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
    """BLEU (Papineni 2002) and chrF (Popovic 2015) of the corpus, `cer` and `wer` (edits of characters and of words as
    a share of the true ones), the share of exact matches, and `rows`, those with a true text; `signature` is what to quote beside BLEU (Post 2018).

    tokenizer: sacrebleu's; auto is zh for Chinese, char for texts without blanks and 13a otherwise. The 95 % interval of BLEU is a seeded bootstrap
    over rows (Koehn 2004). Raises MissingExtra without sacrebleu.
    """
    pairs = [(wrote or "", text) for wrote, text in zip(written, truth) if text]
    if not pairs:
        return {"rows": 0, **dict.fromkeys(("bleu", "chrf", "cer", "wer", "exact_match"))}
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
    result["cer"] = sum(edits(*pair) for pair in pairs) / sum(len(text) for _, text in pairs)
    words = [(wrote.split(), text.split()) for wrote, text in pairs]
    result["wer"] = sum(edits(*pair) for pair in words) / max(1, sum(len(text) for _, text in words))
    result["exact_match"] = float(np.mean([wrote == text for wrote, text in pairs]))
    return {**result, "signature": str(bleu.get_signature())}


def edits(written: Sequence[str], truth: Sequence[str]) -> int:
    """Insertions, deletions and substitutions from one to the other (Levenshtein 1966)."""
    places = np.arange(len(truth) + 1)
    codes = {token: code for code, token in enumerate(truth)}
    wanted, distance = np.array([codes[token] for token in truth], np.int64), places
    for row, token in enumerate(written, 1):
        changed = np.minimum(distance[:-1] + (wanted != codes.get(token, -1)), distance[1:] + 1)
        distance = np.minimum.accumulate(np.append(row, changed) - places) + places
    return int(distance[-1])


def _tokenizer(texts: Sequence[str]) -> str:
    letters = [char for text in texts for char in text if char.isalpha()]
    chinese = sum("\u3400" <= char <= "\u9fff" or char >= "\U00020000" for char in letters)
    if letters and chinese >= CHINESE * len(letters):
        return "zh"
    return "13a" if any(" " in text for text in texts) else "char"
