"""Writes the packages here: PyTorch networks converted by coremltools, with inputs and PyTorch's outputs.

    python3 tests/parity/coreml/make.py        (Debian's python3-torch 1.13 and PyPI's coremltools 9.0)

NAME/model.mlpackage is the model, NAME/in/INPUT.npy what it is given, NAME/out/OUTPUT.npy what PyTorch gives in fp32.
Of a compressed model NAME/dense.mlpackage is the same with its weights expanded by coremltools.
"""
import pathlib

import coremltools as ct
import coremltools.optimize.coreml as cto
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
torch.manual_seed(0)


class Residual(nn.Module):
    """Convolutions of a residual network: strides, groups, batch norm, pooling, classifier."""

    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 16, 7, 2, 3), nn.BatchNorm2d(16)
        self.block, self.block_norm = nn.Conv2d(16, 16, 3, 1, 1, groups=4), nn.BatchNorm2d(16)
        self.classifier = nn.Linear(16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem_norm(self.stem(x))), 3, 2, 1)
        x = F.relu6(self.block_norm(self.block(x))) + x
        return F.log_softmax(self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1)), -1)


class Encoder(nn.Module):
    """A transformer's layer over embedded ids."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 32)
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, activation="gelu")
        self.norm = nn.LayerNorm(32)

    def forward(self, ids):
        return self.norm(self.layer(self.embed(ids)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 6, 2, bidirectional=True)

    def forward(self, x):
        y, (h, _) = self.lstm(x)
        return y, h


class Decoder(nn.Module):
    """What image decoders have: transposed convolution, group and instance norm, interpolation, padding, shuffling."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, 3, 2, 1), nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)
        self.group, self.instance = nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True)

    def forward(self, x):
        y = F.leaky_relu(self.down(x), 0.2)
        z = self.instance(self.group(self.up(y)))
        w = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        nearest = F.interpolate(y, scale_factor=2, mode="nearest")
        return torch.cat([z, w, nearest], 1), F.pad(z, (1, 2, 3, 1), mode="reflect"), F.pixel_shuffle(w, 2)


class Functions(nn.Module):
    """Sorting, sums, choices, slices, activations."""

    def forward(self, x):
        chosen = torch.where(x > 0, x.exp(), x.abs())
        product = torch.einsum("bij,bjk->bik", x, x.transpose(1, 2))
        return (torch.cumsum(x, 1), torch.topk(x, 3)[0], chosen, product, x[:, 1:, ::2], torch.sort(x, -1)[0],
                torch.argmax(x, -1), x.norm(dim=1), torch.clamp(x, -0.5, 0.5), torch.logsumexp(x, 2), F.softplus(x),
                F.elu(x), torch.erf(x), x.std(1), torch.tril(x))


def convert(module, inputs, target, precision):
    traced = torch.jit.trace(module, inputs, check_trace=False)
    dtypes = [np.int32 if x.dtype == torch.int32 else np.float32 for x in inputs]
    types = [ct.TensorType(name=f"x{i}", shape=x.shape, dtype=d) for i, (x, d) in enumerate(zip(inputs, dtypes))]
    return ct.convert(traced, inputs=types, minimum_deployment_target=target, compute_precision=precision,
                      skip_model_load=True)


def write(name, module, inputs, target, precision, compress=None):
    module.train(isinstance(module, Encoder))  # the fast path of evaluation has no conversion
    with torch.no_grad():
        outputs = module(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    model = convert(module, inputs, target, precision)
    folder = HERE / name
    if compress is not None:
        model = compress(model)
        cto.decompress_weights(model).save(str(folder / "dense.mlpackage"))
    model.save(str(folder / "model.mlpackage"))
    for part in ("in",) if compress else ("in", "out"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for i, x in enumerate(inputs):
        np.save(folder / "in" / f"x{i}.npy", x.numpy())
    if compress is None:
        for feature, y in zip(model.get_spec().description.output, outputs):
            y = y.numpy()
            np.save(folder / "out" / f"{feature.name}.npy", y.astype(np.int32) if y.dtype == np.int64 else y)


def configured(operation, config):
    return lambda model: operation(model, cto.OptimizationConfig(config))


def sparse_palette(model):
    pruned = cto.prune_weights(model, cto.OptimizationConfig(
        cto.OpMagnitudePrunerConfig(target_sparsity=0.6, weight_threshold=16)))
    return cto.palettize_weights(pruned, cto.OptimizationConfig(
        cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=16)), joint_compression=True)


half, single = ct.precision.FLOAT16, ct.precision.FLOAT32
ids, image, sequence = [torch.randint(0, 50, (1, 7)).int()], [torch.randn(1, 3, 33, 33)], [torch.randn(5, 2, 8)]
write("residual15", Residual(), image, ct.target.iOS15, single)
write("encoder18", Encoder(), ids, ct.target.iOS18, half)
write("recurrent17", Recurrent(), sequence, ct.target.iOS17, half)
write("decoder16", Decoder(), [torch.randn(1, 3, 16, 16)], ct.target.iOS16, single)
write("functions18", Functions(), [torch.randn(2, 6, 6)], ct.target.iOS18, single)
write("sparse_palette18", Residual(), image, ct.target.iOS18, half, sparse_palette)
write("blocks18", Residual(), image, ct.target.iOS18, half, configured(
    cto.linear_quantize_weights,
    cto.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=4,
                                weight_threshold=16)))
write("palette16", Residual(), image, ct.target.iOS16, half, configured(
    cto.palettize_weights, cto.OpPalettizerConfig(mode="uniform", nbits=2, weight_threshold=16)))
