"""The recurrent kernel that a step is compiled to, read from its graph, with a GPU or without."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from patent_spark.config import Model
from patent_spark.stages.train.launch.gpus import uses_cudnn
from patent_spark.stages.train.model.network import build_model


@tf.function
def with_the_kernel(inputs):
    state = tf.zeros((1, tf.shape(inputs)[1], 3))
    return tf.raw_ops.CudnnRNNV3(
        input=inputs,
        input_h=state,
        input_c=state,
        params=tf.zeros(96),
        sequence_lengths=tf.fill([tf.shape(inputs)[1]], 5),
        is_training=True,
    )[0]


@tf.function
def within_another(inputs):
    return tf.cond(tf.size(inputs) > 0, lambda: with_the_kernel(inputs), lambda: inputs)


def test_the_kernel_is_found_in_a_function_and_in_those_that_it_calls():
    inputs = tf.TensorSpec((5, None, 3), tf.float32)
    assert uses_cudnn(with_the_kernel.get_concrete_function(inputs))
    assert uses_cudnn(within_another.get_concrete_function(inputs))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_layer_computes_with_it_where_there_is_a_gpu_and_its_settings_allow(activation):
    """cuDNN has no LSTM with relu, so that one is a loop over the words on every machine."""
    layer = keras.layers.LSTM(3, activation=activation)
    function = tf.function(layer).get_concrete_function(tf.TensorSpec((None, None, 4), tf.float32))
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    assert uses_cudnn(function) is (has_gpu and activation == "tanh")


def test_the_network_computes_with_it_where_there_is_a_gpu():
    network = build_model(Model(units=3), np.ones((5, 4), np.float32), labels=2, seed=1)
    step = tf.function(network).get_concrete_function(tf.TensorSpec((None, None), tf.int32))
    assert uses_cudnn(step) is bool(tf.config.list_physical_devices("GPU"))
