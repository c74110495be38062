"""A recipe on real hosts: a Flower superlink and two supernodes as processes on loopback give the simulation's weights."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from modelwright import checkpoint, training
from modelwright.recipe import load

pytestmark = [pytest.mark.slow]
APP = """
[project]
name = "blobs"
version = "1.0.0"
description = "Two blobs, federated"
license = "Apache-2.0"
dependencies = []

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "modelwright"

[tool.flwr.app.components]
serverapp = "modelwright.privacy.flower:server"
clientapp = "modelwright.privacy.flower:client"

[tool.flwr.app.config]
recipe = "{recipe}"
out = "{out}"
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_two_hosts_give_the_weights_of_the_simulation(tmp_path):
    pytest.importorskip("flwr")
    random = np.random.default_rng(0)
    lines = [f"{random.normal() + 3 * (i % 2):.4f},{'ab'[i % 2]},{('north', 'south')[i % 3 // 2]}" for i in range(120)]
    (tmp_path / "blobs.csv").write_text("x,side,town\n" + "\n".join(lines) + "\n")
    federated = {"clients": 2, "split": "town", "fraction": 1.0, "rounds": 2, "epochs": 2}
    train = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "speed": "fixed", "threads": 1}
    given = {"data": str(tmp_path / "blobs.csv"), "target": "side", "columns": {"town": "drop"}, "baselines": False}
    given |= {"federated": federated, "train": train, "model": {"encoders": {"table": {"kind": "mlp", "hidden": [8]}}}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(given))
    simulated = training.train(load(str(tmp_path / "recipe.yaml")), tmp_path / "simulated")
    out = tmp_path / "hosts"
    run_on_hosts(tmp_path, out, ("north", "south"))
    one, other = (checkpoint.load_tensors(path / "model.safetensors") for path in (simulated.path, out))
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)
    assert json.loads((out / "privacy.json").read_text())["rounds"] == 2


def run_on_hosts(folder: Path, out: Path, clients: tuple[str, ...]) -> None:
    """Start a superlink and a supernode a client, give them the app, wait for the run folder, and end them all."""
    home, app, port, tools = folder / "home", folder / "app", free_port(), Path(sys.executable).parent
    home.mkdir()
    app.mkdir()
    (app / "pyproject.toml").write_text(APP.format(recipe=folder / "recipe.yaml", out=out))
    (app / "blobs.py").write_text("")
    (home / "config.toml").write_text(f'[superlink.ours]\naddress = "127.0.0.1:{port}"\ninsecure = true\n')
    environment = {
        **os.environ,
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
    }
    environment |= {"PATH": f"{tools}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    alone = "--disable-runtime-dependency-installation"
    commands = [["flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", str(port), alone]]
    for client in clients:
        config = f'data="{folder / "recipe.yaml"}" client="{client}"'
        where = ["--superlink", f"127.0.0.1:{port}", "--host", "127.0.0.1", "--port", str(free_port())]
        commands.append(["flower-supernode", "--insecure", *where, "--node-config", config])
    started, log = [], (folder / "flower.log").open("w")
    try:
        for command in commands:
            started.append(
                subprocess.Popen(
                    [str(tools / command[0]), *command[1:]],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        await_(lambda: listens(port), 60, folder)
        submitted = [str(tools / "flwr"), "run", str(app), "ours"]
        done = subprocess.run(submitted, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        await_(lambda: (out / "status").exists() and "finished" in (out / "status").read_text(), 180, folder)
    finally:
        for process in started:
            process.terminate()
        for pid in of_home(home):  # what they started themselves, in sessions of its own
            os.kill(pid, signal.SIGKILL)
        for process in started:
            process.wait(timeout=20)
        log.close()
    assert not of_home(home)


def of_home(home: Path) -> list[int]:
    """The processes whose environment names this test's own folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"FLWR_HOME={home}\0".encode() in file.read_bytes():
                found.append(int(file.parent.name))
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def await_(condition, seconds: float, folder: Path) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, (folder / "flower.log").read_text()[-6000:]
        time.sleep(0.3)
