// SPDX-License-Identifier: Apache-2.0
//
// The content of the simulated sysfs. Sources of the values: the kernel's
// kfd_topology.c (names and order), libhsakmt's topology.c (what is read),
// kfd_crat.c (caches).

#include "topology.h"

#include <cstdio>
#include <cstring>

#include "gpu.h"

namespace xsim {

namespace {

// A sysfs property file: "name value" lines.
class Properties {
 public:
  Properties& add(const char* name, uint64_t value) {
    text_ += name;
    text_ += ' ';
    text_ += std::to_string(value);
    text_ += '\n';
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// HSA_CAPABILITY bits (hsakmttypes.h).
constexpr uint32_t kCapWatchPoints = 1u << 7 | 4u << 8;  // supported, log2 of 16
constexpr uint32_t kCapDoorbell64 = 2u << 12;            // 8-byte doorbells
constexpr uint32_t kCapTrapDebug = 1u << 15;
constexpr uint32_t kCapSvmApi = 1u << 27;
// The firmware supports debugging, as on every gfx942 in use. Without it
// libhsakmt's RUNTIME_ENABLE is "not supported", which ROCr 6.4 takes for an
// error when it shuts down: it leaves KFD open, and hsa_init never works again.
constexpr uint32_t kCapDebugFirmware = 1u << 29;
// A cache's type: data and HSACU; ROCr asserts that HSACU is set.
constexpr uint32_t kCacheDataCu = 1u | 8u;
constexpr uint32_t kLinkPcie = 2;
constexpr uint32_t kLinkXgmi = 11;
constexpr uint64_t kSimdIdBase = 0x80001000;
constexpr uint32_t kArraysPerXcc = 4;
constexpr uint64_t kHiveId = 0x7873636865640001;    // any non-zero number
constexpr uint64_t kUniqueId = 0x7873636865641000;  // first of the GPUs'

std::string link(uint32_t type, uint32_t from, uint32_t to, uint32_t weight, uint32_t mb_per_s) {
  return Properties()
      .add("type", type)
      .add("version_major", 0)
      .add("version_minor", 0)
      .add("node_from", from)
      .add("node_to", to)
      .add("weight", weight)
      .add("min_latency", 0)
      .add("max_latency", 0)
      .add("min_bandwidth", 0)
      .add("max_bandwidth", mb_per_s)
      .add("recommended_transfer_size", 0)
      .add("recommended_sdma_engine_id_mask", 0)
      .add("flags", 1)
      .take();
}

std::string cpu_properties(uint32_t host_cpus, uint32_t links) {
  return Properties()
      .add("cpu_cores_count", host_cpus)
      .add("simd_count", 0)
      .add("mem_banks_count", 1)
      .add("caches_count", 0)
      .add("io_links_count", links)
      .add("p2p_links_count", 0)
      .add("cpu_core_id_base", 0)
      .add("simd_id_base", 0)
      .add("max_waves_per_simd", 0)
      .add("lds_size_in_kb", 0)
      .add("gds_size_in_kb", 0)
      .add("num_gws", 0)
      .add("wave_front_size", 0)
      .add("array_count", 0)
      .add("simd_arrays_per_engine", 0)
      .add("cu_per_simd_array", 0)
      .add("simd_per_cu", 0)
      .add("max_slots_scratch_cu", 0)
      .add("gfx_target_version", 0)
      .add("vendor_id", 0)
      .add("device_id", 0)
      .add("location_id", 0)
      .add("domain", 0)
      .add("drm_render_minor", 0)
      .add("hive_id", 0)
      .add("num_sdma_engines", 0)
      .add("num_sdma_xgmi_engines", 0)
      .add("num_sdma_queues_per_engine", 0)
      .add("num_cp_queues", 0)
      .add("max_engine_clk_ccompute", 3000)
      .take();
}

std::string gpu_properties(const NodeConfig& config, uint32_t gpu, uint32_t caches,
                           uint32_t links) {
  const GpuModel& model = gpu_model(config.target);
  const uint32_t xccs = reported_xccs(config);
  const uint32_t arrays = xccs * kArraysPerXcc;
  const uint32_t cus_per_array = (config.cus + arrays - 1) / arrays;
  return Properties()
      .add("cpu_cores_count", 0)
      .add("simd_count", config.cus * 4ull)
      .add("mem_banks_count", 1)
      .add("caches_count", caches)
      .add("io_links_count", links)
      .add("p2p_links_count", 0)
      .add("cpu_core_id_base", 0)
      .add("simd_id_base", kSimdIdBase)
      .add("max_waves_per_simd", 8)
      .add("lds_size_in_kb", 64)
      .add("gds_size_in_kb", 0)
      .add("num_gws", 64)
      .add("wave_front_size", 64)
      .add("array_count", arrays)
      .add("simd_arrays_per_engine", 1)
      .add("cu_per_simd_array", cus_per_array)
      .add("simd_per_cu", 4)
      .add("max_slots_scratch_cu", 32)
      .add("gfx_target_version", model.target_version)
      .add("vendor_id", 0x1002)
      .add("device_id", model.device_id)
      // Bus in bits 8 to 15: hipDeviceGetPCIBusId differs from GPU to GPU.
      .add("location_id", (gpu + 1) << 8)
      .add("domain", 0)
      .add("drm_render_minor", kFirstRenderMinor + gpu)
      .add("hive_id", config.gpus > 1 ? kHiveId : 0)
      .add("num_sdma_engines", 2)
      .add("num_sdma_xgmi_engines", 0)
      .add("num_sdma_queues_per_engine", 8)
      .add("num_cp_queues", config.hw_slots)
      .add("max_engine_clk_fcompute", 2100)
      .add("local_mem_size", 0)  // the memory bank says it
      .add("fw_version", 177)
      .add("capability",
           kCapWatchPoints | kCapDoorbell64 | kCapTrapDebug | kCapSvmApi | kCapDebugFirmware)
      .add("debug_prop", 1511)
      .add("sdma_fw_version", 22)
      .add("unique_id", kUniqueId + gpu)
      .add("num_xcc", xccs)
      .add("max_engine_clk_ccompute", 3000)
      .take();
}

std::string memory_bank(uint32_t heap, uint64_t bytes, uint32_t width, uint32_t mhz) {
  return Properties()
      .add("heap_type", heap)
      .add("size_in_bytes", bytes)
      .add("flags", 0)
      .add("width", width)
      .add("mem_clk_max", mhz)
      .take();
}

std::string cache(uint32_t level, uint32_t kb) {
  return Properties()
      .add("processor_id_low", kSimdIdBase)
      .add("level", level)
      .add("size", kb)
      .add("cache_line_size", 128)
      .add("cache_lines_per_tag", 1)
      .add("association", 16)
      .add("latency", 0)
      .add("type", kCacheDataCu)
      .add("sibling_map", 1)
      .take();
}

}  // namespace

std::map<std::string, std::string> topology_files(const NodeConfig& config, uint32_t host_cpus,
                                                  uint64_t host_memory) {
  const GpuModel& model = gpu_model(config.target);
  std::map<std::string, std::string> files;
  files["module/amdgpu/initstate"] = "live\n";
  files["module/amdgpu/version"] = "6.12.12\n";
  files["topology/generation_id"] = "1\n";
  files["topology/system_properties"] = "platform_oem 0\nplatform_id 0\nplatform_rev 0\n";

  const std::string cpu = "topology/nodes/0/";
  files[cpu + "gpu_id"] = "0\n";
  files[cpu + "name"] = "\n";
  files[cpu + "properties"] = cpu_properties(host_cpus, config.gpus);
  files[cpu + "mem_banks/0/properties"] = memory_bank(0, host_memory, 64, 3200);

  for (uint32_t gpu = 0; gpu < config.gpus; ++gpu) {
    const uint32_t number = gpu + 1;
    const std::string node = "topology/nodes/" + std::to_string(number) + "/";
    const auto link_file = [](const std::string& of, uint32_t index) {
      return of + "io_links/" + std::to_string(index) + "/properties";
    };
    files[link_file(cpu, gpu)] = link(kLinkPcie, 0, number, 20, 64000);
    uint32_t links = 0;
    files[link_file(node, links++)] = link(kLinkPcie, number, 0, 20, 64000);
    for (uint32_t peer = 1; peer <= config.gpus; ++peer) {
      if (peer != number)
        files[link_file(node, links++)] = link(kLinkXgmi, number, peer, 15, 64000);
    }
    const uint32_t kilobytes[] = {32, model.l2_kb, model.infinity_cache_kb};
    uint32_t caches = 0;
    for (const uint32_t kb : kilobytes) {
      if (kb == 0) continue;
      files[node + "caches/" + std::to_string(caches) + "/properties"] = cache(caches + 1, kb);
      ++caches;
    }
    files[node + "gpu_id"] = std::to_string(gpu_id(gpu)) + "\n";
    files[node + "name"] = "ip discovery\n";
    files[node + "properties"] = gpu_properties(config, gpu, caches, links);
    // Heap 1: all of it visible to the host.
    files[node + "mem_banks/0/properties"] = memory_bank(1, config.vram_bytes, 8192, 1300);
  }
  return files;
}

const char* simulated_sysfs_path(const char* path, char* buffer, size_t size) {
  if (!path || std::strncmp(path, "/sys/", 5) != 0) return nullptr;
  struct Root {
    const char* real;
    const char* simulated;
  };
  static constexpr Root kRoots[] = {
      {"/sys/devices/virtual/kfd/kfd/topology", "topology"},
      {"/sys/class/kfd/kfd/topology", "topology"},
      {"/sys/module/amdgpu", "module/amdgpu"},
  };
  for (const Root& root : kRoots) {
    const size_t length = std::strlen(root.real);
    if (std::strncmp(path, root.real, length) != 0) continue;
    if (path[length] != '\0' && path[length] != '/') continue;
    const int written = std::snprintf(buffer, size, "%s%s", root.simulated, path + length);
    return written > 0 && static_cast<size_t>(written) < size ? buffer : nullptr;
  }
  return nullptr;
}

}  // namespace xsim
