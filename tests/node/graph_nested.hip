// SPDX-License-Identifier: Apache-2.0
//
// Description: one graph with an event wait node, kernels, a child graph with a
// host node of its own, a host node, an event record node and an empty one:
// held up by the event it waits for, waited for by the event it records.
#include <string>

#include "steps.h"

struct Note {
  std::string* notes;
  char letter;
};

static void write_note(void* data) {
  const Note* note = static_cast<const Note*>(data);
  *note->notes += note->letter;
}

static hipGraphNode_t add_note(hipGraph_t graph, hipGraphNode_t after, Note* note) {
  hipHostNodeParams params = {};
  params.fn = write_note;
  params.userData = note;
  hipGraphNode_t node = nullptr;
  CHECK_HIP(hipGraphAddHostNode(&node, graph, &after, 1, &params));
  return node;
}

int main() {
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 7));
  check::DeviceArray<unsigned> copy(check::kCount);
  unsigned* const data = values.get();
  check::Stream before(hipStreamNonBlocking), stream(hipStreamNonBlocking),
      after(hipStreamNonBlocking);
  check::Event ready, done, done_later;
  std::string notes;
  Note inner_note{&notes, 'i'}, outer_note{&notes, 'o'};

  hipGraph_t child = nullptr, graph = nullptr;
  CHECK_HIP(hipGraphCreate(&child, 0));
  hipGraphNode_t inner = check::add_step(child, {}, data, 20);
  inner = add_note(child, inner, &inner_note);
  inner = check::add_step(child, {inner}, data, 21);
  CHECK_HIP(hipGraphAddMemcpyNode1D(&inner, child, &inner, 1, copy.get(), data, check::kBytes,
                                    hipMemcpyDeviceToDevice));

  CHECK_HIP(hipGraphCreate(&graph, 0));
  hipGraphNode_t wait, first, nested, record, end;
  CHECK_HIP(hipGraphAddEventWaitNode(&wait, graph, nullptr, 0, ready.get()));
  first = check::add_step(graph, {wait}, data, 1);
  CHECK_HIP(hipGraphAddChildGraphNode(&nested, graph, &first, 1, child));
  const hipGraphNode_t second = check::add_step(graph, {nested}, data, 2);
  const hipGraphNode_t note = add_note(graph, second, &outer_note);
  CHECK_HIP(hipGraphAddEventRecordNode(&record, graph, &note, 1, done.get()));
  CHECK_HIP(hipGraphAddEmptyNode(&end, graph, &record, 1));
  size_t nodes = 0, edges = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  CHECK_HIP(hipGraphGetEdges(graph, nullptr, nullptr, &edges));
  hipGraphNodeType type{};
  CHECK_HIP(hipGraphNodeGetType(nested, &type));
  CHECK(type == hipGraphNodeTypeGraph);
  std::printf("nodes %zu edges %zu\n", nodes, edges);

  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiate(&exec, graph, nullptr, nullptr, 0));
  check::Expected expected(7), copied(7);
  check::SharedValue<int> flag(0);
  for (unsigned round = 0; round < 4; round++) {
    const hipEvent_t recorded = round < 2 ? done.get() : done_later.get();
    if (round == 2) CHECK_HIP(hipGraphExecEventRecordNodeSetEvent(exec, record, recorded));
    flag.store(0);
    check::wait_for<<<1, 1, 0, before.get()>>>(flag.get());
    check::launch_step(data, 100 + round, before.get());
    CHECK_HIP(hipEventRecord(ready.get(), before.get()));
    CHECK_HIP(hipGraphLaunch(exec, stream.get()));
    CHECK_HIP(hipStreamWaitEvent(after.get(), recorded, 0));
    check::launch_step(data, 200 + round, after.get());
    CHECK(notes.size() == 2 * round);
    flag.store(1);
    stream.wait();
    after.wait();
    CHECK_HIP(hipEventSynchronize(recorded));
    for (const unsigned term : {100 + round, 1u, 20u, 21u}) expected.step(term);
    copied = expected;
    for (const unsigned term : {2u, 200 + round}) expected.step(term);
    CHECK(values.read() == expected.values());
    CHECK(copy.read() == copied.values());
  }
  std::printf("notes %s last %u\n", notes.c_str(), expected.last());
  CHECK_HIP(hipGraphExecDestroy(exec));
  CHECK_HIP(hipGraphDestroy(graph));
  CHECK_HIP(hipGraphDestroy(child));
  return check::pass();
}
