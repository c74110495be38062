"""What `make bench` measures: one function a topic, each gives sections of lines and the raw figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import task
from measure import Outcome, alike, interleaved, ratios, run, seeded, spread
from tables import Line, Section, at_least, at_most

GOALS_FP32 = {"Keras on torch": 1.9, "Lightning": 1.2, "Keras on JAX": 1.2}
GOALS_DEFAULTS = {"Keras on torch": 2.2, "Lightning": 1.5, "Keras on JAX": 1.5}
ADDED_MILLISECONDS, PROCESSOR_RATIO, START_SECONDS = 0.3, 1.3, 0.3
LARGE_GIGABYTES, LARGE_RATIO = 2.0, 2.2


@dataclass(frozen=True)
class Setting:
    """A folder to work in, how often each subject runs, and the pictures of an epoch."""

    folder: Path
    rounds: int
    pictures: int


Measured = tuple[list[Section], dict[str, Any]]


def images(setting: Setting) -> Measured:
    """The introductory CNN: images a second, and the accuracy after the same epochs."""
    place = setting.folder / "pictures"
    about = task.write(place, setting.pictures)
    scripts = {
        "modelwright fp32": ["cnn_modelwright.py", str(place), "fp32"],
        "bare torch loop": ["cnn_torch.py", str(place)],
        "Lightning": ["cnn_lightning.py", str(place)],
        "Keras on torch": ["cnn_keras.py", str(place), "torch"],
        "Keras on JAX": ["cnn_keras.py", str(place), "jax"],
        "modelwright defaults": ["cnn_modelwright.py", str(place), "auto"],
    }
    subjects = {name: seeded(script) for name, script in scripts.items()}
    rates, outcomes = interleaved(subjects, setting.rounds, lambda outcome: outcome.values["rate"])
    accuracy = {name: [outcome.values["accuracy"] for outcome in found] for name, found in outcomes.items()}
    chosen = outcomes["modelwright defaults"][-1].values["chosen"]
    lines = [Line(n, f"{spread(v, 4)} images/s, accuracy {spread(accuracy[n], 4)}") for n, v in rates.items()]
    sections = [
        Section("The introductory CNN", f"Batches of {task.BATCH}, Adam, {about}; the second epoch is timed.", lines),
        _against(
            rates, "modelwright fp32", "fp32 against fp32", "`train.precision: fp32`, all else by default.", GOALS_FP32
        ),
        _against(rates, "modelwright defaults", "each at its defaults", f"modelwright chose {chosen}.", GOALS_DEFAULTS),
    ]
    return sections, {"rates": rates, "accuracy": accuracy, "chosen": chosen, "data": about}


def _against(rates: dict[str, list[float]], subject: str, title: str, about: str, goals: dict[str, float]) -> Section:
    loop = ratios(rates[subject], rates["bare torch loop"])
    lines = [Line("modelwright / bare torch loop", f"{loop}x")]
    for name, goal in goals.items():
        ratio = ratios(rates[subject], rates[name])
        lines.append(at_least(f"modelwright / {name}", f"{ratio}x", ratio.median, goal, "x"))
    return Section(f"The introductory CNN, {title}", about, lines)


def steps(setting: Setting) -> Measured:
    """What the loop adds to a step of a tiny net."""
    lines: list[Line] = []
    kept: dict[str, list[float]] = {}
    for batch in (1, 32):
        scripts = {"modelwright": "step_modelwright.py", "bare loop": "step_torch.py"}
        subjects = {f"{name}, batch {batch}": alike([file, str(batch)]) for name, file in scripts.items()}
        times, _ = interleaved(subjects, setting.rounds, lambda outcome: outcome.values["milliseconds"])
        ours, bare = times.values()
        added = spread([a - b for a, b in zip(ours, bare)])
        lines += [Line(f"a step of {name}", f"{spread(values)} ms") for name, values in times.items()]
        lines.append(at_most(f"added, batch {batch}", f"{added} ms", added.median, ADDED_MILLISECONDS, " ms"))
        kept |= times
    about = (
        f"A dense net {task.WIDTH}-{task.HIDDEN}-2 on a table, fused Adam in both, mean of {task.STEPS:,} warm steps."
    )
    return [Section("Added cost of a step", about, lines)], {"milliseconds": kept}


def processor(setting: Setting) -> Measured:
    """The processor time of a whole `train digits` against a script of one's own."""

    def train(number: int) -> Outcome:
        out = str(setting.folder / f"run{number}")
        options = ["--no-baselines", "--no-report", "--json", "--out", out]
        return run(["-m", "modelwright.cli", "train", "digits", *options])

    first = train(-1)  # fills the caches
    epochs = len((setting.folder / "run-1" / "history.jsonl").read_text().splitlines())
    subjects = {"modelwright train digits": train, "a plain script": alike(["digits_torch.py", str(epochs)])}
    times, outcomes = interleaved(subjects, setting.rounds, lambda outcome: outcome.processor_seconds)
    ours, plain = times
    accuracy = {
        ours: first.values["test"]["label"]["accuracy"],
        plain: outcomes[plain][0].values["accuracy"],
    }
    ratio = ratios(times[ours], times[plain])
    lines = [Line(name, f"{spread(values)} s, accuracy {accuracy[name]:.3f}") for name, values in times.items()]
    lines.append(at_most(f"{ours} / {plain}", f"{ratio}x", ratio.median, PROCESSOR_RATIO, "x"))
    about = f"User and system time of the process; {epochs} epochs, each validated; no baselines, no report."
    kept = {"seconds": times, "epochs": epochs, "accuracy": accuracy}
    return [Section("Processor time of training on digits", about, lines)], kept


def start(setting: Setting) -> Measured:
    """The processor time of starting, and whether torch is loaded."""
    show = "import json, sys; print(json.dumps({'torch': 'torch' in sys.modules}))"
    command = "import modelwright.cli\ntry: modelwright.cli.main(['--help'])\nexcept SystemExit: pass\n"
    loaded = {
        "modelwright --help": run(["-c", command + show]).values["torch"],
        "import modelwright": run(["-c", f"import modelwright; {show}"]).values["torch"],
    }
    subjects: dict[str, Callable[[int], Outcome]] = {
        "modelwright --help": alike(["-m", "modelwright.cli", "--help"]),
        "import modelwright": alike(["-c", "import modelwright"]),
        "python alone": alike(["-c", "pass"]),
    }
    times, _ = interleaved(subjects, 2 * setting.rounds, lambda outcome: outcome.processor_seconds)
    lines = []
    for name, torch in loaded.items():
        found = spread(times[name])
        reached = found.median <= START_SECONDS and not torch
        figure = f"{found} s, {'with' if torch else 'without'} torch"
        lines.append(Line(name, figure, f"<= {START_SECONDS} s, without torch", reached))
    lines.append(Line("python alone", f"{spread(times['python alone'])} s"))
    return [Section("Starting", "User and system time of the process.", lines)], {"seconds": times, "torch": loaded}


def large(setting: Setting) -> Measured:
    """Ten million rows of a CSV: memory, and time against half as many."""
    counts = (5_000_000, 10_000_000)
    half, whole = (run(["large_csv.py", "--rows", str(count)]).values for count in counts)
    ratio, peak = whole["seconds"] / half["seconds"], whole["peak_gigabytes"]
    lines = [
        Line(
            f"{found['rows'] // 1_000_000} million rows, {found['file_gigabytes']:.2f} GB", f"{found['seconds']:.0f} s"
        )
        for found in (half, whole)
    ]
    lines.append(at_most("peak of anonymous memory", f"{peak:.2f} GB", peak, LARGE_GIGABYTES, " GB"))
    lines.append(at_most("time for twice the rows", f"{ratio:.2f}x", ratio, LARGE_RATIO, "x"))
    about = "One epoch from the command line; RssAnon of the process, read every 0.2 s."
    return [Section("A large CSV", about, lines)], {"runs": [half, whole]}


def training(setting: Setting) -> Measured:
    """A GPT of 6 layers: tokens a second, share of what the processor gives, peak memory."""
    names = {"modelwright": "ours", "plain loop": "loop", "HF Trainer": "trainer"}
    scripts = {f"{n} {p}": ["gpt_training.py", s, p] for n, s in names.items() for p in ("fp32", "bf16")}
    rates, outcomes = interleaved(
        {name: alike(script) for name, script in scripts.items()},
        setting.rounds,
        lambda outcome: outcome.values["rate"],
    )
    lines = [Line(name, f"{spread(values, 4)} tokens/s") for name, values in rates.items()]
    for precision, goal, share in (("fp32", 1.0, 0.7), ("bf16", 1.5, 0.55)):
        subject = f"modelwright {precision}"
        ratio = ratios(rates[subject], rates["plain loop fp32"])
        lines.append(at_least(f"{subject} / plain loop fp32", f"{ratio}x", ratio.median, goal, "x"))
        for other in {f"plain loop {precision}", f"HF Trainer {precision}"} - {"plain loop fp32"}:
            lines.append(Line(f"{subject} / {other}", f"{ratios(rates[subject], rates[other])}x"))
        most = run(["gpt_training.py", "matmul", precision]).values["operations"]
        part = spread([outcome.values["operations"] / most for outcome in outcomes[subject]])
        lines.append(at_least(f"{subject}, share of the matmul rate", f"{part}", part.median, share, ""))
    memory = {name: [outcome.values["gigabytes"] for outcome in found] for name, found in outcomes.items()}
    peaks = {name: spread(values) for name, values in memory.items()}
    most = peaks["plain loop fp32"].median
    lines += [
        at_most(f"memory of {n}", f"{peaks[n]} GB", peaks[n].median, most, " GB") for n in scripts if "model" in n
    ]
    lines.append(Line("memory of plain loop fp32", f"{peaks['plain loop fp32']} GB"))
    about = "AdamW, 12 rows of 256 characters; both of one net, transformers' Qwen3 in its Trainer."
    return [Section("Training a GPT of 6 layers, width 384", about, lines)], {"rates": rates, "gigabytes": memory}


def decoding(setting: Setting) -> Measured:
    """A decoder of 124 million weights: greedy tokens a second."""
    wanted = [("ours", p, b) for p in ("fp32", "bf16") for b in ("1", "8")]
    wanted += [("huggingface", p, "1") for p in ("fp32", "bf16")]
    subjects = {" ".join(words): alike(["decoding.py", *words]) for words in wanted}
    rates, _ = interleaved(subjects, setting.rounds, lambda outcome: outcome.values["rate"])
    lines = [Line(name, f"{spread(values)} tokens/s") for name, values in rates.items()]
    for precision in ("fp32", "bf16"):
        for other, batch, goal in (("huggingface", "1", 1.0), ("ours", "8", 3.0)):
            one, two = rates[f"ours {precision} {batch}"], rates[f"{other} {precision} 1"]
            ratio = ratios(one, two)
            name = f"batch {batch} {precision} / {other} batch 1"
            lines.append(at_least(name, f"{ratio}x", ratio.median, goal, "x"))
    return [Section("Decoding, 124 million weights", "Greedy, 48 tokens after 16.", lines)], {"rates": rates}


ALL: dict[str, Callable[[Setting], Measured]] = {
    "images": images,
    "steps": steps,
    "processor": processor,
    "start": start,
    "large": large,
    "training": training,
    "decoding": decoding,
}
