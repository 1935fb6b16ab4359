"""Adapters that bootstrap would wire, on a table of moto's. Imported when asked for: boto3 is slow."""

from typing import Any

from chalicelib.domain.quota import Quota
from chalicelib.settings import DEFAULT_QUOTA


def creations_on(table: Any, quota: Quota = DEFAULT_QUOTA) -> Any:
    from chalicelib.adapters.dynamo_creations import Creations
    from chalicelib.adapters.dynamo_quotas import DynamoQuotas

    return Creations(table, DynamoQuotas(table, quota))


def downloads_on(table: Any) -> Any:
    from chalicelib.adapters.dynamo_downloads import DynamoDownloads

    return DynamoDownloads(table, creations_on(table))


def claims_on(table: Any) -> Any:
    from chalicelib.adapters.dynamo_claims import DynamoClaims

    return DynamoClaims(table)


def users_on(table: Any) -> Any:
    from chalicelib.adapters.dynamo_people import DynamoUsers

    return DynamoUsers(table, creations_on(table).quotas)


def mails_on(table: Any) -> Any:
    from chalicelib.adapters.dynamo_mails import DynamoMails
    from chalicelib.adapters.dynamo_postings import SearchTable

    return DynamoMails(table, SearchTable(table.client, "search"), creations_on(table))


def files_on(table: Any, quota: Quota = DEFAULT_QUOTA) -> Any:
    from chalicelib.adapters.dynamo_files import DynamoFiles
    from chalicelib.adapters.dynamo_postings import SearchTable

    return DynamoFiles(table, SearchTable(table.client, "search"), creations_on(table, quota))
