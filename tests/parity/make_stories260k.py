"""Writes stories260k.json: what llama2.c's stories260K says and its loss on some of TinyStories, in double precision.

  /usr/bin/python3 tests/parity/make_stories260k.py ../shared/data      # Debian's python3-torch and python3-numpy

The folder holds stories260K.bin, tok512.bin and tinystories_sample.txt. The file holds
  tokens, first_tokens, token_sum, token_crc32   the sample as one stream of tokens; the CRC is of little-endian uint16
  windows, loss, first_window_losses             mean next-token loss, in nats: inputs [kS, kS + S), targets shifted by
                                                 one, S = 256, the incomplete last window dropped
  prompt, greedy_tokens, greedy_text             BOS, the prompt and the likeliest continuation
  greedy_margin                                  by how much, at least, the likeliest logit beat the second
"""

import argparse
import heapq
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from transformer import Config, logits, mean_loss, parameter_shapes

BOS = 1
BYTE_TOKENS = 3  # the token of byte 0
DOCUMENT_END = "<|endoftext|>"
WINDOW = 256
PROMPT = "Once upon a time"
GREEDY_TOKENS = 200  # in all, BOS and prompt included
LLAMA2C_TEXT = (  # what llama2.c itself goes on to say
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it, but it was too high."
)


class Tokenizer:
    """llama2.c's byte-pair encoding. Its file: the longest piece's length, then each piece's score, length, bytes."""

    def __init__(self, path, vocab):
        data = path.read_bytes()
        self.pieces, self.scores = [], []
        at = 4
        for _ in range(vocab):
            score, length = struct.unpack_from("<fi", data, at)
            self.pieces.append(data[at + 8 : at + 8 + length])
            self.scores.append(score)
            at += 8 + length
        assert at == len(data), f"{path} does not hold {vocab} pieces"
        self.ids = {piece: token for token, piece in enumerate(self.pieces)}

    def encode(self, text):
        """BOS, then a space and the text as characters, merged in pairs: the best score first, then the leftmost."""
        characters = [c.encode() for c in " " + text] if text else []
        return [BOS] + self.merge([token for c in characters for token in self.character_tokens(c)])

    def character_tokens(self, character):
        """Its piece, or where it has none, its bytes."""
        return [self.ids[character]] if character in self.ids else [byte + BYTE_TOKENS for byte in character]

    def merge(self, tokens):
        """A merged pair takes the left one's place; `after` and `before` link the places still in use."""
        after, before = list(range(1, len(tokens) + 1)), list(range(-1, len(tokens) - 1))
        candidates = []  # (-score, left, right, tokens at both when it was found, merged token)

        def consider(left, right):
            if left < 0 or right >= len(tokens):
                return
            merged = self.ids.get(self.pieces[tokens[left]] + self.pieces[tokens[right]])
            if merged is not None:
                heapq.heappush(candidates, (-self.scores[merged], left, right, tokens[left], tokens[right], merged))

        for left in range(len(tokens)):
            consider(left, left + 1)
        while candidates:
            _, left, right, left_token, right_token, merged = heapq.heappop(candidates)
            if (tokens[left], tokens[right]) != (left_token, right_token):
                continue  # one of them has been merged since
            tokens[left], tokens[right] = merged, None
            after[left] = after[right]
            if after[left] < len(tokens):
                before[after[left]] = left
            consider(before[left], left)
            consider(left, after[left])
        return [token for token in tokens if token is not None]

    def decode(self, tokens):
        """The text after BOS; the first piece loses its leading space, <0xNN> becomes its byte."""
        text = b"".join(self.piece_bytes(token) for token in tokens[1:])
        return text.removeprefix(b" ").decode()

    def piece_bytes(self, token):
        return bytes([token - BYTE_TOKENS]) if 0 <= token - BYTE_TOKENS < 256 else self.pieces[token]


def read_llama2c(path):
    """Seven int32: dim, hidden, layers, heads, kv_heads, vocab (negative if untied), seq. Then the weights, by kind."""
    data = path.read_bytes()
    dim, hidden, layers, heads, kv_heads, vocab, seq = struct.unpack_from("<7i", data)
    assert vocab > 0, f"{path} has a classifier of its own"
    c = Config("stories260k", layers, dim, hidden, heads, kv_heads, dim // heads, vocab, seq)
    shapes = parameter_shapes(c)
    weights, at = {}, 28
    for name in llama2c_order(c):
        count = int(np.prod(shapes[name]))
        values = np.frombuffer(data, "<f4", count, at).reshape(shapes[name])
        weights[name] = torch.from_numpy(values.astype(np.float64))
        at += values.nbytes
    rotations = 4 * seq * c.head_dim  # tables of cosines and sines, which nobody reads
    assert at + rotations == len(data) and weights.keys() == shapes.keys(), f"{path} has the wrong size"
    return c, weights


def llama2c_order(c):
    """Each kind of weight for all layers at once."""
    kinds = ["attention_norm", "attention.wq", "attention.wk", "attention.wv", "attention.wo", "ffn_norm",
             "feed_forward.w1", "feed_forward.w2", "feed_forward.w3"]
    layered = [f"layers.{l}.{kind}" for kind in kinds for l in range(c.layers)]
    return [f"{name}.weight" for name in ["tok_embeddings", *layered, "norm"]]


def token_stream(tokenizer, text):
    """Each document begins with BOS."""
    documents = [document for document in text.split(DOCUMENT_END) if document]
    return [token for document in documents for token in tokenizer.encode(document)]


def window_losses(c, weights, tokens):
    windows = (len(tokens) - 1) // WINDOW
    window = lambda k: torch.tensor([tokens[k * WINDOW : (k + 1) * WINDOW + 1]])
    return [mean_loss(weights, window(k), c).item() for k in range(windows)]


def greedy(c, weights, prompt):
    """Returns the tokens, and the least margin of the best logit over the second."""
    tokens, margin = list(prompt), float("inf")
    while len(tokens) < GREEDY_TOKENS:
        best = logits(weights, torch.tensor([tokens]), c)[0, -1].topk(2)
        margin = min(margin, (best.values[0] - best.values[1]).item())
        if best.indices[0] == BOS:
            break  # the story's end
        tokens.append(best.indices[0].item())
    return tokens, margin


def describe_tokens(tokens):
    stream = np.array(tokens, "<u2")
    return {"tokens": len(tokens), "first_tokens": tokens[:32], "token_sum": int(stream.sum(dtype=np.int64)),
            "token_crc32": zlib.crc32(stream.tobytes())}


def describe_losses(losses):
    return {"windows": len(losses), "loss": float(np.mean(losses)), "first_window_losses": losses[:8]}


def describe_greedy(tokens, margin, tokenizer):
    return {"prompt": PROMPT, "greedy_tokens": tokens, "greedy_text": tokenizer.decode(tokens), "greedy_margin": margin}


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of stories260K.bin, tok512.bin and tinystories_sample.txt")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("stories260k.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the same bits at every run
    c, weights = read_llama2c(arguments.data / "stories260K.bin")
    tokenizer = Tokenizer(arguments.data / "tok512.bin", c.vocab)
    text = (arguments.data / "tinystories_sample.txt").read_text("utf-8")
    tokens = token_stream(tokenizer, text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    golden = describe_tokens(tokens) | describe_losses(window_losses(c, weights, tokens))
    golden |= describe_greedy(*greedy(c, weights, tokenizer.encode(PROMPT)), tokenizer)
    assert golden["greedy_text"].startswith(LLAMA2C_TEXT)
    arguments.out.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{golden['tokens']} tokens, loss {golden['loss']:.6f} over {golden['windows']} windows")
    print(golden["greedy_text"])


if __name__ == "__main__":
    main()
