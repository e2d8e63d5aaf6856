"""Small networks as torch.export writes them, and what eager PyTorch makes of each.

    python tests/golden/graphs/make_goldens.py      # rewrites the .pt2 and .safetensors files beside this script

Each NAME.safetensors holds x, y, and for the modes eval and train `<mode>.logits`, `<mode>.loss` (mean cross-entropy) and
`<mode>.grad.*`; `after.*` are the running statistics behind the training pass. Dropout is 0: where it is not, the engine and PyTorch
differ on purpose. Needs torch, safetensors and transformers (for networks that nobody here designed).
"""
import json
import os
import pathlib
import sys
import zipfile

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))
os.environ["HF_HUB_OFFLINE"] = "1"

from import_model import exported  # noqa: E402
import transformers as hf  # noqa: E402


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1, **norm):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs, **norm))


class Padded(nn.Module):
    """Option A of He et al. 2016: every second pixel, channels padded with zeros on both sides."""

    def __init__(self, inputs, inner, outputs, stride):
        super().__init__()
        self.conv1, self.conv2 = conv_bn(inputs, inner, stride=stride), conv_bn(inner, outputs)
        self.stride, self.pad = stride, (outputs - inputs) // 2

    def forward(self, x):
        y = self.conv2(F.relu(self.conv1(x)))
        if self.stride > 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 4)
        self.blocks = nn.Sequential(Padded(4, 3, 4, 1), Padded(4, 5, 8, 2), Padded(8, 6, 8, 1))
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.blocks(F.relu(self.stem(x))).mean(dim=(2, 3)))


class PaddedResnet20(nn.Module):
    """The built-in ResNet-20 in other widths, its tensors under the same names."""

    def __init__(self, residual, inner):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, residual[0], 3, 1, 1, bias=False), nn.BatchNorm2d(residual[0])
        for stage in range(3):
            blocks = nn.Sequential()
            for b in range(3):
                block = nn.Module()
                before, middle, after = residual[max(stage - 1, 0)] if b == 0 else residual[stage], inner[3 * stage + b], residual[stage]
                block.conv1, block.bn1 = nn.Conv2d(before, middle, 3, 2 if stage and not b else 1, 1, bias=False), nn.BatchNorm2d(middle)
                block.conv2, block.bn2 = nn.Conv2d(middle, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
                blocks.append(block)
            setattr(self, f"layer{stage + 1}", blocks)
        self.linear = nn.Linear(residual[2], 5)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for block in [*self.layer1, *self.layer2, *self.layer3]:
            y = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
            pad = (y.shape[1] - x.shape[1]) // 2
            x = F.relu(y + (F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, pad, pad)) if pad else x))
        return self.linear(x.mean(dim=(2, 3)))


class Concat(nn.Module):
    """Concatenation, a split of channels, a gate for each channel, channels that are flattened, a normalised vector."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(6, 3, 3, padding=1, dilation=1), nn.Conv2d(9, 8, (3, 1), padding=(1, 0), stride=(2, 1))
        self.gate = nn.Linear(8, 8)
        self.flat, self.norm, self.head = nn.Linear(4 * 4 * 8, 7), nn.BatchNorm1d(7, eps=1e-3, momentum=0.2), nn.Linear(7, 4)

    def forward(self, x):
        y = torch.cat([x, F.silu(self.a(x))], dim=1)
        y = torch.cat([F.relu(self.b(y)), y], dim=1)
        y = self.c(y)
        y = y * torch.sigmoid(self.gate(y.mean((2, 3))))[:, :, None, None]
        left, right = y.chunk(2, dim=1)
        y = (left * torch.tanh(right)).flatten(1)
        return self.head(F.gelu(self.norm(self.flat(y))))


class Patches(nn.Module):
    """A vision transformer with queries, keys and values in one product."""

    def __init__(self, dim=12, heads=3):
        super().__init__()
        self.patch, self.token = nn.Conv2d(3, dim, 4, 4), nn.Parameter(torch.randn(1, 1, dim))
        self.place = nn.Parameter(torch.randn(1, 5, dim))
        self.norm1, self.qkv, self.out = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.norm2, self.up, self.down, self.head = nn.LayerNorm(dim), nn.Linear(dim, 10), nn.Linear(10, dim), nn.Linear(dim, 4)
        self.heads = heads

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.place
        batch, count, dim = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, count, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * (dim // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, count, dim))
        x = x + self.down(F.gelu(self.up(self.norm2(x))))
        return self.head(x[:, 0])


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.lstm, self.inner, self.head = nn.Embedding(11, 6), nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, ids):
        return self.head(F.relu(self.inner(self.lstm(self.embed(ids))[0][:, -1])))


class Classifier(nn.Module):
    """A text encoder of transformers with a head on the mean."""

    def __init__(self):
        super().__init__()
        config = hf.BertConfig(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=14, vocab_size=20, max_position_embeddings=16,
                               hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        self.encoder, self.head = hf.BertModel(config, add_pooling_layer=False), nn.Linear(12, 4)

    def forward(self, ids):
        return self.head(self.encoder(input_ids=ids).last_hidden_state.mean(1))


class Pooled(nn.Module):
    """A mean over what is no padding: a mask that becomes numbers."""

    def __init__(self):
        super().__init__()
        self.embed, self.inner, self.head = nn.Embedding(11, 6), nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, ids):
        x = F.gelu(self.inner(self.embed(ids)))
        mask = ids.ne(0).unsqueeze(-1).to(x.dtype)
        return self.head((x * mask).sum(1) / mask.sum(1).clamp(min=1.0))


def causal(config):
    config.use_cache = False
    return hf.AutoModelForCausalLM.from_config(config)


def networks():
    images, ids = torch.randn(4, 3, 8, 8), torch.randint(0, 11, (3, 6))
    yield "residual", Residual(), images
    yield "resnet20", PaddedResnet20([4, 8, 12], [3, 4, 5, 6, 7, 8, 9, 10, 11]), torch.randn(8, 3, 12, 12)
    yield "concat", Concat(), torch.randn(4, 2, 8, 8)
    yield "patches", Patches(), images
    yield "recurrent", Recurrent(), ids
    yield "bert", Classifier(), ids
    yield "gpt2", causal(hf.GPT2Config(n_embd=12, n_layer=2, n_head=3, vocab_size=11, n_positions=16, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                                       bos_token_id=None, eos_token_id=None)), ids
    yield "llama", causal(hf.LlamaConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=10, vocab_size=11,
                                         max_position_embeddings=16, bos_token_id=None, eos_token_id=None)), ids
    yield "mobilenet", hf.MobileNetV2ForImageClassification(hf.MobileNetV2Config(depth_multiplier=0.1, depth_divisible_by=2, min_depth=2, image_size=32, num_labels=5,
                                                            expand_ratio=2, classifier_dropout_prob=0.0, finegrained_output=False)), torch.randn(4, 3, 32, 32)
    torch.manual_seed(4)
    yield "pooled", Pooled(), torch.randint(0, 11, (3, 6))


def strip(path):
    """Stack traces and the pickled sample inputs go: the file stays small, and its reader opens neither."""
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries:
            if name.endswith("/models/model.json"):
                model = json.loads(data)
                graphs = [model["graph_module"]["graph"]]
                for graph in graphs:
                    for node in graph["nodes"]:
                        node["metadata"] = {}
                        graphs += [i["arg"]["as_graph"]["graph"] for i in node["inputs"] if "as_graph" in i["arg"]]
                model["graph_module"]["module_call_graph"] = []
                data = json.dumps(model, separators=(",", ":")).encode()
            if "/data/sample_inputs/" not in name:
                archive.writestr(zipfile.ZipInfo(name), data)


def main():
    for name, net, x in networks():
        torch.manual_seed(3)
        for tensor in [*net.parameters(), *(b for n, b in net.named_buffers() if "running" in n)]:
            tensor.data += 0.2 * torch.rand_like(tensor)
        path = HERE / f"{name}.pt2"
        program = exported(net, x)
        torch.export.save(program, path)
        strip(path)
        net.load_state_dict(program.state_dict, strict=False)
        out = {"x": x}
        with torch.no_grad():
            shape = net.eval()(x).shape
        out["y"] = torch.randint(0, shape[-1], shape[:-1])
        for mode in ("eval", "train"):
            net.train(mode == "train")
            net.zero_grad()
            logits = net(x)
            loss = F.cross_entropy(logits.reshape(-1, shape[-1]), out["y"].reshape(-1))
            loss.backward()
            out[f"{mode}.logits"], out[f"{mode}.loss"] = logits.detach(), loss.detach().reshape(1)
            turned = {f"{place}.weight" for place, module in net.named_modules() if isinstance(module, hf.pytorch_utils.Conv1D)}
            for tensor, parameter in net.named_parameters(remove_duplicate=False):
                if parameter.grad is not None:  # a matrix as [outputs, inputs]
                    out[f"{mode}.grad.{tensor}"] = (parameter.grad.t() if tensor in turned else parameter.grad).clone()
        for tensor, buffer in net.named_buffers():
            if "running" in tensor:
                out[f"after.{tensor}"] = buffer.clone()
        save_file({key: value.contiguous() for key, value in out.items()}, HERE / f"{name}.safetensors")
        print(f"{name}: {path.stat().st_size} bytes, {sum(p.numel() for p in net.parameters())} parameters")


if __name__ == "__main__":
    torch.manual_seed(1)
    main()
