#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The user's list, a case a process: run_list starts this file for each.

usage: cases.py --list
       cases.py CASE [options]     one line of JSON at the end: what came out, and how fast
       cases.py online [options]   requests at an arrival rate; after a line on stdin
       cases.py batch [options]    batches without a pause, until stdin ends

Random weights (nothing is downloaded), seeded. Ordinary PyTorch: nothing here
knows of xsched.
"""

import argparse
import json
import os
import sys
import threading
import time

CASES = {}


def case(kind):
    def register(function):
        CASES[function.__name__] = (kind, function)
        return function
    return register


class Run:
    """What a case works with."""

    def __init__(self, options):
        import torch
        self.torch = torch
        self.options = options
        self.device = torch.device(options.device)
        torch.manual_seed(7)
        self.milliseconds = []

    def random(self, *shape):
        # Made on the CPU: the same numbers on every device.
        return self.torch.randn(*shape).to(self.device)

    def images(self, n, size=None):
        return self.random(n, 3, size or self.options.size, size or self.options.size)

    def synchronize(self):
        if self.device.type == "cuda":
            self.torch.cuda.synchronize()

    def timed(self, step):
        """Runs the step as often as asked for; the last result."""
        for i in range(self.options.iterations + 1):
            start = time.monotonic()
            result = step()
            self.synchronize()
            if i:  # the first one builds and tunes kernels
                self.milliseconds.append((time.monotonic() - start) * 1e3)
        return result

    def inference(self, model, x):
        model = model.to(self.device).eval()
        with self.torch.no_grad():
            return self.timed(lambda: model(x))

    def training(self, model, x, optimizer, loss_of=None, classes=1000):
        torch = self.torch
        model = model.to(self.device).train()
        labels = (torch.arange(x.shape[0]) * 7 % classes).to(self.device)
        steps = optimizer(model.parameters())
        loss_of = loss_of or torch.nn.functional.cross_entropy
        losses = []

        def step():
            steps.zero_grad()
            loss = loss_of(model(x), labels)
            loss.backward()
            steps.step()
            losses.append(loss.detach())

        self.timed(step)
        return torch.stack(losses)

    def sgd(self, parameters):
        return self.torch.optim.SGD(parameters, lr=0.01, momentum=0.9)

    def adam(self, parameters):
        return self.torch.optim.Adam(parameters, lr=1e-3)

    def vision(self, name, **arguments):
        import torchvision
        return getattr(torchvision.models, name)(weights=None, **arguments)


# What failed first under the preload of others.

@case("basic")
def import_torch(run):
    return run.torch.arange(4, dtype=run.torch.float32)


@case("basic")
def tensor_to_device(run):
    return run.timed(lambda: run.random(256, 256) + 1)


@case("basic")
def matmul(run):
    a, b = run.random(512, 512), run.random(512, 512)
    return run.timed(lambda: a @ b)


# Seven kinds.

@case("kind")
def mlp(run):
    nn = run.torch.nn
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(),
                          nn.Linear(128, 10))
    return run.inference(model, run.random(32, 784))


def small_cnn(nn):
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64),
                         nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


@case("kind")
def cnn(run):
    return run.inference(small_cnn(run.torch.nn), run.images(8, 32))


@case("kind")
def transformer_encoder(run):
    nn = run.torch.nn
    layer = nn.TransformerEncoderLayer(d_model=256, nhead=8, batch_first=True)
    return run.inference(nn.TransformerEncoder(layer, 2), run.random(4, 32, 256))


@case("kind")
def multi_head_attention(run):
    attention = run.torch.nn.MultiheadAttention(256, 8, batch_first=True).to(run.device).eval()
    x = run.random(4, 64, 256)
    with run.torch.no_grad():
        return run.timed(lambda: attention(x, x, x)[0])


@case("kind")
def batched_matmul(run):
    a, b = run.random(16, 128, 128), run.random(16, 128, 128)
    return run.timed(lambda: run.torch.bmm(a, b))


@case("kind")
def forward_backward(run):
    nn = run.torch.nn
    losses = [run.training(small_cnn(nn), run.images(8, 32), optimizer, classes=10)
              for optimizer in (run.sgd, run.adam)]
    return run.torch.cat(losses)


@case("kind")
def mixed_precision(run):
    torch = run.torch
    # float16 on a GPU, with a loss scale; the CPU has bfloat16, which needs none.
    on_gpu = run.device.type == "cuda"
    kind = torch.float16 if on_gpu else torch.bfloat16
    model = small_cnn(torch.nn).to(run.device).train()
    x, labels = run.images(8, 32), (torch.arange(8) % 10).to(run.device)
    optimizer = run.sgd(model.parameters())
    scaler = torch.amp.GradScaler(run.device.type, enabled=on_gpu)
    losses = []

    def step():
        optimizer.zero_grad()
        with torch.autocast(run.device.type, dtype=kind):
            loss = torch.nn.functional.cross_entropy(model(x), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.detach().float())

    run.timed(step)
    return torch.stack(losses)


# Fourteen of torchvision.

def vision_inference(name, n=1, **arguments):
    return lambda run: run.inference(run.vision(name, **arguments), run.images(n))


for model_name in ("resnet50", "resnet18", "mobilenet_v2", "efficientnet_b0"):
    CASES[model_name] = ("inference", vision_inference(model_name))


@case("inference")
def vit_b_16(run):
    # Its position embedding is made for one size.
    return run.inference(run.vision("vit_b_16", image_size=run.options.size),
                         run.images(1))


for model_name in ("densenet121", "vgg16", "squeezenet1_0", "alexnet"):
    CASES[model_name] = ("inference", vision_inference(model_name))


@case("inference")
def googlenet(run):
    """Both ways: eval() returns logits, train() logits and two auxiliary heads."""
    torch = run.torch
    model = run.vision("googlenet", aux_logits=True, init_weights=True)
    logits = run.inference(model, run.images(1))

    def loss(outputs, labels):
        entropy = torch.nn.functional.cross_entropy
        return (entropy(outputs.logits, labels) + 0.3 * entropy(outputs.aux_logits1, labels)
                + 0.3 * entropy(outputs.aux_logits2, labels))

    losses = run.training(model, run.images(2), run.sgd, loss)
    return torch.cat([logits.flatten(), losses])


@case("training")
def resnet18_training(run):
    return run.training(run.vision("resnet18"), run.images(run.options.train_batch), run.sgd)


@case("training")
def mobilenet_v2_training(run):
    return run.training(run.vision("mobilenet_v2"), run.images(run.options.train_batch), run.adam)


CASES["resnet50_batch32"] = ("batch", vision_inference("resnet50", 32))
CASES["efficientnet_b0_batch16"] = ("batch", vision_inference("efficientnet_b0", 16))


def online(run):
    """ResNet-18, one image a request; arrivals do not wait for the request before."""
    torch, options = run.torch, run.options
    model = run.vision("resnet18").to(run.device).eval()
    x = run.images(1)
    latencies = []
    with torch.no_grad():
        for _ in range(10):
            expected = model(x)
        run.synchronize()
        print("ready", flush=True)
        sys.stdin.readline()
        start = time.monotonic()
        for i in range(int(options.seconds * options.rate)):
            arrival = start + i / options.rate
            time.sleep(max(0.0, arrival - time.monotonic()))
            result = model(x)
            run.synchronize()
            latencies.append((time.monotonic() - arrival) * 1e3)
    return {"latencies_ms": latencies, "result": summary(torch, result),
            "same": bool(torch.allclose(result, expected, rtol=1e-3, atol=1e-4))}


def batch(run):
    """ResNet-50, one batch after the other."""
    model = run.vision("resnet50").to(run.device).eval()
    x = run.images(run.options.low_batch)
    stop = threading.Event()

    def wait_for_end():
        sys.stdin.read()
        stop.set()

    with run.torch.no_grad():
        model(x)
        run.synchronize()
        print("ready", flush=True)
        threading.Thread(target=wait_for_end, daemon=True).start()
        start, done = time.monotonic(), 0
        while not stop.is_set():
            result = model(x)
            run.synchronize()
            done += 1
        seconds = time.monotonic() - start
    return {"batches": done, "images_per_s": done * run.options.low_batch / seconds,
            "result": summary(run.torch, result)}


def summary(torch, tensor):
    """Enough of a result to compare it: shape, norm, some of its numbers."""
    flat = tensor.detach().float().cpu().flatten()
    step = max(1, flat.numel() // 64)
    return {"shape": list(tensor.shape), "norm": float(torch.linalg.vector_norm(flat.double())),
            "numbers": [float(v) for v in flat[::step][:64]]}


def preloaded():
    """Whether what LD_PRELOAD names is really there: the loader only warns if it is not."""
    with open("/proc/self/maps") as maps:
        mapped = {line.split(None, 5)[-1].strip() for line in maps}
    named = [path for path in os.environ.get("LD_PRELOAD", "").split(":") if path]
    return bool(named) and all(os.path.realpath(path) in mapped for path in named)


def parse():
    parser = argparse.ArgumentParser(description="one case of the user's list")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("case", nargs="?", choices=[*CASES, "online", "batch"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--size", type=int, default=224, help="of an image, a multiple of 32")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--train-batch", type=int, default=8)
    parser.add_argument("--low-batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    return parser.parse_args()


def main():
    options = parse()
    if options.list or not options.case:
        print(json.dumps({name: kind for name, (kind, _) in CASES.items()}))
        return 0
    run = Run(options)
    found = {"torch": run.torch.__version__, "hip": run.torch.version.hip,
             "preloaded": preloaded(),
             "device": run.torch.cuda.get_device_name(0) if options.device == "cuda" else "cpu"}
    if options.case in ("online", "batch"):
        found.update(online(run) if options.case == "online" else batch(run))
    else:
        result = CASES[options.case][1](run)
        run.synchronize()
        found.update(result=summary(run.torch, result), milliseconds=run.milliseconds)
    print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
