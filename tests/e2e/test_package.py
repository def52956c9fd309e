"""The .deb: what is in it, what it depends on, and that the binary in it runs with its configuration."""

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness.forebay import Forebay
from harness.paths import ROOT

pytestmark = pytest.mark.forebay_only
BUILD = Path(os.environ.get("FOREBAY_BUILD_DIR", ROOT / "build" / "release"))


def run(*command):
    completed = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=500, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    directory = tmp_path_factory.mktemp("package")
    run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", directory)
    [deb] = directory.glob("*.deb")
    return deb


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    directory = tmp_path_factory.mktemp("root")
    run("dpkg-deb", "-x", package, directory)
    run("dpkg-deb", "-e", package, directory / "DEBIAN")
    return directory


def test_contents(package):
    listing = run("dpkg-deb", "-c", package)
    paths = {line.split()[5] for line in listing.splitlines()}
    for path in (
        "./usr/bin/forebay", "./etc/forebay/forebay.toml", "./usr/lib/systemd/system/forebay.service",
        "./usr/lib/sysusers.d/forebay.conf", "./usr/share/doc/forebay/copyright",
    ):  # fmt: skip
        assert path in paths, listing
    assert not [path for path in paths if "test" in path or "/include/" in path], listing


def test_control(package, unpacked):
    fields = run("dpkg-deb", "-f", package)
    assert "Package: forebay" in fields
    depends = run("dpkg-deb", "-f", package, "Depends")
    # Debian's RocksDB is linked statically; what it is linked with is not.
    for library in ("libc6", "libssl3", "libstdc++6", "libsystemd0", "liblz4-1", "libzstd1"):
        assert library in depends, depends
    assert (unpacked / "DEBIAN/conffiles").read_text().split() == ["/etc/forebay/forebay.toml"]
    for script in ("postinst", "prerm", "postrm"):
        assert os.access(unpacked / "DEBIAN" / script, os.X_OK)
        run("sh", "-n", unpacked / "DEBIAN" / script)


def test_the_unit_is_hardened_and_names_what_is_installed(unpacked):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(unpacked / "usr/lib/systemd/system/forebay.service")
    service = unit["Service"]
    program, *arguments = service["ExecStart"].split()
    assert (unpacked / program.lstrip("/")).exists()
    assert (unpacked / arguments[-1].lstrip("/")).exists()
    assert service["Type"] == "notify" and service["User"] == "forebay"
    for key in ("NoNewPrivileges", "PrivateTmp", "MemoryDenyWriteExecute", "ProtectHome"):
        assert service[key] == "yes"
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--root", str(unpacked), "forebay.service"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        # The tree holds this package alone: units of others are missing, ours must be understood.
        wrong = [line for line in checked.stderr.splitlines() if "forebay.service:" in line]
        assert not [line for line in wrong if "Unknown" in line or "Failed to parse" in line], wrong


def test_the_binary_runs_with_the_packaged_configuration(unpacked, tmp_path):
    binary = unpacked / "usr/bin/forebay"
    assert run(binary, "--version").startswith("forebay ")

    class Packaged(Forebay):
        def command(self):
            return [
                str(binary), "serve", "--config", str(unpacked / "etc/forebay/forebay.toml"),
                "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}",
                "--admin-listen", f"127.0.0.1:{self.admin_port}",
            ]  # fmt: skip

    server = Packaged(tmp_path / "packaged").start()
    assert server.stop() == 0


def test_install_to_a_prefix(tmp_path):
    run("cmake", "--install", BUILD, "--prefix", tmp_path / "prefix")
    assert run(tmp_path / "prefix/bin/forebay", "--version").startswith("forebay ")
    assert not (tmp_path / "prefix/etc").exists()
