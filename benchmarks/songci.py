"""What a run of `recipes/language/songci.yaml` writes: does it keep to its tunes, and does it copy?

    python benchmarks/songci.py runs/songci-1

A hundred poems are written, for tunes of the test part as often as they stand there. A poem keeps to its tune when its
lines (as many, each of as many characters) are those of some training poem of the same tune. Copied is an 8-gram of
characters within a line that stands in the training part.
"""

from __future__ import annotations

import random
import re
import sys
from collections import defaultdict

import modelwright as mw
from modelwright.data import corpus

POEMS, GRAM = 100, 8
SIGNS = re.compile(r"[^\u3400-\u9fff\U00020000-\U0003ffff]")


def lines_of(text: str) -> list[str]:
    """The lines below the name of the tune, characters only."""
    return [line for line in (SIGNS.sub("", line) for line in text.split("\n")[1:]) if line]


def grams(lines: list[str]) -> list[str]:
    return [line[start : start + GRAM] for line in lines for start in range(len(line) - GRAM + 1)]


def main() -> None:
    run = mw.Run.load(sys.argv[1])
    songs = corpus.read("songci")
    shapes, known = defaultdict(set), set[str]()
    for text in songs.texts("train"):
        lines = lines_of(text)
        shapes[text.partition("\n")[0]].add(tuple(map(len, lines)))
        known.update(grams(lines))
    tested = [(text.partition("\n")[0], tuple(map(len, lines_of(text)))) for text in songs.texts("test")]
    tested = [(tune, shape) for tune, shape in tested if tune in shapes]
    chosen = [tune for tune, _ in random.Random(0).sample(tested, POEMS)]
    poems = [one.prompt + one.text for one in run.generate([f"{tune}\n" for tune in chosen], max_tokens=180, seed=1)]
    kept = sum(tuple(map(len, lines_of(poem))) in shapes[tune] for poem, tune in zip(poems, chosen))
    written = [gram for poem in poems for gram in grams(lines_of(poem))]
    copied = sum(gram in known for gram in written)
    print("\n---\n".join(poems[:5]))
    real = sum(shape in shapes[tune] for tune, shape in tested) / len(tested)
    print(f"\n{kept} of {POEMS} poems have line lengths seen for their tune (of the test part's poems {real:.0%})")
    print(f"{copied / max(len(written), 1):.1%} of {len(written):,} {GRAM}-grams stand in the training part")


if __name__ == "__main__":
    main()
