"""The lake's client against real servers: another Forebay (flat and hierarchical) and Azurite.

`lake_contract_test` runs src/lake/contract_suite.h against a container made here.
"""

import subprocess

from azure.storage.blob import BlobServiceClient
from harness import needs, paths
from harness.accounts import DEVELOPMENT, LAKE
from harness.forebay import Forebay
from harness.server import Azurite

PROGRAM = paths.SERVER.parent / "lake_contract_test"
PEER = paths.CLIENTS / "azurite/node_modules/azurite/dist/src/blob/main.js"


def run_contract(server, *arguments, account=DEVELOPMENT):
    url = server.url(account)
    service = BlobServiceClient(url, {"account_name": account.name, "account_key": account.key})
    service.create_container("lake")
    done = subprocess.run(
        [PROGRAM, "--endpoint", f"{url}/lake", "--credential", f"key:{account.key}",
         "--gtest_brief=1", *arguments],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "[  PASSED  ]" in done.stdout


def test_a_forebay_is_a_lake(tmp_path):
    server = Forebay(tmp_path).start()
    try:
        run_contract(server, "--lacks", "rehydration")
    finally:
        server.stop()


def test_a_hierarchical_forebay_is_a_lake(tmp_path):
    server = Forebay(tmp_path, accounts=(LAKE,)).start()
    try:
        run_contract(
            server, "--hierarchical", "--lacks", "rehydration,tags", account=LAKE
        )
    finally:
        server.stop()


@needs.left_out("PEER")
def test_azurite_is_a_lake(tmp_path, monkeypatch):
    needs.need(PEER.exists(), "PEER", "Azurite is missing: run tests/e2e/install_clients")
    monkeypatch.setattr(paths, "AZURITE", str(PEER))
    server = Azurite(tmp_path).start()
    try:
        run_contract(server, "--lacks", "rehydration,synchronous-copies,md5-errors")
    finally:
        server.stop()
