"""Steps in mixed precision: a processor takes them too, slowly, and they come near those in float32."""

import numpy as np
import pytest

from patent_spark.config import Model, Train
from patent_spark.stages.train.launch.horovod import join_job
from patent_spark.stages.train.model.network import build_model
from patent_spark.stages.train.model.optimizer import adam
from patent_spark.stages.train.trainer import Trainer

NUMBERS = np.random.default_rng(1)
VECTORS = NUMBERS.normal(0, 0.5, (30, 6)).astype(np.float32)
LENGTHS = NUMBERS.integers(1, 10, (16, 1))
TOKENS = np.where(np.arange(9) < LENGTHS, NUMBERS.integers(1, 31, (16, 9)), 0).astype(np.int32)
LABEL = (TOKENS[:, 0] % 3).astype(np.int32)


def trainer(ranks, precision):
    settings = Train(precision=precision, learning_rate=0.03)
    model = Model(units=8, layers=2, bidirectional=True, pool="max_mean", mean_vector=True)
    network = build_model(model, VECTORS, 3, seed=1, precision=precision)
    return Trainer(network, settings, ranks, adam(settings, 10))


def losses(trainer, steps=10):
    weight = np.ones(16, np.float32)
    return [
        trainer.train_step(TOKENS, LABEL, weight, np.zeros((16, 0), np.float32)).numpy()[0] / 16
        for _ in range(steps)
    ]


@pytest.mark.parametrize(
    ("precision", "compute"), [("mixed_bfloat16", "bfloat16"), ("mixed_float16", "float16")]
)
def test_mixed_steps_come_near_those_in_float32(precision, compute):
    with join_job() as ranks:
        exact, mixed = trainer(ranks, "float32"), trainer(ranks, precision)
        assert mixed.network.get_layer("lstm_1").compute_dtype == compute
        assert {variable.dtype for variable in mixed.network.trainable_variables} == {"float32"}
        assert mixed.network.output.dtype == mixed.network.get_layer("logits").output.dtype == "float32"
        expected, near = losses(exact), losses(mixed)
    assert expected[-1] < 0.8 * expected[0]
    assert np.allclose(near, expected, rtol=0.03)
    assert near != expected


def test_a_step_whose_gradients_overflow_is_left_out():
    with join_job() as ranks:
        mixed = trainer(ranks, "mixed_float16")
        mixed._optimizer.dynamic_scale.assign(1e38)
        before = mixed.network.get_weights()
        losses(mixed, steps=1)
        assert all((old == new).all() for old, new in zip(before, mixed.network.get_weights(), strict=True))
        assert float(mixed._optimizer.dynamic_scale.numpy()) == pytest.approx(5e37)
