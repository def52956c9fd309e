// Blobs: bytes, block lists, properties, conditions, tags, tiers, copies.
"use strict";
const { test } = require("node:test");
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const { Readable } = require("node:stream");
const { freshContainer, text, rejects, collect, service, forebayOnly } = require("./common.cjs");

const blockId = (index) => Buffer.from(String(index).padStart(6, "0")).toString("base64");

test("upload and download of every size that takes another way", async () => {
  const container = await freshContainer();
  for (const size of [0, 1, 65536, 65537, 4 << 20, (9 << 20) + 3]) {
    const data = crypto.randomBytes(size);
    const blob = container.getBlockBlobClient(`size-${size}`);
    await blob.uploadData(data, { blockSize: 1 << 20, maxSingleShotSize: 1 << 20, concurrency: 4 });
    const back = await blob.downloadToBuffer(0, undefined, { blockSize: 1 << 20, concurrency: 4 });
    assert.ok(data.equals(back), `size ${size}`);
    const properties = await blob.getProperties();
    assert.equal(properties.contentLength, size);
    assert.equal(properties.blobType, "BlockBlob");
    assert.match(properties.etag, /^"0x[0-9A-F]+"$/);
  }
});

test("upload of a stream", async () => {
  const container = await freshContainer();
  const data = crypto.randomBytes(3_000_001);
  const blob = container.getBlockBlobClient("stream");
  await blob.uploadStream(Readable.from([data.subarray(0, 1_000_000), data.subarray(1_000_000)]), 1 << 20, 4);
  assert.ok(data.equals(await blob.downloadToBuffer()));
});

test("checksums in structured messages, both ways", forebayOnly, async () => {
  const container = await freshContainer();
  // Not 0: SDK 12.34.0 announces 21 bytes for an empty message and sends 13.
  for (const size of [5, 70_000, (5 << 20) + 7]) {
    const data = crypto.randomBytes(size);
    const blob = container.getBlockBlobClient(`structured-${size}`);
    await blob.upload(data, size, { contentChecksumAlgorithm: "StorageCrc64" });
    assert.ok(data.equals(await blob.downloadToBuffer()));
    const back = await blob.downloadToBuffer(0, undefined, { contentChecksumAlgorithm: "StorageCrc64" });
    assert.ok(data.equals(back), `size ${size}`);
  }
});

test("ranges, with the MD5 and CRC64 of the range", async () => {
  const container = await freshContainer();
  const data = crypto.randomBytes(200_000);
  const blob = container.getBlockBlobClient("ranges");
  await blob.upload(data, data.length);
  const answer = await blob.download(1000, 70_000, { rangeGetContentMD5: true });
  assert.equal(answer.contentRange, "bytes 1000-70999/200000");
  const expected = crypto.createHash("md5").update(data.subarray(1000, 71_000)).digest();
  assert.deepEqual(Buffer.from(answer.contentMD5), expected);
  const pieces = await collect(answer.readableStreamBody, (piece) => piece);
  assert.ok(Buffer.concat(pieces).equals(data.subarray(1000, 71_000)));
  const crc = await blob.download(0, 9, { rangeGetContentCrc64: true });
  assert.equal(crc.contentCrc64?.length ?? 8, 8);
  crc.readableStreamBody.resume();
});

test("block lists: staged, committed, mixed, and of unknown blocks", async () => {
  const container = await freshContainer();
  const blob = container.getBlockBlobClient("blocks");
  for (const index of [0, 1, 2]) await blob.stageBlock(blockId(index), String(index).repeat(5), 5);
  let list = await blob.getBlockList("all");
  assert.equal((list.committedBlocks ?? []).length, 0);
  assert.deepEqual(
    list.uncommittedBlocks.map((block) => [block.name, block.size]).sort(),
    [0, 1, 2].map((index) => [blockId(index), 5]),
  );
  await blob.commitBlockList([blockId(2), blockId(0)]);
  assert.equal(await text(blob), "2222200000");
  await blob.stageBlock(blockId(0), "zero!", 5);
  await blob.stageBlock(blockId(7), "seven", 5);
  await blob.commitBlockList([blockId(0), blockId(2), blockId(7)]);
  assert.equal(await text(blob), "zero!22222seven");
  list = await blob.getBlockList("committed");
  assert.deepEqual(list.committedBlocks.map((block) => block.name), [0, 2, 7].map(blockId));
  await rejects(blob.commitBlockList([blockId(9)]), 400, "InvalidBlockList");
});

test("headers, metadata, tags and tier", async () => {
  const container = await freshContainer();
  const blob = container.getBlockBlobClient("properties");
  await blob.upload("x", 1, {
    blobHTTPHeaders: { blobContentType: "text/x", blobCacheControl: "no-cache" },
    metadata: { project: "forebay" },
    tags: { stage: "raw" },
    tier: "Cool",
  });
  let properties = await blob.getProperties();
  assert.equal(properties.contentType, "text/x");
  assert.equal(properties.cacheControl, "no-cache");
  assert.deepEqual(properties.metadata, { project: "forebay" });
  assert.equal(properties.accessTier, "Cool");
  assert.equal(properties.tagCount, 1);
  const etag = properties.etag;
  await blob.setMetadata({ other: "value", unicode: encodeURIComponent("ünï") });
  await blob.setHTTPHeaders({ blobContentType: "text/y" });
  await blob.setTags({ stage: "done", empty: "" });
  await blob.setAccessTier("Hot");
  properties = await blob.getProperties();
  assert.notEqual(properties.etag, etag);
  assert.equal(properties.contentType, "text/y");
  assert.equal(properties.cacheControl, undefined);
  assert.equal(properties.accessTier, "Hot");
  assert.deepEqual((await blob.getTags()).tags, { stage: "done", empty: "" });
});

test("conditions", async () => {
  const container = await freshContainer();
  const blob = container.getBlockBlobClient("conditions");
  const { etag } = await blob.upload("one", 3);
  await rejects(blob.upload("two", 3, { conditions: { ifNoneMatch: "*" } }), 409, "BlobAlreadyExists");
  await rejects(blob.upload("two", 3, { conditions: { ifMatch: '"0x0"' } }), 412, "ConditionNotMet");
  await blob.upload("two", 3, { conditions: { ifMatch: etag } });
  await rejects(blob.getProperties({ conditions: { ifMatch: etag } }), 412);
  await rejects(blob.download(0, undefined, { conditions: { ifModifiedSince: new Date() } }), 304);
  await rejects(blob.delete({ conditions: { ifUnmodifiedSince: new Date(0) } }), 412, "ConditionNotMet");
  assert.equal(await text(blob), "two");
});

test("tag conditions and Find Blobs by Tags", forebayOnly, async () => {
  const container = await freshContainer();
  for (const [name, stage] of [["a", "raw"], ["b", "done"], ["c", "raw"]]) {
    await container.getBlockBlobClient(name).upload("", 0, { tags: { stage, n: name } });
  }
  const where = `@container='${container.containerName}' AND "stage"='raw' AND n >= 'a' AND n < 'd'`;
  assert.deepEqual(await collect(service.findBlobsByTags(where)), ["a", "c"]);
  assert.deepEqual(await collect(container.findBlobsByTags("stage='done'")), ["b"]);
  const b = container.getBlockBlobClient("b");
  await rejects(b.delete({ conditions: { tagConditions: "stage='raw'" } }), 412, "ConditionNotMet");
  await b.delete({ conditions: { tagConditions: "stage='done'" } });
});

test("copies: Copy Blob, Copy Blob From URL, Put Blob From URL, Put Block From URL", forebayOnly, async () => {
  const container = await freshContainer();
  const data = crypto.randomBytes(1_500_000);
  const source = container.getBlockBlobClient("source");
  await source.upload(data, data.length, { metadata: { kept: "yes" } });
  const { BlobSASPermissions } = require("@azure/storage-blob");
  const url = await source.generateSasUrl({
    permissions: BlobSASPermissions.parse("r"), expiresOn: new Date(Date.now() + 3600_000),
  });

  const poller = await container.getBlockBlobClient("copy").beginCopyFromURL(source.url);
  const done = await poller.pollUntilDone();
  assert.equal(done.copyStatus, "success");
  await container.getBlockBlobClient("sync").syncCopyFromURL(url);
  await container.getBlockBlobClient("put").syncUploadFromURL(url);
  const blocks = container.getBlockBlobClient("blocks");
  await blocks.stageBlockFromURL(blockId(1), url, 0, 1_000_000);
  await blocks.stageBlockFromURL(blockId(2), url, 1_000_000, 500_000);
  await blocks.commitBlockList([blockId(1), blockId(2)]);
  await source.delete();
  for (const name of ["copy", "sync", "put", "blocks"]) {
    assert.ok(data.equals(await container.getBlobClient(name).downloadToBuffer()), name);
  }
  assert.deepEqual((await container.getBlobClient("copy").getProperties()).metadata, { kept: "yes" });
});

test("delete, and the errors of what is not there", async () => {
  const container = await freshContainer();
  const blob = container.getBlockBlobClient("gone");
  await blob.upload("x", 1);
  await blob.delete();
  assert.equal(await blob.exists(), false);
  assert.equal((await blob.deleteIfExists()).succeeded, false);
  await rejects(blob.delete(), 404, "BlobNotFound");
  await rejects(blob.download(), 404, "BlobNotFound");
  await rejects(blob.setMetadata({}), 404, "BlobNotFound");
});
