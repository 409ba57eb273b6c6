"""``create_app()``: the only place where everything meets."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import jinja2
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import config
import portal.blueprints
import portal.cli
import portal.models
from portal import embedded_redis, reactions, unit_of_work
from portal.database import db, engine_options, prepare
from portal.extensions import babel, csrf, mail, migrate, socketio
from portal.queries import chase
from portal.redis_door import door
from portal.web import assets, bodies, default_deny, errors, filters, headers, navigation


def create_app(overrides: dict[str, Any] | None = None, *, role: str = "cli") -> Flask:
    """Make the application for one kind of process: ``web``, ``worker`` or ``cli`` (also for tests).

    ``overrides`` replaces settings of ``config.load``.
    """
    app = Flask("portal", root_path=str(config.ROOT / "portal"))
    app.config.update(config.load(role) | (overrides or {}))
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, role=app.config["ROLE"])
    app.jinja_env.undefined = jinja2.StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.do")
    if proxies := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]

    db.init_app(app)
    with app.app_context():
        prepare(db.engine)
    migrate.init_app(app, db, directory=str(config.ROOT / "migrations"), render_as_batch=True)
    babel.init_app(app, default_locale="en_GB", default_timezone="Europe/London")
    csrf.init_app(app)
    mail.init_app(app)
    door.init_app(app.config["REDIS_URL"] or embedded_redis.url_for(app.config["PORTAL_DATA"]))
    unit_of_work.after_commit(reactions.follow)
    chase.Chasing.days = app.config["NOTICE_CHASE_DAYS"]

    for part in (bodies, assets, default_deny, headers, errors, filters, navigation):
        part.init_app(app)
    _open_doors(app)
    for module in _modules(portal.cli):
        app.cli.add_command(module.group)
    if app.config["ROLE"] == "web":
        from portal.queries import verification
        from portal.realtime import server

        server.verify_status = lambda text: verification.check(text).as_json()
        server.init_app(app, socketio)
        app.extensions["portal_hub_lag"] = lambda: server.hub_lag()["p99"]
    return app


def _open_doors(app: Flask) -> None:
    """Register the blueprint of each package in ``portal.blueprints``; demo pages only in a demo."""
    for module in _modules(portal.blueprints):
        if getattr(module, "DEVELOPMENT_ONLY", False) and not (app.config["DEVELOPMENT"] or app.config["DEMO"]):
            continue
        if getattr(module, "DEMO_ONLY", False) and not app.config["DEMO"]:
            continue
        if hasattr(module, "bp"):
            app.register_blueprint(module.bp)


def _modules(package: Any) -> list[Any]:
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]
