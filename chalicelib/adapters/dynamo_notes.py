"""Notes in the metadata table, for a moment: its stream carries them to the audit log."""

import uuid
from datetime import datetime, timedelta

from chalicelib.adapters.dynamo_table import NEW, KeyOfId, MetadataTable
from chalicelib.domain.event import Note

PREFIX = "NOTE"
note_key = KeyOfId(PREFIX, PREFIX)
_KEPT = timedelta(days=2)  # longer than the stream, which holds every change for a day


class DynamoNotes:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, note: Note, now: datetime) -> None:
        pk, sk = note_key(str(uuid.uuid4()))
        item = {
            "pk": pk,
            "sk": sk,
            "ttl": int((now + _KEPT).timestamp()),
            "account_id": note.account_id,
            "type": str(note.type),
            "outcome": note.outcome,
            "subject": dict(note.subject),
            "file_ids": list(note.file_ids),
            "detail": dict(note.detail),
        }
        self._table.put(item, NEW)
