"""The model server: registered models, predicted over HTTP."""

VERSION = "0.1.0"
