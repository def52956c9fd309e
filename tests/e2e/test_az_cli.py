"""`az storage` (azure-cli from PyPI); FOREBAY_E2E_AZ=0 leaves it out."""

import json
import os
import subprocess

import pytest
from harness import needs, paths, trees
from harness.accounts import DEVELOPMENT

pytestmark = needs.left_out("AZ")


@pytest.fixture
def az(server, tmp_path):
    environment = {
        **os.environ,
        "AZURE_CONFIG_DIR": str(tmp_path / "azure"),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
        "AZURE_STORAGE_CONNECTION_STRING": server.connection_string(),
    }

    def run(*arguments):
        completed = subprocess.run(
            [str(paths.AZ), "storage", *map(str, arguments), "--output", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
            env=environment,
        )  # fmt: skip
        assert completed.returncode == 0, completed.stderr[-4000:]
        return json.loads(completed.stdout) if completed.stdout.strip() else None

    return run


def test_a_blob_through_its_life(az, server, tmp_path, container_name):
    data = trees.content("az", 300_000)
    (tmp_path / "up.bin").write_bytes(data)
    at = ("--container-name", container_name)
    assert az("container", "create", "--name", container_name)["created"] is True
    az("blob", "upload", *at, "--name", "d/blob", "--file", tmp_path / "up.bin", "--metadata", "k=v")
    shown = az("blob", "show", *at, "--name", "d/blob")
    assert (shown["properties"]["contentLength"], shown["metadata"]) == (300_000, {"k": "v"})
    assert [blob["name"] for blob in az("blob", "list", *at)] == ["d/blob"]
    az("blob", "download", *at, "--name", "d/blob", "--file", tmp_path / "down.bin", "--no-progress")
    assert (tmp_path / "down.bin").read_bytes() == data
    az("blob", "set-tier", *at, "--name", "d/blob", "--tier", "Cool")
    az("blob", "metadata", "update", *at, "--name", "d/blob", "--metadata", "a=b")
    assert az("blob", "metadata", "show", *at, "--name", "d/blob") == {"a": "b"}
    az(
        "blob", "copy", "start", "--destination-container", container_name, "--destination-blob", "copy",
        "--source-uri", server.url(DEVELOPMENT, container_name, "d", "blob"),
    )  # fmt: skip
    assert az("blob", "exists", *at, "--name", "copy")["exists"] is True
    az("blob", "delete", *at, "--name", "d/blob")
    assert [blob["name"] for blob in az("blob", "list", *at)] == ["copy"]
    assert az("container", "delete", "--name", container_name)["deleted"] is True
