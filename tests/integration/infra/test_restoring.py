"""docs/operations.md, "A table as it was": what is typed to end again what had been ended does end it."""

import json
import re
import shlex
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.bootstrap import World
from infra.local.stack import EmulatedAws
from infra.package import ROOT
from tests.support.builders import ALICES, NOW, a_ready_file, enrol, new_id, stored_mail, webhook_of

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def typed(aws: EmulatedAws, operation: str, record: str, record_id: str) -> Any:
    """The page's line for this kind of record, with an id put in."""
    (line,) = re.findall(rf"^aws dynamodb {operation} .*{record}#.*$", PAGE, re.MULTILINE)
    words = shlex.split(line.replace(f"{record}_ID", record_id).replace("sealdrop-prod-metadata", aws.metadata_table))
    given = {words[at].removeprefix("--"): words[at + 1] for at in range(3, len(words) - 1, 2)}
    given.pop("query", None)
    options = {"".join(part.title() for part in name.split("-")): value for name, value in given.items()}
    whole = {name: json.loads(value) if value.startswith("{") else value for name, value in options.items()}
    return getattr(aws.clients("dynamodb"), operation.replace("-", "_"))(**whole)


def test_a_mail_and_its_download(world: World, aws: EmulatedAws) -> None:
    mail = stored_mail(world, None, a_ready_file())
    assert mail.is_open(NOW)
    typed(aws, "update-item", "MAIL", mail.id)
    typed(aws, "update-item", "DOWNLOAD", mail.download_id)
    after, download = world.mails.find(mail.id), world.downloads.find(mail.download_id)
    assert after
    assert download
    assert not after.is_open(NOW)
    assert download.revoked_at == after.revoked_at
    assert download.revoked_at is not None


def test_a_webhook(world: World, aws: EmulatedAws) -> None:
    webhook = webhook_of(world, ALICES)
    typed(aws, "update-item", "WEBHOOK", webhook.id)
    assert (world.webhooks.find(webhook.id), world.webhooks.list_of(ALICES)) == (None, [])


@pytest.mark.parametrize("record", ["MAIL", "DOWNLOAD", "WEBHOOK"])
def test_what_is_not_there_is_not_made(world: World, aws: EmulatedAws, record: str) -> None:
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        typed(aws, "update-item", record, new_id())


def test_a_users_address(world: World, aws: EmulatedAws) -> None:
    carol = enrol(world, "carol@example.com", "Carol Cook")
    assert typed(aws, "get-item", "USER", carol.user_id)["Item"]["email"]["S"] == "carol@example.com"
