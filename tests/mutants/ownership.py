"""The checks O of docs/threat-model.md: ownership."""

from tests.mutants.mutant import Listed

ownership = Listed("test_ownership")

OWNERSHIP = (
    ownership(
        "O1",
        "a file is anybody's",
        "services/own_files.py",
        "file.account_id != account_id or ",
        "",
        "anothers_file_is_as_if_it_were_not_there",
    ),
    ownership(
        "O1",
        "an expired file is somebody's",
        "services/own_files.py",
        " or not file.is_visible(now)",
        "",
        "a_file_past_its_expiry_is_nobodys",
    ),
    ownership(
        "O2",
        "anybody's file can be granted",
        "services/create_download.py",
        "if file is None or file.account_id != account_id or not",
        "if file is None or not",
        "anothers_file_cannot_be_granted",
    ),
    ownership(
        "O3",
        "anybody makes a key",
        "services/create_download.py",
        "if download is None or not (is_recipient or download.account_id == user.account_id):",
        "if download is None:",
        "no_key_for_anothers_download",
    ),
    ownership(
        "O3",
        "anybody revokes a download",
        "services/create_download.py",
        "if download is None or download.account_id != account_id:",
        "if download is None:",
        "anothers_download_is_not_revoked",
    ),
    ownership(
        "O4",
        "any account's category is one's own",
        "services/manage_categories.py",
        "if category is None or category.account_id != account_id:",
        "if category is None:",
        "anothers_category_is_as_if_it_were_not_there",
        "no_file_is_put_in_anothers_category",
    ),
    ownership(
        "O5",
        "all accounts share one index",
        "adapters/dynamo_files.py",
        'return f"ACCOUNT#{account_id}#FILES"\n',
        'return "FILES"\n',
        "an_index_is_the_accounts_own",
    ),
    ownership(
        "O5",
        "what an index leads to is shown",
        "adapters/dynamo_lists.py",
        'if item.get("list_pk") == list_pk and keyword in',
        "if keyword in",
        "what_an_index_leads_to_is_the_accounts_own",
    ),
)
