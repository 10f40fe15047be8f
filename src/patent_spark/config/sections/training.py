"""The network and its training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Bound
from pydantic.dataclasses import dataclass

from patent_spark.config.setting_types import (
    STRICT,
    Count,
    Directory,
    Flag,
    Positive,
    Real,
    Share,
    ShareBelowOne,
    setting,
)

FeatureName = Literal[
    "claims",
    "citations_made",
    "citation_age",
    "inventional_codes",
    "class",
    "kind",
    "text_length",
    "family_size",
]
"""A feature of core/features.py."""


@dataclass(frozen=True, config=STRICT)
class Model:
    """The network: word vectors, LSTM layers, pooling over the words, dense softmax."""

    units: Positive = setting(128, "units of each LSTM layer")
    layers: Positive = setting(2, "LSTM layers")
    embedding: Literal["frozen", "tuned"] = setting(
        "frozen", "whether training also updates the word vectors"
    )
    bidirectional: Flag = setting(False, "each layer also reads the text backwards, with a second LSTM")
    pool: Literal["last", "max", "max_mean"] = setting(
        "max",
        "pooling over the words. last: state after the last word (as in the paper). max: maximum of "
        "each unit. max_mean: maximum and mean",
    )
    mean_vector: Flag = setting(
        False, "the softmax also gets the mean word vector of the text, weighted towards rare words"
    )
    scale_vectors: Flag = setting(False, "center the word vectors and scale them to standard deviation 1")
    spatial_dropout: ShareBelowOne = setting(
        0.0, "dropout rate of embedding dimensions, for a whole text at once"
    )
    dropout: ShareBelowOne = setting(0.0, "dropout rate of the pooled state")
    features: tuple[FeatureName, ...] = setting(
        (),
        "what the model of the citation level reads beside the text, known on the day of the grant: claims, "
        "citations_made, citation_age, inventional_codes, class, kind, text_length, family_size",
    )
    forget_bias_horizon: Count = setting(
        0,
        "forget-gate bias: longest initial memory in words (chrono initialisation), about the length "
        "of a text; 0 = Keras's bias of 1, about 3 words",
    )


@dataclass(frozen=True, config=STRICT)
class Train:
    """Training; one loop for any number of ranks."""

    ranks: Positive = setting(
        1, "processes, each with an equal share of every batch; an external launcher decides it"
    )
    epochs: Positive = setting(5, "passes over the training examples; with `patience`, at most so many")
    batch: Positive = setting(96, "examples a step, summed over all ranks")
    min_steps: Count = setting(0, "smallest number of steps; with few examples there are more epochs")
    learning_rate: Real = setting(1e-3, "Adam's learning rate; the peak of the schedule")
    warmup: Share = setting(0.0, "share of all steps in which the learning rate rises from 0")
    warmup_steps: Count = setting(0, "smallest number of steps in which the learning rate rises from 0")
    decay: Literal["none", "plateau", "linear", "cosine"] = setting(
        "none",
        "how the learning rate falls after warmup. linear, cosine: to 0 at the last step. plateau: to 0.3 of "
        "it, three times, whenever `patience` is over, and from the best weights; after the fourth time the "
        "training ends. A loss that is lower by less than 0.1 % does not count",
    )
    weight_decay: Real = setting(0.0, "AdamW weight decay, except for biases and word vectors")
    label_smoothing: ShareBelowOne = setting(0.0, "share of each target that is spread over all labels")
    class_weights: Literal["none", "sqrt", "balanced"] = setting(
        "none",
        "loss weights of technology classes. none: equal. balanced: inverse frequency. sqrt: its square root",
    )
    level_weights: Literal["none", "sqrt", "balanced"] = setting(
        "none", "loss weights of citation levels, as for class_weights"
    )
    level_loss: Literal["cross_entropy", "ordinal"] = setting(
        "cross_entropy",
        "loss of citation levels. cross_entropy: any other level is equally wrong. ordinal: cross-entropy of "
        "`at least this level`, summed over the levels, so that a level further away costs more",
    )
    technology_weight: Annotated[Real, Bound(gt=0)] = setting(
        1.0, "joint: weight of the technology loss in the weighted mean"
    )
    citation_level_weight: Annotated[Real, Bound(gt=0)] = setting(
        1.0, "joint: weight of the citation-level loss in the weighted mean"
    )
    patience: Count = setting(
        0, "early stopping: epochs without a lower development loss; 0 = train all epochs"
    )
    patience_steps: Count = setting(
        0, "smallest number of steps in `patience`; with few examples it has more epochs"
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = setting(
        "float32",
        "precision of the LSTM; weights, logits and loss stay float32. mixed_bfloat16: faster on GPUs"
        " from 2020 on. mixed_float16: on older ones, with loss scaling",
    )
    clip_norm: Real = setting(1.0, "largest gradient norm; 0 = no clipping")
    keep: Literal["best", "last"] = setting(
        "best",
        "which weights are kept: lowest development loss, or last epoch (as in the paper)",
    )
    bucket_by_length: Flag = setting(True, "batch texts of similar length, which reduces padding")
    seed: Count = setting(1, "seed of initial weights and the order within an epoch")
    launcher: Literal["local", "spark", "external"] = setting(
        "local",
        "what starts the ranks. local: this command, on this machine. spark: the executors of spark-"
        "submit's session. external: horovodrun, mpirun or a cluster operator starts this command "
        "once a rank",
    )
    cache_dir: Directory = setting(
        "", "folder on a disk of its own machine to which each rank copies its row groups; empty: no copies"
    )
    timeout_s: Positive = setting(60, "seconds without a sign of life from a rank after which the job ends")
