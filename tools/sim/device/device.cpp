// SPDX-License-Identifier: Apache-2.0
//
// The folder's front door: device.h in terms of Process and SharedNode.
#include "device.h"

#include "local_process.h"

namespace xsim {

// Never freed: threads of the application may still be inside at exit().
struct Device::Impl {
  dev::Process process;
};

Device* Device::open(const NodeConfig& config, const isa::Host& host,
                     const NodeCallbacks& callbacks, std::string& error) {
  int index = -1;
  std::shared_ptr<dev::SharedNode> node = dev::SharedNode::open(config, index, error);
  if (!node) return nullptr;
  auto* device = new Device;
  device->impl_ = new Impl{{config, host, callbacks, std::move(node), index}};
  return device;
}

int Device::create_queue(const QueueParams& params) {
  return impl_->process.create_queue(params);
}

int Device::update_queue(uint32_t id, uint32_t percent, uint32_t priority, uint64_t ring,
                         uint64_t ring_bytes) {
  return impl_->process.update_queue(id, percent, priority, ring, ring_bytes);
}

int Device::destroy_queue(uint32_t id) {
  return impl_->process.destroy_queue(id);
}

int Device::make_cooperative(uint32_t id) {
  return impl_->process.make_cooperative(id);
}

void Device::kick() {
  impl_->process.poller().kick();
}

void Device::forget_after_fork() {
  // The old one's threads do not exist here and its locks may be held by
  // them for ever, so it is left as it is. The shared mapping is good, and a
  // new Process registers under the child's own pid when it first needs to.
  const dev::Process& old = impl_->process;
  impl_ = new Impl{{old.config(), old.host(), old.callbacks(), old.node(), -1}};
}

int Device::reserve_vram(uint32_t gpu, uint64_t bytes) {
  return impl_->process.reserve_vram(gpu, bytes);
}

void Device::release_vram(uint32_t gpu, uint64_t bytes) {
  impl_->process.release_vram(gpu, bytes);
}

uint64_t Device::vram_available(uint32_t gpu) const {
  dev::Process& p = impl_->process;
  return gpu < p.config().gpus ? p.shared().vram_available(gpu) : 0;
}

std::vector<QueueView> list_queues(const std::string& node_name) {
  std::string error;
  const auto node = dev::SharedNode::open_existing(node_name, error);
  return node ? node->list() : std::vector<QueueView>();
}

std::vector<GpuView> list_gpus(const std::string& node_name) {
  std::string error;
  const auto node = dev::SharedNode::open_existing(node_name, error);
  if (!node) return {};
  std::vector<GpuView> gpus;
  for (uint32_t g = 0; g < node->config().gpus; ++g) {
    gpus.push_back({g, static_cast<isa::Target>(node->config().target), node->total_units(), 0});
  }
  for (const QueueView& queue : node->list()) gpus[queue.gpu].units_held += queue.cu_units;
  return gpus;
}

int remove_node(const std::string& node_name) {
  return dev::SharedNode::remove(node_name);
}

}  // namespace xsim
