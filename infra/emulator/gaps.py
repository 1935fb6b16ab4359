"""What MiniStack takes and does not do, so that nothing which runs there shows it.

tests/e2e/test_second_emulator.py looks at the first of them, by their names: when MiniStack learns one, that test
fails, and the line can go.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    what: str
    instead: str


SEEN = {
    "gateway_responses": Gap("GatewayResponses", "an unknown route is answered 403, in API Gateway's own words"),
    "preflight": Gap(
        "CORS preflights", "OPTIONS is answered without the headers that Chalice's mock integration declares"
    ),
    "access_log": Gap("the access log", "the stage forgets its format, and the log stays empty"),
    "tls": Gap("endpoint type and security policy of the API", "neither is kept; all is plain HTTP"),
    "ranges": Gap("reading a part of a version", "`Range` is ignored where a URL pins the version"),
    "disposition": Gap("headers that a URL asks S3 to answer with", "ignored likewise, so attachments are not forced"),
    "unsigned_headers": Gap("unsigned `x-amz-` headers", "let through beside a signature, where S3 refuses them"),
}
UNSEEN = (
    Gap("traces", "X-Ray is told nothing"),
    Gap("encryption of buckets, queues and tables", "kept as a setting; nothing is encrypted"),
    Gap(
        "lifecycle, time to live, point-in-time recovery",
        "kept as settings; nothing expires and nothing can be restored",
    ),
    Gap("throttling, concurrency, time-outs of functions", "not tried here"),
    Gap("alarms, dashboard, metric filters", "made; no metric is followed"),
    Gap("CloudFront", "made; requests here go to the API's own address"),
    Gap(
        "e-mails",
        "SES takes them and keeps them to itself, so links to people without an account are not followed here",
    ),
)
