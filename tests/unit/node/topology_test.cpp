// SPDX-License-Identifier: Apache-2.0
//
// node/topology.h and node/paths.h: what sysfs shows and which paths are the
// node's.

#include "tools/sim/node/topology.h"

#include <dirent.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <sstream>

#include "own_node.h"
#include "tools/sim/node/paths.h"

namespace xsim::test {
namespace {

uint64_t value(const std::map<std::string, std::string>& files, const std::string& file,
               const std::string& name) {
  const auto found = files.find(file);
  EXPECT_NE(found, files.end()) << file;
  if (found == files.end()) return 0;
  std::istringstream lines(found->second);
  std::string key;
  uint64_t number = 0;
  while (lines >> key >> number) {
    if (key == name) return number;
  }
  ADD_FAILURE() << file << " has no " << name;
  return 0;
}

TEST(Topology, OneGpuAsSet) {
  NodeConfig config;
  config.cus = 80;
  config.vram_bytes = 1ull << 30;
  const auto files = topology_files(config, 2, 4096);
  const std::string node = "topology/nodes/1/";
  EXPECT_EQ(value(files, node + "properties", "simd_count"), 320u);
  EXPECT_EQ(value(files, node + "properties", "simd_per_cu"), 4u);
  EXPECT_EQ(value(files, node + "properties", "gfx_target_version"), 90402u);
  EXPECT_EQ(value(files, node + "properties", "num_xcc"), 4u);
  EXPECT_EQ(value(files, node + "mem_banks/0/properties", "size_in_bytes"), 1ull << 30);
  EXPECT_EQ(value(files, "topology/nodes/0/properties", "cpu_cores_count"), 2u);
  EXPECT_EQ(files.count("topology/nodes/2/properties"), 0u);
}

TEST(Topology, TheOtherTargetAndOddSizes) {
  NodeConfig config;
  config.target = isa::Target::gfx90a;
  EXPECT_EQ(
      value(topology_files(config, 1, 1), "topology/nodes/1/properties", "gfx_target_version"),
      90010u);
  config.target = isa::Target::gfx942;
  config.cus = 7;  // does not divide over four dies
  EXPECT_EQ(value(topology_files(config, 1, 1), "topology/nodes/1/properties", "num_xcc"), 1u);
}

TEST(Topology, CountsAreThoseOfTheFiles) {
  NodeConfig config;
  config.gpus = 8;
  const auto files = topology_files(config, 2, 4096);
  std::set<uint64_t> locations, minors, ids;
  for (int number = 0; number <= 8; ++number) {
    const std::string node = "topology/nodes/" + std::to_string(number) + "/";
    for (const auto& [folder, property] :
         {std::pair<std::string, std::string>{"io_links", "io_links_count"},
          {"caches", "caches_count"},
          {"mem_banks", "mem_banks_count"}}) {
      uint64_t count = 0;
      while (files.count(node + folder + "/" + std::to_string(count) + "/properties")) ++count;
      EXPECT_EQ(value(files, node + "properties", property), count) << node << folder;
    }
    if (number == 0) continue;
    EXPECT_EQ(value(files, node + "properties", "io_links_count"), 8u);  // the CPU and 7 peers
    locations.insert(value(files, node + "properties", "location_id"));
    minors.insert(value(files, node + "properties", "drm_render_minor"));
    ids.insert(value(files, node + "properties", "unique_id"));
  }
  EXPECT_EQ(locations.size(), 8u);
  EXPECT_EQ(minors.size(), 8u);
  EXPECT_EQ(ids.size(), 8u);
  for (const auto& [name, content] : files) {
    EXPECT_LT(content.size(), 4096u) << name << ": ROCr reads one page";
  }
}

TEST(Paths, OnlyTheNodesOwn) {
  Place place;
  const auto kind = [&](const char* path) {
    find_place(path, place);
    return place.kind;
  };
  EXPECT_EQ(kind("/dev/kfd"), Place::Kind::kKfd);
  EXPECT_EQ(kind("/dev/dri/renderD128"), Place::Kind::kRender);
  EXPECT_EQ(place.gpu, 0u);
  EXPECT_EQ(kind("/dev/dri/renderD129"), Place::Kind::kRender);
  EXPECT_EQ(place.gpu, 1u);
  EXPECT_EQ(kind("/sys/class/kfd/kfd/topology/nodes"), Place::Kind::kSysfs);
  EXPECT_EQ(kind("/sys/devices/virtual/kfd/kfd/topology"), Place::Kind::kSysfs);
  EXPECT_EQ(kind("/sys/module/amdgpu/initstate"), Place::Kind::kSysfs);
  for (const char* elsewhere :
       {"", "/", "dev/kfd", "/dev/kfd2", "/dev/kfd/", "/dev/dri/renderD130", "/dev/dri/renderD127",
        "/dev/dri/renderD", "/dev/dri/renderD128x", "/dev/dri/card0", "/dev/null", "/sys/class",
        "/sys/module/amdgpu2", "/sys/devices/system/node", "/proc/cpuinfo"}) {
    EXPECT_EQ(kind(elsewhere), Place::Kind::kElsewhere) << elsewhere;
  }
  EXPECT_EQ(kind(nullptr), Place::Kind::kElsewhere);
}

TEST(Paths, TheTopologyIsARealDirectory) {
  Place place;
  find_place("/sys/devices/virtual/kfd/kfd/topology/nodes", place);
  ASSERT_EQ(place.kind, Place::Kind::kSysfs);
  DIR* nodes = opendir(place.path);
  ASSERT_NE(nodes, nullptr) << place.path;
  std::set<std::string> names;
  while (const dirent* entry = readdir(nodes)) {
    if (entry->d_name[0] != '.') names.insert(entry->d_name);
  }
  closedir(nodes);
  EXPECT_EQ(names, (std::set<std::string>{"0", "1", "2"}));
}

}  // namespace
}  // namespace xsim::test
