"""The checks Z of docs/threat-model.md: the end."""

from tests.mutants.mutant import Listed

leftovers = Listed("test_leftovers")

PURGES = (
    leftovers(
        "Z1",
        "the wrapped key stays",
        "domain/file.py",
        "replace(self, purging_at=now, wrapped_key=None)",
        "replace(self, purging_at=now)",
        "the_wrapped_key_goes_first",
    ),
    leftovers(
        "Z1",
        "nothing is written first",
        "services/delete_file.py",
        "file = files.save(file.purging(now))",
        "file = file.purging(now)",
        "the_wrapped_key_goes_first",
    ),
    leftovers(
        "Z1",
        "the bytes stay",
        "services/delete_file.py",
        "    objects.delete_versions(file.object_key)\n",
        "",
        "every_version_goes_and_then_the_record",
    ),
    leftovers(
        "Z1",
        "delete markers stay",
        "adapters/s3_objects.py",
        ', *answer.get("DeleteMarkers", [])]',
        "]",
        "delete_markers_are_versions_too",
    ),
    leftovers(
        "Z1",
        "late bytes of a purged file stay",
        "services/on_upload.py",
        "        objects.delete_versions(object_key(file_id))\n",
        "",
        "what_comes_late_is_deleted_on_arrival",
    ),
    leftovers(
        "Z1",
        "late bytes stay during a purge",
        "services/on_upload.py",
        " or file.purging_at",
        "",
        "what_comes_late_is_deleted_on_arrival",
    ),
    leftovers(
        "Z1",
        "nothing remembers a purge",
        "services/delete_file.py",
        "if until > now:",
        "if False:",
        "what_comes_late_and_untold_is_deleted_when_no_more_can_come",
    ),
    leftovers(
        "Z1",
        "a purge is forgotten at once",
        "domain/file.py",
        "(self.settled_at or self.purging_at or now) + LATE_BYTES",
        "(self.settled_at or self.purging_at or now) + timedelta(hours=1)",
        "every_url_has_ended_by_then",
    ),
    leftovers(
        "Z1",
        "the sweep passes a tombstone by",
        "services/sweep.py",
        "objects.delete_versions(object_key(file_id))",
        "objects.head(object_key(file_id))",
        "what_comes_late_and_untold_is_deleted_when_no_more_can_come",
    ),
)
