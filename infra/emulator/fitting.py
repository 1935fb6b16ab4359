"""What is changed in the template before MiniStack gets it, each with its reason. The rest it has to take as it is.

It evaluates the policies of roles and resources as IAM does, but not every key that conditions ask for has a value
there. An Allow would never hold on such a key, so the condition goes; a Deny would always hold, so the statement goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]
Statement = dict[str, Any]


@dataclass(frozen=True)
class Change:
    what: str
    why: str


# Conditions on keys that begin so are left out.
UNTOLD = {
    "aws:PrincipalArn": "MiniStack tells policies a session's ARN there, IAM its role's",
    "aws:SecureTransport": "on this machine all is plain HTTP",
    "kms:EncryptionContext": "MiniStack tells policies nothing of it, but does bind ciphertexts to their context",
    "kms:ViaService": "MiniStack's own services ask KMS for nothing",
    "s3:signatureversion": "MiniStack does not tell policies by which version a request is signed",
    "ses:FromAddress": "MiniStack does not tell policies whom an e-mail is from",
}
# Who may do the first also gets the second.
ALSO_ASKED = {
    ("s3:DeleteObjectVersion", "s3:DeleteObject"): "MiniStack asks for it where one call deletes several versions",
    ("sqs:SendMessage", "sqs:SendMessageBatch"): "MiniStack asks for it where one call sends several messages",
}
# What is allowed on some resources is allowed on all.
NAMELESS = {"ses:SendEmail": "MiniStack tells policies no resource of it"}
CHANGES = [
    *(Change(f"conditions on `{key}` are left out", why) for key, why in UNTOLD.items()),
    *(Change(f"`{more}` is allowed with `{action}`", why) for (action, more), why in ALSO_ASKED.items()),
    *(Change(f"`{action}` is allowed on all resources", why) for action, why in NAMELESS.items()),
]


def fit(template: Template) -> None:
    for logical, resource in list(template["Resources"].items()):
        for document in _policies(resource):
            document["Statement"] = [fitted for each in document["Statement"] if (fitted := _fitted(each))]
            if not document["Statement"]:
                del template["Resources"][logical]


def _policies(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Policy documents of whatever kind."""
    properties = resource.get("Properties", {})
    for name in ("AssumeRolePolicyDocument", "KeyPolicy", "PolicyDocument"):
        if name in properties:
            yield properties[name]
    if resource["Type"] == "AWS::IAM::Role":
        yield from (policy["PolicyDocument"] for policy in properties.get("Policies", []))


def _fitted(statement: Statement) -> Statement | None:
    fitted = dict(statement)
    asked = fitted.pop("Condition", {})
    told = {
        operator: {key: value for key, value in keys.items() if not _is_untold(key)} for operator, keys in asked.items()
    }
    if told != asked and statement["Effect"] == "Deny":
        return None
    if condition := {operator: keys for operator, keys in told.items() if keys}:
        fitted["Condition"] = condition
    actions = [fitted["Action"]] if isinstance(fitted["Action"], str) else fitted["Action"]
    fitted["Action"] = [*actions, *(more for (action, more) in ALSO_ASKED if action in actions)]
    if NAMELESS.keys() & set(actions):
        fitted["Resource"] = "*"
    return fitted


def _is_untold(key: str) -> bool:
    return key.startswith(tuple(UNTOLD))
