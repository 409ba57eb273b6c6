"""Finding words in text, alike on SQLite and PostgreSQL, whatever the locale of the database.

A word of plain letters is asked with ``LIKE``/``ILIKE``: both fold A to Z everywhere, and trigram indexes serve them.
A word with letters beyond ASCII is asked letter by letter in both cases (``[üÜ]``): SQLite's ``LIKE`` and a PostgreSQL
in the C locale do not know that "müller" is "MÜLLER". Whatever is typed is text: no wildcard, no pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Enum, SQLColumnExpression, String, Text, cast, false, func, literal, or_

Searchable: TypeAlias = SQLColumnExpression[Any] | Callable[[str], ColumnElement[bool]]
"""A text expression, or a function that makes the condition for one word (for what keeps its own index)."""

ESCAPE = "\\"
_SIGMAS = "σςΣ"


def words_of(text: str) -> tuple[str, ...]:
    """The different words of a search text in the order typed."""
    found: dict[str, str] = {}
    for word in text.split():
        found.setdefault(word.casefold(), word)
    return tuple(found.values())


def contains(expression: Any, word: str, *, dialect: str) -> ColumnElement[bool]:
    """The condition that ``word`` stands somewhere in a text, in any case. ``dialect`` is SQLAlchemy's name of it."""
    text = as_text(expression)
    if word.isascii():
        return text.ilike(f"%{_like_escaped(word)}%", escape=ESCAPE) if dialect != "sqlite" else _like(text, word)
    if dialect == "sqlite":
        return text.op("GLOB", is_comparison=True)(literal(f"*{_both_cases(word, _glob_escaped)}*", Text))
    return text.op("~", is_comparison=True)(literal(_both_cases(word, re.escape), Text))


def holds(column: Any, text: str, *, dialect: str) -> ColumnElement[bool]:
    """The condition that a column of ``folded`` text holds this folded text, letter for letter.

    Nothing is left of a lone apostrophe, and nothing has it.
    """
    if not text:
        return false()
    if dialect == "sqlite":
        return func.instr(column, text) > 0
    return column.like(f"%{_like_escaped(text)}%", escape=ESCAPE)


def matches_somewhere(searchables: tuple[Searchable, ...], word: str, *, dialect: str) -> ColumnElement[bool]:
    """The condition that at least one of the texts has the word."""
    return or_(
        false(),
        *(
            contains(entry, word, dialect=dialect) if is_expression(entry) else entry(word)  # type: ignore[operator]
            for entry in searchables
        ),
    )


def as_text(expression: Any) -> ColumnElement[Any]:
    """The expression as text, so that numbers and native enumerations can be searched too."""
    kind = getattr(expression, "type", None)
    if isinstance(kind, String) and not isinstance(kind, Enum):
        return expression
    return cast(expression, Text)


def is_expression(entry: Any) -> bool:
    """Whether something is an SQL expression (and not a function that makes one)."""
    return hasattr(entry, "__clause_element__") or isinstance(entry, ColumnElement)


def _like(text: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    # ``ilike`` would wrap both sides in lower(), which costs SQLite a call a row; its own LIKE folds A to Z already.
    return text.like(f"%{_like_escaped(word)}%", escape=ESCAPE)


def _like_escaped(word: str) -> str:
    return word.replace(ESCAPE, ESCAPE * 2).replace("%", ESCAPE + "%").replace("_", ESCAPE + "_")


def _glob_escaped(character: str) -> str:
    return f"[{character}]" if character in "*?[" else character


def _both_cases(word: str, escaped: Callable[[str], str]) -> str:
    return "".join(_any_case(character, escaped) for character in word)


def _any_case(character: str, escaped: Callable[[str], str]) -> str:
    if character in _SIGMAS:
        return f"[{_SIGMAS}]"
    forms = {character, character.lower(), character.upper(), character.title()}
    # "ß".upper() is two letters, which no class can hold; such a letter is then asked as it stands.
    single = sorted(form for form in forms if len(form) == 1)
    return f"[{''.join(single)}]" if len(single) > 1 else escaped(character)
