"""Bytes are stored once, under their digest, whole or not at all."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from portal.documents import Damaged, OutOfSpace, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "documents")


def files(store):
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_bytes_come_back_under_their_digest(store):
    stored = store.put(b"%PDF", ".pdf")
    assert stored.sha256 == hashlib.sha256(b"%PDF").hexdigest()
    assert stored.size == 4
    assert stored.path == store.path(stored.sha256, ".pdf")
    with store.open(stored.sha256, ".pdf", verify=True) as file:
        assert file.read() == b"%PDF"


def test_the_same_content_is_stored_once(store):
    first = store.put(b"same", ".pdf")
    before = first.path.stat()
    assert store.put(b"same", ".pdf") == first
    assert first.path.stat().st_ino == before.st_ino
    assert len(files(store)) == 1


def test_a_file_that_was_cut_short_is_written_again(store):
    stored = store.put(b"whole", ".pdf")
    stored.path.write_bytes(b"who")
    store.put(b"whole", ".pdf")
    assert stored.path.read_bytes() == b"whole"


def test_a_changed_file_is_noticed(store):
    stored = store.put(b"whole", ".pdf")
    stored.path.write_bytes(b"whale")
    assert not store.verify(stored.sha256, ".pdf")
    with pytest.raises(Damaged):
        store.open(stored.sha256, ".pdf", verify=True)


def test_a_full_disk_is_said_plainly_and_leaves_nothing(store, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutOfSpace, match="no space left"):
        store.put(b"data", ".pdf")
    assert files(store) == []
    monkeypatch.undo()
    assert store.put(b"data", ".pdf").path.read_bytes() == b"data"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_really_full_device_is_said_plainly(store, monkeypatch):
    real = type(store.root).open

    def on_a_full_device(path, mode="r", *rest, **more):
        return real(Path("/dev/full") if path.suffix == ".part" else path, mode.replace("x", "w"), *rest, **more)

    monkeypatch.setattr(type(store.root), "open", on_a_full_device)
    with pytest.raises(OutOfSpace):
        store.put(b"data", ".pdf")


@pytest.mark.parametrize(("digest", "suffix"), [("../" * 21 + "x", ".pdf"), ("A" * 64, ".pdf"), ("0" * 64, "/../x")])
def test_no_name_leads_out_of_the_store(store, digest, suffix):
    with pytest.raises(ValueError, match=r"hexadecimal|suffix"):
        store.path(digest, suffix)


def test_what_dead_writers_left_half_written_is_removed_when_it_is_old(store):
    stored = store.put(b"whole", ".pdf")
    old, young = (stored.path.with_name(f"{name}.pdf.1.abcd.part") for name in ("old", "young"))
    for part in (old, young):
        part.write_bytes(b"ha")
    os.utime(old, (0, 0))
    assert store.forget_halves(seconds=3600) == 1
    assert sorted(files(store)) == sorted([stored.path, young])
