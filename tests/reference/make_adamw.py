"""Writes adamw.json: PyTorch's AdamW over 100 updates, to test ours against (needs torch)."""
import json
import sys

import torch


def gradient(i: int, k: int) -> float:
    """A fixed, uneven sequence that both sides compute in float64 and round once."""
    return ((i * 37 + k * 101) % 97) / 97.0 - 0.45 + 0.01 * i * (-1) ** k


start = [0.3, -1.2, 0.05, 2.0, -0.7, 0.0, 1e-3, -4.0]
p = torch.nn.Parameter(torch.tensor(start, dtype=torch.float32))
opt = torch.optim.AdamW([p], lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.01, foreach=False)
out = []
for k in range(100):
    for group in opt.param_groups:
        group["lr"] = 1e-2 * (1.0 - k / 200.0)
    p.grad = torch.tensor([gradient(i, k) for i in range(len(start))], dtype=torch.float32)
    opt.step()
    out.append([float(v) for v in p.detach()])
json.dump({"torch": torch.__version__, "start": start, "parameters": out}, open(sys.argv[1], "w"))
