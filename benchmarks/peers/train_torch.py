"""The same network, optimizer and steps in PyTorch: frozen vectors, LSTM layers, pooling over the words,
softmax.

Reads what train.py wrote for it: tokens and labels of each step, the vectors (row 0 for padding), and the
shape.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn


class Network(nn.Module):
    """int64 tokens [batch, words], 0 to the right -> logits [batch, labels].

    A second LSTM of a bidirectional layer reads the padding before the text: less work than to turn the
    texts, as ours does.
    """

    def __init__(self, vectors: torch.Tensor, model: dict[str, Any], labels: int) -> None:
        super().__init__()
        ways = 2 if model["bidirectional"] else 1
        self.pool = model["pool"]
        self.vectors = nn.Embedding.from_pretrained(vectors)
        self.lstm = nn.LSTM(
            vectors.shape[1],
            model["units"],
            model["layers"],
            batch_first=True,
            bidirectional=model["bidirectional"],
        )
        self.logits = nn.Linear(model["units"] * ways * (2 if self.pool == "max_mean" else 1), labels)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Padding is computed and then ignored."""
        states = self.lstm(self.vectors(tokens))[0]
        real = (tokens != 0).unsqueeze(-1).to(states.dtype)
        length = real.sum(dim=1)
        if self.pool == "last":
            last = (length - 1).clamp(min=0).long().unsqueeze(-1).expand(-1, 1, states.shape[-1])
            return self.logits(states.gather(1, last).squeeze(1))
        largest = (states - 2 * (1 - real)).amax(dim=1)
        pooled = (
            [largest] if self.pool == "max" else [largest, (states * real).sum(dim=1) / length.clamp(min=1)]
        )
        return self.logits(torch.cat(pooled, dim=1))


def main(folder: Path) -> None:
    """Train on the first steps to warm up, then on all; print the examples and seconds of these."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    shape = json.loads((folder / "shape.json").read_text())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    arrays = np.load(folder / "steps.npz")
    steps = [
        tuple(torch.from_numpy(arrays[f"{name}_{step}"]).long().to(device) for name in ("tokens", "label"))
        for step in range(shape["steps"])
    ]
    network = Network(torch.from_numpy(np.load(folder / "vectors.npy")), shape["model"], shape["labels"]).to(
        device
    )
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=shape["learning_rate"])

    def train(steps: Sequence[tuple[torch.Tensor, ...]]) -> None:
        for tokens, label in steps:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(tokens), label)
            loss.backward()
            if shape["clip_norm"]:
                nn.utils.clip_grad_norm_(weights, shape["clip_norm"])
            optimizer.step()
            loss.item()

    train(steps[: shape["warm_up"]])
    started, busy = time.monotonic(), time.process_time()
    train(steps)
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - busy
    print(
        json.dumps(
            {
                "examples": sum(len(label) for _, label in steps),
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
