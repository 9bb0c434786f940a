"""Training of judges on labelled images, real or generated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from lsgan_tf.data.pipeline import Order
from lsgan_tf.data.source import Source
from lsgan_tf.metrics.judge.augmentation import distort
from lsgan_tf.metrics.judge.network import judge_network
from lsgan_tf.util.keras_state import neutral
from lsgan_tf.util.progress import Progress

_FEWEST_STEPS = 2500
_FEWEST_EPOCHS = 2


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Training settings of a judge; part of its identity.

    Attributes:
      steps: number of updates.
      batch_size: images per update.
      learning_rate: peak learning rate, after warm-up over 5% of the steps; then cosine decay.
      mirror: whether to augment by random horizontal flips.
      seed: seed of weights, order and augmentation.
    """

    steps: int
    batch_size: int = 64
    learning_rate: float = 2e-3
    mirror: bool = False
    seed: int = 0


def default_recipe(source: Source, *, steps: int | None = None) -> Recipe:
    """Return the default: 2,500 steps, or two epochs if more; horizontal flips for CIFAR-10.

    Args:
      source: the training data.
      steps: overrides the number of steps.
    """
    if steps is None:
        steps = max(_FEWEST_STEPS, _FEWEST_EPOCHS * len(source) // Recipe.batch_size)
    return Recipe(steps, mirror=source.name == "cifar10")


@neutral()
def train_network(
    sources: Sequence[Source], classes: int, recipe: Recipe, *, label: str = "training the judge"
) -> keras.Model:
    """Train the network of a judge without using global random state.

    Args:
      sources: labelled images of one shape, which are concatenated.
      classes: number of classes.
      recipe: training settings.
      label: label of the progress line.
    """
    network = judge_network(sources[0].shape, classes, recipe.seed)
    warmup = recipe.steps // 20
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20,
        recipe.steps - warmup,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    optimizer.build(network.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(reduce_retracing=True, autograph=False)
    def step(images: tf.Tensor, labels: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            _, logits = network(images, training=True)
            loss = loss_of(labels, logits)
        weights = network.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)

    order = Order(sum(map(len, sources)), recipe.seed)
    generator = np.random.Generator(np.random.Philox(key=recipe.seed))
    with Progress(label, total=recipe.steps, unit="steps") as progress:
        for number in range(recipe.steps):
            start = number * recipe.batch_size
            indices = order.indices(start, start + recipe.batch_size)
            images, labels = _read(sources, indices)
            step(distort(images, generator, mirror=recipe.mirror), tf.constant(labels))
            progress.add(1)
    return network


def _read(sources: Sequence[Source], indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read examples and labels at indices of the concatenated sources; their order changes."""
    images, labels, start = [], [], 0
    for source in sources:
        own = indices[(indices >= start) & (indices < start + len(source))] - start
        images.append(source.read(own))
        labels.append(source.labels(own))
        start += len(source)
    return np.concatenate(images), np.concatenate(labels)
