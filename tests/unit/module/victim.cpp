// SPDX-License-Identifier: Apache-2.0
//
// See victim.h.

#include "victim.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "tools/sim/module/wire.h"

namespace xsim::test {

NodeConfig module_config(uint32_t cus) {
  NodeConfig c = test_config();
  c.cus = cus;
  c.kernel_times = {{"s100", 100'000'000}};
  return c;
}

void make_full(FakeKernel& kernel) {
  kernel.name = "s100";
  kernel.footprint = {16, 65536, 64};
}

xsched_register_queue registration(const TestQueue& queue) {
  xsched_register_queue r{};
  r.size = sizeof r;
  r.queue_id = queue.params.id;
  r.gpu_id = kGpuId;
  r.ring_base = reinterpret_cast<uint64_t>(queue.params.ring);
  r.ring_size = static_cast<uint32_t>(queue.params.ring_bytes);
  r.type = 2;
  r.priority = queue.params.priority;
  r.percentage = 100;
  return r;
}

void File::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

int File::call(unsigned long request, void* argument) {
  return kmod::call(fd_, request, argument) == 0 ? 0 : errno;
}

uint64_t File::offer(const TestQueue& queue) {
  xsched_register_queue r = registration(queue);
  return call(XSCHED_IOC_REGISTER_QUEUE, r) == 0 ? r.handle : 0;
}

int File::suspend(uint64_t handle, uint32_t lease_ms) {
  xsched_item item{};
  item.handle = handle;
  xsched_suspend s{};
  s.count = 1;
  s.level = XSCHED_LEVEL_INTERRUPT;
  s.lease_ms = lease_ms;
  s.items = reinterpret_cast<uintptr_t>(&item);
  const int error = call(XSCHED_IOC_SUSPEND, s);
  return error != 0 ? -error : item.status;
}

int File::resume(uint64_t handle) {
  xsched_item item{};
  item.handle = handle;
  xsched_resume r{};
  r.count = 1;
  r.items = reinterpret_cast<uintptr_t>(&item);
  const int error = call(XSCHED_IOC_RESUME, r);
  return error != 0 ? -error : item.status;
}

int File::state(uint64_t handle) {
  xsched_queue_info row{};
  xsched_list_queues l{};
  l.count = 1;
  l.entry_size = sizeof row;
  l.cursor = handle - 1;
  l.entries = reinterpret_cast<uintptr_t>(&row);
  if (call(XSCHED_IOC_LIST_QUEUES, l) != 0 || l.count == 0 || row.handle != handle) return -1;
  return static_cast<int>(row.state);
}

xsched_event File::event(uint32_t type) {
  xsched_event e{};
  while (read(fd_, &e, sizeof e) == sizeof e) {
    if (e.type == type) return e;
  }
  return {};
}

Victim::Victim(const NodeConfig& config, uint32_t count, uint32_t workgroups, File* file)
    : node_(config.name) {
  int told[2] = {-1, -1};
  if (pipe(told) != 0) return;
  pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    TestDevice device(config);
    std::unique_ptr<File> own;
    if (!file) file = (own = std::make_unique<File>(config)).get();
    FakeKernel kernel;
    make_full(kernel);
    std::vector<std::unique_ptr<TestQueue>> queues;
    for (uint32_t id = 1; id <= count; ++id) {
      queues.push_back(std::make_unique<TestQueue>(device, id));
      queues.back()->launch(kernel, workgroups);
      const uint64_t handle = file->offer(*queues.back());
      if (write(told[1], &handle, sizeof handle) != sizeof handle) _exit(1);
    }
    for (;;) pause();
  }
  close(told[1]);
  for (uint64_t handle; read(told[0], &handle, sizeof handle) == sizeof handle;) {
    handles.push_back(handle);
    if (handles.size() == count) break;
  }
  close(told[0]);
}

Victim::~Victim() {
  kill();
  unlink(dev::node_path(node_).c_str());
}

void Victim::kill() {
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  pid = 0;
}

QueueView view(const NodeConfig& config, uint32_t id) {
  for (const QueueView& v : list_queues(config.name)) {
    if (v.queue_id == id) return v;
  }
  return {};
}

bool running(const NodeConfig& config, uint32_t id) {
  const QueueView v = view(config, id);
  return v.cu_units != 0 && v.mapped && v.percent == 100;
}

bool stopped(const NodeConfig& config, uint32_t id) {
  const QueueView v = view(config, id);
  return v.queue_id == id && v.cu_units == 0 && !v.mapped && v.percent == 0 && v.has_work;
}

bool service_listens(const NodeConfig& config) {
  std::ifstream sockets("/proc/net/unix");
  const std::string all((std::istreambuf_iterator<char>(sockets)), {});
  return all.find("@" + kmod::service_name(config.name) + "\n") != std::string::npos;
}

pid_t service_pid(const NodeConfig& config) {
  DIR* proc = opendir("/proc");
  pid_t found = 0;
  while (const dirent* entry = proc ? readdir(proc) : nullptr) {
    std::ifstream command(std::string("/proc/") + entry->d_name + "/cmdline");
    const std::string all((std::istreambuf_iterator<char>(command)), {});
    if (all.find("xsched-sim-module") == std::string::npos) continue;
    if (all.find('\0' + config.name + '\0') != std::string::npos) found = atoi(entry->d_name);
  }
  if (proc) closedir(proc);
  return found;
}

}  // namespace xsim::test
