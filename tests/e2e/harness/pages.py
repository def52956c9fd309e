"""Pages whose commands are run as they stand: fenced shell blocks under a comment that names them."""

import os
import re
import subprocess

from . import paths


def blocks(page, marker):
    """The blocks of a page of the tree under comments of this name, in order."""
    text = (paths.ROOT / page).read_text()
    return re.findall(rf"<!-- {marker} -->\n```sh\n(.*?)```", text, re.DOTALL)


def shell(script, cwd, **environment):
    """Runs a script to its end, which must be a good one, and answers what it printed. What it has started
    in the background ends with it."""
    completed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{script}"],
        cwd=cwd, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout[-6000:]
    return completed.stdout
