// @azure/storage-file-datalake against a path-style endpoint, as users of an emulator have it.
"use strict";
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { DataLakeServiceClient, StorageSharedKeyCredential } = require("@azure/storage-file-datalake");

const settings = JSON.parse(process.env.E2E);
// A retry would hide what these tests are about.
const service = new DataLakeServiceClient(
  settings.endpoint,
  new StorageSharedKeyCredential(settings.account, settings.key),
  { retryOptions: { maxTries: 1 } },
);

let made = 0;
async function freshFileSystem() {
  made += 1;
  const fileSystem = service.getFileSystemClient(`js-${process.pid}-${Date.now()}-${made}`);
  await fileSystem.create({ metadata: { color: "blue" } });
  return fileSystem;
}

async function rejects(promise, status, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, status, `${error.code}: ${error.message}`);
    assert.equal(error.code, code);
    return true;
  });
}

const entry = (accessControlType, entityId, letters) => ({
  accessControlType,
  entityId,
  defaultScope: false,
  permissions: {
    read: letters.includes("r"),
    write: letters.includes("w"),
    execute: letters.includes("x"),
  },
});

test("file systems have properties and are listed", async () => {
  const fileSystem = await freshFileSystem();
  assert.deepEqual((await fileSystem.getProperties()).metadata, { color: "blue" });
  const names = [];
  for await (const item of service.listFileSystems()) names.push(item.name);
  assert.ok(names.includes(fileSystem.name));
  await fileSystem.delete();
  await rejects(fileSystem.getDirectoryClient("d").create(), 404, "FilesystemNotFound");
});

test("bytes appended out of order are one file after a flush", async () => {
  const fileSystem = await freshFileSystem();
  const file = fileSystem.getFileClient("dir/ü f.txt");
  await file.create({ metadata: { k: "v" }, pathHttpHeaders: { contentType: "text/plain" } });
  await file.append("world", 5, 5);
  await file.append("hello", 0, 5);
  await rejects(file.flush(11), 400, "InvalidFlushPosition");
  await file.flush(10, { close: true });
  assert.equal((await file.readToBuffer()).toString(), "helloworld");
  const properties = await file.getProperties();
  assert.deepEqual(properties.metadata, { k: "v" });
  assert.equal(properties.contentType, "text/plain");
  const large = Buffer.alloc(9_000_000, "forebay ");
  await file.upload(large, { chunkSize: 1_000_000, maxConcurrency: 8 });
  assert.ok(large.equals(await file.readToBuffer()));
});

test("directories move with what is in them, and leave nothing", async () => {
  const fileSystem = await freshFileSystem();
  await fileSystem.getFileClient("dir/sub/f").create();
  await fileSystem.getDirectoryClient("dir").move("moved");
  assert.equal(await fileSystem.getFileClient("moved/sub/f").exists(), true);
  assert.equal(await fileSystem.getDirectoryClient("dir").exists(), false);
  await fileSystem.getFileClient("moved/sub/f").move("f");
  const paths = [];
  for await (const path of fileSystem.listPaths({ recursive: true })) {
    paths.push([path.name, path.isDirectory ?? false]);
  }
  assert.deepEqual(paths, [["f", false], ["moved", true], ["moved/sub", true]]);
  await fileSystem.getDirectoryClient("moved").delete(true);
  assert.equal(await fileSystem.getFileClient("f").deleteIfExists().then((r) => r.succeeded), true);
  assert.equal(await fileSystem.getFileClient("f").deleteIfExists().then((r) => r.succeeded), false);
});

test("access control, alone and recursive", async () => {
  const fileSystem = await freshFileSystem();
  const directory = fileSystem.getDirectoryClient("dir");
  await directory.create({ permissions: "0777", umask: "0022" });
  const file = directory.getFileClient("f");
  await file.create();
  const before = await directory.getAccessControl();
  assert.deepEqual(before.permissions.other, { read: true, write: false, execute: true });
  await file.setAccessControl(
    [entry("user", "", "rw"), entry("group", "", "r"), entry("other", "", "")],
    { owner: "alice" },
  );
  assert.equal((await file.getAccessControl()).owner, "alice");
  const changed = await directory.updateAccessControlRecursive([entry("user", "eve", "r")], {
    batchSize: 1,
  });
  assert.equal(changed.counters.changedDirectoriesCount, 1);
  assert.equal(changed.counters.changedFilesCount, 1);
  const acl = (await file.getAccessControl()).acl;
  assert.ok(acl.some((item) => item.entityId === "eve" && item.permissions.read));
});

test("leases and expiry", async () => {
  const fileSystem = await freshFileSystem();
  const file = fileSystem.getFileClient("f");
  await file.create();
  const lease = file.getDataLakeLeaseClient();
  await lease.acquireLease(15);
  await rejects(file.delete(), 412, "LeaseIdMissing");
  await lease.releaseLease();
  await file.setExpiry("RelativeToNow", { timeToExpireInMs: 100_000 });
  assert.ok((await file.getProperties()).expiresOn > new Date());
  await file.setExpiry("RelativeToNow", { timeToExpireInMs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await file.exists(), false);
});
