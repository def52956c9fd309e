// The first thing anyone tries: a connection string, a container, a blob, and its text back.
"use strict";
const { BlobServiceClient } = require("@azure/storage-blob");

(async () => {
  const service = BlobServiceClient.fromConnectionString(process.argv[2]);
  const container = service.getContainerClient("hello");
  await container.createIfNotExists();
  const blob = container.getBlockBlobClient("hello.txt");
  await blob.upload("hello from the forebay", 22);
  console.log((await blob.downloadToBuffer()).toString());
})();
