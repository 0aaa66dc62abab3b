#!/usr/bin/python3
"""Recurrent layers. PyTorch's, their gates put into MIL's order, and loops over steps for what PyTorch lacks."""
import numpy as np
import torch

from cases import Typed, case, draw, write

ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid_hard": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "scaled_tanh": lambda x: 1.7159 * np.tanh(2 / 3 * x),
    "linear": lambda x: x,
}


def reordered(x, order):
    """Blocks of rows: PyTorch's lstm has i f g o where MIL has i f o z, its gru r z n where MIL has r o z."""
    blocks = np.split(x, len(order))
    return np.concatenate([blocks[k] for k in order])


def pytorch(kind, x, weights, states, bidirectional=False):
    layer = getattr(torch.nn, kind)(x.shape[2], weights[1].shape[1], bidirectional=bidirectional).double()
    for parameter, value in zip(layer.parameters(), weights):  # ih, hh, their biases; then those backwards
        parameter.data = torch.tensor(value)
    states = tuple(torch.tensor(np.stack(np.split(s, 2 if bidirectional else 1, axis=1))) for s in states)
    y, last = layer(torch.tensor(x), states if kind == "LSTM" else states[0])
    last = last if kind == "LSTM" else (last,)
    return [y.detach().numpy()] + [np.concatenate(list(s.detach().numpy()), axis=1) for s in last]


def lstms():
    order = (0, 1, 3, 2)
    for s, b, I, H in [(3, 2, 4, 2), (1, 1, 1, 1), (4, 1, 2, 3)]:
        for d in (1, 2):
            x, h, c = draw(s, b, I), draw(b, d * H), draw(b, d * H)
            weights = [draw(*shape) for _ in range(d) for shape in [(4 * H, I), (4 * H, H), (4 * H,), (4 * H,)]]
            ih, hh, bias, more = weights[:4]
            y, h_last, c_last = pytorch("LSTM", x, weights, (h, c), d == 2)
            arguments = dict(x=x, initial_h=h, initial_c=c, weight_ih=reordered(ih, order), weight_hh=reordered(hh, order),
                             bias=reordered(bias + more, order))
            if d == 2:
                ih, hh, bias, more = weights[4:]
                arguments |= dict(direction="bidirectional", weight_ih_back=reordered(ih, order),
                                  weight_hh_back=reordered(hh, order), bias_back=reordered(bias + more, order))
            for opset in ("ios15", "ios18"):
                case("lstm", y, h_last, c_last, opset=opset, output_sequence=True, **arguments)
                case("lstm", h_last[None], h_last, c_last, opset=opset, **arguments)


def lstm_steps(x, h, c, w, p, functions, clip, backwards):
    """Rows i, f, o, z; peepholes i, f, o. `w` is ih, hh, bias."""
    recurrent, cell, out = functions
    H = h.shape[1]
    outputs = []
    for x_t in x[::-1] if backwards else x:
        i, f, o, z = np.split(x_t @ w[0].T + h @ w[1].T + w[2], 4, axis=1)
        i, f = recurrent(i + p[:H] * c), recurrent(f + p[H:2 * H] * c)
        c = np.clip(f * c + i * cell(z), -clip, clip)
        h = recurrent(o + p[2 * H:] * c) * out(c)
        outputs.append(h)
    return np.stack(outputs), h, c


def lstm_options():
    s, b, I, H = 4, 2, 3, 2
    draws = [
        ("forward", ("sigmoid", "tanh", "tanh"), True, None),
        ("reverse", ("sigmoid", "tanh", "tanh"), False, None),
        ("reverse", ("sigmoid_hard", "relu", "linear"), True, 0.5),
        ("forward", ("tanh", "scaled_tanh", "sigmoid"), False, 0.25),
        ("bidirectional", ("sigmoid_hard", "linear", "scaled_tanh"), True, 0.75),
    ]
    for direction, names, peeps, clip in draws:
        d = 2 if direction == "bidirectional" else 1
        x, h, c = draw(s, b, I), draw(b, d * H), draw(b, d * H)
        arguments = dict(x=x, initial_h=h, initial_c=c, direction=direction, recurrent_activation=names[0],
                         cell_activation=names[1], activation=names[2])
        if clip is not None:
            arguments["clip"] = clip
        halves = []
        for k, suffix in enumerate(["", "_back"][:d]):
            w = draw(4 * H, I), draw(4 * H, H), draw(4 * H)
            p = draw(3 * H) if peeps else np.zeros(3 * H)
            arguments |= {"weight_ih" + suffix: w[0], "weight_hh" + suffix: w[1], "bias" + suffix: w[2]}
            if peeps:
                arguments["peephole" + suffix] = p
            y, h_last, c_last = lstm_steps(x, h[:, k * H:(k + 1) * H], c[:, k * H:(k + 1) * H], w, p,
                                           [ACTIVATIONS[n] for n in names], np.inf if clip is None else clip,
                                           direction == "reverse" or k == 1)
            halves.append((y[::-1] if k == 1 else y, h_last, c_last))
        y, h_last, c_last = (np.concatenate(parts, axis=-1) for parts in zip(*halves))
        case("lstm", y, h_last, c_last, output_sequence=True, **arguments)
        case("lstm", h_last[None], h_last, c_last, output_sequence=False, **arguments)


def gru_steps(x, h, w_ih, w_hh, bias, input_bias, reset_after, recurrent, activation):
    outputs = []
    for x_t in x:
        x_r, x_o, x_z = np.split(x_t @ w_ih.T + input_bias, 3, axis=1)
        R_r, R_o, R_z = np.split(w_hh, 3)
        b_r, b_o, b_z = np.split(bias, 3)
        r, z = recurrent(x_r + h @ R_r.T + b_r), recurrent(x_z + h @ R_z.T + b_z)
        inner = r * (h @ R_o.T + b_o) if reset_after else (r * h) @ R_o.T + b_o
        h = (1 - z) * activation(x_o + inner) + z * h
        outputs.append(h)
    return np.stack(outputs), h


def grus():
    order = (0, 2, 1)
    for s, b, I, H in [(3, 2, 4, 2), (1, 1, 1, 1), (4, 1, 2, 3)]:
        x, h, ih, hh, b_ih, b_hh = draw(s, b, I), draw(b, H), draw(3 * H, I), draw(3 * H, H), draw(3 * H), draw(3 * H)
        y, last = pytorch("GRU", x, [ih, hh, b_ih, b_hh], (h,))
        case("gru", y, last, x=x, initial_h=h, weight_ih=reordered(ih, order), weight_hh=reordered(hh, order),
             input_bias=reordered(b_ih, order), bias=reordered(b_hh, order), reset_after=True, output_sequence=True)
        for opset in ("ios15", "ios17", "ios18"):
            y, last = gru_steps(x, h, ih, hh, b_ih, 0, False, ACTIVATIONS["sigmoid"], np.tanh)
            arguments = dict(x=x, initial_h=h, weight_ih=ih, weight_hh=hh, bias=b_ih, opset=opset)
            case("gru", y, last, output_sequence=True, **arguments)
            case("gru", last[None], last, **arguments)
        y, last = gru_steps(x[::-1], h, ih, hh, 0 * b_hh, b_ih, False, ACTIVATIONS["sigmoid_hard"], ACTIVATIONS["relu"])
        arguments = dict(x=x, initial_h=h, weight_ih=ih, weight_hh=hh, input_bias=b_ih, direction="reverse",
                         recurrent_activation="sigmoid_hard", activation="relu")
        case("gru", y, last, output_sequence=True, **arguments)
        case("gru", last[None], last, reset_after=False, **arguments)


def rnns():
    for s, b, I, H in [(3, 2, 4, 2), (1, 1, 1, 1), (4, 1, 2, 3)]:
        x, h, ih, hh, b_ih, b_hh = draw(s, b, I), draw(b, H), draw(H, I), draw(H, H), draw(H), draw(H)
        y, last = pytorch("RNN", x, [ih, hh, b_ih, b_hh], (h,))
        arguments = dict(x=x, initial_h=h, weight_ih=ih, weight_hh=hh)
        for opset in ("ios15", "ios17"):
            case("rnn", y, last, opset=opset, bias=b_ih + b_hh, output_sequence=True, **arguments)
            case("rnn", last[None], last, opset=opset, bias=b_ih + b_hh, **arguments)
        for name, f in ACTIVATIONS.items():
            state, outputs = h, []
            for x_t in x[::-1]:
                state = f(x_t @ ih.T + state @ hh.T)
                outputs.append(state)
            case("rnn", np.stack(outputs), state, direction="reverse", output_sequence=True, activation=name, **arguments)


def halves():
    """In fp16, where numbers are few enough to be exact: linear layers of whole numbers."""
    x, h, ih, hh = (np.round(draw(*shape)) for shape in [(2, 1, 2), (1, 2), (2, 2), (2, 2)])
    first = x[0] @ ih.T + h @ hh.T
    last = x[1] @ ih.T + first @ hh.T
    case("rnn", Typed(np.stack([first, last]), "fp16"), Typed(last, "fp16"), activation="linear", output_sequence=True,
         x=Typed(x, "fp16"), initial_h=Typed(h, "fp16"), weight_ih=Typed(ih, "fp16"), weight_hh=Typed(hh, "fp16"))


lstms()
lstm_options()
grus()
rnns()
halves()
write()
