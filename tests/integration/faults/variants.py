"""The service as one should not write it: right while nothing happens. The schedules have to find each of them out."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from chalicelib.adapters.dynamo_claims import DynamoClaims, keep
from chalicelib.adapters.dynamo_creations import _NOTHING, Creations
from chalicelib.adapters.dynamo_deliveries import DynamoDeliveries
from chalicelib.adapters.dynamo_downloads import DynamoDownloads, download_key
from chalicelib.adapters.dynamo_mails import DynamoMails
from chalicelib.adapters.dynamo_table import Item, timestamp
from chalicelib.adapters.dynamo_transaction import transact
from chalicelib.domain import webhook as hooks
from chalicelib.domain.claim import Claim
from chalicelib.domain.download import DownloadKey
from chalicelib.domain.errors import Gone
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, DeliveryId
from chalicelib.domain.mail import Mail
from chalicelib.domain.quota import Usage
from chalicelib.domain.secret import SecretHash
from chalicelib.ports import Claimed, FileStore, ObjectStore
from chalicelib.services.deliver_mail import Delivery
from chalicelib.services.deliver_webhook import Try, deliver_webhook
from tests.integration.careless import CarelessDownloads, CarelessEnds, CarelessPinTries
from tests.integration.faults.flows import mail, once, perform, pin, purge, revoke, tell, upload
from tests.integration.faults.play import Play

ADAPTERS, SERVICES = "chalicelib.adapters", "chalicelib.services"


class SpendsByReadingFirst(CarelessDownloads):
    make_key_current, give_back = DynamoDownloads.make_key_current, DynamoDownloads.give_back


class GivesBackUnasked(DynamoDownloads):
    """Also a use that was never spent."""

    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        change = "SET uses_left = uses_left + :one REMOVE sessions.#session"
        names = {"#session": session_hash}
        self._table.try_update(download_key(key.download_id), change, "attribute_exists(pk)", names, one=1)


class NeverGivesBack(DynamoDownloads):
    def give_back(self, *_: Any) -> None:
        raise Gone


class ClaimsAfterwards(Creations):
    def add(
        self,
        account_id: AccountId,
        items: Sequence[Item],
        resource_ids: Sequence[str],
        now: datetime,
        *,
        claim: Claim | None = None,
        charge: Usage = _NOTHING,
    ) -> None:
        if claim and (kept := DynamoClaims(self._table).find(claim)):
            raise Claimed(kept)
        super().add(account_id, items, resource_ids, now, charge=charge)
        if claim:
            transact(self._table, [keep(self._table, claim, resource_ids)])


class WithdrawsInTwoSteps(DynamoMails):
    def withdraw(self, mail: Mail, now: datetime) -> Mail:
        saved = self.save(mail)
        change, there = "SET revoked_at = if_not_exists(revoked_at, :now)", "attribute_exists(pk)"
        self._table.update(download_key(mail.download_id), change, there, now=timestamp(now))
        return saved


def purge_the_record_first(file: File, now: datetime, *, files: FileStore, objects: ObjectStore) -> None:
    if not file.purging_at:
        file = files.save(file.purging(now))
    files.remove(file)
    objects.delete_versions(file.object_key)


def _class(path: str, variant: type) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(f"{ADAPTERS}.{path}", variant)


def _purges(patch: pytest.MonkeyPatch) -> None:
    for module in ("delete_file", "sweep"):
        patch.setattr(f"{SERVICES}.{module}.purge_file", purge_the_record_first)


def _sweeps_no_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.routes.triggers._sweep_files", dict)


def _sweeps_no_mails(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.routes.triggers.handle_mail_sweep", dict)


def _names_events_at_random(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(f"{ADAPTERS}.event_rules.uuid_from_digest", lambda _: str(uuid.uuid4()))


def _bodies_of_no_one(patch: pytest.MonkeyPatch) -> None:
    """What was rejected keeps its bytes."""
    patch.setattr(f"{ADAPTERS}.s3_objects.S3Objects.delete_versions", lambda *_: None)


def _hears_of_no_bounce(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("chalicelib.routes.mail_triggers.on_bounce", lambda *_, **__: Delivery.NOTHING_TO_DO)


def _orders_what_is_new(patch: pytest.MonkeyPatch) -> None:
    """As if an order was never lost."""
    known: set[str] = set()

    class Adds(DynamoDeliveries):
        def add(self, delivery: hooks.Delivery) -> hooks.Delivery:
            stored = super().add(delivery)
            is_new = stored.id not in known
            known.add(stored.id)
            return stored if is_new else replace(stored, attempts=1)

    patch.setattr(f"{ADAPTERS}.dynamo_deliveries.DynamoDeliveries", Adds)


def _notes_before_it_sends(patch: pytest.MonkeyPatch) -> None:
    def deliver(delivery_id: DeliveryId, attempt: int, now: datetime, **ports: Any) -> Try:
        """The try is counted as a success, and made then."""
        delivery = ports["deliveries"].find(delivery_id)
        if delivery is None or delivery.status is not hooks.DeliveryStatus.PENDING:
            return Try.NOTHING
        noted = ports["deliveries"].save(delivery.tried(hooks.Outcome(answered=204), now))
        webhook = ports["webhooks"].find(delivery.webhook_id)
        if webhook is None:
            return Try.FAILED
        secret = ports["keys"].unwrap(webhook.secret, webhook.context)
        ports["send"](webhook.url, ports["sign"](secret, noted.id, now, noted.body), noted.body)
        return Try.DELIVERED

    patch.setattr("chalicelib.routes.webhook_triggers.deliver_webhook", deliver)


def _drops_orders_of_tries_made(patch: pytest.MonkeyPatch) -> None:
    """As if the next try was ordered for sure once this one was noted."""

    def deliver(delivery_id: DeliveryId, attempt: int, now: datetime, **ports: Any) -> Try:
        delivery = ports["deliveries"].find(delivery_id)
        if delivery and attempt < delivery.number:
            return Try.NOTHING
        return deliver_webhook(delivery_id, attempt, now, **ports)

    patch.setattr("chalicelib.routes.webhook_triggers.deliver_webhook", deliver)


VARIANTS: dict[str, tuple[Callable[[Play], None], Callable[[pytest.MonkeyPatch], None]]] = {
    "a use is spent by reading and writing": (
        perform,
        _class("dynamo_downloads.DynamoDownloads", SpendsByReadingFirst),
    ),
    "a use is given back without its session": (perform, _class("dynamo_downloads.DynamoDownloads", GivesBackUnasked)),
    "a use is never given back": (perform, _class("dynamo_downloads.DynamoDownloads", NeverGivesBack)),
    "a record is purged before its bytes": (purge, _purges),
    "bytes are never deleted": (upload, _bodies_of_no_one),
    "a quota is given back apart from the end": (purge, _class("dynamo_files.DynamoFiles", CarelessEnds)),
    "a claim is kept after the creation": (once, _class("dynamo_creations.Creations", ClaimsAfterwards)),
    "tries at a PIN are read and written": (pin, _class("dynamo_pins.DynamoPinTries", CarelessPinTries)),
    "a mail and its download are withdrawn apart": (revoke, _class("dynamo_mails.DynamoMails", WithdrawsInTwoSteps)),
    "a mail that came back is taken for sent": (mail, _hears_of_no_bounce),
    "the sweep forgets files": (upload, _sweeps_no_files),
    "the sweep forgets mails": (mail, _sweeps_no_mails),
    "a delivery is ordered once": (tell, _orders_what_is_new),
    "a delivery is noted, and then sent": (tell, _notes_before_it_sends),
    "a next try is ordered once": (tell, _drops_orders_of_tries_made),
    "an event is named at random": (purge, _names_events_at_random),
}
