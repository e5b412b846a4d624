// SPDX-License-Identifier: Apache-2.0
//
// Sorting, filter, tree; what a cell says.
#include "tools/xsched-top/order.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "rows.h"

namespace xsched::top::test {
namespace {

std::vector<std::pair<int32_t, uint32_t>> shown(const Model& model, const Order& order) {
  std::vector<std::pair<int32_t, uint32_t>> ids;
  for (const Line& line : arrange(model, order)) {
    if (line.kind != Line::Kind::kQueue) continue;
    const Row& row = model.rows()[line.row];
    ids.emplace_back(row.pid, row.key.id);
  }
  return ids;
}

using Ids = std::vector<std::pair<int32_t, uint32_t>>;

Model model_of(std::vector<Queue> queues) {
  Model model;
  model.update(snapshot(0, std::move(queues)));
  return model;
}

TEST(OrderTest, ByGpuProcessAndQueueAtFirst) {
  const Model model =
      model_of({xqueue(20, 2, 1), xqueue(20, 1, 1), xqueue(10, 1, 2), xqueue(10, 1, 1)});
  EXPECT_EQ(shown(model, {}), (Ids{{10, 1}, {20, 1}, {20, 2}, {10, 1}}));
}

TEST(OrderTest, UnknownIsLastInBothDirections) {
  std::vector<Queue> queues = {xqueue(1, 1), xqueue(2, 1), xqueue(3, 1)};
  queues[0].depth.reset();
  queues[1].depth = 5;
  queues[2].depth = 9;
  const Model model = model_of(queues);
  Order order;
  order.column = find_column("DEPTH");
  EXPECT_EQ(shown(model, order), (Ids{{2, 1}, {3, 1}, {1, 1}}));
  order.descending = true;
  EXPECT_EQ(shown(model, order), (Ids{{3, 1}, {2, 1}, {1, 1}}));
}

TEST(OrderTest, EveryColumnSorts) {
  Queue small = xqueue(1, 1, 100), large = xqueue(2, 2, 200);
  small.streams = 1;
  large.streams = 2;
  large.user = "zoe";
  large.priority = 9;
  small.level_actual = 1;
  large.engine = "kmod";
  large.state = State::kSuspended;
  large.depth = large.inflight = 90;
  small.busy_ns = large.busy_ns = 0;
  Model model;
  model.update(snapshot(0, {large, small}));
  small.suspends = 1;
  large.suspends = 2;
  small.last_suspend_ns = small.busy_ns = small.suspended_ns = 10;
  large.last_suspend_ns = large.busy_ns = large.suspended_ns = 20'000'000;
  model.update(snapshot(1, {large, small}));
  for (size_t i = 0; i < columns().size(); ++i) {
    Order order;
    order.column = static_cast<int>(i);
    EXPECT_EQ(shown(model, order), (Ids{{1, 1}, {2, 2}})) << columns()[i].title;
    order.descending = true;
    EXPECT_EQ(shown(model, order), (Ids{{2, 2}, {1, 1}})) << columns()[i].title;
  }
}

TEST(OrderTest, FilterLooksIntoEveryCellWhateverTheCase) {
  std::vector<Queue> queues = {xqueue(1234, 1), xqueue(5678, 1)};
  queues[1].engine = "kmod";
  queues[1].command = "/opt/Train.py";
  const Model model = model_of(queues);
  const auto count = [&](const char* filter) {
    Order order;
    order.filter = filter;
    return shown(model, order).size();
  };
  EXPECT_EQ(count("train"), 1u);
  EXPECT_EQ(count("KMOD"), 1u);
  EXPECT_EQ(count("1234"), 1u);
  EXPECT_EQ(count("somebody"), 2u);
  EXPECT_EQ(count("nothing like it"), 0u);
}

TEST(OrderTest, SdmaQueuesAreShownOnDemand) {
  std::vector<Queue> queues = {xqueue(1, 1), xqueue(1, 2)};
  queues[1].type = QueueType::kSdma;
  const Model model = model_of(queues);
  Order order;
  EXPECT_EQ(shown(model, order).size(), 1u);
  order.sdma = true;
  EXPECT_EQ(shown(model, order).size(), 2u);
}

TEST(TreeTest, GroupsByGpuAndProcess) {
  const Model model =
      model_of({xqueue(10, 1, 1), xqueue(10, 2, 1), xqueue(20, 1, 1), xqueue(20, 2, 2)});
  Order order;
  order.tree = true;
  std::string kinds;
  for (const Line& line : arrange(model, order)) {
    kinds += line.kind == Line::Kind::kGpu ? 'G' : line.kind == Line::Kind::kProcess ? 'P' : 'q';
    if (line.last) kinds += '.';
  }
  EXPECT_EQ(kinds, "GPqq.Pq.GPq.");
}

TEST(TreeTest, AHeadingSumsUpWhatAllItsMembersKnow) {
  std::vector<Queue> queues = {xqueue(10, 1), xqueue(10, 2)};
  queues[0].priority = 5;
  queues[1].inflight.reset();
  const Model model = model_of(queues);
  Order order;
  order.tree = true;
  const Row sums = summary(model, arrange(model, order).at(1));
  EXPECT_EQ(sums.pid, 10);
  EXPECT_EQ(sums.depth, 14u);
  EXPECT_FALSE(sums.inflight) << "one of them is unknown";
  EXPECT_FALSE(sums.priority) << "they differ";
  EXPECT_EQ(sums.level_actual, 3u);
}

TEST(ColumnsTest, UnknownIsSaidAndNeverZero) {
  Queue bare;
  bare.pid = 7;
  const Model model = model_of({bare});
  for (const Column& column : columns()) {
    if (std::string(column.title) == "PID") continue;
    EXPECT_EQ(column.text(model.rows()[0]), kUnknown) << column.title;
    EXPECT_FALSE(column.known(model.rows()[0])) << column.title;
  }
}

TEST(ColumnsTest, LevelsStandSideBySide) {
  Queue q = xqueue(1, 1);
  q.level_actual = 1;
  const Model model = model_of({q});
  EXPECT_EQ(columns()[static_cast<size_t>(find_column("lv"))].text(model.rows()[0]), "3/1");
}

TEST(ColumnsTest, AnOperatorsSuspendIsHeld) {
  Queue q = xqueue(1, 1);
  q.state = State::kSuspended;
  const auto text = [&] {
    const Model model = model_of({q});
    return columns()[static_cast<size_t>(find_column("STATE"))].text(model.rows()[0]);
  };
  EXPECT_EQ(text(), "suspended");
  q.held = true;
  EXPECT_EQ(text(), "held");
  q.held.reset();
  EXPECT_EQ(text(), "suspended");
}

TEST(ColumnsTest, NumbersKeepTheirWidth) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(99'999), "99999");
  EXPECT_EQ(count_text(123'456), "123k");
  EXPECT_EQ(count_text(999'600), "1.0M");
  EXPECT_EQ(count_text(~0ull), "18447P");
  EXPECT_EQ(time_text(950), "950ns");
  EXPECT_EQ(time_text(12'340), "12.3us");
  EXPECT_EQ(time_text(9'999'000), "10.0ms");
  EXPECT_EQ(time_text(1'204'000'000), "1.20s");
  EXPECT_EQ(percent_text(1), "100.0");
}

TEST(ColumnsTest, NarrowScreensKeepWhatMattersMost) {
  for (int width = 1; width < 250; ++width) {
    int used = 1;
    const std::vector<int> chosen = fitting(width);
    for (int i : chosen) used += columns()[static_cast<size_t>(i)].width + 1;
    if (chosen.size() > 1) {
      EXPECT_LE(used, width);
    }
    EXPECT_EQ(chosen[0], find_column("PID"));
  }
  EXPECT_EQ(fitting(250).size(), columns().size());
  const std::vector<int> narrow = fitting(40);
  for (const char* title : {"PID", "PRIO", "STATE", "LV", "COMMAND"}) {
    EXPECT_NE(std::find(narrow.begin(), narrow.end(), find_column(title)), narrow.end()) << title;
  }
}

}  // namespace
}  // namespace xsched::top::test
