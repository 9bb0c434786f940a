"""PyTorch's training step as a contestant: see `torch_gan`."""

from __future__ import annotations

import time

import bench_nets
import numpy as np
import torch
from torch_gan import TorchGAN

# Batches prepared on the device; PyTorch's time does not include an input pipeline.
_BATCHES = 16


class Peer:
    """PyTorch's training step on random images.

    Args:
      net: one of `bench_nets.NETS`.
      precision: "float32" or "bfloat16" (autocast).
      compiled: whether to use `torch.compile` on both networks.
      batch_size: examples per update.
      small: whether to use narrow networks, to test the tool.
    """

    def __init__(
        self, *, net: str, precision: str, compiled: bool, batch_size: int, small: bool
    ) -> None:
        start = time.perf_counter()
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")  # TF32 if available, as in TensorFlow
        torch.manual_seed(0)
        config = bench_nets.config(net, precision=precision, batch_size=batch_size, small=small)
        self._gan, self._z_dim = TorchGAN(config, self._device, compiled), config.z_dim
        source = bench_nets.random_examples(config.data_shape, config.data_classes)
        self._batches = []
        for number in range(_BATCHES):
            indices = (np.arange(batch_size) + number * batch_size) % len(source)
            pixels = torch.from_numpy(source.read(indices).transpose(0, 3, 1, 2).copy())
            pixels = pixels.to(self._device, memory_format=torch.channels_last)
            labels = torch.from_numpy(source.labels(indices)).long().to(self._device)
            self._batches.append((pixels, labels))
        self._step = 0
        self.burst(2)
        self.facts = {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "device": self._device,
            "parameters": [
                sum(weight.numel() for weight in network.parameters())
                for network in (self._gan.g, self._gan.d)
            ],
            "batch_size": batch_size,
            "seconds_to_first_step": time.perf_counter() - start,
        }

    def burst(self, steps: int) -> None:
        """Run steps and wait for the last one's metrics."""
        for _ in range(steps):
            pixels, labels = self._batches[self._step % _BATCHES]
            z = torch.rand(len(pixels), self._z_dim, device=self._device) * 2 - 1
            self._gan.step(pixels, labels, z)
            self._step += 1
        sums = self._gan.sums.tolist()
        if not np.isfinite(sums).all():
            raise ArithmeticError(f"a step was not finite: {sums}")

    def peak(self) -> dict[str, float]:
        """Return nothing: the peak is measured in TensorFlow's process."""
        return {}


prepare = Peer
