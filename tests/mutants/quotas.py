"""The checks Q of docs/threat-model.md: quotas."""

from tests.mutants.mutant import Listed

quotas = Listed("test_quotas")

QUOTAS = (
    quotas(
        "Q1",
        "room is not asked for",
        "adapters/dynamo_purses.py",
        '["bytes_room >= :bytes"] if more.stored_bytes else []',
        "[]",
        "the_limit_is_in_the_write",
        "a_purse_gives_what_it_has",
    ),
    quotas(
        "Q1",
        "files are not counted",
        "adapters/dynamo_purses.py",
        '["files_room >= :files"] if more.files else []',
        "[]",
        "empty_files_have_an_end_too",
    ),
    quotas(
        "Q1",
        "an old limit goes on",
        "adapters/dynamo_purses.py",
        '["bytes_limit = :bytes_limit", "files_limit = :files_limit"]',
        '["attribute_exists(bytes_limit)"]',
        "a_lowered_limit_holds_at_once",
    ),
    quotas(
        "Q1",
        "rooms are divided from what was",
        "adapters/dynamo_purses.py",
        'put(table, item, "attribute_not_exists(changes)")',
        'put(table, item, "attribute_not_exists(nothing)")',
        "rooms_are_divided_from_what_was_read",
    ),
    quotas(
        "Q1",
        "the sum is not looked at",
        "adapters/dynamo_quotas.py",
        "if refused := refusal(quota, standing.used, more):",
        "if refused := refusal(quota, Usage(), more):",
        "the_limit_is_in_the_write",
        "a_lowered_limit_holds_at_once",
    ),
    quotas(
        "Q1",
        "an upload that belongs to no file stays",
        "services/create_file.py",
        "            objects.abort_multipart(file.object_key, file.multipart.upload_id)\n",
        "            file = None\n",
        "what_does_not_fit_leaves_no_upload_at_s3",
    ),
    quotas(
        "Q2",
        "a record ends as often as one likes",
        "adapters/dynamo_files.py",
        "delete(self._table, key, AS_READ, read=file.revision)",
        'delete(self._table, key, "attribute_not_exists(pk) OR revision >= :read", read=0)',
        "an_end_gives_back_once",
        "a_stale_hand_gives_nothing_back",
    ),
    quotas(
        "Q2",
        "a rejected upload stays charged, and gives back again",
        "adapters/dynamo_files.py",
        "replace(stored, is_charged=False)",
        "stored",
        "a_rejection_gives_back_once_and_the_purge_nothing",
    ),
    quotas(
        "Q2",
        "a rejected upload gives nothing back",
        "domain/file.py",
        "return self.is_charged and self.status is Status.REJECTED",
        "return False",
        "a_rejection_gives_back_once_and_the_purge_nothing",
    ),
    quotas(
        "Q3",
        "mails are not counted",
        "adapters/dynamo_quotas.py",
        '"mails <= :room" if room < 0 else "attribute_not_exists(mails) OR mails <= :room"',
        '"attribute_not_exists(mails) OR mails >= :room OR mails <= :room"',
        "a_day_has_so_many_mails_and_no_more",
        "none_or_all",
    ),
)
