"""Settings of a run: each is a field of `Config`, from which its flag is made.

`Config` is frozen, validated and JSON-serialisable. A setting that is not given takes the
paper's value for the dataset (`PAPER`), else the field's default. `lsgan_tf.cli.flags` makes
the flags; only the commands read them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from lsgan_tf.errors import UserError
from lsgan_tf.settings import fingerprints
from lsgan_tf.settings.checks import check_together, named_characters
from lsgan_tf.settings.defaults import DATASETS, FORMER, PAPER, WEIGHT_SD
from lsgan_tf.settings.field import check, fields_of, setting, why_unused
from lsgan_tf.util.forms import check_form

FORMAT = 1
"""Version of `config.json`; incremented when older runs can no longer be resumed."""

_DATA_FORM = {
    "data_shape?": [int],
    "data_classes?": int,
    "data_length?": int,
    "data_fingerprint?": str,
    "data_standin?": bool,
    "data_description?": str,
}
_LONGEST_SIDE = 65_536
_IMAGE_DATASETS = tuple(name for name in DATASETS if name != "mixture")
_IMAGE_NETWORKS = ("handwriting", "dcgan", "scene", "digits", "mlp")

_data = functools.partial(setting, "data")
_hwdb = functools.partial(_data, only={"dataset": ("hwdb",)})
_tfds = functools.partial(_data, only={"dataset": ("tfds",)})
_mixture = functools.partial(_data, only={"dataset": ("mixture",)})
_networks, _objective, _optimisation, _machine = (
    functools.partial(setting, group)
    for group in ("networks", "objective", "optimisation", "machine")
)
_of_images = functools.partial(_networks, only={"network": _IMAGE_NETWORKS})
_handwriting = functools.partial(_networks, only={"network": ("handwriting",)})
_dcgan = functools.partial(_networks, only={"network": ("dcgan",)})
_lsgan = functools.partial(_objective, only={"loss": ("lsgan",)})
_adam = functools.partial(_optimisation, only={"optimizer": ("adam",)})
_run = functools.partial(setting, "run", free=True)
_watch = functools.partial(setting, "watching", free=True)  # none affects the weights
_evaluation = functools.partial(_watch, needs="evaluate_every")


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of a run.

    Attributes without a flag (`data_*`) are metadata of the dataset, filled in when it
    is opened. Units and ranges are in each flag's help.

    Raises:
      UserError: if a value is out of range or two values contradict each other.
    """

    dataset: str = _data("hwdb", "dataset to train on", choices=DATASETS)
    conditional: bool = _data(False, "give the class label to both networks (needs labelled data)")
    data_dir: str | None = _data(
        None,
        "folder or file of the dataset; without it, hwdb trains on the synthetic stand-in",
        optional=str,
        free=True,
        only={"dataset": ("hwdb", "cifar10", "lsun", "images", "tfds")},
        path=True,
    )
    cache_dir: str | None = _data(
        None,
        "folder for prepared data",
        optional=str,
        free=True,
        only={"dataset": _IMAGE_DATASETS},
        unset="lsgan_tf in the user's cache folder",
        path=True,
    )
    image_size: int = _data(
        28,
        "height and width of images, at least 8; 0 for the mixture, which has no images",
        "pixels",
        0,
        1024,
        only={"dataset": _IMAGE_DATASETS},
    )
    max_classes: int | None = _hwdb(
        None,
        "number of classes to keep, in label order",
        "classes",
        1,
        optional=int,
        unset="all",
    )
    characters: str | None = _hwdb(
        None,
        "keep only these characters, labelled in this order; @FILE reads them from a file without "
        "its white space",
        optional=str,
        unset="all, or those of max_classes",
        longest=20,
    )
    all_classes: bool = _hwdb(
        False,
        "keep symbols and characters outside GB2312 level 1 too",
        needs="data_dir",
        without="characters",
    )
    keep_aspect: bool = _hwdb(
        False, "centre and pad instead of squashing to a square as the authors do"
    )
    max_bad_records: int | None = _hwdb(
        None,
        "maximum number of damaged records",
        "records",
        0,
        free=True,
        optional=int,
        unset="1 in 1,000",
        needs="data_dir",
    )
    standin_samples: int | None = _hwdb(
        None,
        "size of the stand-in; 0: generate new images in every epoch",
        "samples per character",
        0,
        optional=int,
        unset="60",
        without="data_dir",
    )
    category: str = _data("bedroom", "scene or object category", only={"dataset": ("lsun",)})
    crop: bool = _data(
        False, "crop the centre instead of squashing", only={"dataset": ("lsun", "images", "tfds")}
    )
    tfds_name: str | None = _tfds(
        None,
        "dataset of tensorflow-datasets: NAME, NAME/CONFIG, or either with :VERSION; kmnist or "
        "emnist/balanced, for example",
        optional=str,
    )
    tfds_split: str = _tfds(
        "train", "split, part of one (train[:80%]) or several (train+test) to train on"
    )
    tfds_image: str | None = _tfds(
        None,
        "name of the image feature, if there are several",
        optional=str,
        unset="the dataset's own choice",
    )
    tfds_label: str | None = _tfds(
        None,
        "name of the label feature, if there are several",
        optional=str,
        unset="the dataset's own choice",
        needs="conditional",
    )
    mode_radius: float = _mixture(1.0, "radius of the ring of Gaussians", "no unit", 1e-6, 1e6)
    mode_deviation: float = _mixture(
        0.01, "standard deviation of each Gaussian, on both axes", "no unit", 1e-9, 1e6
    )
    doubled_mode: bool = _mixture(
        False, "give the mode at (0, radius) the weight of two, as the authors' code does"
    )
    flip: bool = _data(
        False,
        "flip half of the images horizontally at random (not in the paper)",
        only={"dataset": ("hwdb", "cifar10", "lsun", "images", "tfds")},
    )
    augment: float = _data(
        0.0,
        "for small datasets: D sees reals and fakes randomly shifted and stretched by up to this "
        "fraction of the size, differentiably (not in the paper); 0: unchanged",
        "of the size",
        0.0,
        0.3,
        only={"dataset": _IMAGE_DATASETS},
    )
    digits_rotation: float = _data(
        10.0,
        "maximum rotation of digits; 0: shifts only (the paper does not give the angle)",
        "degrees",
        0.0,
        45.0,
        only={"dataset": ("digits",)},
    )

    network: str = _networks(
        "handwriting",
        "architecture of G and D; handwriting is the paper's conditional model, scene its 112x112 "
        "model, digits that of the TPAMI paper, mlp a perceptron as G against the D of dcgan",
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
        "random number generator of z; hash is cheaper where XLA compiles for a CPU",
        choices=("philox", "hash"),
    )
    label_dim: int = _networks(
        256,
        "length of the mapped label, the paper's Phi(y)",
        "numbers",
        1,
        8192,
        needs="conditional",
    )
    generator_label_dim: int | None = _networks(
        None,
        "length of G's own mapped label; many classes need more in G than in D",
        "numbers",
        1,
        8192,
        optional=int,
        unset="label_dim",
        needs="conditional",
    )
    projection: bool = _of_images(
        False,
        "add the inner product of a class embedding and D's last features to the score",
        needs="conditional",
    )
    first_filters: int = _handwriting(
        256, "width of D's first convolution (authors' code: 257)", "channels", 1, 4096
    )
    width: float = _handwriting(
        1.0,
        "multiplier of the channels of all layers but D's first; 1 is the paper's network",
        "times",
        0.01,
        8.0,
    )
    generator_width: float | None = _handwriting(
        None,
        "multiplier of the channels of G alone; a wider G adds little time to a step",
        "times",
        0.01,
        8.0,
        optional=float,
        unset="width",
    )
    filters: int = _networks(
        64,
        "width of D's first convolution",
        "channels",
        1,
        1024,
        only={"network": ("dcgan", "mlp")},
    )
    constant_filters: bool = _dcgan(
        False, "use `filters` channels in every layer of G instead of 8, 4, 2, 1 times as many"
    )
    nonlinearity: str = _dcgan(
        "relu",
        "relu (leaky in D), tanh, or gated (sigmoid times tanh, with twice the channels)",
        choices=("relu", "tanh", "gated"),
    )
    generator_batch_norm: bool = _networks(
        True,
        "batch normalisation in G",
        only={"network": ("handwriting", "dcgan", "scene", "digits")},
    )
    flat_norm: bool = _dcgan(
        False,
        "normalise G's dense layer per feature instead of per channel",
        needs="generator_batch_norm",
    )
    discriminator_batch_norm: bool = _of_images(
        True, "batch normalisation in D; off by default with --discriminator_layer_norm"
    )
    discriminator_layer_norm: bool = _of_images(
        False,
        "layer normalisation in D instead, over all pixels and channels of an example, with a "
        "scale and an offset per channel",
    )
    bn_gamma: str = _of_images(
        "normal",
        "initial batch-normalisation scale: normal is N(1, 0.02), one is 1",
        choices=("normal", "one"),
        needs=("generator_batch_norm", "discriminator_batch_norm"),
        without="init_from",
    )
    weight_sd: float = _networks(
        WEIGHT_SD,
        "standard deviation of the initial weights; with few channels and no normalisation the "
        "paper's 0.02 makes activations vanish: double it for a quarter of the channels",
        "weight",
        1e-6,
        10.0,
        # The other networks start from distributions of their own.
        only={"network": ("handwriting", "dcgan", "scene", "digits")},
        without="init_from",
    )

    loss: str = _objective(
        "lsgan",
        "least squares, or cross entropy: nsgan (non-saturating) or mmgan (minimax)",
        choices=("lsgan", "nsgan", "mmgan"),
    )
    label_fake: float = _lsgan(0.0, "a, D's target for fakes", "score", -1e3, 1e3)
    label_real: float = _lsgan(1.0, "b, D's target for reals", "score", -1e3, 1e3)
    label_target: float = _lsgan(1.0, "c, G's target for the scores of fakes", "score", -1e3, 1e3)

    gradient_penalty: float = _objective(
        0.0,
        "lambda, weight of the penalty (|grad D| - 1)^2 around reals, relative to objectives that "
        "are half means: the authors' 150 for sums over 64 examples is 2.34 here; 0: no penalty",
        "loss",
        0.0,
        1e6,
    )
    penalty_scale: float = _objective(
        30.0,
        "c, maximum perturbation added to a pixel for the penalty; pixels lie in -1 to 1 "
        "(handwriting: 0 to 1), so the authors' 30 is far outside",
        "pixel value",
        0.0,
        1e3,
        needs="gradient_penalty",
    )

    steps: int = _optimisation(
        1_000_000,
        "training steps; a step is d_steps updates of D and g_steps of G",
        "steps",
        0,
        10**9,
        free=True,
    )
    batch_size: int = _optimisation(
        64, "global batch size of an update, over all devices", "images", 1, 65_536
    )
    seed: int = _optimisation(0, "seed of weights, data order and noise", "no unit", 0, 2**31 - 1)
    optimizer: str = _optimisation(
        "adam", "optimiser of both networks", choices=("adam", "rmsprop")
    )
    learning_rate: float = _optimisation(2e-4, "learning rate", "factor", 0.0, 1e30)
    generator_learning_rate: float | None = _optimisation(
        None,
        "learning rate of G",
        "factor",
        0.0,
        1e30,
        optional=float,
        unset="learning_rate",
    )
    rate_decay: float = _optimisation(
        0.0,
        "last fraction of the steps, in which both learning rates fall linearly to 0; 0: constant",
        "of the steps",
        0.0,
        1.0,
    )
    beta1: float = _adam(0.5, "decay of the first moment", "factor", 0.0, 0.999999)
    beta2: float = _adam(0.999, "decay of the second moment", "factor", 0.0, 0.999999)
    rho: float = _optimisation(
        0.9,
        "decay of the second moment",
        "factor",
        0.0,
        0.999999,
        only={"optimizer": ("rmsprop",)},
    )
    epsilon: float | None = _optimisation(
        None,
        "added to the denominator of an update",
        "gradient",
        0.0,
        1.0,
        optional=float,
        unset="1e-8 for adam, 1e-10 for rmsprop",
    )
    clip_norm: float = _optimisation(
        0.0, "maximum norm of a network's gradient; 0: no clipping", "norm", 0.0
    )
    d_steps: int = _optimisation(1, "updates of D per step", "updates", 1, 100)
    g_steps: int = _optimisation(1, "updates of G per step", "updates", 1, 100)
    simultaneous: bool = _optimisation(
        False, "update both networks from the same weights instead of G against the updated D"
    )
    ema_decay: float = _optimisation(
        0.0,
        "decay of the exponential moving average (EMA) of G's weights, used for samples, metrics "
        "and exports; does not affect training; 0: no average",
        "factor",
        0.0,
        0.999999,
    )
    init_from: str | None = _optimisation(
        None,
        "run folder whose weights a new run starts from, without its step and optimiser state",
        optional=str,
        path=True,
    )

    precision: str = _machine(
        "float32",
        "compute dtype of the networks; weights stay float32",
        choices=("float32", "bfloat16", "float16"),
    )
    devices: str = _machine(
        "auto",
        "auto (all GPUs, else the CPU), cpu, cpu:N (N logical devices), gpu, or gpu:N",
        free=True,
    )
    worker_timeout: float = _machine(
        600.0, "several hosts: time to wait for all workers", "seconds", 1, 1e6, free=True
    )
    steps_per_call: int = _machine(
        10,
        "maximum training steps per call into TensorFlow; signals are handled about every second",
        "steps",
        1,
        10**6,
        free=True,
    )
    convolution: str = _machine(
        "auto",
        "auto: minimal filtering (fewer multiplications, equal up to rounding) where it is faster, "
        "and reals and fakes in one pass through D; direct: TensorFlow's convolution",
        choices=("auto", "direct"),
        only={"network": _IMAGE_NETWORKS},
    )
    deterministic: bool = _machine(
        False, "use deterministic operations only, so that a run repeats bit by bit", free=True
    )
    jit_compile: str = _machine(
        "auto",
        "compile with XLA; auto: on one GPU, and for the mixture on one CPU device",
        choices=("auto", "on", "off"),
        free=True,
    )

    run_dir: str | None = _run(
        None,
        "run folder; an existing run is resumed",
        optional=str,
        unset="a new one under runs/, named by dataset, seed and time",
        path=True,
    )
    log_every: int = _run(100, "steps between log lines", "steps", 1, 10**9)
    sample_every: int = _run(
        1000, "steps between sample grids; 0: only the first", "steps", 0, 10**9
    )
    checkpoint_every: int = _run(
        1000, "steps between checkpoints; 0: only at the end", "steps", 0, 10**9
    )
    keep_checkpoints: int = _run(3, "number of newest checkpoints to keep", "checkpoints", 1, 10**6)
    export_at_end: bool = _run(
        True,
        "write a SavedModel when the run ends or is stopped by Ctrl-C; without it, "
        "python -m lsgan_tf.export writes one",
    )

    watch_every: int = _watch(
        200, "steps between checks for collapse; 0: no checks", "steps", 0, 10**9
    )
    stop_on_collapse: bool = _watch(
        False,
        "end the run, with exit status 5, when it has probably collapsed",
        needs="watch_every",
    )
    evaluate_every: int = _watch(
        0, "steps between evaluations of sample quality; 0: none", "steps", 0, 10**9
    )
    metrics: str | None = _evaluation(
        None,
        "metrics, separated by commas; python -m lsgan_tf.evaluate --help lists them",
        optional=str,
        unset="what fits the dataset",
    )
    best_metric: str | None = _evaluation(
        None,
        "metric that selects the checkpoint in best/",
        optional=str,
        unset="the first metric",
    )
    evaluate_samples: int | None = _evaluation(
        None,
        "number of samples per evaluation",
        "samples",
        1,
        10**7,
        optional=int,
        unset="number of held-out examples, at most 10,000, or what the metrics need",
    )
    profile_steps: str | None = _watch(
        None,
        "first and last step to profile for TensorBoard, such as 100,110",
        optional=str,
    )
    inception: str | None = _evaluation(
        None,
        "file of the Inception graph, for metrics that need it",
        optional=str,
        unset="fetched into the cache",
        path=True,
    )

    # Metadata of the dataset, filled in when it is opened.
    data_shape: tuple[int, ...] = ()
    data_classes: int = 0
    data_length: int = 0
    data_fingerprint: str = ""
    data_standin: bool = False
    data_description: str = ""

    def __post_init__(self) -> None:
        for field in settings():
            check(field, getattr(self, field.name))
        check_together(self)

    def uses(self, name: str) -> bool:
        """Whether a setting has an effect, given the others; `rho` has none with Adam."""
        return not any(why_unused(self, field) for field in settings() if field.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serialisable values by field name, with the format version."""
        values = dataclasses.asdict(self)
        values["data_shape"] = list(self.data_shape)
        return {"format": FORMAT, **values}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str = "config.json") -> Config:
        """Create a config from the result of `to_json`.

        Args:
          values: values by field name.
          where: file of the values, for messages.

        Raises:
          UserError: if the values are not a config, or were written by another version.
        """
        if not isinstance(values, Mapping) or "dataset" not in values:
            raise UserError(f"{where}: this is not the config of an lsgan_tf run")
        if values.get("format") != FORMAT:
            raise UserError(
                f"{where}: written in format {values.get('format')!r}, this version of lsgan_tf "
                f"reads format {FORMAT}; resume the run with the version that started it"
            )
        known = {field.name for field in dataclasses.fields(cls)}
        given = {name: value for name, value in values.items() if name != "format"}
        if unknown := sorted(set(given) - known):
            raise UserError(
                f"{where}: unknown setting {', '.join(unknown)}; it was written by a newer "
                "version of lsgan_tf: use that version"
            )
        try:
            # Older versions, without this setting, had direct convolutions only.
            given.setdefault("convolution", "direct")
            check_form(given, _DATA_FORM)
            given["data_shape"] = tuple(given.get("data_shape", ()))
            if len(given["data_shape"]) > 3 or not all(
                0 < side <= _LONGEST_SIDE for side in given["data_shape"]
            ):
                raise ValueError("data_shape: expected up to three sides")
            return cls(**given)
        except (TypeError, ValueError, UserError) as error:
            raise UserError(f"{where}: not a valid config ({error})") from error

    def decisive(self) -> dict[str, Any]:
        """Return the values that affect the result of training, by name."""
        free = {f.name for f in settings() if f.metadata["free"] or why_unused(self, f)}
        free.add("data_description")
        if self.rate_decay:
            free.discard("steps")
        return {name: value for name, value in self.to_json().items() if name not in free}

    def differences(self, other: Config) -> list[str]:
        """List the decisive settings that differ, as `name: mine -> other's`."""
        mine, theirs = self.decisive(), other.decisive()
        if fingerprints.same(self.data_fingerprint, other.data_fingerprint):
            del mine["data_fingerprint"]
        else:
            for values in (mine, theirs):
                values["data_fingerprint"] = fingerprints.shortened(values["data_fingerprint"])
        return [
            f"{name}: {json.dumps(mine[name])} -> {json.dumps(theirs[name])}"
            for name in mine
            if name in theirs and mine[name] != theirs[name]
        ]


def settings() -> list[dataclasses.Field[Any]]:
    """Return the fields of `Config` that have a flag."""
    return fields_of(Config)


def path_settings() -> tuple[str, ...]:
    """Return the names of the settings that are local paths."""
    return tuple(field.name for field in settings() if field.metadata["path"])


def resolve(
    given: Mapping[str, Any], origins: Mapping[str, str] | None = None
) -> tuple[Config, dict[str, str]]:
    """Complete the given settings with the paper's values for the dataset.

    A value without effect is an error unless it is a default, which a flag file may spell out.
    `Config` itself accepts it, since older versions wrote such values to `config.json`.

    Args:
      given: settings by name; a missing one or None takes its default.
      origins: origin of each given setting, such as "command line"; "given" if omitted.

    Returns:
      The config, and the origin of each setting by name.

    Raises:
      UserError: if a value is out of range or has no effect, two values contradict each other, or
        a file of characters cannot be read.
    """
    values = {name: value for name, value in given.items() if value is not None}
    where = {name: (origins or {}).get(name, "given") for name in values}
    if "characters" in values:
        values["characters"] = named_characters(values["characters"])
    dataset = values.get("dataset", Config.dataset)
    defaults = PAPER.get(dataset, {})
    paper = dict(defaults)
    # A given learning rate applies to both networks.
    if "learning_rate" in values and paper.pop("generator_learning_rate", None):
        where.setdefault("generator_learning_rate", "as --learning_rate was given")
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
            where.setdefault(field.name, "default")
    config = Config(**values)
    for field in settings():
        value = given.get(field.name)
        if value in (None, field.default, defaults.get(field.name)):
            continue
        # A preset may set options of a part that the user disabled.
        preset = where[field.name].startswith("preset ")
        if not preset and (reason := why_unused(config, field)):
            raise UserError(f"--{field.name}={value}: {reason}")
    return config, where


def as_begun(
    config: Config, origins: Mapping[str, str], begun: Config
) -> tuple[Config, dict[str, str]]:
    """Adapt a config to a run that may have been started by an older version.

    Settings that were not given keep the older version's default if the run has it.

    Args:
      config: config from `resolve`.
      origins: origins from `resolve`.
      begun: config of the run.

    Returns:
      Config and origins, as `resolve`.
    """
    former = FORMER.get(config.dataset, {})
    kept = {
        name: value
        for name, value in former.items()
        if origins.get(name, "").startswith("default") and getattr(begun, name) == value
    }
    where = dict.fromkeys(kept, "of the run, begun with the default of an older version")
    return dataclasses.replace(config, **kept), {**origins, **where}
