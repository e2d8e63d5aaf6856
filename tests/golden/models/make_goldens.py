"""Golden numbers of the architectures, losses and measures, from plain PyTorch and numpy in float64.

    python tests/golden/models/make_goldens.py      # rewrites the .safetensors files beside this script

Each file of an architecture holds: x and y, `param.*` and `moment.*` (before the pass), and for the modes eval and train
`<mode>.logits`, `<mode>.loss` (mean cross-entropy), `<mode>.grad.*`; `after.*` are the moments after the training pass.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).parent


class Mlp(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class Cnn(nn.Module):
    def __init__(self, image, c1, c2, pooled, hidden, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(image, c1, 5)
        self.conv2 = nn.Conv2d(c1, c2, 5)
        self.linear1 = nn.Linear(c2 * pooled, hidden)
        self.linear2 = nn.Linear(hidden, outputs)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.linear2(F.relu(self.linear1(x.flatten(1))))


class OptionA(nn.Module):
    """Every second pixel; output channel c continues input channel sources[c], or is zero where that is -1."""

    def __init__(self, sources):
        super().__init__()
        self.sources = sources

    def forward(self, x):
        x = x[:, :, ::2, ::2]
        return torch.stack([x[:, s] if s >= 0 else torch.zeros_like(x[:, 0]) for s in self.sources], dim=1)


class Block(nn.Module):
    def __init__(self, inputs, inner, outputs, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = shortcut
        self.shortcut_bn = nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut_bn(self.shortcut(x)))


class Resnet(nn.Module):
    """`sources` = maps of the two option A shortcuts; None: 1x1 convolutions with bias (ResNet-8), or with batch norm (ResNet-18)."""

    def __init__(self, image, residual, inner, blocks, outputs, sources, norm=False):
        super().__init__()
        self.stages = len(residual)
        self.conv1 = nn.Conv2d(image, residual[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(residual[0])
        for s in range(self.stages):
            stage = []
            for b in range(blocks):
                reshapes = s > 0 and b == 0
                inputs = residual[s - 1] if reshapes else residual[s]
                shortcut = nn.Identity()
                if reshapes:
                    shortcut = nn.Conv2d(inputs, residual[s], 1, 2) if sources is None else OptionA(sources[s - 1])
                    if norm:
                        shortcut = nn.Conv2d(inputs, residual[s], 1, 2, bias=False)
                stage.append(Block(inputs, inner[s * blocks + b], residual[s], 2 if reshapes else 1, shortcut))
                if reshapes and norm:
                    stage[-1].shortcut_bn = nn.BatchNorm2d(residual[s])
            setattr(self, f"layer{s + 1}", nn.Sequential(*stage))
        self.linear = nn.Linear(residual[-1], outputs)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for s in range(self.stages):
            x = getattr(self, f"layer{s + 1}")(x)
        return self.linear(x.mean((2, 3)))


class Vgg11(nn.Module):
    def __init__(self, image, channels, outputs):
        super().__init__()
        for i, (a, b) in enumerate(zip([image, *channels], channels), start=1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, 3, 1, 1, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.linear = nn.Linear(channels[-1], outputs)

    def forward(self, x):
        for i in range(1, 9):
            x = F.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
            if i in (1, 2, 4, 6, 8):
                x = F.max_pool2d(x, 2)
        return self.linear(x.flatten(1))


class RmsNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        return self.weight * x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps)


class Attention(nn.Module):
    def __init__(self, dim, head_dim, kv_heads, queries_per_kv, base):
        super().__init__()
        self.head_dim, self.kv_heads, self.queries_per_kv, self.base = head_dim, kv_heads, queries_per_kv, base
        queries = kv_heads * queries_per_kv
        self.q_proj = nn.Linear(dim, queries * head_dim, bias=False)
        self.k_proj = nn.Linear(dim, kv_heads * head_dim, bias=False)
        self.v_proj = nn.Linear(dim, kv_heads * head_dim, bias=False)
        self.o_proj = nn.Linear(queries * head_dim, dim, bias=False)

    def rotate(self, x):
        """Each pair (x_i, x_{i + head_dim/2}) at token t turns by t * base^(-2i/head_dim)."""
        half = self.head_dim // 2
        t = torch.arange(x.shape[0], dtype=torch.float64)
        angle = t[:, None] * self.base ** (-2.0 * torch.arange(half, dtype=torch.float64) / self.head_dim)
        a, b = x[:, :half], x[:, half:]
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=1)

    def forward(self, x):
        d, tokens = self.head_dim, x.shape[1]
        future = torch.ones(tokens, tokens).triu(1).bool()
        rows = []
        for sample in x:
            q, k, v = self.q_proj(sample), self.k_proj(sample), self.v_proj(sample)
            heads = []
            for h in range(self.kv_heads * self.queries_per_kv):
                g = h // self.queries_per_kv
                scores = self.rotate(q[:, h * d:(h + 1) * d]) @ self.rotate(k[:, g * d:(g + 1) * d]).T / d ** 0.5
                heads.append(scores.masked_fill(future, -torch.inf).softmax(-1) @ v[:, g * d:(g + 1) * d])
            rows.append(self.o_proj(torch.cat(heads, dim=1)))
        return torch.stack(rows)


class FeedForward(nn.Module):
    def __init__(self, dim, neurons):
        super().__init__()
        self.gate_proj = nn.Linear(dim, neurons, bias=False)
        self.up_proj = nn.Linear(dim, neurons, bias=False)
        self.down_proj = nn.Linear(neurons, dim, bias=False)

    def forward(self, x):
        gate = self.gate_proj(x)
        return self.down_proj(gate * torch.sigmoid(gate) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, dim, head_dim, kv_heads, queries_per_kv, neurons, base, eps):
        super().__init__()
        self.self_attn = Attention(dim, head_dim, kv_heads, queries_per_kv, base)
        self.mlp = FeedForward(dim, neurons)
        self.input_layernorm = RmsNorm(dim, eps)
        self.post_attention_layernorm = RmsNorm(dim, eps)

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, vocab, dim, head_dim, kv_heads, queries_per_kv, ffn, base=10000.0, eps=1e-5):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(vocab, dim)
        self.model.layers = nn.ModuleList(
            Layer(dim, head_dim, h, queries_per_kv, n, base, eps) for h, n in zip(kv_heads, ffn))
        self.model.norm = RmsNorm(dim, eps)
        self.lm_head = nn.Linear(dim, vocab, bias=False)

    def forward(self, ids):
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x)
        return self.lm_head(self.model.norm(x))


def single(tensor):
    return tensor.detach().to(torch.float32).contiguous() if tensor.is_floating_point() else tensor.contiguous()


def golden(name, model, x, y):
    # Weights, inputs and moments that float32 holds exactly: both sides then start from the same numbers.
    model.double()
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 0.3 if parameter.dim() == 1 else (2.0 / parameter[0].numel()) ** 0.5
            noise = scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_((noise + (1.0 if parameter.dim() == 1 else 0.0)).float().double())
        for key, buffer in model.named_buffers():
            if key.endswith("running_mean"):
                buffer.copy_((0.5 * torch.randn(buffer.shape, generator=generator, dtype=torch.float64)).float().double())
            elif key.endswith("running_var"):
                buffer.copy_((0.5 + torch.rand(buffer.shape, generator=generator, dtype=torch.float64)).float().double())
    moments = {k: v for k, v in model.named_buffers() if k.endswith(("running_mean", "running_var"))}
    out = {"x": x, "y": y}
    out |= {f"param.{k}": v.clone() for k, v in model.named_parameters()}
    out |= {f"moment.{k}": v.clone() for k, v in moments.items()}
    for mode in ("eval", "train"):
        if mode == "train" and not moments:
            break
        model.train(mode == "train")
        model.zero_grad()
        logits = model(x.double() if x.is_floating_point() else x)
        loss = F.cross_entropy(logits.flatten(0, -2), y.flatten())
        loss.backward()
        out |= {f"{mode}.logits": logits, f"{mode}.loss": loss}
        out |= {f"{mode}.grad.{k}": v.grad.clone() for k, v in model.named_parameters()}
    out |= {f"after.{k}": v.clone() for k, v in moments.items()}
    save_file({k: single(v) for k, v in out.items()}, HERE / f"{name}.safetensors")


def even_padding(inputs, outputs):
    before = (outputs - inputs) // 2
    return [c - before if 0 <= c - before < inputs else -1 for c in range(outputs)]


def architectures():
    g = torch.Generator().manual_seed(5)

    def images(batch, channels, height, width):
        return torch.randn(batch, channels, height, width, generator=g)

    def classes(shape, outputs):
        return torch.randint(outputs, shape, generator=g)

    golden("mlp", Mlp([12, 9, 7, 5]), images(4, 3, 2, 2), classes((4,), 5))
    golden("cnn", Cnn(2, 3, 4, 2, 6, 5), images(3, 2, 18, 20), classes((3,), 5))
    golden("resnet8", Resnet(2, [4, 5, 6], [3, 4, 7], 1, 5, None), images(4, 2, 9, 10), classes((4,), 5))
    inner = [3, 4, 2, 4, 3, 5, 4, 5, 3]
    golden("resnet20", Resnet(3, [2, 4, 7], inner, 3, 5, [even_padding(2, 4), even_padding(4, 7)]),
           images(4, 3, 8, 9), classes((4,), 5))
    golden("resnet20_sources", Resnet(3, [3, 4, 6], [2] * 9, 3, 5, [[2, -1, 0, 1], [-1, 1, 0, -1, 3, 2]]),
           images(4, 3, 8, 8), classes((4,), 5))
    golden("llama", Llama(11, 8, 4, [2, 1], 2, [7, 5]), classes((2, 6), 11), classes((2, 6), 11))
    golden("resnet18", Resnet(2, [3, 4, 6, 5], [3, 2, 4, 3, 5, 4, 3, 2], 2, 3, None, norm=True), images(4, 2, 10, 9), classes((4,), 3))
    golden("vgg11", Vgg11(2, [3, 4, 5, 3, 4, 5, 3, 4], 3), images(4, 2, 32, 34), classes((4,), 3))


def exact_auroc(scores, truth):
    positive, negative = scores[truth], scores[~truth]
    wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    return wins.mean()


def f1(truth, predicted):
    return 2 * (truth & predicted).sum() / (truth.sum() + predicted.sum())


def reliability(confidence, hit, bins=15):
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs(hit[index == b].sum() - confidence[index == b].sum()) for b in range(bins)) / len(hit)


def measures():
    rng = np.random.default_rng(3)
    out = {}

    def put(key, value, dtype=np.float32):
        out[key] = torch.from_numpy(np.atleast_1d(np.asarray(value, dtype)))

    y = rng.integers(0, 4, 600)
    logits = rng.normal(size=(600, 4)).astype(np.float32)
    logits[np.arange(600), y] += rng.normal(1.0, 1.0, 600).astype(np.float32)
    z = logits.astype(np.float64)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    predicted = p.argmax(1)
    put("classes.logits", logits)
    put("classes.targets", y, np.int64)
    put("classes.loss", -np.log(p[np.arange(600), y]).mean())
    put("classes.accuracy", (predicted == y).mean())
    put("classes.macro_f1", np.mean([f1(y == v, predicted == v) for v in range(4)]))
    put("classes.auroc", np.mean([exact_auroc(p[:, v], y == v) for v in range(4)]))
    put("classes.calibration_error", reliability(p.max(1), predicted == y))

    t = rng.random((300, 3)) < np.array([0.5, 0.2, 0.7])
    logits = (1.5 * rng.normal(size=(300, 3)) + 2.0 * t - 1.0).astype(np.float32)
    z = logits.astype(np.float64)
    p = 1 / (1 + np.exp(-z))
    put("labels.logits", logits)
    put("labels.targets", t)
    put("labels.loss", -np.where(t, np.log(p), np.log(1 - p)).mean())
    put("labels.accuracy", ((p > 0.5) == t).mean())
    put("labels.macro_f1", np.mean([f1(t[:, v], p[:, v] > 0.5) for v in range(3)]))
    put("labels.auroc", np.mean([exact_auroc(p[:, v], t[:, v]) for v in range(3)]))
    put("labels.calibration_error", reliability(np.maximum(p, 1 - p).ravel(), ((p > 0.5) == t).ravel()))

    t = rng.normal(size=(200, 2)).astype(np.float32)
    found = (t + 0.4 * rng.normal(size=t.shape)).astype(np.float32)
    error = found.astype(np.float64) - t
    put("values.logits", found)
    put("values.targets", t)
    put("values.loss", (error ** 2).mean())
    put("values.mean_absolute_error", np.abs(error).mean())
    put("values.r_squared", np.mean(1 - (error ** 2).sum(0) / ((t - t.astype(np.float64).mean(0)) ** 2).sum(0)))
    save_file(out, HERE / "measures.safetensors")


if __name__ == "__main__":
    architectures()
    measures()
