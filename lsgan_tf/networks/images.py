"""Base classes of networks of images."""

from __future__ import annotations

from keras import ops

from lsgan_tf.networks import label_layers
from lsgan_tf.networks.base import Network, NoiseNetwork
from lsgan_tf.networks.layers import Tensor


class ImageGenerator(NoiseNetwork):
    """Base class of image generators.

    Args:
      image_size: height and width of the image in pixels.
      channels: number of channels of the image.
      num_classes: number of classes; 0 for an unconditional generator.
      z_dim: length of the noise vector.
      label_dim: length of a mapped label, which is concatenated to the noise.
    """

    output_range = (-1.0, 1.0)

    image_size: int = 64
    channels: int = 3
    num_classes: int = 0
    z_dim: int = 1024
    label_dim: int = 256


class ImageDiscriminator(Network):
    """Base class of image discriminators.

    Args:
      image_size: height and width of the image in pixels.
      channels: number of channels of the image.
      num_classes: number of classes; 0 for an unconditional discriminator.
      label_dim: length of a mapped label.
      projection: whether to add the inner product of a class embedding and the last features to
        the score, by layer `projected`; for conditional discriminators.
      batch_norm: whether to apply batch normalisation.
      layer_norm: whether to apply layer normalisation instead.
      gamma: initial scale of batch normalisation: "normal" for N(1, 0.02), or "one".
      synchronized: whether all replicas share the statistics of batch normalisation.
    """

    default_name = "discriminator"
    takes_parts = True

    image_size: int = 64
    channels: int = 3
    num_classes: int = 0
    label_dim: int = 256
    projection: bool = False
    batch_norm: bool = True
    layer_norm: bool = False
    gamma: str = "normal"
    synchronized: bool = True

    @property
    def input_dims(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (self.image_size, self.image_size, self.channels)

    def call(
        self,
        x: Tensor,
        label: Tensor | None = None,
        training: bool | None = None,
        parts: int = 1,
    ) -> Tensor:
        """Score images.

        Args:
          x: images, (n, image_size, image_size, channels).
          label: integers in [0, num_classes), (n,); ignored if unconditional.
          training: whether to normalise by batch statistics and update the moving statistics, or to
            normalise by the moving statistics.
          parts: number of concatenated batches in `x`, which are normalised separately.

        Returns:
          Raw scores (no sigmoid), float32, (n,).
        """
        phi = self.map_label(label)
        score, features = self.run_layers(x, phi, training, parts)
        score = ops.squeeze(score, axis=-1)
        return self._project(score, features, label) if self.projection else score

    def run_layers(
        self, x: Tensor, phi: Tensor | None, training: bool | None, parts: int
    ) -> tuple[Tensor, Tensor]:
        """Apply the layers; arguments as in `call`, with the mapped label.

        Returns:
          Scores, (n, 1), and the last features, (n, k) or (n, h, w, k).
        """
        raise NotImplementedError

    def add_projection(self, features: int) -> None:
        """Add layer `projected` of the last features, if this network has `projection`."""
        if self.projection:
            if not self.num_classes:
                raise ValueError("projection=True requires num_classes, the number of classes")
            self.add(label_layers.Projection(self.num_classes, "projected", "float32"), (features,))

    def _project(self, score: Tensor, x: Tensor, label: Tensor) -> Tensor:
        """Add the inner product of features, summed over positions, and class embedding."""
        x = ops.sum(ops.cast(x, "float32"), axis=tuple(range(1, len(x.shape) - 1)))
        return score + self.projected(x, ops.cast(label, "int32"))
