"""The README's table of limits and defaults says what the code holds."""

from datetime import timedelta
from math import ceil
from pathlib import Path

from chalicelib.domain import claim, download, file, mail, pin, temporary_key, token_tree, upload, webhook
from chalicelib.routes.endpoint import MAX_BODY_BYTES
from chalicelib.settings import DEFAULT_EVENTS_DAYS, DEFAULT_QUOTA
from chalicelib.wire.downloads import CreateDownload
from chalicelib.wire.mails import CreateMails
from infra.local.stack import DEFAULT_RATE_LIMIT

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
MIB = upload.MIB
WORDS = {5: "five", 10: "ten"}


def hours(length: timedelta) -> str:
    count = length // timedelta(hours=1)
    return "an hour" if count == 1 else f"{count} hours"


def most(model, field: str) -> int:
    return int(model.model_json_schema()["properties"][field]["maxItems"])


def test_every_figure_is_the_codes_own() -> None:
    uses = CreateMails.model_json_schema()["properties"]["max_downloads"]
    said = {
        "requests": (f"{DEFAULT_RATE_LIMIT} a minute", f"a body of {MAX_BODY_BYTES // 1024} KiB"),
        "a download of own files": (
            f"within {download.MANUAL_LIFETIME.seconds} seconds",
            f"1 to {most(CreateDownload, 'files')} files",
        ),
        "what a perform answers": (
            f"URLs for {download.DOWNLOAD_URL_LIFETIME.seconds // 60} minutes",
            f"for {hours(download.SESSION_LIFETIME)}",
        ),
        "a mail": (
            f"{mail.DEFAULT_LIFETIME.days} days ({download.MAX_LIFETIME.days} at most)",
            f"{uses['default']} uses for each recipient ({uses['maximum']} at most)",
            f"1 to {most(CreateMails, 'recipients')} recipients, 1 to {most(CreateMails, 'files')} files",
        ),
        "a PIN": (
            f"{pin.MIN_LENGTH} to {pin.MAX_LENGTH} characters",
            f"{WORDS[pin.MAX_TRIES]} wrong ones",
            f"for {pin.LOCKED_FOR.seconds // 60} minutes",
            f"good for {hours(temporary_key.LIFETIME)}",
        ),
        "an upload": (
            f"up to {upload.MAX_STORED_BYTES // 2**40} TiB",
            f"one PUT up to {upload.SINGLE_PUT_BYTES // MIB} MiB",
            f"parts of {upload.DEFAULT_PART_BYTES // MIB} MiB or more",
            f"URLs for {hours(upload.UPLOAD_URL_LIFETIME)}",
            f"{hours(file.PENDING_SILENCE)} of silence",
        ),
        "the trash": (f"{file.TRASH_RETENTION.days} days",),
        "a token": (f"{token_tree.MAX_TOKENS} for each user",),
        "an account": (
            f"{DEFAULT_QUOTA.stored_bytes // 2**40} TiB",
            f"{DEFAULT_QUOTA.files:,} files",
            f"{DEFAULT_QUOTA.mails_a_day:,} mails a day",
        ),
        "an `Idempotency-Key`": (hours(claim.CLAIM_LIFETIME),),
        "webhooks": (
            f"{WORDS[webhook.MAX_WEBHOOKS]} of an account",
            f"{ceil(sum(webhook.PAUSES, timedelta()) / timedelta(hours=1))} hours",
            f"{webhook.KEPT.days} days",
        ),
        "the audit log": (f"{DEFAULT_EVENTS_DAYS} days",),
    }
    lines = README.partition("## Limits and defaults")[2].partition("\n## ")[0].splitlines()
    _, _, *rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    assert {name for name, _ in rows} == set(said)
    missing = [(name, figure) for name, text in rows for figure in said[name] if figure not in text]
    assert missing == []
