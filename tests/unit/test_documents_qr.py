"""The rectangles of a code are its dark modules, each once."""

from portal.documents import qr


def test_rectangles_cover_the_dark_modules_once():
    modules = qr.matrix("https://portal.example/v/7Q4M9XKD2FH8WZ3CK7")
    seen = set()
    for column, row, width, height in qr.rectangles(modules):
        for y in range(row, row + height):
            for x in range(column, column + width):
                assert (x, y) not in seen
                seen.add((x, y))
    assert seen == {(x, y) for y, line in enumerate(modules) for x, dark in enumerate(line) if dark}


def test_the_same_text_gives_the_same_code():
    assert qr.matrix("https://portal.example/v/1") == qr.matrix("https://portal.example/v/1")
