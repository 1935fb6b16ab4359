"""Alice, whose data is asked for: everything that a person leaves behind, among two others' things."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib import bootstrap
from chalicelib.bootstrap import World
from chalicelib.domain.act import Act, Actor
from chalicelib.domain.download import Download
from chalicelib.domain.file import File
from chalicelib.domain.ids import FileId
from chalicelib.domain.mail import Mail, MailBody, Recipient, body_context, entry_of
from chalicelib.domain.temporary_key import TemporaryKey
from chalicelib.domain.webhook import Webhook
from infra.deployed import OperatorsWorld
from infra.local.stack import EmulatedAws
from tests.integration.stream import TableStream
from tests.support.builders import (
    Caller,
    a_category,
    a_download,
    a_mail,
    a_note,
    a_ready_file,
    a_token,
    a_webhook,
    enrol,
    new_id,
)

ALICE, BOB, CAROL = "Alice.Archer@example.com", "bob@example.com", "carol@example.net"  # Carol has no account
ALICES_IP, CAROLS_IP = "198.51.100.7", "203.0.113.9"
CONTENT = b"Total: 42.00 EUR\n"
BODY = "<p>As <b>agreed</b>.</p>"


@dataclass(frozen=True)
class Scene:
    world: World
    alice: Caller
    bob: Caller
    file: File
    bobs_file: File
    by_hand: Download  # Alice's, of her file
    sent: Mail  # from Alice to Bob, delivered
    to_carol: Mail  # from Alice, whose link Carol has used
    received: Mail  # from Bob, in Alice's inbox, opened by her
    queued: Mail  # from Bob to Alice, not sent yet
    alices_tokens: tuple[str, ...]
    hidden: Mail  # from Alice to Bob, who has removed it from his inbox
    withdrawn: Mail  # from Bob to Carol, revoked before she read it
    hook: Webhook  # of Alice's account

    @property
    def of_alice(self) -> tuple[str, ...]:
        """What nothing may have any more once she is erased."""
        return (ALICE, "Alice Archer", self.alice.user_id, ALICES_IP, *self.alices_tokens)

    def what_holds(self, *words: str) -> list[str]:
        """The stored items that have one of these words, whatever the case."""
        found = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
        return [text for text in every_item(self.world) if found.search(text)]


def a_scene(world: World, aws: EmulatedAws, now: datetime) -> Scene:
    alice, bob = enrol(world, ALICE, "Alice Archer", now), enrol(world, BOB, "Bob Baker", now)
    hers, his = _acting(world, alice, ALICES_IP, now), _acting(world, bob, "192.0.2.1", now)
    second = a_token(
        user_id=alice.user_id, account_id=alice.account_id, author=alice.token.author, maker_id=alice.token.id
    )
    hers.tokens.add(second)
    hers.temporary_keys.add(
        TemporaryKey(
            key_hash="f" * 64, account_id=alice.account_id, user_id=alice.user_id, pin_version="1", expires_at=now
        )
    )
    category = hers.categories.add(a_category(account_id=alice.account_id, name="Contracts"))
    file_id = FileId(new_id())
    version = aws.clients("s3").put_object(Bucket=aws.bucket, Key=f"files/{file_id}", Body=CONTENT)["VersionId"]
    file = _file(hers, alice, now, id=file_id, object_version=version, category_id=category.id, filename="plan.pdf")
    bobs_file = _file(his, bob, now, filename="tax.pdf")
    by_hand = a_download(
        file,
        account_id=alice.account_id,
        sender=alice.token.author,
        created_at=now,
        expires_at=now + timedelta(days=30),
    )
    hers.downloads.add(by_hand)
    sent = _deliver(world, _sent(hers, alice, BOB, file, now), bob, now)
    to_carol = _sent(hers, alice, CAROL.title(), file, now)
    performer = world.acting(Act(actor=Actor.PERFORMER, at=now, ip=CAROLS_IP))
    to_carol = performer.mails.save(to_carol.opened(now))
    received = _deliver(hers, _sent(his, bob, ALICE.upper(), bobs_file, now), alice, now)
    received = hers.mails.save(received.opened(now))
    queued = _sent(his, bob, ALICE, bobs_file, now)
    hers.notes.add(a_note(account_id=alice.account_id), now)
    bobs_file = hers.files.save(bobs_file)  # nothing else to her, but the last who wrote it
    tokens = (alice.token.id, second.id)
    hidden = _deliver(world, _sent(hers, alice, BOB, file, now), bob, now)
    his.inbox.remove(hidden.id, bob.user_id)
    withdrawn = his.mails.save(_sent(his, bob, CAROL, bobs_file, now).was_sent(new_id(), now).revoked(now))
    hook = a_webhook(account_id=alice.account_id, created_at=now)
    hers.webhooks.add(hook)
    return Scene(
        world, alice, bob, file, bobs_file, by_hand, sent, to_carol, received, queued, tokens, hidden, withdrawn, hook
    )


@contextmanager
def told_scene(aws: EmulatedAws, clients: dict[str, Any], now: datetime) -> Iterator[Scene]:
    """A scene that the audit log and the search know, for a whole module whose tests only look."""
    world = World()
    vars(world)["_clients"] = clients
    previous, stream = bootstrap.use(world), TableStream(aws)
    scene = a_scene(world, aws, now)
    stream.deliver()
    yield scene
    bootstrap.use(previous)


def operators(world: World) -> OperatorsWorld:
    """The operator's world, on the same clients."""
    made = OperatorsWorld()
    vars(made).update(_clients=world._clients, settings=world.settings)
    return made


def every_item(world: World) -> Iterator[str]:
    for table in (world.settings.metadata_table, world.settings.search_table):
        for page in world._client("dynamodb").get_paginator("scan").paginate(TableName=table):
            yield from (json.dumps(item, default=repr, ensure_ascii=False) for item in page["Items"])


def _acting(world: World, caller: Caller, ip: str, now: datetime) -> World:
    return world.acting(
        Act(
            actor=Actor.USER,
            at=now,
            account_id=caller.account_id,
            user_id=caller.user_id,
            token_id=caller.token.id,
            ip=ip,
            request_id=new_id(),
        )
    )


def _file(world: World, caller: Caller, now: datetime, **changes: Any) -> File:
    fields = {"account_id": caller.account_id, "created_by": caller.token.author, "created_at": now, "alive_at": now}
    sizes = {"size_bytes": len(CONTENT), "stored_bytes": len(CONTENT)}
    return world.files.add(a_ready_file(**fields | sizes | changes))


def _sent(world: World, sender: Caller, to: str, file: File, now: datetime) -> Mail:
    author, account_id = sender.token.author, sender.account_id
    recipient = Recipient(email=to, name=to.partition("@")[0])
    mail = a_mail(account_id=account_id, author=author, recipient=recipient, subject="The contract", created_at=now)
    world.downloads.add(
        a_download(
            file,
            id=mail.download_id,
            account_id=account_id,
            sender=author,
            created_at=now,
            expires_at=mail.expires_at,
            mail_id=mail.id,
        )
    )
    sealed = world.bodies.seal(BODY, body_context(mail.body_id, account_id))
    return world.mails.add([mail], MailBody(mail.body_id, account_id, sealed, mail.forgotten_at))[0]


def _deliver(world: World, mail: Mail, to: Caller, now: datetime) -> Mail:
    return world.mails.save(mail.was_sent(new_id(), now), entry_of(mail, to.user_id, to.account_id, now))
