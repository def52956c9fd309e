"""The JavaScript Blob SDK: js/*.test.cjs under node's own test runner, against one server."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from harness import paths
from harness.accounts import DEVELOPMENT, SECOND
from harness.server import free_port

JS = Path(__file__).parent / "js"


def run_node(server, test, **environment):
    settings = {
        "endpoint": server.url(DEVELOPMENT),
        "account": DEVELOPMENT.name,
        "key": DEVELOPMENT.key,
        "secondEndpoint": server.url(SECOND),
        "secondAccount": SECOND.name,
        "secondKey": SECOND.key,
        "secondImplementation": bool(paths.AZURITE),
    }
    completed = subprocess.run(
        [str(paths.NODE), "--test", "--test-reporter=spec", "--test-timeout=120000", str(JS / test)],
        env={
            **os.environ,
            "NODE_PATH": str(paths.CLIENTS / "node_modules"),
            "E2E": json.dumps(settings),
            **environment,
        },
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout[-12000:]
    assert "fail 0" in completed.stdout and "pass 0" not in completed.stdout, completed.stdout


@pytest.mark.parametrize("test", sorted(path.name for path in JS.glob("*.test.cjs")))
def test_javascript(server, test):
    run_node(server, test)


@pytest.mark.forebay_only
def test_use_development_storage_without_any_configuration(tmp_path):
    """`forebay serve` with nothing configured is what UseDevelopmentStorage=true means."""
    from harness.forebay import Forebay

    class Bare(Forebay):
        def command(self):
            # Where 10000 is taken, the endpoint in the short form is the only difference.
            listen = [] if self.port == 10000 else ["--listen", f"127.0.0.1:{self.port}"]
            admin = ["--admin-listen", f"127.0.0.1:{self.admin_port}"]
            return [str(paths.SERVER), "serve", *listen, *admin]

    bare = Bare(tmp_path / "bare", accounts=[DEVELOPMENT])
    bare.port = 10000 if port_is_free(10000) else free_port()
    bare.start()
    try:
        short = "UseDevelopmentStorage=true"
        string = short if bare.port == 10000 else bare.connection_string()
        script = JS / "development_storage.cjs"
        environment = {**os.environ, "NODE_PATH": str(paths.CLIENTS / "node_modules")}
        completed = subprocess.run(
            [str(paths.NODE), str(script), string],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert completed.returncode == 0, completed.stderr
        assert completed.stdout.strip() == "hello from the forebay"
        assert (bare.directory / "forebay-data").is_dir()
    finally:
        bare.stop()


def port_is_free(port):
    import socket

    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False
