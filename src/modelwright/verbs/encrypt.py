"""The verb `encrypt`."""

from __future__ import annotations

from pathlib import Path

from ..errors import RunError
from ..report import Number, Report, Text


def encrypt(run: str, *, out: str | None = None, passphrase_file: str | None = None) -> Report:
    """Write a run as one encrypted file.

    The passphrase is asked on the terminal, or read from --passphrase-file or $MODELWRIGHT_PASSPHRASE. Without it nobody
    can open the file. The run's folder stays as it is.

    Args:
        run: a run folder
        out: the file to write (default: the run's name with .mwe)
        passphrase_file: a file whose text is the passphrase
    """
    from .. import provenance
    from ..privacy import encryption
    from ..status import hold, read_status

    folder = Path(run)
    file = Path(out) if out else folder.with_name(folder.resolve().name + encryption.ENDING)
    status = read_status(folder)
    if status.state == "running":
        raise RunError("is being trained right now by another process.", where=run)
    if file.exists():
        raise RunError("the file is there already.", where=str(file), hint="Name another with --out.")
    secret = encryption.passphrase(passphrase_file, new=True)
    with hold(folder):
        provenance.append(
            folder, "encrypt", arguments={"run": run, "out": str(file)}
        )  # before, so that it is in the file
        encryption.encrypt(folder, file, secret)
    size = file.stat().st_size
    report = Report(f"{run}: encrypted", data={"run": run, "out": str(file), "bytes": size})
    report.blocks.append(Number("size", size / 1e6, unit="MB"))
    report.blocks.append(Text("Next", f"modelwright decrypt {file}; remove {run} once that has worked"))
    return report
