"""The web page's files, held in memory: a few KB, and all of one release."""

from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, request

FRONTEND = Path(__file__).parents[3] / "frontend"

# Browsers are told not to guess, and Python's own table differs from machine to machine.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def page() -> Blueprint:
    """One rule for each file that exists now: no path can lead anywhere else."""
    blueprint = Blueprint("page", __name__)
    for file in sorted(path for path in FRONTEND.rglob("*") if path.suffix in TYPES):
        name = file.relative_to(FRONTEND).as_posix()
        _add(blueprint, "/" if name == "index.html" else f"/{name}", file)
    return blueprint


def _add(blueprint: Blueprint, path: str, file: Path) -> None:
    content = file.read_bytes()
    etag = sha256(content).hexdigest()[:16]

    def view() -> Response:
        response = Response(content, mimetype=TYPES[file.suffix])
        response.set_etag(etag)
        response.make_conditional(request)
        return response

    # A name in a blueprint may hold no dot.
    blueprint.add_url_rule(path, endpoint=path.replace(".", "-"), view_func=view)
