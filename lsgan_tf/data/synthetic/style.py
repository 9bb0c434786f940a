"""Handwriting style of a synthetic writer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

_HABITS = 2  # number of warping waves of a writer


@dataclasses.dataclass(frozen=True)
class Style:
    """Parameters of a writer. Lengths are relative to the box.

    Attributes:
      size: height of an average character in pixels.
      aspect: ratio of width to height, relative to the printed form.
      slant: tangent of the slant of verticals, positive to the right.
      rise: tangent of the rise of horizontals to the right.
      roundness: length over which corners are rounded.
      joining: tendency to join strokes, 0 to 1.
      bow: curvature of straight strokes, as the ratio of height to chord.
      looseness: scale of random position, length and direction of strokes; 1 is average.
      warp: strength of the warping of the whole character; 1 is average.
      hook: length of hooks relative to the printed form.
      reach: if positive, long strokes are lengthened and short ones shortened.
      radical: size of the radical relative to the rest.
      nib: standard deviation of the pen's spot in pixels.
      ink: optical density at average pressure; 1 transmits 37% of the light.
      entry: additional pressure at the start of a stroke.
      exit: fraction of the pressure lost at the end of a stroke.
      exit_length: length over which it is lost.
      contrast: relative pressure difference along and across `nib_angle`.
      nib_angle: angle in radians.
      join_pressure: pressure of joins.
      grain: relative standard deviation of the ink by roughness of the paper.
      habits: complex `(3, _HABITS)`: wave vector, phase and shift of each wave.
    """

    size: float | np.ndarray
    aspect: float | np.ndarray
    slant: float | np.ndarray
    rise: float | np.ndarray
    roundness: float | np.ndarray
    joining: float | np.ndarray
    bow: float | np.ndarray
    looseness: float | np.ndarray
    warp: float | np.ndarray
    hook: float | np.ndarray
    reach: float | np.ndarray
    radical: float | np.ndarray
    nib: float | np.ndarray
    ink: float | np.ndarray
    entry: float | np.ndarray
    exit: float | np.ndarray
    exit_length: float | np.ndarray
    contrast: float | np.ndarray
    nib_angle: float | np.ndarray
    join_pressure: float | np.ndarray
    grain: float | np.ndarray
    habits: np.ndarray

    @classmethod
    def of(cls, generator: np.random.Generator) -> Style:
        """Draw a random writer."""
        normal = generator.standard_normal
        uniform = generator.uniform
        # Haste correlates joining, roundness and looseness.
        haste = uniform() ** 1.3
        size = 64 * np.exp(0.165 * normal())
        aspect = 0.82 * np.exp(0.12 * normal())
        thick_pen = 1.35 if uniform() < 0.12 else 1.0
        return cls(
            size=size,
            aspect=aspect,
            slant=0.08 + 0.11 * normal(),
            rise=0.10 + 0.08 * normal(),
            roundness=0.01 + 0.07 * haste * uniform(0.4, 1.3),
            joining=np.clip(0.05 + 0.75 * haste + 0.12 * normal(), 0, 1),
            bow=0.02 * normal(),
            looseness=np.exp(0.25 * normal()) * (0.7 + 0.6 * haste),
            warp=np.exp(0.25 * normal()),
            hook=max(0.1, 0.9 + 0.4 * normal() - 0.4 * haste),
            reach=0.10 * normal(),
            radical=np.exp(0.08 * normal()),
            nib=1.24 * thick_pen * (size / 64) * np.sqrt(aspect / 0.82) * np.exp(0.10 * normal()),
            ink=1.6 * np.exp(0.2 * normal()),
            entry=0.15 + 0.2 * normal(),
            exit=uniform(0.1, 0.85),
            exit_length=uniform(0.03, 0.16),
            contrast=0.15 * normal(),
            nib_angle=uniform(0, np.pi),
            join_pressure=uniform(0.25, 0.75),
            grain=uniform(0.2, 0.36),
            habits=waves(normal((3, _HABITS, 2)).astype(np.float32)),
        )

    @classmethod
    def stack(cls, styles: Sequence[Style]) -> Style:
        """Batch styles: attributes are float32 `(batch, 1)`, habits `(batch, 3, _HABITS)`."""
        fields = [field.name for field in dataclasses.fields(cls) if field.name != "habits"]
        columns = {
            name: np.array([[getattr(style, name)] for style in styles], np.float32)
            for name in fields
        }
        return cls(**columns, habits=np.array([style.habits for style in styles]))


def waves(normal: np.ndarray) -> np.ndarray:
    """Make waves that warp the plane, with a wavelength of about one box.

    Args:
      normal: standard normal numbers, `(..., 3, n, 2)`.

    Returns:
      complex64 `(..., 3, n)`: wave vector in radians per box; phase, the real part of row 1; and
      displacement at the crest for a strength of 1.
    """
    out = (normal[..., 0] + 1j * normal[..., 1]).astype(np.complex64)
    out[..., 0, :] *= 3.2
    out[..., 1, :] *= 6.0  # much more than 2 pi, so that phases are almost uniform
    return out
