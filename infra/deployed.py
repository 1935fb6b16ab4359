"""A deployment as the operator's commands use it: the service's own stores, on AWS as the environment names it.

Names follow from the stage alone, as infra/template.yaml makes them, so nothing has to be asked of CloudFormation.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.dynamo_table import MetadataTable
from chalicelib.bootstrap import World
from chalicelib.domain.act import Act
from chalicelib.settings import Settings, read_settings
from infra import operating, template

NAMED = {  # settings that are names or aliases of the template's resources
    "METADATA_TABLE": ("MetadataTable", "TableName"),
    "RATE_LIMIT_TABLE": ("RateLimitTable", "TableName"),
    "SEARCH_TABLE": ("SearchTable", "TableName"),
    "EVENTS_TABLE": ("EventsTable", "TableName"),
    "FILES_BUCKET": ("FilesBucket", "BucketName"),
    "DATA_KEY_ARN": ("DataKeyAlias", "AliasName"),
    "PEPPER_KEY_ARN": ("PepperKeyAlias", "AliasName"),
    "EVENTS_KEY_ARN": ("EventsKeyAlias", "AliasName"),
    "MAIL_QUEUE_URL": ("MailQueue", "QueueName"),
    "WEBHOOK_QUEUE_URL": ("WebhookQueue", "QueueName"),
}
_RECEIPT_KEY = "RECEIPT_KEY"  # no setting of the service's, which never uses it
NO_MAIL = "nobody@sealdrop.invalid"  # operators send none


class OperatorsWorld(World):
    """The service's own stores, and what commands do past them."""

    @property
    def table(self) -> MetadataTable:
        return self._table

    def client(self, service: str) -> Any:
        return self._client(service)


@dataclass(frozen=True)
class Deployed:
    stage: str
    caller: str  # ARN of whoever runs the command, as STS knows them
    receipt_key: str  # alias of the key that signs receipts
    world: OperatorsWorld

    def acting(self, act: Act) -> OperatorsWorld:
        """Writes say who made them, as the service's do."""
        return self.world.acting(act)


def deployed(stage: str) -> Deployed:
    """Raises what `operating.REFUSALS` lists."""
    session = operating.session()
    with closing(session.client("sts")) as sts:
        caller = sts.get_caller_identity()
    names = names_of(stage, caller["Account"], session.region_name)
    world = OperatorsWorld()
    # Made already, so that the environment is not asked for them.
    vars(world).update(_session=session, settings=_settings(names, session))
    return Deployed(stage, caller["Arn"], names[_RECEIPT_KEY], world)


def receipt_key(stage: str) -> str:
    """Whatever a receipt may say itself."""
    return names_of(stage, "", "")[_RECEIPT_KEY]


def names_of(stage: str, account: str, region: str) -> dict[str, str]:
    """Of everything that commands use, by the service's settings."""
    source = template.load(template.TEMPLATE)
    service = source["Parameters"]["ServiceName"]["Default"]
    refs = {"ServiceName": service, "Stage": stage, "AWS::AccountId": account, "AWS::Region": region}
    resolve = template.Names(refs).resolve
    return {
        setting: str(resolve(source["Resources"][logical]["Properties"][attribute]))
        for setting, (logical, attribute) in {**NAMED, _RECEIPT_KEY: ("ReceiptKeyAlias", "AliasName")}.items()
    }


def _settings(names: dict[str, str], session: Any) -> Settings:
    # A sealed body names its key by the ARN, and is opened under no other name of it.
    with closing(session.client("kms")) as kms:
        data_key = kms.describe_key(KeyId=names["DATA_KEY_ARN"])["KeyMetadata"]["Arn"]
    given = {**names, "DATA_KEY_ARN": data_key, "AWS_REGION": session.region_name, "MAIL_FROM": NO_MAIL}
    return read_settings(given)
