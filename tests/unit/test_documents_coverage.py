"""Preflight can refuse what no font shows, without loading a font."""

import json
import subprocess
import sys
import time
import unicodedata

import pytest

from portal.documents import coverage, unsupported_characters

NAMES = """
Ada O'Neil|Nguyễn Thị Hương|Ærø-Kjærgaard|Χρήστος|Щербаков|王 小明|さくら 田中|김민준|محمد الأحمد|דוד כהן|आरव शर्मा
சுப்பிரமணியன்|สมชาย|প্রিয়া|ਗੁਰਪ੍ਰੀਤ|પટેલ|రెడ్డి|ಗೌಡ|നായർ|පෙරේරා|ສົມ|သန်း|ភូមិ|გიორგი|Արամ|አበበ|Jean‑Luc
élodie|علی‌رضا|葛󠄀|𠮷田|a b
""".strip().replace("\n", "|")


@pytest.mark.parametrize("name", NAMES.split("|"))
def test_names_of_the_world_are_supported(name):
    assert unsupported_characters(name) == set()


@pytest.mark.parametrize(
    "bad", ["😀", "\u0378", "\x00", "\x1b", "\t", "\ud800", "\ue000", "\u202e", "\u2066", "\ufeff", "\ufffe"]
)
def test_what_cannot_be_printed_is_named(bad):
    assert unsupported_characters(f"Ada {bad} Lovelace") == {bad}


def test_the_list_is_what_the_fonts_show():
    from portal.documents.measure_coverage import measure

    listed = expand(json.loads(coverage.LIST.read_text(encoding="ascii")))
    shown = expand(measure())
    # An older Python does not know the characters of a newer Unicode; those are the only ones that may differ.
    assert {c for c in listed ^ shown if unicodedata.category(chr(c)) != "Cn"} == set()


def expand(flat):
    return {c for first, last in zip(flat[::2], flat[1::2], strict=True) for c in range(first, last + 1)}


def test_asking_loads_no_heavy_library():
    heavy = "{'uharfbuzz', 'fontTools', 'pypdfium2', 'pikepdf', 'reportlab', 'xhtml2pdf', 'qrcode'}"
    program = f"import sys, portal.documents as d; d.unsupported_characters('é'); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_ten_thousand_names_are_checked_in_no_time():
    names = [f"Łukasz {number} Żółkiewski محمد 王" for number in range(10_000)]
    started = time.process_time()
    assert not any(map(unsupported_characters, names))
    assert time.process_time() - started < 1.0
