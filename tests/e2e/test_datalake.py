"""The Data Lake API with real clients on a hierarchical account: the Python and JavaScript SDKs, AzCopy's
BlobFS, adlfs with a Parquet data set."""

import datetime
import json
import os
import subprocess
from pathlib import Path

import adlfs
import pyarrow
import pyarrow.dataset
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.filedatalake import (
    ContentSettings,
    DataLakeDirectoryClient,
    DataLakeServiceClient,
    generate_directory_sas,
)
from harness import paths, trees
from harness.accounts import LAKE
from harness.forebay import Forebay

pytestmark = pytest.mark.forebay_only

UP = "--from-to=LocalBlobFS"
DOWN = "--from-to=BlobFSLocal"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    instance = Forebay(tmp_path_factory.mktemp("lake"), accounts=[LAKE]).start()
    yield instance
    assert instance.alive, f"the server died:\n{instance.log()}"
    assert instance.stop() == 0, instance.log()
    instance.kill()


@pytest.fixture
def file_system(server, container_name):
    service = DataLakeServiceClient(
        server.url(LAKE),
        credential={"account_name": LAKE.name, "account_key": LAKE.key},
        retry_total=0,  # A retry would hide what these tests are about.
    )
    return service.create_file_system(container_name, metadata={"color": "blue"})


def names(file_system, **options):
    return [path.name for path in file_system.get_paths(**options)]


def test_file_systems(file_system):
    assert file_system.get_file_system_properties().metadata == {"color": "blue"}
    file_system.set_file_system_metadata({"shape": "round"})
    assert file_system.get_file_system_properties().metadata == {"shape": "round"}
    with pytest.raises(ResourceExistsError):
        file_system.create_file_system()
    file_system.delete_file_system()
    with pytest.raises(ResourceNotFoundError):
        file_system.create_directory("d")


def test_a_file_in_parallel_pieces(file_system):
    content = trees.content("pieces", 20_000_000)
    file = file_system.get_file_client("dir/sub/file.bin")
    file.upload_data(
        content,
        overwrite=True,
        content_settings=ContentSettings(content_type="a/b"),
        metadata={"m": "1"},
        chunk_size=1 << 20,
        max_concurrency=8,
    )
    assert file.download_file().readall() == content
    properties = file.get_file_properties()
    assert (properties.size, properties.metadata) == (len(content), {"m": "1"})
    assert properties.content_settings.content_type == "a/b"
    file.append_data(b"tail", len(content), flush=True)
    assert file.download_file(offset=len(content) - 2).readall() == content[-2:] + b"tail"
    with pytest.raises(HttpResponseError) as refused:
        file.flush_data(len(content) + 99)
    assert refused.value.error_code == "InvalidFlushPosition"
    with pytest.raises(ResourceExistsError):
        file_system.get_file_client("dir/sub").create_file()


def test_rename_and_delete_of_a_tree(file_system):
    for index in range(30):
        file_system.create_file(f"many/{index % 3}/{index:03}")
    assert len(names(file_system, max_results=7)) == 34
    assert names(file_system, path="many", recursive=False) == ["many/0", "many/1", "many/2"]
    etag = file_system.get_file_client("many/0/000").get_file_properties().etag
    renamed = file_system.get_directory_client("many").rename_directory(
        f"{file_system.file_system_name}/moved"
    )
    assert renamed.path_name == "moved"
    assert file_system.get_file_client("moved/0/000").get_file_properties().etag == etag
    assert "many" not in names(file_system)
    with pytest.raises(ResourceNotFoundError):
        file_system.get_directory_client("many").rename_directory(
            f"{file_system.file_system_name}/again"
        )
    file_system.delete_directory("moved")
    assert names(file_system) == []


def test_access_control(file_system):
    directory = file_system.create_directory("dir")
    file = directory.create_file("f")
    directory.set_access_control(
        owner="alice", acl="user::rwx,user:bob:r-x,group::r-x,other::---,default:user:bob:rwx"
    )
    access = directory.get_access_control()
    assert access["owner"] == "alice"
    assert access["permissions"] == "rwxr-x---+"
    assert "default:user:bob:rwx" in access["acl"]
    assert "user:bob:rwx" in directory.create_file("g").get_access_control()["acl"]
    assert "bob" not in file.get_access_control()["acl"]
    changed = directory.update_access_control_recursive("user:eve:r--", batch_size=1)
    assert changed.counters.directories_successful == 1
    assert changed.counters.files_successful == 2
    assert "user:eve:r--" in file.get_access_control()["acl"]
    directory.remove_access_control_recursive("user:eve")
    assert "eve" not in file.get_access_control()["acl"]
    root = file_system.get_directory_client("/")
    root.set_access_control(permissions="0755")
    assert root.get_access_control()["permissions"] == "rwxr-xr-x"


def test_leases_and_expiry(file_system):
    file = file_system.create_file("f")
    lease = file.acquire_lease(-1)
    with pytest.raises(HttpResponseError) as refused:
        file.append_data(b"x", 0)
    assert refused.value.error_code == "LeaseIdMissing"
    file.append_data(b"x", 0, lease=lease)
    file.flush_data(1, lease=lease)
    lease.break_lease(0)
    file.set_file_expiry("RelativeToNow", expires_on=3_600_000)
    assert file.get_file_properties().expiry_time is not None
    file.set_file_expiry("NeverExpire")
    assert file.get_file_properties().expiry_time is None


def test_a_directorys_sas(server, file_system):
    file_system.create_file("out/secret")
    file_system.create_directory("in")
    token = generate_directory_sas(
        LAKE.name, file_system.file_system_name, "in", LAKE.key,
        permission="racwdlmeop",
        expiry=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1),
    )  # fmt: skip
    directory = DataLakeDirectoryClient(
        server.url(LAKE), file_system.file_system_name, "in", credential=token, retry_total=0
    )
    directory.create_file("f").upload_data(b"123", overwrite=True)
    renamed = directory.get_file_client("f").rename_file(f"{file_system.file_system_name}/in/g")
    assert renamed.download_file().readall() == b"123"
    outside = DataLakeDirectoryClient(
        server.url(LAKE), file_system.file_system_name, "out", credential=token, retry_total=0
    )
    with pytest.raises(HttpResponseError) as refused:
        outside.get_file_client("secret").get_file_properties()
    assert refused.value.status_code == 403


@pytest.fixture
def sas():
    return LAKE.account_sas("rwdlacupmoe")


def test_azcopy_up_sync_down_remove(server, azcopy, file_system, sas, tmp_path):
    tree = trees.make_awkward_tree(tmp_path / "tree")
    url = server.url(LAKE, file_system.file_system_name, sas=sas)
    there = server.url(LAKE, file_system.file_system_name, "tree", sas=sas)
    azcopy.run("copy", tree, url, "--recursive", UP).check().assert_clean_log()
    (tree / "plain.txt").write_text("changed")
    (tree / "empty.txt").unlink()
    os.utime(tree / "plain.txt", (4102444800, 4102444800))
    sync = azcopy.run("sync", tree, there, "--recursive", "--delete-destination=true", UP)
    sync.check(deleted=1).assert_clean_log()
    back = tmp_path / "back"
    back.mkdir()
    azcopy.run("copy", there, back, "--recursive", DOWN).check().assert_clean_log()
    trees.assert_same_tree(tree, back / "tree")
    remove = azcopy.run("remove", there, "--recursive", "--from-to=BlobFSTrash")
    remove.check().assert_clean_log()
    assert names(file_system) == []


def test_azcopy_preserves_permissions(server, azcopy, file_system, sas):
    directory = file_system.create_directory("from/dir")
    directory.create_file("f").upload_data(b"bytes", overwrite=True)
    acl = "user::rwx,user:bob:r-x,group::r--,mask::r-x,other::--x"
    directory.set_access_control(acl=acl)
    directory.get_file_client("f").set_access_control(permissions="0604")
    name = file_system.file_system_name
    azcopy.run(
        "copy", server.url(LAKE, name, "from", sas=sas), server.url(LAKE, name, "to", sas=sas),
        "--recursive", "--from-to=BlobFSBlobFS", "--preserve-permissions",
    ).check().assert_clean_log()  # fmt: skip
    copied = file_system.get_directory_client("to/from/dir")
    assert copied.get_access_control()["acl"] == acl
    file = copied.get_file_client("f")
    assert file.get_access_control()["permissions"] == "rw----r--"
    assert file.download_file().readall() == b"bytes"


def test_a_parquet_data_set_through_adlfs(server, file_system):
    lake = adlfs.AzureBlobFileSystem(
        account_name=LAKE.name, connection_string=server.connection_string(LAKE)
    )
    base = f"{file_system.file_system_name}/data"
    table = pyarrow.table(
        {"part": [i % 4 for i in range(10_000)], "x": range(10_000), "s": map(str, range(10_000))}
    )
    pyarrow.dataset.write_dataset(
        table, base, format="parquet", partitioning=["part"], partitioning_flavor="hive",
        filesystem=lake,
    )  # fmt: skip
    back = pyarrow.dataset.dataset(base, format="parquet", partitioning="hive", filesystem=lake)
    assert sorted(back.to_table()["x"].to_pylist()) == list(range(10_000))
    assert len(back.to_table(filter=pyarrow.dataset.field("part") == 1)) == 2500
    assert lake.isdir(f"{base}/part=0")
    assert lake.ls(base, detail=False) == [f"{base}/part={i}" for i in range(4)]
    lake.mv(f"{base}/part=0/part-0.parquet", f"{base}/moved.parquet")
    lake.rm(base, recursive=True)
    assert not lake.exists(base)
    assert names(file_system) == []


def test_javascript(server):
    settings = {"endpoint": server.url(LAKE), "account": LAKE.name, "key": LAKE.key}
    script = Path(__file__).parent / "js" / "datalake" / "paths.test.cjs"
    completed = subprocess.run(
        [str(paths.NODE), "--test", "--test-reporter=spec", "--test-timeout=120000", str(script)],
        env={
            **os.environ,
            "NODE_PATH": str(paths.CLIENTS / "node_modules"),
            "E2E": json.dumps(settings),
        },
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stdout[-12000:]
    assert "fail 0" in completed.stdout and "pass 0" not in completed.stdout, completed.stdout
