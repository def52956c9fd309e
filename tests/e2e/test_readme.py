"""README.md keeps its word: the fenced blocks of its tour are run as they stand, in order, in one shell."""

import os
import re
import subprocess

import pytest
from harness import paths
from harness.accounts import DEVELOPMENT

pytestmark = pytest.mark.forebay_only
README = paths.ROOT / "README.md"


def tour():
    """The shell blocks under a `tour` comment."""
    return re.findall(r"<!-- tour -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)


def adapted(script, server):
    """The server under test listens elsewhere than the reader's."""
    script = script.replace("127.0.0.1:10000", f"127.0.0.1:{server.port}")
    script = script.replace("127.0.0.1:9464", f"127.0.0.1:{server.admin_port}")
    return script.replace("UseDevelopmentStorage=true", server.connection_string(DEVELOPMENT))


def test_the_tour(server, tmp_path):
    blocks = tour()
    assert len(blocks) >= 5, "the README has lost its tour"
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "azcopy").symlink_to(paths.AZCOPY)
    (programs / "node").symlink_to(paths.NODE)
    completed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", adapted("\n".join(blocks), server)],
        cwd=tmp_path,
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PATH": f"{programs}:{paths.CLIENTS / 'venv/bin'}:{os.environ['PATH']}",
            "NODE_PATH": str(paths.CLIENTS / "node_modules"),
        },
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout[-6000:]
    assert completed.stdout.count("Hello from the forebay") == 2, completed.stdout
    assert "['hello.txt']" in completed.stdout
    assert "the same, byte for byte" in completed.stdout
    assert "prefix photos/" in completed.stdout


def test_every_relative_link_leads_somewhere():
    for page in (README, *(paths.ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md"))):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
