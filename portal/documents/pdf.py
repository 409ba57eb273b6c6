"""PDF itself: pages of text and lines, embedded font subsets, a file. Same values in, same bytes out; no clock.

A page is filled first and written last, because the glyphs of all pages decide what is embedded. Coordinates are points
from the lower left corner of the page.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from portal.documents import fonts
from portal.documents.fonts import Face
from portal.documents.typesetting import Block, Line, Run, Style, shape

WIDTH, HEIGHT = 595.276, 841.89  # A4 in points.


def colour(written: str) -> tuple[float, float, float]:
    """``#rrggbb`` as three numbers from 0 to 1."""
    return (int(written[1:3], 16) / 255, int(written[3:5], 16) / 255, int(written[5:7], 16) / 255)


def tint(written: str, part: float) -> str:
    """``part`` of the colour (0 to 1) on white, as ``#rrggbb``; mixed here, so that no transparency is printed."""
    return "#" + "".join(f"{round(255 - (255 - 255 * c) * part):02x}" for c in colour(written))


def number(value: float) -> str:
    """A number as PDF writes it: no exponent, no more digits than are seen."""
    return f"{value:.2f}"


def numbers(*values: float) -> str:
    """Several numbers with spaces between."""
    return " ".join([f"{value:.2f}" for value in values])


def string(text: str) -> bytes:
    """A PDF text string, in hexadecimal UTF-16 so that nothing in it needs escaping."""
    return b"<" + (b"\xfe\xff" + text.encode("utf-16-be")).hex().encode() + b">"


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text where it stands: what tests and the writer read."""

    line: Line
    x: float
    y: float
    size: float
    colour: str

    def ink(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of everything drawn, in points."""
        part = self.size / 1000
        line = self.line
        return (
            self.x + line.left * part,
            self.y + line.bottom * part,
            self.x + line.right * part,
            self.y + line.top * part,
        )


@dataclass
class Page:
    """One page being filled: drawing operators and, between them, words. ``row`` is the row of a table being drawn."""

    content: list[bytes | Words] = field(default_factory=list)
    roles: list[tuple[str, int | None]] = field(default_factory=list)
    row: int | None = None
    link: tuple[float, float, float, float, str] | None = None
    _inside: bool = False

    def draw(self, operators: str) -> None:
        """Add operators that are decoration: a reader is told to pass over them."""
        self.content.append(f"/Artifact BMC q {operators} Q EMC\n".encode("ascii"))

    def rule(self, x1: float, y1: float, x2: float, y2: float, *, shade: str, thick: float = 0.5) -> None:
        """A straight line."""
        self.draw(f"{numbers(*colour(shade))} RG {number(thick)} w {numbers(x1, y1)} m {numbers(x2, y2)} l S")

    def fill(self, x: float, y: float, width: float, height: float, shade: str) -> None:
        """A filled rectangle."""
        self.draw(f"{numbers(*colour(shade))} rg {numbers(x, y, width, height)} re f")

    @contextmanager
    def as_(self, role: str) -> Iterator[None]:
        """Everything placed inside is one element of the document's structure: H1, P, TH, TD."""
        self.content.append(f"/{role} <</MCID {len(self.roles)}>> BDC\n".encode("ascii"))
        self.roles.append((role, self.row))
        self._inside = True
        yield
        self._inside = False
        self.content.append(b"EMC\n")

    def line(self, line: Line, x: float, y: float, size: float, shade: str, align: str = "left") -> None:
        """One shaped line; ``x`` is its left end, middle or right end by ``align``."""
        width = line.width * size / 1000
        left = x - {"left": 0.0, "centre": width / 2, "right": width}[align]
        self.content.append(Words(line, left, y, size, shade))

    def text(
        self, text: str, x: float, y: float, size: float, shade: str, style: Style, align: str = "left", role: str = "P"
    ) -> float:
        """A short text of ours on one line; returns its width in points."""
        line = shape(text, style)
        if self._inside:
            self.line(line, x, y, size, shade, align)
        else:
            with self.as_(role):
                self.line(line, x, y, size, shade, align)
        return line.width * size / 1000

    def block(self, block: Block, x: float, top: float, shade: str, align: str = "left", role: str = "P") -> float:
        """Lines under each other, the first one's top at ``top``; returns the y of the block's foot."""
        with self.as_(role):
            y = top
            for line, step in zip(block.lines, block.steps, strict=True):
                y -= step
                self.line(line, x, y, block.size, shade, align)
        return top - block.height

    def words(self) -> list[Words]:
        """Every line of text on the page, in reading order."""
        return [part for part in self.content if isinstance(part, Words)]


@dataclass(frozen=True, eq=False)
class Art:
    """The unchanging background of a page: a form XObject and the objects that it needs, ready to be written.

    ``objects`` refer to each other as ``@0@``, ``@1@`` …; the last is the form itself.
    """

    objects: tuple[bytes, ...]


@lru_cache(maxsize=128)
def _numbered(art: Art, first: int) -> tuple[bytes, ...]:
    """The objects of a background with their numbers in the file, of which ``first`` is the first."""
    bodies = []
    for body in art.objects:
        head, mark, data = body.partition(b"stream\n")
        for index in range(len(art.objects)):
            head = head.replace(b"@%d@" % index, b"%d 0 R" % (first + index))
        bodies.append(head + mark + data)
    return tuple(bodies)


@dataclass(frozen=True, eq=False)
class Embedded:
    """A subset, ready to be written: old glyph numbers to new, and the parts of its font objects."""

    numbers: dict[int, int]
    meanings: dict[int, str]
    font: bytes
    descendant: bytes
    descriptor: bytes
    stream: bytes
    unicode_map: bytes


# What nearly every document uses of the Latin faces: cut and compressed once for each process.
USUAL = " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,.:;()/&@*'’“”\"-–—·"

USUAL_TOGETHER = ("ff", "fi", "fl", "ffi", "ffl", "Th", "A-A", "4-4")  # Ligatures, and a hyphen that rises by capitals.


def stream(data: bytes, entries: str = "") -> bytes:
    """A compressed stream object."""
    packed = zlib.compress(data, 6)
    return f"<<{entries}/Filter/FlateDecode/Length {len(packed)}>>stream\n".encode("ascii") + packed + b"\nendstream"


def _embed(face: Face, meanings: dict[int, str]) -> Embedded:
    cut = fonts.subset(face, meanings)
    tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(repr(sorted(meanings)).encode()).digest()[:6])
    name = f"{tag}+{face.name}"
    new = sorted((cut.numbers[old], round(face.advance(old)), text) for old, text in meanings.items())
    extents = face.font.get_font_extents("ltr")
    widths = " ".join(f"{gid}[{width}]" for gid, width, _ in new)
    descriptor = (
        f"<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[-1000 -1000 3000 2000]/ItalicAngle "
        f"{-12 if 'Italic' in name else 0}/Ascent {round(extents.ascender * face.em)}"
        f"/Descent {round(extents.descender * face.em)}/CapHeight 650/StemV 80/FontFile2 @stream@>>"
    )
    descendant = (
        f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        f"/Supplement 0>>/CIDToGIDMap/Identity/DW 0/W[{widths}]/FontDescriptor @descriptor@>>"
    )
    font = (
        f"<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H/DescendantFonts[@descendant@]"
        "/ToUnicode @unicode@>>"
    )
    return Embedded(
        cut.numbers,
        meanings,
        font.encode("ascii"),
        descendant.encode("ascii"),
        descriptor.encode("ascii"),
        stream(cut.data, f"/Length1 {len(cut.data)}"),
        stream(_unicode_map([(gid, text) for gid, _, text in new if text])),
    )


def _unicode_map(pairs: list[tuple[int, str]]) -> bytes:
    """The CMap that tells a reader which characters each glyph stands for."""
    parts = [
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def",
        "/CMapName/Adobe-Identity-UCS def/CMapType 2 def 1 begincodespacerange<0000><FFFF>endcodespacerange",
    ]
    for start in range(0, len(pairs), 100):
        some = pairs[start : start + 100]
        rows = "".join(f"<{gid:04X}><{text.encode('utf-16-be').hex().upper()}>\n" for gid, text in some)
        parts.append(f"{len(some)} beginbfchar\n{rows}endbfchar")
    parts.append("endcmap CMapName currentdict/CMap defineresource pop end end")
    return "\n".join(parts).encode("ascii")


@lru_cache(maxsize=16)
def _usual(face: Face, style: Style) -> dict[int, str]:
    meanings: dict[int, str] = {}
    texts = [*USUAL, *USUAL_TOGETHER]
    for text in texts:
        for run in shape(text, style).runs:
            if run.face is face:
                for glyph, meant in _singles(run):
                    meanings.setdefault(glyph, meant)
    return meanings


@lru_cache(maxsize=16)
def _usual_embedded(face: Face, styles: tuple[Style, ...]) -> Embedded:
    meanings: dict[int, str] = {}
    for style in styles:
        for glyph, meant in _usual(face, style).items():
            meanings.setdefault(glyph, meant)
    return _embed(face, meanings)


@dataclass(frozen=True, eq=False)
class Letters:
    """A face as one document embeds it: the ready-made letters, where it has them, and a small font of the others."""

    face: Face
    ready: Embedded | None
    more: Embedded | None

    def part(self, glyph: int) -> tuple[str, Embedded]:
        """The name and the subset in which the page finds a glyph."""
        if self.ready and glyph in self.ready.meanings:
            return f"F{self.face.number}", self.ready
        if not self.more:
            raise LookupError(f"Glyph {glyph} of {self.face.name} was not embedded.")
        return f"F{self.face.number}x", self.more

    def tells(self, glyph: int, meant: str) -> bool:
        """Whether a reader of the file learns this text from the glyph itself."""
        return self.part(glyph)[1].meanings.get(glyph) == meant


class Writer:
    """A PDF file of pages. ``usual`` maps a family to the styles whose common letters are embedded ready-made."""

    def __init__(self, usual: dict[str, tuple[Style, ...]]) -> None:
        self.usual = {fonts.primary(family): styles for family, styles in usual.items()}
        self.objects: list[bytes] = []

    def add(self, body: bytes) -> int:
        """Append an object; returns its number."""
        self.objects.append(body)
        return len(self.objects)

    def write(
        self, pages: list[Page], arts: list[Art | None], *, title: str, author: str, day: date, subject: str
    ) -> bytes:
        """The bytes of the file. ``day`` is the date it claims to be made on."""
        self.objects = [b"", b"", b""]  # Catalogue, pages and info: filled in at the end.
        # The background comes first, so that its numbers are the same in every file.
        forms = {id(art): self._add_art(art) for art in dict.fromkeys(filter(None, arts))}
        letters = self._choose_letters(pages)
        resources = self._font_resources(letters)
        structure = len(self.objects) + 1
        self.add(b"")
        kids: list[int] = []
        elements: list[list[int]] = []
        children: list[int] = []
        for index, (page, art) in enumerate(zip(pages, arts, strict=True)):
            data = b"".join(_words(part, letters) if isinstance(part, Words) else part for part in page.content)
            form = ""
            if art:
                data = b"/Artifact BMC /A Do EMC\n" + data
                form = f"/XObject<</A {forms[id(art)]} 0 R>>"
            content = self.add(stream(data))
            notes = self._add_link(page)
            number_ = self.add(
                f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {HEIGHT}]/Resources<<{resources}{form}>>"
                f"/Contents {content} 0 R/StructParents {index}/Tabs/S{notes}>>".encode("ascii")
            )
            kids.append(number_)
            marked, top = self._add_structure(page, number_, structure)
            elements.append(marked)
            children += top
        self._finish(structure, kids, elements, children, title, author, day, subject)
        return self._serialise()

    def _choose_letters(self, pages: list[Page]) -> dict[Face, Letters]:
        """What each face must hold. Ready-made subsets are the same in all files, so only the rest is cut anew."""
        beyond: dict[Face, dict[int, str]] = {}
        for page in pages:
            for words in page.words():
                for run in words.line.runs:
                    beyond.setdefault(run.face, {}).update(
                        item for item in _beyond(run, self._ready(run.face)) if item[0] not in beyond[run.face]
                    )
        return {
            face: Letters(face, self._ready(face), _embed(face, meanings) if meanings else None)
            for face, meanings in sorted(beyond.items(), key=lambda item: item[0].number)
        }

    def _ready(self, face: Face) -> Embedded | None:
        return _usual_embedded(face, self.usual[face]) if face in self.usual else None

    def _font_resources(self, letters: dict[Face, Letters]) -> str:
        entries = []
        for face, some in letters.items():
            for name, font in ((f"F{face.number}", some.ready), (f"F{face.number}x", some.more)):
                if font:
                    entries.append(f"/{name} {self._add_font(font)} 0 R")
        return f"/Font<<{''.join(entries)}>>"

    def _add_font(self, font: Embedded) -> int:
        data = self.add(font.stream)
        descriptor = self.add(font.descriptor.replace(b"@stream@", b"%d 0 R" % data))
        descendant = self.add(font.descendant.replace(b"@descriptor@", b"%d 0 R" % descriptor))
        unicode_map = self.add(font.unicode_map)
        body = font.font.replace(b"@descendant@", b"%d 0 R" % descendant)
        return self.add(body.replace(b"@unicode@", b"%d 0 R" % unicode_map))

    def _add_art(self, art: Art) -> int:
        self.objects += _numbered(art, len(self.objects) + 1)
        return len(self.objects)

    def _add_link(self, page: Page) -> str:
        if not page.link:
            return ""
        x1, y1, x2, y2, address = page.link
        note = self.add(
            f"<</Type/Annot/Subtype/Link/Rect[{numbers(x1, y1, x2, y2)}]/Border[0 0 0]/F 4"
            f"/A<</S/URI/URI({_literal(address)})>>/Contents({_literal(address)})>>".encode("ascii")
        )
        return f"/Annots[{note} 0 R]"

    def _add_structure(self, page: Page, page_number: int, root: int) -> tuple[list[int], list[int]]:
        """The elements of a page by mark, and those right under the document. Cells go into the rows of a table."""
        marked: list[int] = []
        top: list[int] = []
        table = row = 0
        cells: dict[int, list[int]] = {}
        current: int | None = None
        for mark, (role, row_of) in enumerate(page.roles):
            parent = root
            if row_of is not None:
                if not table:
                    table = self.add(b"")
                    top.append(table)
                if row_of != current:
                    current = row_of
                    row = self.add(b"")
                    cells[row] = []
                parent = row
            scope = "/A<</O/Table/Scope/Column>>" if role == "TH" else ""
            element = self.add(
                f"<</Type/StructElem/S/{role}/P {parent} 0 R/Pg {page_number} 0 R/K {mark}{scope}>>".encode("ascii")
            )
            marked.append(element)
            if row_of is None:
                top.append(element)
            else:
                cells[row].append(element)
        for row, some in cells.items():
            self.objects[row - 1] = _element("TR", table, some)
        if table:
            self.objects[table - 1] = _element("Table", root, list(cells))
        return marked, top

    def _finish(
        self,
        structure: int,
        kids: list[int],
        elements: list[list[int]],
        children: list[int],
        title: str,
        author: str,
        day: date,
        subject: str,
    ) -> None:
        parents = " ".join(f"{page} [{' '.join(f'{n} 0 R' for n in some)}]" for page, some in enumerate(elements))
        all_elements = " ".join(f"{n} 0 R" for n in children)
        root = self.add(f"<</Type/StructTreeRoot/K {structure} 0 R/ParentTree<</Nums[{parents}]>>>>".encode("ascii"))
        self.objects[structure - 1] = f"<</Type/StructElem/S/Document/P {root} 0 R/K[{all_elements}]>>".encode("ascii")
        self.objects[0] = (
            f"<</Type/Catalog/Pages 2 0 R/Lang(en-GB)/MarkInfo<</Marked true>>/StructTreeRoot {root} 0 R"
            "/ViewerPreferences<</DisplayDocTitle true>>>>"
        ).encode("ascii")
        refs = " ".join(f"{n} 0 R" for n in kids)
        self.objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{refs}]>>".encode("ascii")
        moment = f"(D:{day:%Y%m%d}000000Z)".encode("ascii")
        self.objects[2] = (
            b"<</Title "
            + string(title)
            + b"/Author "
            + string(author)
            + b"/Subject "
            + string(subject)
            + b"/CreationDate "
            + moment
            + b"/ModDate "
            + moment
            + b">>"
        )

    def _serialise(self) -> bytes:
        out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for index, body in enumerate(self.objects, 1):
            places.append(len(out))
            out += b"%d 0 obj\n" % index + body + b"\nendobj\n"
        identity = hashlib.blake2b(out, digest_size=16).hexdigest().encode("ascii")
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        out += b"trailer\n<</Size %d/Root 1 0 R/Info 3 0 R/ID[<%s><%s>]>>\n" % (len(places) + 1, identity, identity)
        out += b"startxref\n%d\n%%%%EOF\n" % start
        return bytes(out)


def _element(role: str, parent: int, kids: list[int]) -> bytes:
    inside = " ".join(f"{kid} 0 R" for kid in kids)
    return f"<</Type/StructElem/S/{role}/P {parent} 0 R/K[{inside}]>>".encode("ascii")


def _literal(text: str) -> str:
    """The inside of a PDF literal string; an address is ASCII already, the rest is percent-escaped by its maker."""
    return text.encode("ascii", "replace").decode().replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _words(words: Words, letters: dict[Face, Letters]) -> bytes:
    """One line of text as operators, with the text it stands for where its glyphs alone would not tell."""
    line, size = words.line, words.size
    parts = [f"BT {numbers(*colour(words.colour))} rg\n"]
    told = line.plain
    for run in line.runs:
        x = words.x + run.start * size / 1000
        em = size * run.face.scale
        ready = letters[run.face].ready
        if ready and line.plain and _all_told(run, ready):
            shown = _show_ready(run, em, ready)
        else:
            told = told and all(
                last - first == 1 and letters[run.face].tells(run.glyphs[first].number, meant)
                for first, last, meant in run.clusters
            )
            shown = _show(run, em, letters[run.face], hinted=not line.plain)
        parts.append(f"1 0 0 1 {numbers(x, words.y)} Tm {shown}\n")
    parts.append("ET\n")
    body = "".join(parts).encode("ascii")
    if told or not line.plain:
        return body
    return b"/Span <</ActualText " + string(line.text) + b">> BDC " + body + b"EMC\n"


@lru_cache(maxsize=8192)
def _beyond(run: Run, ready: Embedded | None) -> tuple[tuple[int, str], ...]:
    """The glyphs of a run that are not embedded ready-made, each with the text that it stands for by itself, if any."""
    meanings = {run.glyphs[first].number: meant for first, last, meant in reversed(run.clusters) if last - first == 1}
    found = dict.fromkeys(glyph.number for glyph in run.glyphs if not ready or glyph.number not in ready.meanings)
    return tuple((glyph, meanings.get(glyph, "")) for glyph in found)


@lru_cache(maxsize=8192)
def _all_told(run: Run, ready: Embedded) -> bool:
    """Whether a run needs nothing but ready-made letters, and these tell its text."""
    return all(
        last - first == 1 and ready.meanings.get(run.glyphs[first].number) == meant
        for first, last, meant in run.clusters
    )


@lru_cache(maxsize=8192)
def _show_ready(run: Run, em: float, ready: Embedded) -> str:
    """The operators of a run of ready-made letters: the same wherever it stands, so labels are written once."""
    return _show(run, em, Letters(run.face, ready, None), hinted=False)


def _show(run: Run, em: float, letters: Letters, *, hinted: bool) -> str:
    """The operators of a run: each glyph where shaping put it, to a thousandth of an em.

    ``hinted`` marks the clusters whose glyphs do not tell their characters. It is for lines that hold right-to-left
    text: there a reader of the file puts the order right by itself, and would turn a whole line's hint round.
    """
    text = _Shown(run, em, letters)
    for first, last, meant in run.clusters:
        if hinted and not (last - first == 1 and letters.tells(run.glyphs[first].number, meant)):
            text.hint(meant)
            text.add(first, last)
            text.end_hint()
        else:
            text.add(first, last)
    return text.done()


class _Shown:
    """The operators of a run being written."""

    def __init__(self, run: Run, em: float, letters: Letters) -> None:
        self.run, self.em, self.letters = run, em, letters
        self.parts: list[str] = []
        self.font = ""
        self.pen = self.rise = 0.0
        self.array = self.text = False

    def add(self, first: int, last: int) -> None:
        """Show some glyphs."""
        for glyph in self.run.glyphs[first:last]:
            font, subset = self.letters.part(glyph.number)
            if font != self.font:
                self._between(f"/{font} {number(self.em)} Tf ")
                self.font = font
            if abs(glyph.up - self.rise) > 0.5:
                self._between(f"{number(glyph.up * self.em / 1000)} Ts ")
                self.rise = glyph.up
            shift = round(self.pen - glyph.pen - glyph.across)
            if shift:
                self._open()
                self._close_text()
                self.parts.append(str(shift))
                self.pen -= shift
            self._open()
            if not self.text:
                self.parts.append("<")
                self.text = True
            self.parts.append(f"{subset.numbers[glyph.number]:04X}")
            self.pen += round(self.run.face.advance(glyph.number))

    def hint(self, meant: str) -> None:
        """From here on the glyphs stand for this text together."""
        self._between(f"/Span<</ActualText{string(meant).decode()}>>BDC ")

    def end_hint(self) -> None:
        """The next glyphs speak for themselves again."""
        self._between("EMC ")

    def done(self) -> str:
        """All the operators."""
        self._between("0 Ts " if self.rise else "")
        return "".join(self.parts)

    def _open(self) -> None:
        if not self.array:
            self.parts.append("[")
            self.array = True

    def _close_text(self) -> None:
        if self.text:
            self.parts.append(">")
            self.text = False

    def _between(self, operators: str) -> None:
        """Operators that stand between two strings of glyphs."""
        self._close_text()
        if self.array:
            self.parts.append("] TJ ")
            self.array = False
        self.parts.append(operators)


def _singles(run: Run) -> list[tuple[int, str]]:
    """The glyphs that stand alone for some characters, with those."""
    return [(run.glyphs[first].number, meant) for first, last, meant in run.clusters if last - first == 1]
