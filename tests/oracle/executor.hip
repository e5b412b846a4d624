// SPDX-License-Identifier: Apache-2.0
//
// See executor.h: resources, order, and what is not a graph (graphs.hip).
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "executor.h"

namespace oracle {

Executor::Executor(const Program& program, uint32_t gpus, bool print)
    : print_(print), gpus_(static_cast<int>(gpus)), pageable_(kWords) {
  streams_ = {nullptr, hipStreamPerThread};
  blocking_ = {true, true};
  priority_ = {0, 0};
  device_ = {0, 0};
  for (uint32_t i = 0; i < program.streams; ++i) make_stream(program.stream_flags >> i);
  const auto fill = [](uint32_t* words, uint32_t n) {
    for (uint32_t i = 0; i < kWords; ++i) words[i] = i * 2654435761u + n;
  };
  std::vector<uint32_t> start(kWords);
  for (uint32_t n = 0; n < kBuffers; ++n) {
    on_device(static_cast<int>(n) % gpus_);
    void* p = nullptr;
    check(n + 1 == kBuffers ? hipMallocManaged(&p, kWords * 4) : hipMalloc(&p, kWords * 4),
          "hipMalloc");
    if (p == nullptr) std::abort();  // nothing to test without memory
    buffers_[n].data = static_cast<uint32_t*>(p);
    fill(start.data(), n);
    check(hipMemcpy(p, start.data(), kWords * 4, hipMemcpyDefault), "hipMemcpy");
  }
  on_device(0);
  for (uint32_t n = 0; n < kPinned; ++n) {
    void* p = nullptr;
    check(hipHostMalloc(&p, kWords * 4, hipHostMallocDefault), "hipHostMalloc");
    if (p == nullptr) std::abort();
    pinned_[n].data = static_cast<uint32_t*>(p);
    fill(pinned_[n].data, 100 + n);
  }
  check(hipMemcpyToSymbol(words_symbol(), start.data(), 256), "hipMemcpyToSymbol");
  void* flag = nullptr;
  check(hipExtMallocWithFlags(&flag, 8, hipMallocSignalMemory), "signal memory");
  if (flag != nullptr) memset(flag, 0, 8);
  flag_.data = static_cast<uint32_t*>(flag);
}

Executor::~Executor() {
  on_device(0);
  for (size_t s = 2; s < streams_.size(); ++s) (void)hipStreamDestroy(streams_[s]);
  for (Resource& r : buffers_) (void)hipFree(r.data);
  for (Resource& r : pinned_) (void)hipHostFree(r.data);
  (void)hipFree(flag_.data);
}

void Executor::check(hipError_t code, const char* what) {
  const auto number = static_cast<uint32_t>(code);
  codes_.add(&number, sizeof number);
  if (print_) std::printf("    %s: %s\n", what, hipGetErrorName(code));
}

void Executor::on_device(int device) {
  if (device == current_) return;
  check(hipSetDevice(device), "set device");
  current_ = device;
}

void Executor::on(int s) {
  on_device(device_of(s));
}

hipStream_t Executor::make_stream(uint32_t flags) {
  hipStream_t made = nullptr;
  const int device = static_cast<int>(flags >> 8) % gpus_;
  on_device(device);
  const unsigned kind = (flags & 1) != 0 ? hipStreamNonBlocking : hipStreamDefault;
  int least = 0, greatest = 0;
  (void)hipDeviceGetStreamPriorityRange(&least, &greatest);
  const int priority =
      greatest + static_cast<int>((flags >> 16) % static_cast<uint32_t>(least - greatest + 1));
  check(hipStreamCreateWithPriority(&made, kind, priority), "create stream");
  streams_.push_back(made);
  blocking_.push_back(kind == hipStreamDefault);
  priority_.push_back(priority);
  device_.push_back(device);
  return made;
}

// The null stream waits for blocking streams and they for it.
bool Executor::implicit(int from, int to) const {
  if (device_of(from) != device_of(to)) return false;
  return (from == 0 && blocking_[static_cast<size_t>(to)]) ||
         (to == 0 && blocking_[static_cast<size_t>(from)]);
}

void Executor::waited_for(int s) {
  const auto done = [s](Resource& r) {
    if (r.stream == s) r.stream = -1;
  };
  for (Resource& r : buffers_) done(r);
  for (Resource& r : pinned_) done(r);
  for (Resource& r : cells_) done(r);
  done(flag_);
  done(symbol_);
}

void Executor::waited_for_device(int device) {
  for (int s = 0; s < static_cast<int>(streams_.size()); ++s)
    if (device_of(s) == device) waited_for(s);
}

// The thread's device stays what it was.
void Executor::wait_for_device(int device) {
  const int before = current_;
  on_device(device);
  check(hipDeviceSynchronize(), "wait for device");
  waited_for_device(device);
  on_device(before);
}

// The next operation of stream `s` comes after all that used `r`.
void Executor::order_after(const Resource& r, int s, uint32_t how) {
  const int from = r.stream;
  if (from < 0 || from == s) return;
  const bool free = implicit(from, s);
  switch (how % (free ? 6 : 4)) {
    case 0:
    case 1: {
      hipEvent_t event = nullptr;
      on(from);  // an event is recorded in streams of its own device only
      check(hipEventCreateWithFlags(&event, how & 16 ? hipEventDisableTiming : 0), "create event");
      check(hipEventRecord(event, stream(from)), "record");
      if (how % 4 == 0) {
        check(hipStreamWaitEvent(stream(s), event, 0), "stream waits for event");
      } else {
        check(hipEventSynchronize(event), "wait for event");
      }
      check(hipEventDestroy(event), "destroy event");  // with work pending
      break;
    }
    case 2:
      check(hipStreamSynchronize(stream(from)), "wait for stream");
      waited_for(from);
      break;
    case 3:
      wait_for_device(device_of(from));
      break;
    default:
      break;  // HIP's own order between the null stream and a blocking one
  }
  on(s);
}

void Executor::use(std::initializer_list<Resource*> all, int s, uint32_t how) {
  for (Resource* r : all) {
    order_after(*r, s, how);
    how = how >> 8 | how << 24;
  }
  // Only now: a wait for one of them may have been a wait for all.
  for (Resource* r : all) r->stream = s;
}

void Executor::host_owns(Resource& r, uint32_t how) {
  if (r.stream >= 0) {
    const int from = r.stream, before = current_;
    if (how % 2 == 0) {
      check(hipStreamSynchronize(stream(from)), "wait for stream");
      waited_for(from);
      on_device(before);
    } else {
      wait_for_device(device_of(from));
    }
  }
  r.stream = -1;
}

Executor::Resource& Executor::other_buffer(uint32_t n, const Resource& not_this) {
  Resource& r = buffer(n);
  return &r == &not_this ? buffer(n + 1) : r;
}

Executor::HostCall* Executor::host_call(uint32_t cell, uint32_t value) {
  calls_.push_back(std::make_unique<HostCall>(HostCall{&cell_values_[cell % kCells], value}));
  return calls_.back().get();
}

void Executor::run_host_call(void* call) {
  const auto* c = static_cast<const HostCall*>(call);
  *c->cell = *c->cell * 1000003 + c->value;  // not commutative: the order shows
}

void Executor::kernel(const Op& op, int s) {
  Resource& a = buffer(op.a);
  use({&a}, s, op.order);
  if (op.kind == Kind::affine_kernel) {
    affine<<<kGroups, kThreads, 0, stream(s)>>>(a.data, op.value, op.b);
  } else if (op.kind == Kind::reverse_kernel) {
    reverse<<<kGroups, kThreads, 0, stream(s)>>>(a.data);
  } else if (op.kind == Kind::timed_kernel) {
    hipEvent_t start = nullptr, stop = nullptr;
    check(hipEventCreate(&start), "create event");
    check(hipEventCreate(&stop), "create event");
    uint32_t factor = op.value, term = op.b;
    void* arguments[] = {&a.data, &factor, &term};
    check(hipExtLaunchKernel(reinterpret_cast<const void*>(affine), dim3(kGroups), dim3(kThreads),
                             arguments, 0, stream(s), start, stop, 0),
          "hipExtLaunchKernel");
    check(hipEventSynchronize(stop), "wait for event");
    float ms = -1;
    check(hipEventElapsedTime(&ms, start, stop), "elapsed");
    check(ms >= 0 ? hipSuccess : hipErrorUnknown, "time runs forwards");
    check(hipEventDestroy(start), "destroy event");
    check(hipEventDestroy(stop), "destroy event");
    return;
  } else {
    Resource& b = other_buffer(op.b, a);
    use({&a, &b}, s, op.order >> 8);
    if (op.kind == Kind::mix_kernel) {
      mix<<<kGroups, kThreads, 0, stream(s)>>>(a.data, b.data);
    } else if (op.kind == Kind::histogram_kernel) {
      histogram<<<kGroups, kThreads, 0, stream(s)>>>(a.data, b.data);
    } else {
      void* arguments[] = {&a.data, &b.data};
      check(hipLaunchCooperativeKernel(reinterpret_cast<const void*>(rotate_groups), dim3(kGroups),
                                       dim3(kThreads), arguments, 0, stream(s)),
            "hipLaunchCooperativeKernel");
      return;
    }
  }
  check(hipGetLastError(), "launch");
}

void Executor::copy(const Op& op, int s) {
  Resource& a = buffer(op.a);
  Resource& p = pinned_[op.b % kPinned];
  const size_t offset = op.value % (kWords / 2);
  const size_t bytes = (1 + op.value / 1024 % (kWords - offset)) * 4;
  if (op.kind == Kind::copy_synchronous) {
    Resource& b = other_buffer(op.b, a);
    host_owns(a, op.order);
    host_owns(b, op.order >> 4);
    check(hipMemcpy(a.data + offset, b.data + offset, bytes, hipMemcpyDeviceToDevice), "hipMemcpy");
    // Between two places of the device it need not have ended on return, nor
    // does anybody say in which device's null stream one between two runs.
    a.stream = b.stream = 0;
    for (int device = 0; gpus_ > 1 && device < gpus_; ++device) wait_for_device(device);
    return;
  }
  use({&a}, s, op.order);
  switch (op.kind) {
    case Kind::copy_on_device: {
      Resource& b = other_buffer(op.b, a);
      use({&a, &b}, s, op.order >> 8);
      check(hipMemcpyAsync(a.data + offset, b.data + offset, bytes, hipMemcpyDeviceToDevice,
                           stream(s)),
            "copy");
      break;
    }
    case Kind::copy_to_host:
      use({&a, &p}, s, op.order >> 8);
      check(
          hipMemcpyAsync(p.data + offset, a.data + offset, bytes, hipMemcpyDeviceToHost, stream(s)),
          "copy");
      break;
    case Kind::copy_to_device:
      use({&a, &p}, s, op.order >> 8);
      check(
          hipMemcpyAsync(a.data + offset, p.data + offset, bytes, hipMemcpyHostToDevice, stream(s)),
          "copy");
      break;
    case Kind::copy_pageable_in:
      for (uint32_t i = 0; i < kWords; ++i) pageable_[i] = op.value + i;
      check(hipMemcpyAsync(a.data + offset, pageable_.data() + offset, bytes, hipMemcpyHostToDevice,
                           stream(s)),
            "copy");
      // From pageable memory: staged before it returns, or not. Ours is not
      // touched until then.
      host_owns(a, op.order);
      break;
    case Kind::copy_pageable_out:
      check(hipMemcpyAsync(pageable_.data() + offset, a.data + offset, bytes, hipMemcpyDeviceToHost,
                           stream(s)),
            "copy");
      host_owns(a, op.order);
      memory_.add(pageable_.data() + offset, bytes);
      break;
    default:
      use({&a, &p}, s, op.order >> 8);
      check(hipMemcpy2DAsync(p.data, 64, a.data, 128, 32, 16, hipMemcpyDeviceToHost, stream(s)),
            "2d copy");
  }
}

void Executor::set(const Op& op, int s) {
  Resource& a = buffer(op.a);
  const size_t words = 1 + op.value % kWords;
  if (op.kind == Kind::set_synchronous) {
    host_owns(a, op.order);
    check(hipMemset(a.data, static_cast<int>(op.value & 255), words * 4), "hipMemset");
    a.stream = 0;  // hipMemset of device memory need not have ended
    for (int device = 0; gpus_ > 1 && device < gpus_; ++device) wait_for_device(device);
    return;
  }
  use({&a}, s, op.order);
  if (op.kind == Kind::set_bytes) {
    check(hipMemsetAsync(a.data, static_cast<int>(op.value & 255), words * 4 - 1, stream(s)),
          "hipMemsetAsync");
  } else {
    check(hipMemsetD32Async(a.data, static_cast<int>(op.value), words, stream(s)),
          "hipMemsetD32Async");
  }
}

void Executor::host(const Op& op, int s) {
  use({&cells_[op.a % kCells]}, s, op.order);
  HostCall* call = host_call(op.a, op.value);
  if (op.kind == Kind::host_function) {
    check(hipLaunchHostFunc(stream(s), run_host_call, call), "hipLaunchHostFunc");
    return;
  }
  check(hipStreamAddCallback(
            stream(s), [](hipStream_t, hipError_t, void* data) { run_host_call(data); }, call, 0),
        "hipStreamAddCallback");
}

void Executor::events(const Op& op, int s) {
  const int t = pick_stream(op.b);
  hipEvent_t first = nullptr, second = nullptr;
  const bool other_device = op.kind == Kind::event_across && device_of(t) != device_of(s);
  check(hipEventCreate(&first), "create event");
  if (other_device) on(t);
  check(hipEventCreate(&second), "create event");
  on(s);
  check(hipEventRecord(first, stream(s)), "record");
  if (op.kind == Kind::event_across) {
    check(hipStreamWaitEvent(stream(t), first, 0), "stream waits for event");
    check(hipEventRecord(second, stream(t)), "record");
  } else {
    affine<<<kGroups, kThreads, 0, stream(s)>>>(
        (use({&buffer(op.a)}, s, op.order), buffer(op.a).data), 3, op.value);
    check(hipGetLastError(), "launch");
    check(hipEventRecord(second, stream(s)), "record");
  }
  if (op.kind == Kind::event_query) {
    hipError_t code;
    do code = hipEventQuery(second);
    while (code == hipErrorNotReady);
    check(code, "query until ready");
    (void)hipGetLastError();  // NotReady may be left there, or not
  } else {
    check(hipEventSynchronize(second), "wait for event");
  }
  check(hipEventQuery(first), "the earlier one too");
  float ms = -1;
  check(hipEventElapsedTime(&ms, first, second), "elapsed");
  // Stamps of two queues may be unordered by the clock's grain; those of two
  // devices are not compared at all.
  check(other_device || ms >= (op.kind == Kind::event_across ? -0.01f : 0.0f) ? hipSuccess
                                                                              : hipErrorUnknown,
        "time runs forwards");
  check(hipEventDestroy(first), "destroy event");
  check(hipEventDestroy(second), "destroy event");
}

void Executor::allocate(const Op& op, int s) {
  Resource& a = buffer(op.a);
  use({&a}, s, op.order);
  void* p = nullptr;
  check(hipMallocAsync(&p, kWords * 4, stream(s)), "hipMallocAsync");
  if (p == nullptr) return;
  auto* words = static_cast<uint32_t*>(p);
  check(hipMemcpyAsync(words, a.data, kWords * 4, hipMemcpyDeviceToDevice, stream(s)), "copy");
  affine<<<kGroups, kThreads, 0, stream(s)>>>(words, op.value, 5);
  check(hipGetLastError(), "launch");
  mix<<<kGroups, kThreads, 0, stream(s)>>>(a.data, words);
  check(hipGetLastError(), "launch");
  check(hipFreeAsync(p, stream(s)), "hipFreeAsync");
}

void Executor::new_stream(const Op& op) {
  if (streams_.size() <= 2) return;
  const size_t s = 2 + op.stream % (streams_.size() - 2);
  on(static_cast<int>(s));
  // With its work pending; what it used belongs to the host after a wait.
  check(hipStreamDestroy(streams_[s]), "destroy stream");
  wait_for_device(device_of(static_cast<int>(s)));
  make_stream(op.value);
  streams_[s] = streams_.back();
  blocking_[s] = blocking_.back();
  priority_[s] = priority_.back();
  device_[s] = device_.back();
  streams_.pop_back();
  blocking_.pop_back();
  priority_.pop_back();
  device_.pop_back();
}

// The wait is a kernel that spins (HIP 6.4 on gfx942): in a more urgent stream
// it would keep the writer's suspended for ever, so that both have one priority.
int Executor::waiter(uint32_t number, int writer) const {
  const int t = pick_stream(number);
  return priority_[static_cast<size_t>(t)] == priority_[static_cast<size_t>(writer)] ? t : writer;
}

// The writer is enqueued before the waiter: streams may share a hardware queue.
void Executor::wait_value(const Op& op, int s) {
  if (flag_.data == nullptr) return;
  Resource& a = buffer(op.a);
  const int t = waiter(op.b, s);
  use({&a}, s, op.order);
  use({&a, &flag_}, s, op.order >> 8);
  affine<<<kGroups, kThreads, 0, stream(s)>>>(a.data, 7, op.value);
  check(hipGetLastError(), "launch");
  ++flag_value_;
  check(hipStreamWriteValue32(stream(s), flag_.data, flag_value_, 0), "hipStreamWriteValue32");
  check(hipStreamWaitValue32(stream(t), flag_.data, flag_value_, hipStreamWaitValueGte, ~0u),
        "hipStreamWaitValue32");
  a.stream = flag_.stream = t;
}

void Executor::mistakes(const Op& op, int s) {
  switch (op.kind) {
    case Kind::bad_launch:
      affine<<<kGroups, 2048, 0, stream(s)>>>(buffers_[0].data, 1, 1);
      check(hipGetLastError(), "launch of 2048 threads");
      break;
    case Kind::bad_copy:
      check(hipMemcpyAsync(nullptr, pinned_[0].data, 64, hipMemcpyHostToDevice, stream(s)),
            "copy to null");
      break;
    case Kind::bad_free:
      check(hipFree(&pageable_), "free of host memory");
      break;
    case Kind::out_of_memory: {
      void* p = nullptr;
      check(hipMalloc(&p, size_t{1} << 46), "malloc of 64 TiB");
      break;
    }
    case Kind::capture_null_stream:
      check(hipStreamBeginCapture(nullptr, hipStreamCaptureModeRelaxed), "capture of null stream");
      break;
    default:
      break;
  }
  check(hipGetLastError(), "last error");
}

void Executor::run(const Op& op, uint32_t number) {
  const int s = pick_stream(op.stream);
  if (print_) std::printf("  %u %s stream %d\n", number, name_of(op.kind), s);
  on(s);
  switch (op.kind) {
    case Kind::affine_kernel:
    case Kind::mix_kernel:
    case Kind::histogram_kernel:
    case Kind::reverse_kernel:
    case Kind::cooperative_kernel:
    case Kind::timed_kernel:
      return kernel(op, s);
    case Kind::copy_on_device:
    case Kind::copy_to_host:
    case Kind::copy_to_device:
    case Kind::copy_pageable_in:
    case Kind::copy_pageable_out:
    case Kind::copy_synchronous:
    case Kind::copy_2d:
      return copy(op, s);
    case Kind::set_bytes:
    case Kind::set_words:
    case Kind::set_synchronous:
      return set(op, s);
    case Kind::host_function:
    case Kind::stream_callback:
      return host(op, s);
    case Kind::event_pair:
    case Kind::event_query:
    case Kind::event_across:
      return events(op, s);
    case Kind::stream_wait:
      check(hipStreamSynchronize(stream(s)), "wait for stream");
      return waited_for(s);
    case Kind::stream_query: {
      hipError_t code;
      do code = hipStreamQuery(stream(s));
      while (code == hipErrorNotReady);
      check(code, "query until ready");
      (void)hipGetLastError();
      return waited_for(s);
    }
    case Kind::device_wait:
      return wait_for_device(device_of(s));
    case Kind::allocate_in_order:
      return allocate(op, s);
    case Kind::captured_graph:
      return capture(op, s);
    case Kind::explicit_graph:
      return explicit_graph(op, s);
    case Kind::new_stream:
      return new_stream(op);
    case Kind::wait_value:
      return wait_value(op, s);
    case Kind::per_thread_call:
      return per_thread_call(op, s);
    case Kind::looked_up_call:
      return looked_up_call(op, s);
    case Kind::module_call:
      return module_call(op, s);
    case Kind::wide_value:
      return wide_value(op, s);
    case Kind::rectangle:
      return rectangle(op, s);
    case Kind::symbol:
      return symbol(op, s);
    case Kind::prefetch:
      return prefetch(op, s);
    case Kind::pool:
      return pool(op, s);
    case Kind::burst:
      return burst(op, s);
    case Kind::other_thread:
      return other_thread(op);
    case Kind::forked_capture:
      return forked_capture(op, s);
    case Kind::long_graph:
      return long_graph(op, s);
    case Kind::peer_copy:
      return peer_copy(op, s);
    case Kind::peer_allocation:
      return peer_allocation(op, s);
    default:
      return mistakes(op, s);
  }
}

void Executor::finish() {
  for (int device = gpus_ - 1; device >= 0; --device) wait_for_device(device);
  on_device(0);
  // Not earlier: HIP 6.4 may drop the last reference in the thread that calls
  // host functions, which then waits for a stream of the graph. Is that one
  // behind a host function in its hardware queue, the process stands still.
  for (hipGraphExec_t exec : graphs_) {
    check(hipGraphExecDestroy(exec), "destroy executable graph");
  }
  std::vector<uint32_t> words(kWords);
  for (Resource& r : buffers_) {
    check(hipMemcpy(words.data(), r.data, kWords * 4, hipMemcpyDefault), "hipMemcpy");
    memory_.add(words.data(), kWords * 4);
  }
  for (Resource& r : pinned_) memory_.add(r.data, kWords * 4);
  order_.add(cell_values_, sizeof cell_values_);
}

}  // namespace oracle
