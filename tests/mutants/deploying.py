"""The checks B of docs/threat-model.md: deploying."""

from tests.mutants.mutant import SECURITY, Mutant

DEPLOYING = (
    Mutant(
        "B1",
        "code comes from whoever has a bucket of that name",
        "infra/artefacts.py",
        'self._ours = {"Bucket": name, "ExpectedBucketOwner": account}',
        'self._ours = {"Bucket": name}',
        (f"{SECURITY}/test_deploying.py::test_b1_code_is_neither_sent_to_nor_taken_from_anothers_bucket",),
    ),
)
