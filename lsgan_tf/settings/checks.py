"""Cross-checks of individually valid settings."""

from __future__ import annotations

import collections
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from lsgan_tf.errors import UserError
from lsgan_tf.util.paths import local
from lsgan_tf.util.reading import read_bytes
from lsgan_tf.util.text import decoded, printable

_LARGEST = 1 << 20  # bytes of a file of characters


def check_together(config: Any) -> None:
    """Reject contradictory settings.

    Args:
      config: a `Config`.

    Raises:
      UserError: if two settings contradict each other.
    """
    if config.dataset == "mixture" and config.conditional:
        raise UserError("--conditional: the mixture has no labels; omit --conditional")
    if (config.network == "mixture") != (config.dataset == "mixture"):
        raise UserError(
            f"--network={config.network} does not fit --dataset={config.dataset}: the mixture "
            "network is for the mixture dataset and for that alone"
        )
    if config.dataset != "mixture" and config.image_size < 8:
        raise UserError(
            f"--image_size={config.image_size}: expected 8 to 1,024 pixels for {config.dataset}"
        )
    if config.simultaneous and (config.d_steps, config.g_steps) != (1, 1):
        raise UserError(
            f"--simultaneous with --d_steps={config.d_steps} and --g_steps={config.g_steps}: "
            "both networks are updated once per step; omit one of them"
        )
    if config.loss == "lsgan" and config.label_fake == config.label_real:
        raise UserError(
            f"--label_fake and --label_real are both {config.label_real}: with one target for "
            "reals and fakes there is nothing to learn; give different values"
        )
    if config.characters:
        _check_characters(config)
    _check_normalisation(config)
    parse_profile_steps(config.profile_steps, config.steps)


def check_coding(config: Any, origins: Mapping[str, str] = MappingProxyType({})) -> None:
    """Check that G's target differs from D's target for fakes.

    Call only for new runs: older versions allowed equal targets.

    Args:
      config: a `Config`.
      origins: origin of each setting by name.

    Raises:
      UserError: if the targets are equal.
    """
    if config.loss != "lsgan" or config.label_target != config.label_fake:
        return
    targets = [
        f"--{name}={getattr(config, name):g}"
        + (f" ({origin})" if (origin := origins.get(name, "")).startswith("default") else "")
        for name in ("label_fake", "label_target")
    ]
    raise UserError(
        f"{' and '.join(targets)}: G's target is D's target for fakes, so G learns nothing; give "
        "all three: --label_fake=0 --label_real=1 --label_target=1, or --label_fake=-1 "
        "--label_real=1 --label_target=0"
    )


def _check_characters(config: Any) -> None:
    if config.max_classes is not None:
        raise UserError(
            f"--characters and --max_classes={config.max_classes}: both say which classes to "
            "keep; omit one of them"
        )
    counts = collections.Counter(config.characters)
    if repeated := [character for character, count in counts.items() if count > 1]:
        raise UserError(
            f"--characters: {', '.join(map(printable, repeated[:10]))} more than once; name each "
            "character once"
        )


def _check_normalisation(config: Any) -> None:
    if config.discriminator_layer_norm and config.discriminator_batch_norm:
        raise UserError(
            "--discriminator_layer_norm and --discriminator_batch_norm: D is normalised in one "
            "way; omit one of them"
        )
    by_batch = config.uses("discriminator_batch_norm") and config.discriminator_batch_norm
    if config.gradient_penalty and by_batch:
        raise UserError(
            f"--gradient_penalty={config.gradient_penalty:g}: with batch normalisation in D the "
            "gradient is not that of one example; give --discriminator_layer_norm, as the authors "
            "do, or --nodiscriminator_batch_norm"
        )


class Steps(NamedTuple):
    """Range of steps to profile, both ends included, counted from 1."""

    first: int
    last: int


def parse_profile_steps(text: str | None, steps: int) -> Steps | None:
    """Parse `--profile_steps`: "100,110" for steps 100 to 110, both included.

    Args:
      text: value of the flag; None for no profile.
      steps: number of steps of the run.

    Raises:
      UserError: if it has another form, or lies beyond the end of the run.
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d{1,10})\s*,\s*(\d{1,10})\s*", text, re.ASCII)
    wanted = Steps(int(found[1]), int(found[2])) if found else None
    if not wanted or not 1 <= wanted.first <= wanted.last:
        raise UserError(
            f"--profile_steps={text}: expected the first and the last step to profile, "
            "--profile_steps=100,110 for example"
        )
    if wanted.last > steps:
        raise UserError(
            f"--profile_steps={text}: the run ends at step {steps:,}; give steps within it, or "
            "more --steps"
        )
    return wanted


def named_characters(text: str) -> str:
    """Return the characters given by `--characters`.

    Args:
      text: the characters, or `@` and the name of a UTF-8 file that contains them. White space
        is removed.

    Raises:
      UserError: if the file cannot be read.
    """
    if not text.startswith("@"):
        return "".join(decoded(text).split())
    try:
        content = read_bytes(local(text[1:]), _LARGEST).decode("utf-8-sig")
    except UserError as error:
        raise UserError(f"--characters=@{error}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not in UTF-8" if isinstance(error, UnicodeError) else error.strerror
        raise UserError(
            f"--characters={text}: this file cannot be read ({reason}); expected a text file of "
            "characters, or the characters themselves"
        ) from error
    if not content.split():
        raise UserError(f"--characters={text}: there is no character in this file")
    return "".join(content.split())
