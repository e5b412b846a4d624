// SPDX-License-Identifier: Apache-2.0
//
// Description: graphs whose nodes come from hipGraphAddNode, whose edges are
// drawn and taken away by hand, with symbol copies and written values as nodes;
// a clone changed while the original stays, uploaded, both launched in turn.
#include "steps.h"

__device__ unsigned table[check::kCount];

static hipGraphExec_t instance(hipGraph_t graph, hipStream_t upload) {
  hipGraphInstantiateParams params = {};
  params.uploadStream = upload;
  if (upload != nullptr) params.flags = hipGraphInstantiateFlagUpload;
  hipGraphExec_t exec = nullptr;
  CHECK_HIP(hipGraphInstantiateWithParams(&exec, graph, &params));
  CHECK(params.result_out == hipGraphInstantiateSuccess);
  return exec;
}

int main() {
  check::DeviceArray<unsigned> values(std::vector<unsigned>(check::kCount, 1));
  check::DeviceArray<unsigned> written(std::vector<unsigned>{0});
  check::Stream stream(hipStreamNonBlocking);
  hipGraph_t graph = nullptr, clone = nullptr;
  CHECK_HIP(hipGraphCreate(&graph, 0));

  // The kernels in the wrong order, then in the right one.
  check::StepParams first_step(values.get(), 1), second_step(values.get(), 2);
  hipGraphNodeParams params = {};
  params.type = hipGraphNodeTypeKernel;
  params.kernel = *first_step.get();
  hipGraphNode_t first = nullptr, second = nullptr, to_symbol, from_symbol, write = nullptr;
  CHECK_HIP(hipGraphAddNode(&first, graph, nullptr, 0, &params));
  params.kernel = *second_step.get();
  CHECK_HIP(hipGraphAddNode(&second, graph, nullptr, 0, &params));
  CHECK_HIP(hipGraphAddDependencies(graph, &second, &first, 1));
  CHECK_HIP(hipGraphRemoveDependencies(graph, &second, &first, 1));
  CHECK_HIP(hipGraphAddDependencies(graph, &first, &second, 1));
  CHECK_HIP(hipGraphAddMemcpyNodeToSymbol(&to_symbol, graph, &second, 1, HIP_SYMBOL(table),
                                          values.get(), check::kBytes / 2, check::kBytes / 2,
                                          hipMemcpyDeviceToDevice));
  CHECK_HIP(hipGraphAddMemcpyNodeFromSymbol(&from_symbol, graph, &to_symbol, 1, values.get(),
                                            HIP_SYMBOL(table), 16, check::kBytes / 2,
                                            hipMemcpyDeviceToDevice));
  hipStreamBatchMemOpParams operation = {};
  operation.writeValue.operation = hipStreamMemOpWriteValue32;
  operation.writeValue.address = reinterpret_cast<hipDeviceptr_t>(written.get());
  operation.writeValue.value = 5;
  hipBatchMemOpNodeParams batch = {};
  batch.count = 1;
  batch.paramArray = &operation;
  check::report("a written value as a node",
                hipGraphAddBatchMemOpNode(&write, graph, &from_symbol, 1, &batch));
  size_t nodes = 0, edges = 0, roots = 0;
  CHECK_HIP(hipGraphGetNodes(graph, nullptr, &nodes));
  CHECK_HIP(hipGraphGetEdges(graph, nullptr, nullptr, &edges));
  CHECK_HIP(hipGraphGetRootNodes(graph, nullptr, &roots));
  std::printf("nodes %zu edges %zu roots %zu\n", nodes, edges, roots);

  hipGraphNode_t second_of_clone = nullptr;
  CHECK_HIP(hipGraphClone(&clone, graph));
  CHECK_HIP(hipGraphNodeFindInClone(&second_of_clone, second, clone));
  CHECK(second_of_clone != nullptr && second_of_clone != second);
  const check::StepParams other_step(values.get(), 30);
  CHECK_HIP(hipGraphKernelNodeSetParams(second_of_clone, other_step.get()));
  const hipGraphExec_t execs[] = {instance(graph, nullptr), instance(clone, stream.get())};
  check::report("upload", hipGraphUpload(execs[0], stream.get()));

  std::vector<unsigned> expected(check::kCount, 1), on_device(check::kCount);
  for (unsigned round = 0; round < 6; round++) {
    CHECK_HIP(hipGraphLaunch(execs[round % 2], stream.get()));
    for (const unsigned term : {1u, round % 2 ? 30u : 2u}) check::step_on_host(expected, term);
    std::copy_n(expected.begin(), check::kCount / 2, on_device.begin() + check::kCount / 2);
    std::copy_n(on_device.begin() + check::kCount / 2, 4, expected.begin());
  }
  stream.wait();
  CHECK(values.read() == expected);
  std::vector<unsigned> symbol(check::kCount);
  CHECK_HIP(hipMemcpyFromSymbol(symbol.data(), HIP_SYMBOL(table), check::kBytes));
  CHECK(symbol == on_device);
  std::printf("last %u written %u\n", expected.back(), written.read()[0]);
  for (const hipGraphExec_t exec : execs) CHECK_HIP(hipGraphExecDestroy(exec));
  CHECK_HIP(hipGraphDestroy(clone));
  CHECK_HIP(hipGraphDestroy(graph));
  return check::pass();
}
