"""Worlds with a quota that a test can reach the end of."""

from chalicelib.adapters.dynamo_creations import Creations
from chalicelib.adapters.dynamo_downloads import DynamoDownloads
from chalicelib.adapters.dynamo_files import DynamoFiles
from chalicelib.adapters.dynamo_quotas import DynamoQuotas
from chalicelib.bootstrap import World
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage
from tests.support.builders import ALICES, NOW
from tests.support.fakes import FakeWorld


def with_quota(world: World, quota: Quota) -> World:
    """As a container has it that was started with these settings, and remembers nothing."""
    if isinstance(world, FakeWorld):
        world.quotas.default = quota
        return world
    return with_creations(world, Creations(world._table, DynamoQuotas(world._table, quota)))


def with_creations(world: World, creations: Creations) -> World:
    world._creations, world.quotas = creations, creations.quotas
    world.files = DynamoFiles(world._table, world._postings, creations)
    world.downloads = DynamoDownloads(world._table, creations)
    return world


def another_container(world: World, quota: Quota) -> World:
    """On the same table."""
    other = World()
    other._clients, other._table = world._clients, world._table
    return with_quota(other, quota)


def used(world: World, account_id: AccountId = ALICES) -> Usage:
    return world.quotas.find(account_id, NOW)[1]
