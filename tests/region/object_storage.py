"""Object Storage: the operations, in the words of its API reference."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import oci.object_storage
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.region.errors import ServiceError, invalid
from tests.region.listing import listed, paged, stamp, summaries
from tests.region.objects import Bucket, Content, Store, Upload, Version, drop, object_not_found
from tests.region.policies import Verb
from tests.region.server import Call, Handler

_MAXIMUM_PARTS = 10_000
_KEPT_HEADERS = {
    "content-type": "contentType",
    "content-language": "contentLanguage",
    "content-encoding": "contentEncoding",
    "content-disposition": "contentDisposition",
    "cache-control": "cacheControl",
}
_ACTIONS = {
    "objects": ("ARCHIVE", "DELETE", "INFREQUENT_ACCESS"),
    "previous-object-versions": ("ARCHIVE", "DELETE", "INFREQUENT_ACCESS"),
    "multipart-uploads": ("ABORT",),
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class ObjectStorage:
    """The namespace of the tenancy."""

    client = oci.object_storage.ObjectStorageClient

    def __init__(self, folder: Path, namespace: str, compartment: str, region: str) -> None:
        self.principal = f"objectstorage-{region}"
        self.namespace = namespace
        self.compartment = compartment
        self.store = Store(folder)

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "GetNamespace": self.get_namespace,
            "GetNamespaceMetadata": self.get_namespace_metadata,
            "CreateBucket": self.create_bucket,
            "GetBucket": self.get_bucket,
            "HeadBucket": self.get_bucket,
            "UpdateBucket": self.update_bucket,
            "DeleteBucket": self.delete_bucket,
            "ListBuckets": self.list_buckets,
            "PutObjectLifecyclePolicy": self.put_lifecycle_policy,
            "GetObjectLifecyclePolicy": self.get_lifecycle_policy,
            "DeleteObjectLifecyclePolicy": self.delete_lifecycle_policy,
            "ListRetentionRules": self.list_retention_rules,
            "ListReplicationPolicies": self.list_none,
            "ListPreauthenticatedRequests": self.list_none,
            "PutObject": self.put_object,
            "GetObject": self.get_object,
            "HeadObject": self.head_object,
            "DeleteObject": self.delete_object,
            "BatchDeleteObjects": self.batch_delete_objects,
            "RenameObject": self.rename_object,
            "ListObjects": self.list_objects,
            "ListObjectVersions": self.list_object_versions,
            "CreateMultipartUpload": self.create_multipart_upload,
            "UploadPart": self.upload_part,
            "CommitMultipartUpload": self.commit_multipart_upload,
            "AbortMultipartUpload": self.abort_multipart_upload,
            "ListMultipartUploads": self.list_multipart_uploads,
            "ListMultipartUploadParts": self.list_multipart_upload_parts,
        }

    async def get_namespace(self, _call: Call) -> Response:
        return JSONResponse(self.namespace)

    async def get_namespace_metadata(self, call: Call) -> Response:
        self._check_namespace(call)
        defaults = {"defaultS3CompartmentId": self.compartment, "defaultSwiftCompartmentId": self.compartment}
        return JSONResponse({"namespace": self.namespace, **defaults})

    async def create_bucket(self, call: Call) -> Response:
        self._check_namespace(call)
        call.authorize(Verb.MANAGE, "buckets", call.body["name"])
        bucket = self.store.create(call.body["name"], call.body["compartmentId"], call.principal.id)
        _configure(bucket, call.body)
        return self._shown(bucket)

    async def get_bucket(self, call: Call) -> Response:
        return self._shown(self._bucket(call, Verb.READ))

    async def update_bucket(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.MANAGE)
        _match(call, bucket.etag)
        if (name := call.body.get("name", bucket.name)) != bucket.name:
            raise invalid(f"A bucket's name cannot be changed to {name!r} here.")
        _configure(bucket, call.body)
        return self._shown(bucket)

    async def delete_bucket(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.MANAGE)
        _match(call, bucket.etag)
        self.store.remove(bucket)
        return Response(status_code=204)

    async def list_buckets(self, call: Call) -> Response:
        self._check_namespace(call)
        call.authorize(Verb.INSPECT, "buckets", "*")
        names = sorted(
            name
            for name, each in self.store.buckets.items()
            if each.compartment == call.query["compartmentId"]
        )
        page, headers = paged(names, call.query)
        return JSONResponse([self._summary(self.store.buckets[name]) for name in page], headers=headers)

    async def put_lifecycle_policy(self, call: Call) -> Response:
        """It is Object Storage itself that carries the rules out, and it needs a policy for that."""
        bucket = self._bucket(call, Verb.MANAGE)
        family = ("buckets", "objects")
        if not all(call.policies.permit(self.principal, Verb.MANAGE, each, bucket.name) for each in family):
            message = f"Permissions granted to the object storage service principal {self.principal} \
to this bucket are insufficient."
            raise invalid(message, "InsufficientServicePermissions")
        _check_rules(call.body.get("items") or [])
        created = stamp(bucket.created)
        bucket.lifecycle = {"timeCreated": created, "items": call.body.get("items") or []}
        return JSONResponse(bucket.lifecycle, headers={"etag": bucket.etag})

    async def get_lifecycle_policy(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.READ)
        if bucket.lifecycle is None:
            message = f"The lifecycle policy of the bucket '{bucket.name}' was not found."
            raise ServiceError(404, "LifecyclePolicyNotFound", message)
        return JSONResponse(bucket.lifecycle, headers={"etag": bucket.etag})

    async def delete_lifecycle_policy(self, call: Call) -> Response:
        self._bucket(call, Verb.MANAGE).lifecycle = None
        return Response(status_code=204)

    async def list_retention_rules(self, call: Call) -> Response:
        """There are none: they cannot be made here."""
        self._bucket(call, Verb.READ)
        return JSONResponse({"items": []})

    async def list_none(self, call: Call) -> Response:
        """Nor can these be made, whose list is not wrapped."""
        self._bucket(call, Verb.READ)
        return JSONResponse([])

    async def put_object(self, call: Call) -> Response:
        bucket, name = self._bucket(call, Verb.MANAGE, "objects"), call.path["objectName"]
        _precondition(call, bucket, name)
        content = await self._received(call)
        version = _put(call, bucket, name, content, _kept_headers(call))
        md5 = {"opc-content-md5": content.digest}
        return Response(headers={**md5, **_identifying(bucket, version)})

    async def get_object(self, call: Call) -> Response:
        bucket, version, content = self._object(call)
        if call.request.headers.get("if-none-match") == version.etag:
            return Response(status_code=304, headers=_identifying(bucket, version))
        start, stop, headers = _range(call.request.headers.get("range"), content.size)
        headers |= _described(bucket, version, content) | {"content-length": str(stop - start)}
        status = 206 if "content-range" in headers else 200
        return StreamingResponse(content.chunks(start, stop), status, headers)

    async def head_object(self, call: Call) -> Response:
        bucket, version, content = self._object(call)
        if call.request.headers.get("if-none-match") == version.etag:
            return Response(status_code=304, headers=_identifying(bucket, version))
        headers = _described(bucket, version, content) | {"content-length": str(content.size)}
        return Response(headers=headers)

    async def delete_object(self, call: Call) -> Response:
        bucket, name = self._bucket(call, Verb.MANAGE, "objects"), call.path["objectName"]
        _precondition(call, bucket, name)
        deleted = bucket.delete(name, call.query.get("versionId"))
        headers = {"last-modified": _http_date(deleted)}
        if bucket.versioning != "Disabled":
            headers |= {"version-id": deleted.id, "is-delete-marker": str(deleted.content is None).lower()}
        return Response(status_code=204, headers=headers)

    async def batch_delete_objects(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.MANAGE, "objects")
        deleted: list[dict[str, object]] = []
        failed: list[dict[str, object]] = []
        for each in call.body["objects"]:
            name, current = each["objectName"], bucket.current(each["objectName"])
            try:
                if each.get("ifMatch") and (current is None or current.etag != each["ifMatch"]):
                    raise _failed_match()
                moment = stamp(bucket.delete(name, None).modified)
                deleted.append({"objectName": name, "timeLastModified": moment})
            except ServiceError as error:
                refusal = {"statusCode": error.status, "errorMessage": error.message}
                failed.append({"objectName": name, **refusal})
        shown = [] if call.body.get("isSkipDeletedResult") else deleted
        return JSONResponse({"deleted": shown, "failed": failed})

    async def rename_object(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.MANAGE, "objects")
        source, target = call.body["sourceName"], call.body["newName"]
        version = bucket.current(source)
        if version is None:
            raise object_not_found(source)
        if call.body.get("srcObjIfMatchETag", version.etag) != version.etag:
            raise _failed_match()
        if call.body.get("newObjIfNoneMatchETag") == "*" and bucket.current(target):
            raise _exists()
        bucket.objects[source].pop()
        if not bucket.objects[source]:
            del bucket.objects[source]
        assert version.content
        renamed = bucket.put(target, version.content, version.headers)
        return Response(headers=_identifying(bucket, renamed))

    async def list_objects(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.INSPECT, "objects")
        page = listed(bucket.names(), call.query)
        current = [version for name in page.names if (version := bucket.current(name))]
        objects = summaries(current, call.query.get("fields", ""))
        following = {"nextStartWith": page.following} if page.following else {}
        return JSONResponse({"objects": objects, "prefixes": page.prefixes, **following})

    async def list_object_versions(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.INSPECT, "objects")
        prefix = call.query.get("prefix", "")
        names = [name for name in sorted(bucket.objects, key=str.encode) if name.startswith(prefix)]
        versions = [version for name in names for version in reversed(bucket.objects[name])]
        page, headers = paged(versions, call.query)
        shown = summaries(page, call.query.get("fields", "") + ",timeModified")
        items = [
            summary | {"versionId": version.id, "isDeleteMarker": version.content is None}
            for summary, version in zip(shown, page, strict=True)
        ]
        return JSONResponse({"items": items, "prefixes": []}, headers=headers)

    async def create_multipart_upload(self, call: Call) -> Response:
        bucket, body = self._bucket(call, Verb.MANAGE, "objects"), call.body
        _precondition(call, bucket, body["object"])
        headers = {name: body[field] for name, field in _KEPT_HEADERS.items() if body.get(field)}
        upload = Upload(body["object"], headers | (body.get("metadata") or {}))
        bucket.uploads[upload.id] = upload
        return JSONResponse(self._upload_summary(bucket, upload))

    async def upload_part(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.MANAGE, "objects")
        upload = _upload(call, bucket)
        number = call.query["uploadPartNum"]
        if not number.isdecimal() or not 1 <= int(number) <= _MAXIMUM_PARTS:
            raise invalid(
                f"The part number {number!r} is not from 1 to {_MAXIMUM_PARTS}.", "InvalidUploadPart"
            )
        content = await self._received(call)
        _, before = upload.parts.get(int(number), ("", None))
        if before:
            before.file.unlink()
        etag = Version(upload.name, content, {}, upload.created).etag
        upload.parts[int(number)] = (etag, content)
        return Response(headers={"etag": etag, "opc-content-md5": content.digest})

    async def commit_multipart_upload(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.MANAGE, "objects")
        upload = _upload(call, bucket)
        _precondition(call, bucket, upload.name)
        content = await asyncio.to_thread(self.store.join, _committed(upload, call.body))
        version = bucket.put(upload.name, content, upload.headers)
        drop(bucket.uploads.pop(upload.id))
        md5 = {"opc-multipart-md5": content.digest}
        return Response(headers={**md5, **_identifying(bucket, version)})

    async def abort_multipart_upload(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.MANAGE, "objects")
        drop(bucket.uploads.pop(_upload(call, bucket).id))
        return Response(status_code=204)

    async def list_multipart_uploads(self, call: Call) -> Response:
        bucket = self._bucket(call, Verb.READ)
        uploads = sorted(bucket.uploads.values(), key=lambda upload: (upload.name.encode(), upload.created))
        page, headers = paged(uploads, call.query)
        return JSONResponse([self._upload_summary(bucket, each) for each in page], headers=headers)

    async def list_multipart_upload_parts(self, call: Call) -> Response:
        upload = _upload(call, self._bucket(call, Verb.READ))
        parts = [
            {"partNumber": number, "etag": etag, "md5": content.digest, "size": content.size}
            for number, (etag, content) in sorted(upload.parts.items())
        ]
        page, headers = paged(parts, call.query)
        return JSONResponse(page, headers=headers)

    def _check_namespace(self, call: Call) -> None:
        if (given := call.path["namespaceName"]) != self.namespace:
            message = f"The namespace '{given}' is unknown, or you are not authorized to access it."
            raise ServiceError(404, "NamespaceNotFound", message)

    def _bucket(self, call: Call, verb: Verb, resource: str = "buckets") -> Bucket:
        """The bucket of the path, if the caller may do this there; OCI says the same when it may not."""
        self._check_namespace(call)
        name = call.path["bucketName"]
        bucket = self.store.buckets.get(name)
        if bucket is None or not call.policies.permit(call.principal.id, verb, resource, name):
            message = f"Either the bucket named '{name}' does not exist in the namespace \
'{self.namespace}' or you are not authorized to access it"
            raise ServiceError(404, "BucketNotFound", message)
        return bucket

    def _object(self, call: Call) -> tuple[Bucket, Version, Content]:
        bucket, name = self._bucket(call, Verb.READ, "objects"), call.path["objectName"]
        version = bucket.current(name)
        if version_id := call.query.get("versionId"):
            found = [each for each in bucket.objects.get(name, []) if each.id == version_id]
            version = found[0] if found else None
        if version is None or version.content is None:
            raise object_not_found(name)
        _match(call, version.etag)
        return bucket, version, version.content

    async def _received(self, call: Call) -> Content:
        return await self.store.receive(call.request.stream(), call.request.headers.get("content-md5"))

    def _shown(self, bucket: Bucket) -> Response:
        contents = [each.content for versions in bucket.objects.values() for each in versions if each.content]
        shown = {
            **self._summary(bucket),
            "metadata": {},
            "publicAccessType": "NoPublicAccess",
            "storageTier": "Standard",
            "objectEventsEnabled": False,
            "versioning": bucket.versioning,
            "autoTiering": "Disabled",
            "replicationEnabled": False,
            "isReadOnly": False,
            "id": f"ocid1.bucket.oc99.{bucket.etag}",
            "approximateCount": len(contents),
            "approximateSize": sum(content.size for content in contents),
            **bucket.details,
        }
        return JSONResponse(shown, headers={"etag": bucket.etag})

    def _summary(self, bucket: Bucket) -> dict[str, object]:
        return {
            "namespace": self.namespace,
            "name": bucket.name,
            "compartmentId": bucket.compartment,
            "createdBy": bucket.created_by,
            "timeCreated": stamp(bucket.created),
            "etag": bucket.etag,
            "freeformTags": bucket.details.get("freeformTags", {}),
            "definedTags": bucket.details.get("definedTags", {}),
        }

    def _upload_summary(self, bucket: Bucket, upload: Upload) -> dict[str, object]:
        return {
            "namespace": self.namespace,
            "bucket": bucket.name,
            "object": upload.name,
            "uploadId": upload.id,
            "timeCreated": stamp(upload.created),
            "storageTier": "Standard",
        }


def _configure(bucket: Bucket, body: Mapping[str, Any]) -> None:
    bucket.versioning = body.get("versioning", bucket.versioning)
    bucket.compartment = body.get("compartmentId", bucket.compartment)
    apart = ("name", "namespace", "compartmentId", "versioning")
    bucket.details |= {key: value for key, value in body.items() if key not in apart and value is not None}


def _check_rules(rules: Sequence[Mapping[str, Any]]) -> None:
    names = [rule["name"] for rule in rules]
    if len(set(names)) < len(names):
        raise invalid("Two lifecycle rules have the same name.", "InvalidLifecycleRule")
    for rule in rules:
        target = rule.get("target") or "objects"
        actions = _ACTIONS.get(target, ())
        if rule["action"] not in actions:
            message = f"The rule {rule['name']}: {target!r} does not go with the action {rule['action']}."
            raise invalid(message, "InvalidLifecycleRule")
        if rule["timeUnit"] not in ("DAYS", "YEARS") or rule["timeAmount"] < 1:
            message = f"The rule {rule['name']}: expected a number of DAYS or YEARS."
            raise invalid(message, "InvalidLifecycleRule")


def _put(call: Call, bucket: Bucket, name: str, content: Content, headers: Mapping[str, str]) -> Version:
    try:
        # Once more: another put may have come first while this body was being received.
        _precondition(call, bucket, name)
    except ServiceError:
        content.file.unlink()
        raise
    return bucket.put(name, content, headers)


def _precondition(call: Call, bucket: Bucket, name: str) -> None:
    current = bucket.current(name)
    _match(call, current.etag if current else None)
    if call.request.headers.get("if-none-match") == "*" and current:
        raise _exists()


def _match(call: Call, etag: str | None) -> None:
    if (expected := call.request.headers.get("if-match")) and expected != etag:
        raise _failed_match()


def _failed_match() -> ServiceError:
    return ServiceError(412, "IfMatchFailed", "The If-Match header does not match the current etag.")


def _exists() -> ServiceError:
    message = "The If-None-Match header was '*' but there is an existing entity."
    return ServiceError(412, "IfNoneMatchFailed", message)


def _upload(call: Call, bucket: Bucket) -> Upload:
    upload = bucket.uploads.get(call.query["uploadId"])
    if upload is None or upload.name != call.path["objectName"]:
        raise ServiceError(
            404, "NoSuchUpload", f"There is no upload {call.query['uploadId']!r} of the object."
        )
    return upload


def _committed(upload: Upload, body: Mapping[str, Any]) -> list[Content]:
    """The parts to put together, in order; every part must be either committed or excluded."""
    chosen = {part["partNum"]: part["etag"] for part in body["partsToCommit"]}
    unmentioned = upload.parts.keys() - chosen.keys() - set(body.get("partsToExclude") or [])
    wrong = [number for number, etag in chosen.items() if upload.parts.get(number, ("",))[0] != etag]
    if not chosen or unmentioned or wrong:
        message = f"The parts do not fit the upload: not there or changed {sorted(wrong)}, left out \
{sorted(unmentioned)}."
        raise invalid(message, "InvalidUploadPart")
    return [upload.parts[number][1] for number in sorted(chosen)]


def _kept_headers(call: Call) -> dict[str, str]:
    headers = call.request.headers
    kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    return kept | {name: value for name, value in headers.items() if name.startswith("opc-meta-")}


def _identifying(bucket: Bucket, version: Version) -> dict[str, str]:
    versioned = {} if bucket.versioning == "Disabled" else {"version-id": version.id}
    return {"etag": version.etag, "last-modified": _http_date(version), **versioned}


def _described(bucket: Bucket, version: Version, content: Content) -> dict[str, str]:
    digest = "opc-multipart-md5" if content.parts else "content-md5"
    kind = {"content-type": "application/octet-stream", "accept-ranges": "bytes", "storage-tier": "Standard"}
    return kind | dict(version.headers) | {digest: content.digest} | _identifying(bucket, version)


def _http_date(version: Version) -> str:
    return format_datetime(version.modified, usegmt=True)


def _range(header: str | None, size: int) -> tuple[int, int, dict[str, str]]:
    """The bytes [start, stop) that are asked for, and the header that says so."""
    match = _RANGE.fullmatch(header) if header else None
    if match is None or match.groups() == ("", ""):
        return 0, size, {}
    first, last = match.groups()
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= stop:
        message = f"The range {header} is not satisfiable for {size} bytes."
        raise ServiceError(416, "InvalidRange", message)
    return start, stop, {"content-range": f"bytes {start}-{stop - 1}/{size}"}
