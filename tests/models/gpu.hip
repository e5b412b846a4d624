// SPDX-License-Identifier: Apache-2.0
//
// Memory, copies and graphs of the GPU backend.
#include <cstring>

#include "gpu.h"
#include "gpu_internal.h"

namespace models {

Gpu::Gpu() {
  // Waits sleep instead of spinning: the simulated GPU needs the host's cores.
  CHECK_HIP(hipSetDeviceFlags(hipDeviceScheduleBlockingSync));
  CHECK_HIP(hipStreamCreateWithFlags(&copies_, hipStreamNonBlocking));
  CHECK_HIP(hipEventCreateWithFlags(&copied_, hipEventDisableTiming));
  CHECK_HIP(hipEventCreateWithFlags(&used_, hipEventDisableTiming));
}

Gpu::~Gpu() {
  (void)hipDeviceSynchronize();
  for (const auto& [block, size] : sizes_) (void)hipFree(block);
  (void)hipHostFree(pinned_);
  (void)hipEventDestroy(copied_);
  (void)hipEventDestroy(used_);
  (void)hipStreamDestroy(copies_);
}

void Gpu::synchronize() {
  CHECK_HIP(hipDeviceSynchronize());
}

void* Gpu::take(size_t bytes) {
  size_t size = 512;
  while (size < bytes) size *= 2;
  if (const auto found = free_.find(size); found != free_.end()) {
    void* block = found->second;
    free_.erase(found);
    return block;
  }
  void* block = nullptr;
  CHECK_HIP(hipMalloc(&block, size));
  sizes_[block] = size;
  return block;
}

void Gpu::give(void* block) {
  free_.emplace(sizes_[block], block);
}

ArrayPtr Gpu::allocate(size_t count) {
  return std::make_shared<GpuArray>(*this, count);
}

ArrayPtr Gpu::upload(const std::vector<float>& values) {
  auto array = std::make_shared<GpuArray>(*this, values.size());
  if (pinned_count_ < values.size()) {
    CHECK_HIP(hipStreamSynchronize(copies_));
    CHECK_HIP(hipHostFree(pinned_));
    CHECK_HIP(hipHostMalloc(reinterpret_cast<void**>(&pinned_), values.size() * sizeof(float)));
    pinned_count_ = values.size();
  }
  CHECK_HIP(hipEventSynchronize(copied_));
  std::memcpy(pinned_, values.data(), values.size() * sizeof(float));
  // The block's last user may still run, and its next one must wait.
  CHECK_HIP(hipEventRecord(used_, stream_));
  CHECK_HIP(hipStreamWaitEvent(copies_, used_, 0));
  CHECK_HIP(hipMemcpyAsync(array->data, pinned_, values.size() * sizeof(float),
                           hipMemcpyHostToDevice, copies_));
  CHECK_HIP(hipEventRecord(copied_, copies_));
  CHECK_HIP(hipStreamWaitEvent(stream_, copied_, 0));
  return array;
}

std::vector<float> Gpu::download_floats(const Array& x) {
  std::vector<float> values(x.count);
  CHECK_HIP(hipMemcpyWithStream(values.data(), in(x), x.count * sizeof(float),
                                hipMemcpyDeviceToHost, stream_));
  return values;
}

std::vector<double> Gpu::download(const Array& x) {
  const std::vector<float> values = download_floats(x);
  return {values.begin(), values.end()};
}

void Gpu::fill(float value, Array& x) {
  int bits;
  std::memcpy(&bits, &value, sizeof(bits));
  CHECK_HIP(hipMemsetD32Async(out(x), bits, x.count, stream_));
}

void Gpu::copy(Strided s, const Array& x, Array& y) {
  if (s.stride_x >= s.count) {
    CHECK_HIP(hipMemcpy2DAsync(out(y) + s.offset_y, s.stride_y * sizeof(float), in(x) + s.offset_x,
                               s.stride_x * sizeof(float), s.count * sizeof(float), s.rows,
                               hipMemcpyDeviceToDevice, stream_));
    return;
  }
  // One source for every row: no pitch says that.
  for (int row = 0; row < s.rows; row++)
    CHECK_HIP(hipMemcpyAsync(out(y) + s.offset_y + row * s.stride_y,
                             in(x) + s.offset_x + row * s.stride_x, s.count * sizeof(float),
                             hipMemcpyDeviceToDevice, stream_));
}

Gpu::Graph::Graph(Gpu& gpu, const std::function<void()>& pass) {
  CHECK_HIP(hipStreamCreateWithFlags(&stream_, hipStreamNonBlocking));
  CHECK_HIP(hipDeviceSynchronize());
  gpu.stream_ = stream_;
  hipGraph_t graph = nullptr;
  CHECK_HIP(hipStreamBeginCapture(stream_, hipStreamCaptureModeThreadLocal));
  pass();
  CHECK_HIP(hipStreamEndCapture(stream_, &graph));
  gpu.stream_ = nullptr;
  CHECK_HIP(hipGraphInstantiate(&graph_, graph, nullptr, nullptr, 0));
  CHECK_HIP(hipGraphDestroy(graph));
}

Gpu::Graph::~Graph() {
  (void)hipGraphExecDestroy(graph_);
  (void)hipStreamDestroy(stream_);
}

void Gpu::Graph::launch() {
  CHECK_HIP(hipGraphLaunch(graph_, stream_));
  CHECK_HIP(hipStreamSynchronize(stream_));
}

}  // namespace models
