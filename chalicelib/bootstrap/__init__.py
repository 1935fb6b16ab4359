"""The only place that reads the settings, builds AWS clients and joins them to the adapters, each on first use.

boto3 and the adapters are imported inside the functions: importing `app` must load neither (tests say so).
"""

from chalicelib.bootstrap.aws import Aws
from chalicelib.once import Once, OncePerAct
from chalicelib.ports import (
    BodySealer,
    CategoryStore,
    ChangeReader,
    ClaimStore,
    Consumer,
    DeliveryStore,
    DownloadStore,
    EventReader,
    EventStore,
    FileStore,
    HeaderAuthenticator,
    HeadSigner,
    InboxStore,
    KeyService,
    Limiter,
    MacService,
    Mailer,
    MailQueue,
    MailStore,
    NoteStore,
    ObjectStore,
    PinHasher,
    PinTries,
    QuotaStore,
    TemporaryKeyStore,
    TokenStore,
    UserStore,
    WebhookQueue,
    WebhookSender,
    WebhookSigner,
    WebhookStore,
)


class World(Aws):
    """The ports, wired to AWS. Tests hand in one of their own with `use`."""

    @Once
    def limiter(self) -> Limiter:
        from chalicelib.adapters.dynamo_limiter import DynamoLimiter
        from chalicelib.domain.rate_limit import BucketRule

        return DynamoLimiter(
            self._client("dynamodb"), self.settings.ratelimit_table, BucketRule(self.settings.rate_limit)
        )

    @OncePerAct
    def tokens(self) -> TokenStore:
        from chalicelib.adapters.dynamo_tokens import DynamoTokens

        return DynamoTokens(self._table)

    @OncePerAct
    def users(self) -> UserStore:
        from chalicelib.adapters.dynamo_people import DynamoUsers

        return DynamoUsers(self._table, self._creations.quotas)

    @OncePerAct
    def files(self) -> FileStore:
        from chalicelib.adapters.dynamo_files import DynamoFiles

        return DynamoFiles(self._table, self._postings, self._creations)

    @OncePerAct
    def categories(self) -> CategoryStore:
        from chalicelib.adapters.dynamo_categories import DynamoCategories

        return DynamoCategories(self._table)

    @OncePerAct
    def downloads(self) -> DownloadStore:
        from chalicelib.adapters.dynamo_downloads import DynamoDownloads

        return DynamoDownloads(self._table, self._creations)

    @OncePerAct
    def claims(self) -> ClaimStore:
        from chalicelib.adapters.dynamo_claims import DynamoClaims

        return DynamoClaims(self._table)

    @OncePerAct
    def quotas(self) -> QuotaStore:
        return self._creations.quotas

    @Once
    def objects(self) -> ObjectStore:
        from chalicelib.adapters.s3_objects import S3Objects

        return S3Objects(self._client("s3"), self.settings.files_bucket)

    @Once
    def keys(self) -> KeyService:
        from chalicelib.adapters.kms_keys import KmsKeys

        return KmsKeys(self._client("kms"), self.settings.data_key_arn)

    @Once
    def macs(self) -> MacService:
        from chalicelib.adapters.kms_macs import KmsMacs

        return KmsMacs(self._client("kms"), self.settings.pepper_key_arn)

    @Once
    def cursor_key(self) -> bytes:
        from chalicelib.domain.cursor import KEY_LABEL

        return self.macs.derive(KEY_LABEL)

    @OncePerAct
    def mails(self) -> MailStore:
        from chalicelib.adapters.dynamo_mails import DynamoMails

        return DynamoMails(self._table, self._postings, self._creations)

    @OncePerAct
    def inbox(self) -> InboxStore:
        from chalicelib.adapters.dynamo_inbox import DynamoInbox

        return DynamoInbox(self._table, self._postings)

    @Once
    def bodies(self) -> BodySealer:
        from chalicelib.adapters.sealed_bodies import SealedBodies

        return SealedBodies(self._client("kms"), self.settings.data_key_arn)

    @Once
    def mail_queue(self) -> MailQueue:
        from chalicelib.adapters.sqs_mail_queue import SqsMailQueue

        return SqsMailQueue(self._client("sqs"), self.settings.mail_queue_url)

    @Once
    def mailer(self) -> Mailer:
        from chalicelib.adapters.ses_mailer import SesMailer

        return SesMailer(self._client("sesv2"), self.settings.mail_from, self.settings.mail_configuration_set)

    @Once
    def pin_hasher(self) -> PinHasher:
        from chalicelib.adapters.kms_pins import KmsPinHasher

        return KmsPinHasher(self._client("kms"), self.settings.pepper_key_arn)

    @OncePerAct
    def pin_tries(self) -> PinTries:
        from chalicelib.adapters.dynamo_pins import DynamoPinTries

        return DynamoPinTries(self._table)

    @OncePerAct
    def temporary_keys(self) -> TemporaryKeyStore:
        from chalicelib.adapters.dynamo_temporary_keys import DynamoTemporaryKeys

        return DynamoTemporaryKeys(self._table)

    @Once
    def authenticate_header(self) -> HeaderAuthenticator:
        from chalicelib.adapters.header_check import header_is_authentic

        return header_is_authentic

    @OncePerAct
    def notes(self) -> NoteStore:
        from chalicelib.adapters.dynamo_notes import DynamoNotes

        return DynamoNotes(self._table)

    @Once
    def events(self) -> EventStore:
        from chalicelib.adapters.dynamo_events import DynamoEvents

        return DynamoEvents(self._client("dynamodb"), self.settings.events_table)

    @Once
    def read_events(self) -> EventReader:
        from chalicelib.adapters.event_rules import read_events

        return read_events

    @Once
    def sign_head(self) -> HeadSigner:
        from chalicelib.adapters.kms_macs import KmsMacs

        return KmsMacs(self._client("kms"), self.settings.events_key_arn).derive

    @Once
    def read_change(self) -> ChangeReader:
        from chalicelib.adapters.dynamo_changes import read_change

        return read_change

    @OncePerAct
    def webhooks(self) -> WebhookStore:
        from chalicelib.adapters.dynamo_webhooks import DynamoWebhooks

        return DynamoWebhooks(self._table)

    @OncePerAct
    def deliveries(self) -> DeliveryStore:
        from chalicelib.adapters.dynamo_deliveries import DynamoDeliveries

        return DynamoDeliveries(self._table)

    @Once
    def webhook_queue(self) -> WebhookQueue:
        from chalicelib.adapters.sqs_webhook_queue import SqsWebhookQueue

        return SqsWebhookQueue(self._client("sqs"), self.settings.webhook_queue_url)

    @Once
    def sign_webhook(self) -> WebhookSigner:
        from chalicelib.adapters.standard_webhooks import signed_headers

        return signed_headers

    @Once
    def send_webhook(self) -> WebhookSender:
        from chalicelib.adapters.webhook_http import WebhookHttp

        return WebhookHttp(to_loopback=self.settings.webhooks_to_loopback)

    @Once
    def follow_search(self) -> Consumer:
        return self._postings.follow


_world = World()


def world() -> World:
    return _world


def use(other: World) -> World:
    """Put another world in place and answer the one that was there."""
    global _world
    previous, _world = _world, other
    return previous
