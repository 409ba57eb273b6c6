"""Write the next migration from what changed in the models since the last one: make migration m="Say what"."""

import subprocess
import sys
import tempfile
from pathlib import Path

import migrations


def main(message: str) -> int:
    if not message.strip():
        print('Say what the migration does: make migration m="Add the centre of a problem"', file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="portal-migration-") as folder:
        own = migrations.environment(Path(folder))
        for command in (["db", "upgrade"], ["db", "migrate", "-m", message]):
            done = subprocess.run([*migrations.FLASK, *command], env=own)
            if done.returncode:
                return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
