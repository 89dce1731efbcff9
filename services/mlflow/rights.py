"""Who may do what, beyond MLflow's own permissions.

MLflow lets every user create experiments and models, and change the own password. Whoever holds
the role `reader` may do nothing but read. The role `trainer` works on every experiment and model,
whoever created it, and deletes none that is not its own. Nobody uses MLflow's assistant.
"""

import re
from http import HTTPStatus

from flask import Response, request
from mlflow.server import auth
from mlflow.server.auth import authenticate_request_basic_auth, make_basic_auth_response
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME
from werkzeug.datastructures import Authorization

from services.mlflow.users import READER

_DECISION = "services.mlflow.rights"
_ASSISTANT = re.compile(r"/(ajax-)?api/\d\.\d/mlflow/assistant(/|$)")
_READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_READ_POSTS = re.compile(
    r"/graphql"
    r"|/(ajax-)?api/\d\.\d/?mlflow/[a-z-]+/(search|search-datasets)"
    r"|/(ajax-)?api/\d\.\d/mlflow/registered-models/get-latest-versions"
    r"|/(ajax-)?api/\d\.\d/mlflow/traces/(metrics|batchGetInfos|calculate-filter-correlation)"
)
"""Questions too long for a URL. GraphQL's mutations are such questions too: they only search."""


def authorize() -> Authorization | Response:
    """MLflow's `authorization_function`: the user of the request, or the response that refuses it.

    MLflow asks several times a request, it is decided once.
    """
    if _DECISION not in request.environ:
        request.environ[_DECISION] = _decide()
    decision: Authorization | Response = request.environ[_DECISION]
    return decision


def _decide() -> Authorization | Response:
    if request.authorization is None or request.authorization.type != "basic":
        return make_basic_auth_response()  # to a token MLflow itself answers 500
    user = authenticate_request_basic_auth()
    if isinstance(user, Response):
        return user
    if _ASSISTANT.match(request.path):
        return _forbidden("The assistant is switched off: it runs commands on the server's machine.")
    if not is_read(request.method, request.path) and is_reader(str(user.username)):
        return _forbidden(f"The user {user.username} may only read (role `{READER}`).")
    return user


def is_read(method: str, path: str) -> bool:
    """Whether the request only asks: by its method, or as one of the questions that are posted."""
    return method in _READ_METHODS or (method == "POST" and _READ_POSTS.fullmatch(path) is not None)


def is_reader(username: str) -> bool:
    """Whether the user, who exists, holds the role `reader`."""
    roles = auth.store.list_user_roles_for_workspace(auth.store.get_user(username).id, DEFAULT_WORKSPACE_NAME)
    return any(role.name == READER for role in roles)


def _forbidden(sentence: str) -> Response:
    return Response(sentence, HTTPStatus.FORBIDDEN, mimetype="text/plain")
