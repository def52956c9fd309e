"""Lakes for tests: a server behind a bad link, its containers, and a Forebay in front of it."""

import json
import os
import pty
import re
import subprocess
import time

from azure.storage.blob import BlobServiceClient

from . import needs, paths
from .accounts import DEVELOPMENT, LAKE
from .forebay import Forebay, run_forebay
from .proxy import REAL_LINK, FaultProxy
from .server import ServerProcess

PEER = paths.CLIENTS / "azurite/node_modules/azurite/dist/src/blob/main.js"


class AzuriteLake(ServerProcess):
    def command(self):
        return [
            str(paths.NODE), str(PEER), "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
            "--location", str(self.data), "--silent", "--skipApiVersionCheck",
            "--disableTelemetry",
        ]  # fmt: skip


class Lake:
    """A server far away: `direct` by the side, everybody else through `link`."""

    account = DEVELOPMENT

    def __init__(self, kind, directory, **settings):
        if kind == "azurite":
            needs.need(PEER.exists(), "PEER", "Azurite is missing: run tests/e2e/install_clients")
            self.server = AzuriteLake(directory)
        elif kind == "hierarchical":
            self.account = LAKE
            self.server = Forebay(directory, accounts=(DEVELOPMENT, LAKE))
        else:
            self.server = Forebay(directory)
        self.server.start()
        self.link = FaultProxy(self.server, **(settings or REAL_LINK))
        self.direct = service(self.server.url(self.account), account=self.account)

    def make(self, name, blobs=None):
        """A container with these blobs; its client, which knows no bad link."""
        container = self.direct.create_container(name)
        for blob, data in (blobs or {}).items():
            container.upload_blob(blob, data)
        return container

    def endpoint(self, container):
        return self.link.url(self.account, container)

    def stop(self):
        self.link.stop()
        self.server.kill()


class Front:
    """A Forebay that containers of a lake are attached to."""

    def __init__(self, server, lake):
        self.server, self.lake = server, lake
        self.secrets = []

    def secret(self, name, text):
        """A credential's file; what is in it must never be seen anywhere else."""
        path = self.server.directory / name
        path.write_text(text + "\n")
        self.secrets.append(text.split("sig=")[-1])
        return path

    def forebay(self, *arguments, timeout=120, ok=True):
        done = run_forebay(*arguments, "--data", self.server.data, timeout=timeout)
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return done

    def begin(self, *arguments):
        """The same command while it runs."""
        command = [str(paths.SERVER), *arguments, "--data", str(self.server.data)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def terminal(self, *arguments):
        """The same command with somebody who looks at a terminal."""
        return Terminal([str(paths.SERVER), *arguments, "--data", str(self.server.data)])

    def attach(self, container, lake_container, *flags, credential=None, wait=True):
        if credential is None:
            credential = f"key:@{self.secret('lake.key', self.lake.account.key)}"
        if wait:
            flags = (*flags, "--wait")
        return self.forebay(
            "lake", "attach", container, "--endpoint", self.lake.endpoint(lake_container),
            "--credential", credential, *flags,
        )  # fmt: skip

    def status(self, container):
        done = self.forebay("lake", "status", container, "--json")
        (lake,) = json.loads(done.stdout)["lakes"]
        return lake

    def wait_for(self, container, condition, seconds=60):
        """The first status that satisfies the condition."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status(container)
            if condition(status):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.1)

    def service(self, retries=3):
        return service(self.server.url(DEVELOPMENT), retries)

    def container(self, name, retries=3):
        return self.service(retries).get_container_client(name)

    def assert_no_secret_is_seen(self, *texts):
        log = self.server.log_path.read_text(errors="replace")
        for secret in self.secrets:
            for text in (log, *texts):
                assert secret not in text


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command):
        self.seen = ""
        self.screen, theirs = pty.openpty()
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)

    def read_until(self, pattern):
        """What is shown, until it matches; it need not be shown for long."""
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            assert time.monotonic() < deadline, self.seen[-500:]
            self.seen += os.read(self.screen, 65536).decode(errors="replace")
        return found


def service(url, retries=3, account=DEVELOPMENT):
    credential = {"account_name": account.name, "account_key": account.key}
    return BlobServiceClient(url, credential, retry_total=retries)
