"""rclone's azureblob backend (Debian's package) against the endpoint with an account key."""

import json
import os
import subprocess

import pytest
from harness import trees
from harness.accounts import DEVELOPMENT


@pytest.fixture
def rclone(server, tmp_path):
    config = tmp_path / "rclone.conf"
    config.write_text(
        f"[lake]\ntype = azureblob\naccount = {DEVELOPMENT.name}\nkey = {DEVELOPMENT.key}\n"
        # This version takes a whole URL, and http, for an "emulator" only.
        f"endpoint = {server.url(DEVELOPMENT)}\nuse_emulator = true\n"
    )

    def run(*arguments, expect=0):
        completed = subprocess.run(
            ["rclone", "--config", config, "--retries", "1", "--low-level-retries", "1", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=240, check=False,
            env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
        assert completed.returncode == expect, completed.stderr[-4000:]
        return completed.stdout

    return run


@pytest.fixture
def tree(tmp_path):
    return trees.make_awkward_tree(tmp_path / "tree")


@pytest.fixture
def remote(rclone, container_name):
    rclone("mkdir", f"lake:{container_name}")
    return f"lake:{container_name}"


def test_copy_check_and_back(rclone, remote, tree, tmp_path):
    rclone("copy", tree, remote, "--azureblob-chunk-size", "4Mi", "--azureblob-upload-cutoff", "4Mi")
    rclone("check", tree, remote, "--download")
    listed = rclone("lsf", "-R", "--files-only", remote).splitlines()
    assert sorted(listed) == sorted(trees.digest_tree(tree))
    rclone("copy", remote, tmp_path / "back")
    trees.assert_same_tree(tree, tmp_path / "back")


def test_check_sees_a_difference(rclone, remote, tree):
    rclone("copy", tree, remote)
    (tree / "plain.txt").write_bytes(b"X")
    rclone("check", tree, remote, "--download", expect=1)


def test_sync_and_delete(rclone, remote, tree):
    rclone("sync", tree, remote)
    (tree / "new.txt").write_bytes(b"new")
    (tree / "plain.txt").unlink()
    rclone("sync", tree, remote)
    rclone("check", tree, remote)
    rclone("deletefile", f"{remote}/new.txt")
    assert "new.txt" not in rclone("lsf", remote).splitlines()
    rclone("delete", remote)
    assert rclone("lsf", "-R", "--files-only", remote) == ""


def test_server_side_copy_keeps_the_modification_time(rclone, remote, tree, container_name):
    rclone("copy", tree, remote)
    rclone("mkdir", f"lake:{container_name}-2")
    rclone("copy", remote, f"lake:{container_name}-2")
    rclone("check", remote, f"lake:{container_name}-2")
    entries = json.loads(rclone("lsjson", f"lake:{container_name}-2", "--files-only", "-R"))
    wanted = {path.name: path.stat().st_mtime for path in tree.rglob("*") if path.is_file()}
    assert len(entries) == len(wanted)
    rclone("purge", f"lake:{container_name}-2")
    assert f"{container_name}-2/" not in rclone("lsf", "lake:").splitlines()
