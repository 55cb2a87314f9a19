"""The models that the GPU benchmarks train, for Weft and for its peers alike."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    """A decoder: `weft model FAMILY` with these sizes and the peers' modules have the same parameters."""

    family: str  # gpt2 or llama
    layers: int
    dim: int
    heads: int
    kv_heads: int
    ffn: int
    vocab: int
    positions: int = 0  # GPT-2's table of learned positions

    @property
    def parameters(self):
        """Elements of all trained parameters."""
        if self.family == "gpt2":
            block = 4 * self.dim * self.dim + 2 * self.dim * self.ffn + 9 * self.dim + self.ffn
            return self.vocab * self.dim + self.positions * self.dim + self.layers * block + 2 * self.dim
        kv = self.kv_heads * (self.dim // self.heads)
        block = 2 * self.dim * self.dim + 2 * self.dim * kv + 3 * self.dim * self.ffn + 2 * self.dim
        return 2 * self.vocab * self.dim + self.layers * block + self.dim

    def flops_per_token(self, sequence):
        """Of a training step, as MFU counts them: six for each parameter, causal attention at half."""
        return 6 * self.parameters + 6 * self.layers * self.dim * sequence

    def weft_options(self, sequence):
        """The options of `weft model`."""
        options = [self.family, "--layers", self.layers, "--dim", self.dim, "--heads", self.heads, "--ffn", self.ffn,
                   "--vocab", self.vocab]
        if self.family == "gpt2":
            return options + ["--positions", max(self.positions, sequence)]
        return options + ["--kv-heads", self.kv_heads]


MODELS = {
    "gpt2-124m": Sizes("gpt2", 12, 768, 12, 12, 3072, 50257, 1024),
    "gpt2-1558m": Sizes("gpt2", 48, 1600, 25, 25, 6400, 50257, 1024),
    "llama-1.1b": Sizes("llama", 16, 2048, 32, 8, 8192, 32000),
    "llama2-7b-8l": Sizes("llama", 8, 4096, 32, 32, 11008, 32000),
    "llama2-7b": Sizes("llama", 32, 4096, 32, 32, 11008, 32000),
    "llama2-13b": Sizes("llama", 40, 5120, 40, 40, 13824, 32000),
    # For tests and processors without a GPU.
    "gpt2-tiny": Sizes("gpt2", 2, 64, 4, 4, 256, 256, 64),
    "llama-tiny": Sizes("llama", 2, 64, 4, 2, 160, 256),
}
