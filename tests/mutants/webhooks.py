"""The checks H of docs/threat-model.md: webhooks."""

from tests.mutants.mutant import Listed

webhooks = Listed("test_webhooks")

WEBHOOKS = (
    webhooks(
        "H1",
        "any account's webhook will do",
        "services/manage_webhooks.py",
        "if webhook is None or webhook.account_id != account_id:",
        "if webhook is None:",
        "anothers_webhooks_and_deliveries_are_not_there",
    ),
    webhooks(
        "H1",
        "any webhook's delivery will do",
        "services/manage_webhooks.py",
        "if delivery is None or delivery.webhook_id != webhook.id:",
        "if delivery is None:",
        "anothers_webhooks_and_deliveries_are_not_there",
    ),
    webhooks(
        "H2",
        "any scheme and host will do",
        "domain/webhook_url.py",
        'if parts.scheme != "https" or not _HOST.fullmatch(host):',
        "if not host:",
        "nothing_but_https_at_a_name",
    ),
    webhooks(
        "H2",
        "a user may stand before the host",
        "domain/webhook_url.py",
        'if "@" in parts.netloc or "#" in url:',
        "if False:",
        "nothing_but_https_at_a_name",
    ),
    webhooks(
        "H3",
        "link-local is public",
        "domain/public_address.py",
        '            "169.254.0.0/16",  # link-local: the metadata service\n',
        "",
        "an_address_that_is_not_public",
    ),
    webhooks(
        "H3",
        "any IPv6 address is public",
        "domain/public_address.py",
        "return parsed in _GLOBAL_6 and parsed.scope_id is None and not",
        "return parsed.scope_id is None and not",
        "an_address_that_is_not_public",
    ),
    webhooks(
        "H3",
        "one public address is enough",
        "adapters/webhook_http.py",
        "not all(map(allowed, addresses))",
        "not any(map(allowed, addresses))",
        "a_name_that_leads_inside_is_not_connected_to",
    ),
    webhooks(
        "H3",
        "the name is connected to",
        "adapters/webhook_http.py",
        "(self._address, self._target.port), timeout",
        "(self._target.host, self._target.port), timeout",
        "a_name_is_looked_up_once",
    ),
    webhooks(
        "H3",
        "a receiver's headers are parsed",
        "adapters/webhook_http.py",
        "        self.headers = self.msg = HTTPMessage()\n",
        "        self.headers = self.msg = __import__('http.client').client.parse_headers(self.fp)\n",
        "what_follows_the_status_is_not_looked_at",
    ),
    webhooks(
        "H4",
        "a secret is good for any webhook",
        "services/manage_webhooks.py",
        "keys.generate(secret_context(webhook_id, account_id))",
        "keys.generate({})",
        "a_secret_is_shown_once_and_kept_wrapped",
    ),
    webhooks(
        "H5",
        "the body is not signed",
        "adapters/standard_webhooks.py",
        "sign(delivery_id, whole, body)",
        'sign(delivery_id, whole, "")',
        "whoever_has_the_secret_knows_that_it_was_us_and_when",
    ),
    webhooks(
        "H6",
        "there is no end of them",
        "adapters/dynamo_webhooks.py",
        '"attribute_not_exists(webhook_ids) OR size(webhook_ids) < :most",',
        '":most = :most",',
        "the_count_is_a_condition_of_the_write",
    ),
)
