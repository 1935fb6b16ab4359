from collections.abc import Iterator

import pytest

from infra.local.stack import EmulatedAws
from tests.integration.edge.kit import Desk, s3_client


@pytest.fixture(scope="module")
def desk(aws: EmulatedAws) -> Iterator[Desk]:
    s3 = s3_client(aws)
    desk = Desk(aws, s3)
    s3.put_object(Bucket=desk.bucket, Key=desk.key, Body=desk.content)
    yield desk
    s3.close()
