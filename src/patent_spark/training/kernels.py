"""Which kernels a compiled function computes with."""

from __future__ import annotations

from typing import Any


def uses_cudnn(function: Any) -> bool:
    """Whether a concrete function, or one that it calls, holds cuDNN's recurrent kernel rather than a loop over the words."""
    graph = function.graph.as_graph_def()
    bodies = [graph.node, *(called.node_def for called in graph.library.function)]
    return any(node.op.startswith("CudnnRNN") for body in bodies for node in body)
