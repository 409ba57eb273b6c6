"""The whole application as it stands in a demo, for tests that read its tables and never send it a request."""

import pytest
from flask import Flask


@pytest.fixture(scope="session")
def whole_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application with every door open, the demo's and the developers' too."""
    from portal.app import create_app

    folder = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY", "not-a-secret-only-for-checks-and-tests")
        patch.setenv("PORTAL_DATA", str(folder))
        return create_app(
            {
                "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'house.db'}",
                "DEMO": True,
                "DEVELOPMENT": True,
            }
        )
