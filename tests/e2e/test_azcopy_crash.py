"""Jobs that live through a crash: of the server in the middle, and of AzCopy itself."""

import time

import pytest
from azure.storage.blob import BlobServiceClient
from harness import trees
from harness.accounts import DEVELOPMENT

CAP = "--cap-mbps=250"  # So that there is a middle to crash in.


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for index in range(12):
        trees.make_large_file(root / f"big-{index}.bin", 24 << 20, seed=index)
    trees.make_small_files(root / "small", 300)
    return root


@pytest.fixture
def container(own_server, container_name):
    service = BlobServiceClient.from_connection_string(own_server.connection_string())
    return service.create_container(container_name)


def wait_for_progress(container, blobs, timeout=60):
    """Until at least that many blobs are committed: the job is in its middle."""
    deadline = time.monotonic() + timeout
    while len(list(container.list_blob_names())) < blobs:
        assert time.monotonic() < deadline, "the job does not get on"
        time.sleep(0.1)


def check_remote(container, tree):
    expected = trees.digest_tree(tree)
    sizes = {blob.name: blob.size for blob in container.list_blobs()}
    assert sizes == {name: size for name, (size, _) in expected.items()}


def download_and_compare(azcopy, server, container, tree, back):
    back.mkdir()
    url = server.url(DEVELOPMENT, container.container_name, "*", sas=DEVELOPMENT.account_sas())
    azcopy.run("copy", url, back, "--recursive", "--from-to=BlobLocal").check()
    trees.assert_same_tree(tree, back)


def test_the_server_is_killed_in_the_middle_of_an_upload(
    own_server, azcopy, container, tree, tmp_path
):
    url = own_server.url(DEVELOPMENT, container.container_name, sas=DEVELOPMENT.account_sas())
    job = azcopy.start(
        "copy", f"{tree}/*", url, "--recursive", "--from-to=LocalBlob", CAP, "--block-size-mb=4"
    )
    wait_for_progress(container, 30)
    own_server.kill()
    assert job.poll() is None, "the job ended before the server was killed"
    time.sleep(1)
    own_server.start()
    azcopy.wait(job).check(transferred=len(trees.digest_tree(tree)))
    check_remote(container, tree)
    download_and_compare(azcopy, own_server, container, tree, tmp_path / "back")


def test_the_server_is_killed_in_the_middle_of_a_download(
    own_server, azcopy, container, tree, tmp_path
):
    sas = DEVELOPMENT.account_sas()
    url = own_server.url(DEVELOPMENT, container.container_name, sas=sas)
    azcopy.run("copy", f"{tree}/*", url, "--recursive", "--from-to=LocalBlob").check()
    back = tmp_path / "back"
    back.mkdir()
    everything = own_server.url(DEVELOPMENT, container.container_name, "*", sas=sas)
    job = azcopy.start("copy", everything, back, "--recursive", "--from-to=BlobLocal", CAP)
    deadline = time.monotonic() + 60
    while len([path for path in back.rglob("*") if path.is_file()]) < 30:
        assert time.monotonic() < deadline and job.poll() is None, "the job does not get on"
        time.sleep(0.05)
    own_server.kill()
    assert job.poll() is None, "the job ended before the server was killed"
    time.sleep(1)
    own_server.start()
    azcopy.wait(job).check()
    trees.assert_same_tree(tree, back)


def test_azcopy_is_killed_and_resumes(own_server, azcopy, container, tree, tmp_path):
    sas = DEVELOPMENT.account_sas()
    url = own_server.url(DEVELOPMENT, container.container_name, sas=sas)
    job = azcopy.start("copy", f"{tree}/*", url, "--recursive", "--from-to=LocalBlob", CAP)
    wait_for_progress(container, 30)
    job.kill()
    job.communicate()
    names = [path.stem for path in job.log_directory.glob("*.log") if "scanning" not in path.stem]
    assert len(names) == 1, names
    resumed = azcopy.run("jobs", "resume", names[0], f"--destination-sas={sas}")
    assert resumed.returncode == 0, resumed.explain()
    assert resumed.summary["JobStatus"] == "Completed", resumed.explain()
    check_remote(container, tree)
    download_and_compare(azcopy, own_server, container, tree, tmp_path / "back")
