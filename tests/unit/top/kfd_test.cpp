// SPDX-License-Identifier: Apache-2.0
//
// amdkfd's sysfs, as files of ours.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tools/xsched-top/collector.h"
#include "tools/xsched-top/source.h"

namespace xsched::top::test {
namespace {

namespace fs = std::filesystem;

class KfdTest : public ::testing::Test {
 protected:
  KfdTest() {
    char name[] = "/tmp/xsched-top-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~KfdTest() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const fs::path file = root_ / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void queue(int pid, int id, const char* gpu, const char* type) {
    const std::string folder =
        "sys/class/kfd/kfd/proc/" + std::to_string(pid) + "/queues/" + std::to_string(id);
    write(folder + "/gpuid", gpu);
    write(folder + "/type", type);
    write(folder + "/size", "4096");
  }
  Snapshot look() {
    Snapshot s;
    source_->read(s);
    return s;
  }

  fs::path root_;
  std::unique_ptr<Source> source_ = make_kfd_source("");
  void open() { source_ = make_kfd_source(root_.string()); }
};

TEST_F(KfdTest, WithoutTheDriverItSaysSo) {
  open();
  const Snapshot s = look();
  EXPECT_FALSE(s.sources.at(0).ok);
  EXPECT_NE(s.sources[0].text.find("no amdkfd here"), std::string::npos);
  EXPECT_TRUE(s.queues.empty());
}

TEST_F(KfdTest, QueuesWithGpuAndType) {
  queue(100, 3, "41728", "0");
  queue(100, 4, "41728", "1");
  open();
  const Snapshot s = look();
  ASSERT_EQ(s.queues.size(), 2u);
  for (const Queue& q : s.queues) {
    EXPECT_EQ(q.pid, 100);
    EXPECT_EQ(q.gpu_id, 41728u);
    EXPECT_EQ(q.type, q.queue_id == 3u ? QueueType::kCompute : QueueType::kSdma);
    EXPECT_FALSE(q.priority);
    EXPECT_FALSE(q.suspends);
    EXPECT_EQ(q.state, State::kUnknown);
  }
}

TEST_F(KfdTest, QueuesComeAndGo) {
  queue(100, 3, "1", "0");
  open();
  EXPECT_EQ(look().queues.size(), 1u);
  queue(200, 5, "1", "0");
  EXPECT_EQ(look().queues.size(), 2u);
  fs::remove_all(root_ / "sys/class/kfd/kfd/proc/100");
  const Snapshot s = look();
  ASSERT_EQ(s.queues.size(), 1u);
  EXPECT_EQ(s.queues[0].pid, 200);
}

TEST_F(KfdTest, WhatIsNotANumberIsUnknown) {
  queue(100, 3, "many", "");
  write("sys/class/kfd/kfd/proc/100/queues/x7/gpuid", "1");
  write("sys/class/kfd/kfd/proc/self/queues/1/gpuid", "1");
  open();
  const Snapshot s = look();
  ASSERT_EQ(s.queues.size(), 1u);
  EXPECT_FALSE(s.queues[0].gpu_id);
  EXPECT_EQ(s.queues[0].type, QueueType::kUnknown);
}

TEST_F(KfdTest, TopologyNamesGpusAndLeavesCpusOut) {
  const std::string nodes = "sys/class/kfd/kfd/topology/nodes/";
  write(nodes + "0/gpu_id", "0\n");
  for (int n : {1, 2, 10}) {
    write(nodes + std::to_string(n) + "/gpu_id", std::to_string(1000 - n) + "\n");
    write(nodes + std::to_string(n) + "/properties",
          "simd_count 320\ngfx_target_version 90402\ndrm_render_minor " + std::to_string(127 + n) +
              "\n");
  }
  write("sys/class/drm/renderD128/device/gpu_busy_percent", "37\n");
  open();
  const Snapshot s = look();
  ASSERT_EQ(s.gpus.size(), 3u);
  EXPECT_EQ(s.gpus[0].gpu_id, 999u);
  EXPECT_EQ(s.gpus[2].gpu_id, 990u) << "10 comes after 2";
  EXPECT_EQ(s.gpus[2].index, 2u);
  EXPECT_EQ(s.gpus[0].name, "gfx942");
  EXPECT_EQ(s.gpus[0].used, 0.37);
  EXPECT_FALSE(s.gpus[1].used);
}

TEST(PeopleTest, FillsInOwnerAndCommandLine) {
  People people("");
  Snapshot s;
  s.time_ns = 1;
  s.queues.resize(2);
  s.queues[0].pid = getpid();
  s.queues[1].pid = 0x7ffffff0;  // nobody's
  people.complete(s);
  EXPECT_EQ(s.queues[0].uid, geteuid());
  EXPECT_NE(s.queues[0].command.find("top_test"), std::string::npos);
  EXPECT_FALSE(s.queues[1].uid);
  EXPECT_EQ(s.queues[1].command, "");
}

TEST(PeopleTest, WhatATerminalWouldObeyIsNotPrinted) {
  EXPECT_EQ(printable("a\x1b[2Jb\xff"), "a?[2Jb?");
}

TEST(SimTest, AProgramThatIsNotThereIsOneLine) {
  const auto source = make_sim_source("/nonexistent/xsched-sim", "x");
  Snapshot s;
  source->read(s);
  EXPECT_FALSE(s.sources.at(0).ok);
  EXPECT_NE(s.sources[0].text.find("/nonexistent/xsched-sim"), std::string::npos);
}

TEST(ModuleTest, ADeviceThatIsNotThereIsOneLine) {
  const auto source = make_module_source("/nonexistent/xsched");
  Snapshot s;
  source->read(s);
  EXPECT_EQ(s.sources.at(0).text, "no /nonexistent/xsched: the module is not loaded");
}

TEST(ModuleTest, AnotherDeviceIsNotTakenForIt) {
  const auto source = make_module_source("/dev/null");
  Snapshot s;
  source->read(s);
  EXPECT_FALSE(s.sources.at(0).ok);
  EXPECT_NE(s.sources[0].text.find("is not xsched's"), std::string::npos) << s.sources[0].text;
}

TEST(CollectorTest, WhatNobodyCanDoIsSaid) {
  std::vector<std::unique_ptr<Source>> sources;
  sources.push_back(make_kfd_source("/nonexistent"));
  Collector collector(std::move(sources), "");
  Action action;
  action.targets.push_back({1, std::nullopt, std::nullopt});
  const Answer answer = collector.act(action);
  EXPECT_FALSE(answer.ok);
  EXPECT_NE(answer.text.find("nobody to ask"), std::string::npos);
}

}  // namespace
}  // namespace xsched::top::test
