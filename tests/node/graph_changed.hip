// SPDX-License-Identifier: Apache-2.0
//
// Description: an instantiated graph changed between launches: parameters of
// its kernel, copy, set, host and child nodes, nodes switched off and on, all of
// it from another graph (hipGraphExecUpdate); what cannot be changed. A
// launch that is held up keeps what it was launched with.
#include "steps.h"

static void add_to(void* counter) {
  *static_cast<unsigned*>(counter) += 1;
}

// A set, a kernel, a child graph with another, a 1D copy, a 3D copy, a host
// function, in a row.
struct Chain {
  hipGraph_t graph = nullptr;
  hipGraphNode_t set, kernel, child, copy, box, host;

  Chain(unsigned* data, unsigned* to, unsigned* box_to, unsigned value, unsigned term,
        unsigned child_term, unsigned* counter) {
    CHECK_HIP(hipGraphCreate(&graph, 0));
    const hipMemsetParams clear = set_params(data, value);
    CHECK_HIP(hipGraphAddMemsetNode(&set, graph, nullptr, 0, &clear));
    kernel = check::add_step(graph, {set}, data, term);
    hipGraph_t inner = nullptr;
    CHECK_HIP(hipGraphCreate(&inner, 0));
    (void)check::add_step(inner, {}, data, child_term);
    CHECK_HIP(hipGraphAddChildGraphNode(&child, graph, &kernel, 1, inner));
    CHECK_HIP(hipGraphDestroy(inner));
    CHECK_HIP(hipGraphAddMemcpyNode1D(&copy, graph, &child, 1, to, data, check::kBytes,
                                      hipMemcpyDeviceToDevice));
    const hipMemcpy3DParms whole = box_params(box_to, data);
    CHECK_HIP(hipGraphAddMemcpyNode(&box, graph, &copy, 1, &whole));
    const hipHostNodeParams params = {add_to, counter};
    CHECK_HIP(hipGraphAddHostNode(&host, graph, &box, 1, &params));
  }
  ~Chain() { (void)hipGraphDestroy(graph); }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  static hipMemcpy3DParms box_params(unsigned* to, unsigned* from) {
    hipMemcpy3DParms params = {};
    params.srcPtr = make_hipPitchedPtr(from, check::kBytes, check::kBytes, 1);
    params.dstPtr = make_hipPitchedPtr(to, check::kBytes, check::kBytes, 1);
    params.extent = make_hipExtent(check::kBytes, 1, 1);
    params.kind = hipMemcpyDeviceToDevice;
    return params;
  }
  static hipMemsetParams set_params(unsigned* data, unsigned value) {
    hipMemsetParams params = {};
    params.dst = data;
    params.elementSize = 4;
    params.value = value;
    params.width = check::kCount;
    params.height = 1;
    return params;
  }
};

static std::vector<unsigned> after(unsigned value, std::initializer_list<unsigned> terms) {
  check::Expected expected(value);
  for (const unsigned term : terms) expected.step(term);
  return expected.values();
}

int main() {
  check::DeviceArray<unsigned> data(check::kCount), a(check::kCount), b(check::kCount),
      c(check::kCount), d(check::kCount);
  check::Stream stream(hipStreamNonBlocking);
  unsigned calls = 0, other_calls = 0;
  const Chain chain(data.get(), a.get(), c.get(), 5, 1, 2, &calls);
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiate(&exec, chain.graph, nullptr, nullptr, 0));
  const auto launch = [&] { CHECK_HIP(hipGraphLaunch(exec, stream.get())); };
  check::SharedValue<int> flag(0);
  check::wait_for<<<1, 1, 0, stream.get()>>>(flag.get());
  CHECK_HIP(hipGetLastError());
  launch();

  // Node by node; what was launched keeps what it was launched with.
  const check::StepParams params(data.get(), 30);
  CHECK_HIP(hipGraphExecKernelNodeSetParams(exec, chain.kernel, params.get()));
  CHECK_HIP(hipGraphExecMemcpyNodeSetParams1D(exec, chain.copy, b.get(), data.get(), check::kBytes,
                                              hipMemcpyDeviceToDevice));
  launch();
  CHECK(hipStreamQuery(stream.get()) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  stream.wait();
  CHECK(a.read() == after(5, {1, 2}));
  CHECK(b.read() == after(5, {30, 2}));
  std::printf("calls %u %u\n", calls, other_calls);
  // HIP 6.4 reads a host node's parameters when it runs: only now.
  const hipHostNodeParams host = {add_to, &other_calls};
  CHECK_HIP(hipGraphExecHostNodeSetParams(exec, chain.host, &host));
  const hipMemsetParams set = Chain::set_params(data.get(), 6);
  CHECK_HIP(hipGraphExecMemsetNodeSetParams(exec, chain.set, &set));
  hipMemcpy3DParms box = Chain::box_params(d.get(), data.get());
  CHECK_HIP(hipGraphExecMemcpyNodeSetParams(exec, chain.box, &box));
  hipGraph_t inner = nullptr;
  CHECK_HIP(hipGraphCreate(&inner, 0));
  (void)check::add_step(inner, {}, data.get(), 31);
  check::report("the child", hipGraphExecChildGraphNodeSetParams(exec, chain.child, inner));
  CHECK_HIP(hipGraphDestroy(inner));
  launch();
  stream.wait();
  CHECK(b.read() == after(6, {30, 31}));
  CHECK(c.read() == after(5, {30, 2}));
  CHECK(d.read() == after(6, {30, 31}));

  // Off and on.
  CHECK_HIP(hipGraphNodeSetEnabled(exec, chain.kernel, 0));
  unsigned enabled = 2;
  CHECK_HIP(hipGraphNodeGetEnabled(exec, chain.kernel, &enabled));
  CHECK(enabled == 0);
  launch();
  stream.wait();
  CHECK(data.read() == after(6, {31}));
  CHECK_HIP(hipGraphNodeSetEnabled(exec, chain.kernel, 1));
  launch();
  stream.wait();
  CHECK(data.read() == after(6, {30, 31}));
  std::printf("calls %u %u\n", calls, other_calls);

  // As a whole.
  const Chain next(data.get(), a.get(), c.get(), 8, 40, 41, &calls);
  hipGraphNode_t culprit = nullptr;
  hipGraphExecUpdateResult result{};
  CHECK_HIP(hipGraphExecUpdate(exec, next.graph, &culprit, &result));
  CHECK(result == hipGraphExecUpdateSuccess);
  launch();
  stream.wait();
  // HIP 6.4 leaves the child graph as it was, and says nothing.
  const unsigned inner_term = c.read() == after(8, {40, 31}) ? 31 : 41;
  CHECK(c.read() == after(8, {40, inner_term}));
  CHECK(a.read() == c.read());
  std::printf("the child's kernel has %u; calls %u %u\n", inner_term, calls, other_calls);

  hipGraph_t shorter = nullptr;
  CHECK_HIP(hipGraphCreate(&shorter, 0));
  (void)check::add_step(shorter, {}, data.get(), 1);
  check::report("another shape", hipGraphExecUpdate(exec, shorter, &culprit, &result));
  std::printf("result %d\n", static_cast<int>(result));
  CHECK_HIP(hipGraphDestroy(shorter));
  launch();
  stream.wait();
  CHECK(c.read() == after(8, {40, inner_term}));
  std::printf("last %u\n", c.read().back());
  CHECK_HIP(hipGraphExecDestroy(exec));
  return check::pass();
}
