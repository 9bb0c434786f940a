"""Adam and RMSProp with TensorFlow 1's constants, and the global gradient."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from lsgan_tf.optimizers import apply, falling, global_gradients, global_norm, make_optimizer

pytestmark = pytest.mark.fast

GRADIENTS = [np.array([0.3, -2.0, 1e-5]), np.array([-0.1, 0.5, 2e-5])]


def after(optimizer, gradients=GRADIENTS):
    weight = keras.Variable(np.zeros(3, np.float32))
    optimizer.build([weight])
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient, tf.float32)], [weight])
    return weight.numpy()


def adam(rate, beta1, beta2, epsilon):
    w = m = v = np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        step = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        w = w - step * m / (np.sqrt(v) + epsilon)
    return w


def test_adam():
    expected = adam(0.01, 0.5, 0.99, 1e-8)
    found = after(make_optimizer("adam", 0.01, beta1=0.5, beta2=0.99))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_epsilon_by_hand():
    expected = adam(0.01, 0.5, 0.999, 0.1)
    np.testing.assert_allclose(
        after(make_optimizer("adam", 0.01, epsilon=0.1)), expected, rtol=1e-4
    )


def tensorflow_1(optimizer):
    """Result of TensorFlow 1's optimiser in a graph and a session."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        weight = tf.compat.v1.get_variable("w", initializer=np.zeros(3, np.float32))
        gradient = tf.compat.v1.placeholder(tf.float32, (3,))
        step = optimizer.apply_gradients([(gradient, weight)])
        session.run(tf.compat.v1.global_variables_initializer())
        for value in GRADIENTS:
            session.run(step, {gradient: value})
        return session.run(weight)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_as_tensorflow_1_has_them(name):
    train = tf.compat.v1.train
    theirs = {
        "adam": lambda: train.AdamOptimizer(2e-4, 0.5),
        "rmsprop": lambda: train.RMSPropOptimizer(2e-4),
    }
    np.testing.assert_allclose(
        after(make_optimizer(name, 2e-4)), tensorflow_1(theirs[name]()), rtol=1e-5
    )


def test_a_rate_that_falls_over_the_last_updates():
    assert falling(0.1, updates=100, decay=0) == 0.1
    rate = falling(0.1, updates=100, decay=20)
    found = [float(rate(tf.constant(n))) for n in (0, 80, 85, 90, 99, 100, 200)]
    np.testing.assert_allclose(found, [0.1, 0.1, 0.075, 0.05, 0.005, 0, 0], rtol=1e-6)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rate))
    assert again.get_config() == {"learning_rate": 0.1, "updates": 100, "decay": 20}
    # Float32 does not hold this number of updates.
    late = falling(1.0, updates=2**24 + 3, decay=4)
    assert float(late(tf.constant(2**24 + 2, tf.int64))) == 0.25


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_the_last_update_with_a_falling_rate_is_smaller(name):
    # Two updates, of which the second has half of the rate.
    one = after(make_optimizer(name, 0.01), GRADIENTS[:1])
    both = after(make_optimizer(name, 0.01))
    found = after(make_optimizer(name, falling(0.01, updates=2, decay=2)))
    np.testing.assert_allclose(found, one + (both - one) / 2, rtol=1e-4, atol=1e-9)


def test_rmsprop():
    w, v = np.zeros(3), np.ones(3)  # TensorFlow 1 begins at 1, Keras at 0
    for g in GRADIENTS:
        v = 0.8 * v + 0.2 * g * g
        w = w - 0.01 * g / np.sqrt(v + 1e-10)
    found = after(make_optimizer("rmsprop", 0.01, rho=0.8))
    np.testing.assert_allclose(found, w, rtol=1e-3)


def test_loss_scaling_changes_nothing_but_the_scale():
    plain, scaled = (make_optimizer("adam", 0.01, loss_scaling=on) for on in (False, True))
    expected = after(plain)
    assert isinstance(scaled, keras.optimizers.LossScaleOptimizer)
    weight = keras.Variable(np.zeros(3, np.float32))
    scaled.build([weight])
    factor = float(scaled.scale_loss(tf.ones(())))
    assert factor > 1
    for gradient in GRADIENTS:
        scaled.apply([tf.constant(gradient * factor, tf.float32)], [weight])
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-4)


def test_another_name():
    with pytest.raises(ValueError, match="adam or rmsprop"):
        make_optimizer("sgd", 0.1)


def test_global_norm_is_of_the_unscaled_gradient():
    gradients = [tf.constant([3.0, 0.0]), tf.constant([[4.0]])]
    assert float(global_norm(gradients)) == 5.0
    assert float(global_norm(gradients, 10.0)) == 0.5


def test_a_weight_without_gradient_stays():
    weights = [keras.Variable([1.0, 2.0]), keras.Variable([3.0])]
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(weights)
    assert float(apply(optimizer, [tf.constant([3.0, 4.0]), None], weights)) == pytest.approx(5)
    assert [weight.numpy().tolist() for weight in weights] == [[-2, -2], [3]]


def test_rows_of_a_table_become_dense():
    rows = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([2, 2]), tf.constant([3, 1]))
    (dense,) = global_gradients([rows])
    np.testing.assert_array_equal(dense, [[0.0], [0.0], [3.0]])
