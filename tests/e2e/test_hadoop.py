"""Hadoop's ABFS driver through `hadoop fs`: host-style addressing, PATCH in the guise of PUT."""

import shutil
import subprocess

import pytest
from azure.storage.filedatalake import DataLakeServiceClient
from harness import needs, paths, trees
from harness.accounts import LAKE
from harness.forebay import Forebay

JARS = paths.CLIENTS / "hadoop"
pytestmark = [pytest.mark.forebay_only, needs.left_out("HADOOP")]


class HadoopShell:
    """`hadoop fs` for one file system of one server."""

    def __init__(self, server, file_system, directory):
        host = f"{LAKE.name}.dfs.localhost"
        address = f"{host}:{server.port}"
        self.root = f"abfs://{file_system}@{address}"
        self.directory = directory
        (directory / "hosts").write_text(f"127.0.0.1 {host} localhost\n")
        settings = {
            "fs.azure.always.use.https": "false",
            "hadoop.tmp.dir": str(directory / "tmp"),
            f"fs.azure.account.auth.type.{address}": "SharedKey",
            f"fs.azure.account.key.{address}": LAKE.key,
            # A retry would hide what these tests are about.
            "fs.azure.io.retry.max.retries": "0",
        }
        rows = "".join(
            f"<property><name>{k}</name><value>{v}</value></property>" for k, v in settings.items()
        )
        (directory / "core-site.xml").write_text(f"<configuration>{rows}</configuration>")

    def __call__(self, *arguments, expect=0):
        completed = subprocess.run(
            [
                "java", f"-Djdk.net.hosts.file={self.directory / 'hosts'}",
                "-cp", f"{self.directory}:{JARS}/*", "org.apache.hadoop.fs.FsShell", *arguments,
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert completed.returncode == expect, f"{arguments}: {completed.stdout}{completed.stderr}"
        return completed.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    needs.need(
        shutil.which("java") and JARS.is_dir(), "HADOOP",
        "Hadoop's shell is missing: install openjdk-17-jre-headless and maven (`./dev install`), then "
        "run tests/e2e/install_clients",
    )  # fmt: skip
    instance = Forebay(tmp_path_factory.mktemp("lake"), accounts=[LAKE]).start()
    yield instance
    assert instance.stop() == 0, instance.log()
    instance.kill()


@pytest.fixture
def shell(server, container_name, tmp_path):
    DataLakeServiceClient(
        server.url(LAKE), credential={"account_name": LAKE.name, "account_key": LAKE.key}
    ).create_file_system(container_name)
    return HadoopShell(server, container_name, tmp_path)


def listed(shell):
    lines = shell("-ls", "-R", "-C", f"{shell.root}/").splitlines()
    return [line.removeprefix(f"{shell.root}/") for line in lines]


def test_files_and_directories(shell, tmp_path):
    content = trees.content("hadoop", 9_000_000)
    (tmp_path / "big").write_bytes(content)
    shell("-mkdir", "-p", f"{shell.root}/a/b")
    shell("-put", str(tmp_path / "big"), f"{shell.root}/a/b/big")
    assert listed(shell) == ["a", "a/b", "a/b/big"]
    (tmp_path / "tail").write_bytes(b"tail")
    shell("-appendToFile", str(tmp_path / "tail"), f"{shell.root}/a/b/big")
    shell("-mv", f"{shell.root}/a/b", f"{shell.root}/moved")
    shell("-get", f"{shell.root}/moved/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == content + b"tail"
    shell("-rm", "-r", "-skipTrash", f"{shell.root}/moved")
    assert listed(shell) == ["a"]
    shell("-test", "-e", f"{shell.root}/moved", expect=1)


def test_permissions_and_acls(shell):
    shell("-mkdir", f"{shell.root}/d")
    shell("-chmod", "1750", f"{shell.root}/d")
    shell("-setfacl", "-m", "user:alice:r-x,default:user:alice:rwx", f"{shell.root}/d")
    shell("-touch", f"{shell.root}/d/f")
    acl = shell("-getfacl", f"{shell.root}/d")
    assert "user:alice:r-x" in acl and "default:user:alice:rwx" in acl and "# flags: --T" in acl
    assert "user:alice:rwx" in shell("-getfacl", f"{shell.root}/d/f")
    shell("-setfacl", "-b", f"{shell.root}/d")
    assert "alice" not in shell("-getfacl", f"{shell.root}/d")
