"""Fixtures: a server for each test module, a second one on demand, and its log when a test fails."""

import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from azure.storage.blob import BlobServiceClient  # noqa: E402
from harness import needs, paths  # noqa: E402
from harness.accounts import LAKE  # noqa: E402
from harness.azcopy import AzCopy  # noqa: E402
from harness.forebay import Forebay  # noqa: E402
from harness.lakes import Lake  # noqa: E402
from harness.mount import Mount  # noqa: E402
from harness.server import Azurite  # noqa: E402

_names = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "forebay_only: asks for what the second implementation lacks")


def pytest_collection_modifyitems(items):
    if not paths.AZURITE:
        return
    for item in items:
        if item.get_closest_marker("forebay_only"):
            item.add_marker(pytest.mark.skip(reason="not in the second implementation"))


def pytest_sessionstart():
    if not paths.AZURITE and not os.access(paths.SERVER, os.X_OK):
        pytest.exit(f"{paths.SERVER} is missing: ./dev build release", returncode=2)
    if not paths.AZCOPY.exists():
        pytest.exit("the clients are missing: tests/e2e/install_clients", returncode=2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and call.when in ("setup", "call"):
        for server in _servers_of(item):
            where = getattr(server, "directory", server)
            report.sections.append((f"log of {getattr(where, 'name', where)}", server.log(200)))
    return report


def _servers_of(item):
    seen = {}
    for value in getattr(item, "funcargs", {}).values():
        for server in value if isinstance(value, list) else [value]:
            if hasattr(server, "log_path"):
                seen[id(server)] = server
    return seen.values()


def _new_server(directory, **kwargs):
    return Azurite(directory) if paths.AZURITE else Forebay(directory, **kwargs)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One running server for all tests of a module; it must end cleanly on SIGTERM."""
    instance = _new_server(tmp_path_factory.mktemp("server")).start()
    yield instance
    if not paths.AZURITE:
        assert instance.alive, f"the server died:\n{instance.log()}"
        assert instance.stop() == 0, instance.log()
    instance.kill()


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may kill and restart as it likes."""
    instance = _new_server(tmp_path / "own-server").start()
    yield instance
    instance.kill()


@pytest.fixture
def make_server(tmp_path):
    """Makes servers that are not started yet, with the arguments of `Forebay`."""
    made = []

    def make(**kwargs):
        made.append(_new_server(tmp_path / f"server-{len(made)}", **kwargs))
        return made[-1]

    yield make
    for instance in made:
        instance.kill()


@pytest.fixture
def container(server):
    """The container that `make_mount` mounts, of a server that has the account `LAKE`."""
    client = BlobServiceClient.from_connection_string(server.connection_string(LAKE))
    files = client.get_container_client("files")
    if not files.exists():
        files.create_container()
    return files


@pytest.fixture
def make_mount(server, container, tmp_path):
    """Makes mounts of `container` and starts them; `options` is what follows `-o`."""
    made = []

    def make(options="", start=True):
        place = tmp_path / f"mount-{len(made)}"
        made.append(Mount(server, container.container_name, place, options=options))
        return made[-1].start() if start else made[-1]

    yield make
    if not server.alive:  # what a mount still has to say would wait for it
        server.start()
    for mount in made:
        mount.close()


@pytest.fixture(params=["forebay", pytest.param("azurite", marks=needs.left_out("PEER"))])
def lake(request, tmp_path):
    """A lake behind a bad link: a second Forebay, then Azurite."""
    lake = Lake(request.param, tmp_path / "lake")
    yield lake
    lake.stop()


@pytest.fixture
def azcopy(tmp_path):
    return AzCopy(tmp_path / "azcopy")


@pytest.fixture
def container_name():
    return f"test-{os.getpid()}-{next(_names)}"
