// SPDX-License-Identifier: Apache-2.0
//
// See module_file.h.
#include "module_file.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace xsched {
namespace {

constexpr char kPath[] = "/dev/" XSCHED_DEVICE_NAME;

const char* engine_name(uint32_t engine) {
  switch (engine) {
    case XSCHED_ENGINE_UPDATE_QUEUE:
      return "update_queue";
    case XSCHED_ENGINE_QUIESCE:
      return "quiesce";
    case XSCHED_ENGINE_SUSPEND_QUEUES:
      return "suspend_queues";
    case XSCHED_ENGINE_MOCK:
      return "mock";
    default:
      return "unknown";
  }
}

int call_kernel(void* context, unsigned long request, void* argument) {
  const int fd = static_cast<int>(reinterpret_cast<intptr_t>(context));
  return ::ioctl(fd, request, argument) < 0 ? errno : 0;
}

std::string reason_of_open(int error) {
  const std::string path(kPath);
  switch (error) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      return "no " + path + " (" + strerror(error) + "): load the module with modprobe xsched";
    case EACCES:
    case EPERM:
      return path + " may not be opened (" + strerror(error) + "): join the group that owns it";
    default:
      return path + " cannot be opened: " + strerror(error);
  }
}

}  // namespace

ModuleFile::ModuleFile(ModuleFile&& other) noexcept
    : call_(std::exchange(other.call_, nullptr)),
      context_(other.context_),
      fd_(std::exchange(other.fd_, -1)),
      lease_ms_(other.lease_ms_),
      description_(std::move(other.description_)) {}

ModuleFile& ModuleFile::operator=(ModuleFile&& other) noexcept {
  if (this == &other) return *this;
  close();
  call_ = std::exchange(other.call_, nullptr);
  context_ = other.context_;
  fd_ = std::exchange(other.fd_, -1);
  lease_ms_ = other.lease_ms_;
  description_ = std::move(other.description_);
  return *this;
}

void ModuleFile::close() noexcept {
  call_ = nullptr;
  // Forgotten first: in a forked child the number may soon be another file's.
  const int fd = std::exchange(fd_, -1);
  const int saved = errno;
  if (fd >= 0) ::close(fd);
  errno = saved;
}

ModuleFile ModuleFile::open(bool control, std::string& why) {
  const int fd = ::open(kPath, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    why = reason_of_open(errno);
    return {};
  }
  ModuleFile file(call_kernel, reinterpret_cast<void*>(static_cast<intptr_t>(fd)), fd);
  if (!file.check(control, why)) file.close();
  return file;
}

bool ModuleFile::check(bool control, std::string& why) {
  xsched_query query{};
  query.size = sizeof query;
  if (const int error = call(XSCHED_IOC_QUERY, &query)) {
    why = std::string(kPath) + " does not answer a query: " + strerror(error);
    return false;
  }
  if (query.abi_major != XSCHED_ABI_MAJOR) {
    why = std::string(kPath) + " has abi " + std::to_string(query.abi_major) + ", this side has " +
          std::to_string(XSCHED_ABI_MAJOR) + ": use one version of xsched";
    return false;
  }
  const uint32_t engine = query.default_engine;
  if (engine == 0 || engine >= XSCHED_ENGINE_SLOTS) {
    xsched_engine_state& state = query.engine[XSCHED_ENGINE_UPDATE_QUEUE];
    state.why[sizeof state.why - 1] = '\0';
    why = std::string("the xsched module has no usable engine (update_queue: ") + state.why +
          "): see dmesg";
    return false;
  }
  if (engine == XSCHED_ENGINE_MOCK) {
    why = "the xsched module uses its mock engine, which stops nothing: unset its parameter engine";
    return false;
  }
  if ((query.engine[engine].levels & (1u << XSCHED_LEVEL_INTERRUPT)) == 0) {
    why = std::string("engine ") + engine_name(engine) +
          " of the xsched module does not reach level 3";
    return false;
  }
  if (control && query.role != XSCHED_ROLE_CONTROL) {
    why = std::string(kPath) +
          " lets this user suspend nobody else's queues: run as root, or as a "
          "member of the group that owns it";
    return false;
  }
  lease_ms_ = std::max(query.lease_default_ms, 1u);
  query.driver_version[sizeof query.driver_version - 1] = '\0';
  description_ = "abi " + std::to_string(query.abi_major) + "." + std::to_string(query.abi_minor) +
                 ", engine " + engine_name(engine);
  return true;
}

// Every call may be repeated after a signal: what it did before counts.
int ModuleFile::call(unsigned long request, void* argument) noexcept {
  if (call_ == nullptr) return ENODEV;
  const int saved = errno;
  int error;
  do {
    error = call_(context_, request, argument);
  } while (error == EINTR);
  errno = saved;
  return error;
}

int ModuleFile::register_queue(xsched_register_queue& queue) noexcept {
  queue.size = sizeof queue;
  queue.flags = 0;
  return call(XSCHED_IOC_REGISTER_QUEUE, &queue);
}

int ModuleFile::replace_queue(xsched_register_queue& queue) noexcept {
  queue.size = sizeof queue;
  queue.flags = XSCHED_REGISTER_REPLACE;
  return call(XSCHED_IOC_REGISTER_QUEUE, &queue);
}

int ModuleFile::unregister_queue(uint64_t handle) noexcept {
  xsched_unregister_queue arg{};
  arg.size = sizeof arg;
  arg.handle = handle;
  return call(XSCHED_IOC_UNREGISTER_QUEUE, &arg);
}

int ModuleFile::find(uint64_t handle, xsched_queue_info& row) noexcept {
  if (handle == 0) return ENOENT;
  xsched_list_queues arg{};
  arg.size = sizeof arg;
  arg.count = 1;
  arg.entry_size = sizeof row;
  arg.cursor = handle - 1;
  arg.entries = reinterpret_cast<uint64_t>(&row);
  row = {};
  if (const int error = call(XSCHED_IOC_LIST_QUEUES, &arg)) return error;
  return arg.count == 1 && row.handle == handle ? 0 : ENOENT;
}

int ModuleFile::suspend(std::span<xsched_item> items, uint32_t& retry_us) noexcept {
  for (size_t done = 0; done < items.size();) {
    const auto batch = items.subspan(done, std::min<size_t>(items.size() - done, XSCHED_MAX_BATCH));
    xsched_suspend arg{};
    arg.size = sizeof arg;
    arg.flags = XSCHED_ITEMS_PARTIAL;
    arg.count = static_cast<uint32_t>(batch.size());
    arg.level = XSCHED_LEVEL_INTERRUPT;
    arg.items = reinterpret_cast<uint64_t>(batch.data());
    const int error = call(XSCHED_IOC_SUSPEND, &arg);
    retry_us = arg.retry_us;
    if (error != 0) return error;
    done += batch.size();
  }
  return 0;
}

int ModuleFile::resume(std::span<xsched_item> items) noexcept {
  for (size_t done = 0; done < items.size();) {
    const auto batch = items.subspan(done, std::min<size_t>(items.size() - done, XSCHED_MAX_BATCH));
    xsched_resume arg{};
    arg.size = sizeof arg;
    arg.flags = XSCHED_ITEMS_PARTIAL;
    arg.count = static_cast<uint32_t>(batch.size());
    arg.items = reinterpret_cast<uint64_t>(batch.data());
    if (const int error = call(XSCHED_IOC_RESUME, &arg)) return error;
    done += batch.size();
  }
  return 0;
}

int ModuleFile::renew(uint32_t& renewed) noexcept {
  xsched_renew arg{};
  arg.size = sizeof arg;
  const int error = call(XSCHED_IOC_RENEW, &arg);
  renewed = arg.renewed;
  return error;
}

}  // namespace xsched
