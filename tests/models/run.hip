// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "check.h"
#include "gpu.h"
#include "run.h"

namespace models {
namespace {

constexpr int kBatches = 2;  // of a checked inference

// A result of the GPU within `tolerance` of the reference's, relative to its
// greatest number; with `digest`, every bit of it goes to stdout.
void check_close(const char* what, const std::vector<float>& got,
                 const std::vector<double>& expected, double tolerance, check::Digest& digest) {
  CHECK(got.size() == expected.size());
  double greatest = 0, off = 0;
  for (size_t i = 0; i < got.size(); i++) {
    greatest = std::max(greatest, std::abs(expected[i]));
    const double difference = std::abs(got[i] - expected[i]);
    off = std::isnan(difference) ? INFINITY : std::max(off, difference);
  }
  std::fprintf(stderr, "%s: off by %.2g of %.3g\n", what, off, greatest);
  CHECK(greatest > 0 && off <= tolerance * greatest);
  digest.add(got);
}

std::vector<float> batch_of(const Case& c, int pass) {
  return random_values(static_cast<uint32_t>(500 + pass), c.shape.count(), 1.0f);
}

std::vector<float> labels_of(const Case& c, int pass) {
  std::vector<float> labels(c.shape.n);
  for (int i = 0; i < c.shape.n; i++) labels[i] = static_cast<float>((i * 7 + pass * 3) % 10);
  return labels;
}

Value infer(const Case& c, Net& net, int pass) {
  net.begin();
  return c.model(net, net.input(c.shape, batch_of(c, pass)));
}

class Trainer {
 public:
  Trainer(const Case& c, Backend& backend)
      : case_(c), net_(backend, {.training = true, .half = c.half}), scale_(c.half ? 0x1p24f : 1) {}

  void step() {
    Backend& backend = net_.backend();
    net_.begin();
    net_.set_labels(labels_of(case_, passes_));
    const Value x = net_.input(case_.shape, batch_of(case_, passes_));
    net_.loss(case_.model(net_, x));
    net_.backward(scale_);
    passes_++;
    if (case_.half && !finite()) {
      scale_ /= 64;
      skipped_++;
      return;
    }
    steps_++;
    for (Net::Parameter& p : net_.parameters()) update(backend, p);
  }

  Net& net() { return net_; }
  int skipped() const { return skipped_; }
  double loss() const { return net_.loss_value(); }

 private:
  bool finite() {
    for (const Net::Parameter& p : net_.parameters())
      if (!net_.backend().all_finite(*p.value->grad)) return false;
    return true;
  }

  void update(Backend& backend, Net::Parameter& p) {
    CHECK(p.value->grad != nullptr);
    Array& w = *p.value->data;
    for (ArrayPtr& state : p.state) {
      if (state) continue;
      state = backend.allocate(w.count);
      backend.fill(0, *state);
    }
    ArrayPtr gradient = p.value->grad;
    if (scale_ != 1) {
      ArrayPtr unscaled = backend.allocate(w.count);
      backend.fill(0, *unscaled);
      backend.axpby(1 / scale_, *gradient, 0, *unscaled);
      gradient = unscaled;
    }
    if (case_.train == Optimizer::kSgd)
      backend.sgd(Sgd{}, *gradient, *p.state[0], w);
    else
      backend.adam(Adam{}, steps_, *gradient, *p.state[0], *p.state[1], w);
  }

  const Case& case_;
  Net net_;
  float scale_;
  int passes_ = 0, steps_ = 0, skipped_ = 0;
};

// The tape's gradient along one direction, against what the loss does when the
// parameters move along it. On the reference: double leaves room for that.
void check_gradient(const Case& c, Backend& cpu) {
  constexpr double kStep = 1e-7;  // small: few activations cross a kink on the way
  double along_tape = 0;
  const auto loss_at = [&](double distance, bool differentiate) {
    Net net(cpu, {.training = true});
    const auto pass = [&] {
      net.begin();
      net.set_labels(labels_of(c, 0));
      net.loss(c.model(net, net.input(c.shape, batch_of(c, 0))));
    };
    pass();  // makes the parameters
    std::vector<ArrayPtr> directions;
    for (Net::Parameter& p : net.parameters()) {
      const auto seed = static_cast<uint32_t>(9000 + directions.size());
      directions.push_back(cpu.upload(random_values(seed, p.value.data().count, 1)));
      ArrayPtr scaled = cpu.upload(std::vector<float>(p.value.data().count, 0));
      cpu.axpby(static_cast<float>(distance), *directions.back(), 1, *scaled);
      cpu.add(*scaled, p.value.data(), *p.value->data);
    }
    pass();
    if (differentiate) {
      net.backward();
      for (size_t i = 0; i < directions.size(); i++) {
        const std::vector<double> gradient = cpu.download(*net.parameters()[i].value->grad);
        const std::vector<double> direction = cpu.download(*directions[i]);
        for (size_t k = 0; k < gradient.size(); k++) along_tape += gradient[k] * direction[k];
      }
    }
    return net.loss_value();
  };
  loss_at(0, true);
  const double step = static_cast<float>(kStep);
  const double along_loss = (loss_at(step, false) - loss_at(-step, false)) / (2 * step);
  std::fprintf(stderr, "gradient: %.8g by the tape, %.8g by the loss\n", along_tape, along_loss);
  CHECK(std::abs(along_tape - along_loss) <= 1e-4 * std::abs(along_loss));
}

// Whether stdin has ended; for programs that run until they are told to stop.
class StdinEnd {
 public:
  StdinEnd()
      : reader_([this] {
          char byte;
          while (read(STDIN_FILENO, &byte, 1) > 0) {
          }
          ended_ = true;
        }) {}
  ~StdinEnd() { reader_.join(); }
  StdinEnd(const StdinEnd&) = delete;
  StdinEnd& operator=(const StdinEnd&) = delete;
  bool now() const { return ended_; }

 private:
  std::atomic<bool> ended_{false};
  std::thread reader_;
};

double tolerance_of(const Case& c) {
  return c.half ? 1e-2 : 1e-4;
}

void say(const char* line) {
  std::printf("%s\n", line);
  std::fflush(stdout);
}

check::Digest digest_parameters(Gpu& gpu, Net& net) {
  check::Digest digest;
  for (const Net::Parameter& p : net.parameters()) digest.add(gpu.download_floats(p.value.data()));
  return digest;
}

// Replays one pass as a graph; bit for bit what the launches gave.
void check_graph(const Case& c, Gpu& gpu, Net& net, const std::vector<float>& expected) {
  const Value x(c.shape, gpu.upload(batch_of(c, 0)));
  Value y;
  const auto pass = [&] {
    net.begin();
    y = c.model(net, x);
  };
  pass();  // every block it takes is in the cache now
  y = Value();
  Gpu::Graph graph(gpu, pass);
  for (int i = 0; i < 2; i++) {
    gpu.fill(NAN, *y->data);
    gpu.synchronize();
    graph.launch();
    CHECK(gpu.download_floats(y.data()) == expected);
  }
  std::printf("graph: the same\n");
}

}  // namespace

int check_inference(const Case& c) {
  Gpu gpu;
  const std::unique_ptr<Backend> cpu = make_cpu();
  Net net(gpu, {.half = c.half}), reference(*cpu, {.half = c.half});
  check::Digest digest;
  for (int pass = 0; pass < kBatches; pass++) {
    const std::vector<float> got = gpu.download_floats(infer(c, net, pass).data());
    const std::vector<double> expected = cpu->download(infer(c, reference, pass).data());
    check_close("output", got, expected, tolerance_of(c), digest);
    if (pass == 0 && c.graph) check_graph(c, gpu, net, got);
  }
  digest.print("outputs");
  return check::pass();
}

int check_training(const Case& c) {
  Gpu gpu;
  const std::unique_ptr<Backend> cpu = make_cpu();
  if (!c.half) check_gradient(c, *cpu);
  Trainer trainer(c, gpu), reference(c, *cpu);
  for (int step = 0; step < c.steps; step++) {
    trainer.step();
    reference.step();
    const double loss = trainer.loss();
    std::printf("loss %.9g\n", loss);
    CHECK(std::abs(loss - reference.loss()) <= tolerance_of(c) * reference.loss());
  }
  CHECK(trainer.skipped() == reference.skipped());
  if (c.half) {
    std::printf("skipped %d\n", trainer.skipped());
    CHECK(trainer.skipped() > 0 && trainer.skipped() < c.steps);
  }
  std::vector<Net::Parameter>&ours = trainer.net().parameters(),
  &theirs = reference.net().parameters();
  CHECK(ours.size() == theirs.size());
  check::Digest digest;
  for (size_t i = 0; i < ours.size(); i++) {
    const std::string name = "parameter " + std::to_string(i);
    check_close(name.c_str(), gpu.download_floats(ours[i].value.data()),
                cpu->download(theirs[i].value.data()), 10 * tolerance_of(c), digest);
  }
  digest.print("parameters");
  return check::pass();
}

int serve(const Case& c, double rate, int count) {
  CHECK(rate > 0 && count >= 0);
  Gpu gpu;
  const std::unique_ptr<Backend> cpu = make_cpu();
  Net net(gpu, {}), reference(*cpu, {});
  const std::vector<float> expected = gpu.download_floats(infer(c, net, 0).data());
  check::Digest digest;
  check_close("output", expected, cpu->download(infer(c, reference, 0).data()), tolerance_of(c),
              digest);
  say("ready");
  for (char byte = 0; byte != '\n';)
    if (read(STDIN_FILENO, &byte, 1) <= 0) break;
  std::unique_ptr<StdinEnd> end;
  if (count == 0) end = std::make_unique<StdinEnd>();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; count > 0 ? i < count : !end->now(); i++) {
    // Arrivals do not wait for the request before.
    std::this_thread::sleep_until(start + std::chrono::duration<double>(i / rate));
    CHECK(gpu.download_floats(infer(c, net, 0).data()) == expected);
    std::printf("request %d\n", i);
    std::fflush(stdout);
  }
  digest.print("result");
  return 0;
}

int train_on(const Case& c, int count) {
  CHECK(count >= 0);
  Gpu gpu;
  Trainer trainer(c, gpu);
  std::unique_ptr<StdinEnd> end;
  if (count == 0) end = std::make_unique<StdinEnd>();
  for (int step = 0; count > 0 ? step < count : !end->now(); step++) {
    trainer.step();
    std::printf("step %d %.9g\n", step, trainer.loss());
    std::fflush(stdout);
  }
  digest_parameters(gpu, trainer.net()).print("result");
  return 0;
}

}  // namespace models
