"""Forebay as a process, with a configuration file of its own."""

import http.client
import ssl
import subprocess

from . import paths
from .accounts import DEVELOPMENT, SECOND
from .server import ServerProcess, free_port


def render_config(accounts, data, port, admin_port, tls=None, extra="", host="127.0.0.1"):
    """The TOML file of a test server; `extra` goes in front of the tables."""
    address = f"{host}:{port}"
    lines = [f'data = ["{data}"]', f'admin_listen = "127.0.0.1:{admin_port}"']
    lines += [extra] if tls else [f'listen = ["{address}"]', extra]
    if tls:
        lines += [
            "[[listener]]", f'address = "{address}"',
            f'tls_cert = "{tls.certificate}"', f'tls_key = "{tls.key}"',
        ]  # fmt: skip
    for account in accounts:
        lines += ["[[account]]", f'name = "{account.name}"', f'key1 = "{account.key}"']
        if account.second_key:
            lines.append(f'key2 = "{account.second_key}"')
        lines += ["allow_public_access = true", *account.settings]
    return "\n".join(lines) + "\n"


class Forebay(ServerProcess):
    """`forebay serve --config FILE` in a directory of its own."""

    def __init__(
        self, directory, accounts=(DEVELOPMENT, SECOND), tls=None, extra="", host="127.0.0.1"
    ):
        super().__init__(directory)
        self.host = host
        self.admin_port = free_port()
        self.accounts = list(accounts)
        self.tls = tls
        self.extra = extra
        self.scheme = "https" if tls else "http"
        self.config = self.directory / "forebay.toml"
        self.write_config()

    def write_config(self):
        self.config.write_text(
            render_config(
                self.accounts, self.data, self.port, self.admin_port, self.tls, self.extra, self.host
            )
        )

    def command(self):
        return [str(paths.SERVER), "serve", "--config", str(self.config)]

    def answers(self):
        """Both listeners do: the admin one is bound last. A server on a full disk is not ready."""
        try:
            return super().answers() and self.admin("/healthz")[0] == 200
        except OSError:
            return False

    def connect(self, timeout=60):
        if not self.tls:
            return super().connect(timeout)
        context = ssl.create_default_context(cafile=self.tls.certificate)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=timeout, context=context
        )

    def admin(self, path, timeout=10):
        """GET on the admin listener: (status, text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, name):
        """The sum of a metric's samples, of which there is one at least, whatever their labels."""
        lines = self.admin("/metrics")[1].splitlines()
        samples = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        assert samples, f"there is no metric {name}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in samples)


def run_forebay(*arguments, timeout=30, **kwargs):
    """The binary with these arguments, to its end; refusals at start-up are tested with this."""
    return subprocess.run(
        [str(paths.SERVER), *map(str, arguments)],
        capture_output=True, text=True, timeout=timeout, check=False, **kwargs,
    )  # fmt: skip
