"""What a value may carry into a mail: one line, a paragraph, a link, an address. Nothing here knows a template.

A value comes from a file, a form or a person, so none of them can start a header, fake a line or run a script.
"""

import re
import unicodedata
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import urlsplit

import idna

from portal.errors import Invalid

LINE_LENGTH = 300
"""Characters of a value that stands in a line; the longest real one, a qualification title, has 255."""

PARAGRAPH_LENGTH = 10_000
"""Characters of a text that a person wrote."""

# Characters that turn the reading direction round until they are closed: in a name they can only mislead.
DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL_PART = re.compile(rf"{ATOM}(\.{ATOM})*\Z")
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\Z")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")


def line(value: object, *, limit: int = LINE_LENGTH) -> str:
    """Return the value as one line: no control character, no line break, at most ``limit`` characters."""
    kept = "".join(_one_line(character) for character in str(value))
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


def paragraphs(value: object) -> str:
    """Return what a person wrote with its line breaks (as ``\\n``) and without any other control character."""
    lines = str(value).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = "\n".join("".join(_one_line(character) for character in each).rstrip() for each in lines).strip("\n")
    return kept if len(kept) <= PARAGRAPH_LENGTH else kept[: PARAGRAPH_LENGTH - 1].rstrip() + "…"


def link(value: str) -> str:
    """Return an absolute web address, unchanged.

    Raises ``Invalid`` for anything that is not http or https, has no host, or holds a space or control character.
    """
    broken = any(character.isspace() or unicodedata.category(character)[0] == "C" for character in value)
    try:
        parts = urlsplit(value)
    except ValueError:
        broken = True
    if broken or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid("A mail may only carry an absolute http or https address.", field="link")
    return value


def colour(value: str) -> str:
    """Return a colour written ``#rrggbb``; raises ``Invalid`` for anything else, for it stands in a style."""
    if not COLOUR.match(value):
        raise Invalid("A colour is written #rrggbb.", field="colour")
    return value.lower()


def ink_on(background: str) -> str:
    """Return white or near-black, whichever is read better on ``#rrggbb`` (WCAG 2.2, relative luminance)."""
    channels = [int(colour(background)[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.0592 else "#16181d"


def address(value: str) -> str:
    """Return an address that every mail server takes: ``local@domain``, the domain in lower case and punycode.

    The part before the @ keeps its case. Raises ``Invalid`` with a sentence for a person: it is used by forms too.
    Sources: RFC 5321 §4.5.3.1 (lengths), RFC 5322 §3.2.3 (dot-atom), RFC 5891 (international domains).
    """
    value = value.strip()
    if any(unicodedata.category(character)[0] == "C" or character.isspace() for character in value):
        raise Invalid("An email address holds no spaces or line breaks.", field="email")
    local, at, domain = value.rpartition("@")
    if not at or not local or not domain:
        raise Invalid("An email address looks like name@example.org.", field="email")
    if not local.isascii():
        raise Invalid("We cannot send to an address with accents or other scripts before the @.", field="email")
    domain = _punycode(domain)
    if not LOCAL_PART.match(local) or not HOST_NAME.match(domain):
        raise Invalid("An email address looks like name@example.org.", field="email")
    if len(local) > 64 or len(local) + 1 + len(domain) > 254:
        raise Invalid("This email address is too long.", field="email")
    return f"{local}@{domain}"


def mailbox(value: str, *, name: str = "") -> Address:
    """Read ``address`` or ``Name <address>`` into a header value; ``name`` wins over the one that is written.

    Raises ``Invalid`` as ``address`` does.
    """
    written, spec = parseaddr(value) if "<" in value else ("", value)
    shown = line(name or written, limit=100)
    spec = address(spec)
    try:
        return Address(display_name=shown, addr_spec=spec)
    except (MessageError, ValueError) as error:
        raise Invalid("An email address looks like name@example.org.", field="email") from error


def _one_line(character: str) -> str:
    """A space for what breaks or moves a line, nothing for what cannot be seen and misleads, else itself."""
    if character in DIRECTION_OVERRIDES:
        return ""
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "" if category == "Cs" else character


def _punycode(domain: str) -> str:
    """The name that DNS knows. A plain ASCII domain passes as it is: some live ones break the rules of IDNA."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise Invalid("The part after the @ is not a name that the internet knows.", field="email") from error
