"""Every hyperparameter once: one field of `Config`, from which its flag is made.

`Config` is frozen, validated and JSON-able. A setting left alone takes the
paper's value for the chosen dataset (`PAPER`), else the field's own default. The
flags are made from the fields in `lsgan_tf.flagging`; no module but the binaries
reads one.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from lsgan_tf.errors import UserError

FORMAT = 1
"""Version of `config.json`; raised when an older run can no longer be continued."""

DATASETS = ("hwdb", "cifar10", "lsun", "images", "mixture")

# What the paper, or its authors' code, uses where it depends on the dataset.
PAPER: dict[str, dict[str, Any]] = {
    "hwdb": {"network": "handwriting", "image_size": 28, "learning_rate": 2e-4},
    "cifar10": {"network": "dcgan", "image_size": 32, "learning_rate": 2e-4},
    "lsun": {"network": "scene", "image_size": 112, "learning_rate": 1e-3},
    "images": {"network": "dcgan", "image_size": 64, "learning_rate": 2e-4},
    "mixture": {
        "network": "mixture",
        "image_size": 0,
        "z_dim": 256,
        "z_distribution": "normal",
        "batch_size": 512,
        "steps": 35_000,
        "learning_rate": 1e-4,
        "generator_learning_rate": 1e-3,
        "steps_per_call": 500,
        "log_every": 500,
        "sample_every": 5_000,
        "checkpoint_every": 5_000,
    },
}


def _setting(
    default: Any,
    group: str,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    free: bool = False,
    optional: type | None = None,
) -> Any:
    """A field that is also a flag.

    Args:
      default: value where the paper says nothing for the dataset; its type is the flag's.
      group: heading under which `--help` lists it.
      text: help, with the unit.
      low: smallest value allowed.
      high: largest value allowed.
      choices: the values allowed.
      free: it cannot change what is learnt, so a resumed run may change it.
      optional: the flag's type where `default` is None.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "group": group,
            "help": text,
            "low": low,
            "high": high,
            "choices": choices,
            "free": free,
            "type": optional or type(default),
        },
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """The whole description of a run.

    Attributes without a flag (`data_*`) are facts of the dataset, written when it
    has been opened. Units and ranges are in each flag's help.

    Raises:
      UserError: on construction, if a value is out of its range or two contradict.
    """

    dataset: str = _setting("hwdb", "data", "dataset to train on", choices=DATASETS)
    conditional: bool = _setting(
        False, "data", "give the class label to both networks (needs labelled data)"
    )
    data_dir: str | None = _setting(
        None,
        "data",
        "folder or file of the dataset; hwdb without it trains on the drawn stand-in",
        optional=str,
        free=True,
    )
    cache_dir: str | None = _setting(
        None,
        "data",
        "folder for prepared data (default: lsgan_tf in the user's cache folder)",
        optional=str,
        free=True,
    )
    image_size: int = _setting(28, "data", "height and width of images, pixels", low=0, high=1024)
    max_classes: int | None = _setting(
        None, "data", "keep only the first N classes (default: all)", optional=int, low=1
    )
    all_classes: bool = _setting(
        False, "data", "hwdb: keep symbols and characters outside GB2312 level 1 too"
    )
    keep_aspect: bool = _setting(
        False, "data", "hwdb: centre and pad instead of squashing to a square as the authors do"
    )
    max_bad_records: int | None = _setting(
        None,
        "data",
        "hwdb: damaged records to tolerate, a count (default: 1 in 1,000)",
        optional=int,
        low=0,
        free=True,
    )
    standin_samples: int | None = _setting(
        None,
        "data",
        "hwdb: samples per character to draw for the stand-in (default: what takes about a minute)",
        optional=int,
        low=1,
    )
    category: str = _setting("bedroom", "data", "lsun: scene or object category")
    crop: bool = _setting(
        False, "data", "lsun, images: crop the centre square instead of squashing"
    )
    flip: bool = _setting(False, "data", "mirror half of the images at random (authors: never)")

    network: str = _setting(
        "handwriting",
        "networks",
        "pair of networks; handwriting is the paper's conditional model, scene its 112x112 one",
        choices=("handwriting", "dcgan", "scene", "mixture"),
    )
    z_dim: int = _setting(1024, "networks", "length of the noise vector z", low=1, high=65_536)
    z_distribution: str = _setting(
        "uniform",
        "networks",
        "distribution of z: uniform on [-1, 1) or standard normal",
        choices=("uniform", "normal"),
    )
    label_dim: int = _setting(
        256, "networks", "length of the mapped label, the paper's Phi(y)", low=1, high=8192
    )
    first_filters: int = _setting(
        256,
        "networks",
        "handwriting: channels of D's first convolution (256 in the figure, 257 in the code)",
        low=1,
        high=4096,
    )
    filters: int = _setting(
        64, "networks", "dcgan: channels of D's first convolution", low=1, high=1024
    )
    generator_batch_norm: bool = _setting(True, "networks", "batch normalisation in G")
    discriminator_batch_norm: bool = _setting(True, "networks", "batch normalisation in D")
    bn_gamma: str = _setting(
        "normal",
        "networks",
        "initial batch-normalisation scale: normal is N(1, 0.02), one is 1",
        choices=("normal", "one"),
    )

    loss: str = _setting(
        "lsgan",
        "objective",
        "lsgan, or cross entropy: nsgan (non-saturating) or mmgan (minimax)",
        choices=("lsgan", "nsgan", "mmgan"),
    )
    label_fake: float = _setting(
        0.0, "objective", "lsgan: a, D's target for fakes", low=-1e3, high=1e3
    )
    label_real: float = _setting(
        1.0, "objective", "lsgan: b, D's target for reals", low=-1e3, high=1e3
    )
    label_target: float = _setting(
        1.0, "objective", "lsgan: c, what G wants D to say of fakes", low=-1e3, high=1e3
    )

    steps: int = _setting(
        1_000_000,
        "optimisation",
        "steps to train; one step is d_steps updates of D and g_steps of G",
        low=0,
        high=10**9,
        free=True,
    )
    batch_size: int = _setting(
        64, "optimisation", "images per update over all devices", low=1, high=65_536
    )
    seed: int = _setting(
        0, "optimisation", "seed of weights, data order and noise", low=0, high=2**31 - 1
    )
    optimizer: str = _setting(
        "adam", "optimisation", "optimiser of both networks", choices=("adam", "rmsprop")
    )
    learning_rate: float = _setting(2e-4, "optimisation", "learning rate", low=0.0, high=1e30)
    generator_learning_rate: float | None = _setting(
        None,
        "optimisation",
        "learning rate of G where it differs (default: --learning_rate)",
        optional=float,
        low=0.0,
        high=1e30,
    )
    beta1: float = _setting(
        0.5, "optimisation", "adam: decay of the mean gradient", low=0.0, high=0.999999
    )
    beta2: float = _setting(
        0.999, "optimisation", "adam: decay of the mean square", low=0.0, high=0.999999
    )
    rho: float = _setting(
        0.9, "optimisation", "rmsprop: decay of the mean square", low=0.0, high=0.999999
    )
    epsilon: float | None = _setting(
        None,
        "optimisation",
        "added to the root mean square (default: 1e-8 for adam, 1e-10 for rmsprop)",
        optional=float,
        low=0.0,
        high=1.0,
    )
    clip_norm: float = _setting(
        0.0, "optimisation", "largest norm of a network's gradient; 0 does not clip", low=0.0
    )
    d_steps: int = _setting(1, "optimisation", "updates of D per step", low=1, high=100)
    g_steps: int = _setting(1, "optimisation", "updates of G per step", low=1, high=100)
    init_from: str | None = _setting(
        None,
        "optimisation",
        "run folder whose weights a new run starts from; its steps and optimisers stay behind",
        optional=str,
    )

    precision: str = _setting(
        "float32",
        "machine",
        "arithmetic of the networks; weights stay float32, bfloat16 is the fast choice",
        choices=("float32", "bfloat16", "float16"),
    )
    devices: str = _setting(
        "auto",
        "machine",
        "auto (all GPUs, else the CPU), cpu, cpu:N (N logical devices), gpu, or gpu:N",
        free=True,
    )
    steps_per_call: int = _setting(
        10, "machine", "most steps run by one call into TensorFlow", low=1, high=10**6, free=True
    )
    deterministic: bool = _setting(
        False, "machine", "have every operation repeat to the bit", free=True
    )
    jit_compile: str = _setting(
        "auto",
        "machine",
        "compile with XLA; auto: on one GPU, and for the mixture on one CPU device",
        choices=("auto", "on", "off"),
        free=True,
    )

    run_dir: str | None = _setting(
        None,
        "run",
        "the run's folder; an existing one is resumed (default: a new one under runs/)",
        optional=str,
        free=True,
    )
    log_every: int = _setting(100, "run", "steps between log lines", low=1, high=10**9, free=True)
    sample_every: int = _setting(
        1_000, "run", "steps between sample grids; 0: none", low=0, high=10**9, free=True
    )
    checkpoint_every: int = _setting(
        1_000, "run", "steps between checkpoints; 0: at the end only", low=0, high=10**9, free=True
    )
    keep_checkpoints: int = _setting(
        3, "run", "newest checkpoints to keep", low=1, high=10**6, free=True
    )

    # Facts of the dataset, written when it has been opened.
    data_shape: tuple[int, ...] = ()
    data_classes: int = 0
    data_length: int = 0
    data_fingerprint: str = ""
    data_standin: bool = False
    data_description: str = ""

    def __post_init__(self) -> None:
        for field in settings():
            _check(field, getattr(self, field.name))
        if self.dataset == "mixture" and self.conditional:
            raise UserError("--conditional: the mixture has no labels; leave --conditional out")
        if (self.network == "mixture") != (self.dataset == "mixture"):
            raise UserError(
                f"--network={self.network} does not fit --dataset={self.dataset}: the mixture "
                "network is for the mixture dataset and for that alone"
            )
        if self.dataset != "mixture" and self.image_size < 8:
            raise UserError(
                f"--image_size={self.image_size}: expected 8 to 1024 pixels for {self.dataset}"
            )
        if self.loss == "lsgan" and self.label_fake == self.label_real:
            raise UserError(
                f"--label_fake and --label_real are both {self.label_real}: with one target for "
                "reals and fakes there is nothing to learn; give different values"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values under the field names, with the format's version."""
        values = dataclasses.asdict(self)
        values["data_shape"] = list(self.data_shape)
        return {"format": FORMAT, **values}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str = "config.json") -> Config:
        """Inverse of `to_json`.

        Raises:
          UserError: if the values were written by another version, or are not a config.
        """
        if not isinstance(values, Mapping) or "dataset" not in values:
            raise UserError(f"{where}: this is not the config of an lsgan_tf run")
        if values.get("format") != FORMAT:
            raise UserError(
                f"{where}: written in format {values.get('format')}, this version of lsgan_tf "
                f"reads format {FORMAT}; continue the run with the version that began it"
            )
        known = {field.name for field in dataclasses.fields(cls)}
        given = {name: value for name, value in values.items() if name != "format"}
        if unknown := sorted(set(given) - known):
            raise UserError(f"{where}: unknown setting {', '.join(unknown)}")
        given["data_shape"] = tuple(given.get("data_shape", ()))
        try:
            return cls(**given)
        except TypeError as error:
            raise UserError(f"{where}: {error}") from error

    def differences(self, other: Config) -> list[str]:
        """Settings that change the result and differ, one `name: mine -> other's` each."""
        rows = []
        for field in dataclasses.fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            free = field.metadata.get("free") or field.name == "data_description"
            if mine != theirs and not free:
                rows.append(f"{field.name}: {json.dumps(mine)} -> {json.dumps(theirs)}")
        return rows


def settings() -> list[dataclasses.Field[Any]]:
    """The fields of `Config` that have a flag."""
    return [field for field in dataclasses.fields(Config) if field.metadata]


def resolve(given: Mapping[str, Any], origins: Mapping[str, str]) -> tuple[Config, dict[str, str]]:
    """Completes what was given with the paper's values for its dataset.

    Args:
      given: settings by name; a missing one or None takes its default.
      origins: where each given setting comes from, "command line" for example.

    Returns:
      The config, and the origin of each setting by name.

    Raises:
      UserError: if a value is out of range.
    """
    values = {name: value for name, value in given.items() if value is not None}
    where = {name: origins.get(name, "given") for name in values}
    dataset = values.get("dataset", Config.dataset)
    paper = dict(PAPER.get(dataset, {}))
    if "learning_rate" in values:
        # One rate given by hand means that rate for both networks.
        paper.pop("generator_learning_rate", None)
    for field in settings():
        if field.name in values:
            continue
        if field.name in paper:
            values[field.name] = paper[field.name]
            where[field.name] = f"default for {dataset}"
        else:
            where[field.name] = "default"
    return Config(**values), where


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    meta = field.metadata
    if value is None and field.default is None:
        return
    kind = meta["type"]
    right = isinstance(value, kind) or (kind is float and type(value) is int)
    if not right or (kind is not bool and isinstance(value, bool)):
        raise UserError(f"--{field.name}={value}: expected {_KINDS[kind]}")
    if meta["choices"] and value not in meta["choices"]:
        raise UserError(f"--{field.name}={value}: expected one of {', '.join(meta['choices'])}")
    low, high = meta["low"], meta["high"]
    too_low = low is not None and value < low
    too_high = high is not None and value > high
    if too_low or too_high or (kind is float and not math.isfinite(value)):
        raise UserError(f"--{field.name}={value}: expected a value{range_text(meta)}")


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def range_text(meta: Mapping[str, Any]) -> str:
    """The range of a setting in words, from its field's metadata; empty without one."""
    low, high = meta["low"], meta["high"]
    if low is None and high is None:
        return ""
    if high is None:
        return f", at least {low:,}"
    return f", {low:,} to {high:,}"
