"""The recurrent kernel that a step is compiled to, read from its graph, with a GPU or without."""

import importlib

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


@pytest.fixture(params=[False, True], ids=["cpu", "gpu"])
def has_gpu(request, monkeypatch):
    """What Keras takes the machine for when it compiles; no GPU is needed to compile for one."""
    backend = importlib.import_module("keras.src.backend.tensorflow.rnn")
    monkeypatch.setattr(backend, "_is_gpu_available", lambda: request.param)
    return request.param


def compiled(network):
    return tf.function(network).get_concrete_function(tf.TensorSpec((None, None), tf.int32))


def test_the_network_computes_with_it_where_there_is_a_gpu(has_gpu):
    model = Model(units=3, layers=2, bidirectional=True)
    network = build_model(model, np.ones((5, 4), np.float32), labels=2, seed=1)
    assert uses_cudnn(compiled(network)) is has_gpu


def test_a_layer_that_it_cannot_compute_is_a_loop_on_every_machine(has_gpu):
    """cuDNN's LSTM knows no activation but tanh."""
    words = keras.layers.Embedding(5, 4)
    layers = {activation: keras.layers.LSTM(3, activation=activation) for activation in ("tanh", "relu")}
    functions = {name: compiled(lambda ids, layer=layer: layer(words(ids))) for name, layer in layers.items()}
    kernels = {name: uses_cudnn(function) for name, function in functions.items()}
    assert kernels == {"tanh": has_gpu, "relu": False}


def test_this_machine_is_taken_for_what_it_is():
    network = build_model(Model(units=3), np.ones((5, 4), np.float32), labels=2, seed=1)
    assert uses_cudnn(compiled(network)) is bool(tf.config.list_physical_devices("GPU"))
