"""The API's resources, in the order of its reference."""

from chalicelib.routes import (
    categories,
    downloads,
    events,
    files,
    inbox,
    keys,
    mails,
    service,
    tokens,
    user,
    webhooks,
)

RESOURCES = (files, categories, downloads, mails, inbox, keys, tokens, events, webhooks, user, service)
