"""The same networks and training step in idiomatic PyTorch.

Labels are embedded, tiled as maps and concatenated. Tensors are channels-last, so that flattening
does not copy. PyTorch pads a 5x5 convolution of stride 2 by two on each side, which is the mirror
image of TensorFlow's "SAME"; `copy_weights` mirrors the weights, and on mirrored images both
frameworks compute the same values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from lsgan_tf.config import Config
from lsgan_tf.networks.base import Network
from lsgan_tf.networks.layers import scaled

_SCENE_PLAN = ((256, 3, 2), (256, 3, 1), (256, 3, 2), (256, 3, 1), (128, 3, 2), (64, 3, 2))


class LabelMap(nn.Module):
    """The paper's linear map of a one-hot label, as an embedding and a bias."""

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.rows = nn.Embedding(classes, dim)
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, label: torch.Tensor) -> torch.Tensor:
        """Map labels, (n,), to (n, dim)."""
        return self.rows(label) + self.bias


def _conv(source: int, filters: int) -> nn.Conv2d:
    return nn.Conv2d(source, filters, 5, stride=2, padding=2)


def _deconv(source: int, filters: int, kernel: int, stride: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(
        source, filters, kernel, stride, padding=kernel // 2, output_padding=stride - 1
    )


def _norm(features: int, images: bool = True) -> nn.Module:
    return (nn.BatchNorm2d if images else nn.BatchNorm1d)(features, eps=1e-5, momentum=0.1)


def _join(x: torch.Tensor, phi: torch.Tensor | None) -> torch.Tensor:
    """Concatenate the label to features, or as constant maps to an image's channels."""
    if phi is None:
        return x
    if x.ndim == 2:
        return torch.cat([x, phi.to(x.dtype)], 1)
    maps = phi.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, maps], 1).contiguous(memory_format=torch.channels_last)


def _flatten(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1).flatten(1)


def _unflatten(x: torch.Tensor, side: int) -> torch.Tensor:
    return x.view(len(x), side, side, -1).permute(0, 3, 1, 2)


class _Labelled(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.dim = config.label_dim if config.conditional else 0
        if self.dim:
            self.label_map = LabelMap(config.data_classes, self.dim)

    def phi(self, label: torch.Tensor) -> torch.Tensor | None:
        return self.label_map(label) if self.dim else None


class Generator(_Labelled):
    """G of any of the networks: a dense layer and transposed convolutions."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        channels = config.data_shape[-1]
        if config.network == "handwriting":
            first = scaled(128, config.width)
            plan = ((first, 5, 2), (channels, 5, 2))
        elif config.network == "scene":
            first, plan = 256, (*_SCENE_PLAN, (channels, 3, 1))
        else:
            first = 8 * config.filters
            widths = (first // 2, first // 4, first // 8, channels)
            plan = tuple((width, 5, 2) for width in widths)
        # Handwriting normalises the flat features, the other networks the first map's channels.
        self._flat = config.network == "handwriting"
        self._side = config.image_size // 2 ** sum(stride == 2 for _, _, stride in plan)
        units = self._side**2 * first
        self.h0 = nn.Linear(config.z_dim + self.dim, units)
        self.bn0 = _norm(units, images=False) if self._flat else _norm(first)
        self._last, source = len(plan), first
        for i, (filters, kernel, stride) in enumerate(plan, start=1):
            setattr(self, f"h{i}", _deconv(source, filters, kernel, stride))
            if i < self._last:
                setattr(self, f"bn{i}", _norm(filters))
            source = filters

    def forward(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Map noise and labels to images in G's range, float32."""
        x = self.h0(_join(z, self.phi(label)))
        if self._flat:
            x = _unflatten(self.bn0(x), self._side)
        else:
            x = self.bn0(_unflatten(x, self._side))
        x = torch.relu(x)
        for i in range(1, self._last):
            x = torch.relu(getattr(self, f"bn{i}")(getattr(self, f"h{i}")(x)))
        x = getattr(self, f"h{self._last}")(x).float()
        return torch.sigmoid(x) if self._flat else torch.tanh(x)


class Discriminator(_Labelled):
    """D of any of the networks: convolutions, then one or two dense layers."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        handwriting = config.network == "handwriting"
        if handwriting:
            widths = [config.first_filters, scaled(320, config.width)]
        else:
            first = config.filters if config.network == "dcgan" else 64
            widths = [first, 2 * first, 4 * first, 8 * first]
        source = config.data_shape[-1]
        for i, filters in enumerate(widths):
            setattr(self, f"h{i}", _conv(source + (self.dim if i else 0), filters))
            if i:
                setattr(self, f"bn{i}", _norm(filters))
            source = filters
        self._convs = len(widths)
        side = config.image_size // 2**self._convs
        features = side * side * source + self.dim
        self._hidden = handwriting
        if handwriting:
            units = scaled(1024, config.width)
            self.h2, self.bn2 = nn.Linear(features, units), _norm(units, images=False)
            features = units + self.dim
        self.last = f"h{self._convs + handwriting}"
        setattr(self, self.last, nn.Linear(features, 1))

    def forward(self, x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Map images and labels to raw scores, float32, (n,)."""
        phi = self.phi(label)
        x = nn.functional.leaky_relu(self.h0(x), 0.2)
        for i in range(1, self._convs):
            x = getattr(self, f"bn{i}")(getattr(self, f"h{i}")(_join(x, phi)))
            x = nn.functional.leaky_relu(x, 0.2)
        x = _flatten(x)
        if self._hidden:
            x = nn.functional.leaky_relu(self.bn2(self.h2(_join(x, phi))), 0.2)
        return getattr(self, self.last)(_join(x, phi)).float()[:, 0]


class TorchGAN:
    """The paper's step: D's update, then G's with the same noise and the new D.

    Args:
      config: a config with the dataset's metadata.
      device: "cpu" or "cuda".
      compiled: whether to use `torch.compile` on both networks.
    """

    def __init__(self, config: Config, device: str, compiled: bool) -> None:
        self.config, self.device = config, device
        self.g, self.d = (
            kind(config).to(device, memory_format=torch.channels_last)
            for kind in (Generator, Discriminator)
        )
        self._run_g, self._run_d = self.g, self.d
        if compiled:
            self._run_g, self._run_d = torch.compile(self.g), torch.compile(self.d)
        rates = (config.learning_rate, config.generator_learning_rate or config.learning_rate)
        betas = (config.beta1, config.beta2)
        self._d_optimizer, self._g_optimizer = (
            torch.optim.Adam(network.parameters(), rate, betas, eps=1e-8, fused=True)
            for network, rate in zip((self.d, self.g), rates, strict=True)
        )
        self.sums = torch.zeros(6, device=device)

    def step(self, pixels: torch.Tensor, label: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Run a step on uint8 images; returns `gan.METRICS`, and adds them to `sums`."""
        config = self.config
        low = 0.0 if config.network == "handwriting" else -1.0
        real = pixels.float() * ((1.0 - low) / 255.0) + low
        half = config.precision != "float32"
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=half):
            fake = self._run_g(z, label)
            on_real, on_fake = self._run_d(real, label), self._run_d(fake.detach(), label)
        a, b, c = config.label_fake, config.label_real, config.label_target
        d_loss = 0.5 * (on_real - b).square().mean() + 0.5 * (on_fake - a).square().mean()
        d_norm = _update(self._d_optimizer, self.d, d_loss)
        # D's gradients are not needed here.
        self.d.requires_grad_(False)
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=half):
            g_loss = 0.5 * (self._run_d(fake, label) - c).square().mean()
        g_norm = _update(self._g_optimizer, self.g, g_loss)
        self.d.requires_grad_(True)
        scores = on_real.mean(), on_fake.mean()
        metrics = torch.stack([d_loss, g_loss, *scores, d_norm, g_norm]).detach()
        self.sums += metrics
        return metrics


def _update(
    optimizer: torch.optim.Optimizer, network: nn.Module, loss: torch.Tensor
) -> torch.Tensor:
    """Apply the loss's gradient and return its norm."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norms = torch._foreach_norm([weight.grad for weight in network.parameters()])
    optimizer.step()
    return torch.linalg.vector_norm(torch.stack(norms))


def copy_weights(network: Network, module: nn.Module) -> None:
    """Copy the weights of a network into its mirrored counterpart.

    Args:
      network: the network.
      module: its counterpart, with the same layer names.
    """
    state = module.state_dict()
    before: tuple[int, ...] = ()
    for row in network.describe():
        values = {weight.name: weight.numpy() for weight in network.get_layer(row.name).weights}
        for key, value in _twin(network, row.name, values, before).items():
            state[f"{row.name}.{key}"].copy_(torch.from_numpy(np.ascontiguousarray(value)))
        before = row.shape


def _twin(
    network: Network, name: str, values: dict[str, np.ndarray], before: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Return a layer's weights by PyTorch's names; `before` is the shape of its input."""
    if name == "label_map":
        return {"rows.weight": values["kernel"], "bias": values["bias"]}
    if name.startswith("bn"):
        names = {"gamma": "weight", "beta": "bias"}
        names |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
        if name == "bn0" and len(before) == 1:
            values = {key: _mirrored(value, _first_map(network)) for key, value in values.items()}
        return {names[key]: value for key, value in values.items()}
    kernel, bias = values["kernel"], values["bias"]
    if kernel.ndim == 4:
        if "label_kernel" in values:
            kernel = np.concatenate([kernel, values["label_kernel"]], axis=2)
        return {"weight": kernel[::-1, ::-1].transpose(3, 2, 0, 1), "bias": bias}
    kernel = kernel.T
    if name == "h0":  # of G, whose units become a map
        shape = _first_map(network)
        kernel, bias = _mirrored(kernel.T, shape).T, _mirrored(bias, shape)
    elif len(before) == 3:  # of D, whose features were a map, perhaps with a label appended
        pixels = int(np.prod(before))
        kernel = np.concatenate([_mirrored(kernel[:, :pixels], before), kernel[:, pixels:]], 1)
    return {"weight": kernel, "bias": bias}


def _first_map(network: Network) -> tuple[int, int, int]:
    """Return height, width and channels of G's first map."""
    channels = network.get_layer("h1").kernel.shape[-1]
    side = round((network.get_layer("h0").units / channels) ** 0.5)
    return side, side, channels


def _mirrored(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Mirror the map into which the last axis unflattens."""
    maps = x.reshape(*x.shape[:-1], *shape)
    return maps[..., ::-1, ::-1, :].reshape(x.shape)
