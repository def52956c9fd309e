// The service and its containers: listing in pages and by hierarchy, access, service properties.
"use strict";
const { test } = require("node:test");
const assert = require("node:assert/strict");
const {
  AnonymousCredential, BlobSASPermissions, BlobServiceClient, ContainerClient, ContainerSASPermissions,
  AccountSASPermissions, AccountSASResourceTypes, AccountSASServices, SASProtocol,
  generateAccountSASQueryParameters, generateBlobSASQueryParameters,
} = require("@azure/storage-blob");
const {
  settings, credential, options, service, second, freshContainer, collect, text, rejects, forebayOnly,
} = require("./common.cjs");

const inAnHour = () => new Date(Date.now() + 3600_000);

test("create, properties, metadata, delete", async () => {
  const container = await freshContainer({ metadata: { team: "lake" } });
  const properties = await container.getProperties();
  assert.deepEqual(properties.metadata, { team: "lake" });
  assert.equal(properties.leaseState, "available");
  await rejects(container.create(), 409, "ContainerAlreadyExists");
  await container.setMetadata({ team: "river" });
  assert.deepEqual((await container.getProperties()).metadata, { team: "river" });
  await container.delete();
  assert.equal(await container.exists(), false);
  await rejects(container.getProperties(), 404);
  await rejects(container.getBlockBlobClient("x").upload("", 0), 404, "ContainerNotFound");
});

test("accounts are apart", async () => {
  const container = await freshContainer();
  const name = container.containerName;
  assert.deepEqual(await collect(service.listContainers({ prefix: name })), [name]);
  assert.deepEqual(await collect(second.listContainers({ prefix: name })), []);
});

test("list containers in pages", async () => {
  const prefix = `page-${process.pid}-${Date.now()}-`;
  for (let index = 0; index < 7; index += 1) await service.createContainer(`${prefix}${index}`);
  const pages = await collect(
    service.listContainers({ prefix }).byPage({ maxPageSize: 3 }),
    (page) => page.containerItems.length,
  );
  assert.deepEqual(pages, [3, 3, 1]);
});

test("list blobs flat: pages, markers and includes", async () => {
  const container = await freshContainer();
  const names = Array.from({ length: 25 }, (_, index) => `blob-${String(index).padStart(2, "0")}`);
  for (const name of names) {
    await container.getBlockBlobClient(name).upload("x", 1, { metadata: { n: name }, tags: { t: "1" } });
  }
  await container.getBlockBlobClient("staged-only").stageBlock("AAAA", "x", 1);
  const pages = container.listBlobsFlat({ includeMetadata: true, includeTags: true }).byPage({ maxPageSize: 10 });
  const first = (await pages.next()).value;
  assert.equal(first.segment.blobItems.length, 10);
  assert.deepEqual(first.segment.blobItems[0].metadata, { n: "blob-00" });
  assert.deepEqual(first.segment.blobItems[0].tags, { t: "1" });
  const rest = container.listBlobsFlat().byPage({ continuationToken: first.continuationToken, maxPageSize: 100 });
  const second_ = (await rest.next()).value;
  assert.deepEqual(second_.segment.blobItems.map((item) => item.name), names.slice(10));
  assert.equal(second_.continuationToken || undefined, undefined);
  const all = await collect(container.listBlobsFlat({ includeUncommitedBlobs: true }));
  assert.deepEqual(all, [...names, "staged-only"]);
});

test("list blobs by hierarchy, in pages that count prefixes", async () => {
  const container = await freshContainer();
  for (const name of ["a/1", "a/2", "a/b/3", "b/1", "c", "d/1"]) {
    await container.getBlockBlobClient(name).upload("", 0);
  }
  const kinds = await collect(container.listBlobsByHierarchy("/"), (item) => `${item.kind}:${item.name}`);
  // Within a page the SDK hands out the prefixes first.
  assert.deepEqual(kinds, ["prefix:a/", "prefix:b/", "prefix:d/", "blob:c"]);
  const below = await collect(container.listBlobsByHierarchy("/", { prefix: "a/" }));
  assert.deepEqual(below, ["a/b/", "a/1", "a/2"]);
  const sizes = await collect(
    container.listBlobsByHierarchy("/").byPage({ maxPageSize: 2 }),
    (page) => (page.segment.blobPrefixes ?? []).length + page.segment.blobItems.length,
  );
  assert.deepEqual(sizes, [2, 2]);
});

test("SAS of every kind", async () => {
  const container = await freshContainer();
  await container.getBlockBlobClient("dir/blob").upload("bytes", 5);
  const account = generateAccountSASQueryParameters({
    expiresOn: inAnHour(), services: AccountSASServices.parse("b").toString(),
    permissions: AccountSASPermissions.parse("rl"),
    resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
    ipRange: { start: "127.0.0.1", end: "127.0.0.9" }, protocol: SASProtocol.HttpsAndHttp,
  }, credential);
  const withAccount = new BlobServiceClient(`${settings.endpoint}?${account}`, new AnonymousCredential(), options);
  assert.ok((await collect(withAccount.listContainers())).includes(container.containerName));
  await rejects(withAccount.createContainer("refused"), 403, "AuthorizationPermissionMismatch");

  const containerUrl = await container.generateSasUrl({
    permissions: ContainerSASPermissions.parse("rl"), expiresOn: inAnHour(),
  });
  const withContainer = new ContainerClient(containerUrl, new AnonymousCredential(), options);
  assert.deepEqual(await collect(withContainer.listBlobsFlat()), ["dir/blob"]);
  assert.equal(await text(withContainer.getBlobClient("dir/blob")), "bytes");

  const blobUrl = await container.getBlobClient("dir/blob").generateSasUrl({
    permissions: BlobSASPermissions.parse("r"), expiresOn: inAnHour(), contentDisposition: "attachment",
  });
  const answer = await fetch(blobUrl);
  assert.equal(answer.headers.get("content-disposition"), "attachment");
  assert.equal(await answer.text(), "bytes");
});

test("a SAS for another address, or for later, is refused", async () => {
  const container = await freshContainer();
  await container.getBlockBlobClient("blob").upload("bytes", 5);
  const sas = (extra) => generateBlobSASQueryParameters({
    containerName: container.containerName, permissions: ContainerSASPermissions.parse("r"),
    expiresOn: inAnHour(), ...extra,
  }, credential);
  for (const extra of [{ ipRange: { start: "10.1.2.3" } }, { startsOn: new Date(Date.now() + 1800_000) }]) {
    const answer = await fetch(`${container.url}/blob?${sas(extra)}`);
    assert.equal(answer.status, 403);
    await answer.text();
  }
  const answer = await fetch(`${container.url}/blob?${sas({ protocol: SASProtocol.Https })}`);
  assert.equal(answer.status, 403);
});

test("stored access policies", async () => {
  const container = await freshContainer();
  await container.getBlockBlobClient("blob").upload("bytes", 5);
  await container.setAccessPolicy(undefined, [
    { id: "reader", accessPolicy: { permissions: "r", expiresOn: inAnHour() } },
  ]);
  const policy = await container.getAccessPolicy();
  assert.equal(policy.signedIdentifiers[0].id, "reader");
  assert.equal(policy.signedIdentifiers[0].accessPolicy.permissions, "r");
  const url = await container.generateSasUrl({ identifier: "reader" });
  const reader = new ContainerClient(url, new AnonymousCredential(), options);
  assert.equal(await text(reader.getBlobClient("blob")), "bytes");
  await container.setAccessPolicy(undefined, []);
  await rejects(reader.getBlobClient("blob").downloadToBuffer(), 403);
});

test("service properties, statistics, account information", async () => {
  const rule = {
    allowedOrigins: "https://example.com", allowedMethods: "GET,PUT", allowedHeaders: "x-ms-*",
    exposedHeaders: "x-ms-*", maxAgeInSeconds: 60,
  };
  await service.setProperties({ cors: [rule] });
  const properties = await service.getProperties();
  assert.equal(properties.cors[0].allowedOrigins, "https://example.com");
  assert.ok((await service.getAccountInfo()).skuName);
});

test("CORS: preflight and the headers of an answer", forebayOnly, async () => {
  await service.setProperties({
    cors: [{
      allowedOrigins: "https://example.com", allowedMethods: "GET,PUT", allowedHeaders: "x-ms-*",
      exposedHeaders: "x-ms-*", maxAgeInSeconds: 60,
    }],
  });
  const container = await freshContainer({ access: "blob" });
  await container.getBlockBlobClient("blob").upload("bytes", 5);
  // fetch forbids these headers, the plain client does not.
  const preflight = await plainRequest("OPTIONS", `${container.url}/blob`, {
    Origin: "https://example.com", "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "x-ms-version",
  });
  assert.equal(preflight.statusCode, 200);
  assert.equal(preflight.headers["access-control-allow-origin"], "https://example.com");
  assert.equal(preflight.headers["access-control-max-age"], "60");
  const refused = await plainRequest("OPTIONS", `${container.url}/blob`, {
    Origin: "https://elsewhere.example", "Access-Control-Request-Method": "PUT",
  });
  assert.equal(refused.statusCode, 403);
  const answer = await plainRequest("GET", `${container.url}/blob`, { Origin: "https://example.com" });
  assert.equal(answer.headers["access-control-allow-origin"], "https://example.com");
});

function plainRequest(method, url, headers) {
  return new Promise((resolve, reject) => {
    const request = require("node:http").request(url, { method, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response));
    });
    request.on("error", reject);
    request.end();
  });
}
