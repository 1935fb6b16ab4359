"""What moto holds, without a request: to empty a table, to fill one, to look at it."""

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from infra.local.stack import REGION


def table(name: str) -> Table:
    backends: Any = dynamodb_backends
    found: Table = backends[DEFAULT_ACCOUNT_ID][REGION].tables[name]
    return found
