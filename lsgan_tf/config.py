"""Every hyperparameter once: one field of `Config`, from which its flag is made.

`Config` is frozen, validated and JSON-able. A setting left alone takes the
paper's value for the chosen dataset (`PAPER`), else the field's own default. The
flags are made from the fields in `lsgan_tf.cli.flags`; no module but the binaries
reads one.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from lsgan_tf.data_settings import DataSettings
from lsgan_tf.errors import UserError
from lsgan_tf.machine_settings import MachineSettings
from lsgan_tf.settings.checks import check_together
from lsgan_tf.settings.defaults import PAPER, WEIGHT_SD
from lsgan_tf.settings.field import check, setting
from lsgan_tf.watch_settings import WatchSettings

FORMAT = 1
"""Version of `config.json`; raised when an older run can no longer be continued."""

_GROUPS = ("data", "networks", "objective", "optimisation", "machine", "run", "watching")
"""In the order in which `--help` lists them."""
_TARGETS = ("label_fake", "label_real", "label_target")
"""The paper's a, b and c: settings of least squares alone."""

_networks, _objective, _optimisation = (
    functools.partial(setting, group) for group in ("networks", "objective", "optimisation")
)


@dataclasses.dataclass(frozen=True)
class Config(DataSettings, MachineSettings, WatchSettings):
    """The whole description of a run.

    Attributes without a flag (`data_*`) are facts of the dataset, written when it
    has been opened. Units and ranges are in each flag's help.

    Raises:
      UserError: on construction, if a value is out of its range or two contradict.
    """

    network: str = _networks(
        "handwriting",
        "pair of networks; handwriting is the paper's conditional model, scene its 112x112 one, "
        "digits the TPAMI paper's for its digits, mlp a perceptron against dcgan's D",
        choices=("handwriting", "dcgan", "scene", "digits", "mlp", "mixture"),
    )
    z_dim: int = _networks(1024, "length of the noise vector z", "numbers", 1, 65_536)
    z_distribution: str = _networks(
        "uniform",
        "distribution of z: uniform on [-1, 1) or standard normal",
        choices=("uniform", "normal"),
    )
    noise: str = _networks(
        "philox",
        "generator of z: philox, or hash, cheaper on CPUs where XLA compiles it",
        choices=("philox", "hash"),
    )
    label_dim: int = _networks(
        256, "length of the mapped label, the paper's Phi(y)", "numbers", 1, 8192
    )
    first_filters: int = _networks(
        256, "handwriting: width of D's first convolution (authors' code: 257)", "channels", 1, 4096
    )
    width: float = _networks(
        1.0, "handwriting: channels of its later layers over the paper's", "times", 0.01, 8.0
    )
    filters: int = _networks(64, "dcgan, mlp: width of D's first convolution", "channels", 1, 1024)
    constant_filters: bool = _networks(
        False, "dcgan: all of G's maps have as many channels, where they else have 8, 4, 2, 1 times"
    )
    nonlinearity: str = _networks(
        "relu",
        "dcgan: relu (leaky in D), tanh, or gated (sigmoid times tanh, of twice the channels)",
        choices=("relu", "tanh", "gated"),
    )
    generator_batch_norm: bool = _networks(True, "batch normalisation in G")
    flat_norm: bool = _networks(
        False, "dcgan: G's first one over the dense layer's flat features, not a map's channels"
    )
    discriminator_batch_norm: bool = _networks(
        True, "batch normalisation in D; off by default with --discriminator_layer_norm"
    )
    discriminator_layer_norm: bool = _networks(
        False,
        "layer normalisation in D instead: each example over all of its pixels and channels, a "
        "scale and an offset for each channel",
    )
    bn_gamma: str = _networks(
        "normal",
        "initial batch-normalisation scale: normal is N(1, 0.02), one is 1",
        choices=("normal", "one"),
    )
    weight_sd: float = _networks(
        WEIGHT_SD,
        "standard deviation of the initial weights; with few channels and no normalisation the "
        "authors' 0.02 lets the signal vanish: twice that for a quarter of the channels",
        "weight",
        1e-6,
        10.0,
    )

    loss: str = _objective(
        "lsgan",
        "least squares, or cross entropy: nsgan (non-saturating) or mmgan (minimax)",
        choices=("lsgan", "nsgan", "mmgan"),
    )
    label_fake: float = _objective(0.0, "lsgan: a, D's target for fakes", "score", -1e3, 1e3)
    label_real: float = _objective(1.0, "lsgan: b, D's target for reals", "score", -1e3, 1e3)
    label_target: float = _objective(1.0, "lsgan: c, what G wants D to say", "score", -1e3, 1e3)

    gradient_penalty: float = _objective(
        0.0,
        "lambda, the weight of the penalty (|grad D| - 1)^2 near reals, beside objectives that are "
        "half means: the authors' 150, beside sums over 64, is 2.34 here; 0: none",
        "loss",
        0.0,
        1e6,
    )
    penalty_scale: float = _objective(
        30.0,
        "c, the most that the penalty's noise adds to a number of an example, where networks see "
        "pixels from -1 to 1 (handwriting from 0 to 1); the authors' 30 is far out",
        "pixel value",
        0.0,
        1e3,
    )

    steps: int = _optimisation(
        1_000_000,
        "how long to train; a step is d_steps updates of D and g_steps of G",
        "steps",
        0,
        10**9,
        free=True,
    )
    batch_size: int = _optimisation(64, "size of an update over all devices", "images", 1, 65_536)
    seed: int = _optimisation(0, "seed of weights, data order and noise", "no unit", 0, 2**31 - 1)
    optimizer: str = _optimisation("adam", "optimiser of both", choices=("adam", "rmsprop"))
    learning_rate: float = _optimisation(2e-4, "learning rate", "factor", 0.0, 1e30)
    generator_learning_rate: float | None = _optimisation(
        None,
        "learning rate of G where it differs",
        "factor",
        0.0,
        1e30,
        optional=float,
        unset="learning_rate",
    )
    beta1: float = _optimisation(0.5, "adam: decay of the mean gradient", "factor", 0.0, 0.999999)
    beta2: float = _optimisation(0.999, "adam: decay of the mean square", "factor", 0.0, 0.999999)
    rho: float = _optimisation(0.9, "rmsprop: decay of the mean square", "factor", 0.0, 0.999999)
    epsilon: float | None = _optimisation(
        None,
        "added to the root mean square",
        "gradient",
        0.0,
        1.0,
        optional=float,
        unset="1e-8 for adam, 1e-10 for rmsprop",
    )
    clip_norm: float = _optimisation(
        0.0, "largest norm of a network's gradient; 0 does not clip", "norm", 0.0
    )
    d_steps: int = _optimisation(1, "how often D is updated in a step", "updates", 1, 100)
    g_steps: int = _optimisation(1, "how often G is updated in a step", "updates", 1, 100)
    simultaneous: bool = _optimisation(
        False, "update both networks from the same weights; else D first, then G against it"
    )
    ema_decay: float = _optimisation(
        0.0,
        "decay of a moving average of G's weights, kept beside them; 0 keeps none",
        "factor",
        0.0,
        0.999999,
    )
    init_from: str | None = _optimisation(
        None,
        "run folder whose weights a new run starts from; its steps and optimisers stay behind",
        optional=str,
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
            value = getattr(self, field.name)
            check(field, value)
            only = field.metadata["only"]
            if only and self.dataset not in only and value != field.default:
                raise UserError(
                    f"--{field.name}={value}: this is for --dataset={' or '.join(only)} and the "
                    f"dataset is {self.dataset}; leave it out"
                )
        check_together(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values under the field names, with the format's version."""
        values = dataclasses.asdict(self)
        values["data_shape"] = list(self.data_shape)
        return {"format": FORMAT, **values}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str = "config.json") -> Config:
        """Inverse of `to_json`.

        Raises:
          UserError: if the values were written by another version, or are not a config;
            named after `where`.
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
            raise UserError(
                f"{where}: unknown setting {', '.join(unknown)}; it was written by a newer "
                "version of lsgan_tf: use that version"
            )
        try:
            given["data_shape"] = tuple(int(side) for side in given.get("data_shape", ()))
            return cls(**given)
        except (TypeError, ValueError, UserError) as error:
            raise UserError(f"{where}: not a valid config ({error})") from error

    def decisive(self) -> dict[str, Any]:
        """The values that change what is learnt, by name."""
        values = self.to_json()
        free = [field.name for field in settings() if field.metadata["free"]]
        if self.loss != "lsgan":
            free += _TARGETS  # Cross entropy has none.
        return {k: v for k, v in values.items() if k not in (*free, "data_description")}

    def differences(self, other: Config) -> list[str]:
        """Settings that change the result and differ, one `name: mine -> other's` each."""
        mine, theirs = self.decisive(), other.decisive()
        return [
            f"{name}: {json.dumps(mine[name])} -> {json.dumps(theirs[name])}"
            for name in mine
            if name in theirs and mine[name] != theirs[name]
        ]


def settings() -> list[dataclasses.Field[Any]]:
    """The fields of `Config` that have a flag."""
    own = [field for field in dataclasses.fields(Config) if field.metadata]
    # A base class's fields come first in a dataclass.
    return sorted(own, key=lambda field: _GROUPS.index(field.metadata["group"]))


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
    if values.get("discriminator_layer_norm") and "discriminator_batch_norm" not in values:
        values["discriminator_batch_norm"] = False
        where["discriminator_batch_norm"] = "off, as --discriminator_layer_norm is on"
    for field in settings():
        if field.name in values:
            continue
        if field.name in paper:
            values[field.name] = paper[field.name]
            where[field.name] = f"default for {dataset}"
        else:
            where[field.name] = "default"
    return Config(**values), where
