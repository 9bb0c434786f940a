"""Eight Gaussians on a ring (Mao et al. 2017, section 4.3, figure 7)."""

from __future__ import annotations

import hashlib

import numpy as np

from lsgan_tf.data.source import Source


class Ring(Source):
    """Points of a mixture of Gaussians with means evenly spaced on a circle.

    Point i is a function of i, so the dataset needs no memory.

    Args:
      modes: number of Gaussians.
      radius: radius of the circle.
      deviation: standard deviation of each Gaussian, on both axes.
      doubled: whether to double the weight of the mode at (0, radius), as the authors' code does by
        dividing the circle into nine points of which the last equals the first.
      length: number of points per epoch.

    Attributes:
      means: means of the distinct Gaussians, float32, `(modes, 2)`.
      deviation: standard deviation of each Gaussian.
      weights: weight of each Gaussian: float64, `(modes,)`.
    """

    name = "mixture"
    shape = (2,)

    def __init__(
        self,
        modes: int = 8,
        radius: float = 1.0,
        deviation: float = 0.01,
        doubled: bool = False,
        length: int = 1 << 20,
    ) -> None:
        angles = 2 * np.pi * np.arange(modes) / modes
        self.means = (radius * np.stack([np.cos(angles), np.sin(angles)], 1)).astype(np.float32)
        self.deviation, self._length = deviation, length
        text = f"ring of {modes} Gaussians, radius {radius:g}, standard deviation {deviation:g}"
        # The Gaussian of each of the equally probable components.
        self._components: np.ndarray = np.arange(modes)
        if doubled:
            self._components = np.append(self._components, self.means[:, 1].argmax())
            text += ", one of them doubled"
        self.weights = np.bincount(self._components) / len(self._components)
        self.description = text
        self.fingerprint = hashlib.sha256(f"{text}, {length}".encode()).hexdigest()

    def __len__(self) -> int:
        return self._length

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the points at `indices`: float32, `(n, 2)`."""
        words = _mix(np.asarray(indices, np.uint64)[:, None] * np.uint64(4) + _LANES)
        mode = self._components[(words[:, 0] % np.uint64(len(self._components))).astype(np.int64)]
        # Box-Muller on two uniform numbers in (0, 1].
        uniform = ((words[:, 1:3] >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53
        length = np.sqrt(-2.0 * np.log(uniform[:, 0]))
        angle = 2.0 * np.pi * uniform[:, 1]
        offset = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        return (self.means[mode] + self.deviation * offset).astype(np.float32)


_LANES = np.arange(4, dtype=np.uint64)


def _mix(x: np.ndarray) -> np.ndarray:
    """Hash integers with the finaliser of SplitMix64."""
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
