"""The shapes of requests and answers, as the OpenAPI document tells them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class Status(BaseModel):
    """The process is up."""

    status: Literal["ok"] = "ok"


class Service(Status):
    service: Literal["model-server"] = "model-server"
    version: str


class Readiness(BaseModel):
    """The registry can be read."""

    status: Literal["ready"] = "ready"


class RegisteredModel(BaseModel):
    name: str
    description: str
    aliases: dict[str, str] = Field(description="version numbers by alias")
    latest_version: str | None


class Models(BaseModel):
    models: list[RegisteredModel]


class ModelVersion(BaseModel):
    version: str
    aliases: list[str]
    stage: str | None = Field(description="MLflow's legacy stage")
    run_id: str | None
    created_at: datetime
    tags: dict[str, str]


class Versions(BaseModel):
    name: str
    versions: list[ModelVersion]


class Input(BaseModel):
    """A column; the range is the training data's, not a bound."""

    name: str
    type: str
    required: bool
    minimum: float | None
    maximum: float | None
    unit: str | None


class Schema(BaseModel):
    name: str
    version: str
    inputs: list[Input] = Field(description="in a row's order; empty when the model does not say")
    classes: list[str] | None


class Rows(BaseModel):
    """Rows to predict: lists in the schema's order, or objects by its names."""

    data: list[Any] = Field(min_length=1, examples=[[[5.1, 3.5, 1.4, 0.2]]])


class Predictions(BaseModel):
    predictions: Any = Field(description="a label or a value for every row")
    model_name: str
    model_version: str = Field(description="the reference as it was asked for")
    version: str = Field(description="the version that it meant")
    probabilities: list[list[float | None]] | None = Field(description="rows × classes")
    classes: list[str] | None = Field(description="names of the labels 0, 1, …")


class Prediction(BaseModel):
    prediction: Any = Field(description="the class name if it is known, else what the model says")
    probability: float | None


class Cleared(BaseModel):
    cleared: int


class Sentence(BaseModel):
    detail: str


class Problem(BaseModel):
    loc: list[str | int]
    msg: str
    type: str


class Problems(BaseModel):
    detail: list[Problem]
