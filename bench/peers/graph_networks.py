"""Networks of bench/run.py's section `graph`, and the same training step in eager PyTorch, one thread; one JSON line.

    graph_networks.py resnet20|encoder|decoder BATCH LENGTH STEPS

`tools/import_model.py graph_networks.py:resnet20` imports what the engine runs. The encoder has MiniLM-L6's shape, the decoder a
small Llama's; dropout is off on both sides.
"""
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

os.environ.setdefault("HF_HUB_OFFLINE", "1")


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.pad = (outputs - inputs) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x)


class Resnet20(nn.Module):
    """He et al. 2016, option A: the built-in network's tensors under the same names."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        return self.linear(self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))).mean(dim=(2, 3)))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        import transformers
        config = transformers.BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, hidden_dropout_prob=0.0,
                                         attention_probs_dropout_prob=0.0)
        self.encoder, self.head = transformers.BertModel(config, add_pooling_layer=False), nn.Linear(384, 77)

    def forward(self, ids):
        return self.head(self.encoder(input_ids=ids).last_hidden_state.mean(1))


def resnet20():
    return Resnet20()


def encoder():
    return Encoder()


def decoder():
    import transformers
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=4096, hidden_size=256, num_hidden_layers=6, num_attention_heads=8, num_key_value_heads=4, intermediate_size=704,
        max_position_embeddings=512, bos_token_id=None, eos_token_id=None, use_cache=False))


def main():
    name, batch, length, steps = sys.argv[1], *map(int, sys.argv[2:5])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    net = globals()[name]().train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x = torch.randn(batch, 3, 32, 32) if name == "resnet20" else torch.randint(0, 4096, (batch, length))
    least = float("inf")
    y = None
    for _ in range(steps):
        start = time.process_time()
        optimizer.zero_grad()
        logits = net(x)
        logits = getattr(logits, "logits", logits)
        if y is None:
            y = torch.randint(0, logits.shape[-1], logits.shape[:-1])
            start = time.process_time()
            logits = net(x)
            logits = getattr(logits, "logits", logits)
        F.cross_entropy(logits.flatten(0, -2), y.flatten()).backward()
        optimizer.step()
        least = min(least, time.process_time() - start)
    print(json.dumps({"parameters": sum(p.numel() for p in net.parameters()), "step_cpu_s": least}))


if __name__ == "__main__":
    main()
