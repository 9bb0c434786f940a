"""Every layer of every network compared with a float64 NumPy reference.

Convolutions are written tap by tap from the definition of TensorFlow's "SAME" padding, transposed
ones as the adjoint scatter; labels are tiled as maps and concatenated, as in the authors' code.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from lsgan_tf.networks import dcgan, handwriting, mixture, scene

CLASSES, LABEL_DIM, BATCH = 3, 5, 4
LABELS = np.array([2, 0, 1, 2])


# The definitions


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME" padding: the output size and the zeros before the first pixel."""
    out = -(-size // stride)
    return out, max((out - 1) * stride + kernel - size, 0) // 2


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    n, height, width, _ = x.shape
    side = kernel.shape[0]
    out_h, top = same_padding(height, side, stride)
    out_w, left = same_padding(width, side, stride)
    y = np.zeros((n, out_h, out_w, kernel.shape[-1]))
    for i in range(out_h):
        for j in range(out_w):
            for a in range(side):
                for b in range(side):
                    row, column = i * stride + a - top, j * stride + b - left
                    if 0 <= row < height and 0 <= column < width:
                        y[:, i, j] += x[:, row, column] @ kernel[a, b]
    return y


def deconvolve(x: np.ndarray, kernel: np.ndarray, stride: int, target: int) -> np.ndarray:
    """Each input pixel is added to the positions that the convolution would have read."""
    n, height, width, _ = x.shape
    side = kernel.shape[0]
    assert same_padding(target, side, stride)[0] == height == width
    before = same_padding(target, side, stride)[1]
    y = np.zeros((n, target, target, kernel.shape[2]))
    for i in range(height):
        for j in range(width):
            for a in range(side):
                for b in range(side):
                    row, column = i * stride + a - before, j * stride + b - before
                    if 0 <= row < target and 0 <= column < target:
                        y[:, row, column] += x[:, i, j] @ kernel[a, b].T
    return y


class Reference:
    """Computes the layers of a network from its weights and records every output."""

    def __init__(self, network, training: bool) -> None:
        self.network, self.training = network, training
        self.outputs: dict[str, np.ndarray] = {}
        self.statistics: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def weight(self, name: str, kind: str) -> np.ndarray:
        # A copy from before the step: training moves the statistics.
        return self.network.before[f"{name}/{kind}"]

    def keep(self, name: str, y: np.ndarray) -> np.ndarray:
        self.outputs[name] = y
        return y

    def phi(self, label):
        if not self.network.num_classes:
            return None
        one_hot = np.eye(CLASSES)[label]
        y = one_hot @ self.weight("label_map", "kernel") + self.weight("label_map", "bias")
        return self.keep("label_map", y)

    def dense(self, name, x):
        return self.keep(name, x @ self.weight(name, "kernel") + self.weight(name, "bias"))

    def conv(self, name, x, phi=None, stride=2):
        kernel = self.weight(name, "kernel")
        if phi is not None:
            maps = np.broadcast_to(phi[:, None, None], (*x.shape[:3], LABEL_DIM))
            x = np.concatenate([x, maps], axis=-1)
            kernel = np.concatenate([kernel, self.weight(name, "label_kernel")], axis=2)
        return self.keep(name, convolve(x, kernel, stride) + self.weight(name, "bias"))

    def deconv(self, name, x, target, stride=2):
        y = deconvolve(x, self.weight(name, "kernel"), stride, target)
        return self.keep(name, y + self.weight(name, "bias"))

    def norm(self, name, x):
        if not self.network.batch_norm:
            return x
        if self.training:
            axes = tuple(range(x.ndim - 1))
            mean, variance = x.mean(axes), x.var(axes)
            self.statistics[name] = mean, variance
        else:
            mean = self.weight(name, "moving_mean")
            variance = self.weight(name, "moving_variance")
        y = (x - mean) / np.sqrt(variance + 1e-5)
        return self.keep(name, y * self.weight(name, "gamma") + self.weight(name, "beta"))


def relu(x):
    return np.maximum(x, 0)


def leaky(x):
    return np.maximum(x, 0.2 * x)


def join(x, phi):
    return x if phi is None else np.concatenate([x, phi], axis=-1)


# The networks, from the paper's tables


def handwriting_generator(ref, z, label):
    x = relu(ref.norm("bn0", ref.dense("h0", join(z, ref.phi(label)))))
    x = x.reshape(BATCH, 2, 2, 128)
    x = relu(ref.norm("bn1", ref.deconv("h1", x, 3)))
    return 1 / (1 + np.exp(-ref.deconv("h2", x, 6)))


def handwriting_discriminator(ref, x, label):
    phi = ref.phi(label)
    x = leaky(ref.conv("h0", x))
    x = leaky(ref.norm("bn1", ref.conv("h1", x, phi)))
    x = join(x.reshape(BATCH, -1), phi)
    x = leaky(ref.norm("bn2", ref.dense("h2", x)))
    return ref.dense("h3", join(x, phi))[:, 0]


def scene_generator(ref, z, label):
    x = ref.dense("h0", join(z, ref.phi(label))).reshape(BATCH, 1, 1, 256)
    x = relu(ref.norm("bn0", x))
    x = relu(ref.norm("bn1", ref.deconv("h1", x, 2)))
    x = relu(ref.norm("bn2", ref.deconv("h2", x, 2, stride=1)))
    x = relu(ref.norm("bn3", ref.deconv("h3", x, 3)))
    x = relu(ref.norm("bn4", ref.deconv("h4", x, 3, stride=1)))
    x = relu(ref.norm("bn5", ref.deconv("h5", x, 5)))
    x = relu(ref.norm("bn6", ref.deconv("h6", x, 10)))
    return np.tanh(ref.deconv("h7", x, 10, stride=1))


def dcgan_generator(ref, z, label):
    x = ref.dense("h0", join(z, ref.phi(label))).reshape(BATCH, 1, 1, 64)
    x = relu(ref.norm("bn0", x))
    x = relu(ref.norm("bn1", ref.deconv("h1", x, 2)))
    x = relu(ref.norm("bn2", ref.deconv("h2", x, 3)))
    x = relu(ref.norm("bn3", ref.deconv("h3", x, 6)))
    return np.tanh(ref.deconv("h4", x, 11))


def convolutional_discriminator(ref, x, label):
    phi = ref.phi(label)
    x = leaky(ref.conv("h0", x))
    x = leaky(ref.norm("bn1", ref.conv("h1", x, phi)))
    x = leaky(ref.norm("bn2", ref.conv("h2", x, phi)))
    x = leaky(ref.norm("bn3", ref.conv("h3", x, phi)))
    return ref.dense("h4", join(x.reshape(BATCH, -1), phi))[:, 0]


def mixture_generator(ref, z, label):
    x = np.tanh(ref.dense("h0", join(z, ref.phi(label))))
    return ref.dense("h2", np.tanh(ref.dense("h1", x)))


def mixture_discriminator(ref, x, label):
    return mixture_generator(ref, x, label)[:, 0]


MODELS: dict[str, tuple[ModuleType, dict, tuple, tuple]] = {
    # module, common arguments, shape of an image, reference generator and discriminator
    "handwriting": (
        handwriting,
        {"image_size": 6},
        (6, 6, 1),
        (handwriting_generator, handwriting_discriminator),
    ),
    "handwriting without BN": (
        handwriting,
        {"image_size": 6, "batch_norm": False},
        (6, 6, 1),
        (handwriting_generator, handwriting_discriminator),
    ),
    "scene": (
        scene,
        {"image_size": 10},
        (10, 10, 3),
        (scene_generator, convolutional_discriminator),
    ),
    "dcgan": (
        dcgan,
        {"image_size": 11, "filters": 8},
        (11, 11, 3),
        (dcgan_generator, convolutional_discriminator),
    ),
    "dcgan without BN": (
        dcgan,
        {"image_size": 11, "filters": 8, "batch_norm": False},
        (11, 11, 3),
        (dcgan_generator, convolutional_discriminator),
    ),
    "mixture": (mixture, {}, (2,), (mixture_generator, mixture_discriminator)),
}


def randomised(network):
    """Randomises all weights and keeps float64 copies as `before`."""
    rng = np.random.default_rng(1)
    for weight in network.weights:
        shape = tuple(weight.shape)
        value = rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
        if "variance" in weight.path or "gamma" in weight.path:
            value = rng.uniform(0.5, 2, shape)
        weight.assign(value)
    network.before = {
        "/".join(weight.path.split("/")[-2:]): weight.numpy().astype(np.float64)
        for weight in network.weights
    }
    return network


def recorded(network) -> dict[str, np.ndarray]:
    """A dictionary that receives the output of each layer when the network runs."""
    outputs: dict[str, np.ndarray] = {}

    def spy(name, call):
        def watched(*args, **kwargs):
            y = call(*args, **kwargs)
            outputs[name] = y.numpy()
            return y

        return watched

    for row in network.describe():
        layer = network.get_layer(row.name)
        layer.call = spy(row.name, layer.call)
    return outputs


@pytest.mark.parametrize("training", [False, True], ids=["moving", "batch"])
@pytest.mark.parametrize("num_classes", [CLASSES, 0], ids=["conditional", "unconditional"])
@pytest.mark.parametrize("which", ["generator", "discriminator"])
@pytest.mark.parametrize("model", MODELS)
def test_every_layer_is_its_definition(model, which, num_classes, training):
    module, arguments, image_shape, references = MODELS[model]
    arguments = {**arguments, "num_classes": num_classes, "label_dim": LABEL_DIM}
    if which == "generator":
        network = module.Generator(**arguments, z_dim=7)
        shape, reference = (7,), references[0]
    else:
        network = module.Discriminator(**arguments)
        shape, reference = image_shape, references[1]
    randomised(network)
    inputs = np.random.default_rng(2).uniform(-1, 1, (BATCH, *shape)).astype(np.float32)

    ref = Reference(network, training)
    expected = reference(ref, inputs.astype(np.float64), LABELS)
    outputs = recorded(network)
    actual = network(inputs, LABELS if num_classes else None, training=training).numpy()

    # The variance of four numbers can be small and amplifies rounding errors.
    tolerance = {"rtol": 3e-3, "atol": 1e-3} if training else {"rtol": 1e-4, "atol": 2e-5}
    assert set(outputs) == set(ref.outputs) == {row.name for row in network.describe()}
    for name, output in ref.outputs.items():
        np.testing.assert_allclose(
            outputs[name].reshape(output.shape), output, err_msg=name, **tolerance
        )
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, **tolerance)
    for name, (mean, variance) in ref.statistics.items():
        layer = network.get_layer(name)
        for now, kind, batch in (
            (layer.moving_mean, "moving_mean", mean),
            (layer.moving_variance, "moving_variance", variance),
        ):
            moved = 0.9 * ref.weight(name, kind) + 0.1 * batch
            np.testing.assert_allclose(now.numpy(), moved, err_msg=name, **tolerance)
