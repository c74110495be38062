"""Megabytes a second of encrypting and decrypting a run of random bytes: `encryption.py [--megabytes 512]`."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from modelwright.privacy import encryption


def main() -> None:
    """Write, encrypt, decrypt, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "run").mkdir()
        with open(folder / "run" / "model.safetensors", "wb") as file:
            for _ in range(given.megabytes):
                file.write(os.urandom(1_000_000))
        began = time.perf_counter()
        encryption._cipher("correct horse", encryption.HEADER.pack(b"", 1, encryption.COST, 1, b""))
        print(f"a key: {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        encryption.encrypt(folder / "run", folder / "run.mwe", "correct horse")
        between = time.perf_counter()
        encryption.decrypt(folder / "run.mwe", folder / "again", "correct horse")
        for what, seconds in (("encrypt", between - began), ("decrypt", time.perf_counter() - between)):
            print(f"{what}: {given.megabytes / seconds:.0f} MB/s with the key ({seconds:.2f} s)")


if __name__ == "__main__":
    main()
