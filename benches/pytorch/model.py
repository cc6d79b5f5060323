"""The looped Sudoku transformer in PyTorch. Run as a program, it checks itself against known answers."""

import argparse
import json
import sys

import torch
import torch.nn.functional as F
from torch import nn

import common


def rotate(x, table):
    """Turns the adjacent pairs of the last axis of x [boards, cells, 2, heads, head width].

    `table` is a complex tensor, one multiplication (eager float32), or cos and signed sin, each
    repeated for both members of a pair (other types, and for the compiler).
    """
    if isinstance(table, torch.Tensor):
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * table).flatten(-2)
    cos, sin = table
    swapped = x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return torch.addcmul(x * cos, swapped, sin)


class Block(nn.Module):
    """A pre-norm block. Q, K and V are one matrix product."""

    def __init__(self, dropout):
        super().__init__()
        width, hidden = common.WIDTH, common.HIDDEN
        self.dropout = dropout
        self.norm1 = nn.LayerNorm(width, eps=common.NORM_EPS)
        self.qkv_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=common.NORM_EPS)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)

    def drop(self, x):
        return F.dropout(x, self.dropout) if self.training and self.dropout else x

    def forward(self, x, table):
        boards, cells, width = x.shape
        qkv = self.qkv_proj(self.norm1(x))
        qkv = qkv.view(boards, cells, 3, common.HEADS, common.HEAD_WIDTH)
        q, k = rotate(qkv[:, :, :2], table).transpose(1, 3).unbind(2)
        v = qkv[:, :, 2].transpose(1, 2)
        mixed = F.scaled_dot_product_attention(
            q, k, v, dropout_p=self.dropout if self.training else 0.0
        )
        mixed = mixed.transpose(1, 2).reshape(boards, cells, width)
        x = x + self.drop(self.out_proj(mixed))
        hidden = self.drop(F.relu(self.linear1(self.norm2(x))))
        return x + self.drop(self.linear2(hidden))


class LoopedTransformer(nn.Module):
    """State and prediction are [boards, cells, width] and [boards, cells, 9]."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.initial_encoder = nn.Linear(common.DIGITS + 1, common.WIDTH)
        self.pred_proj = nn.Linear(common.DIGITS, common.WIDTH)
        self.layers = nn.ModuleList(Block(dropout) for _ in range(common.LAYERS))
        self.output_head = nn.Linear(common.WIDTH, common.DIGITS)
        self.complex_rotation = False
        cos, sin = map(torch.from_numpy, common.rotary_tables())
        sign = torch.tensor([-1.0, 1.0]).repeat(common.PAIRS)
        spread = lambda t: t.repeat_interleave(2, dim=1)[:, None, None, :]  # noqa: E731
        self.register_buffer("cos", spread(cos), persistent=False)
        self.register_buffer("sin", (spread(sin) * sign), persistent=False)
        self.register_buffer("turn", torch.complex(cos, sin)[:, None, None, :], persistent=False)
        self.register_buffer("digits", torch.arange(common.DIGITS + 1), persistent=False)

    def encode(self, clues):
        """Iteration 0 from clues [boards, cells], 0 for blank."""
        one_hot = (clues.unsqueeze(-1) == self.digits).to(self.initial_encoder.weight.dtype)
        state = self.initial_encoder(one_hot)
        return state, state.new_zeros(*clues.shape, common.DIGITS)

    def iterate(self, state, prediction):
        table = self.turn if self.complex_rotation else (self.cos, self.sin)
        x = state + self.pred_proj(prediction)
        for layer in self.layers:
            x = layer(x, table)
        logits = self.output_head(x)
        # The cast matters under autocast only, whose softmax gives float32.
        return x, logits, logits.softmax(-1).to(logits.dtype)

    def forward(self, clues, iterations):
        """Logits after each iteration, [iterations, boards, cells, 9]."""
        state, prediction = self.encode(clues)
        found = []
        for _ in range(iterations):
            state, logits, prediction = self.iterate(state, prediction)
            found.append(logits)
        return torch.stack(found)


def load(path=None, seed=0, device="cpu", dtype=torch.float32, dropout=0.0):
    """The network with the weights of a safetensors file, or random ones where there is no file."""
    weights = {k: torch.from_numpy(v) for k, v in common.read_weights(path, seed).items()}
    for layer in range(common.LAYERS):
        for kind in ("weight", "bias"):
            parts = [weights.pop(f"layers.{layer}.{name}_proj.{kind}") for name in "qkv"]
            weights[f"layers.{layer}.qkv_proj.{kind}"] = torch.cat(parts)
    model = LoopedTransformer(dropout)
    model.load_state_dict(weights)
    model = model.to(device)
    if dtype == torch.bfloat16:
        model = model.bfloat16()  # floating point only: `turn` stays complex
    return model


def check(model, answers, device):
    """Deviations from known answers, by number of iterations."""
    clues, wanted, states = common.read_answers(answers)
    worst = {}
    with torch.inference_mode():
        state, prediction = model.encode(torch.from_numpy(clues).to(device))
        for done in range(1, max(wanted) + 1):
            state, logits, prediction = model.iterate(state, prediction)
            for kind, known, got in (("logits", wanted, logits), ("state", states, state)):
                if done in known:
                    worst[f"{kind}.{done}"] = max(
                        common.deviation(*pair) for pair in zip(got.float().cpu(), known[done])
                    )
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True, help="a safetensors file")
    parser.add_argument("--check", metavar="ANSWERS", required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tolerance", type=float, default=2e-5, help="at 16 iterations, float32")
    options = parser.parse_args()
    model = load(options.weights, device=options.device).eval()
    found = {"float32": check(model, options.check, options.device)}
    model.complex_rotation = True
    found["float32, complex rotation"] = check(model, options.check, options.device)
    good = all(worst["logits.16"] <= options.tolerance for worst in found.values())
    model = load(options.weights, device=options.device, dtype=torch.bfloat16).eval()
    found["bfloat16"] = check(model, options.check, options.device)
    print(json.dumps({"deviation": found, "tolerance": options.tolerance, "passed": good}))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
