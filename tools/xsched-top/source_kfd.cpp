// SPDX-License-Identifier: Apache-2.0
//
// The stock amdkfd's sysfs: which queues exist and which GPUs there are,
// readable by everybody, without becoming a KFD process. Facts from
// drivers/gpu/drm/amd/amdkfd/kfd_process.c: class/kfd/kfd/proc/PID/queues/ID
// holds `gpuid` (the topology's gpu_id) and `type` (KFD_QUEUE_TYPE_*, where 0
// is compute, AQL or PM4 alike); the folder's name is KFD's queue id.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_map>

#include "sched/fd.h"
#include "source.h"

namespace xsched::top {
namespace {

// What does not change is not read at every refresh.
constexpr uint32_t kTopologyEvery = 64;

template <typename T>
bool parse(const char* text, T& value) {
  const char* end = text + strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  return error == std::errc() && (at == end || *at == '\n');
}

bool read_text(int folder, const char* path, char* buffer, size_t size) {
  const Fd file(openat(folder, path, O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  const ssize_t n = ::read(file.get(), buffer, size - 1);
  if (n < 0) return false;
  buffer[n] = '\0';
  return true;
}

template <typename T>
bool read_number(int folder, const char* path, T& value) {
  char text[64];
  return read_text(folder, path, text, sizeof text) && parse(text, value);
}

// A folder's entries that are numbers.
class Numbered {
 public:
  explicit Numbered(const std::string& path) : dir_(opendir(path.c_str())) {}
  ~Numbered() {
    if (dir_ != nullptr) closedir(dir_);
  }
  Numbered(const Numbered&) = delete;
  explicit operator bool() const { return dir_ != nullptr; }
  int fd() const { return dirfd(dir_); }
  bool next(uint32_t& number, const char*& name, uint64_t& inode) {
    while (dirent* entry = readdir(dir_)) {
      if (!parse(entry->d_name, number)) continue;
      name = entry->d_name;
      inode = entry->d_ino;
      return true;
    }
    return false;
  }

 private:
  DIR* dir_;
};

struct Node {
  Gpu gpu;
  std::string busy_path;  // "" if the driver does not tell
};

// "gfx942" of major * 10000 + minor * 100 + stepping; the stepping is hex.
std::string target_name(uint32_t version) {
  char text[32];
  snprintf(text, sizeof text, "gfx%u%u%x", version / 10000, version / 100 % 100, version % 100);
  return text;
}

class KfdSource final : public Source {
 public:
  explicit KfdSource(std::string root) : root_(std::move(root)) {}

  void read(Snapshot& out) override {
    SourceStatus status{"kfd", false, ""};
    if (reads_++ % kTopologyEvery == 0) read_topology();
    for (const Node& node : nodes_) {
      out.gpus.push_back(node.gpu);
      uint32_t percent = 0;
      if (!node.busy_path.empty() && read_number(AT_FDCWD, node.busy_path.c_str(), percent)) {
        out.gpus.back().used = std::min(percent, 100u) / 100.0;
        out.gpus.back().used_what = "busy";
      }
    }
    const std::string proc = root_ + "/sys/class/kfd/kfd/proc";
    Numbered processes(proc);
    if (!processes) {
      status.text = "no " + proc + ": no amdkfd here";
    } else {
      status.ok = true;
      status.text = "shows that a queue exists, no more";
      read_processes(processes, proc, out);
    }
    out.sources.push_back(std::move(status));
  }

 private:
  struct Known {  // does not change in a queue's life
    std::optional<uint32_t> gpu_id;
    QueueType type = QueueType::kUnknown;
    uint32_t seen = 0;
  };

  void read_processes(Numbered& processes, const std::string& proc, Snapshot& out) {
    uint32_t pid, id;
    const char* name;
    uint64_t inode;
    while (processes.next(pid, name, inode)) {
      Numbered queues(proc + "/" + name + "/queues");
      if (!queues) continue;
      const char* queue_name;
      while (queues.next(id, queue_name, inode)) {
        Known& known = known_[inode];
        if (known.seen == 0) known = look(queues.fd(), queue_name);
        known.seen = reads_;
        Queue q;
        q.pid = static_cast<int32_t>(pid);
        q.queue_id = id;
        q.gpu_id = known.gpu_id;
        q.type = known.type;
        out.queues.push_back(std::move(q));
      }
    }
    std::erase_if(known_, [this](const auto& entry) { return entry.second.seen != reads_; });
  }

  static Known look(int folder, const char* name) {
    Known known;
    uint32_t value = 0;
    const std::string base(name);
    if (read_number(folder, (base + "/gpuid").c_str(), value)) known.gpu_id = value;
    if (read_number(folder, (base + "/type").c_str(), value))
      known.type = value == 0 ? QueueType::kCompute : QueueType::kSdma;
    return known;
  }

  void read_topology() {
    nodes_.clear();
    const std::string folder = root_ + "/sys/class/kfd/kfd/topology/nodes";
    Numbered numbers(folder);
    if (!numbers) return;
    std::vector<uint32_t> order;
    uint32_t number;
    const char* name;
    uint64_t inode;
    while (numbers.next(number, name, inode)) order.push_back(number);
    std::sort(order.begin(), order.end());
    for (uint32_t n : order) {
      const std::string base = folder + "/" + std::to_string(n) + "/";
      Node node;
      if (!read_number(AT_FDCWD, (base + "gpu_id").c_str(), node.gpu.gpu_id)) continue;
      if (node.gpu.gpu_id == 0) continue;  // a CPU
      node.gpu.index = static_cast<uint32_t>(nodes_.size());
      read_properties(base + "properties", node);
      nodes_.push_back(std::move(node));
    }
  }

  void read_properties(const std::string& path, Node& node) {
    char text[4096];
    if (!read_text(AT_FDCWD, path.c_str(), text, sizeof text)) return;
    char* rest = nullptr;
    for (char* line = strtok_r(text, "\n", &rest); line != nullptr;
         line = strtok_r(nullptr, "\n", &rest)) {
      char key[64];
      unsigned long long value = 0;
      if (sscanf(line, "%63s %llu", key, &value) != 2) continue;
      if (strcmp(key, "gfx_target_version") == 0) {
        node.gpu.name = target_name(static_cast<uint32_t>(value));
      } else if (strcmp(key, "drm_render_minor") == 0) {
        node.busy_path =
            root_ + "/sys/class/drm/renderD" + std::to_string(value) + "/device/gpu_busy_percent";
      }
    }
  }

  const std::string root_;
  uint32_t reads_ = 0;
  std::vector<Node> nodes_;
  std::unordered_map<uint64_t, Known> known_;  // by inode of the queue's folder
};

}  // namespace

std::unique_ptr<Source> make_kfd_source(const std::string& root) {
  return std::make_unique<KfdSource>(root);
}

}  // namespace xsched::top
