"""The headers of every answer of ours, and what browsers of other origins may do."""

from chalice.app import CORSConfig

from chalicelib.domain.rate_limit import RateLimit

FIXED_HEADERS = {
    "Content-Type": "application/json",
    "Vary": "Authorization",
    "X-Robots-Tag": "none",
    "Access-Control-Allow-Origin": "*",  # bearer tokens only, no cookies: any origin may ask
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

EXPOSED = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id", "Retry-After"]

CORS = CORSConfig(
    allow_origin="*", allow_headers=["Authorization", "Content-Type"], expose_headers=EXPOSED, max_age=600
)


def rate_limit_headers(limit: RateLimit) -> dict[str, str]:
    return {"X-RateLimit-Limit": str(limit.limit), "X-RateLimit-Remaining": str(limit.remaining)}
