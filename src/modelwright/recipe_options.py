"""The options of a recipe's sections: their types and defaults. What a part's options are, its constructor says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WrapValidator


def _seconds(value: Any) -> Any:
    """`90`, `"90s"`, `"15m"` or `"2h"` -> seconds."""
    if isinstance(value, str) and value[-1:] in "smh":
        try:
            return float(value[:-1]) * {"s": 1, "m": 60, "h": 3600}[value[-1]]
        except ValueError:
            return value
    return value


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, populate_by_name=True, allow_inf_nan=False)


PartConfig = str | dict[str, Any]

Heads = Annotated[  # by target, or how many a language model's attention has
    dict[str, PartConfig],
    WrapValidator(lambda value, check: value if type(value) is int else check(value)),
    PlainSerializer(lambda value: value),
]


class ModelOptions(Strict):
    """What is built. What is left out is chosen for the data (`choices.py`) and written to `resolved.yaml`. Kinds of
    models other than `assembled` take the options of their constructors beside these."""

    model_config = ConfigDict(extra="allow")

    kind: str = "assembled"
    size: str | None = None
    encoders: dict[str, PartConfig] = Field(default_factory=dict)
    fuse: PartConfig | None = None
    heads: Heads = Field(default_factory=dict)
    weights: Literal["fixed", "uncertainty"] = "fixed"
    start: str | None = Field(None, alias="from")  # a run folder, or one of another tool, to start from
    tokenizer: PartConfig | None = None  # of a language model
    lora: dict[str, Any] | None = None  # of a language model

    @property
    def options(self) -> dict[str, Any]:
        """The options of the model's constructor that the recipe gives."""
        return {**(self.model_extra or {}), **({"heads": self.heads} if isinstance(self.heads, int) else {})}


class Adversarial(Strict):
    """Training on attacked inputs (`adversarial.py`)."""

    epsilon: float = Field(0.1, gt=0)
    steps: int = Field(5, ge=1)


class Balance(Strict):
    """Which rows are drawn more often (`data/balancing.py`)."""

    target: str
    bins: int = Field(20, ge=2)
    share: float = Field(1.0, ge=0, le=1)


class TrainOptions(Strict):
    """How it is trained. None means: chosen for the data; `auto` means: found by measurement on this machine."""

    epochs: int | None = Field(None, ge=1)
    steps: int | None = Field(None, ge=1)
    batch: Annotated[int, Field(ge=1)] | Literal["auto", "all"] | None = None
    accumulate: int = Field(1, ge=1)
    optimizer: PartConfig | None = None
    lr: Annotated[float, Field(gt=0)] | Literal["auto"] | None = None
    weight_decay: float | None = Field(None, ge=0)
    schedule: PartConfig | None = None
    clip: float | None = Field(None, gt=0)
    ema: float | None = Field(None, gt=0, lt=1)
    augment: list[PartConfig] = Field(default_factory=list)
    adversarial: Adversarial | None = None
    balance: Balance | None = None
    bucket: bool = True
    early_stop: int | None = Field(None, ge=0)
    monitor: Literal["loss", "metric"] | None = None
    time_limit: Annotated[float, BeforeValidator(_seconds), Field(gt=0)] | None = None
    seed: int = Field(0, ge=0, lt=2**31)
    device: str = "auto"
    threads: int | None = Field(None, ge=1, le=1024)
    speed: Literal["auto", "fixed"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    channels_last: bool | Literal["auto"] = "auto"
    compile: bool | Literal["auto"] = "auto"
    checkpoint_seconds: float = Field(30.0, ge=0)


class PrivacyOptions(Strict):
    """Differentially private training: what each row of the data may at most have changed (`privacy/differential.py`)."""

    epsilon: float | None = Field(None, gt=0)
    noise: float | None = Field(None, gt=0)  # in place of epsilon: its deviation in multiples of clip
    delta: float | None = Field(None, gt=0, lt=1)
    clip: float = Field(1.0, gt=0)  # largest norm of one row's gradient
    accountant: Literal["prv", "rdp"] = "prv"
    seed: int | None = Field(None, ge=0)  # of noise and batches, for experiments only: it must be secret
