"""Texts with places for values, as an awarding body writes them: what may stand in them, and what comes out.

A text is paragraphs with an empty line between them. Everything in it is data: values are put in piece by piece, so no
value can be read as a place, and none can be markup.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NAMES = ("learner_name", "qualification_title", "portal_link", "enrolment_number", "notice_line", "guide_link")
"""What the notice to a learner may say: ``{learner_name}`` and so on."""

REQUIRED = ("portal_link", "enrolment_number")
"""Without these two nobody could register, so no text goes without them."""

LINKS = frozenset({"portal_link", "guide_link"})

OPTIONAL = frozenset({"notice_line"})
"""Where this is empty, the paragraph that it stands in is left out."""

PLACE = re.compile(r"\{([^{}\n]*)\}")


@dataclass(frozen=True)
class Piece:
    """Some words, or the value of a place. ``name`` is empty for words."""

    name: str
    text: str

    @property
    def is_link(self) -> bool:
        """Whether the text is an address to be opened."""
        return self.name in LINKS


@dataclass(frozen=True)
class Paragraph:
    """Lines of pieces."""

    lines: tuple[tuple[Piece, ...], ...]

    @property
    def only_link(self) -> Piece | None:
        """The link, where nothing else stands in the paragraph."""
        if len(self.lines) == 1 and len(self.lines[0]) == 1 and self.lines[0][0].is_link:
            return self.lines[0][0]
        return None


def unknown(text: str, *, known: Iterable[str] = NAMES) -> list[str]:
    """What stands in braces and is no place, as it is written; a brace that has no partner is one too."""
    found = [f"{{{name}}}" for name in PLACE.findall(text) if name not in known]
    return found + re.findall(r"[{}]", PLACE.sub("", text))


def missing(text: str) -> list[str]:
    """The required places that a text does not have."""
    named = set(PLACE.findall(text))
    return [f"{{{name}}}" for name in REQUIRED if name not in named]


def fill(text: str, values: Mapping[str, str]) -> list[Paragraph]:
    """Put values into the places of a text. What is no place stays as it is written."""
    filled = []
    for block in re.split(r"\n[ \t]*\n+", text.replace("\r\n", "\n").replace("\r", "\n").strip()):
        if any(name in OPTIONAL and not values.get(name) for name in PLACE.findall(block)):
            continue
        lines = tuple(tuple(_pieces(line.strip(), values)) for line in block.split("\n") if line.strip())
        if lines:
            filled.append(Paragraph(lines))
    return filled


def _pieces(line: str, values: Mapping[str, str]) -> Iterable[Piece]:
    at = 0
    for found in PLACE.finditer(line):
        if found[1] not in values:
            continue
        if before := line[at : found.start()]:
            yield Piece("", before)
        yield Piece(found[1], values[found[1]])
        at = found.end()
    if rest := line[at:]:
        yield Piece("", rest)
