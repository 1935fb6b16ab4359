"""Erasing a person's data, record by record, so that it can be broken off anywhere: whoever runs it again goes on.

1. Closed: the address finds nobody any more, and every token ends.
2. One pass after the other over the table, each record by what it is to the person, until a pass finds none that began
   when nothing let in before the closing could be under way any more.
3. The user goes, with address and token tree: until then they lead to the rest.

Decision 0076 says what stays, and why.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.adapters import dynamo_files, dynamo_mails
from chalicelib.adapters.dynamo_authors import author_item, user_key
from chalicelib.adapters.dynamo_downloads import download_key
from chalicelib.adapters.dynamo_inbox import entry_item
from chalicelib.adapters.dynamo_people import ERASING, account_key, address_key
from chalicelib.adapters.dynamo_table import Item, moment, timestamp
from chalicelib.adapters.dynamo_token_tree import tree_key
from chalicelib.adapters.dynamo_transaction import Transaction
from chalicelib.domain.ids import MailId
from chalicelib.domain.mail import Mail, Recipient
from chalicelib.domain.people import ERASED, User
from chalicelib.ports import Change, StaleRecord
from chalicelib.services.delete_file import purge_file
from infra.deployed import OperatorsWorld
from infra.personal_data import Person, Role, has_colleagues, records_of, roles_of
from infra.receipt import Tally

GRACE = timedelta(seconds=60)  # more than what lets people in may run (infra/overrides.yaml)
PASSES = 10


class NotErased(Exception):
    """The text says why. What was done stays done."""


class Erasure:
    def __init__(
        self,
        person: Person,
        world: OperatorsWorld,
        tally: Tally,
        *,
        with_files: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`world` acts for the operator."""
        self._person, self._world, self._tally, self._with_files = person, world, tally, with_files
        self._clock, self._pause = clock, pause
        self._table = world.table
        self._closed_at = datetime.min.replace(tzinfo=UTC)
        self._by_kind: Mapping[str, Callable[[Item], None]] = {
            "TOKEN": self._token,
            "TEMPORARYKEY": self._temporary_key,
            "FILE": self._file,
            "DOWNLOAD": self._download,
            "MAIL": self._mail,
            "INBOX": self._inbox_entry,
            "NOTE": self._note,
        }

    def run(self) -> None:
        """Raises NotErased, Busy, ClientError: whatever it raises, it may be run again."""
        if user := self._person.user:
            self._close(user)
        self._pass_until_nothing_is_left()
        if user:
            self._finish(user)

    def _close(self, user: User) -> None:
        change = f"SET {ERASING} = if_not_exists({ERASING}, :now)"
        address = self._table.update(
            address_key(self._person.key), change, "user_id = :user", user=user.id, now=self._now
        )
        self._closed_at = moment(address[ERASING])
        if self._world.tokens.revoke_all(user.id, self._clock()):
            self._closed_at = self._clock()  # an earlier run was broken off before it came so far

    def _pass_until_nothing_is_left(self) -> None:
        for _ in range(PASSES):
            began, found = self._clock(), 0
            for item, roles in records_of(self._person, self._table):
                found += 1
                with suppress(StaleRecord):  # somebody else is at it: the next pass meets it again
                    self._erase(item, roles)
            if found:
                continue
            early = self._closed_at + GRACE - began
            if early <= timedelta():
                return
            self._pause(early.total_seconds())
        raise NotErased("its records kept changing")

    def _erase(self, item: Item, roles: frozenset[Role]) -> None:
        if roles == {Role.TOUCHED}:
            self._mark(item)
        else:
            self._by_kind[item["sk"]](item)
        for role in sorted(roles):
            self._tally.note(role, item["pk"])

    def _finish(self, user: User) -> None:
        account = self._person.account
        is_last = account and not has_colleagues(self._person, self._table)
        if account and is_last:  # nobody is left who could see them, or end them
            for webhook in self._world.webhooks.list_of(account.id):
                self._world.webhooks.remove(webhook, self._clock())
                self._tally.note("webhook", webhook.id)
        if account and is_last and account.name == user.name:
            change, names = "SET #name = :erased", {"#name": "name"}
            self._table.try_update(
                account_key(account.id), change, "#name = :old", names, old=user.name, erased=ERASED.name
            )
            self._tally.note("account's name", account.id)
        self._table.update(user_key(user.id), "SET erased_at = :now", "attribute_exists(pk)", now=self._now)
        address = address_key(self._person.key)
        transaction = Transaction(self._table).delete(user_key(user.id)).delete(tree_key(user.id))
        transaction.delete(address, "user_id = :user", user=user.id).write()
        self._tally.note("user", user.id)

    @property
    def _now(self) -> str:
        return timestamp(self._clock())

    # --- one record: each is written first, for a removal could not say who did it ------------------------------------

    def _token(self, item: Item) -> None:
        """One that is in no tree, as a table that was restored or mended by hand may have, was let in until now."""
        standing = "attribute_exists(pk) AND attribute_not_exists(revoked_at)"
        change = "SET revoked_at = :now REMOVE list_pk, list_sk"
        if self._table.try_update(_key(item), change, standing, now=self._now):
            self._closed_at = self._clock()
        self._remove(item)

    def _temporary_key(self, item: Item) -> None:
        change = "SET dropped_at = if_not_exists(dropped_at, :now)"
        self._table.try_update(_key(item), change, "attribute_exists(pk)", now=self._now)
        self._remove(item)

    def _note(self, item: Item) -> None:
        """The stream has it since it was made; a change would tell it once more."""
        self._remove(item)

    def _file(self, item: Item) -> None:
        file = dynamo_files.from_item(item)
        if self._with_files:
            self._index(item, None)
            purge_file(file, self._clock(), files=self._world.files, objects=self._world.objects)
        else:
            self._world.files.save(replace(file, created_by=ERASED))

    def _download(self, item: Item) -> None:
        """One made by hand ends. That of a mail is the mail's to end."""
        end = "" if "mail_id" in item else ", revoked_at = if_not_exists(revoked_at, :now)"
        now: dict[str, Any] = {"now": self._now} if end else {}
        there = "attribute_exists(pk)"
        self._table.try_update(_key(item), f"SET sender = :erased{end}", there, erased=author_item(ERASED), **now)

    def _mail(self, item: Item) -> None:
        mail, roles = dynamo_mails.from_item(item), roles_of(self._person, item)
        if Role.SENT in roles:
            mail = replace(mail, author=ERASED)
        if Role.RECEIVED in roles:
            mail = replace(self._ended(mail), recipient=Recipient(email=ERASED.email, name=ERASED.name))
        self._index(item, dynamo_mails.to_item(mail))
        self._world.mails.save(mail)

    def _ended(self, mail: Mail) -> Mail:
        """Nobody is left to open it, and what is still queued must go nowhere. Whoever performed it was this person."""
        now = self._clock()
        download = {"pk": download_key(mail.download_id)[0], "sk": download_key(mail.download_id)[1]}
        if not mail.is_open(now):
            self._mark(download)
            return mail
        change = "SET revoked_at = if_not_exists(revoked_at, :now)"
        self._table.try_update(_key(download), change, "attribute_exists(pk)", now=self._now)
        return mail.revoked(now)

    def _inbox_entry(self, item: Item) -> None:
        mail_id = MailId(item["pk"].partition("#")[2])
        if Role.INBOX in roles_of(self._person, item):
            self._index(item, None)
            self._world.inbox.remove(mail_id, item["user_id"])
            self._remove(item)
        elif entry := self._world.inbox.find(mail_id):
            renamed = entry_item(replace(entry, sender_name=ERASED.name, sender_email=ERASED.email))
            self._index(item, renamed)
            self._table.try_put(renamed, "attribute_exists(pk) AND attribute_not_exists(is_removed)")

    def _mark(self, item: Item) -> None:
        """A write that changes nothing but whose it was: the mark of before has ids and a network address."""
        self._table.try_update(_key(item), "", "attribute_exists(pk)")

    def _remove(self, item: Item) -> None:
        self._table.try_delete(_key(item), "account_id = :account", account=item["account_id"])

    def _index(self, old: Item, new: Item | None) -> None:
        """The stream has this done as well, but a receipt must not be ahead of it. First, for the record leads here."""
        change = Change("", "", self._clock(), old["pk"], old["sk"], old, new, expired=False)
        self._world.follow_search([change])


def _key(item: Item) -> tuple[str, str]:
    return item["pk"], item["sk"]
