"""AWS throttles, fails or cannot be reached: every adapter says Busy, and nothing else says it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chalicelib import ports as port_module
from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS
from chalicelib.adapters.dynamo_transaction import Cancelled
from chalicelib.bootstrap import World
from chalicelib.domain.chain import Head, link
from chalicelib.domain.download import DownloadKey
from chalicelib.domain.errors import Busy, Conflict, Gone
from chalicelib.domain.file import Shelf
from chalicelib.domain.page import NEWEST_FIRST, Order
from chalicelib.domain.people import Account, User
from chalicelib.domain.pin import PinHolder, clean_pin
from chalicelib.domain.quota import Usage
from chalicelib.domain.sealing import WrappedKey
from chalicelib.ports import WrongContext
from infra.local.stack import EmulatedAws
from tests.integration.hooks import BROKEN_LINES, Hooks
from tests.integration.test_download_store import a_hash, a_key
from tests.integration.test_mail_store import add as add_mails
from tests.integration.test_object_store import a_key as an_object_key
from tests.integration.test_pin_store import a_key as a_temporary_key
from tests.integration.test_user_store import a_user, an_account, first_token
from tests.support.builders import (
    ALICE_ID,
    ALICES,
    NOW,
    a_category,
    a_claim,
    a_delivery,
    a_download,
    a_file,
    a_mail,
    a_note,
    a_notification,
    a_ready_file,
    a_token,
    a_verifier,
    a_webhook,
    an_event,
)

pytestmark = pytest.mark.usefixtures("impatient")

Act = Callable[[World], object]
BY_RECEIPT = Order("received_at", descending=True)
HOLDER = PinHolder("user", ALICE_ID)
WRAPPED = WrappedKey("arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000000", b"blob")


def add_user(world: World) -> None:
    account = an_account()
    user = a_user(account)
    world.users.add(user, account, first_token(user))


def append_an_event(world: World) -> None:
    entries, head = link(Head(ALICES), [an_event()], NOW.date())
    world.events.append(Head(ALICES), entries, head, b"signature")


def key() -> DownloadKey:
    return a_key(a_download(a_ready_file()))


# Every method of every port that calls AWS, with the call it makes.
CALLS: dict[str, tuple[str, Act]] = {
    "Limiter.take": ("dynamodb.UpdateItem", lambda w: w.limiter.take("192.0.2.1", 0)),
    "TokenStore.add": ("dynamodb.TransactWriteItems", lambda w: w.tokens.add(a_token())),
    "TokenStore.find": ("dynamodb.GetItem", lambda w: w.tokens.find(a_hash())),
    "TokenStore.list_of": ("dynamodb.Query", lambda w: w.tokens.list_of(ALICE_ID, 5, None)),
    "TokenStore.find_own": ("dynamodb.GetItem", lambda w: w.tokens.find_own(a_token().id, ALICE_ID)),
    "TokenStore.revoke": ("dynamodb.TransactWriteItems", lambda w: w.tokens.revoke(a_token().id, ALICE_ID, NOW)),
    "TokenStore.revoke_all": ("dynamodb.TransactWriteItems", lambda w: w.tokens.revoke_all(ALICE_ID, NOW)),
    "TokenStore.note_use": ("dynamodb.UpdateItem", lambda w: w.tokens.note_use(a_hash(), NOW)),
    "TokenStore.copy_author": ("dynamodb.GetItem", lambda w: w.tokens.copy_author(a_user(an_account()))),
    "UserStore.add": ("dynamodb.TransactWriteItems", add_user),
    "UserStore.find": ("dynamodb.GetItem", lambda w: w.users.find(ALICE_ID)),
    "UserStore.find_account": ("dynamodb.GetItem", lambda w: w.users.find_account(ALICES)),
    "UserStore.save": (
        "dynamodb.UpdateItem",
        lambda w: w.users.save(a_user(an_account()), a_user(an_account(), name="Alice Adams")),
    ),
    "PinHasher.make": ("kms.GenerateMac", lambda w: w.pin_hasher.make(clean_pin("1234"), [HOLDER])),
    "PinHasher.matches": ("kms.GenerateMac", lambda w: w.pin_hasher.matches(clean_pin("1234"), HOLDER, a_verifier())),
    "PinTries.count": ("dynamodb.UpdateItem", lambda w: w.pin_tries.count(HOLDER, "try", NOW)),
    "PinTries.take_back": ("dynamodb.UpdateItem", lambda w: w.pin_tries.take_back(HOLDER, "try")),
    "PinTries.forget": ("dynamodb.UpdateItem", lambda w: w.pin_tries.forget(HOLDER, "version")),
    "TemporaryKeyStore.add": ("dynamodb.PutItem", lambda w: w.temporary_keys.add(a_temporary_key())),
    "TemporaryKeyStore.find": ("dynamodb.GetItem", lambda w: w.temporary_keys.find(a_hash())),
    "TemporaryKeyStore.remove": (
        "dynamodb.UpdateItem",
        lambda w: w.temporary_keys.remove(a_hash(), ALICE_ID, NOW),
    ),
    "FileStore.add": ("dynamodb.TransactWriteItems", lambda w: w.files.add(a_file())),
    "FileStore.find": ("dynamodb.GetItem", lambda w: w.files.find(a_file().id)),
    "FileStore.find_many": ("dynamodb.BatchGetItem", lambda w: w.files.find_many([a_file().id])),
    "FileStore.list_of": ("dynamodb.Query", lambda w: w.files.list_of(ALICES, Shelf.READY, NEWEST_FIRST, 5, None)),
    "FileStore.search": (
        "dynamodb.Query",
        lambda w: w.files.search(ALICES, Shelf.READY, "x", NEWEST_FIRST, 5, None),
    ),
    "FileStore.save": ("dynamodb.PutItem", lambda w: w.files.save(a_file())),
    "FileStore.remove": ("dynamodb.TransactWriteItems", lambda w: w.files.remove(a_file())),
    "FileStore.due": ("dynamodb.Query", lambda w: list(w.files.due(NOW))),
    "CategoryStore.add": ("dynamodb.TransactWriteItems", lambda w: w.categories.add(a_category())),
    "CategoryStore.find": ("dynamodb.GetItem", lambda w: w.categories.find(a_category().id)),
    "CategoryStore.find_many": ("dynamodb.BatchGetItem", lambda w: w.categories.find_many([a_category().id])),
    "CategoryStore.list_of": (
        "dynamodb.Query",
        lambda w: w.categories.list_of(ALICES, Order("name", descending=True), 5, None),
    ),
    "CategoryStore.save": (
        "dynamodb.TransactWriteItems",
        lambda w: w.categories.save(a_category(name="new"), a_category()),
    ),
    "CategoryStore.remove": ("dynamodb.TransactWriteItems", lambda w: w.categories.remove(a_category(), NOW)),
    "ClaimStore.find": ("dynamodb.GetItem", lambda w: w.claims.find(a_claim())),
    "QuotaStore.find": ("dynamodb.BatchGetItem", lambda w: w.quotas.find(ALICES, NOW)),
    "QuotaStore.find_mails": ("dynamodb.BatchGetItem", lambda w: w.quotas.find_mails(ALICES, NOW)),
    "QuotaStore.charge": ("dynamodb.TransactWriteItems", lambda w: w.quotas.charge(ALICES, Usage(mails=1), NOW)),
    "FileStore.leave_tombstone": ("dynamodb.PutItem", lambda w: w.files.leave_tombstone(a_file().id, NOW)),
    "FileStore.remove_tombstone": ("dynamodb.DeleteItem", lambda w: w.files.remove_tombstone(a_file().id, NOW)),
    "FileStore.put_off": ("dynamodb.UpdateItem", lambda w: w.files.put_off(a_file().id, NOW)),
    "DownloadStore.add": ("dynamodb.PutItem", lambda w: w.downloads.add(a_download(a_ready_file()))),
    "DownloadStore.find": ("dynamodb.GetItem", lambda w: w.downloads.find(a_download().id)),
    "DownloadStore.find_key": ("dynamodb.GetItem", lambda w: w.downloads.find_key(a_hash())),
    "DownloadStore.find_with_files": ("dynamodb.BatchGetItem", lambda w: w.downloads.find_with_files(key())),
    "DownloadStore.make_key_current": (
        "dynamodb.TransactWriteItems",
        lambda w: w.downloads.make_key_current(a_download(), key(), NOW),
    ),
    "DownloadStore.revoke": ("dynamodb.UpdateItem", lambda w: w.downloads.revoke(a_download().id, NOW)),
    "DownloadStore.spend": ("dynamodb.UpdateItem", lambda w: w.downloads.spend(key(), a_hash(), NOW, NOW)),
    "DownloadStore.give_back": ("dynamodb.UpdateItem", lambda w: w.downloads.give_back(key(), a_hash())),
    "ObjectStore.start_multipart": (
        "s3.CreateMultipartUpload",
        lambda w: w.objects.start_multipart(an_object_key(), part_checksums=True),
    ),
    "ObjectStore.received_parts": ("s3.ListParts", lambda w: w.objects.received_parts(an_object_key(), "u")),
    "ObjectStore.finish_multipart": (
        "s3.CompleteMultipartUpload",
        lambda w: w.objects.finish_multipart(an_object_key(), "u", []),
    ),
    "ObjectStore.abort_multipart": (
        "s3.AbortMultipartUpload",
        lambda w: w.objects.abort_multipart(an_object_key(), "u"),
    ),
    "ObjectStore.head": ("s3.HeadObject", lambda w: w.objects.head(an_object_key())),
    "ObjectStore.read_start": ("s3.GetObject", lambda w: w.objects.read_start(an_object_key(), "v", 9)),
    "ObjectStore.delete_versions": ("s3.ListObjectVersions", lambda w: w.objects.delete_versions(an_object_key())),
    "KeyService.generate": ("kms.GenerateDataKey", lambda w: w.keys.generate({"file": "f"})),
    "EventStore.head": ("dynamodb.GetItem", lambda w: w.events.head(ALICES)),
    "EventStore.append": ("dynamodb.TransactWriteItems", append_an_event),
    "EventStore.page": ("dynamodb.Query", lambda w: w.events.page(ALICES, None, 5, None)),
    "NoteStore.add": ("dynamodb.PutItem", lambda w: w.notes.add(a_note(), NOW)),
    "MacService.derive": ("kms.GenerateMac", lambda w: w.macs.derive(b"label")),
    "KeyService.unwrap": ("kms.Decrypt", lambda w: w.keys.unwrap(WRAPPED, {"file": "f"})),
    "UserStore.find_by_email": ("dynamodb.GetItem", lambda w: w.users.find_by_email("alice@example.com")),
    "DownloadStore.add_many": ("dynamodb.TransactWriteItems", lambda w: w.downloads.add_many([a_download()])),
    "DownloadStore.find_many": ("dynamodb.BatchGetItem", lambda w: w.downloads.find_many([a_download().id])),
    "MailStore.add": ("dynamodb.TransactWriteItems", lambda w: add_mails(w, a_mail())),
    "MailStore.find": ("dynamodb.GetItem", lambda w: w.mails.find(a_mail().id)),
    "MailStore.find_many": ("dynamodb.BatchGetItem", lambda w: w.mails.find_many([a_mail().id])),
    "MailStore.find_body": ("dynamodb.GetItem", lambda w: w.mails.find_body(a_mail().body_id)),
    "MailStore.list_of": ("dynamodb.Query", lambda w: w.mails.list_of(ALICES, NEWEST_FIRST, 5, None)),
    "MailStore.search": ("dynamodb.Query", lambda w: w.mails.search(ALICES, "x", NEWEST_FIRST, 5, None)),
    "MailStore.save": ("dynamodb.PutItem", lambda w: w.mails.save(a_mail())),
    "MailStore.withdraw": ("dynamodb.TransactWriteItems", lambda w: w.mails.withdraw(a_mail(), NOW)),
    "MailStore.due": ("dynamodb.Query", lambda w: w.mails.due(NOW, 5)),
    "InboxStore.find": ("dynamodb.GetItem", lambda w: w.inbox.find(a_mail().id)),
    "InboxStore.list_of": ("dynamodb.Query", lambda w: w.inbox.list_of(ALICE_ID, BY_RECEIPT, 5, None)),
    "InboxStore.search": ("dynamodb.Query", lambda w: w.inbox.search(ALICE_ID, "x", BY_RECEIPT, 5, None)),
    "InboxStore.remove": ("dynamodb.UpdateItem", lambda w: w.inbox.remove(a_mail().id, ALICE_ID)),
    "BodySealer.seal": ("kms.GenerateDataKey", lambda w: w.bodies.seal("x", {"body": "b"})),
    "BodySealer.open": ("kms.Decrypt", lambda w: w.bodies.open(w.bodies.seal("x", {"body": "b"}), {"body": "b"})),
    "MailQueue.deliver": ("sqs.SendMessageBatch", lambda w: w.mail_queue.deliver([a_mail().id])),
    "MailQueue.remind": ("sqs.SendMessageBatch", lambda w: w.mail_queue.remind([a_mail().id])),
    "WebhookStore.add": ("dynamodb.TransactWriteItems", lambda w: w.webhooks.add(a_webhook())),
    "WebhookStore.find": ("dynamodb.GetItem", lambda w: w.webhooks.find(a_webhook().id)),
    "WebhookStore.list_of": ("dynamodb.GetItem", lambda w: w.webhooks.list_of(ALICES)),
    "WebhookStore.remove": ("dynamodb.TransactWriteItems", lambda w: w.webhooks.remove(a_webhook(), NOW)),
    "DeliveryStore.add": ("dynamodb.PutItem", lambda w: w.deliveries.add(a_delivery())),
    "DeliveryStore.find": ("dynamodb.GetItem", lambda w: w.deliveries.find(a_delivery().id)),
    "DeliveryStore.list_of": ("dynamodb.Query", lambda w: w.deliveries.list_of(a_webhook().id, 5, None)),
    "DeliveryStore.save": ("dynamodb.PutItem", lambda w: w.deliveries.save(a_delivery())),
    "WebhookQueue.order": ("sqs.SendMessage", lambda w: w.webhook_queue.order(a_delivery().id, 0)),
    "Mailer.send": ("sesv2.SendEmail", lambda w: w.mailer.send(a_notification())),
}
LOCAL = {"Limiter.refused_from_memory", "ObjectStore.sign_put", "ObjectStore.sign_part", "ObjectStore.sign_get"}

TROUBLES = {
    "dynamodb": [
        ("ProvisionedThroughputExceededException", 400),
        ("ThrottlingException", 400),
        ("RequestLimitExceeded", 400),
        ("TransactionConflictException", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
    "kms": [
        ("ThrottlingException", 400),
        ("LimitExceededException", 400),
        ("DisabledException", 400),
        ("KMSInvalidStateException", 400),
        ("KMSInternalException", 500),
        ("KeyUnavailableException", 500),
        ("DependencyTimeoutException", 503),
    ],
    "s3": [
        ("SlowDown", 503),
        ("OperationAborted", 409),
        ("InternalError", 500),
        ("RequestTimeout", 400),
        ("KMS.DisabledException", 400),
        ("KMS.ThrottlingException", 400),
        ("", 503),
    ],
    "sqs": [("RequestThrottled", 400), ("ThrottlingException", 400), ("InternalError", 500), ("", 503)],
    "sesv2": [("InternalServiceErrorException", 500), ("", 503)],  # what it surely did not send: test_mailer.py
}
PROTOCOLS = [
    "CategoryStore",
    "ClaimStore",
    "DownloadStore",
    "EventStore",
    "FileStore",
    "KeyService",
    "Limiter",
    "MacService",
    "NoteStore",
    "ObjectStore",
    "PinHasher",
    "PinTries",
    "QuotaStore",
    "TemporaryKeyStore",
    "TokenStore",
    "UserStore",
    "MailStore",
    "InboxStore",
    "BodySealer",
    "MailQueue",
    "Mailer",
    "WebhookStore",
    "DeliveryStore",
    "WebhookQueue",
]


def test_the_table_names_every_method_of_every_port() -> None:
    methods = {
        f"{name}.{method}"
        for name in PROTOCOLS
        for method in vars(getattr(port_module, name))
        if not method.startswith("_")
    }
    assert methods == CALLS.keys() | LOCAL


@pytest.mark.parametrize("method", CALLS)
def test_trouble_is_busy(world: World, hooks: Hooks, method: str) -> None:
    call, act = CALLS[method]
    service = call.partition(".")[0]
    for code, status in TROUBLES[service]:
        if call == "s3.HeadObject" and status < 500:
            continue  # its errors have no body, so S3 cannot name them
        hooks.refuse(call, code, status)
        with pytest.raises(Busy) as busy:
            act(world)
        assert busy.value.retry_after_seconds == RETRY_AFTER_SECONDS
        hooks.remove_all()


@pytest.mark.parametrize("method", CALLS)
def test_a_broken_line_is_busy(world: World, hooks: Hooks, method: str) -> None:
    call, act = CALLS[method]
    for error in BROKEN_LINES.values():
        hooks.break_line(call, error)
        with pytest.raises(Busy):
            act(world)
        hooks.remove_all()


@pytest.mark.parametrize("method", CALLS)
def test_what_only_a_person_can_mend_is_not_busy(world: World, hooks: Hooks, method: str) -> None:
    """Else a wrong policy would look like a passing trouble for ever."""
    call, act = CALLS[method]
    hooks.refuse(call, "AccessDenied" if call.startswith("s3") else "AccessDeniedException", 403)
    with pytest.raises(ClientError):
        act(world)


def test_a_short_trouble_is_not_even_noticed(aws: EmulatedAws) -> None:
    """Two attempts fail, the third gets through. With clients of its own: botocore counts failures."""
    fresh = World()
    hooks = Hooks({service: fresh._client(service) for service in ("dynamodb", "kms", "s3")})
    hooks.refuse("dynamodb.GetItem", "ThrottlingException", times=2)
    hooks.break_line("kms.GenerateDataKey", BROKEN_LINES["closed"], times=2)
    hooks.refuse("s3.HeadObject", "", 503, times=2)
    assert fresh.files.find(a_file().id) is None
    assert len(fresh.keys.generate({"file": "f"}).plaintext) == 32
    assert fresh.objects.head(an_object_key()) is None
    for client in fresh._clients.values():
        client.close()


# -- DynamoDB: transactions --------------------------------------------------------------------------------------------


def cancelled(*codes: str) -> bytes:
    reasons = [{"Code": code, "Message": "as told"} for code in codes]
    name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return json.dumps({"__type": name, "Message": "cancelled", "CancellationReasons": reasons}).encode()


ADDRESS_TAKEN = ["ConditionalCheckFailed", "None", "None", "None"]
OTHER_TAKEN = ["None", "ConditionalCheckFailed", "None", "None"]
COLLIDED = ["None", "TransactionConflict", "None", "None"]
THROTTLED = ["None", "None", "ThrottlingError", "None"]
STARVED = ["ProvisionedThroughputExceeded", "None", "None", "None"]
MALFORMED = ["ValidationError", "None", "None", "None"]
BOTH = ["ConditionalCheckFailed", "TransactionConflict", "None", "None"]


@pytest.mark.parametrize(
    ("reasons", "outcome"),
    [
        (ADDRESS_TAKEN, Conflict),
        (BOTH, Conflict),
        (COLLIDED, Busy),
        (THROTTLED, Busy),
        (STARVED, Busy),
        (OTHER_TAKEN, Cancelled),
        (MALFORMED, ClientError),
    ],
)
def test_only_a_taken_address_is_a_conflict(
    world: World, hooks: Hooks, reasons: list[str], outcome: type[Exception]
) -> None:
    hooks.answer("dynamodb.TransactWriteItems", cancelled(*reasons), 400)
    with pytest.raises(outcome):
        add_user(world)


@pytest.mark.parametrize(
    ("reasons", "outcome"),
    [
        (["ConditionalCheckFailed", "None"], Gone),
        (["ConditionalCheckFailed", "TransactionConflict"], Gone),
        (["TransactionConflict", "None"], Busy),
        (["None", "ThrottlingError"], Busy),
        (["ValidationError", "None"], ClientError),
    ],
)
def test_only_an_unusable_download_is_gone(
    world: World, hooks: Hooks, reasons: list[str], outcome: type[Exception]
) -> None:
    hooks.answer("dynamodb.TransactWriteItems", cancelled(*reasons), 400)
    with pytest.raises(outcome):
        world.downloads.make_key_current(a_download(), key(), NOW)


def test_the_address_is_the_first_write(world: World, hooks: Hooks) -> None:
    """By its position it is recognised; the table itself says so here."""
    add_user(world)
    account = Account(id=an_account().id, name="Another", created_at=NOW)
    twin: User = a_user(account)
    with pytest.raises(Conflict):
        world.users.add(twin, account, first_token(twin))


# -- DynamoDB: keys left out of a batch --------------------------------------------------------------------------------


def left_out(aws: EmulatedAws, *files: Any) -> bytes:
    keys = [{"pk": {"S": f"FILE#{file.id}"}, "sk": {"S": "FILE"}} for file in files]
    unprocessed = {aws.metadata_table: {"Keys": keys, "ConsistentRead": True}}
    return json.dumps({"Responses": {}, "UnprocessedKeys": unprocessed}).encode()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("chalicelib.adapters.aws_call.time.sleep", pauses.append)
    return pauses


def test_keys_left_out_are_asked_for_again(world: World, hooks: Hooks, aws: EmulatedAws, pauses: list[float]) -> None:
    files = [world.files.add(a_ready_file()) for _ in range(3)]
    hooks.answer("dynamodb.BatchGetItem", left_out(aws, *files), times=2)
    assert world.files.find_many([file.id for file in files]) == files
    assert len(pauses) == 2
    assert pauses == sorted(pauses)


def test_keys_left_out_again_and_again_are_busy(
    world: World, hooks: Hooks, aws: EmulatedAws, pauses: list[float]
) -> None:
    hooks.answer("dynamodb.BatchGetItem", left_out(aws, a_file()))
    with pytest.raises(Busy):
        world.files.find_many([a_file().id])
    assert sum(pauses) < 2


# -- KMS ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["InvalidCiphertextException", "IncorrectKeyException"])
def test_a_key_that_kms_does_not_open_has_the_wrong_context(world: World, hooks: Hooks, code: str) -> None:
    hooks.refuse("kms.Decrypt", code)
    with pytest.raises(WrongContext):
        world.keys.unwrap(WRAPPED, {"file": "f"})


# -- S3 ----------------------------------------------------------------------------------------------------------------


def finish(world: World) -> None:
    world.objects.finish_multipart(an_object_key(), "u", [])


def test_a_complete_that_fails_after_its_200_is_busy(world: World, hooks: Hooks) -> None:
    """S3 sends the status before it knows."""
    hooks.answer("s3.CompleteMultipartUpload", b"<Error><Code>InternalError</Code></Error>", 200)
    with pytest.raises(Busy):
        finish(world)


@pytest.mark.parametrize(
    ("code", "status"), [("NoSuchUpload", 404), ("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)]
)
def test_a_complete_that_came_too_late_is_harmless(world: World, hooks: Hooks, code: str, status: int) -> None:
    hooks.refuse("s3.CompleteMultipartUpload", code, status)
    finish(world)


def test_a_part_replaced_meanwhile_is_a_conflict(world: World, hooks: Hooks) -> None:
    hooks.refuse("s3.CompleteMultipartUpload", "InvalidPart")
    with pytest.raises(Conflict):
        finish(world)


def test_a_body_that_is_cut_off_is_busy(world: World, hooks: Hooks) -> None:
    hooks.answer("s3.GetObject", b"only this", headers={"Content-Length": "457"})
    with pytest.raises(Busy):
        world.objects.read_start(an_object_key(), "v", 457)


def test_thousands_of_parts_come_in_pages(world: World, clients: dict[str, Any]) -> None:
    def page(first: int, last: int, **more: Any) -> dict[str, Any]:
        numbers = range(first, last + 1)
        parts = [{"PartNumber": n, "Size": n, "ETag": f'"{n}"', "LastModified": NOW} for n in numbers]
        return {"Parts": parts, "IsTruncated": bool(more), **more}

    asked = {"Bucket": world.settings.files_bucket, "Key": "files/x", "UploadId": "u"}
    with Stubber(clients["s3"]) as s3:
        s3.add_response("list_parts", page(1, 1000, NextPartNumberMarker=1000), asked)
        s3.add_response("list_parts", page(1001, 2000, NextPartNumberMarker=2000), asked | {"PartNumberMarker": 1000})
        s3.add_response("list_parts", page(2001, 2017), asked | {"PartNumberMarker": 2000})
        parts = world.objects.received_parts("files/x", "u")
    assert parts is not None
    assert [part.number for part in parts] == list(range(1, 2018))


def test_thousands_of_versions_are_deleted_in_pages(world: World, clients: dict[str, Any]) -> None:
    def page(count: int, *, more: bool) -> dict[str, Any]:
        listed = [{"Key": "files/x", "VersionId": f"v{n}"} for n in range(count)]
        return {"Versions": listed[::2], "DeleteMarkers": listed[1::2], "IsTruncated": more}

    bucket = {"Bucket": world.settings.files_bucket}
    with Stubber(clients["s3"]) as s3:
        for count, more in ((1000, True), (1000, True), (3, False)):
            listed = page(count, more=more)
            doomed = [*listed["Versions"], *listed["DeleteMarkers"]]
            s3.add_response("list_object_versions", listed, bucket | {"Prefix": "files/x"})
            s3.add_response("delete_objects", {}, bucket | {"Delete": {"Objects": doomed, "Quiet": True}})
        world.objects.delete_versions("files/x")
        s3.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "outcome"), [("SlowDown", Busy), ("InternalError", Busy), ("AccessDenied", RuntimeError)]
)
def test_a_version_that_s3_kept_does_not_count_as_deleted(
    world: World, clients: dict[str, Any], code: str, outcome: type[Exception]
) -> None:
    with Stubber(clients["s3"]) as s3:
        s3.add_response("list_object_versions", {"Versions": [{"Key": "files/x", "VersionId": "v"}]})
        s3.add_response("delete_objects", {"Errors": [{"Key": "files/x", "VersionId": "v", "Code": code}]})
        with pytest.raises(outcome):
            world.objects.delete_versions("files/x")
