"""A zip can be gone on with after any crash, its names are safe everywhere, and what lies is found out."""

import hashlib
import os
import re
import unicodedata
import zipfile
from datetime import datetime

import pytest

from portal.packing import BrokenZip, Digest, Pack, Shelf, copy_beginning, entry_name

MOMENT = datetime(2026, 11, 23, 21, 40, 12)
FILES = [(f"Duck, Donald - Certificate - {n}.pdf", os.urandom(100 + n)) for n in range(20)]


def packed(path, files=FILES, *, closed=True):
    pack = Pack(path)
    for name, data in files:
        pack.add(name, data, MOMENT)
    pack.close_up() if closed else pack.flush()
    pack.close()
    return path


def holds(path, files=FILES):
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        assert [(info.filename, opened.read(info)) for info in opened.infolist()] == files
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}
        return opened.infolist()


def test_a_zip_holds_what_was_put_in_stored(tmp_path):
    found = holds(
        packed(tmp_path / "a.zip", [("Ñuñez-Ó 李.pdf", b"%PDF"), *FILES]), [("Ñuñez-Ó 李.pdf", b"%PDF"), *FILES]
    )
    assert found[0].flag_bits & 0x800
    assert found[1].date_time == (2026, 11, 23, 21, 40, 12)


@pytest.mark.parametrize("entries", [0, 1, 13, 20])
@pytest.mark.parametrize("behind", [b"", b"PK\x03\x04half an entry", b"\x00" * 500])
def test_a_part_is_cut_after_what_is_known_and_gone_on_with(tmp_path, entries, behind):
    path = packed(tmp_path / "a.part", closed=False)
    with path.open("ab") as file:
        file.write(behind)
    pack = Pack(path, entries=entries)
    for name, data in FILES[entries:]:
        pack.add(name, data, MOMENT)
    pack.close_up()
    pack.check(len(FILES))
    pack.close()
    holds(path)


def test_a_finished_zip_can_be_gone_on_with_as_well(tmp_path):
    copy_beginning(packed(tmp_path / "a.zip"), tmp_path / "b.part", entries=7)
    pack = Pack(tmp_path / "b.part", entries=7)
    pack.close_up()
    pack.close()
    holds(tmp_path / "b.part", FILES[:7])


def test_a_part_that_is_shorter_than_its_writer_said_is_refused(tmp_path):
    path = packed(tmp_path / "a.part", closed=False)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(BrokenZip):
        Pack(path, entries=20)
    with pytest.raises(BrokenZip):
        copy_beginning(path, tmp_path / "b.part", entries=20)
    with pytest.raises(BrokenZip):
        Pack(tmp_path / "none.part", entries=1)


def test_a_byte_that_turned_is_found_out(tmp_path):
    path = packed(tmp_path / "a.part", closed=False)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    pack = Pack(path, entries=20)
    pack.close_up()
    with pytest.raises(BrokenZip):
        pack.check(20)
    pack.close()


def test_a_missing_entry_is_found_out(tmp_path):
    pack = Pack(packed(tmp_path / "a.part", closed=False), entries=19)
    pack.close_up()
    with pytest.raises(BrokenZip):
        pack.check(20)
    pack.close()


def test_more_entries_than_a_plain_zip_counts(tmp_path):
    pack = Pack(tmp_path / "a.zip")
    for n in range(65_600):
        pack.add(f"{n}.pdf", b"", MOMENT)
    pack.close_up()
    pack.close()
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert len(opened.namelist()) == 65_600


def test_an_entry_beyond_four_gigabytes_is_found(tmp_path):
    """The gap before it is a hole in the file, so the disk holds next to nothing."""
    pack = Pack(tmp_path / "a.zip")
    pack.add("first.pdf", b"first", MOMENT)
    pack.position = pack._file.seek(5 << 30)
    pack.add("far.pdf", b"far", MOMENT)
    pack.close_up()
    pack.close()
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert opened.read("far.pdf") == b"far"
        assert opened.testzip() is None


def test_the_digest_is_that_of_the_file(tmp_path):
    path = tmp_path / "a.part"
    with path.open("wb") as file:
        digest = Digest(path)
        for _ in range(5):
            file.write(os.urandom(700_000))
            file.flush()
            digest.reach(file.tell())
        size = file.tell()
    assert digest.end(size) == hashlib.sha256(path.read_bytes()).hexdigest()
    short = Digest(path)
    with pytest.raises(OSError):
        short.end(size + 1)


REFERENCE = "7Q4M-9XKD-2FH8-WZ3C-05TB"


@pytest.mark.parametrize(
    ("learner", "begins"),
    [
        ("Duck, Donald", "Duck, Donald - "),
        ("CON", "_CON - "),
        ("aux.x, y", "_aux.x, y - "),
        ("COM1.", "_COM1 - "),
        ("../../etc/passwd", "etc-passwd - "),
        ("..\\..\\x", "x - "),
        ("C:\\x", "C-x - "),
        ("a\x00b\r\nc", "ab c - "),
        ("name. . ", "name - "),
        ("", "Learner - "),
        ("\u202egpj.exe", "gpj.exe - "),
        ("…", "… - "),
        ("Nun\u0303ez", "Nuñez - "),
        ("李, 小龙", "李, 小龙 - "),
        ("😀", "😀 - "),
        ('<b>"x"|?*', "b-x - "),
        ("/", "Learner - "),
    ],
)
def test_a_name_is_safe_everywhere(learner, begins):
    name = entry_name(learner, "Certificate", REFERENCE)
    assert name.startswith(begins)
    assert name.endswith(f" - Certificate - {REFERENCE}.pdf")


@pytest.mark.parametrize("learner", ["x" * 300, "é" * 300, "😀" * 300, "李" * 300, "." * 300, "CON" * 100])
def test_a_long_name_is_cut_and_stays_its_own(learner):
    names = {entry_name(learner, "Transcript", f"REF-{n}") for n in range(3)}
    assert len(names) == 3
    for name in names:
        assert len(name) <= 120
        assert len(name.encode()) <= 240
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
        assert name == unicodedata.normalize("NFC", name)
        assert zipfile.ZipInfo(name).filename == name


def test_the_shelf_keeps_what_a_row_names(tmp_path):
    shelf = Shelf(tmp_path / "downloads")
    shelf.make()
    for name in ("1-a.part", "1-b.zip", "2-c.zip", "3-d.part"):
        shelf.path(name).write_bytes(b"x")
    (shelf.root / "notes.txt").write_text("not ours")
    assert shelf.forget_others(["1-b.zip", "3-d.part"], seconds=3600) == 0
    assert shelf.forget_others(["1-b.zip", "3-d.part"], seconds=0) == 2
    assert sorted(path.name for path in shelf.root.iterdir()) == ["1-b.zip", "3-d.part", "notes.txt"]


def test_the_shelf_finds_the_zip_that_a_part_became(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.path("1-a.part").write_bytes(b"x")
    done = shelf.finish(shelf.path("1-a.part"))
    assert shelf.find("1-a.part") == done == shelf.path("1-a.zip")
    shelf.forget("1-a.zip")
    assert shelf.find("1-a.part") is None


@pytest.mark.parametrize("name", ["../x.zip", "x.zip", "1-a.txt", "/etc/passwd", "1-a.zip\n"])
def test_the_shelf_takes_no_names_from_outside(tmp_path, name):
    with pytest.raises(ValueError):
        Shelf(tmp_path).path(name)


def test_a_full_disk_is_said_as_such():
    """The limit of one's own account is met as a full disk is."""
    import subprocess
    import sys

    code = """
import resource, sys, tempfile, pathlib
from datetime import datetime
from portal.packing import NoSpace, Pack
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with tempfile.TemporaryDirectory() as folder:
    pack = Pack(pathlib.Path(folder) / "a.part")
    try:
        for _ in range(100):
            pack.add("a.pdf", bytes(50_000), datetime(2026, 1, 1))
            pack.flush()
    except NoSpace:
        print("no space")
    pack.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "no space\n", done.stderr
