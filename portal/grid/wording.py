"""Sentences of the engine: written here in English, put into the reader's language by the web layer."""

from __future__ import annotations


def N_(message: str) -> str:
    """Mark a sentence for the catalogue without translating it here."""
    return message
