"""Convolutions with fewer multiplications: the minimal filtering of Toom, Cook and Winograd.

One axis: m outputs of a stride-1 correlation with r taps, y[i] = sum_k g[k] d[i + k], are the
values of a polynomial product and cost n = m + r - 1 multiplications instead of m r:

    y = A^T [(G g) * (B^T d)]                                                     F(m, r)

The matrices evaluate polynomials at n points and interpolate: with V_k the first k columns of the
Vandermonde matrix of the points (one of which is infinity), A = V_m, G = V_r and B^T = V_n^-T,
computed in rational arithmetic. Exchanging the roles of d and g gives a second algorithm with
m + L - 1 multiplications if only L inputs are nonzero (Winograd 1980, transposition principle),
which is cheaper for images smaller than the kernel.

A stride of s is a sum over s phases: taps phase, phase + s, ... are applied to inputs of one
remainder modulo s, which is a stride-1 correlation with about k / s taps. Stacking the phases gives
one bilinear algorithm per axis. "SAME" padding and partial last tiles are zeros in the matrices.

The algorithms of both axes nest: with R products per tile along the height and Q along the width, a
convolution of (n, h, w, c) becomes R Q matrix products of (tiles n, c) and (c, filters), with
constant transforms before and after. TensorFlow differentiates these operations to any order, so
the gradients of image and kernel take the same number of multiplications.

With tiles of 4, a 5x5 kernel of stride 2 takes 121 products for 16 outputs instead of 400; a 3x3
kernel of stride 1 takes 36 instead of 144. The transforms need only additions and multiplications
by small constants, but access memory: `conv2d_dispatch` selects the shapes for which the whole is
faster. Rounding errors are about three times those of direct convolution with tiles of 4, and
smaller than those of direct convolution with tiles of 2; larger tiles lose precision.

Sources: A. Toom (1963), S. Cook (1966); S. Winograd, "Arithmetic Complexity of Computations"
(1980); A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_POINTS = tuple(Fraction(p) for p in ("0", "1", "-1", "1/2", "-1/2", "2", "-2"))
_Matrix = list[list[Fraction]]


class Bilinear(NamedTuple):
    """An algorithm y = output^T [(kernel g) * (data d)] with n products; float64 arrays.

    Attributes:
      output: (n, m).
      kernel: (n, r).
      data: (n, m + r - 1).
    """

    output: np.ndarray
    kernel: np.ndarray
    data: np.ndarray


@functools.cache
def minimal_filter(m: int, r: int) -> Bilinear:
    """Return F(m, r): m outputs of a correlation with r taps by n = m + r - 1 products.

    Raises:
      ValueError: if n - 1 is more than the number of points, 7.
    """
    n = m + r - 1
    if n - 1 > len(_POINTS):
        raise ValueError(f"F({m}, {r}) requires {n - 1} points; only {len(_POINTS)} are defined")
    points = _POINTS[: n - 1]
    inverse = _inverse(_vandermonde(points, n))
    return Bilinear(
        _array(_vandermonde(points, m)), _array(_vandermonde(points, r)), _array(inverse).T
    )


class Axis(NamedTuple):
    """The float32 matrices of one axis.

    Attributes:
      data: (products * tiles, size), rows ordered by product, then tile.
      kernel: (products, kernel_size).
      output: (outputs, products * tiles), columns ordered by product, then tile.
      products: number of products per tile: R in the module docstring.
      tiles: number of tiles.
      outputs: ceil(size / strides).
    """

    data: np.ndarray
    kernel: np.ndarray
    output: np.ndarray
    products: int
    tiles: int
    outputs: int


@functools.cache
def axis(size: int, kernel_size: int, strides: int, tile: int) -> Axis:
    """Return the algorithm of a "SAME" convolution along one axis.

    Args:
      size: size of the image.
      kernel_size: number of taps.
      strides: stride.
      tile: number of outputs per tile.
    """
    outputs = -(-size // strides)
    padding = max((outputs - 1) * strides + kernel_size - size, 0) // 2
    tile = min(tile, outputs)
    tiles = -(-outputs // tile)
    parts = []
    for phase in range(min(strides, kernel_size)):
        taps = range(phase, kernel_size, strides)
        # Input d[j] of tile t is pixel (t * tile + j) * strides + phase - padding.
        first = phase - padding
        needed = tile + len(taps) - 1
        inside = [j for j in range(needed) if 0 <= j * strides + first < size]
        if not inside:
            continue
        if tiles == 1 and len(inside) < len(taps):
            data, kernel, output = _few_inputs(tile, len(taps), inside)
        else:
            output, kernel, data = minimal_filter(tile, len(taps))
        n = len(data)
        of_pixels = np.zeros((n, tiles, size))
        of_outputs = np.zeros((outputs, n, tiles))
        for t in range(tiles):
            for j in range(needed):
                pixel = (t * tile + j) * strides + first
                if 0 <= pixel < size:
                    of_pixels[:, t, pixel] += data[:, j]
            for i in range(min(tile, outputs - t * tile)):
                of_outputs[t * tile + i, :, t] = output[:, i]
        of_taps = np.zeros((n, kernel_size))
        of_taps[:, list(taps)] = kernel
        parts.append((of_pixels, of_taps, of_outputs))
    pixels, kernels, outs = (
        np.concatenate(part, axis)
        for part, axis in zip(zip(*parts, strict=True), (0, 0, 1), strict=True)
    )
    products = len(kernels)
    return Axis(
        pixels.reshape(products * tiles, size).astype(np.float32),
        kernels.astype(np.float32),
        outs.reshape(outputs, products * tiles).astype(np.float32),
        products,
        tiles,
        outputs,
    )


def _few_inputs(m: int, r: int, inside: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the algorithm with m + L - 1 products for L nonzero adjacent inputs.

    y[i] = sum over j of h[i - j] d[j] with h[i - j] = g[j - i] is a product of a Toeplitz matrix
    and the inputs: F(m, L) with the taps as data and the inputs as kernel.
    """
    count, first = len(inside), inside[0]
    output, of_inputs, of_taps = minimal_filter(m, count)
    data = np.zeros((len(output), m + r - 1))
    # F(m, L) has y[i] = sum_k x[k] h[i + k]; with x[k] = d[first + L - 1 - k], h[i + k] = g[...]
    data[:, inside] = of_inputs[:, ::-1]
    kernel = np.zeros((len(output), r))
    for position in range(m + count - 1):
        tap = first + count - 1 - position
        if 0 <= tap < r:
            kernel[:, tap] = of_taps[:, position]
    return data, kernel, output


def _vandermonde(points: tuple[Fraction, ...], width: int) -> _Matrix:
    """Return rows of powers 0 to width - 1 of each point, and a row for infinity."""
    infinity = [Fraction(0)] * (width - 1) + [Fraction(1)]
    return [[point**power for power in range(width)] for point in points] + [infinity]


def _inverse(matrix: _Matrix) -> _Matrix:
    """Compute the exact inverse by Gauss-Jordan elimination."""
    n = len(matrix)
    rows = [[*row, *(Fraction(i == j) for j in range(n))] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(n):
            if k != i and rows[k][i]:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[n:] for row in rows]


def _array(matrix: _Matrix) -> np.ndarray:
    return np.array(matrix, dtype=np.float64)


class Convolution(NamedTuple):
    """A "SAME" convolution of float32 images of a fixed size by minimal filtering.

    `forward` and `transposed` take a kernel transformed by `transform`, which can be reused.

    Attributes:
      height: height of the image.
      width: width of the image.
      kernel_size: height and width of the kernel.
      strides: stride along both axes.
      tile: outputs per tile along an axis, 1 to 4.
    """

    height: int
    width: int
    kernel_size: int
    strides: int
    tile: int

    @property
    def rows(self) -> Axis:
        """The algorithm along the height."""
        return axis(self.height, self.kernel_size, self.strides, self.tile)

    @property
    def columns(self) -> Axis:
        """The algorithm along the width."""
        return axis(self.width, self.kernel_size, self.strides, self.tile)

    @property
    def products(self) -> int:
        """Multiplications per image, input channel and filter."""
        rows, columns = self.rows, self.columns
        return rows.products * rows.tiles * columns.products * columns.tiles

    def transform(self, kernel: tf.Tensor) -> tf.Tensor:
        """Transform a kernel.

        Args:
          kernel: (kernel_size, kernel_size, channels, filters).

        Returns:
          (products, channels, filters), products ordered by row, then column.
        """
        channels, filters = kernel.shape[2:]
        both = np.kron(self.rows.kernel, self.columns.kernel)
        flat = tf.reshape(kernel, (self.kernel_size**2, channels * filters))
        return tf.reshape(tf.matmul(both, flat), (-1, channels, filters))

    def forward(self, image: tf.Tensor, transformed: tf.Tensor) -> tf.Tensor:
        """Apply the convolution.

        Args:
          image: (n, height, width, channels).
          transformed: the transformed kernel.

        Returns:
          (n, ceil(height / strides), ceil(width / strides), filters).
        """
        rows, columns = self.rows, self.columns
        channels, filters = transformed.shape[1:]
        x = tf.transpose(image, (1, 2, 0, 3))
        x = tf.matmul(rows.data, tf.reshape(x, (self.height, -1)))
        x = _swap(x, rows.products, rows.tiles, self.width)
        x = tf.matmul(columns.data, x)  # (products, products tiles, tiles n channels)
        x = tf.reshape(x, (rows.products * columns.products, -1, channels))
        y = tf.matmul(x, transformed)
        y = tf.reshape(y, (rows.products, columns.products * columns.tiles, -1))
        y = tf.matmul(columns.output, y)
        y = _swap(y, rows.products, columns.outputs, rows.tiles)
        y = tf.matmul(rows.output, tf.reshape(y, (rows.products * rows.tiles, -1)))
        y = tf.reshape(y, (rows.outputs, columns.outputs, -1, filters))
        return tf.transpose(y, (2, 0, 1, 3))

    def transposed(self, result: tf.Tensor, transformed: tf.Tensor) -> tf.Tensor:
        """Apply the transposed convolution: the gradient of `forward` for the image.

        Args:
          result: (n, ceil(height / strides), ceil(width / strides), filters).
          transformed: the transformed kernel.

        Returns:
          (n, height, width, channels).
        """
        rows, columns = self.rows, self.columns
        channels, filters = transformed.shape[1:]
        y = tf.transpose(result, (1, 2, 0, 3))
        y = tf.matmul(rows.output, tf.reshape(y, (rows.outputs, -1)), transpose_a=True)
        y = _swap(y, rows.products, rows.tiles, columns.outputs)
        y = tf.matmul(columns.output, y, transpose_a=True)
        y = tf.reshape(y, (rows.products * columns.products, -1, filters))
        x = tf.matmul(y, transformed, transpose_b=True)
        x = tf.reshape(x, (rows.products, columns.products * columns.tiles, -1))
        x = tf.matmul(columns.data, x, transpose_a=True)
        x = _swap(x, rows.products, self.width, rows.tiles)
        x = tf.matmul(rows.data, tf.reshape(x, (rows.products * rows.tiles, -1)), transpose_a=True)
        x = tf.reshape(x, (self.height, self.width, -1, channels))
        return tf.transpose(x, (2, 0, 1, 3))


def _swap(x: tf.Tensor, first: int, second: int, third: int) -> tf.Tensor:
    """Transpose (first, second, third, rest), flat or not, to (first, third, second * rest)."""
    if 1 not in (second, third):
        x = tf.transpose(tf.reshape(x, (first, second, third, -1)), (0, 2, 1, 3))
    return tf.reshape(x, (first, third, -1))
