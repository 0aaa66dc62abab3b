"""llama2.c's generator (github.com/karpathy/llama2.c, run.c), built with its Makefile's `runomp`.

Built in a folder of its own from the user's checkout; random weights of the model that is asked for.
"""

import array
import os
import re
import shutil
import subprocess

import random_weights


def write_checkpoint(path, model):
    """The format of export.py's version 0: seven ints, then all tensors of one kind after another, a tied classifier."""
    layers, dim, hidden, seq = model["layers"], model["dim"], model["hidden"], model["seq"]
    kv_dim = model["kv_heads"] * model["head_dim"]
    normal = random_weights.normal_floats()
    with open(path, "wb") as file:
        array.array("i", [dim, hidden, layers, model["heads"], model["kv_heads"], model["vocab"], seq]).tofile(file)
        random_weights.write_floats(file, model["vocab"] * dim, normal)
        random_weights.write_ones(file, layers * dim)
        for count in (dim * dim, dim * kv_dim, dim * kv_dim, dim * dim):
            random_weights.write_floats(file, layers * count, normal)
        random_weights.write_ones(file, layers * dim)
        random_weights.write_floats(file, layers * 3 * dim * hidden, normal)
        random_weights.write_ones(file, dim)
        random_weights.write_zeros(file, seq * model["head_dim"])  # tables of angles, which it skips


class Generator:
    def __init__(self, checkout, folder, model):
        self.folder = os.path.join(folder, "llama2.c")
        shutil.copytree(checkout, self.folder, ignore=shutil.ignore_patterns(".git"))
        subprocess.run(["make", "runomp"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        self.checkpoint = os.path.join(folder, "random.bin")
        write_checkpoint(self.checkpoint, model)

    def tokens_per_second(self):
        """Of one sequence, as long as the model's."""
        command = ["./run", self.checkpoint, "-t", "0", "-n", "0", "-s", "1"]
        result = subprocess.run(
            command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        found = re.search(r"achieved tok/s: ([\d.]+)", result.stderr)
        if not found:
            raise RuntimeError(f"llama2.c in {self.folder} told no speed: {result.stderr.strip()}")
        return float(found[1])
