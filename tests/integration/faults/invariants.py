"""What must hold once the weather has cleared up and the sweeps have been: whatever had befallen whom."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from chalicelib.adapters.dynamo_events import entry_of, head_from, head_id
from chalicelib.adapters.dynamo_purses import PURSES
from chalicelib.domain.chain import breaks
from chalicelib.domain.event import EventType
from chalicelib.domain.ids import AccountId
from chalicelib.domain.sealing import WrappedKey, encryption_context
from chalicelib.domain.secret import hash_secret
from chalicelib.domain.webhook import delivery_id
from tests.integration.faults.play import Play

_KEY = re.compile(r"#([0-9A-Za-z]{43})")


BEGINS_UPLOADS = {"CreateMultipartUpload", "TransactWriteItems", "AbortMultipartUpload"}


def judge(play: Play) -> None:
    """After `settle`."""
    kinds = ("FILE", "PURGED", "DOWNLOAD", "MAIL", "PURSE", "MAILS")
    records = {prefix: play.cloud.records(prefix) for prefix in kinds}
    nothing_is_lost(play, records["FILE"])
    nothing_is_stuck(records)
    nothing_is_left_over(play, records["FILE"])
    nothing_is_spent_twice(play, records["DOWNLOAD"])
    mails_are_as_they_say(play, records["MAIL"], records["DOWNLOAD"])
    quotas_are_exact(play, records)
    log = the_log_is_sound(play)
    the_log_is_whole(play, records, log)
    whoever_wants_to_hears_of_it(play, log)


def nothing_is_lost(play: Play, files: Sequence[Any]) -> None:
    """A ready file has its bytes, and its key opens."""
    for file in files:
        if file["status"] == "ready":
            file_id = file["pk"].partition("#")[2]
            assert play.cloud.has(f"files/{file_id}", file["object_version"], play.bytes_of[file_id]), "bytes are lost"
            if file["encryption_mode"] == "client":
                key = WrappedKey(**file["wrapped_key"])
                opened = play.world.keys.unwrap(key, encryption_context(file_id, file["account_id"]))
                assert opened == play.key_of[file_id], "the key is lost"


def nothing_is_stuck(records: Any) -> None:
    assert {file["status"] for file in records["FILE"]} <= {"ready"}
    assert not [file for file in records["FILE"] if file.get("purging_at")]
    assert not records["PURGED"], "a tombstone stays"
    assert not [mail for mail in records["MAIL"] if mail["status"] == "queued"]


def nothing_is_left_over(play: Play, files: Sequence[Any]) -> None:
    keys = {f"files/{file['pk'].partition('#')[2]}" for file in files}
    found = play.cloud.objects()
    assert set(found) == keys, "bytes of no file, or a file without bytes"
    assert all(len(versions) == 1 for versions in found.values())
    begun_in_vain = sum(operation in BEGINS_UPLOADS for _, operation in play.weather.struck)
    assert play.cloud.unfinished_uploads() <= begun_in_vain, "an upload goes on at S3 (its rule ends it after 8 days)"


def nothing_is_spent_twice(play: Play, downloads: Sequence[Any]) -> None:
    standing = {item["pk"].partition("#")[2]: item for item in downloads}
    for download_id, uses in play.uses_of.items():
        item = standing[download_id]
        mine = [it for it in play.performs if it.download_id == download_id]
        won = [it.answer.data["session"] for it in mine if it.answer is not None and it.answer.status == 200]
        assert item["uses_left"] >= 0
        assert item["uses_left"] + len(item["sessions"]) == uses, "uses and sessions are not what there was"
        assert {hash_secret(session) for session in won} <= set(item["sessions"]), (
            "a session that nobody spent a use on"
        )
        assert len(set(won)) == len(won)
        lost = len(item["sessions"]) - len(won)
        assert lost <= sum(_may_lose_a_use(it) for it in mine), "a use is lost, and its performer was told no"


def _may_lose_a_use(it: Any) -> bool:
    """Who got no answer may have spent one; who was told "not now" only if the giving back had a fault of its own."""
    return it.answer is None or (it.answer.status >= 500 and it.faults > 1)


def mails_are_as_they_say(play: Play, mails: Sequence[Any], downloads: Sequence[Any]) -> None:
    standing = {item["pk"].partition("#")[2]: item for item in downloads}
    inbox = {item["pk"].partition("#")[2] for item in play.cloud.records("INBOX")}
    letters = [str(letter.body) for letter in play.cloud.letters()]
    for mail in mails:
        mail_id = mail["pk"].partition("#")[2]
        withdrawn = bool(standing[mail["download_id"]].get("revoked_at"))
        assert withdrawn == bool(mail.get("revoked_at") or mail["status"] == "failed"), "revoked, and still open"
        assert (mail_id not in play.revoked) or mail.get("revoked_at"), "a revocation is lost"
        to_bob = mail["recipient"]["email"] == play.bob.email
        assert (mail_id in inbox) == (to_bob and mail["status"] == "success")
        came_back = mail.get("message_id") in play.bounced
        assert mail["status"] == "success" or mail.get("revoked_at") or came_back, "not sent, for no reason"
        assert not (came_back and mail["status"] == "success"), "its sender takes it for delivered"
    assert len(letters) >= sum(mail["status"] == "success" for mail in mails)
    assert len(letters) <= len(mails) + len(play.weather.struck), "sent again without a reason"
    assert len({key for letter in letters for key in _KEY.findall(letter)}) <= 1, "two links to one mail"


def quotas_are_exact(play: Play, records: Any) -> None:
    for caller in (play.alice, play.bob):
        account = caller.account_id
        purses = [item for item in records["PURSE"] if item["pk"].startswith(f"PURSE#{account}#")]
        charged = [file for file in records["FILE"] if file["account_id"] == account and file["is_charged"]]
        assert len(purses) == len(PURSES)
        assert sum(purse["stored_bytes"] for purse in purses) == sum(file["stored_bytes"] for file in charged)
        assert sum(purse["files"] for purse in purses) == len(charged)
        if len(limits := {purse.get("files_limit") for purse in purses} - {None}) == 1:
            assert sum(purse["files"] + purse["files_room"] for purse in purses) in limits, "room is lost, or won"
        counted = sum(it["mails"] for it in records["MAILS"] if it["pk"].startswith(f"MAILS#{account}#"))
        assert counted == sum(mail["account_id"] == account for mail in records["MAIL"])


def the_log_is_sound(play: Play) -> list[Any]:
    """Its chains hold; answers the events."""
    scanned = play.cloud.events()
    heads = [head_from(item)[0] for item in scanned if item["id"]["S"].startswith(head_id(AccountId("")))]
    entries = [entry_of(item) for item in scanned if not item["id"]["S"].startswith(head_id(AccountId("")))]
    for head in heads:
        chain = sorted((it for it in entries if it.event.account_id == head.account_id), key=lambda it: it.sequence)
        assert list(breaks(chain, head, play.clock.now.date())) == []
        assert [it.sequence for it in chain] == list(range(1, len(chain) + 1))
    assert len({it.event.account_id for it in entries}) == len(heads)
    return [it.event for it in entries]


def the_log_is_whole(play: Play, records: Any, log: Sequence[Any]) -> None:
    """Every use is in it, and every change of a file once."""
    spent = Counter(it.subject["download"] for it in log if it.type == EventType.DOWNLOAD_PERFORMED)
    spent.subtract(it.subject["download"] for it in log if it.type == EventType.DOWNLOAD_RETURNED)
    sessions = {item["pk"].partition("#")[2]: len(item["sessions"]) for item in records["DOWNLOAD"]}
    assert {name: count for name, count in spent.items() if count} == {name: n for name, n in sessions.items() if n}
    once = (EventType.FILE_CREATED, EventType.FILE_READY, EventType.FILE_REJECTED, EventType.FILE_PURGED)
    told = Counter((it.type, it.subject["file"]) for it in log if it.type in once)
    assert set(told.values()) <= {1}
    assert not [it for it in log if it.type == EventType.FILE_ERASED]


def whoever_wants_to_hears_of_it(play: Play, log: Sequence[Any]) -> None:
    """Of each thing once, under one id; again only where something had befallen it, or somebody wanted it again."""
    webhooks = play.cloud.records("WEBHOOK")
    deliveries = {item["pk"].partition("#")[2]: item for item in play.cloud.records("DELIVERY")}
    statuses = {item["status"] for item in deliveries.values()}
    assert "pending" not in statuses, "a delivery stays on its way"
    for webhook in webhooks:
        webhook_id, is_deleted = webhook["pk"].partition("#")[2], "removed_at" in webhook
        wanted = {delivery_id(webhook_id, it.id) for it in log if str(it.type) in webhook["types"]}
        assert is_deleted or wanted == set(deliveries), "somebody does not hear of it"
        assert is_deleted or statuses <= {"delivered"}
    heard = play.receiver.heard
    assert heard.keys() <= deliveries.keys()
    assert all(len(set(bodies)) == 1 for bodies in heard.values()), "one id for two things"
    delivered = {name for name, item in deliveries.items() if item["status"] == "delivered"}
    assert delivered <= heard.keys(), "it is called delivered, and nobody heard of it"
    taken = sum(len(bodies) for bodies in heard.values())
    reasons = len(play.weather.struck) + play.ordered_again + len(deliveries)
    assert taken <= reasons, "sent again without a reason"
