"""The transformer of src/model/config.h in plain PyTorch: the reference that the golden files come from.

Letters: B batch, S sequence, D dim, H hidden, V vocab, h head_dim, J heads, G kv_heads.
Weights are a dict from the names of src/model/parameters.cc to tensors, matrices [out, in]; everything is computed in
their type.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Config:
    """The fields of anemone::model::Config, under the same names."""

    name: str
    layers: int
    dim: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    seq: int
    rope: str = "interleaved"  # or "half", "none"
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    qk_norm: bool = False
    tied: bool = True
    residual_scale: float = 1.0


def parameter_shapes(c):
    """Names and shapes of all weights, in the order of parameter_layout()."""
    q_dim, kv_dim = c.heads * c.head_dim, c.kv_heads * c.head_dim
    layer = {
        "attention_norm": (c.dim,),
        "attention.wq": (q_dim, c.dim),
        "attention.wk": (kv_dim, c.dim),
        "attention.wv": (kv_dim, c.dim),
        "attention.wo": (c.dim, q_dim),
        "ffn_norm": (c.dim,),
        "feed_forward.w1": (c.hidden, c.dim),
        "feed_forward.w3": (c.hidden, c.dim),
        "feed_forward.w2": (c.dim, c.hidden),
    }
    if c.qk_norm:
        layer |= {"attention.q_norm": (c.head_dim,), "attention.k_norm": (c.head_dim,)}
    shapes = {"tok_embeddings": (c.vocab, c.dim)}
    for l in range(c.layers):
        shapes |= {f"layers.{l}.{name}": shape for name, shape in layer.items()}
    shapes["norm"] = (c.dim,)
    if not c.tied:
        shapes["output"] = (c.vocab, c.dim)
    return {f"{name}.weight": shape for name, shape in shapes.items()}


def rms_norm(x, weight, eps):
    """x / sqrt(mean(x²) + eps) · weight, over the last axis."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def rotate(x, c):
    """x [B, heads, S, h]: turns pair i of the vector at position p by the angle p·θ^(−2i/h)."""
    if c.rope == "none":
        return x
    positions = torch.arange(x.shape[-2], dtype=x.dtype)
    frequencies = c.rope_theta ** (-torch.arange(0, c.head_dim, 2, dtype=x.dtype) / c.head_dim)
    angles = torch.outer(positions, frequencies)  # [S, h/2]
    cos, sin = angles.cos(), angles.sin()
    if c.rope == "interleaved":
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


def split_heads(x, heads):
    """[B, S, heads·h] -> [B, heads, S, h]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(x, weight, c):
    """x [B, S, D], normalised; `weight` finds the layer's weights by name. Query head j reads KV head j / group."""
    q = split_heads(x @ weight("attention.wq").T, c.heads)
    k = split_heads(x @ weight("attention.wk").T, c.kv_heads)
    v = split_heads(x @ weight("attention.wv").T, c.kv_heads)
    if c.qk_norm:
        q = rms_norm(q, weight("attention.q_norm"), c.norm_eps)
        k = rms_norm(k, weight("attention.k_norm"), c.norm_eps)
    group = c.heads // c.kv_heads
    q, k = rotate(q, c), rotate(k, c).repeat_interleave(group, 1)
    future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
    scores = (q @ k.transpose(-1, -2) / c.head_dim**0.5).masked_fill(future, float("-inf"))  # [B, J, S, S]
    mixed = scores.softmax(-1) @ v.repeat_interleave(group, 1)
    return mixed.transpose(1, 2).flatten(-2) @ weight("attention.wo").T


def feed_forward(x, weight):
    """SwiGLU: w2 (silu(w1 x) · w3 x)."""
    gate, up = x @ weight("feed_forward.w1").T, x @ weight("feed_forward.w3").T
    return (F.silu(gate) * up) @ weight("feed_forward.w2").T


def logits(weights, tokens, c):
    """tokens [B, S] -> [B, S, V]."""
    x = weights["tok_embeddings.weight"][tokens]
    for l in range(c.layers):
        weight = lambda name: weights[f"layers.{l}.{name}.weight"]
        x = x + c.residual_scale * attention(rms_norm(x, weight("attention_norm"), c.norm_eps), weight, c)
        x = x + c.residual_scale * feed_forward(rms_norm(x, weight("ffn_norm"), c.norm_eps), weight)
    classifier = weights["tok_embeddings.weight" if c.tied else "output.weight"]
    return rms_norm(x, weights["norm.weight"], c.norm_eps) @ classifier.T


def mean_loss(weights, tokens, c):
    """Mean cross-entropy, in nats, of each next token in tokens [B, S + 1]."""
    predicted = logits(weights, tokens[:, :-1], c)
    return F.cross_entropy(predicted.flatten(0, 1), tokens[:, 1:].flatten())
