"""The tests that `make e2e-package` runs on the package, deployed to MiniStack: the same that run on our own stack."""

import pytest

ONLY_THERE = "test_second_emulator.py"  # what MiniStack does not do
SELECTION = (
    ONLY_THERE,
    "test_api_uploads.py",  # presigned URLs, `complete`, and S3 -> EventBridge -> SQS -> on_upload
    "test_api_downloads.py::test_grant_show_perform_once",
    "test_api_downloads.py::test_several_files_of_both_modes_and_makes",
    "test_api_downloads.py::test_files_that_went_meanwhile_are_left_out",
    "test_api_downloads.py::test_a_download_ends_with_its_minute",
    "test_api_downloads.py::test_a_session_outlives_the_download_and_ends_by_itself",
    "test_api_files.py::test_trash_and_restore",
    "test_api_files.py::test_purge_by_its_name_and_by_deleting_twice",
    "test_api_idempotency.py",  # transactions, sixteen at once
    "test_api_lists.py",  # the search table too, which on_change keeps from the stream
    "test_api_events.py",  # the audit log, which on_change writes
    "test_api_mails.py::TestToAUser::test_the_whole_way",  # SQS -> on_mail -> SES
    "test_api_mails.py::TestToAUser::test_hiding_and_what_is_gone",
    "test_api_pins.py::test_from_the_pin_to_the_bytes",
    "test_api_pins.py::test_five_wrong_ones_lock_it_and_a_right_one_before_that_begins_anew",
    "test_api_refusals.py::test_401_says_how_to_authenticate",
    "test_api_refusals.py::test_403_names_the_scope",
    "test_api_refusals.py::test_404_for_unknown_ids",
    "test_api_refusals.py::test_413_by_the_service",
    "test_api_tokens.py",
    "test_attacks_access.py::test_a1_no_route_answers_without_a_good_token",
    "test_attacks_access.py::test_a2_a_token_does_what_its_scope_says_and_nothing_else",
    "test_attacks_access.py::test_a6_what_a_thief_made_with_a_stolen_token_ends_with_it",
    "test_attacks_access.py::test_o1_anothers_file_is_as_if_it_were_not_there",
    "test_attacks_access.py::test_o2_anothers_file_cannot_be_granted",
)


def kept(items: list[pytest.Item], stack: str) -> list[pytest.Item]:
    """Of the tests that were collected. Raises pytest.UsageError for a line of the selection that no test is."""
    if stack == "local":
        return [item for item in items if not _is(item, ONLY_THERE)]
    if stale := [line for line in SELECTION if not any(_is(item, line) for item in items)]:
        raise pytest.UsageError(f"tests/e2e/on_package.py names what is not there: {', '.join(stale)}")
    return [item for item in items if any(_is(item, line) for line in SELECTION)]


def _is(item: pytest.Item, line: str) -> bool:
    _, found, name = item.nodeid.partition("tests/e2e/")
    return bool(found) and name.startswith(line) and name[len(line) : len(line) + 1] in {"", ":", "["}
