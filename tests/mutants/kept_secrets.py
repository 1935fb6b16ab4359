"""The checks S of docs/threat-model.md: secrets."""

from tests.mutants.mutant import Listed

leftovers = Listed("test_leftovers")
pins = Listed("test_pins")

KEPT_SECRETS = (
    leftovers(
        "S1",
        "paths are logged",
        "routes/call.py",
        "request.context['resourcePath']",
        "request.context['path']",
        "a_line_tells_the_route_and_not_the_path",
    ),
    leftovers(
        "S1",
        "an error's words are logged",
        "logs.py",
        '"error": type(error).__name__',
        '"error": repr(error)',
        "an_error_is_told_without_its_words",
    ),
    leftovers(
        "S1",
        "the words of AWS's client are logged",
        "adapters/aws_call.py",
        "kind = type(error).__name__",
        "kind = repr(error)",
        "trouble_at_aws_is_told_by_its_name",
    ),
    leftovers(
        "S2",
        "secrets are stored as they are",
        "domain/secret.py",
        "hashlib.sha256(text.encode()).hexdigest()",
        "text",
        "a_secret_is_stored_as_its_hash",
    ),
    pins(
        "S2",
        "temporary keys are stored as they are",
        "services/temporary_keys.py",
        "key_hash=hash_secret(text),",
        "key_hash=text,",
        "a_temporary_key_is_stored_as_its_hash",
    ),
    leftovers(
        "S2",
        "data keys are stored as they are",
        "adapters/kms_keys.py",
        'answer["CiphertextBlob"]',
        'answer["Plaintext"]',
        "a_data_key_is_stored_wrapped",
    ),
    leftovers(
        "S3",
        "a line may hold any letter",
        "logs.py",
        "ensure_ascii=True",
        "ensure_ascii=False",
        "a_line_is_one_line_of_ascii",
    ),
    leftovers(
        "S4",
        "an error tells what it is",
        "routes/endpoint.py",
        "return _finish(call, 500, internal_body(call.request_id))",
        "return _finish(call, 500, internal_body(call.request_id) | {'detail': repr(error)})",
        "an_unexpected_error_tells_nothing",
    ),
    leftovers(
        "S4",
        "errors are left to the framework",
        "routes/endpoint.py",
        "            except Exception as error:  # noqa: BLE001 - the last resort: no detail goes out, "
        "all of it to the log",
        "            except ZeroDivisionError as error:",
        "an_unexpected_error_tells_nothing",
    ),
    leftovers(
        "S4",
        "reasons are answered",
        "routes/errors.py",
        '{"message": error.message,',
        '{"message": error.reason or error.message,',
        "trouble_at_aws_is_told_without_detail",
        "a_refusal_keeps_its_reason_to_itself",
    ),
)
