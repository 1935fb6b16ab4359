"""The checks I of docs/threat-model.md: idempotency."""

from tests.mutants.mutant import Listed

idempotency = Listed("test_idempotency")

IDEMPOTENCY = (
    idempotency(
        "I1",
        "a key is anybody's",
        "domain/claim.py",
        "json.dumps([user_id, route, key])",
        "json.dumps([route, key])",
        "so_does_a_colleague",
    ),
    idempotency(
        "I1",
        "a key is for every route",
        "domain/claim.py",
        "json.dumps([user_id, route, key])",
        "json.dumps([user_id, key])",
        "and_by_route",
    ),
    idempotency(
        "I1",
        "a key is for every account",
        "adapters/dynamo_claims.py",
        'return _key(f"{claim.account_id}#{claim.name}")',
        "return _key(claim.name)",
        "claims_are_kept_apart_by_account",
    ),
    idempotency(
        "I2",
        "any body will do",
        "services/create_once.py",
        "if claim is None or kept.body_digest != claim.body_digest:",
        "if claim is None:",
        "another_body_is_told_nothing",
        "one_byte_makes_another_body",
    ),
    idempotency(
        "I3",
        "a claim can be taken again",
        "adapters/dynamo_claims.py",
        '"attribute_not_exists(pk) OR expires_at <= :now"',
        '"attribute_not_exists(pk) OR expires_at > :now"',
        "a_claim_is_taken_once",
        "a_grant_is_made_once",
    ),
    idempotency(
        "I3",
        "no claim is kept",
        "adapters/dynamo_creations.py",
        "        if claim:\n",
        "        if False:\n",
        "a_claim_is_taken_once",
        "a_grant_is_made_once",
    ),
    idempotency(
        "I3",
        "what stands there is written over",
        "adapters/dynamo_creations.py",
        "put(self._table, item, NEW) for item",
        'put(self._table, item, f"{NEW} OR attribute_exists(pk)") for item',
        "a_claim_stands_with_its_record_and_never_without",
    ),
    idempotency(
        "I4",
        "a plain digest is kept",
        "domain/claim.py",
        'hmac.digest(key.encode(), body.encode(), "sha256").hex()',
        "hashlib.sha256(body.encode()).hexdigest()",
        "a_pin_in_a_body_cannot_be_found_by_trying",
    ),
    idempotency(
        "I4",
        "the key itself is kept",
        "domain/claim.py",
        "hashlib.sha256(json.dumps([user_id, route, key]).encode()).hexdigest()",
        "json.dumps([user_id, route, key])",
        "nor_is_the_key_kept",
    ),
    idempotency(
        "I5",
        "a key is ignored where secrets are made",
        "routes/idempotency.py",
        "if HEADER in call.request.headers:",
        "if False:",
        "what_answers_a_secret_takes_no_key",
    ),
)
