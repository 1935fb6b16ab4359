"""The checks of docs/threat-model.md, each with the lines that hold it: `make mutants` takes them out.

One module for each letter.
"""

from tests.mutants.deploying import DEPLOYING
from tests.mutants.downloads import DOWNLOADS
from tests.mutants.events import EVENTS
from tests.mutants.gateway import GATEWAY
from tests.mutants.idempotency import IDEMPOTENCY
from tests.mutants.kept_secrets import KEPT_SECRETS
from tests.mutants.mails import MAILS
from tests.mutants.mutant import Mutant
from tests.mutants.ownership import OWNERSHIP
from tests.mutants.parsing import PARSING
from tests.mutants.personal_data import PERSONAL_DATA
from tests.mutants.pins import PINS
from tests.mutants.purges import PURGES
from tests.mutants.quotas import QUOTAS
from tests.mutants.rate_limit import RATE_LIMIT
from tests.mutants.rights import RIGHTS
from tests.mutants.tokens import TOKENS
from tests.mutants.uploads import UPLOADS
from tests.mutants.webhooks import WEBHOOKS

__all__ = ["MUTANTS", "Mutant"]

MUTANTS = (
    *TOKENS,
    *OWNERSHIP,
    *RATE_LIMIT,
    *PARSING,
    *UPLOADS,
    *DOWNLOADS,
    *PINS,
    *IDEMPOTENCY,
    *QUOTAS,
    *KEPT_SECRETS,
    *PURGES,
    *EVENTS,
    *MAILS,
    *DEPLOYING,
    *RIGHTS,
    *PERSONAL_DATA,
    *GATEWAY,
    *WEBHOOKS,
)
