"""Open the fonts once, as a worker does."""

import pytest

from portal.documents import preload


@pytest.fixture(scope="session", autouse=True)
def _fonts() -> None:
    preload()
