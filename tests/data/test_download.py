"""Downloads against a real server on this machine: progress, resume, checksums, and every way to fail."""

import errno
import gzip
import hashlib
import http.server
import threading

import pytest

from modelwright.data import download
from modelwright.errors import DataError, StorageError

CONTENT = bytes(range(256)) * 4000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.headers.get("Range"))
        if self.path == "/absent":
            self.send_error(404, "Not Found")
            return
        start = 0
        if (asked := self.headers.get("Range")) and self.path != "/no-ranges":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(CONTENT):
                self.send_error(416)
                return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.asked = []
    found.address = f"http://127.0.0.1:{found.server_port}"
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()


def test_a_file_arrives_once_whole_and_checked(server, tmp_path):
    target = tmp_path / "deep" / "file.bin"
    assert download.fetch(f"{server.address}/file", target, SHA) == target
    assert target.read_bytes() == CONTENT
    download.fetch(f"{server.address}/file", target, SHA)
    assert server.asked == [None]
    assert list(target.parent.iterdir()) == [target]


def test_a_partial_file_is_continued(server, tmp_path):
    target = tmp_path / "file.bin"
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    download.fetch(f"{server.address}/file", target, SHA)
    assert server.asked == ["bytes=1000-"]
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(server, tmp_path):
    target = tmp_path / "file.bin"
    (tmp_path / "file.bin.part").write_bytes(b"rubbish")
    download.fetch(f"{server.address}/no-ranges", target, SHA)
    assert target.read_bytes() == CONTENT


def test_a_whole_partial_file_is_accepted(server, tmp_path):
    target = tmp_path / "file.bin"
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    download.fetch(f"{server.address}/file", target, SHA)
    assert target.read_bytes() == CONTENT


def test_a_cut_transfer_keeps_its_part_and_goes_on(server, tmp_path):
    target = tmp_path / "file.bin"
    with pytest.raises(DataError) as caught:
        download.fetch(f"{server.address}/cut", target, SHA)
    assert str(caught.value) == (
        f"{server.address}/cut: the download failed (IncompleteRead(0 bytes read, {len(CONTENT) // 2} more expected)). "
        "Check the network; the next try goes on from here."
    )
    assert not target.exists() and (tmp_path / "file.bin.part").stat().st_size == len(CONTENT) // 2
    download.fetch(f"{server.address}/file", target, SHA)
    assert server.asked[-1] == f"bytes={len(CONTENT) // 2}-"
    assert target.read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    target = tmp_path / "file.bin"
    with pytest.raises(DataError) as caught:
        download.fetch(f"{server.address}/file", target, "f" * 64)
    assert str(caught.value) == (
        f"{server.address}/file: the checksum is wrong: expected sha256 {'f' * 64}, found {SHA}. "
        "Try again; if it stays, the file at this address has changed."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_absent_file(server, tmp_path):
    with pytest.raises(DataError) as caught:
        download.fetch(f"{server.address}/absent", tmp_path / "f", SHA)
    assert str(caught.value) == f"{server.address}/absent: the server answered 404 (Not Found)."


def test_no_network(tmp_path):
    with pytest.raises(DataError, match=r"http://127.0.0.1:9/f: the download failed \(.*refused.*Check the network"):
        download.fetch("http://127.0.0.1:9/f", tmp_path / "f", SHA)


def test_a_full_disk(server, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.os, "replace", full)
    target = tmp_path / "file.bin"
    with pytest.raises(StorageError) as caught:
        download.fetch(f"{server.address}/file", target, SHA)
    assert str(caught.value) == f"{target}: the download cannot be written (No space left on device)."


def test_content_decides_for_files_that_mirrors_pack_differently(tmp_path):
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(CONTENT))
    assert download.matches(path, "0" * 64, SHA)
    assert not download.matches(path, "0" * 64, "1" * 64)
    path.write_bytes(b"no gzip")
    assert not download.matches(path, "0" * 64, SHA)


def test_a_named_set_is_downloaded_into_the_cache(server, cache, monkeypatch):
    from modelwright.data import _stored, catalogue

    monkeypatch.delenv("MODELWRIGHT_DATA", raising=False)
    file = _stored.Stored("sets/file.bin", SHA, len(CONTENT), url=f"{server.address}/file")
    named = catalogue.Named("t", "", ("b",), lambda paths: (paths[0].read_bytes(), None), (file,))
    assert named.read().table == CONTENT
    assert (cache / "downloads" / "sets" / "file.bin").exists()
    assert named.read().table == CONTENT and len(server.asked) == 1
