#!/usr/bin/env python3
"""A training step of anemone's model in PyTorch, timed.

    pytorch_step.py '{"dim": 768, "layers": 12, ...}' --precision bf16 --batch 1 --seq 256 --steps 5

The same work as `anemone bench train`: a Llama (RMSNorm, rotary positions, causal attention, SwiGLU, the embedding as
classifier where it is tied), cross entropy over the full vocabulary, backward, clipping at norm 1, AdamW. Times each
way this PyTorch offers to do it and prints one JSON object: of all ways, the one with the fastest step.
"""

import argparse
import json
import os
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

ATTENTIONS = ["fused", "plain"] if hasattr(F, "scaled_dot_product_attention") else ["plain"]


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def rotary_tables(model, seq):
    half = model["head_dim"] // 2
    rates = model["rope_theta"] ** (-torch.arange(half, dtype=torch.float32) / half)
    angles = torch.outer(torch.arange(seq, dtype=torch.float32), rates)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """Turns the pairs (2i, 2i+1) of x [batch, heads, seq, head_dim]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def plain_attention(q, k, v, mask):
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + mask
    return scores.softmax(-1).to(v.dtype) @ v


class Attention(nn.Module):
    def __init__(self, model, seq, kind):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = model["heads"], model["kv_heads"], model["head_dim"]
        self.wq = linear(model["dim"], self.heads * self.head_dim)
        self.wk = linear(model["dim"], self.kv_heads * self.head_dim)
        self.wv = linear(model["dim"], self.kv_heads * self.head_dim)
        self.wo = linear(self.heads * self.head_dim, model["dim"])
        self.kind = kind
        mask = torch.full((seq, seq), float("-inf")).triu(1)
        cos, sin = rotary_tables(model, seq)
        for name, table in (("mask", mask), ("cos", cos), ("sin", sin)):
            self.register_buffer(name, table)

    def forward(self, x):
        batch, seq, _ = x.shape
        q = self.wq(x).view(batch, seq, self.heads, self.head_dim).transpose(1, 2)
        k = self.wk(x).view(batch, seq, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.wv(x).view(batch, seq, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = (rotate(t, self.cos, self.sin).to(v.dtype) for t in (q, k))
        if self.heads != self.kv_heads:
            k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        if self.kind == "fused":
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            a = plain_attention(q, k, v, self.mask)
        return self.wo(a.transpose(1, 2).reshape(batch, seq, -1))


class Block(nn.Module):
    def __init__(self, model, seq, attention):
        super().__init__()
        self.attention_norm = RMSNorm(model["dim"], model["norm_eps"])
        self.attention = Attention(model, seq, attention)
        self.ffn_norm = RMSNorm(model["dim"], model["norm_eps"])
        self.w1 = linear(model["dim"], model["hidden"])
        self.w3 = linear(model["dim"], model["hidden"])
        self.w2 = linear(model["hidden"], model["dim"])

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        n = self.ffn_norm(x)
        return x + self.w2(F.silu(self.w1(n)) * self.w3(n))


class Llama(nn.Module):
    def __init__(self, model, seq, attention):
        super().__init__()
        self.embedding = nn.Embedding(model["vocab"], model["dim"])
        self.blocks = nn.Sequential(*(Block(model, seq, attention) for _ in range(model["layers"])))
        self.norm = RMSNorm(model["dim"], model["norm_eps"])
        self.classifier = linear(model["dim"], model["vocab"])
        if model["tied"]:
            self.classifier.weight = self.embedding.weight
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, targets):
        logits = self.classifier(self.norm(self.blocks(self.embedding(ids))))
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def milliseconds(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def gradients(llama, ids, targets, precision):
    llama.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        loss = llama(ids, targets)
    loss.backward()
    nn.utils.clip_grad_norm_(llama.parameters(), 1.0)


def time_steps(model, args, attention):
    """Milliseconds of each step, after one that is not counted; of AdamW's two ways, both run, the faster counts."""
    torch.manual_seed(1)
    llama = Llama(model, args.seq, attention)
    settings = {"lr": 1e-4, "betas": (0.9, 0.95), "weight_decay": 0.1}
    optimizers = [torch.optim.AdamW(llama.parameters(), foreach=foreach, **settings) for foreach in (False, True)]
    ids, targets = torch.randint(model["vocab"], (2, args.batch, args.seq))
    times = []
    for _ in range(1 + args.steps):
        passes = milliseconds(lambda: gradients(llama, ids, targets, args.precision))
        times.append(passes + min(milliseconds(optimizer.step) for optimizer in optimizers))
    return times[1:]


def blas_libraries():
    """What multiplies floats, as Linux tells: the mapped libraries with "blas" in their names."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            paths = {line.split()[-1] for line in maps if "/" in line}
    except OSError:
        return []
    return sorted(os.path.realpath(path) for path in paths if "blas" in os.path.basename(os.path.realpath(path)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the model as JSON, with anemone's names")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--steps", type=int, default=5)
    args = parser.parse_args()
    model = json.loads(args.model)
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    ways = {attention: time_steps(model, args, attention) for attention in ATTENTIONS}
    way = min(ways, key=lambda name: min(ways[name]))
    report = {
        "torch": torch.__version__,
        "blas": blas_libraries(),
        "threads": torch.get_num_threads(),
        "attention": way,
        "ms_per_step": statistics.median(ways[way]),
        "best_ms_per_step": min(ways[way]),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
