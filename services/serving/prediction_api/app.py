"""The Flask application: the API, the page's files, and errors as JSON."""

import logging
import time
from pathlib import Path

from flask import Flask, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from services.serving.prediction_api import row
from services.serving.prediction_api.model_server import ModelServer
from services.serving.prediction_api.page import page
from services.serving.prediction_api.prediction import prediction
from services.serving.prediction_api.problem import Problem
from services.serving.prediction_api.settings import PredictionApiSettings

OPENAPI = Path(__file__).with_name("openapi.json").read_bytes()
MAX_BODY_BYTES = 64 * 1024

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

log = logging.getLogger(__name__)


def create_app(settings: PredictionApiSettings) -> Flask:
    """The application for these settings; the page's files are those that exist now."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.proxies:
        trusted = settings.proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted, x_port=trusted, x_prefix=trusted
        )
    model_server = app.extensions["model_server"] = ModelServer(settings)
    _add_api(app, model_server)
    app.register_blueprint(page())
    _add_errors(app)
    app.before_request(_start_clock)
    app.after_request(_finish)
    return app


def _add_api(app: Flask, model_server: ModelServer) -> None:
    @app.post("/predict")
    def predict() -> ResponseReturnValue:
        if request.mimetype != "application/json":
            sentence = "Send the values as JSON with the header Content-Type: application/json."
            raise Problem(415, "unsupported_media_type", sentence)
        return jsonify(prediction(model_server.predict(row.parse(request.get_data()))))

    @app.get("/model")
    def model() -> ResponseReturnValue:
        return jsonify(model_server.schema())

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> ResponseReturnValue:
        model_server.check()
        return {"status": "ready"}

    @app.get("/openapi.json")
    def openapi() -> ResponseReturnValue:
        return Response(OPENAPI, mimetype="application/json")


def _add_errors(app: Flask) -> None:
    @app.errorhandler(Problem)
    def problem(error: Problem) -> ResponseReturnValue:
        return jsonify(error.body), error.status, error.headers

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        kept = {name: value for name, value in error.get_headers() if name == "Allow"}
        code = error.name.lower().replace(" ", "_")
        return jsonify(Problem(status, code, _sentence(error)).body), status, kept

    @app.errorhandler(Exception)
    def failed(error: Exception) -> ResponseReturnValue:
        log.error("%s %r failed", request.method, request.path, exc_info=error)
        return jsonify(Problem(500, "internal_error", "Something failed here; the log says what.").body), 500


def _sentence(error: HTTPException) -> str:
    match error.code:
        case 404:
            return "There is nothing at this address."
        case 405:
            return f"This address does not answer {request.method}."
        case 413:
            return f"The body is larger than {MAX_BODY_BYTES // 1024} KiB."
        case _:
            return f"{error.name}."


def _start_clock() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    response.headers.update(SECURITY_HEADERS)
    # The page's names carry no version: the browser asks each time and mostly hears 304.
    response.headers["Cache-Control"] = "no-cache" if "ETag" in response.headers else "no-store"
    if request.endpoint != "healthz":
        # The path alone: a query may hold what somebody pasted there.
        took = 1000 * (time.perf_counter() - g.started)
        client = request.remote_addr
        log.info("%s %s %r %d %.0f ms", client, request.method, request.path, response.status_code, took)
    return response
