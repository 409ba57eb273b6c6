"""Engine-turned ornament, as on banknotes: the border, the rosettes, the emblem of a brand without a logo.

All of it is vector, made of one small path drawn many times, in the brand's own colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial

from portal.documents.pdf import HEIGHT, WIDTH, Art, colour, number, numbers, stream, tint
from portal.documents.typesetting import Style, shape

BAND = 17.0  # The width of the border's woven band.
OUTER = 24.0  # From the edge of the paper to the band.
CORNER = 34.0  # The side of a corner square.
PERIOD, WOVEN = 23.0, 11  # The length of one period of the band, and how many periods are woven at once.
EDGE = OUTER - 3.4 + CORNER  # Where the band begins, from the edge of the paper.


class _Forms:
    """Form XObjects being gathered; the page's own drawing comes last."""

    def __init__(self, stationery: tuple[bytes, ...]) -> None:
        self.objects: list[bytes] = list(stationery)

    def add(self, operators: str, box: tuple[float, float, float, float], resources: str = "") -> int:
        entries = f"/Type/XObject/Subtype/Form/BBox[{numbers(*box)}]/Resources<<{resources}>>"
        self.objects.append(stream(operators.encode("ascii"), entries))
        return len(self.objects) - 1

    def finish(self, parts: list[str], names: dict[str, int]) -> None:
        """The page's own drawing, which calls the others by name."""
        resources = "/XObject<<" + "".join(f"/{name} @{index}@" for name, index in names.items()) + ">>"
        self.add("\n".join(parts), (0, 0, WIDTH, HEIGHT), resources)


def plain(stationery: tuple[bytes, ...], drawn: str = "") -> Art:
    """A background without a frame: the brand's stationery, and operators such as those of its emblem."""
    forms = _Forms(stationery)
    forms.finish(["/Letterhead Do", drawn], {"Letterhead": len(stationery) - 1})
    return Art(tuple(forms.objects))


def border(primary: str, accent: str, stationery: tuple[bytes, ...], drawn: str = "") -> Art:
    """The frame of a digital certificate: a woven band, corner rosettes, fine rules and a pale rosette in the middle.

    ``stationery`` are the objects of the brand's letterhead, the last one its form; ``drawn`` are more operators.
    """
    forms = _Forms(stationery)
    weave = forms.add(_weave(primary, accent), (-1, -BAND, PERIOD * WOVEN + 1, BAND))
    petal = forms.add(_petals(13.5, 8, 0.34), (-20, -20, 20, 20))
    lobe = forms.add(_petals(150, 12, 0.28), (-220, -220, 220, 220))
    parts = [f"q 1 0 0 1 {numbers(WIDTH / 2, HEIGHT / 2 + 6)} cm {numbers(*colour(tint(primary, 0.075)))} RG 0.35 w"]
    parts += [_turned(index * math.pi / 48) + "/Lobe Do Q" for index in range(8)]
    parts.append("Q")
    middle = OUTER + BAND / 2
    across, down = (WIDTH - 2 * EDGE) / 2, (HEIGHT - 2 * EDGE) / 3
    wide, tall = across / (PERIOD * WOVEN), down / (PERIOD * WOVEN)
    for x in (EDGE, EDGE + across):
        parts.append(f"q {wide:.5f} 0 0 1 {numbers(x, middle)} cm /Weave Do Q")
        parts.append(f"q {wide:.5f} 0 0 -1 {numbers(x, HEIGHT - middle)} cm /Weave Do Q")
    for y in (EDGE, EDGE + down, EDGE + 2 * down):
        parts.append(f"q 0 {tall:.5f} -1 0 {numbers(middle, y)} cm /Weave Do Q")
        parts.append(f"q 0 {tall:.5f} 1 0 {numbers(WIDTH - middle, y)} cm /Weave Do Q")
    parts.append(_rules(primary, accent))
    inset = OUTER - 3.4 + CORNER / 2
    for x in (inset, WIDTH - inset):
        for y in (inset, HEIGHT - inset):
            parts.append(_corner(x, y, primary, accent))
    parts += ["/Letterhead Do", drawn]
    names = {"Weave": weave, "Petal": petal, "Lobe": lobe, "Letterhead": len(stationery) - 1}
    forms.finish(parts, names)
    return Art(tuple(forms.objects))


def emblem(x: float, y: float, radius: float, primary: str, accent: str) -> str:
    """The operators of a round emblem; a brand without a logo sets its initials in the middle."""
    parts = [f"q 1 0 0 1 {numbers(x, y)} cm"]
    parts.append(f"{numbers(*colour(primary))} rg {_circle(radius)} f")
    parts.append(f"{number(0.3)} w {numbers(*colour(tint(accent, 0.85)))} RG")
    ring = _closed(lambda a: radius * (0.81 + 0.075 * math.sin(18 * a)), 144)
    parts += [f"{_turned(index * math.pi / 36)}{ring} S Q" for index in range(4)]
    parts.append(f"{number(0.7)} w {numbers(*colour(tint(accent, 0.9)))} RG {_circle(radius * 0.935)} S")
    parts.append(f"{_circle(radius * 0.69)} S Q")
    return " ".join(parts)


@lru_cache(maxsize=64)
def initials(name: str, radius: float) -> tuple[str, float]:
    """The letters of an organisation (its own acronym, else three initials), and the size that fills the emblem."""
    words = [word for word in name.split() if word[0].isupper() and word not in ("Ltd", "Limited")]
    acronym = bool(words) and words[0].isupper() and 2 <= len(words[0]) <= 5
    letters = words[0] if acronym else "".join(word[0] for word in words[:3])
    width = shape(letters, Style("serif-600")).width
    return letters, min(radius * 0.62, radius * 1.12 * 1000 / max(width, 1.0))


def _weave(primary: str, accent: str) -> str:
    """A piece of the band: four waves of one colour and two of the other, out of step with each other.

    Each colour is one path, and a side of the page needs few pieces: viewers draw that ten times as fast.
    """
    reach = BAND / 2 - 1.6
    swells = [_open(partial(_swell, reach, index * math.pi / 2)) for index in range(4)]
    ripples = [_open(partial(_ripple, reach / 2, index * math.pi)) for index in range(2)]
    return (
        f"0.32 w {numbers(*colour(tint(primary, 0.8)))} RG {' '.join(swells)} S "
        f"0.4 w {numbers(*colour(accent))} RG {' '.join(ripples)} S"
    )


def _swell(reach: float, phase: float, at: float) -> float:
    return reach * math.sin(at + phase) * (0.72 + 0.28 * math.cos(2 * at))


def _ripple(reach: float, phase: float, at: float) -> float:
    return reach * math.sin(2 * at + phase)


def _rules(primary: str, accent: str) -> str:
    """The fine lines on both sides of the band and the frame inside it."""
    parts = [f"{numbers(*colour(primary))} RG"]
    for inset, thick in ((OUTER - 3.4, 1.3), (OUTER, 0.4), (OUTER + BAND, 0.4), (OUTER + BAND + 2.6, 0.9)):
        parts.append(f"{number(thick)} w {numbers(inset, inset, WIDTH - 2 * inset, HEIGHT - 2 * inset)} re S")
    inset = OUTER + BAND + 7.5
    parts.append(
        f"{numbers(*colour(accent))} RG 0.5 w {numbers(inset, inset, WIDTH - 2 * inset, HEIGHT - 2 * inset)} re S"
    )
    return " ".join(parts)


def _corner(x: float, y: float, primary: str, accent: str) -> str:
    half = CORNER / 2
    parts = [f"q 1 0 0 1 {numbers(x, y)} cm 1 1 1 rg {numbers(*colour(primary))} RG 0.9 w"]
    parts.append(f"{numbers(-half, -half, CORNER, CORNER)} re B")
    parts.append(f"0.4 w {numbers(-half + 2.6, -half + 2.6, CORNER - 5.2, CORNER - 5.2)} re S")
    parts.append(f"0.3 w {numbers(*colour(tint(primary, 0.8)))} RG")
    parts += [_turned(index * math.pi / 24) + "/Petal Do Q" for index in range(6)]
    parts.append(f"{numbers(*colour(accent))} rg {_circle(2.1)} f Q")
    return " ".join(parts)


def _petals(radius: float, lobes: int, depth: float) -> str:
    return _closed(lambda a: radius * (1 - depth + depth * math.cos(lobes * a)), lobes * 8) + " S"


def _turned(angle: float) -> str:
    across, up = math.cos(angle), math.sin(angle)
    return f"q {across:.5f} {up:.5f} {-up:.5f} {across:.5f} 0 0 cm "


def _open(wave: Callable[[float], float], pieces: int = 8) -> str:
    """The periods of a wave that one piece of the band holds, from x = 0, as Bézier curves."""
    step, third = 2 * math.pi / pieces, PERIOD / pieces / 3
    heights = [wave(index * step) for index in range(pieces)]
    rises = [(wave(index * step + 1e-4) - wave(index * step - 1e-4)) / 2e-4 * step / 3 for index in range(pieces)]
    parts = [f"{numbers(0, heights[0])} m"]
    for index in range(pieces * WOVEN):
        here, after = index % pieces, (index + 1) % pieces
        x = index * 3 * third
        first = (x + third, heights[here] + rises[here])
        second = (x + 2 * third, heights[after] - rises[after])
        parts.append(f"{numbers(*first, *second, x + 3 * third, heights[after])} c")
    return " ".join(parts)


def _closed(reach: Callable[[float], float], pieces: int) -> str:
    """A closed curve around the origin, ``reach`` away from it at each angle, as Bézier curves."""

    def point(angle: float) -> tuple[float, float]:
        return reach(angle) * math.cos(angle), reach(angle) * math.sin(angle)

    step = 2 * math.pi / pieces
    parts = [f"{numbers(*point(0.0))} m"]
    for index in range(pieces):
        a, b = index * step, (index + 1) * step
        (x1, y1), (x2, y2) = point(a), point(b)
        (u1, v1), (u2, v2) = _speed(point, a), _speed(point, b)
        third = step / 3
        parts.append(f"{numbers(x1 + u1 * third, y1 + v1 * third, x2 - u2 * third, y2 - v2 * third, x2, y2)} c")
    return " ".join(parts) + " h"


def _speed(point: Callable[[float], tuple[float, float]], angle: float) -> tuple[float, float]:
    before, after = point(angle - 1e-4), point(angle + 1e-4)
    return (after[0] - before[0]) / 2e-4, (after[1] - before[1]) / 2e-4


def _circle(radius: float) -> str:
    return _closed(lambda _: radius, 8)
