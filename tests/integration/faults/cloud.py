"""AWS inside this process, without a socket: moto below the weather, and what a test may look at behind the service.

As fast as it gets, for hundreds of schedules: users and tables are made once, and put back as they were.
"""

import copy
import pickle
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.ses.models import ses_backends
from moto.sqs.models import sqs_backends

from chalicelib.adapters.dynamo_table import Item, whole_item
from chalicelib.bootstrap import World
from chalicelib.domain.file import EncryptionMode, File
from chalicelib.domain.pin import ScryptCost, clean_pin
from chalicelib.domain.quota import Quota
from chalicelib.domain.rate_limit import BucketRule
from chalicelib.services.complete_upload import complete_upload
from chalicelib.services.create_file import create_file
from chalicelib.services.create_user import NewUser, create_user
from chalicelib.settings import Settings
from infra import template
from infra.local import moto_dynamodb, moto_pace
from infra.local.resources import MAKERS, Clients
from infra.local.s3 import moto_model
from infra.local.stream_records import Record, as_lambda_has_it, changes_something
from tests.integration.faults.shortcuts import dated, typed
from tests.integration.faults.weather import Sky
from tests.support import held
from tests.support.builders import NOW, PIN, Caller, a_new_file, a_user
from tests.support.fake_limiter import FakeLimiter, InlinePool
from tests.support.fakes import FakeTokens, follow_nothing
from tests.support.sealed import seal_for

REGION = "eu-west-1"
MAIL_FROM = "sealdrop@example.com"
CONFIGURATION_SET = "mails"
KINDS = ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SQS::Queue")
CHEAP = ScryptCost(2, 1, 1)
QUOTA = Quota(stored_bytes=10**9, files=100, mails_a_day=100)


class Cloud:
    def __init__(self, made: template.Names, attributes: Mapping[tuple[str, str], str]) -> None:
        refs = made.refs
        self.bucket = refs["FilesBucket"]
        self.settings = Settings(
            region=REGION,
            metadata_table=refs["MetadataTable"],
            ratelimit_table=refs["RateLimitTable"],
            search_table=refs["SearchTable"],
            files_bucket=self.bucket,
            data_key_arn=attributes["DataKey", "Arn"],
            pepper_key_arn=attributes["PepperKey", "Arn"],
            events_table=refs["EventsTable"],
            events_key_arn=attributes["EventsKey", "Arn"],
            events_days=400,
            mail_queue_url=refs["MailQueue"],
            webhook_queue_url=refs["WebhookQueue"],
            mail_from=MAIL_FROM,
            mail_configuration_set=CONFIGURATION_SET,
            rate_limit=10**9,
            pages_url="https://sealdrop.test/",
            quota=QUOTA,
        )
        self.sky = Sky()
        self.clients = {attempts: self._clients(attempts) for attempts in (1, 3)}
        self.bare = {name: boto3.client(name, region_name=REGION) for name in ("dynamodb", "s3", "kms", "sesv2")}
        self.bare["sesv2"].create_configuration_set(ConfigurationSetName=CONFIGURATION_SET)
        self.bare["sesv2"].create_email_identity(EmailIdentity="example.com")
        self.bare["sesv2"].create_email_identity(EmailIdentity=MAIL_FROM)
        self._tokens = FakeTokens()
        people = self.world()
        self.alice, self.bob = (self._enrol(people, name) for name in ("alice", "bob"))
        self.bytes_of: dict[str, bytes] = {}
        self.key_of: dict[str, bytes] = {}
        self.ready = [self._upload(people, sealing=sealing) for sealing in (False, True)]
        self._start = pickle.dumps(dict(self._table(self.settings.metadata_table).items))
        kept = self._s3().buckets[self.bucket].keys
        self._start_objects = {key: [copy.copy(version) for version in versions] for key, versions in kept.lists()}

    def _clients(self, attempts: int) -> dict[str, Any]:
        made = {}
        for service in ("dynamodb", "kms", "s3", "sqs", "sesv2"):
            config = Config(
                parameter_validation=False,
                retries={"mode": "standard", "total_max_attempts": 1 if service == "sesv2" else attempts},
                signature_version={"dynamodb": UNSIGNED, "kms": UNSIGNED, "s3": "s3v4"}.get(service),
                s3={"addressing_style": "virtual"},
            )
            made[service] = self.sky.over(boto3.client(service, region_name=REGION, config=config))
        return made

    def world(self, attempts: int = 1, quota: Quota = QUOTA) -> World:
        """A container that remembers nothing. The limiter and the tokens are no part of this, and cost no calls."""
        world = World()
        world.settings = replace(self.settings, quota=quota)
        world._clients = self.clients[attempts]
        world.pool = InlinePool()
        world.limiter = FakeLimiter(BucketRule(self.settings.rate_limit))
        world.tokens = self._tokens
        world.follow_search = follow_nothing
        return world

    def _enrol(self, world: World, name: str) -> Caller:
        email = f"{name}@example.com"
        pin = clean_pin(PIN) if name == "bob" else None
        new = NewUser(email=email, name=name, timezone="UTC", account_id=None, account_name=None, pin=pin)
        _, issued = create_user(new, NOW, users=world.users, pin_hasher=world.pin_hasher)
        self._tokens.add(issued.token)
        return Caller(issued.token, issued.text, email)

    def _upload(self, world: World, *, sealing: bool) -> File:
        """A ready file of Alice's."""
        ports = {"files": world.files, "objects": world.objects, "keys": world.keys}
        mode = EncryptionMode.CLIENT if sealing else EncryptionMode.SERVER
        owner, data = a_user(account_id=self.alice.account_id), b"hello"
        ticket = create_file(a_new_file(encryption_mode=mode), owner, NOW, categories=world.categories, **ports)
        file = ticket.file
        if ticket.data_key:
            self.key_of[file.id] = ticket.data_key
            data = seal_for(file, ticket.data_key, data)
        self.bytes_of[file.id] = data
        self.bare["s3"].put_object(Bucket=self.bucket, Key=file.object_key, Body=data)
        checks = {**ports, "authenticate_header": world.authenticate_header}
        return complete_upload(file.account_id, file.id, NOW, **checks)

    def put_back(self) -> None:
        """Everything as it was when only the users and their files were there."""
        self._table(self.settings.metadata_table).items = defaultdict(dict, pickle.loads(self._start))  # noqa: S301 - ours
        self._table(self.settings.metadata_table).stream_shard.items.clear()
        for name in (self.settings.events_table, self.settings.search_table):
            self._table(name).items.clear()
        bucket = self._s3().buckets[self.bucket]
        bucket.keys.clear()
        for key, versions in self._start_objects.items():
            bucket.keys.setlist(key, [copy.copy(version) for version in versions])  # a deletion empties them
        bucket.multiparts.clear()
        ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages.clear()
        self.taken_orders()
        self.taken_tries()

    def _table(self, name: str) -> Any:
        return held.table(name)

    def _items(self, name: str) -> list[Any]:
        """moto's own way out sorts them, and has a wire format: most of what a schedule took."""
        partitions = self._table(name).items.values()
        return [item for each in partitions for item in (each.values() if isinstance(each, dict) else [each])]

    def _s3(self) -> Any:
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    # -- what is looked at behind the service ------------------------------------------------------------------------

    def records(self, prefix: str) -> list[Item]:
        """Of the metadata table, by the kind of their keys."""
        items = self._items(self.settings.metadata_table)
        return [whole_item(typed(item.attrs)) for item in items if item.hash_key.value.startswith(f"{prefix}#")]

    def events(self) -> list[Any]:
        """The audit log's items, as DynamoDB has them."""
        return [typed(item.attrs) for item in self._items(self.settings.events_table)]

    def due(self, prefix: str, now: datetime) -> list[str]:
        """What the index of that name holds, oldest first: sixteen queries a sweep would be most of a schedule."""
        found = []
        for item in self._items(self.settings.metadata_table):
            at, shard = item.attrs.get("due_at"), item.attrs.get("due_shard")
            if at and shard.value.startswith(f"{prefix}#") and int(at.value) <= now.timestamp():
                found.append((int(at.value), item.hash_key.value.partition("#")[2]))
        return [record_id for _, record_id in sorted(found)]

    def objects(self) -> dict[str, list[bytes | None]]:
        """Every version under every key; None for a delete marker."""
        keys = self._s3().buckets[self.bucket].keys
        return {key: [getattr(each, "value", None) for each in keys.getlist(key)] for key in keys}

    def has(self, key: str, version: str, data: bytes) -> bool:
        versions = self._s3().buckets[self.bucket].keys.getlist(key, default=[])
        return any(each.version_id == version and each.value == data for each in versions)

    def put_parts(self, key: str, sizes: Sequence[int]) -> None:
        """Of what the service has begun under this key."""
        begun = [upload for upload in self._s3().buckets[self.bucket].multiparts.values() if upload.key_name == key]
        for number, size in enumerate(sizes, 1):
            for upload in begun:
                where = {"Bucket": self.bucket, "Key": key, "UploadId": upload.id}
                self.bare["s3"].upload_part(**where, PartNumber=number, Body=bytes(size))

    def unfinished_uploads(self) -> int:
        return len(self._s3().buckets[self.bucket].multiparts)

    def letters(self) -> list[Any]:
        return list(ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages)

    def taken_orders(self) -> list[str]:
        """The mail queue's messages, which are taken out of it."""
        return [message.body for message in self._taken(self.settings.mail_queue_url)]

    def taken_tries(self) -> list[tuple[str, int]]:
        """The webhook queue's messages, and for how many seconds each is held back."""
        taken = self._taken(self.settings.webhook_queue_url)
        return [(it.body, max(0, round((it.delayed_until - it.sent_timestamp) / 1000))) for it in taken]

    def _taken(self, url: str) -> list[Any]:
        queue: Any = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues[url.rpartition("/")[2]]
        messages = list(queue._messages)
        queue._messages.clear()
        return messages

    def taken_changes(self) -> list[Record]:
        """The stream's records, as Lambda has them."""
        shard = self._table(self.settings.metadata_table).stream_shard
        records = [record.to_json() for record in shard.items]
        shard.items.clear()
        arn = f"arn:aws:dynamodb:{REGION}:{DEFAULT_ACCOUNT_ID}:table/metadata/stream/label"
        return [as_lambda_has_it(dated(record), arn) for record in records if changes_something(record)]


@contextmanager
def cloud() -> Iterator[Cloud]:
    moto_model.install()
    moto_dynamodb.install()
    moto_pace.install()
    with mock_aws():
        clients = Clients(None, REGION)  # type: ignore[arg-type] # AWS's own address, which moto answers for
        source = template.load(template.TEMPLATE)
        pseudo = {"AWS::AccountId": DEFAULT_ACCOUNT_ID, "AWS::Region": REGION, "AWS::Partition": "aws"}
        names = template.Names({**pseudo, **template.parameters(source, {"MailFrom": MAIL_FROM})})
        for logical in template.in_order(source["Resources"]):
            resource = source["Resources"][logical]
            if resource["Type"] in KINDS:
                made = MAKERS[resource["Type"]](clients, names.resolve(resource["Properties"]))
                names.refs[logical] = made.ref
                names.attributes.update({(logical, key): value for key, value in made.attributes.items()})
        yield Cloud(names, names.attributes)
        clients.close()
