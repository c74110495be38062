"""Tiny graphs: a ring of friends with two groups, nodes and links."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

NODES = {"nodes": "nodes.csv", "edges": "edges.csv", "features": ["interests", "age"]}
LINKS = {"links": "edges.csv", "nodes": "nodes.csv", "features": ["interests", "age"], "test": 0.2, "validation": 0.1}
FAMILIES: dict[str, dict] = {
    "gcn on nodes": {"data": NODES, "target": "club"},
    "gat on nodes": {
        "data": NODES,
        "target": "club",
        "model": {"encoders": {"person": {"kind": "gat", "hidden": [4], "heads": 2}}},
    },
    "graphsage on links": {
        "data": LINKS,
        "model": {"encoders": {"pair": {"kind": "sage", "hidden": [8, 8], "neighbours": [3, 2]}}},
    },
}
ROWS = {family: "links.jsonl" if "links" in family else "people.jsonl" for family in FAMILIES}


def write(folder: Path) -> None:
    """60 people in two clubs, who know one another mostly within their club."""
    draw = random.Random(0)
    people = [f"p{number}" for number in range(60)]
    club = {person: "chess" if number % 2 else "go" for number, person in enumerate(people)}
    with (folder / "nodes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["person", "interests", "age", "club"])
        for person in people:
            words = draw.sample(["tea", "rain", "jazz", club[person], "film"], 3)
            table.writerow([person, " ".join(words), draw.randint(18, 80), club[person]])
    edges = set()
    while len(edges) < 150:
        one, other = draw.sample(people, 2)
        if club[one] == club[other] or draw.random() < 0.1:
            edges.add(tuple(sorted((one, other))))
    _write(folder / "edges.csv", ["source", "target"], sorted(edges))
    _rows(folder / "people.jsonl", [{"person": person, "club": club[person]} for person in people])
    linked = [{"pair": list(pair), "link": True} for pair in sorted(edges)[:40]]
    strangers = [{"pair": list(pair), "link": False} for pair in zip(people, people[30:]) if pair not in edges]
    _rows(folder / "links.jsonl", [*linked, *strangers])


def _write(file: Path, names: list[str], rows: list) -> None:
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([names, *rows])


def _rows(file: Path, rows: list[dict]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
