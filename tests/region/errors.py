"""How the APIs say no: a status, a code and a message, as every OCI service does."""


class ServiceError(Exception):
    """Becomes the response `{"code", "message"}` with this status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def not_authenticated(reason: str) -> ServiceError:
    """OCI does not say why; the reason here is for whoever reads a failing test."""
    return ServiceError(
        401,
        "NotAuthenticated",
        f"The required information to complete authentication was not provided or was incorrect. ({reason})",
    )


def not_found() -> ServiceError:
    """The same words for what is not there and for what may not be seen."""
    return ServiceError(
        404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."
    )


def not_implemented(operation: str) -> ServiceError:
    return ServiceError(501, "NotImplemented", f"{operation} is not implemented in this region.")


def invalid(message: str, code: str = "InvalidParameter") -> ServiceError:
    return ServiceError(400, code, message)
