"""What the server refuses to start with, and the words it says so in; flags and the environment."""

import http.client
import os
import subprocess

import pytest
from harness import paths
from harness.accounts import DEVELOPMENT, SECOND
from harness.forebay import run_forebay
from harness.raw import RawClient
from harness.server import free_port

pytestmark = pytest.mark.forebay_only


def refused(*arguments, **kwargs):
    completed = run_forebay("serve", *arguments, **kwargs)
    assert completed.returncode not in (0, -6, -11), completed
    return completed.stderr


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_version_and_help():
    version = run_forebay("--version")
    assert version.returncode == 0 and version.stdout.startswith("forebay ")
    assert "serve" in run_forebay("--help").stdout
    serve = run_forebay("serve", "--help").stdout
    assert "--listen" in serve and "--data" in serve and "--config" in serve


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]"])
def test_the_development_account_stays_on_loopback(tmp_path, address):
    said = refused("--data", tmp_path / "data", "--listen", f"{address}:{free_port()}")
    assert "devstoreaccount1" in said and "loopback" in said
    assert not (tmp_path / "data").exists(), "nothing is made by a server that refuses to start"


def test_a_second_server_on_the_same_data(make_server):
    first = make_server().start()
    said = refused(
        "--data", first.data, "--listen", f"127.0.0.1:{free_port()}",
        "--admin-listen", f"127.0.0.1:{free_port()}",
    )  # fmt: skip
    assert str(first.data) in said and ("lock" in said or "in use" in said), said
    assert first.alive and first.answers()
    # The lock belongs to the process, not to a file that stays: after kill -9 a start works.
    first.kill()
    first.start()


def test_an_address_in_use(make_server, tmp_path):
    first = make_server().start()
    said = refused(
        "--data", tmp_path / "other", "--listen", f"127.0.0.1:{first.port}",
        "--admin-listen", f"127.0.0.1:{free_port()}",
    )  # fmt: skip
    assert str(first.port) in said and "in use" in said.lower(), said


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (['data = ["d"]', 'lisen = ["127.0.0.1:1"]'], 2, ["lisen", "listen"]),
        (["", "[limits]", "max_conections = 5"], 3, ["max_conections", "max_connections"]),
        (["[limits]", 'max_connections = "many"'], 2, ["max_connections"]),
        (["[limits]", "", 'idle_timeout = "5 parsecs"'], 3, ["idle_timeout"]),
        (["", "data = 5"], 2, ["data", "text in quotes"]),
        (["[account]", 'name = "fine"'], 1, ["[[account]]"]),
        (['data = ["d"', 'listen = []'], 2, []),
        (["[[account]]", 'name = "UPPER"', f'key1 = "{"A" * 88}"'], 2, ["UPPER"]),
        (["[[account]]", 'name = "fine"', 'kye1 = "AAAA"'], 3, ["kye1", "key1"]),
    ],
)
def test_a_wrong_configuration_names_the_line(tmp_path, lines, line, words):
    config = write(tmp_path / "forebay.toml", *lines)
    said = refused("--config", config)
    assert f"{config}:{line}" in said or f"line {line}" in said, said
    for word in words:
        assert word in said, said


@pytest.mark.parametrize(
    "line", ['upload_rate = "fast"', "low_watermark = 95", 'ca_file = "/no/such.pem"']
)
def test_what_only_its_user_finds_wrong_names_the_line_too(tmp_path, line):
    config = write(tmp_path / "forebay.toml", "[lake]", line)
    free = "127.0.0.1:0"
    said = refused("--config", config, "--data", tmp_path / "data", "--listen", free, "--admin-listen", free)
    assert f"{config}:2: lake.{line.split()[0]}" in said, said


def test_a_wrong_flag_and_a_missing_file(tmp_path):
    said = refused("--lisen", "127.0.0.1:1")
    assert "--lisen" in said and "--listen" in said
    assert "missing.toml" in refused("--config", tmp_path / "missing.toml")


def test_a_data_directory_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("a file is here")
    said = refused("--data", tmp_path / "file", "--listen", f"127.0.0.1:{free_port()}")
    assert str(tmp_path / "file") in said


def test_environment_below_flags_above_file(tmp_path):
    """Of the three, the flag wins over the variable, and the variable over the file."""
    ports = [free_port() for _ in range(3)]
    config = write(tmp_path / "forebay.toml", f'listen = ["127.0.0.1:{ports[0]}"]')
    environment = {**os.environ, "FOREBAY_LISTEN": f"127.0.0.1:{ports[1]}"}
    arguments = [str(paths.SERVER), "serve", "--config", str(config), "--data", str(tmp_path / "data")]
    arguments += ["--admin-listen", f"127.0.0.1:{free_port()}"]
    for extra, winner in (([], ports[1]), (["--listen", f"127.0.0.1:{ports[2]}"], ports[2])):
        with subprocess.Popen(
            arguments + extra, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                for text in process.stderr:
                    if "serving" in text:
                        assert f":{winner}" in text
                        break
                else:
                    raise AssertionError("the server did not say where it serves")
            finally:
                process.terminate()
                process.communicate(timeout=30)
            assert process.returncode == 0


def test_accounts_and_listeners_by_flags_and_variables(tmp_path):
    """No file at all: one account from a flag, one from a variable, their keys from files."""
    (tmp_path / "flag.key").write_text(SECOND.key + "\n")
    (tmp_path / "variable.key").write_text(DEVELOPMENT.key + "\n")
    port, unused = free_port(), free_port()
    environment = {
        **os.environ,
        "FOREBAY_ACCOUNTS": f"name={DEVELOPMENT.name},key1=@{tmp_path}/variable.key;"
        f"name={SECOND.name},hierarchical=true",
        "FOREBAY_LISTENERS": f"address=127.0.0.1:{unused}",
    }
    arguments = [
        str(paths.SERVER), "serve", "--data", str(tmp_path / "data"),
        "--account", f"name={SECOND.name},key1=@{tmp_path}/flag.key",
        "--listener", f"address=127.0.0.1:{port}", "--admin-listen", "127.0.0.1:0",
    ]  # fmt: skip

    class Server:
        def connect(self, timeout):
            return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    with subprocess.Popen(
        arguments, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert any("serving" in line for line in process.stderr)
            client = RawClient(Server(), SECOND)
            properties = client.request("GET", "/?restype=account&comp=properties")
            assert properties.status == 200
            assert properties.headers["x-ms-is-hns-enabled"] == "true", "from the variable"
            other = RawClient(Server(), DEVELOPMENT)
            assert other.request("GET", "/?comp=list").status == 200
        finally:
            process.terminate()
            process.communicate(timeout=30)
        assert process.returncode == 0
    said = refused("--data", tmp_path / "data", "--account", f"name={SECOND.name},kye1=AAAA")
    assert "--account, entry 1" in said and "key1" in said and "AAAA" not in said


def test_hierarchical_is_an_account_setting(make_server):
    """The same server holds a flat account and a hierarchical one."""
    import dataclasses

    lake = dataclasses.replace(SECOND, settings=("hierarchical = true",))
    server = make_server(accounts=[DEVELOPMENT, lake]).start()
    for account, flag in ((DEVELOPMENT, "false"), (SECOND, "true")):
        client = RawClient(server, account)
        answer = client.request("GET", "/?restype=account&comp=properties")
        assert answer.status == 200, answer.body
        assert answer.headers["x-ms-is-hns-enabled"] == flag
        assert client.create_container("names").status == 201
        assert client.put_blob("names", "a/b/c", b"deep").status == 201
        assert client.get_blob("names", "a/b/c").body == b"deep"
