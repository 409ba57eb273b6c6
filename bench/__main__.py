"""``make bench``: run every benchmark, print one table, keep it in ``bench/results.json``."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ALL = ("documents", "intake", "verify", "live", "screen", "publish", "records", "notices")


def main(wanted: list[str]) -> int:
    """Run the named benchmarks, or all."""
    rows: list[dict[str, object]] = []
    for name in wanted or ALL:
        print(f"· {name}", file=sys.stderr, flush=True)
        rows += [{"bench": name, **row} for row in importlib.import_module(f"bench.{name}").run()]
    print(f"{'figure':<62} {'value':>12} {'unit':<12} {'peer or limit':<46} {'its value':>12} {'ratio':>8}")
    for row in rows:
        print(
            f"{row['figure']!s:<62} {_short(row['value']):>12} {row['unit']!s:<12} "
            f"{row['peer']!s:<46} {_short(row['peer_value']):>12} {_short(row['ratio']):>8}"
        )
    kept = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_at_the_end": os.getloadavg()[0],
        "rows": rows,
    }
    (HERE / "results.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0


def _short(value: object) -> str:
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and value < 100
        else f"{value:,.0f}"
        if isinstance(value, (int, float))
        else "–"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
