"""What the explanations of rows say to people: blocks of a report, and the same as plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..evaluation import brightened, picture
from ..report import Block, Colored, Curve, Image, Table, Text, shown
from ._faithfulness import between, interval
from ._opening import Opened
from ._subject import Explanation, Field, Subject

LINES = 15  # of a table, at most
POSITIVE, NEGATIVE = np.array([31, 111, 235]), np.array([217, 72, 15])


def rows(opened: Opened, subject: Subject, found: Explanation, count: int) -> tuple[list[Block], list[dict[str, Any]]]:
    """The first `count` rows, each with what its parts add."""
    said = opened.answer.said({key: value[:count] for key, value in subject.batch.items()})
    blocks, values = list[Block](), list[dict[str, Any]]()
    for row in range(count):
        number, answer = subject.numbers[row], float(found.answer[row])
        title = f"Row {number}" + (f": {said[row]}" if said[row] else "") + f" ({_figure(opened, answer)})"
        blocks += _table(opened, subject, found, row, title)
        for one in subject.fields:
            if one.kind in ("text", "tokens"):
                blocks.append(_text(one, subject, found, row, title))
        valid = np.flatnonzero(subject.valid[row])
        parts = [{"name": subject.names[row, part], "adds": float(found.values[row, part])} for part in valid]
        values.append(
            {"row": number, "says": said[row], "answer": answer, "base": float(found.base[row]), "parts": parts}
        )
    for one in subject.fields:
        if one.kind in ("image", "signal"):
            blocks.append(_pictures(opened, one, subject, found, said, count))
    return blocks, values


def summary(opened: Opened, subject: Subject, found: Explanation) -> tuple[list[Block], dict[str, float]]:
    """What matters over all rows: the mean size of what each input adds, and the words that add most."""
    blocks, values = list[Block](), dict[str, float]()
    sizes = {one.name: np.abs(found.values[:, one.start : one.stop]).sum(1) for one in subject.fields}
    ranked = sorted(sizes.items(), key=lambda item: -item[1].mean())
    values = {name: float(size.mean()) for name, size in ranked}
    note = f"Mean over {len(subject)} rows of what an input adds to {opened.answer.words}, whatever its sign."
    if len(ranked) > 1:
        lines = [[name, float(size.mean()), between(interval(size))] for name, size in ranked[: 2 * LINES]]
        blocks.append(Table("What matters over all rows", ["input", "adds", "95 % interval"], lines, note, heat=True))
    for one in subject.fields:
        if one.kind in ("text", "tokens") and (lines := _frequent(one, subject, found)):
            unit = one.unit[:-1]
            note = (
                f"Mean of what the {unit} adds in the {len(subject)} rows; {one.unit} that are in at least two of them."
            )
            title = f"{one.unit.capitalize()} of {one.name} that matter most"
            blocks.append(Table(title, [unit, "adds", "rows"], lines, note, heat=True))
        if one.kind == "image":
            mean = np.abs(_pixels(one, subject, found)).mean(0)
            blank = np.full((*mean.shape, 1), 255, np.uint8)
            blocks.append(Image(f"Where {one.name} matters", [(_heated(blank, mean), f"mean of {len(subject)} rows")]))
    return blocks, values


def faithfulness(
    opened: Opened, subject: Subject, measured: dict[str, Any], found: Explanation
) -> tuple[list[Block], list[Block]]:
    """What was measured of the explanation itself, in plain words, and its curves."""
    if not np.abs(found.values).max(initial=0) > 1e-9 and np.ptp(measured["deletion"]["random"]) < 1e-9:
        return [Text("Nothing matters", "The model says the same whatever it is given: it is constant.", "warning")], []
    parts = {"image": "patches", "column": "columns", "signal": "stretches"}
    names = {one.unit if one.kind in ("text", "tokens") else parts.get(one.kind, "parts") for one in subject.fields}
    name = names.pop() if len(names) == 1 else "parts"
    count, gain = measured["count"], measured["gain_interval"]
    name = name if count > 1 else {"patches": "patch", "stretches": "stretch"}.get(name, name[:-1])
    number = f"{count} highest-ranked {name}" if count > 1 else f"highest-ranked {name}"
    words = f"Removing the {number} lowers {opened.answer.words} by {_figure(opened, measured['fall'])}; removing "
    words += f"{'random ones' if count > 1 else 'a random one'} by {_figure(opened, measured['random_fall'])}"
    words += f" (means over {measured['rows']} rows" if measured["rows"] > 1 else " (one row"
    words += f"; the difference is {between(gain)} with 95 % confidence)." if gain else ")."
    better = (gain[0] if gain else measured["gain"]) > 0
    tone = "good" if better else "warning"
    if not better:
        words += "\nThis is no better than chance: do not rely on this explanation."
    checks = [(words, tone), *_checks(measured)]
    blocks = list[Block]()
    for tone, title in (("warning", "Not to be relied on"), ("good", "How faithful it is")):
        if said := [text for text, each in checks if each == tone]:
            blocks.append(Text(title, "\n".join(said), tone))
    curves = list[Block]()
    for way, title in (("deletion", "Parts taken out"), ("insertion", "Parts put back")):
        curve = measured[way]
        lines = {
            name: (curve["share"], curve[key]) for name, key in (("highest first", "highest"), ("at random", "random"))
        }
        curves.append(
            Curve(
                title,
                f"share {'taken out' if way == 'deletion' else 'put back'}",
                "answer",
                lines,
                dashed=["at random"],
            )
        )
    return blocks, curves


def _checks(measured: dict[str, Any]) -> list[tuple[str, str]]:
    said = list[tuple[str, str]]()
    if measured.get("completeness") is not None:
        exact = measured["completeness"]
        text = "The values add up to the answer less that of the background"
        text += ", exactly." if exact < 1e-6 else f": they miss it by {100 * exact:.2g} % at most."
        said.append((text, "good" if exact < 0.01 else "warning"))
    if measured.get("fit") is not None:
        text = f"The linear stand-in explains {100 * measured['fit']:.0f} % of what happens around a row (median R squared)."
        said.append((text, "good" if measured["fit"] > 0.5 else "warning"))
    if measured.get("stability") is not None:
        text = f"Another seed ranks the parts with a correlation of {measured['stability']:.2f} (1: the same order)."
        text = "Another seed gives the same values." if measured["stability"] > 0.9999 else text
        said.append((text, "good" if measured["stability"] > 0.7 else "warning"))
    if measured.get("sanity") is not None:
        text = f"With the model's weights shuffled the explanations correlate by {measured['sanity']:.2f} with these"
        text += " (near 1 they would not depend on what the model has learned)."
        said.append((text, "good" if measured["sanity"] < 0.7 else "warning"))
    return said


def _table(opened: Opened, subject: Subject, found: Explanation, row: int, title: str) -> list[Block]:
    """What columns, and whole texts and pictures, add; nothing where there is but one text or picture."""
    lines = list[list[Any]]()
    for one in subject.fields:
        values = found.values[row, one.start : one.stop]
        if one.kind == "vector":
            lines += [[subject.names[row, one.start + i], "", float(value)] for i, value in enumerate(values)]
        else:
            cell = (
                opened.table.column(one.name)[subject.numbers[row]].as_py() if one.kind == "column" else f"({one.kind})"
            )
            lines.append([one.name, _cell(cell), float(values.sum())])
    if len(lines) < 2 and subject.fields[0].kind != "column":
        return []
    lines.sort(key=lambda line: -abs(line[2]))
    more = f" {len(lines) - LINES} smaller ones are left out." if len(lines) > LINES else ""
    note = f"Without any of them the answer is {_figure(opened, float(found.base[row]))}.{more}"
    return [Table(title, ["part", "value", "adds"], lines[:LINES], note, heat=True)]


def _text(one: Field, subject: Subject, found: Explanation, row: int, title: str) -> Colored:
    parts = [part for part in range(one.start, one.stop) if subject.names[row, part]]
    weights = found.values[row, parts] / (np.abs(found.values[row, parts]).max(initial=0) or 1.0)
    words = [str(subject.names[row, part]) for part in parts]
    space = "" if one.kind == "tokens" or sum(len(word) < 2 for word in words) > len(words) / 2 else " "
    name = title if len(subject.fields) == 1 else f"{title}: {one.name}"
    return Colored(name, [(word + space, float(weight)) for word, weight in zip(words, weights)])


def _pictures(opened: Opened, one: Field, subject: Subject, found: Explanation, said: list[str], count: int) -> Image:
    """Each row's picture, and the same with what speaks for the answer in blue and against it in orange."""
    pictures = []
    cells = [subject.batch[one.key][row].numpy() for row in range(count)]
    if one.kind == "signal":
        masks, draw = subject.batch[f"{one.key}.mask"].numpy(), opened.run.columns[one.name].picture
        originals = [draw(samples[mask]) for samples, mask in zip(cells, masks)]
        heat = [_over(one, subject, found, row, pixels.shape) for row, pixels in enumerate(originals)]
    else:
        originals, heat = brightened(cells), list(_pixels(one, subject, found))
    for row, pixels in enumerate(originals):
        caption = f"row {subject.numbers[row]}: {said[row]} ({_figure(opened, float(found.answer[row]))})"
        pictures += [
            (picture(pixels), caption),
            (_heated(pixels, heat[row]), "for it (blue), against it (orange)"),
        ]
    return Image(f"What matters in {one.name}", pictures)


def _over(one: Field, subject: Subject, found: Explanation, row: int, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) values over the picture of a signal: of its bands over time, or of its stretches."""
    samples = int(subject.batch[f"{one.key}.mask"][row].sum())
    if one.name in found.pixels:
        steps = len(found.pixels[one.name][row]) * samples // subject.batch[one.key].shape[1]
        values = found.pixels[one.name][row, : max(steps, 1)].T[::-1]
    else:
        values = found.values[row, subject.place[one.key][row, :samples].numpy()][None]
    lines, columns = (np.arange(size) * had // size for size, had in zip(shape, values.shape))
    return values[np.ix_(lines, columns)]


def _pixels(one: Field, subject: Subject, found: Explanation) -> np.ndarray:
    """(R, H, W) values of a picture's pixels, or of their patches."""
    if one.name in found.pixels:
        return found.pixels[one.name]
    shape = subject.batch[one.key].shape[1:3]
    return found.values[:, subject.place[one.key][0].numpy()].reshape(len(found.values), *shape)


def _heated(pixels: np.ndarray, heat: np.ndarray) -> str:
    """A picture in grey under the colours of its values, as a PNG in base64."""
    strength = np.abs(heat) / max(float(np.quantile(np.abs(heat), 0.99)), 1e-12)
    grey = np.repeat(pixels.mean(2, keepdims=True) * 0.5 + 110, 3, 2)
    color = np.where((heat > 0)[:, :, None], POSITIVE, NEGATIVE)
    share = strength.clip(0, 1)[:, :, None] * 0.85
    return picture((grey * (1 - share) + color * share).astype(np.uint8))


def _frequent(one: Field, subject: Subject, found: Explanation) -> list[list[Any]]:
    """word, mean of what it adds, rows it is in; the largest first."""
    added: dict[str, dict[int, float]] = {}
    for row in range(len(subject)):
        for part in range(one.start, one.stop):
            if word := str(subject.names[row, part]).strip():
                each = added.setdefault(word, {})
                each[row] = each.get(row, 0.0) + float(found.values[row, part])
    lines: list[list[Any]]
    lines = [[word, float(np.mean(list(each.values()))), len(each)] for word, each in added.items() if len(each) > 1]
    return sorted(lines, key=lambda line: -abs(line[1]))[:LINES]


def _figure(opened: Opened, value: float) -> str:
    return f"{shown(value)} {opened.answer.unit}".strip()


def _cell(value: Any) -> str:
    text = shown(value) if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
