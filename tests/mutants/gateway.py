"""The checks G of docs/threat-model.md: what API Gateway is told."""

from tests.mutants.mutant import SECURITY, Mutant


def _told(number: str, what: str, source: str, replacement: str, test: str) -> Mutant:
    path = "infra/gateway.yaml"
    return Mutant(
        number, what, path, source, replacement, (f"{SECURITY}/test_gateway.py::test_{number.lower()}_{test}",)
    )


GATEWAY = (
    _told(
        "T1",
        "the access log has paths",
        "$context.resourcePath",
        "$context.path",
        "a_key_in_a_path_and_a_token_in_an_error_are_not_in_the_access_log",
    ),
    _told(
        "T1",
        "the access log has the words of errors",
        "$context.error.responseType",
        "$context.error.message",
        "a_key_in_a_path_and_a_token_in_an_error_are_not_in_the_access_log",
    ),
    _told(
        "T1",
        "traces have the whole URL",
        "TracingEnabled: false",
        "TracingEnabled: true",
        "no_request_is_kept_as_a_whole",
    ),
    _told(
        "T1",
        "requests are logged as they are",
        "DataTraceEnabled: false",
        "DataTraceEnabled: true",
        "no_request_is_kept_as_a_whole",
    ),
    _told("T1", "the course of each request is logged", "'OFF'", "INFO", "no_request_is_kept_as_a_whole"),
    _told(
        "T2",
        "the API's own address takes old TLS",
        "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
        "TLS_1_0",
        "the_apis_own_address_takes_no_tls_before_1_2",
    ),
    Mutant(
        "T2",
        "the web address takes old TLS",
        "infra/web.yaml",
        "MinimumProtocolVersion: TLSv1.2_2021",
        "MinimumProtocolVersion: TLSv1",
        (f"{SECURITY}/test_gateway.py::test_t2_a_domain_of_ones_own_takes_no_tls_before_1_2",),
    ),
)
