"""References: one wrong symbol or two that changed places are always noticed, and people are forgiven the rest."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import reference

MADE = [reference.new() for _ in range(25)]


def test_a_reference_is_twenty_symbols_of_which_nineteen_are_random():
    assert all(len(made) == 20 and set(made) <= set(reference.ALPHABET) for made in MADE)
    assert not set("ILOU") & set(reference.ALPHABET)
    assert len(reference.ALPHABET) == 32  # 19 symbols of 5 bits are 95 bits


def test_a_new_reference_reads_back_as_itself():
    assert all(reference.normalise(made) == made for made in MADE)
    assert all(reference.normalise(reference.formatted(made)) == made for made in MADE)


def test_every_single_wrong_symbol_is_noticed():
    for made in MADE:
        for place, right in enumerate(made):
            for wrong in reference.ALPHABET:
                if wrong != right:
                    assert reference.normalise(made[:place] + wrong + made[place + 1 :]) is None


def test_every_two_symbols_that_changed_places_are_noticed():
    for made in MADE:
        for left in range(20):
            for right in range(left + 1, 20):
                swapped = list(made)
                swapped[left], swapped[right] = swapped[right], swapped[left]
                if made[left] != made[right]:
                    assert reference.normalise("".join(swapped)) is None


def test_it_is_shown_in_groups_of_four():
    assert reference.formatted("7Q4M9XKD2FH8WZ3C05TB") == "7Q4M-9XKD-2FH8-WZ3C-05TB"


@pytest.mark.parametrize(
    "dash", ["-", " ", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\u00a0", " - ", "\u200b"]
)
def test_any_dash_or_space_between_groups_is_forgiven(dash):
    made = MADE[0]
    assert reference.normalise(f" {reference.formatted(made).replace('-', dash)}\n") == made


def test_case_and_look_alikes_are_forgiven():
    made = next(made for made in iter(reference.new, None) if "0" in made and "1" in made)
    for zero in "oO0":
        for one in "iIlL1":
            assert reference.normalise(made.lower().replace("0", zero).replace("1", one)) == made


def test_full_width_characters_are_forgiven():
    made = MADE[0]
    assert reference.normalise("".join(chr(ord(symbol) + 0xFEE0) for symbol in made)) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "-" * 20,
        "0" * 19,
        "0" * 21,
        "U" * 20,
        "\0" * 20,
        "😀" * 20,
        "é" * 20,
        "' OR 1=1--",
        "..%2f..",
        "ß" * 10,
    ],
)
def test_what_cannot_be_a_reference_is_none(text):
    assert reference.normalise(text) is None


def test_ten_thousand_characters_are_refused_at_once():
    started = time.process_time()
    for text in ("0" * 10_000, "-" * 10_000, "\ufdfa" * 10_000):
        assert reference.normalise(text) is None
    assert time.process_time() - started < 0.5


@given(st.text(max_size=60))
def test_any_text_gives_a_canonical_reference_or_none(text):
    found = reference.normalise(text)
    assert found is None or reference.normalise(found) == found


@given(st.lists(st.sampled_from(reference.ALPHABET), min_size=19, max_size=19))
def test_exactly_one_check_symbol_fits(symbols):
    start = "".join(symbols)
    assert sum(reference.normalise(start + last) is not None for last in reference.ALPHABET) == 1


def test_references_are_unique_and_every_symbol_is_as_likely():
    made = [reference.new() for _ in range(5_000)]
    assert len(set(made)) == len(made)
    for place in range(20):
        counted = Counter(one[place] for one in made)
        # 5,000 draws of 32 symbols: 156 each, standard deviation 12; six of them are never seen by chance.
        assert len(counted) == 32
        assert all(80 < count < 232 for count in counted.values())
