import base64
import hashlib
import io
import uuid

import pytest
from oci.exceptions import ServiceError
from oci.object_storage import ObjectStorageClient, UploadManager, models
from oci.pagination import list_call_get_all_results

from tests.region.conftest import object_storage
from tests.region.policies import Verb
from tests.region.region import Loopback, Region

AT = "simspace"


@pytest.fixture
def bucket(storage: ObjectStorageClient, region: Region) -> str:
    name = f"b-{uuid.uuid4().hex}"
    storage.create_bucket(AT, models.CreateBucketDetails(name=name, compartment_id=region.compartment))
    return name


def refusal(error: pytest.ExceptionInfo[ServiceError]) -> tuple[int, str]:
    return error.value.status, error.value.code


def put(storage: ObjectStorageClient, bucket: str, *names: str) -> None:
    for name in names:
        storage.put_object(AT, bucket, name, name.encode())


def test_the_life_of_a_bucket(storage: ObjectStorageClient, region: Region) -> None:
    details = models.CreateBucketDetails(
        name="life", compartment_id=region.compartment, versioning="Enabled", freeform_tags={"k": "v"}
    )
    created = storage.create_bucket(AT, details).data
    assert (created.versioning, created.freeform_tags) == ("Enabled", {"k": "v"})
    with pytest.raises(ServiceError) as again:
        storage.create_bucket(AT, details)
    assert refusal(again) == (409, "BucketAlreadyExists")
    listed = list_call_get_all_results(storage.list_buckets, AT, region.compartment, limit=1).data
    assert "life" in [each.name for each in listed]
    updated = storage.update_bucket(AT, "life", models.UpdateBucketDetails(freeform_tags={"k": "w"})).data
    assert (updated.freeform_tags, updated.versioning) == ({"k": "w"}, "Enabled")
    storage.delete_bucket(AT, "life")
    with pytest.raises(ServiceError) as gone:
        storage.get_bucket(AT, "life")
    assert refusal(gone) == (404, "BucketNotFound")


def test_a_bad_name_is_refused(storage: ObjectStorageClient, region: Region) -> None:
    with pytest.raises(ServiceError) as refused:
        storage.create_bucket(AT, models.CreateBucketDetails(name="a b", compartment_id=region.compartment))
    assert refusal(refused) == (400, "InvalidBucketName")


def test_another_namespace_is_not_found(storage: ObjectStorageClient) -> None:
    with pytest.raises(ServiceError) as refused:
        storage.list_objects("else", "b")
    assert refusal(refused) == (404, "NamespaceNotFound")


def test_the_life_of_an_object(storage: ObjectStorageClient, bucket: str) -> None:
    name, data = "a b/ü/?#%2F+&='", b"data" * 1000
    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    sent = storage.put_object(
        AT, bucket, name, io.BytesIO(data), content_md5=md5, content_type="text/plain", opc_meta={"who": "me"}
    )
    assert sent.headers["opc-content-md5"] == md5
    head = storage.head_object(AT, bucket, name).headers
    assert (head["content-length"], head["content-md5"]) == ("4000", md5)
    assert (head["content-type"], head["opc-meta-who"], head["etag"]) == (
        "text/plain",
        "me",
        sent.headers["etag"],
    )
    assert storage.get_object(AT, bucket, name).data.content == data
    storage.delete_object(AT, bucket, name)
    for call in (storage.get_object, storage.delete_object):
        with pytest.raises(ServiceError) as gone:
            call(AT, bucket, name)
        assert refusal(gone) == (404, "ObjectNotFound")


@pytest.mark.parametrize(
    ("asked", "status", "content", "answered"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=5-999", 206, b"56789", "bytes 5-9/10"),
        (None, 200, b"0123456789", None),
    ],
)
def test_ranges(
    storage: ObjectStorageClient, bucket: str, asked: str, status: int, content: bytes, answered: str
) -> None:
    storage.put_object(AT, bucket, "digits", b"0123456789")
    given = {"range": asked} if asked else {}
    answer = storage.get_object(AT, bucket, "digits", **given)
    assert (answer.status, answer.data.content) == (status, content)
    assert answer.headers.get("content-range") == answered


def test_a_range_beyond_the_end_is_refused(storage: ObjectStorageClient, bucket: str) -> None:
    storage.put_object(AT, bucket, "digits", b"0123456789")
    with pytest.raises(ServiceError) as refused:
        storage.get_object(AT, bucket, "digits", range="bytes=10-")
    assert refused.value.status == 416


def test_conditions(storage: ObjectStorageClient, bucket: str) -> None:
    etag = storage.put_object(AT, bucket, "x", b"1", if_none_match="*").headers["etag"]
    with pytest.raises(ServiceError) as exists:
        storage.put_object(AT, bucket, "x", b"2", if_none_match="*")
    assert refusal(exists) == (412, "IfNoneMatchFailed")
    with pytest.raises(ServiceError) as unchanged:
        storage.get_object(AT, bucket, "x", if_none_match=etag)
    assert unchanged.value.status == 304
    newer = storage.put_object(AT, bucket, "x", b"3", if_match=etag).headers["etag"]
    for call in (storage.get_object, storage.delete_object):
        with pytest.raises(ServiceError) as changed:
            call(AT, bucket, "x", if_match=etag)
        assert refusal(changed) == (412, "IfMatchFailed")
    assert storage.get_object(AT, bucket, "x", if_match=newer).data.content == b"3"


def test_a_body_that_was_damaged_is_refused(
    storage: ObjectStorageClient, bucket: str, region: Region
) -> None:
    with pytest.raises(ServiceError) as refused:
        storage.put_object(AT, bucket, "x", b"data", content_md5="AAAAAAAAAAAAAAAAAAAAAA==")
    assert refusal(refused) == (400, "UnmatchedContentMD5")
    assert storage.list_objects(AT, bucket).data.objects == []


def test_lists_by_prefix_and_folder(storage: ObjectStorageClient, bucket: str) -> None:
    put(storage, bucket, "a", "dir/1", "dir/2", "dir/sub/3", "dirt", "z")
    whole = storage.list_objects(AT, bucket).data
    assert [each.name for each in whole.objects] == ["a", "dir/1", "dir/2", "dir/sub/3", "dirt", "z"]
    assert whole.objects[0].size is None, "only names unless asked"
    top = storage.list_objects(AT, bucket, delimiter="/", fields="name,size,etag,md5,timeCreated").data
    assert ([each.name for each in top.objects], top.prefixes) == (["a", "dirt", "z"], ["dir/"])
    assert (top.objects[0].size, bool(top.objects[0].time_created)) == (1, True)
    inside = storage.list_objects(AT, bucket, prefix="dir/", delimiter="/").data
    assert ([each.name for each in inside.objects], inside.prefixes) == (["dir/1", "dir/2"], ["dir/sub/"])
    some = storage.list_objects(AT, bucket, start="dir/2", end="z").data
    assert [each.name for each in some.objects] == ["dir/2", "dir/sub/3", "dirt"]


def test_lists_page_by_page(storage: ObjectStorageClient, bucket: str) -> None:
    put(storage, bucket, "a", "b/1", "b/2", "c", "d/1", "e")
    seen: list[str] = []
    start: str | None = None
    while True:
        given = {"start": start} if start else {}
        page = storage.list_objects(AT, bucket, delimiter="/", limit=2, **given).data
        assert len(page.objects) + len(page.prefixes) <= 2
        seen += [each.name for each in page.objects] + page.prefixes
        start = page.next_start_with
        if start is None:
            break
    assert sorted(seen) == ["a", "b/", "c", "d/", "e"]


@pytest.mark.parametrize(
    "bad", [{"fields": "name,colour"}, {"delimiter": "-"}, {"limit": 1001}, {"limit": 0}]
)
def test_a_bad_list_is_refused(storage: ObjectStorageClient, bucket: str, bad: dict[str, object]) -> None:
    with pytest.raises(ServiceError) as refused:
        storage.list_objects(AT, bucket, **bad)
    assert refusal(refused) == (400, "InvalidParameter")


def test_an_upload_in_parts(storage: ObjectStorageClient, bucket: str, region: Region) -> None:
    details = models.CreateMultipartUploadDetails(object="a/big", content_type="text/plain")
    upload = storage.create_multipart_upload(AT, bucket, details).data.upload_id
    etags = {
        number: storage.upload_part(AT, bucket, "a/big", upload, number, data).headers["etag"]
        for number, data in ((2, b"second"), (1, b"first "), (3, b"left out"))
    }
    assert storage.list_multipart_uploads(AT, bucket).data[0].upload_id == upload
    parts = list_call_get_all_results(
        storage.list_multipart_upload_parts, AT, bucket, "a/big", upload, limit=2
    ).data
    assert [(each.part_number, each.size) for each in parts] == [(1, 6), (2, 6), (3, 8)]
    with pytest.raises(ServiceError) as full:
        storage.delete_bucket(AT, bucket)
    assert refusal(full) == (409, "BucketNotEmpty")
    chosen = [models.CommitMultipartUploadPartDetails(part_num=each, etag=etags[each]) for each in (1, 2)]
    with pytest.raises(ServiceError) as incomplete:
        storage.commit_multipart_upload(
            AT, bucket, "a/big", upload, models.CommitMultipartUploadDetails(parts_to_commit=chosen)
        )
    assert refusal(incomplete) == (400, "InvalidUploadPart")
    commit = models.CommitMultipartUploadDetails(parts_to_commit=chosen, parts_to_exclude=[3])
    done = storage.commit_multipart_upload(AT, bucket, "a/big", upload, commit)
    assert done.headers["opc-multipart-md5"].endswith("-2")
    answer = storage.get_object(AT, bucket, "a/big")
    assert (answer.data.content, answer.headers["content-type"]) == (b"first second", "text/plain")
    with pytest.raises(ServiceError) as over:
        storage.abort_multipart_upload(AT, bucket, "a/big", upload)
    assert refusal(over) == (404, "NoSuchUpload")


def test_an_aborted_upload_leaves_no_files(storage: ObjectStorageClient, bucket: str, region: Region) -> None:
    before = len(list((region.folder / "objects").iterdir()))
    details = models.CreateMultipartUploadDetails(object="x")
    upload = storage.create_multipart_upload(AT, bucket, details).data.upload_id
    for data in (b"1", b"again"):
        storage.upload_part(AT, bucket, "x", upload, 1, data)
    storage.abort_multipart_upload(AT, bucket, "x", upload)
    assert len(list((region.folder / "objects").iterdir())) == before


def test_the_sdks_own_upload_manager_works(storage: ObjectStorageClient, bucket: str) -> None:
    data = bytes(range(256)) * 4096 * 25
    UploadManager(storage).upload_stream(AT, bucket, "managed", io.BytesIO(data))
    assert storage.get_object(AT, bucket, "managed").data.content == data


def test_a_versioned_bucket_keeps_what_was(storage: ObjectStorageClient, bucket: str) -> None:
    storage.update_bucket(AT, bucket, models.UpdateBucketDetails(versioning="Enabled"))
    old = storage.put_object(AT, bucket, "x", b"old").headers["version-id"]
    storage.put_object(AT, bucket, "x", b"new")
    assert storage.get_object(AT, bucket, "x").data.content == b"new"
    assert storage.get_object(AT, bucket, "x", version_id=old).data.content == b"old"
    storage.delete_object(AT, bucket, "x")
    assert storage.list_objects(AT, bucket).data.objects == []
    versions = storage.list_object_versions(AT, bucket).data.items
    assert [each.is_delete_marker for each in versions] == [True, False, False]
    with pytest.raises(ServiceError) as full:
        storage.delete_bucket(AT, bucket)
    assert refusal(full) == (409, "BucketNotEmpty")
    for each in versions:
        storage.delete_object(AT, bucket, "x", version_id=each.version_id)
    storage.delete_bucket(AT, bucket)


def test_renaming(storage: ObjectStorageClient, bucket: str) -> None:
    put(storage, bucket, "from")
    storage.rename_object(AT, bucket, models.RenameObjectDetails(source_name="from", new_name="to"))
    assert [each.name for each in storage.list_objects(AT, bucket).data.objects] == ["to"]
    assert storage.get_object(AT, bucket, "to").data.content == b"from"


def test_a_lifecycle_policy_is_kept(region: Region, storage: ObjectStorageClient, bucket: str) -> None:
    rule = models.ObjectLifecycleRule(
        name="old",
        action="DELETE",
        time_amount=30,
        time_unit="DAYS",
        is_enabled=True,
        target="previous-object-versions",
    )
    with pytest.raises(ServiceError):
        storage.get_object_lifecycle_policy(AT, bucket)
    details = models.PutObjectLifecyclePolicyDetails(items=[rule])
    with pytest.raises(ServiceError) as refused:
        storage.put_object_lifecycle_policy(AT, bucket, details)
    assert refusal(refused) == (400, "InsufficientServicePermissions")
    for family in ("buckets", "objects"):
        region.policies.allow(f"objectstorage-{region.name}", Verb.MANAGE, family, bucket)
    storage.put_object_lifecycle_policy(AT, bucket, details)
    assert storage.get_object_lifecycle_policy(AT, bucket).data.items[0].name == "old"
    rule.action = "ABORT"
    with pytest.raises(ServiceError) as refused:
        storage.put_object_lifecycle_policy(AT, bucket, details)
    assert refusal(refused) == (400, "InvalidLifecycleRule")


def test_a_batch_of_objects_is_deleted(storage: ObjectStorageClient, bucket: str) -> None:
    for name in ("one", "two"):
        storage.put_object(AT, bucket, name, b"")
    asked = [
        models.BatchDeleteObjectIdentifier(object_name=name, if_match=etag)
        for name, etag in (("one", None), ("two", "stale"), ("three", None))
    ]
    result = storage.batch_delete_objects(AT, bucket, models.BatchDeleteObjectsDetails(objects=asked)).data
    assert [each.object_name for each in result.deleted] == ["one"]
    assert [(each.object_name, each.status_code) for each in result.failed] == [("two", 412), ("three", 404)]
    assert [each.name for each in storage.list_objects(AT, bucket).data.objects] == ["two"]


def test_a_bucket_has_no_retention_rules(storage: ObjectStorageClient, bucket: str) -> None:
    assert storage.list_retention_rules(AT, bucket).data.items == []


def test_a_user_has_the_rights_of_its_policies(region: Region, loopback: Loopback, bucket: str) -> None:
    user = region.add_user()
    client = object_storage(region.config_file(user), loopback)
    region.policies.allow(user.id, Verb.READ, "objects", bucket)
    assert client.list_objects(AT, bucket).data.objects == []
    with pytest.raises(ServiceError) as refused:
        client.put_object(AT, bucket, "x", b"")
    assert refusal(refused) == (404, "BucketNotFound")
    with pytest.raises(ServiceError) as refused:
        client.get_bucket(AT, bucket)
    assert refusal(refused) == (404, "BucketNotFound")
    client.base_client.session.close()


def test_what_is_not_implemented_is_named(storage: ObjectStorageClient, bucket: str) -> None:
    with pytest.raises(ServiceError) as refused:
        storage.reencrypt_bucket(AT, bucket)
    assert refusal(refused) == (501, "NotImplemented")
    assert "ReencryptBucket" in refused.value.message


def test_an_operation_fails_as_told(storage: ObjectStorageClient, region: Region) -> None:
    region.faults.add("GetNamespace", 429, "TooManyRequests")
    with pytest.raises(ServiceError) as refused:
        storage.get_namespace()
    assert refusal(refused) == (429, "TooManyRequests")
    assert storage.get_namespace().data == AT
