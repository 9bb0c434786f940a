from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsgan_tf.data.pipeline import Batches, Order
from lsgan_tf.data.source import Source
from lsgan_tf.data.synthetic.mixture import Ring

# Resumed runs depend on this order: do not change.
FIRST_ORDER = [6, 1, 8, 5, 2, 7, 9, 4, 3, 0]
FIRST_FLIPS = [0, 1, 1, 0, 0, 1, 1, 1, 0, 1]


class Numbered(Source):
    """Images that contain their index: 2x3, the index in the left column, 200 in the right."""

    name = "numbered"
    shape = (2, 3, 1)

    def __init__(self, length):
        self._length = length
        self.fingerprint = str(length)

    def __len__(self):
        return self._length

    def read(self, indices):
        images = np.zeros((len(indices), 2, 3, 1), np.uint8)
        images[:, :, 0, 0] = np.asarray(indices)[:, None]
        images[:, :, 2, 0] = 200
        return images

    def labels(self, indices):
        return np.asarray(indices, np.int32) * 2


def batches(length=50, *, batch_size=8, draws=1, seed=1, flip=False):
    return Batches(Numbered(length), batch_size=batch_size, draws=draws, seed=seed, flip=flip)


class TestOrder:
    def test_values_do_not_change_between_versions(self):
        assert Order(10, seed=3).indices(0, 10).tolist() == FIRST_ORDER

    @given(st.integers(1, 300), st.integers(0, 2**31 - 1), st.integers(0, 5))
    def test_each_epoch_is_a_permutation(self, length, seed, epoch):
        found = Order(length, seed).indices(epoch * length, (epoch + 1) * length)
        assert sorted(found.tolist()) == list(range(length))

    @given(st.integers(1, 60), st.lists(st.integers(0, 50), min_size=1, max_size=8))
    def test_pieces_are_those_of_the_whole(self, length, sizes):
        order, start = Order(length, 7), 0
        whole = Order(length, 7).indices(0, sum(sizes))
        for size in sizes:
            np.testing.assert_array_equal(
                order.indices(start, start + size), whole[start : start + size]
            )
            start += size

    def test_epochs_and_seeds_differ(self):
        order = Order(100, 1)
        epochs = [tuple(order.indices(100 * n, 100 * n + 100)) for n in range(4)]
        epochs.append(tuple(Order(100, 2).indices(0, 100)))
        assert len(set(epochs)) == 5

    def test_every_example_may_come_anywhere(self):
        # Where example 0 stands over many epochs: even over the set.
        order = Order(10, 5)
        places = [
            int(np.flatnonzero(order.indices(10 * n, 10 * n + 10) == 0)[0]) for n in range(500)
        ]
        assert np.bincount(places, minlength=10).min() > 25


class TestSlices:
    @given(st.integers(1, 40), st.integers(1, 30), st.integers(1, 3))
    def test_every_epoch_shows_every_example_once(self, length, size, draws):
        run = batches(length, batch_size=size, draws=draws)
        steps = -(-2 * length // (size * draws))
        seen = np.concatenate(
            [run.slice(step, 0, 1)[0][..., 0, 0, 0].ravel() for step in range(steps)]
        )
        assert sorted(seen[:length].tolist()) == list(range(length))
        assert sorted(seen[length : 2 * length].tolist()) == list(range(length))

    @pytest.mark.parametrize("replicas", [1, 2, 4])
    @pytest.mark.parametrize("flip", [False, True])
    def test_of_replicas_tile_the_global_batch(self, replicas, flip):
        run = batches(draws=2, flip=flip)
        for step in (0, 1, 5, 6, 1000):
            whole_images, whole_labels = run.slice(step, 0, 1)
            assert whole_images.shape == (2, 8, 2, 3, 1) and whole_labels.shape == (2, 8)
            parts = [run.slice(step, replica, replicas) for replica in range(replicas)]
            np.testing.assert_array_equal(np.concatenate([p[0] for p in parts], 1), whole_images)
            np.testing.assert_array_equal(np.concatenate([p[1] for p in parts], 1), whole_labels)

    def test_labels_belong_to_their_images(self):
        images, labels = batches().slice(3, 0, 1)
        np.testing.assert_array_equal(labels, images[..., 0, 0, 0].astype(np.int32) * 2)
        assert labels.dtype == np.int32 and images.dtype == np.uint8

    def test_draws_of_a_step_are_further_batches(self):
        one, two = batches(draws=1), batches(draws=2)
        images, _ = two.slice(3, 0, 1)
        np.testing.assert_array_equal(images[0], one.slice(6, 0, 1)[0][0])
        np.testing.assert_array_equal(images[1], one.slice(7, 0, 1)[0][0])

    def test_a_batch_may_be_longer_than_the_set(self):
        images, _ = batches(3, batch_size=12).slice(0, 0, 1)
        assert np.bincount(images[0, :, 0, 0, 0]).tolist() == [4, 4, 4]


class Fresh(Numbered):
    """New images in each epoch: the epoch is in the middle column."""

    fresh = True

    def read_epochs(self, indices, epochs):
        images = self.read(indices)
        images[:, :, 1, 0] = np.asarray(epochs)[:, None]
        return images


class TestEpochs:
    def test_of_positions(self):
        order = Order(10, 3)
        assert order.epochs(8, 22).tolist() == [0, 0, *10 * [1], 2, 2]
        assert order.epochs(10**12, 10**12 + 1).tolist() == [10**11]

    def test_are_told_to_the_source_with_the_index(self):
        run = Batches(Fresh(5), batch_size=3, draws=2, seed=1)
        images, labels = run.slice(2, 0, 1)
        assert images[:, :, 0, 1, 0].tolist() == [[2, 2, 2], [3, 3, 3]]
        np.testing.assert_array_equal(labels, images[:, :, 0, 0, 0].astype(np.int32) * 2)
        seen = np.concatenate([run.slice(step, 0, 1)[0].reshape(-1, 2, 3) for step in range(5)])
        assert seen[:, 0, 1].tolist() == np.repeat(np.arange(6), 5).tolist()
        for epoch in range(6):
            assert sorted(seen[seen[:, 0, 1] == epoch, 0, 0].tolist()) == list(range(5))

    def test_other_sources_have_the_same_in_each(self):
        source = Numbered(5)
        np.testing.assert_array_equal(
            source.read_epochs(np.array([3, 1]), np.array([0, 9])), source.read(np.array([3, 1]))
        )


class TestFlips:
    def flipped(self, run, step):
        images = run.slice(step, 0, 1)[0].reshape(-1, 2, 3)
        left, right = images[:, :, 0], images[:, :, 2]
        mirrored = left[:, 0] == 200
        np.testing.assert_array_equal(np.where(mirrored[:, None], left, right), 200)
        return mirrored

    def test_values_do_not_change_between_versions(self):
        run = batches(200, batch_size=10, seed=3, flip=True)
        assert self.flipped(run, 0).astype(int).tolist() == FIRST_FLIPS

    def test_half_of_them_and_by_position_not_by_batch(self):
        run = batches(200, batch_size=100, flip=True)
        flips = np.concatenate([self.flipped(run, step) for step in range(40)])
        assert 0.45 < flips.mean() < 0.55
        # Split so that parts begin inside a block of the generator.
        other = batches(200, batch_size=5, flip=True)
        again = np.concatenate([self.flipped(other, step) for step in range(800)])
        np.testing.assert_array_equal(flips, again)
        # Another epoch, other flips of the same image.
        assert (flips[:200] != flips[200:400]).any()

    def test_none_without(self):
        assert not self.flipped(batches(200, batch_size=100), 0).any()

    def test_change_no_image_and_no_order(self):
        plain, mirrored = batches(seed=4), batches(seed=4, flip=True)
        one, two = plain.slice(2, 0, 1), mirrored.slice(2, 0, 1)
        np.testing.assert_array_equal(one[1], two[1])
        np.testing.assert_array_equal(np.sort(one[0], axis=3), np.sort(two[0], axis=3))


class TestDataset:
    def take(self, run, first, count, **workers):
        workers = {"replicas": 1, "first_replica": 0, "local_replicas": 1} | workers
        dataset = run.dataset(first, **workers).take(count)
        return [(images.numpy(), labels.numpy()) for images, labels in dataset]

    def test_starting_late_is_skipping(self):
        run = batches(30, draws=2)
        whole, late = self.take(run, 0, 9), self.take(batches(30, draws=2), 5, 4)
        for (images, labels), (again, labels_again) in zip(whole[5:], late, strict=True):
            np.testing.assert_array_equal(images, again)
            np.testing.assert_array_equal(labels, labels_again)

    def test_starts_anywhere_at_once(self):
        (images, _), *_ = self.take(batches(), 10**12, 1)
        np.testing.assert_array_equal(images, batches().slice(10**12, 0, 1)[0])

    @settings(max_examples=5, deadline=None)
    @given(st.sampled_from([(2, 0, 2), (4, 0, 2), (4, 2, 2), (4, 3, 1)]))
    def test_each_worker_gets_its_replicas_step_by_step(self, workers):
        replicas, first, local = workers
        run = batches()
        found = self.take(
            run, 3, 2 * local, replicas=replicas, first_replica=first, local_replicas=local
        )
        expected = [
            run.slice(step, first + replica, replicas)
            for step in (3, 4)
            for replica in range(local)
        ]
        for (images, labels), (images_expected, labels_expected) in zip(
            found, expected, strict=True
        ):
            np.testing.assert_array_equal(images, images_expected)
            np.testing.assert_array_equal(labels, labels_expected)

    def test_shapes_are_static(self):
        spec = (
            batches(draws=2).dataset(0, replicas=2, first_replica=0, local_replicas=2).element_spec
        )
        assert spec[0].shape == (2, 4, 2, 3, 1) and spec[1].shape == (2, 4)

    def test_points_are_float32(self):
        run = Batches(Ring(), batch_size=6, draws=1, seed=0)
        (points, labels), *_ = self.take(run, 0, 1)
        assert points.shape == (1, 6, 2) and points.dtype == np.float32
        assert labels.tolist() == [[0] * 6]


def test_order_of_a_large_set_does_not_change_between_versions():
    order = Order(100_000, seed=0).indices(0, 300_000)
    digest = hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()
    assert digest.startswith("8166dc496c38d66e")


class TestPoints:
    """Reading points of many steps at a time does not change the batches."""

    @pytest.mark.parametrize(("replicas", "first_step", "draws"), [(1, 0, 1), (2, 70, 2)])
    def test_are_those_of_each_step(self, replicas, first_step, draws):
        made = Batches(Ring(length=1000), batch_size=4, draws=draws, seed=3)
        dataset = made.dataset(
            first_step, replicas=replicas, first_replica=0, local_replicas=replicas
        )
        for number, (points, labels) in enumerate(dataset.take(150).as_numpy_iterator()):
            step, replica = divmod(number + first_step * replicas, replicas)
            expected = made.slice(step, replica, replicas)
            np.testing.assert_array_equal(points, expected[0])
            np.testing.assert_array_equal(labels, expected[1])
            assert points.shape == (draws, 4 // replicas, 2)
        assert number == 149
