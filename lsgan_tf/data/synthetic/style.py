"""A made-up writer: what is the same in all that one person writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

_HABITS = 2  # waves of the plane that a writer bends in every character


@dataclasses.dataclass(frozen=True)
class Style:
    """What is the same in all that a writer writes. Lengths are parts of the box.

    Attributes:
      size: height of a usual character, pixels.
      aspect: width over height, against the printed form.
      slant: lean of verticals, to the right if positive (tangent).
      rise: climb of horizontals to the right (tangent).
      roundness: length over which the pen cuts corners.
      joining: 0 lifts the pen after each stroke, 1 hardly ever.
      bow: bend of straight strokes, height of the arc over the chord.
      looseness: how far strokes stray in place, length and direction; 1 is usual.
      warp: strength of the bending of the whole character; 1 is usual.
      hook: length of hooks against the printed form.
      reach: above 0 long strokes are drawn longer and short ones shorter.
      radical: size of the radical against the rest.
      nib: standard deviation of the pen's spot, pixels.
      ink: density of the ink at usual pressure; 1 lets 37% of the light through.
      entry: extra pressure where a stroke begins.
      exit: how much of the pressure is gone where a stroke ends.
      exit_length: over which length it goes.
      contrast: how much heavier strokes are along `nib_angle` than across it.
      nib_angle: radians.
      join_pressure: pressure between joined strokes.
      grain: roughness of paper and pen, relative deviation of the ink.
      habits: complex `(3, _HABITS)`: wave vector, phase and shift of each wave.
    """

    size: float
    aspect: float
    slant: float
    rise: float
    roundness: float
    joining: float
    bow: float
    looseness: float
    warp: float
    hook: float
    reach: float
    radical: float
    nib: float
    ink: float
    entry: float
    exit: float
    exit_length: float
    contrast: float
    nib_angle: float
    join_pressure: float
    grain: float
    habits: np.ndarray

    @classmethod
    def of(cls, generator: np.random.Generator) -> Style:
        """A writer made up by `generator`."""
        normal = generator.standard_normal
        uniform = generator.uniform
        # Haste joins and rounds strokes and makes them stray: they come together.
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
        """Many in one: every attribute float32 `(batch, 1)`, habits `(batch, 3, _HABITS)`."""
        fields = [field.name for field in dataclasses.fields(cls) if field.name != "habits"]
        columns = {
            name: np.array([[getattr(style, name)] for style in styles], np.float32)
            for name in fields
        }
        return cls(**columns, habits=np.array([style.habits for style in styles]))


def waves(normal: np.ndarray) -> np.ndarray:
    """Waves that bend the plane, about one to a box.

    Args:
      normal: normal numbers, `(..., 3, n, 2)`.

    Returns:
      complex64 `(..., 3, n)`: each wave's vector, radians a box; its phase, the real part of row 1;
      and the shift at its crest, for a strength of 1.
    """
    out = (normal[..., 0] + 1j * normal[..., 1]).astype(np.complex64)
    out[..., 0, :] *= 3.2
    out[..., 1, :] *= 6.0  # far more than a turn, so that any phase is as likely
    return out
