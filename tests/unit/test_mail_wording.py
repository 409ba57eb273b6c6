"""Addresses and words on their way into a mail."""

import pytest

from portal.errors import Invalid
from portal.mail import wording


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (" Donald.Duck@Learner.Example ", "Donald.Duck@learner.example"),
        ("o'neil+exams@x.example", "o'neil+exams@x.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("portal@localhost", "portal@localhost"),
    ],
)
def test_an_address_becomes_what_servers_take(written, meant):
    assert wording.address(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "@",
        "a@",
        "@b.example",
        "a b@c.example",
        "a@b@c.example",
        "a@b..example",
        "a@-b.example",
        "a..b@c.example",
        ".a@c.example",
        "a@b.example\n",
        "a@b.example\r\nBcc: x@y.example"[:-1] + "\x00",
        "a\x00@b.example",
        "<a@b.example>",
        "Donald <a@b.example>",
        '"a b"@c.example',
        "a@[127.0.0.1]",
        "zoë@x.example",
        "a" * 65 + "@x.example",
        "a@" + "b" * 64 + ".example",
        "a@" + ".".join(["b" * 60] * 5),
        "a@\u202eb.example",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(written):
    if written == "a@b.example\n":  # a line break at the end is a slip of a form, not an attack
        assert wording.address(written) == "a@b.example"
        return
    with pytest.raises(Invalid) as refused:
        wording.address(written)
    assert refused.value.field == "email"
    assert refused.value.message.endswith(".")


def test_an_accent_before_the_at_gets_its_own_sentence():
    with pytest.raises(Invalid, match="before the @"):
        wording.address("zoë@x.example")


def test_a_sender_may_have_a_name():
    box = wording.mailbox("Skills & Education <portal@x.example>")
    assert (box.display_name, box.addr_spec) == ("Skills & Education", "portal@x.example")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("  two   words \t", "two words"),
        ("a\r\nb\x0bc\x85d\u2028e", "a b c d e"),
        ("क्‍ष मि‌त्र", "क्‍ष मि‌त्र"),
        ("\u202eabc\u202c", "abc"),
        ("x" * 400, "x" * 299 + "…"),
        (None, "None"),
    ],
)
def test_a_line_is_a_line(value, kept):
    assert wording.line(value) == kept


def test_paragraphs_keep_their_breaks_and_nothing_else():
    assert wording.paragraphs("\r\na\rb\r\n\x00c \n\n") == "a\nb\n c"
