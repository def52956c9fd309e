"""A mount's client against real servers, without FUSE.

`vfs_contract_test` runs src/vfs/contract_suite.h against a container made here.
"""

import subprocess

import pytest
from azure.storage.blob import BlobServiceClient
from harness import paths
from harness.accounts import DEVELOPMENT, LAKE
from harness.forebay import Forebay
from harness.proxy import FaultProxy

PROGRAM = paths.SERVER.parent / "vfs_contract_test"


def run_contract(server, account, *arguments, link=None):
    url = server.url(account)
    service = BlobServiceClient(url, {"account_name": account.name, "account_key": account.key})
    service.create_container("files")
    place = link.url(account) if link else url
    done = subprocess.run(
        [PROGRAM, "--endpoint", f"{place}/files", "--credential", f"key:{account.key}", "--gtest_brief=1", *arguments],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "[  PASSED  ]" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("--plain",)], ids=["extensions", "plain"])
def test_a_hierarchical_container_is_a_file_system(tmp_path, arguments):
    server = Forebay(tmp_path, accounts=(LAKE,)).start()
    try:
        run_contract(server, LAKE, *arguments)
    finally:
        server.stop()


def test_a_flat_container_can_be_read_as_one(tmp_path):
    server = Forebay(tmp_path).start()
    try:
        run_contract(server, DEVELOPMENT, "--flat")
    finally:
        server.stop()


@pytest.mark.parametrize("arguments", [(), ("--plain",)], ids=["extensions", "plain"])
def test_a_bad_link_is_not_noticed(tmp_path, arguments):
    server = Forebay(tmp_path, accounts=(LAKE,)).start()
    link = None
    try:
        link = FaultProxy(
            server, lost_share=0.05, reset_share=0.03, error_share=0.03, short_share=0.02
        )
        run_contract(server, LAKE, *arguments, link=link)
        assert link.stats()["lost"] > 0
    finally:
        if link:
            link.stop()
        server.stop()
