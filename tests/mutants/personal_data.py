"""The checks G of docs/threat-model.md: a person's data, exported and erased."""

from tests.mutants.mutant import SECURITY, Mutant

TESTS = f"{SECURITY}/test_personal_data.py"

PERSONAL_DATA = (
    Mutant(
        "G1",
        "whatever a record holds is exported",
        "infra/exported.py",
        "for name in FIELDS[role] if name in item and name not in unseen}",
        "for name in item}",
        (f"{TESTS}::test_g1_no_secret_is_exported",),
    ),
    Mutant(
        "G1",
        "what waits for a PIN is handed out",
        "infra/exported.py",
        " and not mail.awaits_pin)",
        ")",
        (f"{TESTS}::test_g1_nobody_is_handed_a_text_that_they_may_not_read",),
    ),
    Mutant(
        "G1",
        "a key is named by its hash",
        "infra/exported.py",
        "own = {} if role in _NAMED_BY_A_SECRET else",
        "own = {} if not role else",
        (f"{TESTS}::test_g1_no_secret_is_exported",),
    ),
    Mutant(
        "G1",
        "an address that holds another's is theirs",
        "infra/personal_data.py",
        'email_key(copy["email"]) == self.key',
        'email_key(copy["email"]) in self.key',
        (f"{TESTS}::test_g1_what_only_looks_like_theirs_is_anothers",),
    ),
    Mutant(
        "G2",
        "nothing is waited for",
        "infra/erasure.py",
        "if early <= timedelta():",
        "if True:",
        (f"{TESTS}::test_g2_what_was_let_in_before_is_waited_for",),
    ),
    Mutant(
        "G2",
        "mails go on into the inbox",
        "chalicelib/adapters/dynamo_people.py",
        "if item and ERASING not in item else None",
        "if item else None",
        (f"{TESTS}::test_g2_an_address_that_is_being_erased_finds_nobody",),
    ),
    Mutant(
        "G3",
        "what a receipt says is not signed",
        "infra/receipt.py",
        "return _RECEIPT + hashlib.sha256(text.encode()).digest()",
        "return _RECEIPT + text[:1].encode()",
        (f"{TESTS}::test_g3_a_receipt_that_was_altered_or_is_anothers_is_none",),
    ),
    Mutant(
        "G3",
        "a receipt's own ids do not count",
        "infra/receipt.py",
        "        self._digest.update(line.encode())\n",
        "",
        (f"{TESTS}::test_g3_the_digest_is_of_every_id",),
    ),
)
