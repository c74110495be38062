"""Exact checkpoints: nested state (tensors, numbers, text) in one safetensors file, written atomically.

Data only, no pickle. Knows nothing of models or training.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from .errors import RunError
from .files import atomic


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file atomically: the same tensors always give the same bytes."""
    import safetensors.torch

    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    data = safetensors.torch.save(_unshared(whole), metadata or {"format": "pt"})
    with atomic(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


def _unshared(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    seen: set[int] = set()
    result = {}
    for name, value in tensors.items():
        result[name] = value.clone() if value.data_ptr() in seen and value.numel() else value
        seen.add(value.data_ptr())
    return result


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file. Raises RunError when it is missing, truncated or not such a file."""
    import safetensors.torch

    try:
        return safetensors.torch.load(path.read_bytes())
    except FileNotFoundError:
        raise RunError("the file is missing.", where=str(path)) from None
    except Exception as error:  # the library raises its own type, with the reason in its text
        raise RunError(f"the file is damaged ({error}).", where=str(path)) from None


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` to `folder/last.safetensors`, keeping the one before as `previous.safetensors`."""
    tensors: dict[str, torch.Tensor] = {}
    skeleton = _take_tensors(state, "", tensors)
    last = folder / "last.safetensors"
    if last.exists():
        os.replace(last, folder / "previous.safetensors")
    save_tensors(last, tensors, {"format": "pt", "state": json.dumps(skeleton)})


def load(folder: Path) -> tuple[dict[str, Any], str] | None:
    """The newest readable state and a note about damaged files passed over; None when nothing was saved yet."""
    import safetensors

    notes: list[str] = []
    for name in ("last.safetensors", "previous.safetensors"):
        path = folder / name
        if not path.exists():
            continue
        try:
            with safetensors.safe_open(path, "pt") as file:
                skeleton = json.loads(file.metadata()["state"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            return _put_tensors(skeleton, tensors), " ".join(notes)
        except Exception as error:
            notes.append(f"{path} is damaged ({error}) and was passed over.")
    if notes:
        hint = f"{' '.join(notes)} Delete the folder to train from the beginning."
        raise RunError("no checkpoint can be read.", where=str(folder), hint=hint)
    return None


def _take_tensors(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        tensors[path] = value
        return {"tensor": path}
    if isinstance(value, dict):  # as pairs: optimisers use integers as keys, which JSON would turn into text
        return {"pairs": [[key, _take_tensors(v, f"{path}/{key}", tensors)] for key, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_take_tensors(v, f"{path}/{i}", tensors) for i, v in enumerate(value)]
    return value


def _put_tensors(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _put_tensors(v, tensors) for key, v in value["pairs"]}
    if isinstance(value, list):
        return [_put_tensors(v, tensors) for v in value]
    return value
