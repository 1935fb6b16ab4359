"""infra/local/shared_loader.py: what one session has read of AWS's models, another has as well."""

import boto3

from infra.local import shared_loader


def test_sessions_share_it_and_find_what_each_would_find() -> None:
    shared_loader.install()
    first, second = (boto3.Session()._session.get_component("data_loader") for _ in range(2))
    assert first is second
    assert len(first.search_paths) == len(set(first.search_paths))
    own = boto3.Session()._session
    own.register_component("data_loader", shared_loader._create_loader())
    alone = own.get_component("data_loader")
    assert first.list_available_services("service-2") == alone.list_available_services("service-2")
    assert first.load_service_model("kms", "service-2") == alone.load_service_model("kms", "service-2")
