"""Attention over any number of spatial axes: efficient, dot-product, and fused dot-product.

    efficient     E = ρq(Q) (ρk(K)ᵀ V)     memory O(N (K + V) + K V), work O(N K V)
    dot_product   A = ρ(Q Kᵀ) V            memory O(N²),              work O(N² (K + V))
    sdpa          the same A, computed in tiles: memory O(N (K + V)), work O(N² (K + V))

All three have one signature and one set of weights (`base`). Their plain forms, in `efficient` and `dot_product`, are
written to be read. Efficient attention runs by default in the form of `streaming`, or where several slices share
queries and keys in that of `folded`; the plain one is the twin of both. `positions` says what attends to what, `build`
which attention a site has. Imports run one way: products ← streaming, folded ← efficient; positions ← base ← efficient,
dot_product ← build.

Shen et al., "Efficient Attention: Attention with Linear Complexities", arXiv 1812.01243.
"""

from stereo.model.attention.base import Attention
from stereo.model.attention.build import KINDS, NoAttention, build_attention
from stereo.model.attention.dot_product import FUSED_BACKENDS, DotProductAttention, FusedDotProductAttention
from stereo.model.attention.efficient import IMPLEMENTATIONS, EfficientAttention

__all__ = [
    "FUSED_BACKENDS",
    "IMPLEMENTATIONS",
    "KINDS",
    "Attention",
    "DotProductAttention",
    "EfficientAttention",
    "FusedDotProductAttention",
    "NoAttention",
    "build_attention",
]
