"""S3's refusals, with S3's own codes and words."""

from xml.sax.saxutils import escape


class S3Error(Exception):
    def __init__(self, status: int, code: str, message: str, **fields: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.fields = status, code, message, fields

    def xml(self, resource: str, request_id: str) -> bytes:
        fields = {**self.fields, "Resource": resource, "RequestId": request_id}
        lines = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        head = f"<Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{head}{lines}</Error>'.encode()


def access_denied(message: str = "Access Denied", **fields: str) -> S3Error:
    return S3Error(403, "AccessDenied", message, **fields)


def invalid_request(message: str) -> S3Error:
    return S3Error(400, "InvalidRequest", message)


def invalid_argument(message: str, name: str, value: str) -> S3Error:
    return S3Error(400, "InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def not_implemented(what: str) -> S3Error:
    return S3Error(
        501, "NotImplemented", f"A header you provided implies functionality that is not implemented: {what}"
    )


def no_such_upload(upload_id: str) -> S3Error:
    message = "The specified multipart upload does not exist. It may have been aborted or completed."
    return S3Error(404, "NoSuchUpload", message, UploadId=upload_id)


def precondition_failed(condition: str) -> S3Error:
    message = "At least one of the pre-conditions you specified did not hold"
    return S3Error(412, "PreconditionFailed", message, Condition=condition)
