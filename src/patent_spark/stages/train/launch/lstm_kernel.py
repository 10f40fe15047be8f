"""Which kernels a compiled function computes with."""

from __future__ import annotations

from typing import Any


def uses_cudnn(function: Any) -> bool:
    """Whether a concrete function, or one that it calls, holds cuDNN's recurrent kernel rather than a loop over the words."""
    return 'op: "CudnnRNN' in str(function.graph.as_graph_def())  # as text it names the operations of both
