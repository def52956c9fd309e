import datetime, sys
from azure.core.pipeline.transport import HttpTransport
from azure.storage.blob import *
key="Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
account="devstoreaccount1"
out=[]
class Stop(Exception): pass
class T(HttpTransport):
    def open(self):pass
    def close(self):pass
    def __enter__(self): return self
    def __exit__(self,*a): pass
    def send(self, request, **kw):
        h=''.join(f'header: {k}: {v}\n' for k,v in request.headers.items() if k.lower() not in ('user-agent','accept'))
        out.append(f'name: python {len(out)}\nmethod: {request.method}\nurl: {request.url}\n{h}\n')
        raise Stop()
def t(f):
    try: f()
    except Stop: pass
names=["plain","a/b c+d%e.txt","Ünïcødé-名前-😀","a//b/.x","q?u#e&r=y","~!*'()"]
for url in [f"http://127.0.0.1:10000/{account}", f"https://{account}.blob.core.windows.net"]:
    s=BlobServiceClient(url, credential={"account_name":account,"account_key":key}, transport=T(), retry_total=0)
    c=s.get_container_client("con-1")
    t(lambda: c.create_container(metadata={"a_b":"1","ab":"2","a1":"3","A":"4"}, public_access="blob"))
    t(lambda: list(c.list_blobs(name_starts_with="a b+ü", include=["metadata","tags","snapshots"])))
    t(lambda: list(c.walk_blobs(delimiter="/")))
    t(lambda: list(s.list_containers(include_metadata=True)))
    t(lambda: list(s.find_blobs_by_tags("\"a\"='b c'")))
    t(lambda: s.get_service_properties()); t(lambda: s.get_account_information())
    t(lambda: c.get_container_access_policy())
    for n in names:
        b=c.get_blob_client(n)
        t(lambda: b.upload_blob(b"hello", metadata={"x_y":"v","xy":"w"}, tags={"k":"v 1"}, content_settings=ContentSettings(content_type="text/plain", content_encoding="gzip", content_language="de")))
        t(lambda: b.upload_blob(b"", overwrite=True))
        t(lambda: b.download_blob(offset=3, length=5))
        t(lambda: b.get_blob_properties(etag='"0x8D"', match_condition=__import__("azure.core").core.MatchConditions.IfNotModified))
        t(lambda: b.stage_block("id+/1", b"abc"))
        t(lambda: b.commit_block_list([BlobBlock("a"),BlobBlock("b")]))
        t(lambda: b.delete_blob(delete_snapshots="include"))
        t(lambda: b.start_copy_from_url("https://example.com/a%20b"))
        t(lambda: b.upload_blob_from_url("https://example.com/a%20b?x=%2B"))
        t(lambda: b.set_blob_tags({"a":"b"})); t(lambda: b.get_blob_tags()); t(lambda: b.set_standard_blob_tier("Cool"))
open("shared_key_python.txt","w").write(''.join(out))
sas=[]
exp=datetime.datetime(2099,12,31,23,59,59,tzinfo=datetime.timezone.utc)
def put(container,blob,q,snapshot=None,version=None):
    s=f'name: python {len(sas)}\naccount: {account}\n'
    if container: s+=f'container: {container}\n'
    if blob: s+=f'blob: {blob}\n'
    if snapshot: s+=f'snapshot: {snapshot}\n'
    if version: s+=f'versionid: {version}\n'
    sas.append(s+f'query: {q}\n\n')
ts="2025-01-01T00:00:00.1234567Z"
put("con-1","a b/ü+%",generate_blob_sas(account,"con-1","a b/ü+%",account_key=key,permission="racwdxyltmei",expiry=exp,ip="1.2.3.4",protocol="https"))
put("con-1","b",generate_blob_sas(account,"con-1","b",snapshot=ts,account_key=key,permission="r",expiry=exp),snapshot=ts)
put("con-1","b",generate_blob_sas(account,"con-1","b",version_id=ts,account_key=key,permission="r",expiry=exp),version=ts)
put("con-1","b",generate_blob_sas(account,"con-1","b",account_key=key,policy_id="p1"))
put("con-1",None,generate_container_sas(account,"con-1",account_key=key,permission="racwdxltfmei",expiry=exp,start=datetime.datetime(2025,1,1,tzinfo=datetime.timezone.utc),cache_control="c",content_type="t/p"))
put("con-1","x",generate_account_sas(account,key,"sco","rwdxylacupfti",exp,services=Services(blob=True,queue=True)))
from azure.storage.filedatalake import generate_directory_sas
put("con-1","d/e/f",generate_directory_sas(account,"con-1","d/e",key,permission="racwdlmeop",expiry=exp))
open("sas_python.txt","w").write(''.join(sas))
print(len(out),len(sas))
