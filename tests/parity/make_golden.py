"""Writes gqa.safetensors and qwen.safetensors: ten steps of training two small transformers in double precision.

  /usr/bin/python3 tests/parity/make_golden.py          # Debian's python3-torch and python3-numpy

Each file holds
  weights.<name>    F32                 the initial parameters, named and shaped as src/model/parameters.cc does
  gradients.<name>  F32                 of the mean loss over the first batch, before clipping
  tokens            I32 [10, B, S + 1]  a step's batches: inputs [:, :-1], targets [:, 1:]
  losses, norms     F64 [10]            mean loss, and global gradient norm before clipping, of each step
and in its metadata, under "config", the JSON of src/model/config.h.

The optimizer is AdamW with decoupled decay, at a constant rate, over gradients times min(1, 1 / global norm). Matrices
decay, norm weights (1-D) do not. An embedding that is tied to the classifier gets a gradient in every row and decays
whole. One that is not decays only in the rows that some batch, up to and including this step's, has used as an input:
a row never read has no gradient and stays as it is.
"""

import argparse
import dataclasses
import json
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from transformer import Config, mean_loss, parameter_shapes

STEPS = 10
BATCH = 2
RATE = 1e-3
BETAS = (0.9, 0.95)
EPS = 1e-8
DECAY = 0.1
CLIP = 1.0

CONFIGS = [
    Config("gqa", layers=2, dim=32, hidden=48, heads=4, kv_heads=2, head_dim=8, vocab=61, seq=16),
    Config("qwen", layers=2, dim=24, hidden=40, heads=4, kv_heads=2, head_dim=8, vocab=53, seq=12, rope="half",
           rope_theta=1e6, norm_eps=1e-6, qk_norm=True, tied=False),
]


def initial_weight(name, shape, random):
    """Norm weights away from 1, so that a backward formula that forgets them shows."""
    if len(shape) == 1:
        return 1 + 0.3 * random.uniform(-1, 1, shape)
    scale = 0.3 if name == "tok_embeddings.weight" else shape[1] ** -0.5
    return scale * random.standard_normal(shape)


def initial_weights(c, random):
    return {name: initial_weight(name, shape, random).astype(np.float32) for name, shape in parameter_shapes(c).items()}


def token_batches(c, random):
    """[STEPS, BATCH, S + 1]: random walks t -> 5t + {0, 1, 2} mod V, in which there is something to learn."""
    tokens = np.empty((STEPS, BATCH, c.seq + 1), np.int32)
    tokens[..., 0] = random.integers(c.vocab, size=(STEPS, BATCH))
    for s in range(c.seq):
        tokens[..., s + 1] = (5 * tokens[..., s] + random.integers(3, size=(STEPS, BATCH))) % c.vocab
    return tokens


def parameters(weights, dtype):
    return {name: torch.tensor(w, dtype=dtype, requires_grad=True) for name, w in weights.items()}


def make_optimizer(params, c):
    """The untied embedding is left to decay_rows()."""
    decays = lambda name, p: p.dim() > 1 and (c.tied or name != "tok_embeddings.weight")
    groups = [{"params": [p], "weight_decay": DECAY if decays(name, p) else 0} for name, p in params.items()]
    return torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=EPS)


@torch.no_grad()
def decay_rows(embedding, rows):
    embedding[rows] *= 1 - RATE * DECAY


@torch.no_grad()
def clip(params):
    """Returns the global norm before clipping. Not clip_grad_norm_, which divides by norm + 1e-6."""
    norm = torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in params.values()])).item()
    for p in params.values():
        p.grad *= min(1, CLIP / norm)
    return norm


class Run(NamedTuple):
    gradients: dict  # of the first step, by name
    losses: np.ndarray  # [STEPS]
    norms: np.ndarray  # [STEPS]
    trained: dict  # the parameters at the end


def train(c, weights, tokens, dtype):
    params = parameters(weights, dtype)
    optimizer = make_optimizer(params, c)
    gradients, losses, norms = {}, [], []
    for step, batch in enumerate(torch.from_numpy(tokens).long()):
        optimizer.zero_grad()
        loss = mean_loss(params, batch, c)
        loss.backward()
        losses.append(loss.item())
        gradients = gradients or {name: p.grad.numpy().copy() for name, p in params.items()}
        norms.append(clip(params))
        if not c.tied:
            decay_rows(params["tok_embeddings.weight"], np.unique(tokens[: step + 1, :, :-1]))
        optimizer.step()
    return Run(gradients, np.array(losses), np.array(norms), params)


def directional_derivative(c, params, name, direction, batch, step=1e-5):
    """Of the loss along `direction` in one parameter, by central differences."""
    moved = lambda by: mean_loss(params | {name: params[name] + by * direction}, batch, c).item()
    return (moved(step) - moved(-step)) / (2 * step)


@torch.no_grad()
def check_gradients(c, weights, batch, gradients, random):
    """Each parameter's gradient against the loss itself, along a random direction."""
    params = parameters(weights, torch.float64)
    for name, gradient in gradients.items():
        direction = random.standard_normal(gradient.shape)
        expected = directional_derivative(c, params, name, torch.from_numpy(direction), torch.from_numpy(batch).long())
        tolerance = 1e-7 * np.linalg.norm(gradient) * np.linalg.norm(direction)
        assert abs((gradient * direction).sum() - expected) < tolerance, f"{c.name}: the gradient of {name} is wrong"


@torch.no_grad()
def check_learning(c, run, batch):
    after = mean_loss(run.trained, torch.from_numpy(batch).long(), c).item()
    assert after < run.losses[0], f"{c.name}: ten steps did not lower the first batch's loss"


def deviation(found, expected):
    """Largest difference, relative to the largest expected magnitude."""
    return np.abs(found - expected).max() / np.abs(expected).max()


def report(c, run, single):
    """Prints the trace and how far the same run in single precision strays from it."""
    worst = max(deviation(single.gradients[name], gradient) for name, gradient in run.gradients.items())
    print(f"{c.name}: losses {run.losses.round(4)}\n{c.name}: norms  {run.norms.round(4)}")
    print(f"{c.name}: float32 strays by {deviation(single.losses, run.losses):.1e} in losses, "
          f"{deviation(single.norms, run.norms):.1e} in norms, {worst:.1e} in the worst tensor's gradient")


def write_safetensors(path, tensors, metadata):
    """8 bytes of header length, the header in JSON, the tensors' bytes; the widest first, so that all are aligned."""
    types = {"float64": "F64", "float32": "F32", "int32": "I32"}
    header, data = {"__metadata__": metadata}, b""
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        end = len(data) + array.nbytes
        header[name] = {"dtype": types[array.dtype.name], "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make(c, seed, folder):
    random = np.random.default_rng(seed)
    weights, tokens = initial_weights(c, random), token_batches(c, random)
    run = train(c, weights, tokens, torch.float64)
    check_gradients(c, weights, tokens[0], run.gradients, random)
    check_learning(c, run, tokens[0])
    report(c, run, train(c, weights, tokens, torch.float32))
    tensors = {f"weights.{name}": w for name, w in weights.items()}
    tensors |= {f"gradients.{name}": g.astype(np.float32) for name, g in run.gradients.items()}
    tensors |= {"tokens": tokens, "losses": run.losses, "norms": run.norms}
    write_safetensors(folder / f"{c.name}.safetensors", tensors, {"config": json.dumps(dataclasses.asdict(c))})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to (default: here)")
    folder = parser.parse_args().out
    torch.set_num_threads(1)  # the same bits at every run
    for seed, config in enumerate(CONFIGS, start=1):
        make(config, seed, folder)


if __name__ == "__main__":
    main()
