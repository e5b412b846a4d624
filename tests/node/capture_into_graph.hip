// SPDX-License-Identifier: Apache-2.0
//
// Description: a capture that goes on in a graph (hipStreamBeginCaptureToGraph),
// dependencies that the program adds and replaces while it captures, and host
// functions, callbacks and events inside a capture.
#include "steps.h"

static void add_to(void* counter) {
  *static_cast<unsigned*>(counter) += 1;
}

// Behind a kernel that is held up and a step of `before`, term 4: a branch of the
// graph that works on it and does not wait for the stream shows.
static std::vector<unsigned> launched(hipGraph_t graph, check::DeviceArray<unsigned>& values,
                                      check::DeviceArray<unsigned>& before,
                                      const check::Stream& stream) {
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  check::SharedValue<int> flag(0);
  check::wait_for<<<1, 1, 0, stream.get()>>>(flag.get());
  check::launch_step(before.get(), 4, stream.get());
  CHECK_HIP(hipGraphLaunch(exec, stream.get()));
  CHECK(hipStreamQuery(stream.get()) == hipErrorNotReady);
  (void)hipGetLastError();
  flag.store(1);
  stream.wait();
  CHECK_HIP(hipGraphExecDestroy(exec));
  return values.read();
}

static void to_a_graph(const check::Stream& stream) {
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 1));
  unsigned calls = 0, at_once = 0;
  hipGraph_t graph = nullptr, same = nullptr;
  CHECK_HIP(hipGraphCreate(&graph, 0));
  const hipGraphNode_t first = check::add_step(graph, {}, values.get(), 1);
  CHECK_HIP(hipStreamBeginCaptureToGraph(stream.get(), graph, &first, nullptr, 1,
                                         hipStreamCaptureModeGlobal));
  check::launch_step(values.get(), 2, stream.get());
  CHECK_HIP(hipLaunchHostFunc(stream.get(), add_to, &calls));
  check::report(
      "a callback inside a capture",
      hipStreamAddCallback(
          stream.get(), [](hipStream_t, hipError_t, void* data) { add_to(data); }, &at_once, 0));
  CHECK_HIP(hipStreamEndCapture(stream.get(), &same));
  CHECK(same == graph);
  size_t nodes = 0, edges = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  CHECK_HIP(hipGraphGetEdges(graph, nullptr, nullptr, &edges));
  std::printf("nodes %zu edges %zu\n", nodes, edges);
  CHECK(calls == 0);
  check::Expected expected(1);
  for (const unsigned term : {4u, 1u, 2u}) expected.step(term);
  CHECK(launched(graph, values, values, stream) == expected.values());
  std::printf("calls %u, not captured %u, last %u\n", calls, at_once, expected.last());
  CHECK_HIP(hipGraphDestroy(graph));
}

static void own_dependencies(const check::Stream& stream) {
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 2));
  check::DeviceArray<unsigned> other(std::vector<unsigned>(check::kCount, 3));
  CHECK_HIP(hipStreamBeginCapture(stream.get(), hipStreamCaptureModeRelaxed));
  check::launch_step(values.get(), 1, stream.get());
  hipStreamCaptureStatus status{};
  unsigned long long id = 0;
  hipGraph_t graph = nullptr;
  const hipGraphNode_t* at = nullptr;
  size_t count = 0;
  CHECK_HIP(hipStreamGetCaptureInfo_v2(stream.get(), &status, &id, &graph, &at, &count));
  CHECK(status == hipStreamCaptureStatusActive && count == 1);
  // A branch by hand, joined by what the stream does next.
  hipGraphNode_t branch = check::add_step(graph, {}, other.get(), 5);
  CHECK_HIP(hipStreamUpdateCaptureDependencies(stream.get(), &branch, 1,
                                               hipStreamAddCaptureDependencies));
  CHECK_HIP(hipStreamGetCaptureInfo_v2(stream.get(), &status, &id, &graph, &at, &count));
  std::printf("dependencies %zu\n", count);
  check::launch_step(other.get(), 6, stream.get());
  // And from here on behind another kernel only.
  CHECK_HIP(hipStreamGetCaptureInfo_v2(stream.get(), &status, &id, &graph, &at, &count));
  hipGraphNode_t last = check::add_step(graph, {at[0]}, values.get(), 2);
  CHECK_HIP(
      hipStreamUpdateCaptureDependencies(stream.get(), &last, 1, hipStreamSetCaptureDependencies));
  check::launch_step(values.get(), 3, stream.get());
  hipGraph_t ended = nullptr;
  CHECK_HIP(hipStreamEndCapture(stream.get(), &ended));
  CHECK(ended == graph);
  size_t nodes = 0, edges = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  CHECK_HIP(hipGraphGetEdges(graph, nullptr, nullptr, &edges));
  std::printf("nodes %zu edges %zu\n", nodes, edges);
  check::Expected expected(2), expected_other(3);
  for (const unsigned term : {1u, 2u, 3u}) expected.step(term);
  for (const unsigned term : {4u, 5u, 6u}) expected_other.step(term);
  CHECK(launched(graph, values, other, stream) == expected.values());
  CHECK(other.read() == expected_other.values());
  std::printf("last %u %u\n", expected.last(), expected_other.last());
  CHECK_HIP(hipGraphDestroy(graph));
  hipGraphNode_t none = nullptr;
  check::report(
      "dependencies of a stream that is not captured",
      hipStreamUpdateCaptureDependencies(stream.get(), &none, 0, hipStreamSetCaptureDependencies));
}

int main() {
  check::Stream stream(hipStreamNonBlocking);
  to_a_graph(stream);
  own_dependencies(stream);
  return check::pass();
}
