"""Encrypted runs: the folder comes back as it was, and any change of the file is refused without a trace."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile

import pytest

from modelwright import Run, decrypt, encrypt
from modelwright.cli import main
from modelwright.errors import RunError, UserError
from modelwright.privacy import encryption

SECRET = "correct horse battery"

pytest.importorskip("cryptography")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(encryption, "COST", 4)
    monkeypatch.setattr(encryption, "CHUNK", 1000)
    monkeypatch.setenv("MODELWRIGHT_PASSPHRASE", SECRET)


@pytest.fixture
def run(tmp_path):
    """A folder that looks like a run, of several chunks."""
    folder = tmp_path / "run"
    (folder / "reports" / "empty").mkdir(parents=True)
    (folder / "status").write_text(json.dumps({"state": "finished"}))
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 20)
    (folder / "reports" / "\u62a5\u544a.json").write_text("{}")
    return folder


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def refused(file, out, match):
    before = sorted(os.listdir(file.parent))
    with pytest.raises(RunError, match=match):
        decrypt(str(file), out=str(out))
    assert sorted(os.listdir(file.parent)) == before


def test_there_and_back(run, tmp_path):
    report = encrypt(str(run))
    file = tmp_path / "run.mwe"
    assert report.data["out"] == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = contents(run)
    assert b"finished" not in file.read_bytes()
    decrypt(str(file), out=str(tmp_path / "again"))
    after = contents(tmp_path / "again")
    log = after.pop("provenance.jsonl").decode().splitlines()
    assert [json.loads(line)["verb"] for line in log] == ["encrypt", "decrypt"]
    assert before.pop("provenance.jsonl").decode().splitlines() == log[:1]
    assert after == before
    assert stat.S_IMODE((tmp_path / "again").stat().st_mode) == 0o700


def test_two_files_of_one_run_share_nothing(run, tmp_path):
    for name in "ab":
        encryption.encrypt(run, tmp_path / name, SECRET)
    first, second = ((tmp_path / name).read_bytes() for name in "ab")
    assert len(first) == len(second)
    assert sum(x == y for x, y in zip(first[27:], second[27:])) < len(first) / 50


def test_a_wrong_passphrase_is_refused(run, tmp_path, monkeypatch):
    encrypt(str(run))
    monkeypatch.setenv("MODELWRIGHT_PASSPHRASE", SECRET + "!")
    refused(tmp_path / "run.mwe", tmp_path / "again", "passphrase is wrong")


def test_every_flipped_bit_is_refused(run, tmp_path):
    encrypt(str(run))
    file = tmp_path / "run.mwe"
    good = file.read_bytes()
    places = [*range(encryption.HEADER.size), *range(encryption.HEADER.size, len(good), 97), len(good) - 1]
    for number, place in enumerate(places):
        damaged = bytearray(good)
        damaged[place] ^= 1 << number % 8
        file.write_bytes(damaged)
        refused(file, tmp_path / "again", "wrong|damaged|no encrypted run")
    file.write_bytes(good)
    decrypt(str(file), out=str(tmp_path / "again"))


def test_chunks_cannot_be_moved_dropped_added_or_cut(run, tmp_path):
    encrypt(str(run))
    file = tmp_path / "run.mwe"
    good, begin, size = file.read_bytes(), encryption.HEADER.size, 1000 + encryption.TAG
    header, chunks = good[:begin], [good[i : i + size] for i in range(begin, len(good), size)]
    assert len(chunks) > 5
    wrong = {
        "swapped": [chunks[1], chunks[0], *chunks[2:]],
        "first dropped": chunks[1:],
        "one dropped": chunks[:2] + chunks[3:],
        "last dropped": chunks[:-1],
        "all dropped": [],
        "one twice": [*chunks[:2], *chunks[1:]],
        "last twice": [*chunks, chunks[-1]],
        "something behind": [*chunks, b"x"],
        "a byte less": [*chunks[:-1], chunks[-1][:-1]],
        "half": [*chunks[:3], chunks[3][:500]],
    }
    for name, found in wrong.items():
        file.write_bytes(header + b"".join(found))
        refused(file, tmp_path / name, "damaged")


@pytest.mark.parametrize("content", [b"", b"MWRUN", b"\x89PNG" + bytes(100)])
def test_what_is_no_encrypted_run_is_refused(content, tmp_path):
    file = tmp_path / "x.mwe"
    file.write_bytes(content)
    refused(file, tmp_path / "x", "no encrypted run")


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "a/../../outside", "a\\..\\b", "link", "hard"])
def test_nothing_gets_out_of_the_folder(name, tmp_path, monkeypatch):
    """Even with the passphrase: an archive made to do harm."""
    evil = io.BytesIO()
    with tarfile.open(fileobj=evil, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}.get(name, tarfile.REGTYPE)
        member.linkname = "/etc/passwd"
        archive.addfile(member)
    header = encryption.HEADER.pack(encryption.MAGIC, encryption.VERSION, 4, 1000, bytes(16))
    file = tmp_path / "evil.mwe"
    with open(file, "wb") as sink:
        sink.write(header)
        sealed = encryption._Sealing(sink, encryption._cipher(SECRET, header), header)
        sealed.write(evil.getvalue())
        sealed.finish()
    refused(file, tmp_path / "evil", "does not belong into a run")


def test_links_are_not_encrypted(run, tmp_path):
    (run / "link").symlink_to("/etc/passwd")
    with pytest.raises(RunError, match="plain files only"):
        encrypt(str(run))
    assert not (tmp_path / "run.mwe").exists()


def test_a_run_being_trained_is_refused(run, tmp_path):
    from modelwright.status import hold, write_status

    write_status(run, "running")
    with hold(run), pytest.raises(RunError, match="being trained"):
        encrypt(str(run))
    assert not (tmp_path / "run.mwe").exists()


def test_nothing_is_overwritten(run, tmp_path):
    encrypt(str(run))
    with pytest.raises(RunError, match="there already"):
        encrypt(str(run))
    with pytest.raises(RunError, match="there already"):
        decrypt(str(tmp_path / "run.mwe"))


def test_loading_an_encrypted_run_says_what_to_type(run, tmp_path):
    encrypt(str(run))
    run.rename(tmp_path / "moved")
    for path in (tmp_path / "run.mwe", run):
        with pytest.raises(RunError, match=r"encrypted\. Open it with: modelwright decrypt .*run\.mwe"):
            Run.load(path)


def test_where_the_passphrase_comes_from(run, tmp_path, monkeypatch):
    encrypt(str(run))
    monkeypatch.delenv("MODELWRIGHT_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UserError, match="no terminal"):
        decrypt(str(tmp_path / "run.mwe"), out=str(tmp_path / "again"))
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    decrypt(str(tmp_path / "run.mwe"), out=str(tmp_path / "again"), passphrase_file=str(file))
    file.write_text("short")
    with pytest.raises(UserError, match="5 characters, 8 are the least"):
        encrypt(str(run), out=str(tmp_path / "b.mwe"), passphrase_file=str(file))
    with pytest.raises(UserError, match="cannot be read"):
        encrypt(str(run), out=str(tmp_path / "b.mwe"), passphrase_file=str(tmp_path / "none"))


def test_it_is_asked_for_without_echo(run, tmp_path, monkeypatch):
    monkeypatch.delenv("MODELWRIGHT_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    answers = iter([SECRET, "another one", SECRET, SECRET, SECRET])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    with pytest.raises(UserError, match="not the same"):
        encrypt(str(run))
    encrypt(str(run))
    decrypt(str(tmp_path / "run.mwe"), out=str(tmp_path / "again"))


def test_memory_stays_constant(tmp_path, monkeypatch):
    import tracemalloc

    monkeypatch.setattr(encryption, "CHUNK", 1 << 20)
    (tmp_path / "run").mkdir()
    with open(tmp_path / "run" / "big", "wb") as file:
        for _ in range(64):
            file.write(os.urandom(1 << 20))
    encryption.encrypt(tmp_path / "run", tmp_path / "a.mwe", SECRET)  # what is imported is not counted
    tracemalloc.start()
    encryption.encrypt(tmp_path / "run", tmp_path / "b.mwe", SECRET)
    encryption.decrypt(tmp_path / "b.mwe", tmp_path / "again", SECRET)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6
    assert (tmp_path / "again" / "big").read_bytes() == (tmp_path / "run" / "big").read_bytes()


def test_the_commands(run, tmp_path, capsys):
    for command in (
        ["encrypt", str(run)],
        ["decrypt", str(tmp_path / "run.mwe"), "--out", str(tmp_path / "b"), "--json"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["run"] == str(tmp_path / "b")
