"""The verb `decrypt`."""

from __future__ import annotations

from pathlib import Path

from ..errors import RunError
from ..report import Report, Text


def decrypt(file: str, *, out: str | None = None, passphrase_file: str | None = None) -> Report:
    """Open an encrypted run.

    A wrong passphrase or a changed file leaves nothing behind.

    Args:
        file: a file written by encrypt
        out: the folder to write (default: the file's name without .mwe)
        passphrase_file: a file whose text is the passphrase (default: $MODELWRIGHT_PASSPHRASE, else it is asked)
    """
    from .. import provenance
    from ..privacy import encryption

    path = Path(file)
    if not path.is_file():
        raise RunError("there is no such file.", where=file)
    if not out and path.suffix != encryption.ENDING:
        raise RunError(f"the name does not end with {encryption.ENDING}.", where=file, hint="Name a folder with --out.")
    folder = Path(out) if out else path.with_suffix("")
    if folder.exists():
        raise RunError("the folder is there already.", where=str(folder), hint="Name another with --out.")
    encryption.decrypt(path, folder, encryption.passphrase(passphrase_file, new=False))
    provenance.append(folder, "decrypt", arguments={"file": file})
    report = Report(f"{folder}: decrypted", data={"file": file, "run": str(folder)})
    report.blocks.append(Text("Next", f"modelwright show {folder}"))
    return report
