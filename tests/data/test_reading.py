"""Every door through which rows come, and what a person is told when they cannot."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.data import _typed, reading
from modelwright.errors import DataError

PLAIN = "a,b\n1,x\n2,y\n"
TABLE = {"a": ["1", "2"], "b": ["x", "y"]}


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder, name, content, **options):
    path = write(folder, name, content)
    return reading.read({"path": str(path), **options} if options else str(path))


def refusal(spec, base="."):
    with pytest.raises(DataError) as caught:
        reading.read(spec, base)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", PLAIN),
        ("t.csv", PLAIN.replace("\n", "\r\n")),
        ("t.csv", PLAIN.rstrip("\n")),
        ("t.csv", "\ufeff" + PLAIN),
        ("t.csv", PLAIN.replace(",", ";")),
        ("t.csv", PLAIN.replace(",", "|")),
        ("t.tsv", PLAIN.replace(",", "\t")),
        ("t.txt", PLAIN.replace(",", "\t")),
        ("t.data", PLAIN),
        ("t.dat", PLAIN.replace(",", "   ")),
        ("t.csv", PLAIN.replace(",", ", ")),
        ("t.csv", 'a, b\n1, "x"\n2, "y"\n'),
        ("t.csv", '"a","b"\n"1","x"\n"2","y"\n'),
        ("t.csv", PLAIN.encode("utf-16")),
        ("t.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)),
        ("no_ending", PLAIN),
    ],
)
def test_delimited_text_of_every_kind_gives_the_same_strings(tmp_path, name, content):
    rows = read(tmp_path, name, content)
    assert rows.table.to_pydict() == TABLE
    assert set(rows.table.schema.types) == {pa.string()}
    assert (rows.part, rows.root, rows.name) == (None, tmp_path, name.partition(".")[0])


def test_quotes_protect_commas_newlines_and_quotes(tmp_path):
    rows = read(tmp_path, "t.csv", 'a,b\n1,"x, y"\n2,"two\nlines"\n3,"say ""hi"""\n')
    assert rows.table.column("b").to_pylist() == ["x, y", "two\nlines", 'say "hi"']


def test_a_lone_quote_in_a_tab_separated_file_is_a_character(tmp_path):
    rows = read(tmp_path, "t.tsv", 'text\tlabel\n"so good\t1\nbad\t0\n')
    assert rows.table.column("text").to_pylist() == ['"so good', "bad"]


def test_nothing_is_inferred_and_missing_marks_stay(tmp_path):
    rows = read(tmp_path, "t.csv", "a,b\n001,NA\n,?\nnan,1e3\n")
    assert rows.table.to_pydict() == {"a": ["001", "", "nan"], "b": ["NA", "?", "1e3"]}


def test_without_a_header_columns_are_numbered_and_said_so(tmp_path):
    rows = read(tmp_path, "t.csv", "5.1,red\n4.9,blue\n")
    assert rows.table.to_pydict() == {"column_1": ["5.1", "4.9"], "column_2": ["red", "blue"]}
    assert "column_1 to column_2" in rows.notes[0]


def test_a_header_over_text_is_told_from_text_without_header(tmp_path):
    body = "x,red\ny,blue\nx,blue\ny,red\n"
    assert read(tmp_path, "t.csv", "kind,colour\n" + body).table.column_names == ["kind", "colour"]
    assert read(tmp_path, "t.csv", body).table.column_names == ["column_1", "column_2"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"header": False}, {"column_1": ["a", "1", "2"], "column_2": ["b", "x", "y"]}),
        ({"names": ["p", "q"], "header": True}, {"p": ["1", "2"], "q": ["x", "y"]}),
        ({"names": ["a", "b"]}, TABLE),
        ({"names": ["p", "q"]}, {"p": ["a", "1", "2"], "q": ["b", "x", "y"]}),
        ({"delimiter": ";"}, {"a,b": ["1,x", "2,y"]}),
    ],
)
def test_options_overrule_what_would_be_guessed(tmp_path, options, expected):
    assert read(tmp_path, "t.csv", PLAIN, **options).table.to_pydict() == expected


def test_spaces_are_kept_where_cells_merely_contain_them(tmp_path):
    content = "a,b\n x,y z \n p,q\n"
    assert read(tmp_path, "t.csv", content).table.to_pydict() == {"a": [" x", " p"], "b": ["y z ", "q"]}
    assert read(tmp_path, "t.csv", content, skip_spaces=True).table.to_pydict() == {"a": ["x", "p"], "b": ["y z", "q"]}


def test_an_unnamed_column_gets_a_name(tmp_path):
    assert read(tmp_path, "t.csv", ",b\n0,x\n1,y\n").table.column_names == ["unnamed_1", "b"]


def test_gb18030_is_read_when_named_and_otherwise_hinted_at(tmp_path):
    content = "label,review\n1,很快\n0,味道不好\n".encode("gb18030")
    rows = read(tmp_path, "t.csv", content, encoding="gb18030")
    assert rows.table.column("review").to_pylist() == ["很快", "味道不好"]
    path = write(tmp_path, "t.csv", content)
    assert refusal(str(path)) == (
        f"{path}: byte 15 (line 2) is not valid utf-8. If the file was saved in another encoding, name it: "
        "data: {path: t.csv, encoding: gb18030}"
    )


def test_the_place_of_a_bad_byte_is_found_far_into_the_file(tmp_path):
    start = b"a,b\n" + b"1,good\n" * 300_000
    path = write(tmp_path, "t.csv", start + "2,café au lait\n".encode("latin-1"))
    assert refusal(str(path)).startswith(f"{path}: byte {len(start) + 5} (line 300002) is not valid utf-8.")
    assert "encoding: latin-1" in refusal(str(path))


def test_a_ragged_row_is_named_by_its_line(tmp_path):
    path = write(tmp_path, "t.csv", 'a,b\n1,"two\nlines"\n2,x,y\n3,z\n')
    assert refusal(str(path)) == (
        f"{path}:4: expected 2 cells as in the first row, found 3. Put quotes around cells that contain the delimiter."
    )
    path = write(tmp_path, "s.csv", "a,b,c\n" + "1,2,3\n" * 5000 + "1,2\n")
    assert refusal(str(path)).startswith(f"{path}:5002: expected 3 cells as in the first row, found 2.")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "the file is empty."),
        ("t.csv", "\n  \n", "the file is empty."),
        ("t.csv", "a,b\n", "the file has a header and no rows. If it has no header: header: false"),
        ("t.csv", "a,b,a\n1,2,3\n", "several columns are called 'a'. Rename them, or give `names: [...]` "
         "with `header: true`."),
        ("t.csv", b"\x89PNG\0\0\1\2", "this is a binary file, not delimited text. Tables are read from "
         ".csv, .tsv, .parquet, .jsonl, .arrow, .feather and .arff, also as .gz or .zip."),
        ("t.csv.gz", b"no gzip", "the file is damaged or cut short (Not a gzipped file (b'no'))."),
        ("t.csv.gz", gzip.compress(PLAIN.encode() * 999, mtime=0)[:-20], "the file is damaged or cut short "
         "(Compressed file ended before the end-of-stream marker was reached)."),
        ("t.csv", 'a,b\n1,x\n2,"y\n3,z\n', ":3: a quote is opened here and never closed. "
         "To take quotes as text: quote: \"\""),
        ("x-images-idx3-ubyte", b"\0\0\x08\x03" + bytes(12), "an array of the shape (0, 0, 0) holds no images."),
        ("t.zip", b"no zip", "the file is damaged or cut short (File is not a zip file)."),
        ("t.xlsx", b"PK", "Excel files are not read. Save the table as CSV or Parquet."),
        ("t.json", "", "the file is empty."),
        ("t.json", "[]", "there are no columns."),
        ("t.arff", "hello\n", ":1: this line of the header begins with no known keyword."),
        ("t.arff", "@relation r\n@attribute a real\n", "this is not an ARFF file: it has no @attribute or no @data."),
        ("t.arff", "@attribute a real\n@data\n", "the file has a header and no rows."),
        ("t.arff", "@attribute a real\n@data\n1\n1,2\n", ":4: expected 1 cells as the header says, found 2."),
        ("t.arff", "@attribute a real\n@data\n{0 1}\n",
         ":3: sparse rows of ARFF are not read. Save the file as CSV or dense ARFF."),
        ("x-images-idx3-ubyte", b"\0\0\x08\x01\0\0\0\5abc", "the header promises 13 bytes of (5,), found 11."),
        ("x-images-idx3-ubyte", b"PNG!", "this is not an idx file."),
        ("t.jsonl", '{"a": 1}\n{"a": \n', ":2:7: this is not valid JSON (Expecting value)."),
        ("t.jsonl", '{"a": 1}\n[3]\n', ":2: a line must be a JSON object, given list."),
        ("t.jsonl", b'{"a": "\xff"}\n', "byte 7 is not valid utf-8, which JSON must be."),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, message):
    path = write(tmp_path, name, content)
    said = refusal(str(path))
    assert said == f"{path}{'' if message.startswith(':') else ': '}{message}"


def test_damaged_typed_files_are_told(tmp_path):
    for name, kind in (("t.parquet", "Parquet"), ("t.feather", "Arrow")):
        path = write(tmp_path, name, b"PAR1 and no more")
        article = "an" if kind == "Arrow" else "a"
        assert refusal(str(path)).startswith(f"{path}: this is not {article} {kind} file, or it is damaged (")


def test_a_missing_file_suggests_what_is_there(tmp_path):
    write(tmp_path, "churn.csv", PLAIN)
    assert refusal("chrun.csv", tmp_path) == f"{tmp_path}/chrun.csv: the file does not exist. Did you mean 'churn.csv'?"
    assert refusal("no/t.csv", tmp_path) == f"{tmp_path}/no/t.csv: the file does not exist; nor does its folder."
    assert refusal("digit", tmp_path) == (
        "data: digit: there is no such file, folder or named data set. Did you mean 'digits' or 'pendigits'?"
    )


def test_an_encrypted_zip_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
        packed.writestr("t.csv", PLAIN)
    raw = bytearray((tmp_path / "t.zip").read_bytes())
    raw[6] |= 1  # the flag of encryption, in both headers
    raw[raw.index(b"PK\1\2") + 8] |= 1
    path = write(tmp_path, "t.zip", bytes(raw))
    assert refusal(str(path)) == (
        f"{path}: 't.csv' cannot be unpacked (File 't.csv' is encrypted, password required for extraction)."
    )


def test_paths_that_no_file_can_have(tmp_path):
    assert refusal("", tmp_path) == "data: the path is empty."
    assert refusal("x" * 5000 + ".csv", tmp_path).endswith("the file cannot be read (File name too long).")


@pytest.mark.skipif(os.name == "nt", reason="permissions differ")
def test_an_unreadable_file_is_told(tmp_path):
    path = write(tmp_path, "t.csv", PLAIN)
    path.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)  # root may read everything
        said = refusal(str(path))
    finally:
        if root:
            os.seteuid(0)
    assert said == f"{path}: the file may not be read. Check its permissions."


def test_options_are_checked(tmp_path):
    path = write(tmp_path, "t.csv", PLAIN)
    assert refusal({"path": str(path), "delimeter": ";"}) == (
        "data: 'delimeter' is not a key of data. Did you mean 'delimiter'?"
    )
    assert refusal({"path": str(path), "names": ["a"]}) == f"{path}: 1 names are given for 2 columns."
    assert refusal({"path": str(path), "delimiter": ";;"}) == f"{path}: a delimiter is one character, given ';;'."
    assert refusal({"path": str(path), "encoding": "klingon"}) == (
        f"{path}: 'klingon' is not an encoding. Common: utf-8, gb18030, latin-1."
    )
    path = write(tmp_path, "t.json", '[{"a": 1}]')
    assert refusal({"path": str(path), "header": False}) == (
        f"{path}: header: these options are for delimited text, not for .json files."
    )
    assert refusal({"path": "digits", "header": False}) == "data: digits: a named data set takes no reader options."


def test_zip_with_one_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
        packed.writestr("inside/t.csv", PLAIN)
        packed.writestr("__MACOSX/._t.csv", "litter")
    assert reading.read(str(tmp_path / "t.zip")).table.to_pydict() == TABLE
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as packed:
        packed.writestr("a.csv", PLAIN)
        packed.writestr("b.csv", PLAIN)
    path = tmp_path / "two.zip"
    assert refusal(str(path)) == (
        f"{path}: a zip must hold one table or a set of images; it holds 2 files (a.csv, b.csv, ...)."
    )


def test_large_files_are_mapped_and_read_once(tmp_path, monkeypatch, cache):
    content = "a,b\n" + "".join(f"{i},'{i}'\n" for i in range(2000))
    path = write(tmp_path, "t.csv", content)
    whole = reading.read(str(path)).table
    monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "1000")
    before = pa.total_allocated_bytes()
    mapped = reading.read(str(path)).table
    assert mapped.equals(whole)
    assert pa.total_allocated_bytes() - before < 2000  # the cells lie in the file
    (entry,) = (cache / "tables").iterdir()
    stamp = (entry / "table.arrow").stat().st_mtime_ns
    assert reading.read(str(path)).table.equals(whole)
    assert (entry / "table.arrow").stat().st_mtime_ns == stamp
    write(tmp_path, "t.csv", content + "3,4\n")
    assert reading.read(str(path)).table.num_rows == 2001


def test_a_large_file_is_read_without_a_usable_cache(tmp_path, monkeypatch):
    path = write(tmp_path, "t.csv", PLAIN)
    monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "1")
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(path / "not a folder"))
    with pytest.warns(UserWarning, match="cannot be used"):
        assert reading.read(str(path)).table.to_pydict() == TABLE


def test_errors_in_large_files_leave_nothing_behind(tmp_path, monkeypatch, cache):
    path = write(tmp_path, "t.csv", "a,b\n" + "1,2\n" * 3_000_000 + "1,2,3\n")
    monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "1000")
    assert refusal(str(path)).startswith(f"{path}:3000002: expected 2 cells")
    assert list((cache / "tables").iterdir()) == []


def test_typed_files_keep_their_types(tmp_path):
    table = pa.table({"n": [1, 2], "x": [0.5, None], "s": ["a", "b"], "set": [["p"], []]})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    pa.feather.write_feather(table, tmp_path / "t.feather")
    with pa.ipc.new_file(str(tmp_path / "t.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.new_stream(str(tmp_path / "stream.arrow"), table.schema) as writer:
        writer.write_table(table)
    lines = "\n".join(json.dumps(row) for row in table.to_pylist())
    write(tmp_path, "t.jsonl", lines)
    write(tmp_path, "t.jsonl.gz", gzip.compress(lines.encode()))
    write(tmp_path, "t.json", json.dumps(table.to_pylist()))
    (tmp_path / "magic").write_bytes((tmp_path / "t.parquet").read_bytes())
    for name in ("t.parquet", "t.feather", "t.arrow", "stream.arrow", "t.jsonl", "t.jsonl.gz", "t.json", "magic"):
        assert reading.read(str(tmp_path / name)).table.equals(table), name


def test_large_parquet_is_mapped(tmp_path, monkeypatch, cache):
    table = pa.table({"n": np.arange(5000)})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "1000")
    assert reading.read(str(tmp_path / "t.parquet")).table.equals(table)
    assert len(list((cache / "tables").iterdir())) == 1


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_large_json_lines_are_mapped_block_by_block(tmp_path, monkeypatch, cache, name):
    """Columns that come late, and types that widen from block to block, are as in memory."""
    rows = [{"n": i, "x": i if i < 500 else i + 0.5, "late": None, "mixed": i, "set": {"a": [i]}} for i in range(1000)]
    rows += [{"n": 2**60, "x": 3, "new": "é", "late": "x", "mixed": True, "set": {"b": 1}}] * 500
    content = ("\ufeff" + "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)).encode()
    path = write(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
    whole = reading.read(str(path)).table
    monkeypatch.setattr(_typed, "BLOCK_BYTES", 4000)
    monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "1000")
    before = pa.total_allocated_bytes()
    mapped = reading.read(str(path)).table
    assert pa.total_allocated_bytes() - before < 5000  # the cells lie in the file
    assert len(list((cache / "tables").iterdir())) == 1
    assert mapped.schema == whole.schema and mapped.to_pylist() == whole.to_pylist()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": \n', ":3001:7: this is not valid JSON (Expecting value)."),
        (b"[3]\n", ":3001: a line must be a JSON object, given list."),
        (b'{"a": "\xff"}\n', ": byte 27007 is not valid utf-8, which JSON must be."),
    ],
)
def test_errors_in_large_json_lines_are_those_in_small_ones(tmp_path, monkeypatch, cache, line, message):
    path = write(tmp_path, "t.jsonl", b'{"a": 1}\n' * 3000 + line)
    assert refusal(str(path)) == f"{path}{message}"
    monkeypatch.setattr(_typed, "BLOCK_BYTES", 4000)
    monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "1000")
    assert refusal(str(path)) == f"{path}{message}"
    assert list((cache / "tables").iterdir()) == []


def test_mixed_json_values_become_text(tmp_path):
    rows = read(tmp_path, "t.jsonl", '{"a": 1, "b": "x"}\n{"a": "one"}\n{"a": null, "c": true}\n')
    assert rows.table.to_pydict() == {"a": ["1", "one", None], "b": ["x", None, None], "c": [None, None, True]}


def test_arff_as_it_is_found_in_the_wild(tmp_path):
    content = (
        "% comment\r\n@RELATION 'my data'\r\n@attribute 'the name' {'<50', '>50_1'}\r\n@Attribute x  numeric\r\n"
        "@attribute \"quoted it's\" string\r\n\r\n@DATA\r\n'<50',  7,'it''s, so'\r\n% between\r\n '>50_1',?, plain \r\n"
    )
    rows = read(tmp_path, "t.arff", content)
    assert rows.table.to_pydict() == {
        "the name": ["<50", ">50_1"],
        "x": ["7", "?"],
        "quoted it's": ["it's, so", "plain"],
    }


def idx(array):
    kind = {"uint8": 8, "int32": 12}[array.dtype.name]
    head = bytes([0, 0, kind, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.astype(array.dtype.newbyteorder(">")).tobytes())


def test_idx_files_and_their_folder(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    labels = np.array([1, 0, 2, 2, 9], np.uint8)
    for part, take in (("train", slice(0, 3)), ("t10k", slice(3, 5))):
        write(tmp_path, f"{part}-images-idx3-ubyte.gz", idx(images[take]))
        write(tmp_path, f"{part}-labels-idx1-ubyte.gz", idx(labels[take]))
    rows = reading.read(str(tmp_path))
    assert rows.part.tolist() == [0, 0, 0, 2, 2]
    assert rows.table.column("label").to_pylist() == labels.tolist()
    found = [chunk.to_numpy_ndarray() for chunk in rows.table.column("image").chunks]
    assert np.array_equal(np.concatenate(found), images)
    one = reading.read(str(tmp_path / "t10k-images-idx3-ubyte.gz"))
    assert one.table.num_rows == 2 and one.part is None
    write(tmp_path, "t10k-labels-idx1-ubyte.gz", idx(labels[:4]))
    assert refusal(str(tmp_path)).endswith("4 labels for 2 images.")


def png(colour):
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(buffer, "PNG")
    return buffer.getvalue()


NAMES = ["train/cat/1.png", "train/cat/2.PNG", "train/dog/1.png", "test/cat/9.png", "test/dog/8.png"]


def test_folders_of_images_by_class(tmp_path):
    for name in NAMES:
        write(tmp_path / "pets", name, png("red"))
    rows = reading.read("pets", tmp_path)
    assert rows.table.column("label").to_pylist() == ["cat", "dog", "cat", "cat", "dog"]
    assert rows.part.tolist() == [2, 2, 0, 0, 0]
    assert all(os.path.isabs(path) and os.path.exists(path) for path in rows.table.column("image").to_pylist())
    train = reading.read(str(tmp_path / "pets" / "train"))
    assert train.part is None and train.table.num_rows == 3
    write(tmp_path / "pets", "cat/5.png", png("red"))
    assert "'cat/5.png' lies in none of train/, validation/, test/, others do." in refusal("pets", tmp_path)


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.xz"])
def test_archives_of_images_are_read_without_extracting(tmp_path, ending):
    path = tmp_path / f"pets.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name in NAMES:
                packed.writestr(f"pets/{name}", png("red"))
    else:
        with tarfile.open(path, f"w:{ending[4:]}") as bundle:
            for name in NAMES:
                entry = tarfile.TarInfo(f"pets/{name}")
                entry.size = len(png("red"))
                bundle.addfile(entry, io.BytesIO(png("red")))
    rows = reading.read(str(path))
    assert rows.table.column("label").to_pylist() == ["cat", "dog", "cat", "cat", "dog"]
    assert rows.part.tolist() == [2, 2, 0, 0, 0]
    assert rows.table.column("image")[0].as_py() == png("red")


def test_image_folders_that_say_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    assert refusal("empty", tmp_path).endswith("the folder holds no images and no table.")
    write(tmp_path / "flat", "1.png", png("red"))
    assert "the files are not in one folder a class." in refusal("flat", tmp_path)
    write(tmp_path, "broken.tar", b"nothing")
    assert "the archive is damaged" in refusal("broken.tar", tmp_path)
    write(tmp_path / "two", "p.csv", PLAIN)
    write(tmp_path / "two", "q.csv", PLAIN)
    assert refusal("two", tmp_path).endswith("the folder holds 2 tables (p.csv, q.csv). Name one of them.")


def test_image_paths_in_a_table_become_absolute(tmp_path):
    write(tmp_path, "pictures/1.png", png("red"))
    rows = read(tmp_path, "t.csv", "file,y\npictures/1.png,0\n,1\npictures/2.png,1\n")
    assert rows.table.column("file").to_pylist() == [f"{tmp_path}/pictures/1.png", "", f"{tmp_path}/pictures/2.png"]
    rows = read(tmp_path, "u.csv", "file,y\nelsewhere/1.png,0\n")
    assert rows.table.column("file").to_pylist() == ["elsewhere/1.png"]


def test_a_zip_of_a_table_and_its_images(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
        packed.writestr("set/labels.csv", "file,y\nimages/1.png,a\nimages/2.png,b\n")
        packed.writestr("set/images/1.png", png("red"))
        packed.writestr("set/images/2.png", png("blue"))
    rows = reading.read(str(tmp_path / "t.zip"))
    assert rows.table.to_pydict() == {"file": [png("red"), png("blue")], "y": ["a", "b"]}


def test_parts_given_one_by_one(tmp_path):
    write(tmp_path, "a.csv", "x,y\n1,p\n2,q\n")
    write(tmp_path, "b.csv", "y,x,z\np,3,0\n")
    rows = reading.read({"train": "a.csv", "test": "b.csv", "split": {"kind": "random"}}, tmp_path)
    assert rows.table.to_pydict() == {"x": ["1", "2", "3"], "y": ["p", "q", "p"]}
    assert rows.part.tolist() == [0, 0, 2]
    assert rows.notes == ["test has columns that train has not; they are left out: z."]
    write(tmp_path, "c.csv", "x,Y\n1,p\n")
    assert refusal({"train": "a.csv", "test": "c.csv"}, tmp_path).startswith(
        "data: the column 'y' of train is not in test."
    )
    frames = {"train": [{"x": 1}], "validation": [{"x": 2.5}], "test": [{"x": "3"}]}
    rows = reading.read(frames)
    assert rows.part.tolist() == [0, 1, 2]
    assert rows.table.column("x").to_pylist() == ["1", "2.5", "3"]


def test_a_folder_of_parts(tmp_path):
    write(tmp_path / "set", "train.csv", "x,y\n1,p\n2,q\n")
    write(tmp_path / "set", "dev.csv", "x,y\n3,p\n")
    write(tmp_path / "set", "test.csv", "x,y\n4,p\n")
    assert reading.read("set", tmp_path).part.tolist() == [0, 0, 1, 2]


def frames():
    import pandas
    import polars

    data = {"n": [1, 2], "s": ["a", None]}
    category = pandas.DataFrame({"n": [1, 2], "s": pandas.Categorical(["a", None])})
    return {
        "dict": data,
        "arrays": {"n": np.array([1, 2]), "s": np.array(["a", None], object)},
        "list": [{"n": 1, "s": "a"}, {"n": 2}],
        "pandas": pandas.DataFrame(data),
        "category": category,
        "polars": polars.DataFrame(data),
        "lazy": polars.LazyFrame(data),
        "table": pa.table(data),
        "batch": pa.RecordBatch.from_pydict(data),
        "dictionary": pa.table({"n": [1, 2], "s": pa.array(["a", None]).dictionary_encode()}),
        "structured": np.array([(1, "a"), (2, None)], [("n", int), ("s", object)]),
    }


@pytest.mark.parametrize("name", list(frames()))
def test_rows_in_memory_come_through_one_door(name):
    rows = reading.read(frames()[name])
    assert rows.table.to_pydict() == {"n": [1, 2], "s": ["a", None]}
    assert rows.table.schema.field("s").type in (pa.string(), pa.large_string())
    assert rows.root is None


def test_arrays_of_any_rank_are_columns():
    values = np.arange(6.0).reshape(2, 3)
    rows = reading.read(values)
    assert rows.table.to_pydict() == {"column_1": [0, 3], "column_2": [1, 4], "column_3": [2, 5]}
    images = np.zeros((2, 4, 5, 3), np.uint8)
    rows = reading.read({"image": images, "vector": values, "path": np.array([1, 2])})
    assert rows.table.column("image").chunk(0).to_numpy_ndarray().shape == (2, 4, 5, 3)
    assert rows.table.column("vector").to_pylist() == values.tolist()


def test_nan_in_frames_is_missing_and_mixed_cells_are_text():
    import pandas

    rows = reading.read(pandas.DataFrame({"x": [1.0, np.nan], "m": [1, "one"], 3: [1, 2]}))
    assert rows.table.to_pydict() == {"x": [1.0, None], "m": ["1", "one"], "3": [1, 2]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (7, "rows cannot be read from int. Give a path or name, a pyarrow table, a pandas or polars frame, a NumPy "
         "array, a dict of columns, a list of dicts."),
        ([], "there are no columns."),
        ({}, "there are no columns."),
        ({"a": []}, "there are no rows."),
        ({"a": [1], "b": [1, 2]}, "the columns have different numbers of rows: 'a' 1, 'b' 2."),
        ({"a": 3, "b": [1]}, "column 'a': a column must be a sequence, given int."),
        ([[1, 2]], "row 0: a row must be a dict, given list."),
        (np.zeros(3), "an array of rows has two dimensions, this one has the shape (3,). "
         "Name the columns: {'image': images, 'label': labels}"),
        (pa.table([[1], [2]], names=["a", "a"]), "several columns are called 'a'."),
    ],
)  # fmt: skip
def test_rows_in_memory_that_are_no_table(rows, message):
    separator = ", " if message.startswith(("column 'a'", "row 0")) else ": "
    assert refusal(rows) == f"data{separator}{message}"


def test_importing_loads_no_heavy_library():
    heavy = ("torch", "sklearn", "pandas", "polars", "PIL")
    code = f"import modelwright.data.reading, sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(
        st.lists(st.text(st.sampled_from(list("ab1 ,;\t|\"'.\n-é很")), max_size=6), min_size=3, max_size=3),
        min_size=1,
        max_size=12,
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_was_written_is_read(tmp_path, cells, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["p", "q", "r"], *cells])
    path = write(tmp_path, "t.csv", text.getvalue())
    rows = reading.read({"path": str(path), "delimiter": delimiter, "header": True, "skip_spaces": False, "quote": '"'})
    assert [list(row.values()) for row in rows.table.to_pylist()] == cells


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_constant_from_reading_to_encoding(tmp_path):
    path = tmp_path / "t.csv"
    block = "".join(f"{i / 7:.5f},{i % 13},city{i % 300},{'yes' if i % 3 else 'no'}\n" for i in range(100_000))
    with open(path, "w") as file:
        file.write("x,k,city,y\n")
        for _ in range(20):
            file.write(block)
    code = f"""
import threading, time, numpy as np
def anonymous():
    return int(next(line for line in open('/proc/self/status') if line.startswith('RssAnon')).split()[1]) / 1024
from modelwright.columns import build
from modelwright.data import batches, encoding, reading, splitting
start, peak = anonymous(), [0]
def watch():
    while True:
        peak[0] = max(peak[0], anonymous()); time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
rows = reading.read({str(path)!r})
part = splitting.split(rows, ['y'])
columns = {{'x': build('x', 'number'), 'city': build('city', 'category'), 'y': build('y', 'category', True)}}
encoding.fit(rows.table, columns, part == 0)
encoded = encoding.encode(rows.table, columns)
next(batches.Batches(encoded, np.flatnonzero(part == 0), 512).epoch(0))
print(rows.table.num_rows, peak[0] - start)
"""
    environment = {**os.environ, "MODELWRIGHT_STREAM_BYTES": "1000000"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    rows, megabytes = done.stdout.split()
    assert int(rows) == 2_000_000
    assert float(megabytes) < 500  # the cells alone would be 100 MB, their Python objects 500
