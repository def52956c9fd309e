// What the test files share: clients for the server under test, and a fresh container for each test.
"use strict";
const assert = require("node:assert/strict");
const { BlobServiceClient, StorageSharedKeyCredential } = require("@azure/storage-blob");

const settings = JSON.parse(process.env.E2E);
const credential = new StorageSharedKeyCredential(settings.account, settings.key);
// A retry would hide what these tests are about.
const options = { retryOptions: { maxTries: 1 } };
const service = new BlobServiceClient(settings.endpoint, credential, options);
const second = new BlobServiceClient(
  settings.secondEndpoint,
  new StorageSharedKeyCredential(settings.secondAccount, settings.secondKey),
  options,
);

let containers = 0;
async function freshContainer(createOptions) {
  containers += 1;
  const container = service.getContainerClient(`js-${process.pid}-${Date.now()}-${containers}`);
  await container.create(createOptions);
  return container;
}

async function collect(iterator, pick = (item) => item.name) {
  const items = [];
  for await (const item of iterator) items.push(pick(item));
  return items;
}

async function text(blob) {
  return (await blob.downloadToBuffer()).toString();
}

// Rejects with this status and, when given, this x-ms-error-code.
async function rejects(promise, status, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, status, `${error.code}: ${error.message}`);
    if (code !== undefined) assert.equal(error.code, code);
    return true;
  });
}

// For what the second implementation lacks (see README.md).
const forebayOnly = { skip: settings.secondImplementation };

module.exports = {
  settings, credential, options, service, second, freshContainer, collect, text, rejects, forebayOnly,
};
