"""llm.c's CPU trainer (github.com/karpathy/llm.c, train_gpt2.c): GPT-2 124M, 4 sequences of 64 tokens a step.

Built in a folder of its own from the user's checkout with the checkout's Makefile, on random weights and tokens.
"""

import array
import os
import random
import re
import shutil
import subprocess

import random_weights

TOKENS = 4 * 64  # a step
VOCAB, PADDED_VOCAB, POSITIONS, LAYERS, HEADS, DIM = 50257, 50304, 1024, 12, 12, 768


def write_checkpoint(path):
    """Format 3: a header of 256 ints, then all tensors of one kind after another."""
    normal = random_weights.normal_floats()
    with open(path, "wb") as file:
        header = [20240326, 3, POSITIONS, VOCAB, LAYERS, HEADS, DIM, PADDED_VOCAB]
        array.array("i", header + [0] * (256 - len(header))).tofile(file)
        random_weights.write_floats(file, (PADDED_VOCAB + POSITIONS) * DIM, normal)
        for outputs, inputs in [(0, 0), (3 * DIM, DIM), (DIM, DIM), (0, 0), (4 * DIM, DIM), (DIM, 4 * DIM)]:
            if outputs == 0:  # a norm's weight and bias
                random_weights.write_ones(file, LAYERS * DIM)
                random_weights.write_zeros(file, LAYERS * DIM)
            else:
                random_weights.write_floats(file, LAYERS * outputs * inputs, normal)
                random_weights.write_zeros(file, LAYERS * outputs)
        random_weights.write_ones(file, DIM)
        random_weights.write_zeros(file, DIM)


def write_tokens(path, count=1 << 15):
    numbers = random.Random(1)
    with open(path, "wb") as file:
        array.array("i", [20240520, 1, count] + [0] * 253).tofile(file)
        array.array("H", (numbers.randrange(VOCAB) for _ in range(count))).tofile(file)


class Trainer:
    """Builds at once; each call of milliseconds() starts it and reads the time of some steps."""

    def __init__(self, checkout, folder):
        self.folder = os.path.join(folder, "llm.c")
        shutil.copytree(checkout, self.folder, ignore=shutil.ignore_patterns(".git", "*.bin", "build"))
        subprocess.run(["make", "train_gpt2"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        write_checkpoint(os.path.join(self.folder, "gpt2_124M.bin"))
        data = os.path.join(self.folder, "dev", "data", "tinyshakespeare")
        os.makedirs(data, exist_ok=True)
        for part in ("train", "val"):
            write_tokens(os.path.join(data, f"tiny_shakespeare_{part}.bin"))

    def milliseconds(self, steps):
        """Of each step but the first, which allocates."""
        times = []
        command = ["stdbuf", "-oL", "./train_gpt2"] if shutil.which("stdbuf") else ["./train_gpt2"]
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                found = re.match(r"step \d+: .*took ([\d.]+) ms", line)
                if found:
                    times.append(float(found[1]))
                if len(times) > steps:
                    break
            process.kill()
        if len(times) < 2:
            raise RuntimeError(f"llm.c in {self.folder} told no time of a step")
        return times[1:]
