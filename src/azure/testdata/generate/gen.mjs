import { BlobServiceClient, StorageSharedKeyCredential, newPipeline, generateBlobSASQueryParameters, generateAccountSASQueryParameters, BlobSASPermissions, ContainerSASPermissions, AccountSASPermissions, AccountSASResourceTypes, AccountSASServices, SASProtocol } from "@azure/storage-blob";
import * as dl from "@azure/storage-file-datalake";
import { createHttpHeaders } from "@azure/core-rest-pipeline";
import fs from "node:fs";
const key="Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const account="devstoreaccount1";
const out=[];
const httpClient={ async sendRequest(request){
  let h=""; for(const {name,value} of request.headers.headersArray()){ if(/^(user-agent|accept)$/i.test(name)) continue; h+=`header: ${name}: ${value}\n`; }
  out.push(`name: js ${out.length}\nmethod: ${request.method}\nurl: ${request.url}\n${h}\n`);
  throw new Error("Stop");
}};
const cred=new StorageSharedKeyCredential(account,key);
async function t(p){ try{ await p; }catch(e){ if(!/Stop/.test(String(e)+e?.code+e?.name)) console.error(e); } }
for (const url of [`http://127.0.0.1:10000/${account}`, `http://${account}.blob.localhost:10000`, `https://${account}.blob.core.windows.net`]) {
  const svc=new BlobServiceClient(url, newPipeline(cred,{httpClient, retryOptions:{maxTries:1}}));
  const c=svc.getContainerClient("con-1");
  await t(c.create({metadata:{a_b:"1",ab:"2",a1:"3",A:"4",_z:"5"},access:"blob"}));
  await t(c.getProperties()); await t(c.delete()); await t(c.setMetadata({k:"ü-not sent".replace("ü","u")}));
  await t(c.getAccessPolicy()); await t(c.setAccessPolicy("container",[{id:"p",accessPolicy:{startsOn:new Date(0),expiresOn:new Date(1e12),permissions:"r"}}]));
  for await (const _ of (async function*(){ await t(c.listBlobsFlat({prefix:"a b+c/ü&=%",includeMetadata:true,includeTags:true,includeSnapshots:true}).byPage({maxPageSize:7,continuationToken:"2!abc=="}).next()); })()) {}
  await t(c.listBlobsByHierarchy("/",{prefix:"dir/"}).byPage().next());
  await t(svc.listContainers({includeMetadata:true}).byPage({maxPageSize:5000}).next());
  await t(svc.getProperties()); await t(svc.getStatistics()); await t(svc.getAccountInfo());
  await t(svc.findBlobsByTags("\"a\"='b c' AND @container='x'").byPage().next());
  for (const name of ["plain","a/b/c.txt","a//b","b..c/.x","with space+plus%percent","Ünïcødé-名前-😀","a%2Fb","trailing./","q?u#e&r=y","~tilde!*'()[];:@$,","x".repeat(1024)].filter((_,i)=>url.includes("127.0.0.1")?true:i===1||i===5)) {
    const b=c.getBlockBlobClient(name);
    await t(b.upload("hello",5,{blobHTTPHeaders:{blobContentType:"text/plain; charset=utf-8",blobCacheControl:"no-cache",blobContentLanguage:"de",blobContentEncoding:"identity"},metadata:{x_y:"v",xy:"w",x1:"z"},tags:{k:"v 1"},tier:"Cool",conditions:{ifNoneMatch:"*"}}));
    await t(b.download(3,10,{rangeGetContentMD5:true}));
    await t(b.download(0,undefined,{conditions:{ifMatch:"\"0x8D\"",ifModifiedSince:new Date(1e12),ifUnmodifiedSince:new Date(1.1e12),tagConditions:"\"a\"='b'"}}));
    await t(b.getProperties());
    if(name.length>100) continue;
    await t(b.stageBlock(Buffer.from("id-000+/1").toString("base64"),"abc",3));
    await t(b.commitBlockList(["aWQ=","aWU="],{conditions:{ifMatch:"\"0x1\""}}));
    await t(b.getBlockList("all")); await t(b.setTags({a:"b"})); await t(b.getTags()); await t(b.delete({deleteSnapshots:"include"}));
    await t(b.setAccessTier("Archive",{rehydratePriority:"High"})); await t(b.setMetadata({})); await t(b.setHTTPHeaders({blobContentType:"a/b"}));
    await t(b.syncUploadFromURL("https://example.com/a%20b?sig=x%2B")); await t(b.syncCopyFromURL("https://example.com/a")); await t(b.stageBlockFromURL("aWQ=","https://example.com/a",0,10));
    await t(b.createSnapshot()); await t(b.withSnapshot("2025-01-01T00:00:00.1234567Z").download());
    await t(b.upload("",0));
  }
}
fs.writeFileSync("shared_key_js.txt", out.join(""));
// SAS
const sas=[]; let n=0;
function put(v){ let s=`name: ${v.lib} ${n++}\n`; for(const k of ["account","container","blob","snapshot","versionid","query"]) if(v[k]!==undefined&&v[k]!=="") s+=`${k}: ${v[k]}\n`; sas.push(s+"\n"); }
const start=new Date("2025-01-01T00:00:00Z"), exp=new Date("2099-12-31T23:59:59Z");
for (const version of ["2015-04-05","2016-05-31","2017-11-09","2018-03-28","2018-11-09","2019-12-12","2020-02-10","2020-08-04","2020-12-06","2021-12-02","2023-11-03","2025-07-05","2026-04-06",undefined]) {
  const v4=version===undefined||version>="2018-11-09", enc=version===undefined||version>="2020-12-06";
  const base={version,startsOn:start,expiresOn:exp};
  const S=(o,extra={})=>{ const q=generateBlobSASQueryParameters({...base,...o},cred).toString(); put({lib:"js",account,container:o.containerName,blob:o.blobName,snapshot:o.snapshotTime,versionid:o.versionId,query:q}); };
  S({containerName:"con-1",permissions:ContainerSASPermissions.parse("racwdl")});
  S({containerName:"con-1",blobName:"dir/a b+ü%2F名.txt",permissions:BlobSASPermissions.parse("r")});
  S({containerName:"con-1",blobName:"b",permissions:BlobSASPermissions.parse("racwd"),ipRange:{start:"10.0.0.1",end:"10.0.0.9"},protocol:SASProtocol.HttpsAndHttp});
  S({containerName:"$root",blobName:"b",permissions:BlobSASPermissions.parse("r"),protocol:SASProtocol.Https,cacheControl:"no-cache",contentDisposition:"attachment; filename=\"a b.txt\"",contentEncoding:"gzip",contentLanguage:"de, en",contentType:"text/plain; charset=utf-8"});
  S({containerName:"con-1",identifier:"pol icy/1"});
  if(v4) { S({containerName:"con-1",blobName:"b",snapshotTime:"2025-01-01T00:00:00.1234567Z",permissions:BlobSASPermissions.parse("r")}); }
  if(v4&&(version===undefined||version>="2019-12-12")) S({containerName:"con-1",blobName:"b",versionId:"2025-01-01T00:00:00.1234567Z",permissions:BlobSASPermissions.parse("rd")});
  if(enc) S({containerName:"con-1",blobName:"b",permissions:BlobSASPermissions.parse("r"),encryptionScope:"scope-1"});
  const aq=generateAccountSASQueryParameters({version,startsOn:start,expiresOn:exp,permissions:AccountSASPermissions.parse("rwdlacup"),services:AccountSASServices.parse("bq").toString(),resourceTypes:AccountSASResourceTypes.parse("sco").toString(),protocol:SASProtocol.HttpsAndHttp,ipRange:{start:"::1".replace("::1","127.0.0.1")},...(enc?{encryptionScope:"e"}:{})},cred).toString();
  put({lib:"js",account,container:"con-1",blob:"x",query:aq});
}
const dcred=new dl.StorageSharedKeyCredential(account,key);
for (const version of ["2020-02-10","2020-12-06","2025-07-05"]) for (const [p,d] of [["dir",1],["dir/sub",2],["dir/sub/deep",3]]) {
  const q=dl.generateDataLakeSASQueryParameters({version,fileSystemName:"con-1",pathName:p,isDirectory:true,directoryDepth:d,expiresOn:exp,permissions:dl.DirectorySASPermissions.parse("racwdlmeop")},dcred).toString();
  put({lib:"js-datalake",account,container:"con-1",blob:p+"/file.txt",query:q}); 
}
fs.writeFileSync("sas_js.txt", sas.join(""));
console.log(out.length, sas.length);
